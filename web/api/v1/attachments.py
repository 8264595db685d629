"""Files of a post."""

from __future__ import annotations

import base64
import io
from typing import Any

from flask import Response

from matching.models import Attachment as Row
from matching.queries.posts import find_post
from matching.services.attachments import (
    attach_file,
    find_attachment,
    list_attachments,
    may_see_attachments,
    open_attachment,
    remove_attachment,
)
from web.api.access import caller
from web.api.answers import nothing_more
from web.api.document import Noun
from web.api.schemas import imports as schemas
from web.reader import now, platform

attachments = Noun("attachments", "/posts/<id:post_id>/attachments", "附件: files of a need or a capability.")

_SHOWN = tuple(schemas.Attachment._declared_fields)


@attachments.operation(
    "GET",
    "",
    name="list_attachments",
    zh="附件列表",
    en="List files",
    access="open",
    answers=schemas.AttachmentList,
    problems=(404,),
)
def list_all(post_id: str) -> dict[str, Any]:
    """List files

    Empty also where the post's files are not for this reader.
    """
    with platform().reading() as session:
        post = find_post(session, post_id, caller().audience, now())
        rows = list_attachments(session, post.id) if may_see_attachments(caller().audience, post) else []
        return {"items": [_shown(row) for row in rows]}


@attachments.operation(
    "POST",
    "",
    name="attach_file",
    zh="上传附件",
    en="Attach a file",
    access="write",
    answers=schemas.Attachment,
    status=201,
    body=schemas.AttachmentEntry,
    problems=(404,),
)
def attach(entry: dict[str, Any], post_id: str) -> tuple[dict[str, Any], int]:
    """Attach a file

    The same file under the same name again is one.
    """
    me = caller()
    with platform().reading() as session:
        find_post(session, post_id, me.audience, now())
    row = attach_file(platform(), me.actor, post_id, entry["file_name"], io.BytesIO(entry["content"]), now())
    return _shown(row), 201


@attachments.operation(
    "GET",
    "/<id:attachment_id>",
    name="read_attachment",
    zh="下载附件",
    en="Read a file",
    access="open",
    answers=schemas.AttachmentContent,
)
def read(post_id: str, attachment_id: str) -> dict[str, Any]:
    """Read a file"""
    with platform().reading() as session:
        row = find_attachment(session, post_id, attachment_id, caller().audience, now())
    content = open_attachment(platform().settings, row).read_bytes()
    return {**_shown(row), "content": base64.b64encode(content).decode()}


@attachments.operation(
    "DELETE",
    "/<id:attachment_id>",
    name="remove_attachment",
    zh="删除附件",
    en="Remove a file",
    access="write",
    answers=None,
    status=204,
)
def remove(post_id: str, attachment_id: str) -> Response:
    """Remove a file"""
    me = caller()
    with platform().reading() as session:
        find_post(session, post_id, me.audience, now())
    remove_attachment(platform(), me.actor, post_id, attachment_id, now())
    return nothing_more()


def _shown(row: Row) -> dict[str, Any]:
    return {name: getattr(row, name) for name in _SHOWN}

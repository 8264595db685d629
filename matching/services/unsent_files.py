"""Files of a post that is not sent yet: kept beside the text that is being written, and given to the post with it.

The id of the text is a random one that only its form knows, so that a visitor can add files as well; nobody is shown
their content before they belong to a post.
"""

from __future__ import annotations

from datetime import datetime
from typing import IO

from sqlalchemy import ColumnElement, delete, func, or_, select
from sqlalchemy.orm import Session

from matching.bootstrap import Platform
from matching.errors import InvalidInput
from matching.models import Attachment, UnsentFile
from matching.services.actor import Actor, require_editor
from matching.services.attachments import (
    MOST_PER_POST,
    attachments_folder,
    find_same_file,
    list_attachments,
    store_file,
)
from matching.services.posts import load_post
from matching.store.unit_of_work import UnitOfWork

MOST_BYTES_WAITING = 200_000_000
"""Of one person, and of all visitors together."""


def keep_file(
    platform: Platform, actor: Actor, text_id: str, file_name: str, content: IO[bytes], now: datetime
) -> UnsentFile:
    """Take a file in for the text. The same file twice is one.

    Raises InvalidInput for what an attachment must not be, one too many, or too much that waits already.
    """
    stored = store_file(platform.settings, file_name, content)
    path = attachments_folder(platform.settings) / stored.stored_name
    try:
        with platform.unit_of_work() as uow:
            known = find_same_file(list_files(uow.session, actor, text_id), stored)
            if known is not None:
                path.unlink(missing_ok=True)
                return known
            waiting = uow.session.scalar(
                select(func.coalesce(func.sum(UnsentFile.size), 0)).where(UnsentFile.user_id.is_(None))
                if actor.user_id is None
                else select(func.coalesce(func.sum(UnsentFile.size), 0)).where(UnsentFile.user_id == actor.user_id)
            )
            if int(waiting or 0) + stored.size > MOST_BYTES_WAITING:
                raise InvalidInput(
                    "attachment.too_much_waiting",
                    "还没有提交的附件太多，请先保存草稿，或登录后再添加",
                    where="file",
                    message_en="Too many files wait for their posts; save a draft first, or sign in and add them then",
                )
            row = UnsentFile(text_id=text_id, user_id=actor.user_id, created_at=now, **stored.columns)
            uow.session.add(row)
            uow.commit()
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return row


def list_files(session: Session, actor: Actor, text_id: str) -> list[UnsentFile]:
    """The files of the text in the order they came: the actor's own, and those from before they signed in."""
    return list(
        session.scalars(
            select(UnsentFile)
            .where(UnsentFile.text_id == text_id, _of(actor))
            .order_by(UnsentFile.created_at, UnsentFile.id)
        )
    )


def drop_file(platform: Platform, actor: Actor, text_id: str, file_id: str) -> None:
    """Forget one file; that it is gone already is no error."""
    with platform.unit_of_work() as uow:
        row = uow.session.get(UnsentFile, file_id)
        if row is None or row.text_id != text_id or row.user_id not in (None, actor.user_id):
            return
        stored_name = row.stored_name
        uow.session.delete(row)
        uow.commit()
    (attachments_folder(platform.settings) / stored_name).unlink(missing_ok=True)


def drop_files(uow: UnitOfWork, actor: Actor, text_id: str) -> None:
    """Forget the files of a text that its writer does not want; the bytes go with the next clearing."""
    uow.session.execute(delete(UnsentFile).where(UnsentFile.text_id == text_id, _of(actor)))
    uow.commit()


def give_files(uow: UnitOfWork, actor: Actor, text_id: str, post_id: str, now: datetime) -> int:
    """Make the files of the text those of the post that it became; returns how many."""
    waiting = list_files(uow.session, actor, text_id)
    if not waiting:
        return 0
    post = load_post(uow, post_id)
    require_editor(actor, post)
    present = {(one.sha256, one.file_name) for one in list_attachments(uow.session, post.id)}
    given = 0
    for file in waiting:
        if (file.sha256, file.file_name) not in present and len(present) < MOST_PER_POST:
            present.add((file.sha256, file.file_name))
            row = Attachment(
                post_id=post.id, user_id=actor.user_id, created_at=file.created_at, file_name=file.file_name,
                stored_name=file.stored_name, media_type=file.media_type, size=file.size, sha256=file.sha256,
            )  # fmt: skip
            uow.session.add(row)
            uow.session.flush()
            uow.record(now, actor.user_id, "attachment.add", "post", post.id, attachment=row.id)
            given += 1
        uow.session.delete(file)
    uow.commit()
    return given


def _of(actor: Actor) -> ColumnElement[bool]:
    nobody = UnsentFile.user_id.is_(None)
    return nobody if actor.user_id is None else or_(UnsentFile.user_id == actor.user_id, nobody)

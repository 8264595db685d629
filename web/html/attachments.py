"""Files of a post: sent by its editors, downloaded by those who see the post."""

from __future__ import annotations

from flask import Blueprint, Response, flash, redirect, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as WerkzeugResponse

from matching.errors import InvalidInput
from matching.queries.posts import find_post
from matching.services.attachments import attach_file, find_attachment, open_attachment, remove_attachment
from web.languages import in_language
from web.reader import actor, audience, now, platform, signed_in_only
from web.uploads import send_kept_file

attachments = Blueprint("attachments", __name__, url_prefix="/posts/<post_id>/attachments")


@attachments.post("/")
@signed_in_only
def upload(post_id: str) -> WerkzeugResponse:
    """Add files; one that is not taken says why and the others stay."""
    with platform().reading() as reading:
        find_post(reading, post_id, audience(), now())
    files = [file for file in request.files.getlist("file") if file.filename]
    if not files:
        flash(_("请选择文件"), "warning")
    added = 0
    for file in files:
        try:
            attach_file(platform(), actor(), post_id, file.filename or "", file.stream, now())
            added += 1
        except InvalidInput as error:
            flash(f"{file.filename}{_('：')}{in_language(error.message, error.message_en)}", "warning")
    if added:
        flash(_("已上传 %(count)s 个附件。", count=added), "info")
    return redirect(url_for("posts.show_post", post_id=post_id, _anchor="attachments"))


@attachments.get("/<attachment_id>")
def download(post_id: str, attachment_id: str) -> Response:
    """The file as it was sent, under its own name; never shown in place, whatever it says it is."""
    with platform().reading() as reading:
        row = find_attachment(reading, post_id, attachment_id, audience(), now())
    path = open_attachment(platform().settings, row)
    return send_kept_file(path, row.file_name, row.media_type, row.sha256)


@attachments.post("/<attachment_id>/remove")
@signed_in_only
def remove(post_id: str, attachment_id: str) -> WerkzeugResponse:
    """Take a file off."""
    with platform().reading() as reading:
        find_post(reading, post_id, audience(), now())
    remove_attachment(platform(), actor(), post_id, attachment_id, now())
    flash(_("附件已删除。"), "info")
    return redirect(url_for("posts.show_post", post_id=post_id, _anchor="attachments"))

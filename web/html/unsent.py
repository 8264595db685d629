"""Keeps what stands in a form while it is written."""

from __future__ import annotations

import re

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from matching.errors import NotFound
from matching.services.unsent import drop_text, keep_text
from matching.services.unsent_files import drop_files
from web.html.sessions import kept_fields
from web.reader import actor, now, platform, signed_in_only
from web.unsent_files import TEXT_ID, drop_asked_file, keep_sent_files, list_kept_files

unsent = Blueprint("unsent", __name__, url_prefix="/unsent")

_ID = re.compile(r"[A-Za-z0-9._:~-]{1,64}")
_NOT_TEXT = frozenset(("version", "then", "draft_id", "file"))


@unsent.post("/<any(need,capability):side>/<text_id>")
def keep(side: str, text_id: str) -> str | tuple[str, int]:
    """Keep the form as it stands; answers with one line for beside the buttons."""
    if not _ID.fullmatch(text_id):
        raise NotFound("unsent.not_found", "没有这份草稿", message_en="There is no such draft")
    if not current_user.is_authenticated:
        return render_template("posts/autosaved.html", kept=None)
    fields = [(name, value) for name, value in kept_fields(request.form) if name not in _NOT_TEXT]
    if not any(value.strip() for name, value in fields if name in ("title", "problem", "abstract", "indicators")):
        return render_template("posts/autosaved.html", kept=None, nothing=True)
    version = request.form.get("version", "")
    with platform().unit_of_work() as uow:
        kept = keep_text(
            uow,
            actor(),
            text_id,
            side,
            fields,
            now(),
            changes_post=bool(version),
            base_version=int(version) if version.isdecimal() and len(version) < 10 else None,
        )
    return render_template("posts/autosaved.html", kept=kept)


@unsent.post("/<any(need,capability):side>/<text_id>/files")
def add_files(side: str, text_id: str) -> str:
    """Keep files as soon as they are chosen, or take one off; answers with the list of them and the field for more."""
    if not TEXT_ID.fullmatch(text_id):
        raise NotFound("unsent.not_found", "没有这份草稿", message_en="There is no such draft")
    wrong = keep_sent_files(text_id)
    drop_asked_file(text_id)
    files = list_kept_files(text_id)
    return render_template("posts/unsent_files.html", side=side, draft_id=text_id, files=files, wrong_files=wrong)


@unsent.post("/<text_id>/drop")
@signed_in_only
def drop(text_id: str) -> Response:
    """Forget it."""
    with platform().unit_of_work() as uow:
        drop_text(uow, actor(), text_id)
        drop_files(uow, actor(), text_id)
    flash(_("草稿已丢弃。"), "info")
    return redirect(url_for("posts.list_mine"))

"""Files that come with the form of a new post: kept at once whatever button sent it, so that no way back loses them."""

from __future__ import annotations

import re

from flask import request

from matching.errors import InvalidInput
from matching.models import UnsentFile
from matching.services.unsent_files import drop_file, keep_file, list_files
from web.languages import in_language
from web.reader import actor, now, platform

TEXT_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
"""Ids that a form got from us: random, so that nobody reaches another's files by guessing."""


def keep_sent_files(text_id: str) -> list[str]:
    """Keep the files of the request; returns in words what is wrong with those that were not taken."""
    problems: list[str] = []
    for file in request.files.getlist("file"):
        if not file.filename:
            continue
        try:
            keep_file(platform(), actor(), text_id, file.filename, file.stream, now())
        except InvalidInput as error:
            problems.append(f"{file.filename}{in_language('：', ': ')}{in_language(error.message, error.message_en)}")
    return problems


def drop_asked_file(text_id: str) -> bool:
    """Obey a button that takes a file off; False for any other button."""
    how, _colon, file_id = request.form.get("then", "").partition(":")
    if how != "drop-file":
        return False
    drop_file(platform(), actor(), text_id, file_id[:64])
    return True


def list_kept_files(text_id: str) -> list[UnsentFile]:
    """The files that wait for the post."""
    if not TEXT_ID.fullmatch(text_id):
        return []
    with platform().reading() as reading:
        return list_files(reading, actor(), text_id)

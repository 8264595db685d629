"""Searches that a person keeps."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from matching.errors import InvalidInput
from matching.services.saved_filters import delete_filter, save_filter
from web.languages import in_language
from web.reader import actor, now, platform, signed_in_only

saved_filters = Blueprint("saved_filters", __name__, url_prefix="/saved-filters")

_PAGES = {"organisations": "organisations.list_library", "experts": "experts.list_library", "desk": "desk.show_list"}


@saved_filters.post("/")
@signed_in_only
def save() -> Response:
    """Keep the list's present restrictions under a name."""
    library = request.form.get("library", "")
    query = request.form.get("query", "")
    try:
        with platform().unit_of_work() as uow:
            query = save_filter(uow, actor(), library, request.form.get("name", ""), query, now()).query
        flash(_("已保存这个筛选。"), "info")
    except InvalidInput as error:
        flash(in_language(error.message, error.message_en), "warning")
    page = url_for(_PAGES.get(library, "organisations.list_library"))
    return redirect(f"{page}?{query}" if query else page)


@saved_filters.post("/<filter_id>/delete")
@signed_in_only
def delete(filter_id: str) -> Response:
    """Forget it."""
    with platform().unit_of_work() as uow:
        library = delete_filter(uow, actor(), filter_id)
    return redirect(url_for(_PAGES.get(library or "", "organisations.list_library")))

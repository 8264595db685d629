"""Searches that the caller keeps."""

from __future__ import annotations

from typing import Any

from flask import Response

from matching.errors import NotFound
from matching.queries.saved_filters import list_saved_filters
from matching.services.saved_filters import LIBRARIES, delete_filter, save_filter
from web.api.access import caller
from web.api.answers import nothing_more
from web.api.document import Noun
from web.api.schemas.own_data import SavedFilter, SavedFilterEntry, SavedFilterList
from web.reader import now, platform

saved_filters = Noun("saved-filters", "/saved-filters", "保存的筛选: searches that the caller keeps.")


@saved_filters.operation(
    "GET",
    "",
    name="list_saved_filters",
    zh="保存的筛选",
    en="List saved filters",
    access="read",
    answers=SavedFilterList,
)
def list_all() -> dict[str, Any]:
    """List saved filters"""
    with platform().reading() as session:
        return {
            "items": [row for library in LIBRARIES for row in list_saved_filters(session, caller().user_id, library)]
        }


@saved_filters.operation(
    "POST",
    "",
    name="save_filter",
    zh="保存筛选",
    en="Save a filter",
    access="write",
    answers=SavedFilter,
    status=201,
    body=SavedFilterEntry,
)
def save(entry: dict[str, Any]) -> tuple[Any, int]:
    """Save a filter

    The same name again replaces it, so repeating the request is safe.
    """
    with platform().unit_of_work() as uow:
        return save_filter(uow, caller().actor, entry["library"], entry["name"], entry["query"], now()), 201


@saved_filters.operation(
    "DELETE",
    "/<id:filter_id>",
    name="delete_filter",
    zh="删除筛选",
    en="Delete a filter",
    access="write",
    answers=None,
    status=204,
)
def delete(filter_id: str) -> Response:
    """Delete a filter"""
    with platform().unit_of_work() as uow:
        if delete_filter(uow, caller().actor, filter_id) is None:
            raise NotFound("filter.not_found", "没有这个筛选", message_en="There is no such filter")
    return nothing_more()

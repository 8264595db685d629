"""Lists as files that people edit and the import reads back: with the list's filters, and only what the reader sees."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from flask import Blueprint, Response, request
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from matching.errors import InvalidInput, NotFound
from matching.exporting.posts_workbook import write_records
from matching.importing.fields import RECORD_KINDS, RecordKind
from matching.importing.records import AnyRecord
from matching.models import Post
from matching.queries.libraries import select_experts, select_organisations
from matching.queries.posts import PostFilter, list_posts
from matching.queries.search import SearchQuery, search_posts
from matching.services.exports import experts_as_records, organisations_as_records, posts_as_records
from matching.services.imports import load_import_vocabularies
from web.facets import text_argument
from web.html import experts as expert_pages
from web.html import organisations as organisation_pages
from web.html.imports import KIND_LABELS, XLSX
from web.reader import actor, audience, now, platform, signed_in_only
from web.uploads import send_bytes

exports = Blueprint("exports", __name__, url_prefix="/exports")

MOST_ROWS = 20_000
_MOST_FOUND = 1_000
_MEDIA_TYPES = {"xlsx": XLSX, "csv": "text/csv; charset=utf-8"}


@exports.get("/<noun>.<any(xlsx,csv):suffix>")
@signed_in_only
def send_list(noun: str, suffix: str) -> Response:
    """The list as a file. What the reader may not see is not in it, and contacts are their own organisation's."""
    chosen = next((one for one in RECORD_KINDS if one == noun), None)
    if chosen is None:
        raise NotFound("export.kind", "没有这种资料", message_en="There is no such kind")
    with platform().reading() as reading, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"list.{suffix}"
        write_records(_records(reading, chosen), chosen, path, vocabularies=load_import_vocabularies(reading))
        content = path.read_bytes()
    with platform().unit_of_work() as uow:
        uow.record(now(), actor().user_id, "export", chosen, chosen, query=request.query_string.decode()[:500])
        uow.commit()
    name = _("%(kind)s-%(day)s", kind=KIND_LABELS[chosen], day=f"{now():%Y%m%d}")
    return send_bytes(content, f"{name}.{suffix}", _MEDIA_TYPES[suffix])


def _records(reading: Session, kind: RecordKind) -> Iterable[AnyRecord]:
    if kind == "organisations":
        found = reading.scalars(
            select_organisations(reading, organisation_pages.read_filter(), audience()).limit(MOST_ROWS)
        )
        return organisations_as_records(found, audience())
    if kind == "experts":
        people = reading.scalars(
            select_experts(reading, expert_pages.read_filter(), audience(), now()).limit(MOST_ROWS)
        ).all()
        return experts_as_records(reading, people, actor(), audience(), now())
    return posts_as_records(_posts(reading, "need" if kind == "needs" else "capability"), audience())


def _posts(reading: Session, side: str) -> Iterable[Post]:
    """Published posts by the filters of the search page; with words, the first that are found."""
    text = text_argument("q", 200)
    filters = PostFilter(
        side=side,
        statuses=("published",),
        industry=text_argument("industry", 10),
        domain=text_argument("domain", 40),
        town=text_argument("town", 40),
        kind=text_argument("kind", 20) if side == "capability" else None,
        organisation_ids=tuple(actor().organisation_roles) if request.args.get("own") else (),
    )
    if request.args.get("own"):
        if not actor().organisation_roles:
            raise InvalidInput("export.no_organisation", "您还没有单位", message_en="You have no organisation yet")
        filters = PostFilter(side=side, organisation_ids=tuple(actor().organisation_roles))
    if text and not request.args.get("own"):
        yield from _found(text, side, filters)
        return
    cursor: str | None = None
    sent = 0
    while sent < MOST_ROWS:
        page = list_posts(reading, filters, audience(), now(), cursor=cursor, limit=500)
        yield from page.posts
        sent += len(page.posts)
        cursor = page.next_cursor
        if cursor is None:
            return


def _found(text: str, side: str, filters: PostFilter) -> Iterable[Post]:
    cursor: str | None = None
    for _page in range(_MOST_FOUND // 50):
        found = search_posts(
            platform(),
            SearchQuery(
                text=text,
                side="need" if side == "need" else "capability",
                industry=filters.industry,
                domain=filters.domain,
                town=filters.town,
                kind=filters.kind,
                cursor=cursor,
                limit=50,
            ),
            audience(),
            now(),
        )
        yield from found.posts
        cursor = found.next_cursor
        if cursor is None:
            return

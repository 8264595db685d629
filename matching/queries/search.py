"""Search by words and meaning over the posts the reader may see.

The index finds and orders; the database decides once more what may be shown. When the index or the encoder does not
answer, titles are searched in the database and the answer says so.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from matching.bootstrap import Platform
from matching.documents import Side
from matching.errors import InvalidInput, PartUnavailable
from matching.models import Capability, Post, PostTag
from matching.policy import Audience, region_prefix
from matching.queries.posts import PAGE_SIZE, load_posts, posts_of_side, told_owner, visible_posts
from matching.search.port import Hit, SearchFilters, VectorQuery, WordQuery
from matching.search.rank_fusion import fuse_by_rank
from matching.text.words import cut_words, query_words

logger = logging.getLogger(__name__)

MOST_FUSED = 500
"""How deep one search goes; whoever needs more gets there with a narrower question."""

MOST_NEAREST = 100
"""How many posts may be found by meaning alone: every post is near to a query to some degree."""

NEAR_ENOUGH = 0.8
"""Of the nearest post's cosine: what lies further off is near to anything. (With the shipped encoder and the
demonstration's offers, 20 usual queries have their nearest at 0.41–0.75 and the middle of all offers at 0.17–0.45.)
"""

LONGEST_PAGE = 100
LONGEST_TEXT = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchQuery:
    """What is looked for; None means any. `industry` and `region` include all below them.

    `region` is a 行政区划代码, `least_maturity` a TRL from 1 to 9, `cursor` the `next_cursor` of the page before.
    """

    side: Side
    text: str = ""
    industry: str | None = None
    domain: str | None = None
    town: str | None = None
    region: str | None = None
    kind: str | None = None
    cooperation_mode: str | None = None
    least_maturity: int | None = None
    language: str | None = None
    cursor: str | None = None
    limit: int = PAGE_SIZE


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchPage:
    """Posts in order; `next_cursor` is None on the last page. `notice` tells the reader of a limit, in both languages;
    both are empty when there is none. `words_only`: index or encoder did not answer, so meaning played no part.
    """

    posts: list[Post]
    next_cursor: str | None = None
    words_only: bool = False
    notice: str = ""
    notice_en: str = ""


@dataclass(frozen=True, slots=True)
class _Ranked:
    """A place in a fused list: after the post, which stood at this position."""

    position: int
    after: str


@dataclass(frozen=True, slots=True)
class _Dated:
    """A place in a list by date: after the post, which is of that moment."""

    moment: datetime
    after: str


def search_posts(platform: Platform, query: SearchQuery, audience: Audience, now: datetime) -> SearchPage:
    """A page of what the reader may see of the posts that `query` asks for: the best first, without text the latest.

    Raises InvalidInput for a cursor that is none of this query's, for a text longer than LONGEST_TEXT and for a page
    outside 1…LONGEST_PAGE; PartUnavailable when the index goes away between two pages.
    """
    _check(query)
    place = _read_place(query)
    words = query_words(query.text) if query.text.strip() else ()
    if not words:
        return _list_latest(platform, query, audience, now, place, ())
    if isinstance(place, _Dated):
        # The search began while the index was away and goes on as it began, so that nothing is shown twice.
        return _search_titles(platform, query, audience, now, place)
    try:
        return _search_index(platform, query, words, audience, now, place)
    except PartUnavailable as error:
        if error.part == "database" or place is not None:
            raise
        logger.warning("search falls back to titles: %s does not answer", error.part)
        return _search_titles(platform, query, audience, now, None)


def _check(query: SearchQuery) -> None:
    if len(query.text) > LONGEST_TEXT:
        raise InvalidInput(
            "search.text_too_long",
            f"搜索内容不能超过 {LONGEST_TEXT} 字",
            where="q",
            message_en=f"A search has at most {LONGEST_TEXT} characters",
        )
    if not 1 <= query.limit <= LONGEST_PAGE:
        raise InvalidInput(
            "list.limit",
            f"每页应为 1 到 {LONGEST_PAGE} 条",
            where="limit",
            message_en=f"A page has 1 to {LONGEST_PAGE} entries",
        )


def _search_index(
    platform: Platform,
    query: SearchQuery,
    words: tuple[str, ...],
    audience: Audience,
    now: datetime,
    place: _Ranked | None,
) -> SearchPage:
    index = platform.index
    filters = _filters(query)
    lists: list[list[Hit]] = index.find_by_words(
        [WordQuery(words=words, filters=filters, audience=audience, now=now, limit=MOST_FUSED)]
    )
    notice, notice_en, words_only = "", "", False
    try:
        vector = platform.embedder.embed([query.text], prompt="query")[0]
    except PartUnavailable:
        logger.warning("search by words only: the encoder does not answer")
        words_only = True
        notice = "语义检索暂时不可用，以下只按关键词查找"
        notice_en = "Search by meaning is not available now; these were found by words only"
    else:
        if vector.any():
            nearest = index.find_by_vector(
                [
                    VectorQuery(
                        vector=vector, field=name, filters=filters, audience=audience, now=now, limit=MOST_NEAREST
                    )
                    for name in ("title_vector", "full_vector")
                ]
            )
            lists += [[hit for hit in hits if hit.score >= NEAR_ENOUGH * hits[0].score] for hits in nearest]
    fused = fuse_by_rank([[hit.post_id for hit in hits] for hits in lists])
    if len(fused) > MOST_FUSED and not notice:
        notice = f"结果较多，只列出最相关的 {MOST_FUSED} 条；可以加上筛选条件或换更具体的说法"
        notice_en = f"Many results: only the best {MOST_FUSED} are listed; add filters or be more specific"
    fused = fused[:MOST_FUSED]
    start = 0
    if place is not None:
        # The list may have changed since the page before: what that page ended with says where to go on.
        start = fused.index(place.after) + 1 if place.after in fused else place.position + 1
    shown: list[Post] = []
    position = start
    with platform.reading() as session:
        while position < len(fused) and len(shown) < query.limit:
            wanted = fused[position : position + query.limit - len(shown)]
            found = _load(session, wanted, query, audience, now)
            shown += [found[post_id] for post_id in wanted if post_id in found]
            position += len(wanted)
    more = position < len(fused)
    return SearchPage(
        posts=shown,
        next_cursor=_write_place(query, _Ranked(position - 1, fused[position - 1])) if more else None,
        words_only=words_only,
        notice=notice,
        notice_en=notice_en,
    )


def _search_titles(
    platform: Platform, query: SearchQuery, audience: Audience, now: datetime, place: _Dated | None
) -> SearchPage:
    """By titles in the database, the latest first; every word must occur."""
    wanted = [word.text for word in cut_words(query.text)] or [query.text.strip()]
    conditions = [func.lower(Post.title).contains(word.lower(), autoescape=True) for word in dict.fromkeys(wanted)]
    page = _list_latest(platform, query, audience, now, place, conditions[:50])
    return SearchPage(
        posts=page.posts,
        next_cursor=page.next_cursor,
        words_only=True,
        notice="搜索服务暂时没有应答，以下只按标题查找",
        notice_en="The search service does not answer; these were found by their titles only",
    )


def _list_latest(
    platform: Platform,
    query: SearchQuery,
    audience: Audience,
    now: datetime,
    place: _Ranked | _Dated | None,
    conditions: list[ColumnElement[bool]] | tuple[()],
) -> SearchPage:
    if isinstance(place, _Ranked):
        raise _bad_cursor()
    order = Post.published_at
    statement = select(posts_of_side(query.side)).where(_asked_for(query, audience, now), *conditions)
    if place is not None:
        statement = statement.where(or_(order < place.moment, and_(order == place.moment, Post.id < place.after)))
    with platform.reading() as session:
        rows = list(session.scalars(statement.order_by(order.desc(), Post.id.desc()).limit(query.limit + 1)))
    more = len(rows) > query.limit
    rows = rows[: query.limit]
    return SearchPage(
        posts=rows,
        next_cursor=_write_place(query, _Dated(rows[-1].published_at or rows[-1].created_at, rows[-1].id))
        if more
        else None,
    )


def _load(
    session: Session, post_ids: list[str], query: SearchQuery, audience: Audience, now: datetime
) -> dict[str, Post]:
    """Those of the posts that the query asks for as the rows are now: the index may be a moment behind."""
    found = {
        post_id: post
        for post_id, post in load_posts(session, post_ids, audience, now, side=query.side).items()
        if post.status == "published"
    }
    restrictions = _restrictions(query, audience)
    if not restrictions:
        return found
    kept = session.scalars(select(Post.id).where(Post.id.in_(list(found)), *restrictions))
    return {post_id: found[post_id] for post_id in kept}


def _filters(query: SearchQuery) -> SearchFilters:
    """The question's restrictions as the index understands them."""

    def only(value: str | None) -> frozenset[str]:
        return frozenset((value,) if value else ())

    return SearchFilters(
        side=query.side,
        kinds=only(query.kind),
        industry_codes=only(query.industry),
        domains=only(query.domain),
        towns=only(query.town),
        region_scope=region_prefix(query.region) if query.region else "",
        cooperation_modes=only(query.cooperation_mode),
        least_maturity=query.least_maturity,
        languages=only(query.language),
    )


def _asked_for(query: SearchQuery, audience: Audience, now: datetime) -> ColumnElement[bool]:
    """The same over the rows, with visibility."""
    return and_(
        Post.side == query.side,
        Post.status == "published",
        visible_posts(audience, now),
        *_restrictions(query, audience),
    )


def _restrictions(query: SearchQuery, audience: Audience) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if query.domain:
        conditions.append(Post.domain == query.domain)
    if query.town:
        conditions += [Post.town == query.town, told_owner(audience)]
    if query.language:
        conditions.append(Post.language == query.language)
    if query.region:
        conditions.append(Post.region_code.startswith(region_prefix(query.region), autoescape=True))
    if query.industry:
        conditions.append(_tagged("industry", PostTag.code.startswith(query.industry, autoescape=True)))
    if query.cooperation_mode:
        conditions.append(_tagged("cooperation_mode", PostTag.code == query.cooperation_mode))
    if query.kind:
        conditions.append(Post.id.in_(select(Capability.id).where(Capability.kind == query.kind)))
    if query.least_maturity is not None:
        conditions.append(Post.id.in_(select(Capability.id).where(Capability.maturity >= query.least_maturity)))
    return conditions


def _tagged(vocabulary: str, code: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(PostTag.post_id == Post.id, PostTag.vocabulary == vocabulary, code)


def _signature(query: SearchQuery) -> str:
    """Names the question without its page, so that a cursor cannot be taken to another one."""
    asked = [
        query.side, query.text, query.industry, query.domain, query.town, query.region, query.kind,
        query.cooperation_mode, query.least_maturity, query.language,
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:12]


def _write_place(query: SearchQuery, place: _Ranked | _Dated) -> str:
    value = place.position if isinstance(place, _Ranked) else place.moment.astimezone(UTC).isoformat()
    payload = json.dumps([_signature(query), value, place.after])
    return base64.urlsafe_b64encode(payload.encode()).decode().rstrip("=")


def _read_place(query: SearchQuery) -> _Ranked | _Dated | None:
    """The place the query's cursor names; raises InvalidInput."""
    cursor = query.cursor
    if not cursor:
        return None
    try:
        if len(cursor) > 300:
            raise ValueError("longer than any of ours")
        signature, value, after = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if signature != _signature(query):
            raise ValueError("of another question")
        if not isinstance(after, str) or not after.isascii() or not after.isprintable():
            raise ValueError("no post")
        return _place(value, after)
    except (ValueError, TypeError, OverflowError) as error:
        raise _bad_cursor() from error


def _place(value: Any, after: str) -> _Ranked | _Dated:
    if isinstance(value, str):
        # To UTC at once: a moment at the edge of the calendar fails here and not in the database.
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError("naive datetime")
        return _Dated(moment.astimezone(UTC), after)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError("no place")
    if value >= MOST_FUSED:
        raise InvalidInput(
            "search.too_deep",
            f"最多列出 {MOST_FUSED} 条结果，请加上筛选条件或换更具体的说法",
            where="cursor",
            message_en=f"At most {MOST_FUSED} results are listed; please add filters or be more specific",
        )
    return _Ranked(value, after)


def _bad_cursor() -> InvalidInput:
    return InvalidInput(
        "list.cursor",
        "翻页标记无效，请从第一页重新开始",
        where="cursor",
        message_en="Invalid cursor; please start from the first page",
    )

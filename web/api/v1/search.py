"""Search over the posts the caller may see."""

from __future__ import annotations

from typing import Any

from matching.errors import InvalidInput
from matching.queries.search import SearchQuery, search_posts
from web.api.access import caller
from web.api.document import Noun
from web.api.problems import in_language
from web.api.representation import summary_of
from web.api.schemas.posts import SearchArguments, SearchPage
from web.reader import now, platform
from web.visitor_pages import do_not_keep

search = Noun("search", "/search", "搜索: by words and by meaning.")


@search.operation(
    "GET", "", name="search", zh="搜索", en="Search", access="open", answers=SearchPage, query=SearchArguments
)
def search_all(query: dict[str, Any]) -> dict[str, Any]:
    """Search

    Posts of one type by words and by meaning, the best first; without `q` the latest. At most 500 are listed.
    """
    if query["type"] == "need":
        for name in ("kind", "least_maturity"):
            if name in query:
                raise InvalidInput(
                    "search.only_capabilities",
                    "这个筛选条件只用于技术供给（type=capability）",
                    where=name,
                    message_en="This filter is for capabilities only (type=capability)",
                )
    page = search_posts(
        platform(),
        SearchQuery(
            side=query["type"],
            text=" ".join(query["q"].split()),
            industry=query.get("industry") or None,
            domain=query.get("domain") or None,
            town=query.get("town") or None,
            region=query.get("region"),
            kind=query.get("kind"),
            cooperation_mode=query.get("cooperation_mode") or None,
            least_maturity=query.get("least_maturity"),
            language=query.get("language"),
            cursor=query.get("cursor") or None,
            limit=query["limit"],
        ),
        caller().audience,
        now(),
    )
    if page.words_only:
        do_not_keep()
    return {
        "items": [summary_of(post, caller()) for post in page.posts],
        "next": page.next_cursor,
        "notice": in_language(page.notice, page.notice_en) or None,
    }

"""Search over the posts the reader may see."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, render_template, request
from flask_babel import gettext as _

from matching.documents import CAPABILITY_KINDS
from matching.errors import InvalidInput
from matching.models import Post
from matching.queries.posts import may_see_organisation
from matching.queries.search import SearchQuery, search_posts
from matching.queries.vocabularies import load_vocabularies
from matching.text.words import index_words, query_words
from web.reader import audience, now, platform
from web.visitor_pages import do_not_keep

search = Blueprint("search", __name__)

_LONGEST_QUERY = 200


def _shares_words(text: str, posts: Sequence[Post]) -> bool:
    """Whether a post of the page has a word of the query; True without words. Nearness in meaning alone always finds
    something, and the page should not pass that off as an answer.
    """
    words = set(query_words(text))
    return not words or any(words & set(index_words(post.to_document().full_text)) for post in posts)


@search.get("/search")
def show_results() -> str:
    """Results for `q` on one side, with filters, a page at a time by cursor; without `q` the latest."""
    arguments = request.args
    side = arguments.get("type", "need")
    if side not in ("need", "capability"):
        raise InvalidInput(
            "search.type", "类型只能是 need 或 capability", where="type", message_en="Type is need or capability"
        )
    text = " ".join(arguments.get("q", "").split())[:_LONGEST_QUERY]
    query = SearchQuery(
        text=text,
        side="need" if side == "need" else "capability",
        industry=arguments.get("industry") or None,
        domain=arguments.get("domain") or None,
        town=arguments.get("town") or None,
        kind=(arguments.get("kind") or None) if side == "capability" else None,
        cursor=arguments.get("cursor") or None,
    )
    with platform().reading() as reading:
        vocabularies = load_vocabularies(reading)
    found = search_posts(platform(), query, audience(), now())
    if found.words_only:
        do_not_keep()
    reader = audience()
    filters = [
        ("industry", _("行业"), [(t.code, t) for t in vocabularies.active("industry") if len(t.code) <= 3]),
        ("domain", _("技术领域"), [(t.code, t) for t in vocabularies.active("domain")]),
        ("town", _("镇街"), [(t.code, t) for t in vocabularies.active("town")]),
    ]
    return render_template(
        "search/results.html",
        query=query,
        side=side,
        filters=filters,
        chosen={"industry": query.industry, "domain": query.domain, "town": query.town},
        filtered=any((query.industry, query.domain, query.town, query.kind)),
        kinds=CAPABILITY_KINDS if side == "capability" else (),
        results=[(post, may_see_organisation(reader, post)) for post in found.posts],
        found=found,
        shares_words=not found.posts or _shares_words(query.text, found.posts),
        vocabularies=vocabularies,
    )

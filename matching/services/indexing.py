"""From a post's row to its entry in the index: words cut, vectors computed, or the entry taken out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from matching.documents import PostDocument
from matching.embeddings.port import Embedder
from matching.models import Post
from matching.policy import is_live
from matching.ranking.vectors import TITLES_OF_WORKS, PostVectors, embed_posts
from matching.search.port import IndexEntry, SearchIndex
from matching.text.words import index_words, query_words

NO_VECTORS = PostVectors()

LEAST_WORDS = 2
"""A text with fewer different words says too little for a vector (内容不足)."""


def says_too_little(document: PostDocument) -> bool:
    """Whether the post is 内容不足: kept, searched by words, but without a vector."""
    return len(set(query_words(document.full_text))) < LEAST_WORDS


def with_parents(codes: Sequence[str]) -> tuple[str, ...]:
    """GB/T 4754 codes with all their parents: C398 → C, C39, C398."""
    family: dict[str, None] = {}
    for code in codes:
        for length in (1, *range(3, len(code) + 1)):
            family[code[:length]] = None
    return tuple(family)


def build_entries(
    posts: Sequence[Post], embedder: Embedder, documents_by_id: Mapping[str, PostDocument]
) -> list[IndexEntry]:
    """Index entries of posts; all their texts are embedded in one call per prompt. `documents_by_id` is what
    `matching.queries.works.load_documents` gave; a post that is not in it has no entry."""
    posts = [post for post in posts if post.id in documents_by_id]
    documents = [documents_by_id[post.id] for post in posts]
    vectors = embed_posts([document for document in documents if not says_too_little(document)], embedder)
    return [
        IndexEntry(
            post_id=post.id,
            version=post.version,
            side=document.side,
            title_words=tuple(index_words(document.title)),
            body_words=tuple(index_words(_searched_body(document))),
            title_vector=vectors.get(post.id, NO_VECTORS).title,
            full_vector=vectors.get(post.id, NO_VECTORS).full,
            model_revision=embedder.model_revision,
            organisation_id=post.organisation_id,
            region_code=post.region_code,
            visibility=post.visibility,
            expires_at=post.expires_at,
            published_at=post.published_at,
            town=post.town,
            kind=document.kind,
            domain=post.domain,
            industry_codes=with_parents(document.industry_codes),
            cooperation_modes=document.cooperation_modes,
            maturity=document.maturity,
            language=post.language,
        )
        for post, document in zip(posts, documents, strict=True)
    ]


def _searched_body(document: PostDocument) -> str:
    """What is found besides the title; an expertise also by the titles of its works."""
    return "\n".join([document.body, *(work.title for work in document.works[:TITLES_OF_WORKS])])


def bring_index_in_line(
    posts: Sequence[Post],
    embedder: Embedder,
    index: SearchIndex,
    now: datetime,
    documents_by_id: Mapping[str, PostDocument],
) -> None:
    """Write live posts and take out the others. Raises PartUnavailable; RuntimeError naming refused posts."""
    live = [post for post in posts if is_live(post, now)]
    gone = [(post.id, post.version) for post in posts if not is_live(post, now)]
    reports = []
    if live:
        reports.append(index.write(build_entries(live, embedder, documents_by_id)))
    if gone:
        reports.append(index.remove(gone))
    failed = [item for report in reports for item in report.failed]
    if failed:
        raise RuntimeError("the index refused " + "; ".join(f"{post_id}: {why}" for post_id, why in failed[:5]))

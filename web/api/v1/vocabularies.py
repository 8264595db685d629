"""The editable lists that posts are filed under."""

from __future__ import annotations

from typing import Any

from matching.queries.profiles import list_regions
from matching.queries.vocabularies import load_vocabularies
from web.api.document import Noun
from web.api.problems import in_language
from web.api.schemas.people import VocabularyList
from web.reader import platform

vocabularies = Noun("vocabularies", "/vocabularies", "词表: the codes that fields and filters take.")


@vocabularies.operation(
    "GET", "", name="list_vocabularies", zh="词表", en="List vocabularies", access="open", answers=VocabularyList
)
def list_vocabularies() -> dict[str, Any]:
    """List vocabularies

    Everything that may be chosen now, by vocabulary.
    """
    with platform().reading() as session:
        loaded = load_vocabularies(session)
        regions = list_regions(session)
    return {
        "vocabularies": {
            name: [_term(term.code, term.parent_code, term.label_zh, term.label_en) for term in loaded.active(name)]
            for name in sorted(loaded.terms)
        },
        "regions": [_term(region.code, None, region.label_zh, region.label_en) for region in regions],
    }


def _term(code: str, parent_code: str | None, label_zh: str, label_en: str) -> dict[str, Any]:
    return {
        "code": code,
        "parent_code": parent_code,
        "label": in_language(label_zh, label_en),
        "label_zh": label_zh,
        "label_en": label_en,
    }

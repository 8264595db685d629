"""Ranking experts by what they wrote and did: an expertise is as good as the best few of its works.

Each work is scored as a capability of its own, and so is the offering's own text. The best five of these passages
count, the first most, and what is old counts less:

    score = 0.3 · first + 0.25 · second + 0.2 · third + 0.15 · fourth + 0.1 · fifth
            − half of what so many passages reach by chance

with the shares of what there is brought to a sum of 1, and never more than half a standard deviation below what the own
text scores. One work that happens to use the need's words says little, five say who works on the matter: with half of
the weight on the best one, whoever is looked for came first more rarely (docs/decisions/0009). Without the last term
whoever has written most would be near to everything; taken off whole, those who have written much would be found too
rarely.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matching.documents import PostDocument, WorkText
from matching.text.words import query_words

Array = NDArray[np.float32]

MOST_WORKS = 40
"""Works of a post that are scored, the latest first."""

_SHARES = np.array([0.3, 0.25, 0.2, 0.15, 0.1], dtype=np.float32)
_MOST_LOST_BY_WORKS = 0.5
"""In the score's unit: what works that have nothing to do with a need may cost an expertise whose own text has."""
_YOUNG = 3.0
_LOSS_PER_YEAR = 0.03
_MOST_LOST_BY_AGE = 0.5
"""In the score's unit: a work of twenty years ago must be nearer by half a standard deviation."""

# The mean score of the best five of n works that lie near each other, above that of one: 0.13 for 5, 0.48 for 10, 0.87
# for 20 and 1.35 for 40, over 153 needs and 200 such bundles, which is 0.6 ln n − 0.9. Half of it is taken off.
_CHANCE_SLOPE = 0.3
_CHANCE_OFFSET = 0.45

_LEAST_OWN_WORDS = 8


@dataclass(frozen=True, slots=True)
class WorkScore:
    """How a work of a ranked expertise scored for the need, its age counted."""

    work: WorkText
    score: float


def works_as_documents(document: PostDocument) -> list[PostDocument]:
    """The post's works as capabilities of their own, in order; ids are distinct from those of all posts."""
    return [
        PostDocument(
            id=f"{document.id}#{work.id}", side="capability", title=work.title, text=work.text, kind=document.kind
        )
        for work in document.works[:MOST_WORKS]
    ]


def texts_in_background(document: PostDocument) -> list[PostDocument]:
    """What stands for a post of a file among what needs are compared with: itself, or its works where it says little
    more than a name.

    A list of people is often nothing but names and works, and a background of names would tell nothing of how near
    works lie to a need. On a platform there are other capabilities, and titles of works stay out of what is stored
    about all posts together.
    """
    if document.works and len(set(query_words(document.full_text))) < _LEAST_OWN_WORDS:
        return works_as_documents(document)
    return [document]


def lose_by_age(work: WorkText) -> float:
    """What is taken off a work's score for its age; unknown age counts as ten years."""
    age = 10.0 if work.age is None else work.age
    return min(max(age - _YOUNG, 0.0) * _LOSS_PER_YEAR, _MOST_LOST_BY_AGE)


def reach_by_chance(passages: int) -> float:
    """Half of how much higher the best few of so many passages score than one, for a need they have nothing to do
    with."""
    return max(0.0, _CHANCE_SLOPE * math.log(max(passages, 1)) - _CHANCE_OFFSET)


def combine_works(own: Array, works: Array, texts: Sequence[WorkText]) -> tuple[Array, Array]:
    """(score of the expertise, scores of its works with age counted).

    `own` has shape (needs,), `works` (needs, works), in the order of `texts`; so has the second result.
    """
    aged = works - np.array([lose_by_age(work) for work in texts], dtype=np.float32)
    passages = np.sort(np.concatenate([own[:, None], aged], axis=1), axis=1)[:, ::-1][:, : len(_SHARES)]
    shares = _SHARES[: passages.shape[1]] / _SHARES[: passages.shape[1]].sum()
    combined = passages @ shares - reach_by_chance(aged.shape[1] + 1)
    return np.maximum(own - _MOST_LOST_BY_WORKS, combined).astype(np.float32), aged


def best_works(scores: Array | None, capability: PostDocument, limit: int = 3) -> list[WorkScore]:
    """The works of a capability that scored best, best first; `scores` in the order of its works, None without any."""
    if scores is None:
        return []
    order = np.argsort(-scores, kind="stable")[:limit]
    return [WorkScore(capability.works[int(place)], float(scores[place])) for place in order]

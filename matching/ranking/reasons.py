"""Why a pair was suggested, and what speaks against it, in words and with places in both texts.

    reasons = explain_pair(need, capability, pool=pool, vectors=vectors, embedder=embedder, labels=labels)
    [reason.to_json() for reason in reasons]

Reasons are found in the two posts and the same features that made the score; none is invented. Spans are [start, end)
in `PostDocument.full_text` of each side, as written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from matching.documents import PostDocument
from matching.embeddings.port import Embedder
from matching.ranking.features import (
    compute_text_features,
    standardise_toward_capability,
    standardise_toward_need,
)
from matching.ranking.fusion import measure_nearness
from matching.ranking.phrases import SharedPhrase, clauses_of, find_shared_phrases
from matching.ranking.pool import PoolStatistics
from matching.ranking.structured import HAND_SET_WEIGHTS, FieldAgreement, compare_fields, compare_indicators
from matching.ranking.vectors import PostVectors
from matching.ranking.works import WorkScore
from matching.text.normalise import Span
from matching.text.quantities import Fulfilment, QuantityMatch

ReasonKind = Literal[
    "phrase",
    "indicator",
    "meaning",
    "work",
    "industry",
    "domain",
    "cooperation_mode",
    "money",
    "maturity",
    "time",
    "language",
    "weak",
]

Labels = Mapping[str, tuple[str, str]]
"""Chinese and English name of a code, whatever vocabulary it is from."""

_MOST_PHRASES = 4
_MOST_INDICATORS = 4
_MOST_WORKS = 2
_NEAR_WORK = 2.0
"""The score from which on a work is named as close: one in five such pairs is a match, nearly all are of one field."""
NEAR = 3.0
"""Standard deviations above the background from which on texts are called near in meaning: about half of such pairs
that were judged are matches, and nineteen of twenty of one field. Figures by deviation are in docs/matching.md."""
_VERY_NEAR = 4.0
_LONGEST_QUOTE = 40
_LONGEST_TITLE = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One reason. `against` marks what speaks against the pair; `weight` orders reasons of one pair, larger first."""

    kind: ReasonKind
    text_zh: str
    text_en: str
    weight: float
    against: bool = False
    need_span: Span | None = None
    capability_span: Span | None = None

    def to_json(self) -> dict[str, Any]:
        """{kind, text, text_en, against, weight, need_span?, capability_span?}; `text` is Chinese."""
        content: dict[str, Any] = {
            "kind": self.kind,
            "text": self.text_zh,
            "text_en": self.text_en,
            "against": self.against,
            "weight": round(self.weight, 4),
        }
        if self.need_span is not None:
            content["need_span"] = list(self.need_span)
        if self.capability_span is not None:
            content["capability_span"] = list(self.capability_span)
        return content


def explain_pair(
    need: PostDocument,
    capability: PostDocument,
    *,
    pool: PoolStatistics,
    vectors: Mapping[str, PostVectors],
    embedder: Embedder | None = None,
    labels: Labels | None = None,
    nearness: float | None = None,
    works: Sequence[WorkScore] = (),
) -> list[Reason]:
    """Reasons for the pair, strongest first, then what speaks against it.

    `vectors` as for `rank_candidates`. With an `embedder` the nearest clauses of the two texts are named, without one
    the titles stand for them. `labels` name the codes of industries, domains and cooperation modes; a code without a
    label is not shown. `nearness` and `works` are RankedPair's, where the pair was ranked already.
    Raises PartUnavailable when the embedder given does not answer.
    """
    phrases = find_shared_phrases(need, capability, pool, limit=_MOST_PHRASES)
    reasons = [_phrase_reason(phrase) for phrase in phrases]
    reasons += [_indicator_reason(match) for match in compare_indicators(need, capability)[:_MOST_INDICATORS]]
    if nearness is None:
        nearness = _nearness(need, capability, pool, vectors)
    meaning = _explain_meaning(need, capability, nearness, embedder)
    if meaning is not None:
        reasons.append(meaning)
    reasons += [_work_reason(work) for work in works[:_MOST_WORKS] if work.score >= _NEAR_WORK]
    reasons += [_field_reason(agreement, labels or {}) for agreement in compare_fields(need, capability)]
    if not any(not reason.against for reason in reasons):
        reasons.append(_nothing_shared())
    return sorted(reasons, key=lambda reason: (reason.against, -reason.weight))


def _nothing_shared() -> Reason:
    """Said of a pair that stands in a list only because nothing better does: a bare score would suggest more."""
    return Reason(
        kind="weak",
        text_zh="没有找到明显的共同点，仅供参考",
        text_en="Nothing telling in common was found; for reference only",
        weight=0.1,
        against=True,
    )


def _phrase_reason(phrase: SharedPhrase) -> Reason:
    return Reason(
        kind="phrase",
        text_zh=f"双方都提到“{phrase.text}”",
        text_en=f"Both mention “{phrase.text}”",
        weight=1 + phrase.weight / (phrase.weight + 200),
        need_span=phrase.need_span,
        capability_span=phrase.capability_span,
    )


def _work_reason(found: WorkScore) -> Reason:
    title, year = _quote(found.work.title, _LONGEST_TITLE), found.work.year
    return Reason(
        kind="work",
        text_zh=f"做过相近的工作：《{title}》" + (f"（{year} 年）" if year else ""),
        text_en=f"Has done work close to this: “{title}”" + (f" ({year})" if year else ""),
        weight=1.2 + found.score / 4,
    )


def _indicator_reason(match: QuantityMatch) -> Reason:
    need, capability = match.need, match.capability
    shared = sorted(need.properties & capability.properties, key=len, reverse=True)
    name = shared[0] if shared else "、".join(sorted(need.properties)[:2])
    met = match.fulfilment is Fulfilment.MET
    return Reason(
        kind="indicator",
        text_zh=f"指标{'满足' if met else '未达到'}：{name} 需求 {need.text}，供给 {capability.text}",
        text_en=f"Indicator {'met' if met else 'not met'}: {name} — needed {need.text}, offered {capability.text}",
        weight=1.9 if met else 0.9,
        against=not met,
        need_span=need.span,
        capability_span=capability.span,
    )


def _nearness(
    need: PostDocument, capability: PostDocument, pool: PoolStatistics, vectors: Mapping[str, PostVectors]
) -> float:
    needs, capabilities = pool.prepare([need], vectors), pool.prepare([capability], vectors)
    raw = compute_text_features(needs, capabilities)
    toward_need = standardise_toward_need(raw, needs, capabilities, pool)
    toward_capability = standardise_toward_capability(raw, needs, capabilities, pool)
    return float(measure_nearness(toward_need, toward_capability)[0, 0])


def _explain_meaning(
    need: PostDocument,
    capability: PostDocument,
    nearness: float,
    embedder: Embedder | None,
) -> Reason | None:
    if not nearness >= NEAR:
        return None
    spans = _nearest_clauses(need, capability, embedder) if embedder is not None else None
    need_span, capability_span = spans or (_opening(need), _opening(capability))
    first = _quote(need.full_text[slice(*need_span)])
    second = _quote(capability.full_text[slice(*capability_span)])
    very = nearness >= _VERY_NEAR
    return Reason(
        kind="meaning",
        text_zh=f"意思{'很' if very else ''}相近：需求“{first}”，供给“{second}”",
        text_en=f"{'Very close' if very else 'Close'} in meaning: need “{first}”, offer “{second}”",
        weight=1 + nearness / 4,
        need_span=need_span,
        capability_span=capability_span,
    )


def _opening(document: PostDocument) -> Span:
    if document.title.strip():
        return (0, len(document.title))
    clauses = clauses_of(document, limit=1)
    return clauses[0] if clauses else (0, len(document.full_text))


def _nearest_clauses(need: PostDocument, capability: PostDocument, embedder: Embedder) -> tuple[Span, Span] | None:
    """The clauses of both posts that lie nearest, seen from what else the two say.

    Each clause's own mean is taken off: a clause that resembles everything (我公司希望合作) explains nothing.
    """
    need_spans, capability_spans = clauses_of(need), clauses_of(capability)
    if not need_spans or not capability_spans:
        return None
    first = embedder.embed([need.full_text[slice(*span)] for span in need_spans], prompt="query")
    second = embedder.embed([capability.full_text[slice(*span)] for span in capability_spans], prompt="passage")
    cosines = first @ second.T
    contrast = cosines - 0.5 * cosines.mean(axis=1, keepdims=True) - 0.5 * cosines.mean(axis=0, keepdims=True)
    row, column = np.unravel_index(int(np.argmax(cosines + contrast)), cosines.shape)
    return need_spans[int(row)], capability_spans[int(column)]


def _quote(text: str, longest: int = _LONGEST_QUOTE) -> str:
    squeezed = " ".join(text.split())
    return squeezed if len(squeezed) <= longest else squeezed[: longest - 1] + "…"


_FIELD_NAMES: dict[str, tuple[str, str]] = {
    "industry": ("行业", "industry"),
    "domain": ("技术领域", "technology domain"),
    "cooperation_mode": ("合作方式", "kind of cooperation"),
}


def _name(codes: str, labels: Labels, language: int) -> str:
    """Names of codes joined by 、, without those that have none."""
    names = [labels[code][language] for code in codes.split("、") if code in labels]
    return ("、" if language == 0 else ", ").join(names)


def _field_reason(agreement: FieldAgreement, labels: Labels) -> Reason:
    text_zh, text_en = _field_texts(agreement, labels)
    return Reason(
        kind=agreement.field,
        text_zh=text_zh,
        text_en=text_en,
        weight=abs(float(HAND_SET_WEIGHTS[agreement.evidence])) * 4,
        against=not agreement.agrees,
    )


def _field_texts(agreement: FieldAgreement, labels: Labels) -> tuple[str, str]:
    need, capability, agrees = agreement.need, agreement.capability, agreement.agrees
    if agreement.field == "money":
        if agrees:
            return f"预算与报价相合：预算 {need} 万元，报价 {capability} 万元", (
                f"The price is within the budget: budget {need}, price {capability} (10,000 CNY)"
            )
        return f"报价高于预算：预算 {need} 万元，报价 {capability} 万元", (
            f"The price is above the budget: budget {need}, price {capability} (10,000 CNY)"
        )
    if agreement.field == "maturity":
        if agrees:
            return f"成熟度达到要求：TRL {capability}（要求至少 {need}）", (
                f"Mature enough: TRL {capability} (at least {need} wanted)"
            )
        return (
            f"成熟度不足：TRL {capability}（要求至少 {need}）",
            f"Not mature enough: TRL {capability} (at least {need} wanted)",
        )
    if agreement.field == "time":
        return (
            f"时间不合：需求截至 {need}，供给自 {capability} 起",
            f"Too late: needed by {need}, available from {capability}",
        )
    name_zh, name_en = _FIELD_NAMES[agreement.field]
    sides_zh = (_name(need, labels, 0), _name(capability, labels, 0))
    sides_en = (_name(need, labels, 1), _name(capability, labels, 1))
    if agrees:
        shown_zh = sides_zh[0] or sides_zh[1]
        shown_en = sides_en[0] or sides_en[1]
        return f"{name_zh}一致" + (f"：{shown_zh}" if shown_zh else ""), (
            f"Same {name_en}" + (f": {shown_en}" if shown_en else "")
        )
    both_zh = f"：需求为{sides_zh[0]}，供给为{sides_zh[1]}" if all(sides_zh) else ""
    both_en = f": needed {sides_en[0]}, offered {sides_en[1]}" if all(sides_en) else ""
    return f"{name_zh}不同{both_zh}", f"Different {name_en}{both_en}"

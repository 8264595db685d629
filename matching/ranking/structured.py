"""Fields that both sides filled in, compared one by one. What one side left out is unknown and says nothing.

The same comparisons move the score a little and are told as reasons. By how much, in the score's unit (a standard
deviation of text similarity over pairs), is set by hand here and kept in each ranker, which may have learned it from
judged pairs that have such fields (`matching.training.field_weights`). A field must not outvote what the texts say.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from matching.documents import MoneyRange, PostDocument
from matching.text.quantities import Fulfilment, Quantity, QuantityMatch, find_quantities, match_quantities

FieldName = Literal["industry", "domain", "cooperation_mode", "money", "maturity", "time"]


@dataclass(frozen=True, slots=True)
class FieldAgreement:
    """How one field of the two posts relates. `need` and `capability` are the compared values for showing."""

    field: FieldName
    agrees: bool
    need: str
    capability: str

    @property
    def evidence(self) -> int:
        """Its place in EVIDENCE."""
        return EVIDENCE.index(f"{self.field}_{'agrees' if self.agrees else 'disagrees'}")


_WEIGHTS = {
    "industry_agrees": 0.15,
    "industry_disagrees": -0.10,
    "domain_agrees": 0.15,
    "domain_disagrees": -0.10,
    "cooperation_mode_agrees": 0.05,
    "cooperation_mode_disagrees": -0.10,
    "money_agrees": 0.05,
    "money_disagrees": -0.15,
    "maturity_agrees": 0.05,
    "maturity_disagrees": -0.15,
    "time_disagrees": -0.10,
    "indicators_met": 0.15,
    "indicators_missed": -0.15,
}
EVIDENCE = tuple(_WEIGHTS)
"""What may be known of a pair besides its texts. Each is 0 where it is unknown; of a field it is 1, and of indicators
how many more are met than missed, or missed than met, at most two."""

HAND_SET_WEIGHTS: NDArray[np.float32] = np.array(list(_WEIGHTS.values()), dtype=np.float32)
"""What each of EVIDENCE adds to a pair's score where no ranker has learned better; shape (len(EVIDENCE),)."""

_MOST_INDICATORS = 2
_INDICATORS_MET = EVIDENCE.index("indicators_met")
_INDICATORS_MISSED = EVIDENCE.index("indicators_missed")


@lru_cache(maxsize=65_536)
def _compare_industries(need: tuple[str, ...], capability: tuple[str, ...]) -> tuple[bool, str, str] | None:
    """Whether the two share a division (C39) or finer; None where they share a section only, which says too little."""
    best: tuple[int, str, str] | None = None
    sections_shared = False
    for first in need:
        for second in capability:
            shared = 0
            while shared < min(len(first), len(second)) and first[shared] == second[shared]:
                shared += 1
            sections_shared = sections_shared or shared >= 1
            if shared >= 3 and (best is None or shared > best[0]):
                best = (shared, first, second)
    if best is not None:
        return True, best[1], best[2]
    return None if sections_shared else (False, need[0], capability[0])


def _amount(value: Decimal) -> str:
    return f"{value.normalize():f}"


def describe_money(money: MoneyRange) -> str:
    """`20–30`, `≤ 30`, `≥ 20`, `30` (万元), or 面议."""
    low, high = money.minimum, money.maximum
    if low is not None and high is not None:
        return _amount(low) if low == high else f"{_amount(low)}–{_amount(high)}"
    if high is not None:
        return f"≤ {_amount(high)}"
    if low is not None:
        return f"≥ {_amount(low)}"
    return "面议"


def _compare_money(budget: MoneyRange, price: MoneyRange) -> bool | None:
    """Whether the least price is within the most the need would pay; None where a bound needed is missing."""
    least = price.minimum if price.minimum is not None else price.maximum
    most = budget.maximum if budget.maximum is not None else budget.minimum
    if least is None or most is None:
        return None
    if least <= most:
        return True
    # A budget given as "at least so much", or a price on negotiation, excludes nothing.
    return None if budget.maximum is None or price.negotiable or budget.negotiable else False


def compare_fields(need: PostDocument, capability: PostDocument) -> list[FieldAgreement]:
    """The fields that both filled in and that say something, agreeing or not."""
    found: list[FieldAgreement] = []
    if need.industry_codes and capability.industry_codes:
        industries = _compare_industries(need.industry_codes, capability.industry_codes)
        if industries is not None:
            found.append(FieldAgreement("industry", *industries))
    if need.domain and capability.domain:
        found.append(FieldAgreement("domain", need.domain == capability.domain, need.domain, capability.domain))
    if need.cooperation_modes and capability.cooperation_modes:
        shared = [mode for mode in need.cooperation_modes if mode in capability.cooperation_modes]
        found.append(
            FieldAgreement(
                "cooperation_mode",
                bool(shared),
                "、".join(shared or need.cooperation_modes),
                "、".join(shared or capability.cooperation_modes),
            )
        )
    if need.money is not None and capability.money is not None:
        affordable = _compare_money(need.money, capability.money)
        if affordable is not None:
            found.append(
                FieldAgreement("money", affordable, describe_money(need.money), describe_money(capability.money))
            )
    if need.maturity is not None and capability.maturity is not None:
        mature = capability.maturity >= need.maturity
        found.append(FieldAgreement("maturity", mature, str(need.maturity), str(capability.maturity)))
    if need.ends_on is not None and capability.starts_on is not None and capability.starts_on > need.ends_on:
        found.append(FieldAgreement("time", False, need.ends_on.isoformat(), capability.starts_on.isoformat()))
    return found


_CLAUSE_ENDS = "，。；;、,!?！？\n"
_DEMAND = re.compile(
    r"要求|需|须|应|希望|想|目标|期望|指标|提高|提升|降到|降至|降低到|控制|保证|满足|不|至少|至多|以上|以下|以内|[≥≤<>±]"
)
_PRESENT_STATE = re.compile(r"目前|现有|现在|现状|当前|现|实测|平均|已|仅|只有|一般|通常")


def quantities_of(document: PostDocument) -> tuple[Quantity, ...]:
    """Quantities of a post that say what it demands or offers, with spans of its whole text.

    In a need's prose many figures tell how bad things are (翘曲达 0.9%): there a figure counts only where its clause
    demands something, and not where it speaks of the present. Indicator lines are demands as they stand.
    """
    text = document.full_text
    found = find_quantities(text)
    if document.side != "need":
        return found
    start = text.find("\n".join(document.indicators)) if document.indicators else -1
    end = start + len("\n".join(document.indicators)) if start >= 0 else -1
    return tuple(quantity for quantity in found if start <= quantity.span[0] < end or _is_demand(text, *quantity.span))


def _is_demand(text: str, start: int, end: int) -> bool:
    opening = max((text.rfind(mark, 0, start) for mark in _CLAUSE_ENDS), default=-1) + 1
    clause = text[opening:end]
    return bool(_DEMAND.search(clause)) and not _PRESENT_STATE.search(clause)


def compare_indicators(need: PostDocument, capability: PostDocument) -> list[QuantityMatch]:
    """Indicators of the need that the capability speaks of, met or not."""
    needed = quantities_of(need)
    offered = quantities_of(capability) if needed else ()
    return match_quantities(needed, offered) if offered else []


def has_fields(document: PostDocument) -> bool:
    """Whether any compared field is filled in."""
    return bool(
        document.industry_codes
        or document.domain
        or document.cooperation_modes
        or document.money
        or document.maturity is not None
        or document.ends_on
    )


def compute_evidence(needs: Sequence[PostDocument], capabilities: Sequence[PostDocument]) -> NDArray[np.float32]:
    """EVIDENCE of each pair: float32 of shape (needs, capabilities, len(EVIDENCE))."""
    evidence = np.zeros((len(needs), len(capabilities), len(EVIDENCE)), dtype=np.float32)
    rows, columns = _telling(needs), _telling(capabilities)
    evidence[np.ix_(rows, columns)] = _gather(needs, capabilities, rows, columns)
    return evidence


def weigh_evidence(
    needs: Sequence[PostDocument], capabilities: Sequence[PostDocument], weights: NDArray[np.float32]
) -> NDArray[np.float32]:
    """What fields and indicators add to each pair's score, by the weight of each of EVIDENCE; (needs, capabilities)."""
    added = np.zeros((len(needs), len(capabilities)), dtype=np.float32)
    # Of most posts of a file nothing is known: for their pairs there is no array of evidence.
    rows, columns = _telling(needs), _telling(capabilities)
    added[np.ix_(rows, columns)] = _gather(needs, capabilities, rows, columns) @ weights
    return added


def _telling(documents: Sequence[PostDocument]) -> NDArray[np.intp]:
    telling = (place for place, document in enumerate(documents) if has_fields(document) or quantities_of(document))
    return np.fromiter(telling, dtype=np.intp)


def _gather(
    needs: Sequence[PostDocument],
    capabilities: Sequence[PostDocument],
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
) -> NDArray[np.float32]:
    """EVIDENCE of the needs at `rows` with the capabilities at `columns`."""
    evidence = np.zeros((len(rows), len(columns), len(EVIDENCE)), dtype=np.float32)
    for noted, row in zip(evidence, rows, strict=True):
        for note, column in zip(noted, columns, strict=True):
            _note_evidence(needs[row], capabilities[column], note)
    return evidence


def _note_evidence(need: PostDocument, capability: PostDocument, noted: NDArray[np.float32]) -> None:
    if has_fields(need) and has_fields(capability):
        for agreement in compare_fields(need, capability):
            noted[agreement.evidence] = 1
    matches = compare_indicators(need, capability)
    met = sum(match.fulfilment is Fulfilment.MET for match in matches)
    more = max(-_MOST_INDICATORS, min(_MOST_INDICATORS, 2 * met - len(matches)))
    noted[_INDICATORS_MET if more > 0 else _INDICATORS_MISSED] = abs(more)

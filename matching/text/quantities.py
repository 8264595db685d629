"""Technical indicators as quantities: `盐雾 ≥ 1000 h` is a property, a bound, a value and a unit.

`find_quantities` reads them from any text; `compare_quantities` says whether what a capability states meets what a need
asks for. It says so only where both speak of the same property in the same dimension; everything else stays unknown.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from matching.text.normalise import Span, normalise_with_offsets
from matching.text.units import NUMBER_PATTERN, UNIT_PATTERN, UNITS, Unit
from matching.text.words import cut_words, is_content_word, is_domain_term


class Bound(Enum):
    """How the value is meant."""

    EXACT = "="
    AT_LEAST = "≥"
    AT_MOST = "≤"
    RANGE = "~"
    TOLERANCE = "±"


class Fulfilment(Enum):
    """What a comparison found out."""

    MET = "met"
    NOT_MET = "not met"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value with what it is about.

    `low` and `high` are in the canonical unit of `dimension`; AT_LEAST leaves `high` infinite, AT_MOST leaves `low`
    minus infinite; for TOLERANCE they are ∓ the deviation. `span` is of the text as written, `text` what stands there.
    """

    properties: frozenset[str]
    bound: Bound
    low: float
    high: float
    dimension: str
    unit: str
    text: str
    span: Span


_AT_LEAST = (
    "≥|>=|>|不低于|不小于|不少于|大于等于|大于或等于|大于|高于|超过|至少|达到|达|最低|最小"
    "|at least|no less than|not less than|over|above"
)
_AT_MOST = (
    "≤|<=|<|不高于|不大于|不超过|不多于|小于等于|小于或等于|小于|低于|少于|至多|最高|最大|控制在"
    "|at most|no more than|less than|below|up to"
)
_QUANTITY = re.compile(
    rf"(?P<before>(?:{_AT_LEAST}|{_AT_MOST}|±|\+/-|≈|~|约|为|是|=|:)\s?)?"
    rf"(?<![a-z0-9.\-])(?P<sign>-(?=\d))?(?P<number>{NUMBER_PATTERN})"
    rf"(?:\s?(?P<unit1>{UNIT_PATTERN})?\s?(?P<joint>~|-|至|到|±|to)\s?(?P<number2>{NUMBER_PATTERN}))?"
    rf"\s?(?P<unit>{UNIT_PATTERN})(?![a-z0-9/])"
    rf"(?P<after>\s?(?:以上|及以上|以下|以内|之内|及以下|左右|or more|or less))?"
)
_CLAUSE_END = re.compile(r"[，。；;、,!?！？\n()（）【】\[\]]")
_GOES_ON = frozenset("，,、")
_CALENDAR = re.compile(r"\d{4}\s?(?:年|-)")

# Dimensions that name their property themselves: two specific energies compare whatever stands around them.
_TELLING = frozenset(
    {
        *("specific_capacity", "specific_energy", "energy_density", "specific_power", "specific_capacitance"),
        *("thermal_conductivity", "resistivity", "conductivity", "impact"),
        *("efficacy", "luminance", "gain", "hardness_vickers", "hardness_brinell", "hardness_rockwell"),
    }
)
# Words beside a number that do not name what is measured.
_VAGUE = frozenset(
    {
        *(
            "要求",
            "指标",
            "达到",
            "可达",
            "大于",
            "小于",
            "不低于",
            "不小于",
            "不超过",
            "不大于",
            "以上",
            "以下",
            "左右",
        ),
        *("最高", "最低", "试验", "测试", "性能", "产品", "时间"),
    }
)
_OPPOSITE_CASE = {"mw": {"MW": 1e6, "mW": 1e-3}, "mω": {"MΩ": 1e6}, "mpa": {"mPa": 1e-9}}


def _number(text: str) -> float:
    text = text.replace(",", "").replace(" ", "")
    power = re.fullmatch(r"(\d+(?:\.\d+)?)(?:[x×*]10\^?(-?\d+)|\^(-?\d+)|e(-?\d+))", text)
    if power is None:
        return float(text)
    base = float(power.group(1))
    try:
        if power.group(3) is not None:
            return float(base ** int(power.group(3)))
        return base * 10.0 ** int(power.group(2) or power.group(4))
    except OverflowError:
        return math.inf


def _factor(name: str, unit: Unit, written: str) -> float:
    # In normal form milliwatt and megawatt look alike; the text as written tells them apart.
    for spelling, factor in _OPPOSITE_CASE.get(name, {}).items():
        if spelling in written:
            return factor
    return unit.factor


def _read_bound(match: re.Match[str]) -> Bound:
    before = (match.group("before") or "").strip()
    after = (match.group("after") or "").strip()
    if before in ("±", "+/-"):
        return Bound.TOLERANCE
    if match.group("number2") and match.group("joint") != "±":
        return Bound.RANGE
    if after in ("以上", "及以上", "or more") or (before and re.fullmatch(_AT_LEAST, before)):
        return Bound.AT_LEAST
    if after in ("以下", "及以下", "以内", "之内", "or less") or (before and re.fullmatch(_AT_MOST, before)):
        return Bound.AT_MOST
    return Bound.EXACT


def _find_properties(text: str, start: int, end: int, others: Sequence[tuple[int, int]]) -> frozenset[str]:
    """Content words of the clause around [start, end) up to the next quantity on either side."""
    left = max([0, *(m.end() for m in _CLAUSE_END.finditer(text, 0, start)), *(e for _, e in others if e <= start)])
    stop = _CLAUSE_END.search(text, end)
    right = min([len(text) if stop is None else stop.start(), *(s for s, _ in others if s >= end)])

    def named(piece: str) -> list[str]:
        return [w.text for w in cut_words(piece) if is_content_word(w.text) and w.text not in _VAGUE]

    before = named(text[max(left, start - 16) : start])
    # 盐雾 ≥ 1000 h and ≥ 1000 h 盐雾: the property stands before, and only where nothing does, behind.
    found = before or named(text[end : min(right, end + 10)])
    if not found and text[left - 1 : left] in _GOES_ON:
        # 翘曲达 0.9%，要求 ≤ 0.5%: what the sentence is about was named in the clause before.
        opening = max([0, *(m.end() for m in _CLAUSE_END.finditer(text, 0, left - 1))])
        found = [word for word in named(text[max(opening, left - 24) : left - 1]) if not re.search(r"\d", word)]
    return frozenset(found)


@lru_cache(maxsize=8192)
def find_quantities(text: str) -> tuple[Quantity, ...]:
    """All quantities of `text` in order. Years of dates are none."""
    normal = normalise_with_offsets(text)
    matches = [match for match in _QUANTITY.finditer(normal.text) if not _CALENDAR.match(match.group(0).strip())]
    places = [match.span() for match in matches]
    found = []
    for match in matches:
        unit = UNITS[match.group("unit")]
        first, last = normal.original_span(*match.span())
        written = text[first:last]
        factor = _factor(match.group("unit"), unit, written)
        first_number = _number(match.group("number")) * (-1 if match.group("sign") else 1)
        value = first_number * factor + unit.offset
        bound = _read_bound(match)
        low = high = value
        if match.group("number2"):
            second = _number(match.group("number2"))
            if match.group("joint") == "±":
                low, high, bound = value - second * factor, value + second * factor, Bound.RANGE
            else:
                inner = UNITS[match.group("unit1")] if match.group("unit1") else None
                if inner is not None and inner.dimension == unit.dimension:
                    value = first_number * inner.factor + inner.offset
                low, high = sorted((value, second * factor + unit.offset))
        elif bound is Bound.AT_LEAST:
            high = math.inf
        elif bound is Bound.AT_MOST:
            low = -math.inf
        elif bound is Bound.TOLERANCE:
            low, high = -abs(value), abs(value)
        properties = _find_properties(normal.text, *match.span(), places)
        found.append(
            Quantity(
                properties, bound, low, high, unit.dimension, unit.canonical, written.strip(" ,:："), (first, last)
            )
        )
    return tuple(found)


def same_property(need: Quantity, capability: Quantity) -> bool:
    """Whether both are about the same thing: one dimension, and a word in common that names the property."""
    if need.dimension != capability.dimension:
        return False
    if need.dimension in _TELLING:
        return True
    first, second = _property_parts(need.properties), _property_parts(capability.properties)
    shared = first & second
    if any(is_domain_term(part) for part in shared):
        return True
    return bool(shared) and len(shared) * 2 >= min(len(first), len(second))


def _property_parts(properties: frozenset[str]) -> set[str]:
    """The words and the pairs of characters in them: 耐盐雾 and 中性盐雾 share 盐雾."""
    pairs = {word[place : place + 2] for word in properties for place in range(len(word) - 1) if not word.isascii()}
    return (set(properties) | pairs) - _VAGUE


def compare_quantities(need: Quantity, capability: Quantity) -> Fulfilment:
    """Whether the capability's statement meets the need's demand.

    A demand without a bound (`盐雾 1000 h`) does not say which direction is better: it is met by an equal or enclosing
    statement, else nothing is known.
    """
    if not same_property(need, capability):
        return Fulfilment.UNKNOWN
    if need.bound is Bound.TOLERANCE or capability.bound is Bound.TOLERANCE:
        if need.bound is not capability.bound:
            return Fulfilment.UNKNOWN
        return Fulfilment.MET if capability.high <= need.high * (1 + 1e-9) else Fulfilment.NOT_MET
    slack = 1e-9 * max(abs(x) for x in (need.low, need.high, capability.low, capability.high, 1.0) if math.isfinite(x))
    if need.bound is Bound.EXACT:
        inside = capability.low - slack <= need.low <= capability.high + slack
        return Fulfilment.MET if inside else Fulfilment.UNKNOWN
    if need.bound is Bound.AT_LEAST and capability.bound is Bound.AT_LEAST:
        return Fulfilment.MET if capability.low >= need.low - slack else Fulfilment.NOT_MET
    if need.bound is Bound.AT_MOST and capability.bound is Bound.AT_MOST:
        return Fulfilment.MET if capability.high <= need.high + slack else Fulfilment.NOT_MET
    if need.low - slack <= capability.low and capability.high <= need.high + slack:
        return Fulfilment.MET
    if capability.high < need.low - slack or capability.low > need.high + slack:
        return Fulfilment.NOT_MET
    return Fulfilment.UNKNOWN


@dataclass(frozen=True, slots=True)
class QuantityMatch:
    """Two quantities of one property and what comparing them found."""

    need: Quantity
    capability: Quantity
    fulfilment: Fulfilment


def match_quantities(needs: Sequence[Quantity], capabilities: Sequence[Quantity]) -> list[QuantityMatch]:
    """For each of the need's quantities the capability's that says most about it, if any does.

    A capability that states a property twice (before, after) is taken at its best.
    """
    matches = []
    for need in needs:
        compared = [
            QuantityMatch(need, capability, compare_quantities(need, capability))
            for capability in capabilities
            if need.dimension == capability.dimension
        ]
        for fulfilment in (Fulfilment.MET, Fulfilment.NOT_MET):
            best = next((match for match in compared if match.fulfilment is fulfilment), None)
            if best is not None:
                matches.append(best)
                break
    return matches

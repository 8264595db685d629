"""Which column of a table holds which field: a guess with a confidence, which the caller can change and remember."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from matching.errors import InvalidInput
from matching.importing.fields import (
    EXTRA_PREFIX,
    FIELDS,
    JOINED_KINDS,
    NOT_COLLECTED,
    OWN_HEADERS,
    Field,
    RecordKind,
    field_named,
)

if TYPE_CHECKING:
    from matching.importing.layout import Table

CERTAIN = 1.0
ACCEPTED = 0.5
"""Below this confidence a column is left to the reader of the preview."""
_LONGEST_HEADER = 60
_LONGEST_TEXT = 200
LEVEL_MARK = " / "
"""Between the levels of a header that is written in one line."""

_BRACKETS = re.compile(r"[(（\[【〔<《][^()（）\[\]【】〔〕<>《》]*[)）\]】〕>》]")
_ENUMERATION = re.compile(
    r"^(?:\d{1,2}(?:\.\d{1,2})*[.、)]|[一二三四五六七八九十]{1,3}[、.]|\([\d一二三四五六七八九十]{1,3}\))"
)
_BLANKS = re.compile(r"[\s_]+")
_ONLY_BRACKETS = re.compile(r"^[(（\[【〔][^()（）]*[)）\]】〕]$")
_ENDS_OF_SPAN = re.compile(
    r"^(?P<stem>[^()]*?(?:时间|期限|时限|日期|年月))\((?P<end>起|始|开始|起始|止|终|结束|截止|终止)\)\*?$"
)
"""需求时间（起） and 需求时间（止） differ in the brackets alone."""
_STARTS = ("起", "始", "开始", "起始")
_BOUND = re.compile(
    r"^(?P<stem>[^()]*?(?:资金|预算|经费|金额|投入|出资额?|价格|报价|费用?|价))\(?(?P<bound>下限|上限|最低|最高|最少|最多|最小值?|最大值?)\)?(?=$|[(*])"
)
"""拟投入资金（下限） and 资金上限 are columns of one range; without what their brackets say both would be all of it."""
_LEAST = ("下限", "最低", "最少", "最小", "最小值")
_UNIT_NOTE = re.compile(r"[,;:、]?单位:?(?:人民币)?[万亿]?元$")
_GROUP_ENDING = re.compile(r"(?:基本)?(?:信息|情况|资料)$")
_GENERIC = frozenset(
    (
        "名称",
        "姓名",
        "全称",
        "电话",
        "手机",
        "简介",
        "编号",
        "类型",
        "类别",
        "地址",
        "邮箱",
        "单位",
        "代码",
        "描述",
        "内容",
        "概述",
        "介绍",
    )
)
"""Headers that say something only together with the group they stand under."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnGuess:
    """What a column seems to hold.

    `field` is a name from `fields.FIELDS[kind]`, None for a column that is kept in `extra`. `confidence` runs from 0 to
    1. `alternatives` are other fields it might be, likeliest first. `unit` is `元` or `万元` where the header says so.
    `collected` is False for columns that are passed over: personal data without use, and our own remarks.
    """

    column: int
    header: str
    field: str | None
    confidence: float
    alternatives: tuple[str, ...] = ()
    unit: str | None = None
    collected: bool = True


@lru_cache(maxsize=8192)
def normalise_header(text: str) -> str:
    """A header as compared: half-width, lower case, without blanks, brackets, numbering and marks for required."""
    text = text[:_LONGEST_TEXT]
    folded = _BLANKS.sub("", unicodedata.normalize("NFKC", text).lower())
    folded = _ENUMERATION.sub("", folded.lstrip("*#★● "))
    folded = _UNIT_NOTE.sub("", folded) or folded
    if (ends := _ENDS_OF_SPAN.match(folded)) is not None:
        stem = "研究" if ends["stem"].startswith("研究") else ""
        return stem + ("开始时间" if ends["end"] in _STARTS else "结束时间")
    if (bound := _BOUND.match(folded)) is not None:
        return bound["stem"] + ("下限" if bound["bound"] in _LEAST else "上限")
    bare = folded
    while (shorter := _BRACKETS.sub("", bare)) != bare:
        bare = shorter
    return (bare or folded).strip("*#★:：.。、,;- ")


def header_unit(text: str) -> str | None:
    """`元` or `万元` where a header names its unit of money."""
    folded = _BLANKS.sub("", unicodedata.normalize("NFKC", text[:_LONGEST_TEXT]).lower())
    if "万元" in folded or "10,000" in folded or "10000cny" in folded:
        return "万元"
    if re.search(r"[(\[【:/单位]元|[(\[](?:rmb|cny|yuan)", folded):
        return "元"
    return None


@cache
def _passed_over() -> frozenset[str]:
    return frozenset(normalise_header(name) for name in (*NOT_COLLECTED, *OWN_HEADERS))


@cache
def _known_names(kind: RecordKind) -> tuple[dict[str, Field], dict[str, list[Field]]]:
    strong: dict[str, Field] = {}
    weak: dict[str, list[Field]] = {}
    for field in FIELDS[kind]:
        for name in (field.zh, field.en, field.name, *field.aliases):
            strong.setdefault(normalise_header(name), field)
        for name in field.weak:
            weak.setdefault(normalise_header(name), []).append(field)
    return strong, weak


@lru_cache(maxsize=8192)
def match_header(parts: tuple[str, ...], kind: RecordKind, *, misspelt: bool = False) -> tuple[tuple[str, float], ...]:
    """Fields a header may stand for with their confidence, surest first.

    `parts` are the header's levels from the group down to the column (`("企业信息", "名称")`, or in one line
    `企业信息 / 名称`). With `misspelt`, names that differ in a character or two count too, with little confidence.
    """
    levels = (level for part in parts for level in part.split(LEVEL_MARK))
    shown = [level for level in levels if level.strip()]
    # （万元） in a row of its own says the unit of what stands above it.
    names = [normalise_header(level) for level in shown if len(shown) == 1 or not _ONLY_BRACKETS.match(level.strip())]
    if not names or len(names[-1]) > _LONGEST_HEADER:
        return ()
    strong, weak = _known_names(kind)
    last = names[-1]
    found: dict[str, float] = {}

    def note(field: Field, confidence: float) -> None:
        found[field.name] = max(found.get(field.name, 0.0), round(confidence, 3))

    for group in names[:-1]:
        for prefix in {group, _GROUP_ENDING.sub("", group)} - {""}:
            # 拟投入资金 / 最低 is 拟投入资金下限, which is known by its normal form.
            if (field := strong.get(prefix + last) or strong.get(normalise_header(prefix + last))) is not None:
                note(field, CERTAIN)
    generic = last in _GENERIC and len(names) > 1
    if (field := strong.get(last)) is not None:
        note(field, 0.6 if generic else CERTAIN)
    for field in weak.get(last, ()):
        note(field, 0.65)
    if max(found.values(), default=0.0) < 0.9 and 2 <= len(last) <= 30:
        for alias, field in strong.items():
            if len(alias) >= (4 if alias.isascii() else 3) and alias in last:
                note(field, 0.5 + 0.4 * len(alias) / len(last))
    if misspelt and not found and len(last) >= 4:
        for alias, field in strong.items():
            if abs(len(alias) - len(last)) <= 2 and len(alias) >= 4:
                ratio = SequenceMatcher(None, alias, last).ratio()
                if ratio >= 0.8:
                    note(field, 0.65 * ratio)
    return tuple(sorted(found.items(), key=lambda item: -item[1]))


def guess_columns(table: Table, kind: RecordKind) -> list[ColumnGuess]:
    """The guess for every column of the table, in order of columns.

    Two columns may bring one field where its values can be joined (prose, lists, phones); of the others the surest
    column is taken, then the leftmost, and the rest stay unassigned with the field among their alternatives.
    """
    wishes = {header.column: match_header(header.parts, kind, misspelt=True) for header in table.headers}
    holders: dict[str, tuple[float, int]] = {}
    for column, candidates in wishes.items():
        for name, confidence in candidates[:1]:
            holder = holders.get(name)
            if holder is None or confidence > holder[0]:
                holders[name] = (confidence, column)
    guesses = []
    for header in table.headers:
        candidates = wishes[header.column]
        chosen, confidence = None, 0.0
        for name, value in candidates:
            field = field_named(kind, name)
            if field is None or value < ACCEPTED:
                continue
            holder = holders.setdefault(name, (value, header.column))
            joined = field.kind in JOINED_KINDS and value >= 0.75
            if holder[1] == header.column or joined:
                chosen, confidence = name, value
                break
        text = header.text
        collected = normalise_header(text) not in _passed_over()
        if text.startswith(EXTRA_PREFIX) or not collected:
            chosen, confidence, candidates = None, 0.0, ()
        guesses.append(
            ColumnGuess(
                column=header.column,
                header=text,
                field=chosen,
                confidence=confidence,
                alternatives=tuple(name for name, _ in candidates if name != chosen),
                unit=header_unit(text),
                collected=collected,
            )
        )
    return _guess_prose(table, kind, guesses)


_PROSE = {
    "needs": ("problem", ("problem", "expected_result", "indicators")),
    "capabilities": ("abstract", ("abstract", "advantages", "applications")),
}
_LEAST_PROSE_LENGTH = 12.0
"""Characters a cell has on average in a column of prose; codes, names and dates are shorter."""


def _guess_prose(table: Table, kind: RecordKind, guesses: list[ColumnGuess]) -> list[ColumnGuess]:
    """Where no header names the prose, the column with the longest texts is taken for it, with little confidence.

    A post without its text would be matched by the title alone, and people find ever new names for that column. JSON
    lines have no header that could be misnamed: their unknown keys are ignored.
    """
    if kind not in _PROSE or not table.header_rows:
        return guesses
    field, any_of = _PROSE[kind]
    if any(guess.field in any_of for guess in guesses):
        return guesses
    free = [
        guess
        for guess in guesses
        if guess.field is None and guess.collected and not guess.header.startswith(EXTRA_PREFIX)
    ]
    lengths = {guess.column: _mean_length(table, guess.column) for guess in free}
    longest = max(free, key=lambda guess: lengths[guess.column], default=None)
    if longest is None or lengths[longest.column] < _LEAST_PROSE_LENGTH:
        return guesses
    chosen = replace(longest, field=field, confidence=ACCEPTED)
    return [chosen if guess is longest else guess for guess in guesses]


def _mean_length(table: Table, column: int) -> float:
    texts = [row.cells[column].text for row in table.rows if column in row.cells and row.cells[column].text.strip()]
    return sum(map(len, texts)) / len(texts) if texts else 0.0


def apply_column_map(
    guesses: Sequence[ColumnGuess], column_map: Mapping[str, str | None], kind: RecordKind
) -> list[ColumnGuess]:
    """The guesses with what a person decided: header → field name, or None for "keep as extra".

    Headers are compared in normal form, so a map remembered from one file serves the next. Raises InvalidInput for a
    field that the kind does not have.
    """
    wanted = {normalise_header(header): name for header, name in column_map.items()}
    for header, name in column_map.items():
        if name is not None and field_named(kind, name) is None:
            raise InvalidInput(
                "import.no_such_field",
                f"“{header}”不能对应到“{name}”：没有这个字段",
                message_en=f'"{header}" cannot be mapped to "{name}": there is no such field',
            )
    mapped = []
    for guess in guesses:
        key = normalise_header(guess.header)
        if key in wanted and guess.collected:
            name = wanted[key]
            mapped.append(
                ColumnGuess(
                    column=guess.column,
                    header=guess.header,
                    field=name,
                    confidence=CERTAIN if name else 0.0,
                    alternatives=guess.alternatives,
                    unit=guess.unit,
                )
            )
        else:
            mapped.append(guess)
    decided = {guess.field for guess in mapped if guess.field and normalise_header(guess.header) in wanted}
    return [
        _unassigned(guess)
        if guess.field in decided and normalise_header(guess.header) not in wanted and not _joins(kind, guess.field)
        else guess
        for guess in mapped
    ]


def _joins(kind: RecordKind, name: str | None) -> bool:
    field = field_named(kind, name) if name else None
    return field is not None and field.kind in JOINED_KINDS


def _unassigned(guess: ColumnGuess) -> ColumnGuess:
    return ColumnGuess(
        column=guess.column,
        header=guess.header,
        field=None,
        confidence=0.0,
        alternatives=(*((guess.field,) if guess.field else ()), *guess.alternatives),
        unit=guess.unit,
    )

"""What a cell's text means: money, dates, phones, lists, maturity, terms.

Functions raise `ValueError` with a Chinese and an English sentence (`Unreadable`) where a text is there but cannot be
understood; empty texts and the usual signs for "nothing" (无, -, /, N/A) are None or empty.
"""

from __future__ import annotations

import re
import unicodedata
from calendar import monthrange
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from matching.documents import MoneyRange
from matching.importing.number_text import date_of_serial
from matching.importing.vocabularies import TermFinder


class Unreadable(ValueError):
    """A text that is no value of its kind. `zh` and `en` say why."""

    def __init__(self, zh: str, en: str) -> None:
        self.zh = zh
        self.en = en
        super().__init__(zh)


_HAN = "\u3400-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_NOTHING = frozenset(
    (
        "",
        "-",
        "--",
        "---",
        "—",
        "——",
        "/",
        "\\",
        "无",
        "没有",
        "暂无",
        "空",
        "n/a",
        "na",
        "none",
        "null",
        "nil",
        "nan",
        "未填",
        "未填写",
        "不详",
        "…",
        "……",
    )
)


def fold(text: str) -> str:
    """Half-width text with plain hyphens and tildes and without outer blanks."""
    folded = unicodedata.normalize("NFKC", text)
    return re.sub("[‐-―−﹣]", "-", folded.replace("〜", "~").replace("∼", "~")).strip()


def is_nothing(text: str) -> bool:
    """Whether a text only says that there is nothing to say."""
    return unicodedata.normalize("NFKC", text).strip().lower() in _NOTHING or text.strip() in _NOTHING


# --- money -----------------------------------------------------------------------------------------------------------

_NEGOTIABLE = re.compile(
    r"面议|面谈|议定|另议|商议|商定|协商|洽谈|待定|待议|待商|可议|negotiab|tobediscussed|tbd|tobeagreed",
    re.IGNORECASE,
)
_FOREIGN = re.compile(r"美元|欧元|英镑|日元|港币|港元|usd|us\$|eur|€|£|gbp|jpy|hkd|\$", re.IGNORECASE)
_AMOUNT = re.compile(
    r"(?P<number>\d+(?:\.\d+)?|\.\d+)(?P<unit>(?:亿|千万|百万|十万|万|千|百)元?|元|w|k)?", re.IGNORECASE
)
_UNITS = {
    "": None, "元": Decimal("0.0001"), "百": Decimal("0.01"), "千": Decimal("0.1"), "k": Decimal("0.1"),
    "万": Decimal(1), "w": Decimal(1), "十万": Decimal(10), "百万": Decimal(100), "千万": Decimal(1000),
    "亿": Decimal(10000),
}  # fmt: skip
_AT_LEAST = re.compile(
    r"以上|不低于|不少于|不小于|至少|起步?|(?<!不)大于|(?<!不)超过|(?<!不)高于|>=|≥|>|\+$|atleast|morethan|from|over|minimum"
)
_AT_MOST = re.compile(
    r"以下|以内|之内|不超过|不高于|不多于|不大于|最多|至多|上限|(?<!不)小于|(?<!不)少于|(?<!不)低于|"
    r"<=|≤|<|upto|atmost|lessthan|nomorethan|under|maximum|max"
)
_DIGIT_CHARACTERS = ("零〇", "一壹", "二两贰", "三叁", "四肆", "五伍", "六陆", "七柒", "八捌", "九玖")
_DIGITS = {character: value for value, characters in enumerate(_DIGIT_CHARACTERS) for character in characters}
_TENS = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000}
_NUMERALS = "".join((*_DIGIT_CHARACTERS, *_TENS))
_CHINESE_NUMBER = re.compile(rf"(?<![\d.{_NUMERALS}])[{_NUMERALS}]++(?=万|亿|元|$|[-~至到])")
_MAX_WAN = Decimal(10) ** 9
"""No budget of a post is a trillion: beyond, the text is not an amount."""


def _chinese_number(text: str) -> Decimal | None:
    """五十 → 50, 三百二十 → 320; None for what is no number (十百)."""
    total, digit = 0, None
    last = 10_000
    for character in text:
        if character in _DIGITS:
            if digit not in (None, 0):
                return None
            digit = _DIGITS[character]
        else:
            weight = _TENS[character]
            if weight >= last:
                return None
            last = weight
            total += (1 if digit is None else digit) * weight
            digit = None
    return Decimal(total + (digit or 0))


def parse_money(text: str, *, unit: str | None = None) -> MoneyRange | None:
    """An amount or a range in 万元, exact.

    `unit` is the header's (`元` or `万元`, the default) and counts for numbers that bring none of their own.
    Understood: 50, ８万元, 20-30, 20万至30万元, 约50万, 100万元以上, ≤50, 1.5亿, 五十万元, 面议, 面议（50万以内）.
    Raises Unreadable for foreign money and for text that holds no amount.
    """
    if is_nothing(text):
        return None
    spaced = fold(text)
    if re.search(r"\d\s+\d", spaced) and not re.search(r"(?<![\d.])\d{1,3}(?:\s\d{3})+(?!\s*\d)", spaced):
        raise Unreadable(f"金额不止一个：{text}", f"more than one amount: {text}")
    folded = re.sub(r"\s+", "", spaced).lower()
    # 1,000 and 1，000 are one number, with three digits after each comma.
    folded = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", folded)
    negotiable = bool(_NEGOTIABLE.search(folded))
    if _FOREIGN.search(folded):
        raise Unreadable(f"不是人民币金额：{text}", f"not an amount in CNY: {text}")
    folded = re.sub(r"人民币|rmb|cny|[¥￥]|整$|/年|每年|左右|上下|大约|大概|约|近", "", folded)
    folded = _CHINESE_NUMBER.sub(_spell_out, folded)
    found = list(_AMOUNT.finditer(folded))
    if not found:
        if negotiable:
            return MoneyRange(negotiable=True)
        raise Unreadable(f"看不出金额：{text}", f"no amount can be read: {text}")
    default = Decimal("0.0001") if unit == "元" else Decimal(1)
    lone = re.sub(_NEGOTIABLE, "", folded)
    first = found[0]
    if len(found) >= 2 and re.fullmatch(r"元?(?:-|~|至|到|—|to|及)+", folded[first.end() : found[1].start()]):
        second = found[1]
        own, other = _unit_of(first), _unit_of(second)
        minimum = _amount(first, own or other or default)
        maximum = _amount(second, other or own or default)
        if minimum > maximum and own is None and other is not None:
            minimum = _amount(first, default)
        if minimum > maximum:
            raise Unreadable(f"金额区间的下限大于上限：{text}", f"the range ends below its start: {text}")
        if len(found) > 2:
            raise Unreadable(f"金额不止一个：{text}", f"more than one amount: {text}")
        return MoneyRange(minimum=minimum, maximum=maximum, negotiable=negotiable)
    if len(found) > 1:
        raise Unreadable(f"金额不止一个：{text}", f"more than one amount: {text}")
    if folded[: first.start()].endswith("-"):
        raise Unreadable(f"金额不能是负数：{text}", f"an amount cannot be negative: {text}")
    amount = _amount(first, _unit_of(first) or default)
    if _AT_LEAST.search(lone):
        return MoneyRange(minimum=amount, negotiable=negotiable)
    if _AT_MOST.search(lone):
        return MoneyRange(maximum=amount, negotiable=negotiable)
    rest = lone.replace(first.group(), "", 1)
    if len(re.sub(r"[()\[\]:;,.。、/元年]", "", rest)) > 12:
        raise Unreadable(f"看不出金额：{text}", f"no amount can be read: {text}")
    return MoneyRange(minimum=amount, maximum=amount, negotiable=negotiable)


def _spell_out(match: re.Match[str]) -> str:
    number = _chinese_number(match.group())
    return match.group() if number is None else str(number)


def _unit_of(match: re.Match[str]) -> Decimal | None:
    unit = (match.group("unit") or "").lower()
    return _UNITS[unit] if unit in _UNITS else _UNITS[unit.removesuffix("元")]


def _amount(match: re.Match[str], factor: Decimal) -> Decimal:
    value = Decimal(match.group("number")) * factor
    if value > _MAX_WAN:
        raise Unreadable(f"金额过大：{match.group()}", f"the amount is too large: {match.group()}")
    if value * 1_000_000 != (value * 1_000_000).to_integral_value():
        raise Unreadable(f"金额细于一分：{match.group()}", f"the amount is finer than 0.01 CNY: {match.group()}")
    return plain(value)


def plain(value: Decimal) -> Decimal:
    """The same number without trailing zeros and exponent."""
    whole = value.to_integral_value()
    return whole.quantize(Decimal(1)) if value == whole else value.normalize()


def format_money(money: MoneyRange | None) -> str:
    """As an export writes it and `parse_money` reads it: `20-30`, `≥20`, `≤30`, `50`, `面议`, `20-30（可面议）`."""
    if money is None:
        return ""
    low = None if money.minimum is None else format(plain(money.minimum), "f")
    high = None if money.maximum is None else format(plain(money.maximum), "f")
    if low is not None and high is not None:
        amount = low if money.minimum == money.maximum else f"{low}-{high}"
    elif low is not None:
        amount = f"≥{low}"
    elif high is not None:
        amount = f"≤{high}"
    else:
        return "面议" if money.negotiable else ""
    return f"{amount}（可面议）" if money.negotiable else amount


# --- dates -----------------------------------------------------------------------------------------------------------

_MONTHS = {name: number for number, name in enumerate(
    ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1)}  # fmt: skip
_YEAR = r"(?P<year>(?:19|20)\d{2})"
_DAY_FORMS = (
    re.compile(_YEAR + r"\s*年\s*(?P<month>\d{1,2})\s*月\s*(?P<day>\d{1,2})\s*[日号]?"),
    re.compile(_YEAR + r"\s*[-./]\s*(?P<month>\d{1,2})\s*[-./]\s*(?P<day>\d{1,2})(?:日)?"),
    re.compile(_YEAR + r"(?P<month>0[1-9]|1[0-2])(?P<day>0[1-9]|[12]\d|3[01])(?!\d)"),
)
_SHORT_YEAR = re.compile(r"(?P<year>\d{2})\s*年\s*(?P<month>\d{1,2})\s*月\s*(?P<day>\d{1,2})\s*[日号]?")
_SHORT_DOTTED = re.compile(r"(?P<year>[2-4]\d)[-./](?P<month>\d{1,2})[-./](?P<day>\d{1,2})")
_SHORT_ENGLISH = re.compile(r"(?P<day>\d{1,2})-(?P<name>[a-z]{3})-(?P<year>\d{2})", re.IGNORECASE)
_MONTH_FORMS = (
    re.compile(_YEAR + r"\s*年\s*(?P<month>\d{1,2})\s*月?(?:份|底|末|初)?"),
    re.compile(_YEAR + r"\s*[-./]\s*(?P<month>\d{1,2})(?:月|月底|月份)?(?!\d)"),
)
_YEAR_FORM = re.compile(_YEAR + r"\s*年?\s*(?:底|末|初|内|度)?")
_ENGLISH_DAY = re.compile(
    r"(?P<day>\d{1,2})(?:st|nd|rd|th)?[\s-]+(?P<name>[a-z]{3,9})\.?,?[\s-]+" + _YEAR, re.IGNORECASE
)
_ENGLISH_DAY_US = re.compile(r"(?P<name>[a-z]{3,9})\.?\s+(?P<day>\d{1,2})(?:st|nd|rd|th)?,?\s+" + _YEAR, re.IGNORECASE)
_ENGLISH_MONTH = re.compile(r"(?P<name>[a-z]{3,9})\.?,?[\s-]+" + _YEAR, re.IGNORECASE)
_YEAR_LAST = re.compile(r"(?P<first>\d{1,2})[/.-](?P<second>\d{1,2})[/.-]" + _YEAR)
_TIME_OF_DAY = re.compile(
    r"(?:T|(?<!\s)\s)\s*+\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?$", re.IGNORECASE
)
_OPEN_ENDED = re.compile(r"^(?:长期|长期有效|不限|待定|未定|另定|面议|协商|尽快|ongoing|open|asap|tbd)$", re.IGNORECASE)


_CHINESE_DATE = re.compile(r"([〇零一二三四五六七八九十]{1,4})(?=[年月日号])")


def _spell_out_date(match: re.Match[str]) -> str:
    """二〇二四年三月 → 2024年3月."""
    text = match.group(1)
    if len(text) == 4 and "十" not in text:
        return "".join(str(_DIGITS[character]) for character in text)
    number = _chinese_number(text)
    return text if number is None else str(number)


def parse_date(text: str, *, edge: Literal["start", "end"] = "start", epoch_1904: bool = False) -> date | None:
    """A date as people write it; for a month or a year alone its first or (`edge="end"`) last day.

    Understood: 2024年3月5日, 2024-06-30, 2024.7, 2024/08/01, 20240305, 2024年, 二〇二四年三月, 5 March 2024, and a
    spreadsheet's day number (45500) between 1990 and 2100. 长期 and 待定 are None. Raises
    Unreadable for the rest, and for 03/04/2024, which may be either.
    """
    if is_nothing(text):
        return None
    folded = _CHINESE_DATE.sub(_spell_out_date, _TIME_OF_DAY.sub("", fold(text)))
    if _OPEN_ENDED.match(folded):
        return None
    if re.fullmatch(r"\d{5}(?:\.\d+)?", folded):
        moment = date_of_serial(float(folded), epoch_1904=epoch_1904)
        if moment is not None and 1990 <= moment.year <= 2100:
            return moment.date()
    for pattern in _DAY_FORMS:
        if match := pattern.fullmatch(folded):
            return _make_date(int(match["year"]), int(match["month"]), int(match["day"]), text)
    for pattern in (_ENGLISH_DAY, _ENGLISH_DAY_US):
        if (match := pattern.fullmatch(folded)) and (month := _MONTHS.get(match["name"][:3].lower())):
            return _make_date(int(match["year"]), month, int(match["day"]), text)
    if (match := _SHORT_ENGLISH.fullmatch(folded)) and (month := _MONTHS.get(match["name"].lower())):
        return _make_date(2000 + int(match["year"]), month, int(match["day"]), text)  # as spreadsheets show d-mmm-yy
    if match := _SHORT_YEAR.fullmatch(folded):
        return _make_date(2000 + int(match["year"]), int(match["month"]), int(match["day"]), text)
    if match := _SHORT_DOTTED.fullmatch(folded):
        if 20 <= int(match["day"]) <= 31 and int(match["year"]) <= 31:
            raise Unreadable(f"分不清哪个是年、哪个是日：{text}", f"year and day cannot be told apart: {text}")
        return _make_date(2000 + int(match["year"]), int(match["month"]), int(match["day"]), text)
    if match := _YEAR_LAST.fullmatch(folded):
        first, second = int(match["first"]), int(match["second"])
        if first != second and first <= 12 and second <= 12:
            raise Unreadable(f"分不清哪个是月、哪个是日：{text}", f"month and day cannot be told apart: {text}")
        month, day = (first, second) if second > 12 else (second, first)
        return _make_date(int(match["year"]), month, day, text)
    for pattern in _MONTH_FORMS:
        if match := pattern.fullmatch(folded):
            return _edge_of_month(int(match["year"]), int(match["month"]), edge, text)
    if (match := _ENGLISH_MONTH.fullmatch(folded)) and (month := _MONTHS.get(match["name"][:3].lower())):
        return _edge_of_month(int(match["year"]), month, edge, text)
    if match := _YEAR_FORM.fullmatch(folded):
        return _edge_of_month(int(match["year"]), 1 if edge == "start" else 12, edge, text)
    raise Unreadable(f"看不出日期：{text}", f"no date can be read: {text}")


def _make_date(year: int, month: int, day: int, text: str) -> date:
    try:
        return date(year, month, day)
    except ValueError as error:
        raise Unreadable(f"没有这一天：{text}", f"there is no such day: {text}") from error


def _edge_of_month(year: int, month: int, edge: str, text: str) -> date:
    if not 1 <= month <= 12:
        raise Unreadable(f"没有这个月：{text}", f"there is no such month: {text}")
    return date(year, month, 1 if edge == "start" else monthrange(year, month)[1])


_SPAN_MARKS = (r"\s*(?:至|到|~|—|－|\bto\b|\buntil\b)+\s*", r"\s*-{2,}\s*", r"\s+-\s+", r"-")


def parse_span(text: str, *, epoch_1904: bool = False) -> tuple[date | None, date | None]:
    """A time span: `2018.01-2020.12`, `2024年至2026年`; one date alone is its end. Raises as `parse_date`."""
    if is_nothing(text):
        return None, None
    folded = fold(text)
    try:
        return None, parse_date(folded, edge="end", epoch_1904=epoch_1904)
    except Unreadable as error:
        whole = error
    for mark in _SPAN_MARKS:
        for match in re.finditer(mark, folded):
            before, after = folded[: match.start()].strip(" 从自由:"), folded[match.end() :].strip(" 止。")
            short = re.fullmatch(r"(\d{1,2})月?", after)
            year = re.match(r"(?:19|20)\d{2}", before)
            if short and year and re.search(r"[年.]", before):
                after = f"{year.group()}年{short.group(1)}月"
            try:
                start = parse_date(before, edge="start", epoch_1904=epoch_1904)
                end = parse_date(after, edge="end", epoch_1904=epoch_1904)
            except Unreadable:
                continue
            if start is not None and end is not None and start > end:
                raise Unreadable(f"结束早于开始：{text}", f"it ends before it starts: {text}")
            return start, end
    raise whole


# --- phones and e-mail -----------------------------------------------------------------------------------------------

_PHONE_BREAK = re.compile(r"[/、;,|\n]|(?<!\s)\s++或\s*|或者?|\s和\s|以及")
_MOBILE = re.compile(r"(?<!\d)(?:\+?0{0,2}86[\s-]*)?(1[3-9]\d[\s-]?\d{4}[\s-]?\d{4})(?!\d)")
_EXTENSION = r"(?:\s*(?:转|ext\.?|x|分机)\s*(\d{1,6})|-(\d{1,6}))?"
_LANDLINE = re.compile(
    r"(?:(?:\+|00)?86[\s-]*)?\(?(0?(?:10|2\d|[3-9]\d{2}))\)?[\s-]*(\d{7,8}|\d{3,4}[\s-]\d{4})" + _EXTENSION,
    re.IGNORECASE,
)
_LOCAL = re.compile(r"(\d{7,8})" + _EXTENSION, re.IGNORECASE)
_SERVICE = re.compile(r"[48]00[\s-]?\d{3}[\s-]?\d{4}|[48]00[\s-]?\d{4}[\s-]?\d{3}")
_FOREIGN_PHONE = re.compile(r"(?:\+|00)(?!86)[1-9][\d\s()./-]{6,20}\d")
_ALSO_CHAT = re.compile(r"\(?(?:微信|钉钉|qq)(?:同号|同手机|号?同步)?\)?", re.IGNORECASE)
_SCIENTIFIC = re.compile(r"^\d(?:\.\d+)?[eE]\+?\d+$")


@dataclass(frozen=True, slots=True)
class Phones:
    """Numbers in one way of writing (`13800138000`, `0750-8888888转801`), and texts that are no number."""

    numbers: tuple[str, ...]
    doubtful: tuple[str, ...]


def is_scientific(text: str) -> bool:
    """Whether a number was shortened to an exponent (9.14408E+17), so that digits are lost."""
    return bool(_SCIENTIFIC.match(fold(text)))


def parse_phones(text: str) -> Phones:
    """All phone numbers of a cell, each once; what looks wrong is kept as written among `doubtful`."""
    if is_nothing(text):
        return Phones((), ())
    numbers: list[str] = []
    doubtful: list[str] = []
    area = ""
    for piece in _PHONE_BREAK.split(fold(text)):
        piece = re.sub(
            r"^(?:手机|电话|固话|座机|办公|tel|mobile|phone|联系电话)\s*[:：.]?\s*",
            "",
            piece.strip(),
            flags=re.IGNORECASE,
        )
        if not piece:
            continue
        piece = re.sub(r"\.0+$", "", piece) if re.fullmatch(r"\d+\.0+", piece) else piece
        piece = piece[1:-1].strip() if re.fullmatch(r"\([^()]+\)", piece) else piece
        several = [re.sub(r"[\s-]", "", match.group(1)) for match in _MOBILE.finditer(piece)]
        rest = _ALSO_CHAT.sub("", _MOBILE.sub(" ", piece)).strip(" -():")
        if several and not rest:
            numbers.extend(several)
            continue
        number, found_area = _one_number(rest if several else piece, area)
        if several and number is not None:
            numbers.extend([*several, number])
        elif number is not None:
            numbers.append(number)
        elif several and not re.search(r"\d", rest):
            numbers.extend(several)
            if re.fullmatch(rf"[{_HAN}·A-Za-z .]{{1,20}}", rest):
                doubtful.append(rest)  # a name beside the number
        else:
            parts = re.split(r"\s{1,}", piece)
            read = [_one_number(part, area)[0] for part in parts]
            if len(parts) > 1 and all(read):
                numbers.extend(value for value in read if value)
            else:
                doubtful.append(piece)
        area = found_area or area
    return Phones(tuple(dict.fromkeys(numbers)), tuple(dict.fromkeys(doubtful)))


def _one_number(piece: str, area: str) -> tuple[str | None, str]:
    piece = piece.strip()
    if match := _MOBILE.fullmatch(piece):
        return re.sub(r"[\s-]", "", match.group(1)), ""
    if _SERVICE.fullmatch(piece):
        digits = re.sub(r"\D", "", piece)
        return f"{digits[:3]}-{digits[3:6]}-{digits[6:]}", ""
    if match := _LOCAL.fullmatch(piece):
        local = match.group(1) + _extension(match.group(2) or match.group(3))
        return (f"{area}-{local}" if area else local), area
    if (match := _LANDLINE.fullmatch(piece)) and (match.group(1).startswith("0") or re.match(r"\+?(?:00)?86", piece)):
        code = match.group(1) if match.group(1).startswith("0") else f"0{match.group(1)}"
        local = re.sub(r"\D", "", match.group(2))
        return f"{code}-{local}{_extension(match.group(3) or match.group(4))}", code
    if _FOREIGN_PHONE.fullmatch(piece):
        return re.sub(r"^00", "+", re.sub(r"[\s()./-]+", " ", piece).strip()), ""
    return None, ""


def _extension(digits: str | None) -> str:
    return f"转{digits}" if digits else ""


# Each begins where a word begins: from the middle of a long word every start would be tried, and each to its end.
_EMAIL = re.compile(
    r"(?<![A-Za-z0-9.!#$%&'*+/=?^_`{|}~-])[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]++@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}"
)


def parse_emails(text: str) -> tuple[str, ...]:
    """All e-mail addresses of a cell, the domain in lower case. Raises Unreadable for text without an address."""
    if is_nothing(text):
        return ()
    found = find_emails(text)
    if not found:
        raise Unreadable(f"不是邮箱地址：{text}", f"not an e-mail address: {text}")
    return found


def find_emails(text: str) -> tuple[str, ...]:
    """The e-mail addresses within a text, each once."""
    return tuple(dict.fromkeys(_lower_domain(match.group()) for match in _EMAIL.finditer(fold(text))))


def without_emails(text: str) -> str:
    """The text without its e-mail addresses and what introduces them."""
    return re.sub(
        rf"(?:(?:邮箱|电子邮箱|e-?mail)\s*+)?(?:[:：]\s*+)?(?:{_EMAIL.pattern})", " ", fold(text), flags=re.IGNORECASE
    ).strip()


def _lower_domain(address: str) -> str:
    local, _, domain = address.rpartition("@")
    return f"{local}@{domain.lower()}"


def parse_contact(text: str) -> tuple[str, Phones]:
    """A name and phone numbers out of one cell: `张三 13800138000`."""
    folded = fold(text)
    start = re.search(r"[+(]?\d[\d\s()+-]{5,}", folded)
    if start is None:
        return ("" if is_nothing(text) else folded), Phones((), ())
    name = _ALSO_CHAT.sub("", folded[: start.start()]).strip(" \n:;,/、-(")
    opens = folded[start.start()] != "(" and folded[: start.start()].endswith("(")
    numbers = folded[start.start() :]
    return name, parse_phones(numbers.removesuffix(")") if opens else numbers)


# --- lists -----------------------------------------------------------------------------------------------------------

_QUOTED = re.compile(r'"((?:[^"]|"")*)"')
_TICKED = re.compile(r"[☑☒✓✔√■●◉⊠]")
_EMPTY_BOX = re.compile(r"[□☐○◯〇◻▢]")
_BOX = re.compile(r"([☑☒✓✔√■●◉⊠□☐○◯◻▢])\s*([^☑☒✓✔√■●◉⊠□☐○◯◻▢]*)")


def read_ticked(text: str) -> list[str] | None:
    """The labels whose boxes are ticked, None where the text has no boxes: `☑电子信息 □其他：____` → `["电子信息"]`."""
    if not _EMPTY_BOX.search(text) and not re.search(r"[☑☒✔■⊠]", text):
        return None
    labels = []
    for mark, label in _BOX.findall(text):
        cleaned = re.sub(r"[_＿]{2,}", "", label).strip(" \n\t\u3000;；,，、/:：")
        if _TICKED.match(mark) and cleaned:
            labels.append(cleaned)
    return labels


def split_list(text: str) -> tuple[str, ...]:
    """The items of a list in one cell, each once: separated by 、，,;；| or line breaks, else by /, else by blanks
    between Chinese words. `"…"` keeps an item whole; a comma between digits (1,3-丁二烯) does not separate.
    """
    if is_nothing(text):
        return ()
    ticked = read_ticked(text)
    if ticked is not None:
        return tuple(dict.fromkeys(ticked))
    kept: list[str] = []

    def keep(match: re.Match[str]) -> str:
        kept.append(match.group(1).replace('""', '"'))
        return f"\ue000{len(kept) - 1}\ue001"

    body = _QUOTED.sub(keep, text.replace("\ue000", "").replace("\ue001", ""))
    parts = re.split(r"[、，;；|\n]|(?<!\d),|,(?!\d)", _without_numbers(body))
    if len(parts) == 1 and not kept:
        parts = re.split(r"(?<!\s)\s*+/\s*", body)
    if len(parts) == 1 and not kept:
        parts = re.split(rf"(?<=[{_HAN}])[\s\u3000]+(?=[{_HAN}])", body)
    items = []
    for part in parts:
        item = re.sub("\ue000(\\d+)\ue001", lambda match: kept[int(match.group(1))], part.strip())
        if item and not is_nothing(item):
            items.append(item)
    return tuple(dict.fromkeys(items))


_ITEM_NUMBER = re.compile(r"[(（]?(\d{1,2})[.、)）．]\s*(?=\D)")


def _without_numbers(text: str) -> str:
    """`1.铝合金；2、压铸` is a numbered list; numbers that do not count up from 1 belong to their items."""
    items = [item.strip() for item in re.split(r"[;；\n]", text) if item.strip()]
    found = [_ITEM_NUMBER.match(item) for item in items]
    counted = [int(match.group(1)) if match else 0 for match in found]
    if len(items) < 2 or counted != list(range(1, len(items) + 1)):
        return text
    return "\n".join(item[match.end() :] for item, match in zip(items, found, strict=True) if match)


def join_list(items: Iterable[str]) -> str:
    """Items as an export writes them and `split_list` reads them, quoted where they would not survive."""
    shown = []
    for item in items:
        quoted = '"' + item.replace('"', '""') + '"'
        plainly = '"' not in item and split_list(item) == (item,) and not _ITEM_NUMBER.match(item)
        shown.append(item if plainly else quoted)
    return "；".join(shown)


def split_lines(text: str) -> tuple[str, ...]:
    """Indicators of a cell: one a line, or separated by semicolons within a single line. `"…"` keeps one whole."""
    if is_nothing(text):
        return ()
    if (whole := re.fullmatch(r'"((?:[^"\n]|"")*)"', text.strip())) is not None:
        return (whole.group(1).replace('""', '"'),)
    parts = text.split("\n") if "\n" in text else re.split("[;；]", text)
    return tuple(dict.fromkeys(part.strip() for part in parts if part.strip() and not is_nothing(part)))


def join_lines(items: Sequence[str]) -> str:
    """Indicators as an export writes them and `split_lines` reads them."""
    lines = [" ".join(item.split("\n")) for item in items]
    text = "\n".join(lines)
    return '"' + text.replace('"', '""') + '"' if len(lines) == 1 and split_lines(text) != (text,) else text


# --- terms -----------------------------------------------------------------------------------------------------------

_MATURITY_WORDS = (
    (r"未评[价估]|不详|未知|notassessed|unknown", None),
    (r"批量|量产|规模化|产业化|大规模|已投产|推广|成熟应用|massproduction|volume", 9),
    (r"定型|小批量|小规模生产|成熟应?用?期?|成熟", 8),
    (r"试生产|试用|示范|试点|工业化试验|demonstration", 7),
    (r"中试|样机|工程化|工程样机|pilot|prototype", 6),
    (r"小试|实验室|样品|laboratory|lab", 4),
    (r"概念验证|proofofconcept|关键功能", 3),
    (r"方案|应用设想|concept", 2),
    (r"基础研究|原理|基本原理|principle|basic", 1),
)


def parse_maturity(text: str) -> int | None:
    """TRL 1–9: `TRL 6`, `6`, `6级`, 六级, or by words (小试 4, 中试 6, 量产 9). None for 未评价.

    Of a range the lower end counts. Raises Unreadable for the rest.
    """
    if is_nothing(text):
        return None
    ticked = read_ticked(text)
    folded = re.sub(r"\s+", "", fold(ticked[0] if ticked else "" if ticked is not None else text)).lower()
    if not folded:
        return None
    match = re.match(
        r"(?:(?:trl|技术就绪度|就绪度|成熟度|第)[-:：=为]?)*(\d+)(?:\.0)?(?:级|阶段|[-~至到]|$|[^\d.])", folded
    )
    if match and (match.end() == len(folded) or "trl" in folded or "级" in folded or re.match(r"\d[-~至到]\d", folded)):
        level = int(match.group(1))
        if 1 <= level <= 9:
            return level
        raise Unreadable(f"成熟度应为 1–9：{text}", f"maturity runs from 1 to 9: {text}")
    spelled = re.match(r"(?:trl|第)?([一二三四五六七八九])级", folded)
    if spelled:
        return _DIGITS[spelled.group(1)]
    for pattern, level_of_word in _MATURITY_WORDS:
        if re.search(pattern, folded):
            return level_of_word
    raise Unreadable(f"看不出成熟度：{text}", f"no maturity can be read: {text}")


_SECTIONS = (
    (5, "A"), (12, "B"), (43, "C"), (46, "D"), (50, "E"), (52, "F"), (60, "G"), (62, "H"), (65, "I"), (69, "J"),
    (70, "K"), (72, "L"), (75, "M"), (79, "N"), (82, "O"), (83, "P"), (85, "Q"), (90, "R"), (96, "S"), (97, "T"),
)  # fmt: skip
"""GB/T 4754—2017: the last division of each section."""


def section_of_division(division: int) -> str | None:
    """The section letter of a two-digit division (39 → C), None where there is no such division."""
    if division < 1:
        return None
    return next((letter for last, letter in _SECTIONS if division <= last), None)


def parse_industry(text: str, terms: TermFinder) -> str | None:
    """A GB/T 4754 code (`C39`) from a code (C39, 39, 3982, C3982) or a known name; None where it is neither."""
    folded = re.sub(r"\s+", "", fold(text)).upper()
    match = re.match(r"([A-T])?(\d{2,4})(?!\d)", folded)
    if match:
        letter = section_of_division(int(match.group(2)[:2]))
        if letter and match.group(1) in (None, letter):
            return letter + match.group(2)
        return None
    if re.fullmatch("[A-T]", folded):
        return folded
    return terms.find(text, "industries")


_VISIBILITIES = (
    (r"仅工作人员|不公开|保密|内部|仅主管|否|^no$|staff|private|confidential", "staff"),
    (r"匹配|matched", "matched"),
    (r"平台内|登录|会员|注册|成员|部分公开|members", "members"),
    (r"公开|是|^yes$|public|all", "public"),
)


def parse_visibility(text: str) -> str | None:
    """public, members, matched or staff. Raises Unreadable where it cannot be told."""
    if is_nothing(text):
        return None
    ticked = read_ticked(text)
    if ticked is not None and not ticked:
        return None
    if ticked and len(ticked) > 1:
        raise Unreadable(f"公开范围勾选了不止一项：{text}", f"more than one visibility is ticked: {text}")
    folded = re.sub(r"\s+", "", fold(ticked[0] if ticked else text)).lower()
    for pattern, visibility in _VISIBILITIES:
        if re.search(pattern, folded):
            return visibility
    raise Unreadable(f"看不出公开范围：{text}", f"no visibility can be read: {text}")

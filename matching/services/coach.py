"""What the text of a post still lacks, told while it is being written.

A quarter of the needs that offices like this one receive go back because they are vague; the coach says so before
anybody has to. It is pure: a document in, findings out, no clock and no database.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from matching.documents import PostDocument

Severity = Literal["warning", "advice"]

LEAST_WEIGHT = 60
"""Fewer Han characters (a Latin word counts as two) of prose and indicators than this leave an expert guessing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoachFinding:
    """One thing to improve. `field` is the entered field it concerns (`indicators`, `problem`, …).

    `warning` is what reviewers return a post for, or what should not be public; `advice` makes matches better.
    """

    code: str
    field: str
    text_zh: str
    text_en: str
    severity: Severity


_HAN = re.compile(r"[㐀-鿿豈-﫿\U00020000-\U000323af]")
_LATIN_WORD = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_QUANTITY = re.compile(
    r"(?:[<>=≤≥±~≈]|[不高低大小优]于|不超过|不少于|达到|至少|at least|at most|below|above)\s*\d"
    r"|\d+(?:\.\d+)?\s*(?:%|‰|℃|°|μ|µ|Ω|[a-zA-Z]{1,6}\b|[微毫厘纳]米|公斤|千克|小时|分钟|兆帕|毫升|以[上内下]"
    r"|[秒天次倍吨伏瓦赫度级层件台升年])",
    re.IGNORECASE,
)

# A number with a unit of pay is a price, and a price in the open weakens the firm that wrote it.
_PRICE = re.compile(
    r"(?:单价|报价|成本价|采购价|售价|底价|出厂价|利润率?|毛利率?|unit price|unit cost|purchase price)"
    r"[^。；;\n]{0,12}?\d+(?:\.\d+)?\s*(?:元|万|%|rmb|cny|yuan)",
    re.IGNORECASE,
)
_EMAIL = re.compile(r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]++@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_PHONE = re.compile(
    r"(?<![\d.])(?:(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}"
    r"|(?:\+?86[- ]?)?\(?0\d{2,3}\)?[- ]?\d{7,8}"
    r"|400[- ]?\d{3}[- ]?\d{4})(?![\d.]\d)(?!\d)"
)
_CHAT = re.compile(r"(?:微信|wechat|qq|vx)\s*(?:号|id)?\s*[:为是]?\s*[A-Za-z0-9_-]{5,20}", re.IGNORECASE)
_IDENTITY = re.compile(r"(?<!\d)\d{6}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?![\dA-Za-z])")

# Words that any firm could write about anything; a title made of nothing else names no problem.
_GENERAL = re.compile(
    "寻求|需要|希望|关于|产学研|技术|合作|需求|项目|研发|开发|研究|支持|提升|提高|优化|改进|升级|改造|转型|智能化|数字化|自动化"
    "|信息化|绿色|高质量|发展|创新|产品|工艺|质量|性能|效率|生产|设备|企业|公司|解决|方案|成果|转化|服务|能力|人才"
    "|降本增效|[的与和及等]"
)
_GENERAL_ENGLISH = re.compile(
    r"\b(?:an?|the|of|for|and|or|to|in|on|with|our|we|seek|seeking|needs?|looking|technology|technical|cooperation"
    r"|collaboration|partners?|research|development|project|support|improv(?:e|ing|ement)|upgrade|innovation"
    r"|products?|process|quality|performance|efficiency|production|solutions?|new)\b",
    re.IGNORECASE,
)
_LEGAL_FORMS = re.compile(
    r"\(集团\)|集团|股份|有限责任|有限|公司|\(示例\)|示例|厂$|co\.?,?\s*ltd\.?$|inc\.?$", re.IGNORECASE
)


def coach_post(document: PostDocument, *, visibility: str) -> list[CoachFinding]:
    """Findings in the order in which they should be dealt with: what must not be public, then what is missing."""
    title = _normal(document.title)
    prose = _normal("\n".join((*document.indicators, document.text)))
    findings = [*_confidential(document, title, prose, visibility), *_vague(document, title, prose)]
    findings += (
        _missing_of_need(document, prose) if document.side == "need" else _missing_of_capability(document, prose)
    )
    if not document.keywords:
        findings.append(
            _finding(
                "keywords_missing",
                "keywords",
                "补充 1–5 个关键词（材料、工艺、设备、产品名），匹配会更准",
                "Add 1–5 keywords (material, process, equipment, product); matches get more precise",
                "advice",
            )
        )
    return findings


def _finding(code: str, field: str, text_zh: str, text_en: str, severity: Severity) -> CoachFinding:
    return CoachFinding(code=code, field=field, text_zh=text_zh, text_en=text_en, severity=severity)


def _normal(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def _weight(text: str) -> int:
    return len(_HAN.findall(text)) + 2 * len(_LATIN_WORD.findall(text))


def _main_field(document: PostDocument) -> str:
    return "problem" if document.side == "need" else "abstract"


def _confidential(document: PostDocument, title: str, prose: str, visibility: str) -> Iterator[CoachFinding]:
    """Contact details belong into the contact, which is only shown after mutual interest, whoever may see the post."""
    for part, field in ((title, "title"), (prose, _main_field(document))):
        contact = _EMAIL.search(part) or _PHONE.search(part) or _CHAT.search(part)
        if contact:
            shown = contact.group().strip()
            yield _finding(
                "contact_in_text",
                field,
                f"文字里有联系方式「{shown}」，请移到「联系人」；双方都有意向后才会显示",
                f"The text contains contact details (“{shown}”); move them to the contact, shown after mutual interest",
                "warning",
            )
        if _IDENTITY.search(part):
            yield _finding(
                "identity_in_text",
                field,
                "文字里有身份证号，请删除",
                "The text contains an identity card number; please remove it",
                "warning",
            )
        if visibility == "staff":
            continue
        price = _PRICE.search(part)
        if price:
            yield _finding(
                "price_in_text",
                field,
                f"文字里有价格信息「{price.group().strip()}」，会削弱您的议价能力；不必公开就请删去",
                f"The text gives a price (“{price.group().strip()}”), which weakens your position; remove it unless "
                "it must be known",
                "warning",
            )
        name = _company_name_in(document.organisation_name, part)
        if name:
            yield _finding(
                "company_in_text",
                field,
                f"文字里写了单位名称「{name}」，别人能认出您；需要匿名时请删去",
                f"The text names your organisation (“{name}”); remove it if you want to stay unnamed",
                "warning" if visibility == "matched" else "advice",
            )


def _company_name_in(organisation_name: str | None, text: str) -> str | None:
    """The organisation's name, or what is left of it without its legal form, where the text contains it."""
    if not organisation_name:
        return None
    name = _normal(organisation_name).strip()
    short = _LEGAL_FORMS.sub("", name).strip(" ()")
    lowered = text.lower()
    for candidate in (name, short):
        if len(candidate) >= 4 and candidate.lower() in lowered:
            return candidate
    return None


def _vague(document: PostDocument, title: str, prose: str) -> Iterator[CoachFinding]:
    if title.strip() and _says_nothing(title):
        yield _finding(
            "title_too_general",
            "title",
            "标题太笼统：写明对象和问题，例如「压铸铝合金表面耐盐雾涂层」",
            "The title is too general: name the thing and the problem, e.g. “Salt-spray resistant coating for die-cast "
            "aluminium”",
            "warning",
        )
    if _weight(prose) < LEAST_WEIGHT:
        yield _finding(
            "text_too_short",
            _main_field(document),
            "内容还太少：现在怎样、难在哪里、试过什么、要达到什么"
            if document.side == "need"
            else "内容还太少：做什么用、怎样做到、比现有的好在哪里",
            "Too little text yet: how it is now, what is difficult, what was tried, what should be reached"
            if document.side == "need"
            else "Too little text yet: what it is for, how it works, what it does better than what exists",
            "warning",
        )


def _says_nothing(title: str) -> bool:
    return not _LATIN_WORD.search(_GENERAL_ENGLISH.sub("", title)) and len(_HAN.findall(_GENERAL.sub("", title))) < 2


def _missing_of_need(document: PostDocument, prose: str) -> Iterator[CoachFinding]:
    if not document.indicators and not _QUANTITY.search(prose):
        yield _finding(
            "indicator_missing",
            "indicators",
            "还没有技术指标：写一两条可以检验的数值，例如「盐雾试验 ≥ 1000 小时」",
            "No technical indicator yet: give one or two values that can be tested, e.g. “salt spray ≥ 1000 h”",
            "warning",
        )
    if document.money is None:
        yield _finding(
            "budget_missing",
            "money",
            "还没有预算：写个范围或选「面议」，专家才知道能做到什么程度",
            "No budget yet: give a range or choose “negotiable”, so that experts know what is possible",
            "advice",
        )
    if document.ends_on is None:
        yield _finding(
            "deadline_missing",
            "ends_on",
            "还没有期限：希望什么时候解决？",
            "No deadline yet: by when should it be solved?",
            "advice",
        )
    if not document.industry_codes and document.domain is None:
        yield _finding(
            "field_missing",
            "domain",
            "还没有选技术领域",
            "No technical field chosen yet",
            "advice",
        )


def _missing_of_capability(document: PostDocument, prose: str) -> Iterator[CoachFinding]:
    if document.maturity is None and document.kind in ("achievement", "patent", None):
        yield _finding(
            "maturity_missing",
            "maturity",
            "还没有成熟度：企业最想知道它做到了哪一步",
            "No maturity yet: how far it has come is what firms ask first",
            "warning",
        )
    if not _QUANTITY.search(prose):
        yield _finding(
            "benefit_missing",
            "advantages",
            "还没有数值：写出关键性能或效益，例如「能耗降低 15 %」",
            "No figure yet: give the main performance or benefit, e.g. “15 % less energy”",
            "warning",
        )
    if document.money is None:
        yield _finding(
            "price_missing",
            "money",
            "还没有价格：写个范围或选「面议」",
            "No price yet: give a range or choose “negotiable”",
            "advice",
        )
    if not document.cooperation_modes:
        yield _finding(
            "modes_missing",
            "cooperation_modes",
            "还没有选合作方式",
            "No way of cooperating chosen yet",
            "advice",
        )

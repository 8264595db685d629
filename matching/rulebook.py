"""Which rules the bureau may change while the product runs, within which bounds, and the rules in force.

A rule is a setting whose value the office decides rather than operations: the frozen settings say how the installation
was set up, and `Rules.settings` is the same object with what the office decided in its place. So a service takes
settings, and who calls it passes those in force.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from matching.errors import InvalidInput
from matching.notifying.texts import (
    LANGUAGES,
    LONGEST_BODY,
    LONGEST_LINE,
    SHIPPED_TEXTS,
    TEXT_FORMS,
    TextForm,
    Texts,
    Written,
    named_in,
)
from matching.settings import Settings

RuleKind = Literal["whole", "share", "amount", "days", "switch"]
"""A whole number, a share of 1, an amount in 万元, days before something (`7,2`), yes or no."""
TEXT_PREFIX = "text:"
_DAYS = re.compile(r"\d{1,3}(,\d{1,3}){0,4}")


@dataclass(frozen=True, slots=True)
class RuleForm:
    """A rule that is a value: the setting it stands for, and its bounds."""

    key: str
    group: str
    kind: RuleKind
    least: Decimal = Decimal(0)
    most: Decimal = Decimal(1)


def _whole(key: str, group: str, least: int, most: int) -> RuleForm:
    return RuleForm(key, group, "whole", Decimal(least), Decimal(most))


RULE_FORMS: Mapping[str, RuleForm] = {
    form.key: form
    for form in (
        RuleForm("least_probability", "matching", "share"),
        RuleForm("good_probability", "matching", "share"),
        _whole("weekly_load", "matching", 0, 500),
        _whole("suggestions_per_post", "matching", 1, 50),
        RuleForm("review_before_publication", "posts", "switch"),
        RuleForm("review_checks_required", "posts", "switch"),
        _whole("post_lifetime_days", "posts", 7, 1825),
        _whole("expiry_notice_days", "posts", 0, 90),
        _whole("renew_within_days", "posts", 1, 365),
        _whole("interest_days", "interests", 1, 90),
        RuleForm("interest_reminder_days", "interests", "days", Decimal(1), Decimal(90)),
        _whole("lapse_shown_days", "interests", 1, 30),
        _whole("stalled_days", "engagements", 1, 180),
        _whole("task_reminder_days", "engagements", 0, 30),
        _whole("contract_days", "contracts", 1, 120),
        _whole("contract_long_days", "contracts", 1, 240),
        RuleForm("contract_large_amount", "contracts", "amount", Decimal(0), Decimal(1_000_000)),
        _whole("register_reminder_days", "contracts", 0, 60),
        _whole("event_reminder_hours", "events", 2, 168),
        _whole("event_last_reminder_minutes", "events", 5, 110),
        _whole("undo_minutes", "desk", 1, 1440),
    )
}
"""All rules that are values, in the order of their page."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What is in force: settings with the office's decisions in their place, and texts. `revision` counts changes."""

    settings: Settings
    texts: Texts = SHIPPED_TEXTS
    revision: int = 0
    changed: frozenset[str] = field(default_factory=frozenset)
    """Keys of rules and texts (`text:…`) that are not as set up."""


def put_rules_together(settings: Settings, values: Mapping[str, Mapping[str, Any]], revision: int) -> Rules:
    """The rules in force. A stored value that the present bounds refuse is left out: the installation's stands."""
    updates: dict[str, Any] = {}
    texts: dict[str, Written] = {}
    for key, stored in values.items():
        if key in RULE_FORMS:
            try:
                updates[key] = read_value(RULE_FORMS[key], stored.get("value"))
            except InvalidInput:
                continue
        elif key.startswith(TEXT_PREFIX) and key.removeprefix(TEXT_PREFIX) in TEXT_FORMS:
            texts[key.removeprefix(TEXT_PREFIX)] = {one: dict(stored.get(one) or {}) for one in LANGUAGES}
    return Rules(
        settings=settings.model_copy(update=updates),
        texts=Texts(texts),
        revision=revision,
        changed=frozenset(updates) | {TEXT_PREFIX + key for key in texts},
    )


def read_value(form: RuleForm, value: object) -> int | float | Decimal | bool | str:
    """The value as the setting has it, from what was entered or stored. Raises InvalidInput naming the rule."""
    if form.kind == "switch":
        if value in (True, "true", "y"):
            return True
        if value in (False, "false", "n"):
            return False
        raise _wrong(form, "请选择是或否", "Please choose yes or no")
    text = str(value).strip().replace("，", ",").replace(" ", "") if value is not None else ""
    if form.kind == "days":
        if not text:
            return ""
        if not _DAYS.fullmatch(text):
            raise _wrong(form, "请填写天数，用逗号隔开，例如 7,2", "Please give days with commas between, such as 7,2")
        days = sorted({int(part) for part in text.split(",")}, reverse=True)
        if any(not form.least <= day <= form.most for day in days):
            raise _out_of_bounds(form)
        return ",".join(map(str, days))
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise _wrong(form, "请填写数字", "Please enter a number") from None
    if not number.is_finite():
        raise _wrong(form, "请填写数字", "Please enter a number")
    if not form.least <= number <= form.most:
        raise _out_of_bounds(form)
    if form.kind == "whole":
        if number != number.to_integral_value():
            raise _wrong(form, "请填写整数", "Please enter a whole number")
        return int(number)
    if form.kind == "share":
        return round(float(number), 4)
    if (number * 100) % 1:
        raise _wrong(form, "最多两位小数", "At most two decimals")
    return number.quantize(Decimal(1)) if number == number.to_integral_value() else number


def written_value(value: object) -> str:
    """A rule's value as text that `read_value` takes: true, 0.15, 500, `7,2`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else f"{value:f}" if isinstance(value, Decimal) else str(value)


def stored_value(value: int | float | Decimal | bool | str) -> dict[str, Any]:
    """A rule's value as the database and the history keep it."""
    return {"value": str(value) if isinstance(value, Decimal) else value}


def check_together(settings: Settings) -> None:
    """Raises InvalidInput where rules contradict each other."""
    for later, earlier, zh, en in (
        ("post_lifetime_days", "expiry_notice_days", "到期提醒应早于有效期", "The notice comes within a post's life"),
        ("contract_long_days", "contract_days", "长期限不应短于一般期限", "The longer time is the longer one"),
    ):
        if getattr(settings, later) < getattr(settings, earlier):
            raise InvalidInput("rule.together", zh, where=later, message_en=en)
    spans = [int(day) for day in settings.interest_reminder_days.split(",") if day]
    if spans and max(spans) > settings.interest_days:
        raise InvalidInput(
            "rule.together",
            "催答复的天数不应超过意向的期限",
            where="interest_reminder_days",
            message_en="A reminder comes within the time to answer",
        )


def check_text(form: TextForm, written: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """The text as it may be kept. Raises InvalidInput naming language, part and what is wrong."""
    kept: dict[str, dict[str, str]] = {}
    for language in LANGUAGES:
        kept[language] = {}
        for part in form.parts:
            where = f"{part}_{language}"
            entered = (written.get(language) or {}).get(part)
            text = entered.replace("\r\n", "\n").strip() if isinstance(entered, str) else ""
            if part != "body":
                text = " ".join(text.split())
            _check_part(form, part, text, where)
            kept[language][part] = text
    return kept


def _check_part(form: TextForm, part: str, text: str, where: str) -> None:
    if not text:
        raise InvalidInput("text.missing", "请填写文字，中英文都要", where=where, message_en="Please fill in the text")
    longest = LONGEST_BODY if part == "body" else LONGEST_LINE
    if len(text) > longest:
        raise InvalidInput(
            "text.too_long", f"最多 {longest} 字", where=where, message_en=f"At most {longest} characters"
        )
    named = named_in(text)
    stray = re.sub(r"\{[^{}]*\}", "", text)
    if "{" in stray or "}" in stray:
        raise InvalidInput("text.brace", "有不成对的花括号", where=where, message_en="A brace has no counterpart")
    for name in named:
        if name not in form.placeholders:
            raise InvalidInput(
                "text.placeholder",
                f"这段文字不能用 {{{name}}}",
                where=where,
                message_en=f"This text cannot name {{{name}}}",
            )
        if form.placeholders[name].link and part != "body":
            raise InvalidInput(
                "text.link", "链接只能放在正文里", where=where, message_en="A link stands in the body only"
            )
    if part == "body":
        for name in sorted(form.required - set(named)):
            raise InvalidInput(
                "text.required",
                f"正文必须包含 {{{name}}}",
                where=where,
                message_en=f"The body must name {{{name}}}",
            )


def _wrong(form: RuleForm, zh: str, en: str) -> InvalidInput:
    return InvalidInput("rule.value", zh, where=form.key, message_en=en)


def _out_of_bounds(form: RuleForm) -> InvalidInput:
    return InvalidInput(
        "rule.bounds",
        f"应在 {form.least} 到 {form.most} 之间",
        where=form.key,
        message_en=f"It lies between {form.least} and {form.most}",
    )

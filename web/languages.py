"""Chinese first, English complete: which language a page is in, and how dates, numbers and amounts are written in it.

Times are stored in UTC and always shown on the clock of China, wherever the host and the browser are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, Protocol, cast

from flask import Flask, g, has_request_context, request, session
from flask_babel import Babel, get_locale, get_translations, gettext
from flask_login import current_user
from jinja2 import pass_eval_context
from jinja2.nodes import EvalContext
from markupsafe import Markup

from matching.clock import to_shanghai
from matching.documents import MoneyRange
from matching.queries.vocabularies import Vocabularies

Language = Literal["zh", "en"]
LANGUAGES: Mapping[Language, str] = {"zh": "中文", "en": "English"}
HTML_LANGUAGE: Mapping[str, str] = {"zh": "zh-CN", "en": "en"}
_BABEL_LOCALES: Mapping[str, str] = {"zh": "zh_Hans_CN", "en": "en"}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Labelled(Protocol):
    """A thing with a name in both languages: a vocabulary term, a region."""

    @property
    def label_zh(self) -> str: ...
    @property
    def label_en(self) -> str: ...


def choose_language() -> Language:
    """The session's choice, else the account's, else what the browser asks for, else Chinese."""
    if not has_request_context():
        return "zh"
    chosen = session.get("language")
    if chosen not in LANGUAGES and current_user and current_user.is_authenticated:
        chosen = current_user.locale
    if chosen not in LANGUAGES:
        chosen = request.accept_languages.best_match(["zh-CN", "zh", "zh-Hans", "en"], default="zh")
    return "en" if chosen == "en" else "zh"


def page_language() -> Language:
    """The language of the page being made."""
    if not g:  # no request and no application: a message made by a script
        return "zh"
    if "page_language" not in g:
        locale = get_locale()
        g.page_language = "en" if locale is not None and locale.language == "en" else "zh"
    return cast(Language, g.page_language)


def install_languages(app: Flask) -> None:
    """Set up the translations and the filters of the templates."""
    app.config.update(BABEL_DEFAULT_LOCALE="zh_Hans_CN", BABEL_DEFAULT_TIMEZONE="Asia/Shanghai")
    Babel(app, locale_selector=lambda: _BABEL_LOCALES[choose_language()], timezone_selector=lambda: "Asia/Shanghai")
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]
        lambda text: _translations().ugettext(text),
        lambda one, many, number: _translations().ungettext(one, many, number),
        newstyle=True,
    )
    app.jinja_env.globals["_"] = _make_text_of_page()
    app.jinja_env.filters.update(
        day=format_day,
        moment=format_moment,
        money=format_money,
        amount=format_amount,
        label=label_of,
        number=format_number,
        size=format_size,
    )
    app.jinja_env.globals.update(
        page_language=page_language,
        HTML_LANGUAGE=HTML_LANGUAGE,
        LANGUAGES=LANGUAGES,
        term=term_label,
        in_language=in_language,
    )


def _translations() -> Any:
    """Those of the page, looked up once: a template asks for one or two hundred texts."""
    found = g.get("translations")
    if found is None:
        found = g.translations = get_translations()
    return found


def _make_text_of_page() -> Callable[..., str]:
    """A template's `_`: as Jinja's own, but a text that has nothing filled in is made once for each language."""
    kept: dict[tuple[int, bool, str], str] = {}

    @pass_eval_context
    def text_of_page(context: EvalContext, text: str, /, **values: Any) -> str:
        translations = _translations()
        # Flask-Babel keeps the translations of a language for good, so their number is theirs alone.
        key = (id(translations), bool(context.autoescape), text)
        found = None if values else kept.get(key)
        if found is None:
            translated = translations.ugettext(text)
            # Jinja fills in every text, so that one per cent is always written as two.
            found = (Markup(translated) if context.autoescape else translated) % values  # noqa: S704 - translators'
            if not values:
                kept[key] = found
        return found

    return text_of_page


def in_language(zh: str, en: str) -> str:
    """The one of two texts that the page is in; the other where it is empty."""
    return (en or zh) if page_language() == "en" else (zh or en)


def label_of(term: Labelled | None) -> str:
    """A term's name in the page's language."""
    return in_language(term.label_zh, term.label_en) if term is not None else ""


def term_label(vocabularies: Vocabularies, vocabulary: str, code: str | None) -> str:
    """The name of a code in the page's language; the code itself where no list has it."""
    return label_of(vocabularies.find(vocabulary, code)) or (code or "")


def format_day(value: date | datetime | None) -> str:
    """2026年11月25日, or 25 Nov 2026; a moment is put on China's calendar first."""
    if value is None:
        return ""
    day = to_shanghai(value).date() if isinstance(value, datetime) else value
    if page_language() == "en":
        return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"
    return f"{day.year}年{day.month}月{day.day}日"


def format_moment(value: datetime | None) -> str:
    """Day and minute on the clock of China."""
    if value is None:
        return ""
    return f"{format_day(value)} {to_shanghai(value):%H:%M}"


def format_number(value: Decimal | int) -> str:
    """Digits in groups of three; decimals as they are."""
    return f"{value:,f}" if isinstance(value, Decimal) else f"{value:,}"


def format_size(size: int) -> str:
    """Of a file, as file managers show it: 11 B, 3.4 KB, 1.2 MB."""
    if size < 1000:
        return f"{size} B"
    kilobytes = size / 1000
    return f"{kilobytes:.1f} KB" if kilobytes < 1000 else f"{kilobytes / 1000:.1f} MB"


def _in_unit_of_page(amount: Decimal) -> str:
    """万元 as 万元, in English as yuan: 0.3 万元 are 3,000 yuan, not 3,000.0."""
    shown = amount * 10_000 if page_language() == "en" else amount
    whole = shown.to_integral_value()
    return format_number(whole if whole == shown else shown)


def format_amount(amount: Decimal | int) -> str:
    """An amount in 万元: 620 万元; in English the yuan it stands for, CNY 6,200,000."""
    return str(gettext("%(amount)s 万元", amount=_in_unit_of_page(Decimal(amount))))


def format_money(value: MoneyRange | None) -> str:
    """20–30 万元, 20 万元起, 不超过 30 万元, 面议; in English the yuan it stands for, CNY 200,000–300,000."""
    if value is None:
        return str(gettext("未说明"))
    low = None if value.minimum is None else _in_unit_of_page(value.minimum)
    high = None if value.maximum is None else _in_unit_of_page(value.maximum)
    text: str
    if low is not None and high is not None:
        text = gettext("%(amount)s 万元", amount=low if low == high else f"{low}–{high}")
    elif low is not None:
        text = gettext("%(amount)s 万元起", amount=low)
    elif high is not None:
        text = gettext("不超过 %(amount)s 万元", amount=high)
    else:
        return str(gettext("面议") if value.negotiable else gettext("未说明"))
    return str(gettext("%(money)s（可面议）", money=text) if value.negotiable else text)

"""A post that is being written, as its writer checks it: what was entered by step, and who would see which of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from matching.documents import MoneyRange
from matching.policy import Audience, may_see_post
from matching.queries.posts import may_see_organisation
from web.forms.posts import AmountField, DayField, PostForm
from web.forms.writing_steps import STEPS
from web.languages import format_money
from web.reader import now

_OWN, _REGION = "own", "000000"
_MONEY = ("money_minimum", "money_maximum", "money_negotiable")
_ALWAYS_ASKED = frozenset(
    ("title", "problem", "indicators", "ends_on", "keywords", "abstract", "advantages", "maturity", "money_minimum")
)
"""Where nothing stands here, the list says so: a reader will look for it."""
_READERS: tuple[tuple[str, Any, Audience], ...] = (
    ("owner", _l("本单位"), Audience(user_id="owner", organisation_ids=frozenset((_OWN,)))),
    ("staff", _l("主管部门"), Audience(user_id="staff", region_scope="")),
    ("matched", _l("匹配到的对方"), Audience(user_id="other", suggested_post_ids=frozenset(("written",)))),
    ("members", _l("其他登录用户"), Audience(user_id="another")),
    ("public", _l("未登录的访客"), Audience()),
)
_ONLY_FOR_NAMED = frozenset(("town", "ip_number", "expert_ids"))
"""What would tell whose post it is stays hidden with the name."""


@dataclass(frozen=True, slots=True)
class EnteredFact:
    """One field: its name, its label, and what was entered in words; "" where nothing was."""

    field: str
    label: str
    words: str
    missing: bool


@dataclass(frozen=True, slots=True)
class SeenBy:
    """What one kind of reader sees of it: nothing, or the facts, with or without name and contact."""

    key: str
    label: Any
    sees: bool
    organisation: str
    contact: bool
    facts: tuple[EnteredFact, ...] = ()


@dataclass(frozen=True, slots=True)
class _WrittenPost:
    """What the rule of visibility asks of a post, as it would be once published."""

    visibility: str
    id: str = "written"
    organisation_id: str | None = _OWN
    region_code: str = _REGION
    status: str = "published"
    expires_at: datetime | None = None


def entered_facts(form: PostForm) -> dict[str, list[EnteredFact]]:
    """What was entered, by step, in the order of the form."""
    form.read_loosely()
    found: dict[str, list[EnteredFact]] = {}
    for step in STEPS[form.side]:
        found[step.key] = [
            fact
            for name in step.fields
            if name in form and name not in ("organisation_id", *_MONEY[1:])
            if (fact := _fact(form, name)).words or fact.missing
        ]
    return found


def seen_by(form: PostForm, organisation: str) -> list[SeenBy]:
    """What each kind of reader would see once the post is published, by the rule that decides it then."""
    written = _WrittenPost(visibility=form.visibility.data or "public")
    facts = [fact for key, listed in entered_facts(form).items() if key != "audience" for fact in listed if fact.words]
    shown: list[SeenBy] = []
    for key, label, reader in _READERS:
        if not may_see_post(reader, written, now()):
            shown.append(SeenBy(key, label, False, "", False))
            continue
        named = may_see_organisation(reader, written)
        shown.append(
            SeenBy(
                key,
                label,
                True,
                organisation if named else "",
                contact=key == "owner",
                facts=tuple(fact for fact in facts if named or fact.field not in _ONLY_FOR_NAMED),
            )
        )
    return shown


def _fact(form: PostForm, name: str) -> EnteredFact:
    label = _("预算") if form.side == "need" else _("价格")
    if name == "money_minimum":
        words = _money_as_typed(form)
    else:
        label, words = str(form[name].label.text), _words(form[name])
    return EnteredFact(name, label, words, missing=not words and name in _ALWAYS_ASKED)


def _words(field: Any) -> str:
    if isinstance(field, DayField | AmountField):
        return (field.data or "").strip()
    choices = dict(getattr(field, "choices", None) or [])
    if not choices:
        return (field.data or "").strip() if isinstance(field.data, str) else ""
    chosen = field.data if isinstance(field.data, list) else [field.data]
    return "；".join(str(choices[value]) for value in chosen if value and value in choices)


def _money_as_typed(form: PostForm) -> str:
    low, high = (form.money_minimum.data or "").strip(), (form.money_maximum.data or "").strip()
    if form.money_minimum.amount is not None or form.money_maximum.amount is not None:
        return format_money(
            MoneyRange(
                minimum=form.money_minimum.amount,
                maximum=form.money_maximum.amount,
                negotiable=bool(form.money_negotiable.data),
            )
        )
    if low or high:
        return " – ".join(part for part in (low, high) if part)
    return str(_("面议")) if form.money_negotiable.data else ""

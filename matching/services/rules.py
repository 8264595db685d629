"""What the staff change without code: rules, texts and the entries of vocabularies. Each change is checked, kept in the
history and can be taken back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from matching.errors import EditConflict, InvalidInput, NotAllowed, NotFound
from matching.models import Region, RuleChange, RuleState, RuleValue, VocabularyTerm
from matching.notifying.texts import TEXT_FORMS
from matching.queries.rules import read_rules
from matching.rulebook import RULE_FORMS, TEXT_PREFIX, check_text, check_together, read_value, stored_value
from matching.services.actor import Actor
from matching.settings import Settings
from matching.store.unit_of_work import UnitOfWork
from matching.store.upsert import insert_new

LONGEST_REASON = 300
LONGEST_LABEL_ZH, LONGEST_LABEL_EN = 120, 200
MOST_TERMS = 2000

EDITABLE_VOCABULARIES = (
    "industry",
    "domain",
    "town",
    "cooperation_mode",
    "close_reason",
    "decline_reason",
    "return_reason",
    "review_check",
    "outcome_reason",
    "ip_arrangement",
    "organisation_stage",
    "discipline",
)
"""Lists whose entries may be added and retired."""
RENAMED_VOCABULARIES = ("capability_kind", "maturity_level", "organisation_kind")
"""Lists whose codes the product knows: only their names may change."""
VOCABULARIES = (*EDITABLE_VOCABULARIES, *RENAMED_VOCABULARIES)
_TERM_PREFIX = "term:"
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
_KEPT_TERMS = {("close_reason", "duplicate")}
"""Codes that services set by themselves."""


def require_rule_maker(actor: Actor) -> None:
    """Rules hold for the whole installation: administrators and staff of any region make them, each change logged."""
    if not (actor.is_administrator or actor.region_scope is not None):
        raise NotAllowed("rule.staff_only", "规则由主管部门维护", message_en="Rules are kept by the staff")


def term_key(vocabulary: str, code: str) -> str:
    """A term's key in the history."""
    return f"{_TERM_PREFIX}{vocabulary}:{code}"


def change_rules(
    uow: UnitOfWork,
    actor: Actor,
    values: Mapping[str, object],
    now: datetime,
    *,
    settings: Settings,
    reason: str = "",
    expected_revision: int | None = None,
) -> None:
    """Set rules together, all or none; None puts one back as the installation was set up. What is already so stays.

    `settings` are those of the installation. Raises EditConflict where one was changed after `expected_revision`.
    """
    require_rule_maker(actor)
    for key, value in values.items():
        form = RULE_FORMS.get(key)
        if form is None:
            raise _no_rule()
        after = None if value is None else stored_value(read_value(form, value))
        if after is not None and after == stored_value(getattr(settings, key)):
            after = None
        _change(uow, actor, key, after, now, reason=reason, expected_revision=expected_revision)
    uow.session.flush()
    check_together(read_rules(uow.session, settings).settings)
    uow.commit()


def change_text(
    uow: UnitOfWork,
    actor: Actor,
    key: str,
    written: Mapping[str, Mapping[str, Any]] | None,
    now: datetime,
    *,
    reason: str = "",
    expected_revision: int | None = None,
) -> None:
    """Set a text in both languages; None puts the shipped one back."""
    require_rule_maker(actor)
    form = TEXT_FORMS.get(key)
    if form is None:
        raise _no_rule()
    after: dict[str, Any] | None = dict(check_text(form, written)) if written is not None else None
    if after == {language: dict(parts) for language, parts in form.shipped.items()}:
        after = None
    _change(uow, actor, TEXT_PREFIX + key, after, now, reason=reason, expected_revision=expected_revision)
    uow.commit()


def add_term(
    uow: UnitOfWork,
    actor: Actor,
    vocabulary: str,
    code: str,
    label_zh: str,
    label_en: str,
    now: datetime,
    *,
    parent_code: str | None = None,
    reason: str = "",
) -> VocabularyTerm:
    """Add an entry at the end of a list."""
    _require_term_maker(actor, vocabulary, code, parent_code)
    if vocabulary not in EDITABLE_VOCABULARIES:
        raise NotAllowed(
            "term.fixed",
            "这个列表的条目是固定的，只能改名称",
            message_en="This list's entries are fixed; only names change",
        )
    if not _CODE.fullmatch(code):
        raise InvalidInput(
            "term.code",
            "代码由字母、数字、点、横线或下划线组成，最长 40 位",
            where="code",
            message_en="A code is made of letters, digits, dots, hyphens or underscores, at most 40",
        )
    if uow.session.get(VocabularyTerm, (vocabulary, code)) is not None:
        raise InvalidInput("term.known", "已有这个代码", where="code", message_en="This code is there already")
    count, last = uow.session.execute(
        select(func.count(), func.max(VocabularyTerm.position)).where(VocabularyTerm.vocabulary == vocabulary)
    ).one()
    if count >= MOST_TERMS:
        raise InvalidInput("term.too_many", f"最多 {MOST_TERMS} 条", message_en=f"At most {MOST_TERMS} entries")
    if parent_code and not _is_parent(uow.session, vocabulary, parent_code):
        raise InvalidInput("term.parent", "没有这个上级", where="parent_code", message_en="There is no such parent")
    zh, en = _labels(label_zh, label_en)
    term = VocabularyTerm(
        vocabulary=vocabulary,
        code=code,
        parent_code=parent_code or None,
        label_zh=zh,
        label_en=en,
        position=(last if last is not None else -1) + 1,
        active=True,
    )
    uow.session.add(term)
    _record(uow, actor, term_key(vocabulary, code), None, _snapshot(term), now, reason)
    uow.commit()
    return term


def edit_term(
    uow: UnitOfWork,
    actor: Actor,
    vocabulary: str,
    code: str,
    now: datetime,
    *,
    label_zh: str | None = None,
    label_en: str | None = None,
    active: bool | None = None,
    reason: str = "",
) -> VocabularyTerm:
    """Rename, retire or bring back an entry. Posts that have it keep it; nobody can choose a retired one."""
    term = _load_term(uow, vocabulary, code)
    _require_term_maker(actor, vocabulary, code, term.parent_code)
    before = _snapshot(term)
    term.label_zh, term.label_en = _labels(
        term.label_zh if label_zh is None else label_zh, term.label_en if label_en is None else label_en
    )
    if active is not None and active != term.active:
        _require_retirable(vocabulary, code)
        term.active = active
    if _snapshot(term) != before:
        _record(uow, actor, term_key(vocabulary, code), before, _snapshot(term), now, reason)
    uow.commit()
    return term


def move_term(
    uow: UnitOfWork, actor: Actor, vocabulary: str, code: str, steps: int, now: datetime, *, reason: str = ""
) -> None:
    """Move an entry up (negative) or down among those of its list."""
    term = _load_term(uow, vocabulary, code)
    _require_term_maker(actor, vocabulary, code, term.parent_code)
    listed = list(
        uow.session.scalars(
            select(VocabularyTerm)
            .where(VocabularyTerm.vocabulary == vocabulary)
            .order_by(VocabularyTerm.position, VocabularyTerm.code)
        )
    )
    at = listed.index(term)
    place = min(max(at + steps, 0), len(listed) - 1)
    if place == at:
        return
    before = _snapshot(term) | {"position": at}
    listed.insert(place, listed.pop(at))
    for position, one in enumerate(listed):
        if one.position != position:
            one.position = position
    _record(uow, actor, term_key(vocabulary, code), before, _snapshot(term), now, reason)
    uow.commit()


def revert_change(uow: UnitOfWork, actor: Actor, change_id: int, now: datetime, *, settings: Settings) -> RuleChange:
    """Put back what a change replaced. Only the latest of its rule or term: what came later would be lost unseen."""
    require_rule_maker(actor)
    # A greater number is none that a database counts to.
    change = uow.session.get(RuleChange, change_id) if change_id < 2**62 else None
    if change is None:
        raise _no_rule()
    latest = uow.session.scalar(select(func.max(RuleChange.id)).where(RuleChange.key == change.key))
    if latest != change.id:
        raise EditConflict(
            "rule.changed_since",
            "之后又有修改，请先撤回最近的一次",
            message_en="It was changed again since; take the latest change back first",
        )
    if change.key.startswith(_TERM_PREFIX):
        _revert_term(uow, actor, change, now)
    else:
        _change(uow, actor, change.key, change.before, now, reason="", reverts=change)
        check_together(read_rules(uow.session, settings).settings)
    uow.commit()
    return change


def _revert_term(uow: UnitOfWork, actor: Actor, change: RuleChange, now: datetime) -> None:
    _prefix, vocabulary, code = change.key.split(":", 2)
    term = _load_term(uow, vocabulary, code)
    _require_term_maker(actor, vocabulary, code, term.parent_code)
    now_is = _snapshot(term)
    if change.before is None:
        # Posts may have it by now: it leaves the list, and they keep its name.
        term.active = False
    else:
        term.label_zh, term.label_en = change.before["label_zh"], change.before["label_en"]
        term.active = change.before["active"]
        if change.after is not None and change.before["position"] != change.after["position"]:
            _place(uow.session, term, change.before["position"])
    _record(uow, actor, change.key, now_is, _snapshot(term), now, "", reverts=change)


def _place(session: Session, term: VocabularyTerm, position: int) -> None:
    others = list(
        session.scalars(
            select(VocabularyTerm)
            .where(VocabularyTerm.vocabulary == term.vocabulary, VocabularyTerm.code != term.code)
            .order_by(VocabularyTerm.position, VocabularyTerm.code)
        )
    )
    others.insert(min(position, len(others)), term)
    for number, one in enumerate(others):
        one.position = number


def _change(
    uow: UnitOfWork,
    actor: Actor,
    key: str,
    after: dict[str, Any] | None,
    now: datetime,
    *,
    reason: str,
    expected_revision: int | None = None,
    reverts: RuleChange | None = None,
) -> None:
    """Within a use case that commits: the value, the history's line and the number that processes compare."""
    row = uow.session.get(RuleValue, key)
    before = None if row is None else row.value
    if before == after:
        return
    if expected_revision is not None:
        _require_unchanged(uow.session, key, expected_revision)
    if after is None:
        uow.session.delete(row)
    elif row is None:
        uow.session.add(RuleValue(key=key, value=after))
    else:
        row.value = after
    _record(uow, actor, key, before, after, now, reason, reverts=reverts)


def _record(
    uow: UnitOfWork,
    actor: Actor,
    key: str,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
    now: datetime,
    reason: str,
    *,
    reverts: RuleChange | None = None,
) -> None:
    why = " ".join(reason.split())
    if len(why) > LONGEST_REASON:
        raise InvalidInput(
            "rule.reason",
            f"说明最多 {LONGEST_REASON} 字",
            where="reason",
            message_en=f"A reason has at most {LONGEST_REASON} characters",
        )
    change = RuleChange(
        key=key,
        before=before,
        after=after,
        reason=why,
        at=now,
        user_id=actor.user_id,
        reverts_id=reverts.id if reverts is not None else None,
    )
    uow.session.add(change)
    # The row is locked until the commit, so that two changes never count as one.
    insert_new(uow.session, RuleState, [{"id": 1, "revision": 0}])
    uow.session.execute(update(RuleState).where(RuleState.id == 1).values(revision=RuleState.revision + 1))
    uow.session.flush()
    uow.record(now, actor.user_id, "rule.change", "rule", key[:64], change=change.id)


def _require_unchanged(session: Session, key: str, expected_revision: int) -> None:
    """Changes are counted one by one: whoever read revision n has not seen the change n+1 and those after it."""
    later = session.scalars(
        select(RuleChange.key).order_by(RuleChange.id).offset(max(expected_revision, 0)).limit(1000)
    ).all()
    if key in later:
        raise EditConflict(
            "rule.changed_meanwhile",
            "别人刚刚改过这一项，您的修改没有保存，请核对后重新提交",
            message_en="Somebody else changed this meanwhile; please check and send again",
        )


def _require_term_maker(actor: Actor, vocabulary: str, code: str, parent_code: str | None) -> None:
    require_rule_maker(actor)
    if vocabulary not in VOCABULARIES:
        raise _no_rule()
    if (
        vocabulary == "town"
        and not actor.is_administrator
        and not (parent_code or code).startswith(actor.region_scope or "")
    ):
        raise NotAllowed("term.other_region", "这是其他地区的镇街", message_en="This town is another region's")


def _require_retirable(vocabulary: str, code: str) -> None:
    if vocabulary in RENAMED_VOCABULARIES or (vocabulary, code) in _KEPT_TERMS:
        raise NotAllowed(
            "term.fixed", "这一条不能停用，只能改名称", message_en="This entry cannot be retired, only renamed"
        )


def _load_term(uow: UnitOfWork, vocabulary: str, code: str) -> VocabularyTerm:
    term = uow.session.get(VocabularyTerm, (vocabulary, code))
    if term is None:
        raise NotFound("term.not_found", "没有这一条", message_en="There is no such entry")
    return term


def _is_parent(session: Session, vocabulary: str, code: str) -> bool:
    """A town's parent is a region, a check's the side of the posts it is for, others are of the same list."""
    if vocabulary == "town":
        return session.get(Region, code) is not None
    if vocabulary == "review_check":
        return code in ("need", "capability")
    return session.get(VocabularyTerm, (vocabulary, code)) is not None


def _labels(label_zh: str, label_en: str) -> tuple[str, str]:
    zh, en = " ".join(label_zh.split()), " ".join(label_en.split())
    for where, label, longest in (("label_zh", zh, LONGEST_LABEL_ZH), ("label_en", en, LONGEST_LABEL_EN)):
        if not label or len(label) > longest:
            raise InvalidInput(
                "term.label",
                f"请填写名称，中英文都要，最多 {longest} 字",
                where=where,
                message_en=f"Please give the name in both languages, at most {longest} characters",
            )
    return zh, en


def _snapshot(term: VocabularyTerm) -> dict[str, Any]:
    return {
        "label_zh": term.label_zh,
        "label_en": term.label_en,
        "active": term.active,
        "position": term.position,
    }


def _no_rule() -> NotFound:
    return NotFound("rule.not_found", "没有这条规则", message_en="There is no such rule")

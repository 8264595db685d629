"""Rules without code: each change is checked, holds at once in every process, is logged, and can be taken back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import select

import workers.tasks.upkeep as upkeep
from matching.bootstrap import Platform
from matching.errors import EditConflict, InvalidInput, NotAllowed, NotFound
from matching.models import AuditEntry, Notification, Post, RuleChange, Suggestion, VocabularyTerm
from matching.notifying.expiry import KIND
from matching.notifying.letters import Action, write_letter
from matching.notifying.suggestions import push_suggestions
from matching.notifying.texts import LANGUAGES, TEXT_FORMS, Texts, named_in, put_in, sample_values
from matching.queries.rules import list_changes, read_rules
from matching.queries.vocabularies import load_vocabularies
from matching.rulebook import RULE_FORMS, check_text, check_together, read_value
from matching.services.actor import Actor
from matching.services.posts import publish_post, submit_post
from matching.services.rules import add_term, change_rules, change_text, edit_term, move_term, revert_change
from tests.factories.people import make_expert, make_member, make_staff
from tests.factories.posts import make_capability, make_need


@pytest.fixture
def staff(platform: Platform, now: datetime) -> Actor:
    return make_staff(platform, now, email="staff@example.cn")


@pytest.fixture
def worker(platform: Platform) -> Iterator[Platform]:
    """The platform of another process over the same database."""
    made = Platform(platform.settings)
    yield made
    made.close()


def decide(platform: Platform, actor: Actor, now: datetime, reason: str = "", **values: object) -> None:
    with platform.unit_of_work() as uow:
        change_rules(uow, actor, values, now, settings=platform.settings, reason=reason)


def in_force(platform: Platform, key: str) -> object:
    with platform.reading() as reading:
        return getattr(platform.rules(reading).settings, key)


def test_a_change_holds_in_all_processes_without_a_restart(
    platform: Platform, worker: Platform, staff: Actor, now: datetime
) -> None:
    assert in_force(platform, "weekly_load") == in_force(worker, "weekly_load") == 20
    decide(platform, staff, now, weekly_load=3)
    assert in_force(platform, "weekly_load") == in_force(worker, "weekly_load") == 3
    assert platform.settings.weekly_load == 20, "what operations set up stays as it was"
    decide(worker, staff, now, weekly_load=None)
    assert in_force(platform, "weekly_load") == 20


def test_what_did_not_change_is_not_read_again(platform: Platform, staff: Actor, now: datetime) -> None:
    decide(platform, staff, now, weekly_load=3)
    in_force(platform, "weekly_load")
    statements: list[str] = []

    def note(_c: object, _cu: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    sqlalchemy_event.listen(platform.engine, "before_cursor_execute", note)
    assert in_force(platform, "weekly_load") == 3
    sqlalchemy_event.remove(platform.engine, "before_cursor_execute", note)
    assert [one for one in statements if one.startswith("SELECT")] == [
        "SELECT rule_states.revision \nFROM rule_states \nWHERE rule_states.id = ?"
    ]


def test_load_and_threshold_take_effect_where_suggestions_are_pushed(
    platform: Platform, staff: Actor, now: datetime
) -> None:
    firm = make_member(platform, now, email="firm@example.cn", organisation="甲公司")
    university = make_member(platform, now, email="u@example.cn", organisation="乙大学", kind="university")
    expert = make_expert(platform, now, university)
    capability = make_capability(platform, university, now, expert_ids=(expert,))
    needs = [make_need(platform, firm, now, title=f"需求{number}") for number in range(4)]
    with platform.unit_of_work() as uow:
        for number, need in enumerate(needs):
            uow.session.add(
                Suggestion(
                    need_id=need, capability_id=capability, model_revision="m", need_rank=1, need_score=5.0 - number,
                    probability=0.5 - number / 10, reasons=[], need_version=1, capability_version=1, created_at=now,
                    updated_at=now,
                )
            )  # fmt: skip
        uow.commit()

    def told_experts() -> int:
        with platform.unit_of_work() as uow:
            pairs = uow.session.scalars(select(Suggestion)).all()
            push_suggestions(uow.session, pairs, now, platform.rules(uow.session).settings)
            uow.session.flush()
            mine = select(Notification.id).where(Notification.user_id == university.user_id)
            return len(uow.session.scalars(mine).all())

    assert told_experts() == 4
    decide(platform, staff, now, least_probability="0.35")
    assert told_experts() == 2
    decide(platform, staff, now, least_probability=None, weekly_load=1)
    assert told_experts() == 1


def test_the_life_of_a_post_and_its_notice_take_effect_in_the_worker(
    platform: Platform, worker: Platform, staff: Actor, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    firm = make_member(platform, now, email="firm@example.cn", organisation="甲公司")
    decide(platform, staff, now, post_lifetime_days=30, expiry_notice_days=10)
    post_id = make_need(platform, firm, now, publish=False)
    with platform.unit_of_work() as uow:
        publish_post(uow, firm.actor, post_id, now, settings=platform.rules(uow.session).settings)
    with platform.reading() as reading:
        assert reading.get_one(Post, post_id).expires_at == now + timedelta(days=30)
    monkeypatch.setattr(upkeep, "get_platform", lambda: worker)
    monkeypatch.setattr(upkeep, "utc_now", lambda: now + timedelta(days=15))
    assert upkeep.notify_expiry_task() == 0
    decide(platform, staff, now, expiry_notice_days=16)
    assert upkeep.notify_expiry_task() == 1
    with platform.reading() as reading:
        assert reading.scalars(select(Notification.kind)).all() == [KIND]


def test_a_text_takes_effect_in_the_letter(platform: Platform, worker: Platform, staff: Actor, now: datetime) -> None:
    form = TEXT_FORMS["registration_approved"]
    written = {language: dict(parts) for language, parts in form.shipped.items()}
    written["zh"]["body"] = "{name}，欢迎！\n\n进入平台 {link}"
    with platform.unit_of_work() as uow:
        change_text(uow, staff, "registration_approved", written, now)
    with worker.reading() as reading:
        texts = worker.rules(reading).texts
    payload = {"name": "李 {link} 工", "organisation": "甲"}
    letter = write_letter("registration_approved", payload, "zh", worker.settings, texts)
    assert letter.blocks == ("李 {link} 工，欢迎！", Action("进入平台", "http://127.0.0.1:8000/sign-in"))
    assert letter.subject == form.shipped["zh"]["subject"]
    assert texts.notice("post_published", "zh") == "您的信息已发布"
    with platform.unit_of_work() as uow:
        change_text(uow, staff, "registration_approved", None, now)
    with worker.reading() as reading:
        assert worker.rules(reading).texts.changed == {}


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        ("weekly_load", "-1", "rule.bounds"),
        ("weekly_load", "501", "rule.bounds"),
        ("weekly_load", "viele", "rule.value"),
        ("weekly_load", "1.5", "rule.value"),
        ("weekly_load", "", "rule.value"),
        ("weekly_load", "NaN", "rule.value"),
        ("least_probability", "1.01", "rule.bounds"),
        ("review_before_publication", "vielleicht", "rule.value"),
        ("interest_reminder_days", "7;2", "rule.value"),
        ("interest_reminder_days", "7,0", "rule.bounds"),
        ("interest_reminder_days", "60", "rule.together"),
        ("contract_large_amount", "500.123", "rule.value"),
        ("contract_long_days", "10", "rule.together"),
        ("expiry_notice_days", "90", None),
    ],
)
def test_a_wrong_value_is_refused_and_named(
    platform: Platform, staff: Actor, now: datetime, key: str, value: str, code: str | None
) -> None:
    if code is None:
        decide(platform, staff, now, **{key: value})
        return
    with pytest.raises(InvalidInput) as caught:
        decide(platform, staff, now, **{"suggestions_per_post": 7, key: value})
    assert caught.value.code == code
    assert caught.value.where == key
    assert in_force(platform, "suggestions_per_post") == 10, "all or none"


@given(st.sampled_from(sorted(RULE_FORMS)), st.one_of(st.text(max_size=12), st.integers(), st.floats(), st.booleans()))
@hypothesis_settings(max_examples=60, deadline=None)
def test_whatever_is_entered_a_rule_stays_in_its_bounds(key: str, entered: object) -> None:
    form = RULE_FORMS[key]
    try:
        value = read_value(form, entered)
    except InvalidInput:
        return
    if form.kind == "switch":
        assert isinstance(value, bool)
    elif form.kind == "days":
        assert all(form.least <= int(day) <= form.most for day in str(value).split(",") if day)
    else:
        assert form.least <= Decimal(str(value)) <= form.most
    assert read_value(form, value) == value, "what is stored is read back as it is"


def test_each_rule_begins_within_its_bounds(platform: Platform) -> None:
    for key, form in RULE_FORMS.items():
        assert read_value(form, getattr(platform.settings, key)) == getattr(platform.settings, key), key
    check_together(platform.settings)


@pytest.mark.parametrize(
    ("change", "code", "where"),
    [
        ({"body_zh": "没有链接"}, "text.required", "body_zh"),
        ({"body_en": "{link} {nobody}"}, "text.placeholder", "body_en"),
        ({"body_zh": "{link} {"}, "text.brace", "body_zh"),
        ({"subject_en": " "}, "text.missing", "subject_en"),
        ({"subject_zh": "长" * 201}, "text.too_long", "subject_zh"),
        ({"subject_zh": "{link}"}, "text.link", "subject_zh"),
    ],
)
def test_a_text_that_would_break_a_letter_is_refused(change: dict[str, str], code: str, where: str) -> None:
    form = TEXT_FORMS["reset_password"]
    written = {language: dict(parts) for language, parts in form.shipped.items()}
    for name, text in change.items():
        part, _, language = name.partition("_")
        written[language][part] = text
    with pytest.raises(InvalidInput) as caught:
        check_text(form, written)
    assert (caught.value.code, caught.value.where) == (code, where)


def test_shipped_texts_keep_to_the_rules_and_their_examples_fill_them() -> None:
    for form in TEXT_FORMS.values():
        assert check_text(form, form.shipped) == {one: dict(form.shipped[one]) for one in LANGUAGES}
        for language in LANGUAGES:
            for part in form.parts:
                filled = put_in(form.shipped[language][part], sample_values(form, language))
                assert named_in(filled) == [], (form.key, language, part)


def test_a_line_that_names_nothing_is_left_out() -> None:
    body = Texts().body("meeting_invitation", "zh", time="9:00", place="", other="乙", topic="", event="", summary="")
    assert body == "9:00（北京时间）\n对方：乙"


def test_each_change_is_logged_and_the_latest_can_be_taken_back(
    platform: Platform, staff: Actor, now: datetime
) -> None:
    decide(platform, staff, now, reason="专家抱怨太多", weekly_load=5)
    decide(platform, staff, now, weekly_load=9)
    decide(platform, staff, now, weekly_load=9)
    with platform.reading() as reading:
        shown, more = list_changes(reading)
        assert not more
        assert [(one.change.before, one.change.after, one.by, one.latest) for one in shown] == [
            ({"value": 5}, {"value": 9}, "staff", True),
            (None, {"value": 5}, "staff", False),
        ]
        first = shown[1].change.id
        assert shown[1].change.reason == "专家抱怨太多"
        assert len(reading.scalars(select(AuditEntry).where(AuditEntry.action == "rule.change")).all()) == 2
        last = shown[0].change.id
    with platform.unit_of_work() as uow, pytest.raises(EditConflict):
        revert_change(uow, staff, first, now, settings=platform.settings)
    with platform.unit_of_work() as uow:
        revert_change(uow, staff, last, now, settings=platform.settings)
    assert in_force(platform, "weekly_load") == 5
    with platform.unit_of_work() as uow:
        latest = uow.session.scalars(select(RuleChange).order_by(RuleChange.id.desc())).first()
        assert latest is not None
        assert latest.reverts_id == last
        revert_change(uow, staff, latest.id, now, settings=platform.settings)
    assert in_force(platform, "weekly_load") == 9


def test_of_two_editors_the_second_is_told(platform: Platform, staff: Actor, now: datetime) -> None:
    decide(platform, staff, now, weekly_load=5)
    with platform.unit_of_work() as uow, pytest.raises(EditConflict):
        change_rules(uow, staff, {"weekly_load": 6}, now, settings=platform.settings, expected_revision=0)
    with platform.unit_of_work() as uow:
        change_rules(uow, staff, {"interest_days": 20}, now, settings=platform.settings, expected_revision=0)
    assert (in_force(platform, "weekly_load"), in_force(platform, "interest_days")) == (5, 20)


def test_rules_are_the_staffs(platform: Platform, now: datetime) -> None:
    firm = make_member(platform, now, email="firm@example.cn", organisation="甲公司")
    with pytest.raises(NotAllowed):
        decide(platform, firm.actor, now, weekly_load=5)
    with platform.unit_of_work() as uow, pytest.raises(NotAllowed):
        change_text(uow, firm.actor, "reset_password", None, now)
    with platform.unit_of_work() as uow, pytest.raises(NotAllowed):
        add_term(uow, firm.actor, "domain", "x", "甲", "A", now)


def test_terms_are_added_renamed_moved_retired_and_brought_back(
    platform: Platform, staff: Actor, now: datetime
) -> None:
    for code in ("a", "b", "c"):
        with platform.unit_of_work() as uow:
            add_term(uow, staff, "domain", code, f"领域{code}", f"Domain {code}", now)
    with platform.unit_of_work() as uow:
        move_term(uow, staff, "domain", "c", -2, now)
    with platform.unit_of_work() as uow:
        edit_term(uow, staff, "domain", "a", now, label_zh="新名称")
    with platform.unit_of_work() as uow:
        edit_term(uow, staff, "domain", "b", now, active=False)

    def listed() -> list[tuple[str, str]]:
        with platform.reading() as reading:
            return [(term.code, term.label_zh) for term in load_vocabularies(reading).active("domain")]

    assert listed() == [("c", "领域c"), ("a", "新名称")]
    with platform.reading() as reading:
        assert load_vocabularies(reading).find("domain", "b") is not None, "older posts keep its name"
        shown, _more = list_changes(reading)
        latest = [one.change.id for one in shown if one.latest]
    for change_id in latest:
        with platform.unit_of_work() as uow:
            revert_change(uow, staff, change_id, now, settings=platform.settings)
    assert listed() == [("a", "领域a"), ("b", "领域b"), ("c", "领域c")]


@pytest.mark.parametrize(
    ("vocabulary", "code", "zh", "en", "error"),
    [
        ("maturity_level", "10", "TRL 10", "TRL 10", NotAllowed),
        ("nix", "a", "甲", "A", NotFound),
        ("domain", "mit leer", "甲", "A", InvalidInput),
        ("domain", "x", "甲", " ", InvalidInput),
        ("domain", "x", "长" * 121, "A", InvalidInput),
        ("town", "440600001", "外地镇", "Elsewhere", NotAllowed),
    ],
)
def test_terms_that_cannot_be(
    platform: Platform, staff: Actor, now: datetime, vocabulary: str, code: str, zh: str, en: str,
    error: type[Exception],
) -> None:  # fmt: skip
    with platform.unit_of_work() as uow, pytest.raises(error):
        add_term(uow, staff, vocabulary, code, zh, en, now)


def test_what_services_set_by_themselves_is_only_renamed(platform: Platform, staff: Actor, now: datetime) -> None:
    with platform.unit_of_work() as uow:
        for vocabulary, code in (("close_reason", "duplicate"), ("capability_kind", "patent")):
            uow.session.add(VocabularyTerm(vocabulary=vocabulary, code=code, label_zh="甲", label_en="A"))
        uow.commit()
    for vocabulary, code in (("close_reason", "duplicate"), ("capability_kind", "patent")):
        with platform.unit_of_work() as uow:
            edit_term(uow, staff, vocabulary, code, now, label_zh="乙")
        with platform.unit_of_work() as uow, pytest.raises(NotAllowed):
            edit_term(uow, staff, vocabulary, code, now, active=False)


def test_a_stored_value_that_the_bounds_refuse_is_left_out(platform: Platform) -> None:
    from matching.models import RuleValue

    with platform.unit_of_work() as uow:
        uow.session.add(RuleValue(key="weekly_load", value={"value": 10_000}))
        uow.session.add(RuleValue(key="gone", value={"value": 1}))
        uow.commit()
        assert read_rules(uow.session, platform.settings).settings == platform.settings


def test_the_checklist_can_be_made_a_duty(platform: Platform, staff: Actor, now: datetime) -> None:
    firm = make_member(platform, now, email="firm@example.cn", organisation="甲公司")
    post_id = make_need(platform, firm, now, publish=False)
    for code, parent in (("clear", None), ("need_only", "need"), ("other", "capability")):
        with platform.unit_of_work() as uow:
            add_term(uow, staff, "review_check", code, code, code, now, parent_code=parent)
    with platform.unit_of_work() as uow:
        submit_post(uow, firm.actor, post_id, now)
    decide(platform, staff, now, review_checks_required="y")
    with platform.unit_of_work() as uow, pytest.raises(InvalidInput) as caught:
        publish_post(
            uow, staff, post_id, now, settings=platform.rules(uow.session).settings, checked=["clear", "other"]
        )
    assert caught.value.code == "post.unchecked"
    with platform.unit_of_work() as uow:
        publish_post(
            uow, staff, post_id, now, settings=platform.rules(uow.session).settings, checked=["clear", "need_only"]
        )
        noted = uow.session.scalars(select(AuditEntry).where(AuditEntry.action == "post.check")).all()
    assert [entry.details for entry in noted] == [{"ticked": ["clear", "need_only"]}]

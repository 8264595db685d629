"""Engagements: stages, messages, tasks, terms, those who are copied, and who sees any of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, select

from matching.bootstrap import Platform
from matching.errors import DuijieError, EditConflict, IllegalMove, InvalidInput, NotAllowed, NotFound
from matching.models import (
    AuditEntry,
    Engagement,
    EngagementMessage,
    EngagementStep,
    Membership,
    Notification,
)
from matching.models.engagement import STAGES
from matching.notifying.engagements import (
    participants_of,
    remind_of_next_steps,
    remind_of_registrations,
    remind_of_tasks,
)
from matching.queries.desk import list_desk
from matching.queries.engagements import (
    copy_candidates,
    count_engagements,
    count_waiting,
    engagement_board,
    list_engagements,
    role_in,
    show_engagement,
)
from matching.queries.registration_clock import read_registration_times
from matching.services.actor import SYSTEM, Actor
from matching.services.engagement_stages import STAGE_MOVES, moves_from_stage, require_stage_move
from matching.services.engagements import (
    ContractTerms,
    add_task,
    agree_to_participant,
    close_engagement,
    finish_task,
    move_engagement,
    propose_participant,
    record_terms,
    remove_participant,
    reveal_contacts,
    send_message,
    set_next_step,
    write_note,
)
from tests.factories.interests import ASKED, ASKING, engage
from tests.factories.people import Member, find_actor, make_expert, make_member, make_staff
from tests.factories.posts import make_capability, make_need

TERMS = ContractTerms(
    contract_type="development",
    contract_amount=Decimal("48.5"),
    technology_amount=Decimal("40"),
    registration_number="2026440784000123",
    signed_on=date(2026, 12, 1),
    starts_on=date(2026, 12, 1),
    ends_on=date(2027, 6, 30),
    benefit_terms="首付 30%，验收后 70%",
    ip_terms="专利共有",
)


@dataclass(frozen=True)
class Scene:
    firm: Member
    professor: Member
    manager: Member
    broker: Member
    staff: Actor
    elsewhere: Actor
    stranger: Member
    id: str


@pytest.fixture
def scene(platform: Platform, now: datetime) -> Scene:
    firm = make_member(platform, now, email="firm@example.cn", organisation="示例电路")
    professor = make_member(
        platform, now, email="prof@example.cn", organisation="示例大学", kind="university", region_code="440700"
    )
    manager = make_member(
        platform, now, email="tto@example.cn", organisation_id=professor.organisation_id, role="owner"
    )
    broker = make_member(platform, now, email="broker@example.cn", organisation="技术转移中心", kind="intermediary")
    expert = make_expert(platform, now, professor)
    need = make_need(platform, firm, now)
    capability = make_capability(platform, professor, now, expert_ids=(expert,))
    return Scene(
        firm,
        professor,
        manager,
        broker,
        make_staff(platform, now, email="staff@example.cn"),
        make_staff(platform, now, email="far@example.cn", region_code="440600"),
        make_member(platform, now, email="other@example.cn", organisation="别的企业"),
        engage(platform, firm.actor, capability, professor.actor, now, own_id=need),
    )


def move(platform: Platform, actor: Actor, engagement_id: str, target: str, now: datetime) -> None:
    with platform.unit_of_work() as uow:
        move_engagement(uow, actor, engagement_id, target, now)


def stored(platform: Platform, engagement_id: str) -> Engagement:
    with platform.reading() as session:
        return session.get_one(Engagement, engagement_id)


def told(platform: Platform, user_id: str) -> list[str]:
    with platform.reading() as session:
        return sorted(
            session.scalars(
                select(Notification.kind).where(
                    Notification.user_id == user_id, Notification.kind.startswith("engagement")
                )
            )
        )


def roles(platform: Platform, scene: Scene) -> dict[str, str | None]:
    with platform.reading() as session:
        engagement = session.get_one(Engagement, scene.id)
        return {
            name: role_in(session, actor, engagement)
            for name, actor in (
                ("visitor", Actor(user_id=None)),
                ("firm", scene.firm.actor),
                ("professor", scene.professor.actor),
                ("manager", scene.manager.actor),
                ("broker", scene.broker.actor),
                ("stranger", scene.stranger.actor),
                ("staff", scene.staff),
                ("staff elsewhere", scene.elsewhere),
                ("administrator", SYSTEM),
            )
        }


def test_the_whole_way_to_a_contract(platform: Platform, now: datetime, scene: Scene) -> None:
    for day, target in enumerate(("talk", "visit", "terms", "contract"), start=1):
        actor = scene.firm.actor if day % 2 else scene.professor.actor
        move(platform, actor, scene.id, target, now + timedelta(days=day))
    with pytest.raises(InvalidInput) as caught, platform.unit_of_work() as uow:
        close_engagement(uow, scene.firm.actor, scene.id, "contract", now)
    assert (caught.value.code, caught.value.where) == ("engagement.contract_incomplete", "contract_type")
    with platform.unit_of_work() as uow:
        record_terms(uow, scene.firm.actor, scene.id, TERMS, now)
    end = now + timedelta(days=30)
    with platform.unit_of_work() as uow:
        close_engagement(uow, scene.professor.actor, scene.id, "contract", end, note="顺利")
    engagement = stored(platform, scene.id)
    assert (engagement.stage, engagement.outcome, engagement.closed_at) == ("closed", "contract", end)
    assert (engagement.contract_amount, engagement.technology_amount) == (Decimal("48.5"), Decimal("40"))
    assert (engagement.registration_number, engagement.ip_terms) == ("2026440784000123", "专利共有")
    assert engagement.waits_for is None
    with platform.reading() as session:
        steps = session.scalars(select(EngagementStep).order_by(EngagementStep.id)).all()
        assert [(one.from_stage, one.to_stage, one.role) for one in steps] == [
            (None, "contact", "capability"),
            ("contact", "talk", "need"),
            ("talk", "visit", "capability"),
            ("visit", "terms", "need"),
            ("terms", "contract", "capability"),
            ("contract", "closed", "capability"),
        ]
    assert told(platform, scene.firm.user_id) == ["engagement_stage"] * 3
    assert told(platform, scene.professor.user_id) == ["engagement_stage"] * 2


@given(st.lists(st.sampled_from([*STAGES, "nonsense"]), max_size=12))
def test_the_table_alone_decides_on_moves(targets: list[str]) -> None:
    stage = "contact"
    for target in targets:
        if target in STAGE_MOVES.get(stage, ()):  # type: ignore[call-overload]
            require_stage_move(stage, target)
            stage = target
        else:
            with pytest.raises(IllegalMove) as caught:
                require_stage_move(stage, target)
            assert caught.value.code == "engagement.illegal_move"
            assert target not in moves_from_stage(stage)


def test_illegal_moves_change_nothing(platform: Platform, now: datetime, scene: Scene) -> None:
    for target, error in (("contract", IllegalMove), ("contact", IllegalMove), ("closed", InvalidInput)):
        with pytest.raises(error):
            move(platform, scene.firm.actor, scene.id, target, now)
    with pytest.raises(IllegalMove), platform.unit_of_work() as uow:
        close_engagement(uow, scene.firm.actor, scene.id, "contract", now)
    with pytest.raises(InvalidInput), platform.unit_of_work() as uow:
        close_engagement(uow, scene.firm.actor, scene.id, "marriage", now)
    assert stored(platform, scene.id).stage == "contact"


def test_nothing_came_of_it_says_why_and_can_be_taken_up_again(platform: Platform, now: datetime, scene: Scene) -> None:
    for code, note, where in ((None, "", "reason_code"), ("nonsense", "", "reason_code"), ("other", "", "note")):
        with pytest.raises(InvalidInput) as caught, platform.unit_of_work() as uow:
            close_engagement(uow, scene.firm.actor, scene.id, "none", now, reason_code=code, note=note)
        assert caught.value.where == where
    with platform.unit_of_work() as uow:
        close_engagement(uow, scene.firm.actor, scene.id, "none", now, reason_code="price")
    assert stored(platform, scene.id).outcome_reason == "price"
    for refused in (
        lambda uow: add_task(uow, scene.firm.actor, scene.id, "再谈", None, "need", now),
        lambda uow: set_next_step(uow, scene.firm.actor, scene.id, "再谈", None, None, now),
    ):
        with pytest.raises(IllegalMove), platform.unit_of_work() as uow:
            refused(uow)
    move(platform, scene.professor.actor, scene.id, "talk", now + timedelta(days=1))
    engagement = stored(platform, scene.id)
    assert (engagement.stage, engagement.outcome, engagement.outcome_reason) == ("talk", None, None)
    assert engagement.waits_for == "need"


def test_terms_are_checked(platform: Platform, now: datetime, scene: Scene) -> None:
    for terms, where in (
        (ContractTerms(contract_type="marriage"), "contract_type"),
        (ContractTerms(contract_amount=Decimal("-1")), "contract_amount"),
        (ContractTerms(contract_amount=Decimal("NaN")), "contract_amount"),
        (ContractTerms(contract_amount=Decimal("0.0000001")), "contract_amount"),
        (ContractTerms(contract_amount=Decimal("5"), technology_amount=Decimal("6")), "technology_amount"),
        (ContractTerms(technology_amount=Decimal("6")), "technology_amount"),
        (ContractTerms(starts_on=date(2027, 1, 2), ends_on=date(2027, 1, 1)), "ends_on"),
        (ContractTerms(ip_terms="长" * 5001), "ip_terms"),
        (ContractTerms(registration_number="9" * 61), "registration_number"),
    ):
        with pytest.raises(InvalidInput) as caught, platform.unit_of_work() as uow:
            record_terms(uow, scene.firm.actor, scene.id, terms, now)
        assert caught.value.where == where
    with platform.unit_of_work() as uow:
        record_terms(uow, scene.firm.actor, scene.id, TERMS, now)
    with platform.reading() as session:
        line = session.scalars(select(AuditEntry).where(AuditEntry.action == "engagement.terms")).one()
        assert line.details["before"]["contract_amount"] is None
    version = stored(platform, scene.id).version
    with platform.unit_of_work() as uow:
        record_terms(uow, scene.professor.actor, scene.id, TERMS, now, expected_version=version)
    with pytest.raises(EditConflict), platform.unit_of_work() as uow:
        record_terms(uow, scene.professor.actor, scene.id, TERMS, now, expected_version=version - 1)


def test_a_message_passes_the_turn_and_is_sent_once(platform: Platform, now: datetime, scene: Scene) -> None:
    assert stored(platform, scene.id).waits_for == "need"
    later = now + timedelta(hours=2)
    for _ in range(2):
        with platform.unit_of_work() as uow:
            send_message(uow, scene.firm.actor, scene.id, " 您好，周三来厂里看看？ ", later, message_id="m1")
    engagement = stored(platform, scene.id)
    assert (engagement.waits_for, engagement.waiting_since) == ("capability", later)
    assert told(platform, scene.professor.user_id) == ["engagement_message"]
    with platform.reading() as session:
        assert count_waiting(session, scene.professor.actor) == 1
        assert [one.id for one in list_engagements(session, scene.professor.actor, own_turn=True).items] == [scene.id]
        assert list_engagements(session, scene.firm.actor, own_turn=True).items == []
        assert count_waiting(session, scene.firm.actor) == 0
        [message] = session.scalars(select(EngagementMessage)).all()
        assert (message.text, message.role) == ("您好，周三来厂里看看？", "need")
    with platform.unit_of_work() as uow:
        send_message(uow, scene.firm.actor, scene.id, "补充一句", later + timedelta(hours=1))
    assert stored(platform, scene.id).waiting_since == later
    with platform.unit_of_work() as uow:
        send_message(uow, scene.staff, scene.id, "科工商务局可协助", later + timedelta(hours=2))
    assert stored(platform, scene.id).waits_for == "capability"
    for text in ("  ", "长" * 5001, "您\x00好"):
        with pytest.raises(InvalidInput), platform.unit_of_work() as uow:
            send_message(uow, scene.firm.actor, scene.id, text, later)


def test_notes_stay_on_their_side(platform: Platform, now: datetime, scene: Scene) -> None:
    for actor, text in ((scene.firm.actor, "底价 40"), (scene.professor.actor, "要 50"), (scene.staff, "重点关注")):
        with platform.unit_of_work() as uow:
            write_note(uow, actor, scene.id, text, now)
    seen = {}
    with platform.reading() as session:
        for name, actor in (
            ("firm", scene.firm.actor),
            ("professor", scene.professor.actor),
            ("staff", scene.staff),
            ("administrator", SYSTEM),
        ):
            view = show_engagement(session, actor, scene.id)
            assert view is not None
            seen[name] = [note.text for note in view.notes]
    assert seen == {"firm": ["底价 40"], "professor": ["要 50"], "staff": ["重点关注"], "administrator": ["重点关注"]}


def test_whose_turn_it_is_hears_of_a_next_step_once_for_each_day(
    platform: Platform, now: datetime, scene: Scene
) -> None:
    def remind(days: int) -> int:
        with platform.unit_of_work() as uow:
            return remind_of_next_steps(uow, now + timedelta(days=days))

    with platform.unit_of_work() as uow:
        set_next_step(uow, scene.firm.actor, scene.id, "寄样板", date(2026, 12, 1), "need", now)
    assert [remind(days) for days in (3, 4, 5, 6, 7)] == [0, 1, 1, 1, 0]
    assert told(platform, scene.firm.user_id) == ["engagement_next_due"]
    assert told(platform, scene.professor.user_id) == []
    with platform.unit_of_work() as uow:
        set_next_step(uow, scene.firm.actor, scene.id, "一起看样板", date(2026, 12, 9), None, now)
    assert remind(13) == 1
    assert told(platform, scene.firm.user_id) == ["engagement_next_due"] * 2
    assert told(platform, scene.professor.user_id) == ["engagement_next_due"]


def test_what_was_put_off_is_taken_up_on_the_day_that_was_set(platform: Platform, now: datetime, scene: Scene) -> None:
    with platform.unit_of_work() as uow, pytest.raises(InvalidInput, match="今天之后"):
        close_engagement(uow, scene.firm.actor, scene.id, "follow_up", now, follow_up_on=date(2026, 11, 25))
    with platform.unit_of_work() as uow:
        close_engagement(uow, scene.firm.actor, scene.id, "follow_up", now, follow_up_on=date(2027, 3, 1))
    day = datetime(2027, 2, 28, 1, tzinfo=UTC)
    with platform.unit_of_work() as uow:
        assert remind_of_next_steps(uow, day) == 1
    for member in (scene.firm, scene.professor):
        assert told(platform, member.user_id).count("engagement_next_due") == 1
    with platform.reading() as session:
        before = {one.key: one.count for one in list_desk(session, scene.staff, day, platform.settings)}
        due = {one.key: one.rows for one in list_desk(session, scene.staff, day + timedelta(days=1), platform.settings)}
    assert before["follow_ups"] == 0
    assert [row.id for row in due["follow_ups"]] == [scene.id]
    with platform.unit_of_work() as uow:
        move_engagement(uow, scene.firm.actor, scene.id, "talk", now)
    with platform.unit_of_work() as uow:
        close_engagement(uow, scene.firm.actor, scene.id, "none", now, reason_code="price")
    with platform.unit_of_work() as uow:
        assert remind_of_next_steps(uow, day) == 0, "nothing came of it: nobody need be reminded"


def test_the_seller_is_reminded_of_the_registration_until_there_is_a_number(
    platform: Platform, now: datetime, scene: Scene
) -> None:
    signed = ContractTerms(contract_type="development", contract_amount=Decimal(80), signed_on=date(2026, 11, 25))
    for stage in ("talk", "terms", "contract"):
        with platform.unit_of_work() as uow:
            move_engagement(uow, scene.firm.actor, scene.id, stage, now)
    with platform.unit_of_work() as uow:
        record_terms(uow, scene.firm.actor, scene.id, signed, now)
    with platform.reading() as session:
        times = read_registration_times(session, platform.settings, now)
        left = times.of(session.get_one(Engagement, scene.id))
    assert left is not None
    assert (left.due, left.left) == (date(2026, 12, 16), 15)
    with platform.unit_of_work() as uow:
        record_terms(uow, scene.firm.actor, scene.id, replace(signed, disputed=True), now)
    with platform.reading() as session:
        disputed = times.of(session.get_one(Engagement, scene.id))
    assert disputed is not None
    assert disputed.left == 30
    with platform.unit_of_work() as uow:
        record_terms(uow, scene.firm.actor, scene.id, signed, now)

    def remind(day: date) -> int:
        with platform.unit_of_work() as uow:
            return remind_of_registrations(
                uow, datetime(day.year, day.month, day.day, 1, tzinfo=UTC), platform.settings
            )

    assert [remind(date(2026, 12, day)) for day in (8, 9, 16, 17)] == [0, 1, 1, 0]
    assert told(platform, scene.professor.user_id).count("engagement_register_due") == 1
    assert "engagement_register_due" not in told(platform, scene.firm.user_id)
    with platform.unit_of_work() as uow:
        record_terms(uow, scene.firm.actor, scene.id, replace(signed, registration_number="2026440784001"), now)
    assert remind(date(2026, 12, 10)) == 0


def test_tasks_are_reminded_of_once_and_done(platform: Platform, now: datetime, scene: Scene) -> None:
    with platform.unit_of_work() as uow:
        task = add_task(uow, scene.firm.actor, scene.id, "寄样板", date(2026, 12, 1), "need", now)
    with platform.unit_of_work() as uow:
        other = add_task(uow, scene.firm.actor, scene.id, "出方案", None, "capability", now)
    for days, expected in ((3, 0), (4, 1), (4, 1), (6, 1), (7, 0)):
        with platform.unit_of_work() as uow:
            assert remind_of_tasks(uow, now + timedelta(days=days)) == expected
    assert told(platform, scene.firm.user_id) == ["engagement_task_due"]
    assert told(platform, scene.professor.user_id) == []
    with platform.unit_of_work() as uow:
        finish_task(uow, scene.professor.actor, scene.id, task.id, True, now)
    with platform.reading() as session:
        view = show_engagement(session, scene.firm.actor, scene.id)
        assert view is not None
        assert [(one.id, one.done_at is not None) for one in view.tasks] == [(other.id, False), (task.id, True)]
    with pytest.raises(NotFound), platform.unit_of_work() as uow:
        finish_task(uow, scene.firm.actor, scene.id, "none", True, now)
    for title, role in ((" ", "need"), ("长" * 301, "need"), ("好", "institution")):
        with pytest.raises(InvalidInput), platform.unit_of_work() as uow:
            add_task(uow, scene.firm.actor, scene.id, title, None, role, now)


def test_who_sees_it(platform: Platform, now: datetime, scene: Scene) -> None:
    expected = {
        "visitor": None,
        "firm": "need",
        "professor": "capability",
        "manager": None,
        "broker": None,
        "stranger": None,
        "staff": "staff",
        "staff elsewhere": None,
        "administrator": "staff",
    }
    assert roles(platform, scene) == expected
    everything = (
        lambda uow, actor: send_message(uow, actor, scene.id, "x", now),
        lambda uow, actor: write_note(uow, actor, scene.id, "x", now),
        lambda uow, actor: move_engagement(uow, actor, scene.id, "talk", now),
        lambda uow, actor: close_engagement(uow, actor, scene.id, "follow_up", now),
        lambda uow, actor: record_terms(uow, actor, scene.id, TERMS, now),
        lambda uow, actor: set_next_step(uow, actor, scene.id, "x", None, None, now),
        lambda uow, actor: add_task(uow, actor, scene.id, "x", None, "need", now),
        lambda uow, actor: propose_participant(uow, actor, scene.id, scene.broker.user_id, "broker", now),
        lambda uow, actor: reveal_contacts(uow, actor, scene.id, now),
    )
    for actor in (scene.manager.actor, scene.broker.actor, scene.stranger.actor, scene.elsewhere):
        for act in everything:
            with pytest.raises(NotFound), platform.unit_of_work() as uow:
                act(uow, actor)
        with platform.reading() as session:
            assert show_engagement(session, actor, scene.id) is None
            assert list_engagements(session, actor).items == []
            assert set(count_engagements(session, actor).values()) == {0}
            assert [one for column in engagement_board(session, actor).values() for one in column] == []
            assert count_waiting(session, actor) == 0
    with platform.reading() as session:
        assert count_engagements(session, scene.staff)["contact"] == 1
        assert [one.id for one in engagement_board(session, scene.staff)["contact"]] == [scene.id]


def test_nobody_who_left_keeps_access(platform: Platform, now: datetime, scene: Scene) -> None:
    with platform.unit_of_work() as uow:
        uow.session.query(Membership).filter_by(user_id=scene.firm.user_id).delete()
        uow.commit()
    with platform.reading() as session:
        engagement = session.get_one(Engagement, scene.id)
        assert role_in(session, find_actor(platform, scene.firm.user_id), engagement) is None


def test_a_firms_new_colleague_takes_part(platform: Platform, now: datetime, scene: Scene) -> None:
    colleague = make_member(platform, now, email="new@example.cn", organisation_id=scene.firm.organisation_id)
    with platform.reading() as session:
        engagement = session.get_one(Engagement, scene.id)
        assert role_in(session, colleague.actor, engagement) == "need"
        assert participants_of(session, engagement)[colleague.user_id] == "need"


def test_a_broker_and_the_institution_are_copied_once_both_agree(
    platform: Platform, now: datetime, scene: Scene
) -> None:
    for member, role, proposing, agreeing in (
        (scene.broker, "broker", scene.firm, scene.professor),
        (scene.manager, "institution", scene.professor, scene.firm),
    ):
        with platform.unit_of_work() as uow:
            propose_participant(uow, proposing.actor, scene.id, member.user_id, role, now)
        assert roles(platform, scene)["broker" if role == "broker" else "manager"] is None
        assert told(platform, member.user_id) == []
        with pytest.raises(IllegalMove), platform.unit_of_work() as uow:
            agree_to_participant(uow, proposing.actor, scene.id, member.user_id, now)
        with pytest.raises(IllegalMove), platform.unit_of_work() as uow:
            propose_participant(uow, proposing.actor, scene.id, member.user_id, role, now)
        with platform.unit_of_work() as uow:
            agree_to_participant(uow, agreeing.actor, scene.id, member.user_id, now)
        assert told(platform, member.user_id) == ["engagement_copied"]
    assert (roles(platform, scene)["broker"], roles(platform, scene)["manager"]) == ("broker", "institution")
    with platform.unit_of_work() as uow:
        assert reveal_contacts(uow, scene.manager.actor, scene.id, now) == {"need": ASKING, "capability": ASKED}
    move(platform, scene.broker.actor, scene.id, "talk", now)
    with pytest.raises(NotAllowed):
        move(platform, scene.manager.actor, scene.id, "terms", now)
    with platform.unit_of_work() as uow:
        send_message(uow, scene.manager.actor, scene.id, "学校同意", now)
    with platform.reading() as session:
        lines = session.scalars(select(AuditEntry).where(AuditEntry.action == "contact.reveal")).all()
        assert sorted((line.details["of"], line.details["to"]) for line in lines) == [
            ("capability", "broker"),
            ("capability", "institution"),
            ("capability", "need"),
            ("need", "broker"),
            ("need", "capability"),
            ("need", "institution"),
        ]
    with platform.unit_of_work() as uow:
        remove_participant(uow, scene.professor.actor, scene.id, scene.broker.user_id, now)
    assert roles(platform, scene)["broker"] is None
    with platform.unit_of_work() as uow:
        remove_participant(uow, scene.manager.actor, scene.id, scene.manager.user_id, now)
    assert roles(platform, scene)["manager"] is None


def test_only_suitable_people_are_copied(platform: Platform, now: datetime, scene: Scene) -> None:
    with platform.reading() as session:
        engagement = session.get_one(Engagement, scene.id)
        assert [one.id for one in copy_candidates(session, engagement, "institution")] == [scene.manager.user_id]
        assert [one.id for one in copy_candidates(session, engagement, "broker")] == [scene.broker.user_id]
        assert copy_candidates(session, engagement, "staff") == []
    for actor, user_id, role, error in (
        (scene.firm.actor, scene.stranger.user_id, "broker", InvalidInput),
        (scene.firm.actor, scene.broker.user_id, "institution", InvalidInput),
        (scene.staff, scene.broker.user_id, "broker", NotAllowed),
    ):
        with pytest.raises(error), platform.unit_of_work() as uow:
            propose_participant(uow, actor, scene.id, user_id, role, now)
    with pytest.raises(NotFound), platform.unit_of_work() as uow:
        agree_to_participant(uow, scene.firm.actor, scene.id, scene.broker.user_id, now)
    with pytest.raises(NotAllowed), platform.unit_of_work() as uow:
        remove_participant(uow, scene.firm.actor, scene.id, scene.professor.user_id, now)


def test_staff_reveal_contacts_and_each_time_is_logged(platform: Platform, now: datetime, scene: Scene) -> None:
    for times in (1, 2):
        with platform.unit_of_work() as uow:
            assert reveal_contacts(uow, scene.staff, scene.id, now) == {"need": ASKING, "capability": ASKED}
        with platform.reading() as session:
            lines = session.scalars(
                select(AuditEntry).where(
                    AuditEntry.action == "contact.reveal", AuditEntry.actor_id == scene.staff.user_id
                )
            ).all()
            assert len(lines) == 2 * times
    with platform.unit_of_work() as uow:
        reveal_contacts(uow, scene.firm.actor, scene.id, now)
    with platform.reading() as session:
        assert len(session.scalars(select(AuditEntry).where(AuditEntry.action == "contact.reveal")).all()) == 6


def test_the_next_step_names_whose_turn_it_is(platform: Platform, now: datetime, scene: Scene) -> None:
    later = now + timedelta(days=1)
    with platform.unit_of_work() as uow:
        set_next_step(uow, scene.firm.actor, scene.id, "寄 样板", date(2026, 12, 3), "capability", later)
    engagement = stored(platform, scene.id)
    assert (engagement.next_step, engagement.next_step_on) == ("寄 样板", date(2026, 12, 3))
    assert (engagement.waits_for, engagement.waiting_since) == ("capability", later)
    for text, waits_for in (("x", "staff"), ("长" * 301, "need")):
        with pytest.raises(DuijieError), platform.unit_of_work() as uow:
            set_next_step(uow, scene.firm.actor, scene.id, text, None, waits_for, later)


def test_lists_and_pages_take_the_same_number_of_queries(platform: Platform, now: datetime, scene: Scene) -> None:
    def queries() -> tuple[int, int, int]:
        counts = []
        with platform.reading() as session:
            for read in (
                lambda: [one.need_organisation.name for one in list_engagements(session, scene.firm.actor).items],
                lambda: engagement_board(session, scene.staff),
                lambda: show_engagement(session, scene.firm.actor, scene.id),
            ):
                statements: list[str] = []
                listener = lambda *a, s=statements: s.append(a[2])  # noqa: E731
                event.listen(platform.engine, "before_cursor_execute", listener)
                read()
                event.remove(platform.engine, "before_cursor_execute", listener)
                counts.append(len(statements))
        return counts[0], counts[1], counts[2]

    before = queries()
    for number in range(2):
        capability = make_capability(platform, scene.broker, now, title=f"检测服务{number}")
        engage(platform, scene.firm.actor, capability, scene.broker.actor, now)
        with platform.unit_of_work() as uow:
            send_message(uow, scene.firm.actor, scene.id, f"第 {number} 条", now)
            add_task(uow, scene.firm.actor, scene.id, f"任务 {number}", None, "need", now)
    assert queries() == before

"""Interests: asked, answered in time or lapsed, and what each side learns when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from matching.bootstrap import Platform
from matching.errors import IllegalMove, InvalidInput, NotAllowed, NotFound
from matching.models import AuditEntry, Engagement, Interest, Membership, Notification, Organisation, SuggestionAnswer
from matching.notifying.interests import remind_of_interests
from matching.notifying.suggestions import remaining_loads
from matching.queries.interests import (
    count_interests,
    count_unanswered,
    list_interests,
    load_interests,
    reply_times,
)
from matching.queries.posts import audience_for, may_see_organisation
from matching.services.interest_life import INTEREST_MOVES, next_interest_status
from matching.services.interests import (
    InterestEntry,
    accept_interest,
    check_contact,
    decline_interest,
    express_interest,
    lapse_interests,
    reopen_interest,
    withdraw_interest,
)
from matching.services.posts import close_post
from tests.factories.interests import ASKED, ASKING, ask, engage
from tests.factories.people import Member, make_expert, make_member, make_staff
from tests.factories.platforms import make_platform
from tests.factories.posts import make_capability, make_need
from tests.factories.work import settle_everything


@dataclass(frozen=True)
class Scene:
    firm: Member
    professor: Member
    manager: Member
    need: str
    capability: str
    expert: str


@pytest.fixture
def scene(platform: Platform, now: datetime) -> Scene:
    firm = make_member(platform, now, email="firm@example.cn", organisation="示例电路")
    professor = make_member(platform, now, email="prof@example.cn", organisation="示例大学", kind="university")
    manager = make_member(
        platform, now, email="tto@example.cn", organisation_id=professor.organisation_id, role="owner"
    )
    expert = make_expert(platform, now, professor)
    return Scene(
        firm,
        professor,
        manager,
        make_need(platform, firm, now),
        make_capability(platform, professor, now, expert_ids=(expert,)),
        expert,
    )


def stored(platform: Platform, interest_id: str) -> Interest:
    with platform.reading() as session:
        return session.get_one(Interest, interest_id)


def told(platform: Platform, user_id: str) -> list[str]:
    with platform.reading() as session:
        return list(
            session.scalars(
                select(Notification.kind)
                .where(Notification.user_id == user_id, Notification.kind.startswith("interest"))
                .order_by(Notification.created_at, Notification.kind)
            )
        )


def test_an_interest_waits_for_the_expert_and_an_answer_opens_an_engagement(
    platform: Platform, now: datetime, scene: Scene
) -> None:
    settle_everything(platform, now)
    interest_id = ask(platform, scene.firm.actor, scene.capability, now, own_id=scene.need)
    interest = stored(platform, interest_id)
    assert (interest.status, interest.side, interest.expires_at) == ("open", "need", now + timedelta(days=14))
    assert interest.model_revision == platform.ranker.revision
    assert told(platform, scene.professor.user_id) == ["interest_received"]
    assert told(platform, scene.manager.user_id) == []
    later = now + timedelta(days=3)
    with platform.unit_of_work() as uow:
        engagement = accept_interest(uow, scene.professor.actor, interest_id, ASKED, later)
    assert stored(platform, interest_id).status == "accepted"
    assert (engagement.interest_id, engagement.suggestion_id) == (interest_id, interest.suggestion_id)
    assert interest.suggestion_id is not None
    assert engagement.need_contact == ASKING
    assert engagement.capability_contact == ASKED
    assert told(platform, scene.firm.user_id) == ["interest_accepted"]
    with platform.reading() as session:
        answers = session.scalars(select(SuggestionAnswer).order_by(SuggestionAnswer.side)).all()
        assert [(one.side, one.kind, one.user_id) for one in answers] == [
            ("capability", "accept", scene.professor.user_id),
            ("need", "accept", scene.firm.user_id),
        ]
        reveals = session.scalars(select(AuditEntry).where(AuditEntry.action == "contact.reveal")).all()
        assert sorted((one.subject_id, one.details["of"], one.details["to_users"][0]) for one in reveals) == sorted(
            [
                (engagement.id, "need", scene.professor.user_id),
                (engagement.id, "capability", scene.firm.user_id),
            ]
        )


def test_two_who_ask_each_other_are_agreed_at_once(platform: Platform, now: datetime, scene: Scene) -> None:
    first = ask(platform, scene.firm.actor, scene.capability, now, own_id=scene.need)
    second = ask(platform, scene.professor.actor, scene.need, now, own_id=scene.capability)
    assert second == first
    with platform.reading() as session:
        engagement = session.scalars(select(Engagement)).one()
        assert (engagement.need_contact, engagement.capability_contact) == (ASKING, ASKING)
    with pytest.raises(IllegalMove) as caught:
        ask(platform, scene.firm.actor, scene.capability, now, own_id=scene.need)
    assert caught.value.code == "interest.engaged"


def test_an_interest_is_open_only_once(platform: Platform, now: datetime, scene: Scene) -> None:
    colleague = make_member(platform, now, email="c@example.cn", organisation_id=scene.firm.organisation_id)
    for own_id in (scene.need, None):
        ask(platform, scene.firm.actor, scene.capability, now, own_id=own_id)
        for actor in (scene.firm.actor, colleague.actor):
            with pytest.raises(IllegalMove) as caught:
                ask(platform, actor, scene.capability, now, own_id=own_id)
            assert caught.value.code == "interest.already_open"


def test_colleagues_at_a_university_ask_each_for_themselves(platform: Platform, now: datetime, scene: Scene) -> None:
    first = ask(platform, scene.professor.actor, scene.need, now)
    second = ask(platform, scene.manager.actor, scene.need, now)
    assert first != second
    with platform.reading() as session:
        for member, expected in ((scene.professor, first), (scene.manager, second)):
            audience = audience_for(session, member.actor)
            page = list_interests(session, member.actor, audience, now, received=False)
            assert [view.interest.id for view in page.items] == [expected]


def test_what_is_asked_wrongly_is_refused(platform: Platform, now: datetime, scene: Scene) -> None:
    other = make_member(platform, now, email="o@example.cn", organisation="别的企业")
    nobody = make_member(platform, now, email="n@example.cn", organisation="空", role="reader")
    draft = make_need(platform, scene.firm, now, publish=False)
    foreign = make_need(platform, other, now)

    def refused(error: type[Exception], code: str, actor: Member, target: str, **options: str) -> None:
        with pytest.raises(error) as caught:
            ask(platform, actor.actor, target, now, **options)
        assert getattr(caught.value, "code", None) == code

    refused(NotAllowed, "interest.own_post", scene.firm, scene.need)
    refused(NotAllowed, "interest.no_organisation", nobody, scene.need)
    refused(NotFound, "post.not_found", other, draft)
    refused(InvalidInput, "interest.own_post_hidden", scene.firm, scene.capability, own_id=draft)
    refused(InvalidInput, "interest.own_post_invalid", scene.firm, scene.capability, own_id=foreign)
    refused(InvalidInput, "interest.own_post_invalid", scene.firm, scene.capability, own_id=scene.capability)
    refused(InvalidInput, "interest.organisation", scene.firm, scene.capability, organisation_id="none")
    refused(InvalidInput, "interest.aim_missing", scene.firm, scene.capability, aim="  ")
    refused(InvalidInput, "text.too_long", scene.firm, scene.capability, aim="长" * 1001)
    entry = InterestEntry(aim="试", timing="someday", contact=ASKING)
    with pytest.raises(InvalidInput) as caught, platform.unit_of_work() as uow:
        express_interest(uow, scene.firm.actor, scene.capability, entry, now, platform.settings)
    assert caught.value.where == "timing"
    with platform.reading() as session:
        assert session.scalars(select(Interest)).all() == []


def test_a_post_that_is_not_open_takes_no_interest(platform: Platform, now: datetime, scene: Scene) -> None:
    with platform.unit_of_work() as uow:
        from matching.models import Post

        uow.session.get_one(Post, scene.capability).open_for_interest = False
        uow.commit()
    with pytest.raises(IllegalMove) as caught:
        ask(platform, scene.firm.actor, scene.capability, now)
    assert caught.value.code == "interest.not_open"


def test_contacts_say_who_and_how() -> None:
    for contact, where in (
        ({}, "contact.name"),
        ({"name": " "}, "contact.name"),
        ({"name": "林工"}, "contact.phone"),
        ({"name": "林工", "email": "nobody"}, "contact.email"),
        ({"name": "林" * 201, "phone": "1"}, "contact.name"),
        ({"name": "林工", "phone": "1\x002"}, "contact.phone"),
    ):
        with pytest.raises(InvalidInput) as caught:
            check_contact(contact)
        assert caught.value.where == where
    assert check_contact({"name": " 林  工 ", "phone": "1", "extra": "x"}) == {"name": "林 工", "phone": "1"}


def test_a_decline_gives_its_reason_and_can_be_undone_in_time(platform: Platform, now: datetime, scene: Scene) -> None:
    interest_id = ask(platform, scene.firm.actor, scene.capability, now, own_id=scene.need)
    with platform.unit_of_work() as uow:
        decline_interest(uow, scene.professor.actor, interest_id, "no_capacity", "明年再说", now)
    interest = stored(platform, interest_id)
    assert (interest.status, interest.reason_code, interest.reason_text) == ("declined", "no_capacity", "明年再说")
    assert told(platform, scene.firm.user_id) == ["interest_declined"]
    with platform.unit_of_work() as uow:
        reopen_interest(uow, scene.professor.actor, interest_id, now)
    assert stored(platform, interest_id).status == "open"
    with platform.reading() as session:
        answer = session.scalars(select(SuggestionAnswer).where(SuggestionAnswer.side == "capability")).one()
        assert answer.withdrawn_at == now
    with platform.unit_of_work() as uow:
        decline_interest(uow, scene.professor.actor, interest_id, "budget", "", now)
    with pytest.raises(IllegalMove), platform.unit_of_work() as uow:
        reopen_interest(uow, scene.professor.actor, interest_id, now + timedelta(days=14))


def test_only_the_right_side_answers_or_withdraws(platform: Platform, now: datetime, scene: Scene) -> None:
    interest_id = ask(platform, scene.firm.actor, scene.capability, now)
    staff = make_staff(platform, now, email="staff@example.cn")
    for actor, error in (
        (scene.firm.actor, NotAllowed),
        (scene.manager.actor, NotFound),
        (staff, NotFound),
    ):
        with pytest.raises(error), platform.unit_of_work() as uow:
            accept_interest(uow, actor, interest_id, ASKED, now)
        with pytest.raises(error), platform.unit_of_work() as uow:
            decline_interest(uow, actor, interest_id, "budget", "", now)
    with pytest.raises(NotAllowed), platform.unit_of_work() as uow:
        withdraw_interest(uow, scene.professor.actor, interest_id, now)
    with platform.unit_of_work() as uow:
        withdraw_interest(uow, scene.firm.actor, interest_id, now)
    assert stored(platform, interest_id).from_contact == {}
    with pytest.raises(IllegalMove), platform.unit_of_work() as uow:
        accept_interest(uow, scene.professor.actor, interest_id, ASKED, now)


def test_reminders_come_once_each_and_then_it_lapses_and_both_are_told(
    platform: Platform, now: datetime, scene: Scene
) -> None:
    interest_id = ask(platform, scene.firm.actor, scene.capability, now)

    def remind(days: float) -> list[str]:
        with platform.unit_of_work() as uow:
            remind_of_interests(uow, now + timedelta(days=days), platform.settings)
        return told(platform, scene.professor.user_id)

    assert remind(6) == ["interest_received"]
    for _ in range(2):
        assert remind(7) == ["interest_received", "interest_reminder"]
    assert remind(11) == ["interest_received", "interest_reminder"]
    for _ in range(2):
        assert remind(12.5) == ["interest_received", *["interest_reminder"] * 2]
    with platform.unit_of_work() as uow:
        assert lapse_interests(uow, now + timedelta(days=14) - timedelta(seconds=1)) == []
    end = now + timedelta(days=14)
    with pytest.raises(IllegalMove), platform.unit_of_work() as uow:
        accept_interest(uow, scene.professor.actor, interest_id, ASKED, end)
    for expected in ([interest_id], []):
        with platform.unit_of_work() as uow:
            assert lapse_interests(uow, end) == expected
    assert (stored(platform, interest_id).status, stored(platform, interest_id).from_contact) == ("lapsed", {})
    assert told(platform, scene.firm.user_id) == ["interest_lapsed"]
    assert told(platform, scene.professor.user_id)[-1] == "interest_missed"
    assert remind(14) == [*["interest_received"], *["interest_reminder"] * 2, "interest_missed"]
    ask(platform, scene.firm.actor, scene.capability, end)


def test_a_late_run_sends_only_the_latest_reminder(platform: Platform, now: datetime, scene: Scene) -> None:
    ask(platform, scene.firm.actor, scene.capability, now)
    with platform.unit_of_work() as uow:
        remind_of_interests(uow, now + timedelta(days=13), platform.settings)
    assert told(platform, scene.professor.user_id) == ["interest_received", "interest_reminder"]


def test_a_waiting_interest_takes_a_place_of_the_load_until_it_ends(tmp_path: Path, now: datetime) -> None:
    platform = make_platform(tmp_path, weekly_load=3)
    professor = make_member(platform, now, email="p@example.cn", organisation="大学", kind="university")
    expert = make_expert(platform, now, professor)
    capability = make_capability(platform, professor, now, expert_ids=(expert,))
    firm = make_member(platform, now, email="f@example.cn", organisation="企业")

    def load() -> int:
        with platform.reading() as session:
            return remaining_loads(session, [professor.user_id], now, platform.settings)[professor.user_id]

    assert load() == 3
    interest_id = ask(platform, firm.actor, capability, now)
    assert load() == 2
    with platform.unit_of_work() as uow:
        assert lapse_interests(uow, now + timedelta(days=15)) == [interest_id]
    assert load() == 3
    platform.close()


def test_names_of_matched_posts_are_hidden_until_both_agree(platform: Platform, now: datetime, scene: Scene) -> None:
    secret = make_need(platform, scene.firm, now, visibility="matched", title="保密工艺翘曲")
    interest_id = ask(platform, scene.firm.actor, scene.capability, now, own_id=secret)

    def seen() -> tuple[bool, bool, bool]:
        with platform.reading() as session:
            audience = audience_for(session, scene.professor.actor)
            [view] = load_interests(session, [interest_id], scene.professor.actor, audience, now).values()
            assert view.received
            return view.own is not None, view.from_named, bool(view.own and may_see_organisation(audience, view.own))

    assert seen() == (True, False, False)
    with platform.unit_of_work() as uow:
        accept_interest(uow, scene.professor.actor, interest_id, ASKED, now)
    assert seen() == (True, True, True)
    with platform.reading() as session:
        stranger = audience_for(session, scene.manager.actor)
        assert secret not in stranger.suggested_post_ids | stranger.revealed_post_ids


def test_who_left_the_organisation_has_left_its_interests(platform: Platform, now: datetime, scene: Scene) -> None:
    from tests.factories.people import find_actor

    ask(platform, scene.firm.actor, scene.capability, now)
    with platform.unit_of_work() as uow:
        uow.session.query(Membership).filter_by(user_id=scene.firm.user_id).delete()
        uow.commit()
    with platform.reading() as session:
        assert count_interests(session, find_actor(platform, scene.firm.user_id)) == {}


def test_counts_are_those_of_the_lists(platform: Platform, now: datetime, scene: Scene) -> None:
    open_one = ask(platform, scene.firm.actor, scene.capability, now)
    with platform.unit_of_work() as uow:
        withdraw_interest(uow, scene.firm.actor, open_one, now)
    ask(platform, scene.firm.actor, scene.capability, now)
    with platform.reading() as session:
        assert count_interests(session, scene.firm.actor) == {("sent", "open"): 1, ("sent", "withdrawn"): 1}
        assert count_interests(session, scene.professor.actor) == {
            ("received", "open"): 1,
            ("received", "withdrawn"): 1,
        }
        assert count_interests(session, scene.manager.actor) == {}
        assert count_unanswered(session, scene.professor.actor, now) == 1
        assert count_unanswered(session, scene.professor.actor, now + timedelta(days=14)) == 0


def test_lists_come_in_pages_with_the_same_number_of_queries(platform: Platform, now: datetime, scene: Scene) -> None:
    from sqlalchemy import event

    firms = [make_member(platform, now, email=f"f{n}@example.cn", organisation=f"企业{n}") for n in range(3)]
    counts = []
    for firm in firms:
        need = make_need(platform, firm, now)
        ask(platform, firm.actor, scene.capability, now, own_id=need)
        with platform.reading() as session:
            audience = audience_for(session, scene.professor.actor)
            statements: list[str] = []
            event.listen(platform.engine, "before_cursor_execute", lambda *a, s=statements: s.append(a[2]))
            page = list_interests(session, scene.professor.actor, audience, now, received=True, limit=2)
            counts.append(len(statements))
    assert len(set(counts)) == 1
    assert (len(page.items), page.next_offset) == (2, 2)


def test_reply_times_are_medians_of_at_least_three_answers(platform: Platform, now: datetime, scene: Scene) -> None:
    university = scene.professor.organisation_id
    for number, hours in enumerate((1, 30, 5)):
        firm = make_member(platform, now, email=f"f{number}@example.cn", organisation=f"企业{number}")
        interest_id = ask(platform, firm.actor, scene.capability, now)
        with platform.reading() as session:
            assert reply_times(session, [university], now) == {}
        with platform.unit_of_work() as uow:
            decline_interest(uow, scene.professor.actor, interest_id, "budget", "", now + timedelta(hours=hours))
    with platform.reading() as session:
        assert reply_times(session, [university, "x"], now) == {university: timedelta(hours=5)}
        assert reply_times(session, [university], now + timedelta(days=400)) == {}


def test_an_interest_survives_the_post_it_asks_about(platform: Platform, now: datetime, scene: Scene) -> None:
    interest_id = ask(platform, scene.firm.actor, scene.capability, now, own_id=scene.need)
    with platform.unit_of_work() as uow:
        close_post(uow, scene.professor.actor, scene.capability, "dropped", now)
    with platform.reading() as session:
        audience = audience_for(session, scene.firm.actor)
        [view] = load_interests(session, [interest_id], scene.firm.actor, audience, now).values()
        assert view.target is None
        assert view.own is not None


def test_a_firms_colleagues_share_and_organisations_of_persons_do_not(
    platform: Platform, now: datetime, scene: Scene
) -> None:
    engagement_id = engage(platform, scene.firm.actor, scene.capability, scene.professor.actor, now)
    with platform.reading() as session:
        engagement = session.get_one(Engagement, engagement_id)
        assert (engagement.need_shared, engagement.capability_shared) == (True, False)
        assert session.get_one(Organisation, engagement.capability_organisation_id).kind == "university"


@given(st.lists(st.sampled_from(["accept", "decline", "withdraw", "lapse", "reopen"]), max_size=8))
def test_whatever_happens_the_table_decides(moves: list[str]) -> None:
    status = "open"
    for move in moves:
        if (status, move) in INTEREST_MOVES:
            status = next_interest_status(status, move)  # type: ignore[arg-type]
        else:
            with pytest.raises(IllegalMove):
                next_interest_status(status, move)  # type: ignore[arg-type]

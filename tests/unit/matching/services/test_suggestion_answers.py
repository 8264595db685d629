"""Answers to suggestions: kept, undone, and respected by lists and messages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from matching.bootstrap import Platform
from matching.errors import IllegalMove, InvalidInput, NotAllowed, NotFound
from matching.models import Interest, Notification, Suggestion, SuggestionAnswer
from matching.services.suggestion_answers import decline_suggestion, postpone_suggestion, undo_answer
from matching.services.suggestions import refresh_post
from tests.factories.interests import ask, find_suggestion
from tests.factories.people import Member, make_expert, make_member, make_staff
from tests.factories.posts import make_capability, make_need
from tests.factories.work import settle_everything


@dataclass(frozen=True)
class Pair:
    firm: Member
    professor: Member
    need: str
    capability: str
    suggestion: str


@pytest.fixture
def pair(platform: Platform, now: datetime) -> Pair:
    firm = make_member(platform, now, email="firm@example.cn", organisation="示例电路")
    professor = make_member(platform, now, email="prof@example.cn", organisation="示例大学", kind="university")
    expert = make_expert(platform, now, professor)
    need = make_need(platform, firm, now)
    capability = make_capability(platform, professor, now, expert_ids=(expert,))
    settle_everything(platform, now)
    return Pair(firm, professor, need, capability, find_suggestion(platform, need, capability))


def active(platform: Platform) -> list[str]:
    with platform.reading() as session:
        return list(session.scalars(select(Suggestion.id).where(Suggestion.status == "active")))


def answers(platform: Platform) -> list[SuggestionAnswer]:
    with platform.reading() as session:
        return list(session.scalars(select(SuggestionAnswer).order_by(SuggestionAnswer.answered_at)))


@pytest.mark.parametrize("side", ["need", "capability"])
def test_a_declined_pair_leaves_both_lists_and_stays_away(
    platform: Platform, now: datetime, pair: Pair, side: str
) -> None:
    member = pair.firm if side == "need" else pair.professor
    with platform.unit_of_work() as uow:
        decline_suggestion(uow, member.actor, pair.suggestion, "budget", "超出预算", now)
    assert active(platform) == []
    settle_everything(platform, now)
    for post_id in (pair.need, pair.capability):
        refresh_post(platform, post_id, now)
    assert active(platform) == []
    [answer] = answers(platform)
    assert (answer.need_id, answer.capability_id, answer.side) == (pair.need, pair.capability, side)
    assert (answer.kind, answer.reason_code, answer.reason_text) == ("decline", "budget", "超出预算")
    assert (answer.user_id, answer.answered_at) == (member.user_id, now)
    assert answer.model_revision == platform.ranker.revision
    assert answer.suggestion_id == pair.suggestion


def test_undoing_a_decline_brings_the_pair_back_without_telling_again(
    platform: Platform, now: datetime, pair: Pair
) -> None:
    with platform.reading() as session:
        before = len(session.scalars(select(Notification.id)).all())
    with platform.unit_of_work() as uow:
        decline_suggestion(uow, pair.firm.actor, pair.suggestion, "budget", "", now)
    settle_everything(platform, now)
    later = now + timedelta(hours=1)
    with platform.unit_of_work() as uow:
        undo_answer(uow, pair.firm.actor, pair.suggestion, later)
    settle_everything(platform, later)
    assert active(platform) == [pair.suggestion]
    assert [answer.withdrawn_at for answer in answers(platform)] == [later]
    with platform.reading() as session:
        assert len(session.scalars(select(Notification.id)).all()) == before
    with pytest.raises(IllegalMove), platform.unit_of_work() as uow:
        undo_answer(uow, pair.firm.actor, pair.suggestion, later)


def test_another_answer_takes_the_place_of_the_former(platform: Platform, now: datetime, pair: Pair) -> None:
    with platform.unit_of_work() as uow:
        postpone_suggestion(uow, pair.firm.actor, pair.suggestion, now)
    assert active(platform) == [pair.suggestion]
    with platform.unit_of_work() as uow:
        decline_suggestion(uow, pair.firm.actor, pair.suggestion, "time", "", now + timedelta(minutes=1))
    with platform.unit_of_work() as uow:
        postpone_suggestion(uow, pair.firm.actor, pair.suggestion, now + timedelta(minutes=2))
    settle_everything(platform, now + timedelta(minutes=2))
    assert [(one.kind, one.withdrawn_at is None) for one in answers(platform)] == [
        ("later", False),
        ("decline", False),
        ("later", True),
    ]
    assert active(platform) == [pair.suggestion]


def test_each_side_answers_for_itself(platform: Platform, now: datetime, pair: Pair) -> None:
    for member in (pair.firm, pair.professor):
        with platform.unit_of_work() as uow:
            postpone_suggestion(uow, member.actor, pair.suggestion, now)
    assert sorted((one.side, one.withdrawn_at) for one in answers(platform)) == [("capability", None), ("need", None)]


def test_reasons_are_of_the_list_and_other_is_explained(platform: Platform, now: datetime, pair: Pair) -> None:
    for code, text, where in (("", "", "reason_code"), ("nonsense", "", "reason_code"), ("other", " ", "reason_text")):
        with pytest.raises(InvalidInput) as caught, platform.unit_of_work() as uow:
            decline_suggestion(uow, pair.firm.actor, pair.suggestion, code, text, now)
        assert caught.value.where == where
    with pytest.raises(InvalidInput), platform.unit_of_work() as uow:
        decline_suggestion(uow, pair.firm.actor, pair.suggestion, "budget", "长" * 2001, now)
    assert answers(platform) == []


def test_only_those_who_speak_for_a_side_answer(platform: Platform, now: datetime, pair: Pair) -> None:
    stranger = make_member(platform, now, email="s@example.cn", organisation="别的单位")
    staff = make_staff(platform, now, email="staff@example.cn")
    reader = make_member(platform, now, email="r@example.cn", organisation_id=pair.firm.organisation_id, role="reader")
    manager = make_member(
        platform, now, email="tto@example.cn", organisation_id=pair.professor.organisation_id, role="owner"
    )
    for actor, error in (
        (stranger.actor, NotFound),
        (staff, NotFound),
        (reader.actor, NotAllowed),
        (manager.actor, NotAllowed),
    ):
        with pytest.raises(error), platform.unit_of_work() as uow:
            postpone_suggestion(uow, actor, pair.suggestion, now)
    with pytest.raises(NotFound), platform.unit_of_work() as uow:
        postpone_suggestion(uow, pair.firm.actor, "nothing", now)
    with pytest.raises(NotAllowed), platform.unit_of_work() as uow:
        postpone_suggestion(uow, pair.firm.actor, pair.suggestion, now, side="capability")
    assert answers(platform) == []


def test_a_side_that_answered_is_not_pushed(platform: Platform, now: datetime, pair: Pair) -> None:
    with platform.unit_of_work() as uow:
        postpone_suggestion(uow, pair.professor.actor, pair.suggestion, now)
        uow.session.query(Notification).delete()
        uow.commit()
    refresh_post(platform, pair.need, now)
    with platform.reading() as session:
        assert session.scalars(select(Notification.user_id)).all() == [pair.firm.user_id]


def test_declining_the_suggestion_declines_the_interest_in_it_and_undoing_reopens_it(
    platform: Platform, now: datetime, pair: Pair
) -> None:
    interest_id = ask(platform, pair.firm.actor, pair.capability, now, own_id=pair.need)
    with platform.unit_of_work() as uow:
        decline_suggestion(uow, pair.professor.actor, pair.suggestion, "no_capacity", "", now)

    def status() -> str:
        with platform.reading() as session:
            return session.get_one(Interest, interest_id).status

    assert status() == "declined"
    with platform.unit_of_work() as uow:
        undo_answer(uow, pair.professor.actor, pair.suggestion, now)
    assert status() == "open"
    with platform.unit_of_work() as uow:
        undo_answer(uow, pair.firm.actor, pair.suggestion, now)
    assert status() == "withdrawn"


def test_never_again_keeps_the_pair_apart(platform: Platform, now: datetime, pair: Pair) -> None:
    with platform.unit_of_work() as uow:
        decline_suggestion(uow, pair.professor.actor, pair.suggestion, "conflict", "", now, never_again=True)
    with pytest.raises(NotAllowed) as caught:
        ask(platform, pair.firm.actor, pair.capability, now, own_id=pair.need)
    assert caught.value.code == "interest.not_wanted"
    # Whoever said so may change their mind.
    interest_id = ask(platform, pair.professor.actor, pair.need, now, own_id=pair.capability)
    with platform.reading() as session:
        assert session.get_one(Interest, interest_id).status == "open"

"""Interests that are asked, answered and ended by several people and the calendar at once, on both databases."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from matching.bootstrap import Platform
from matching.errors import DuijieError
from matching.models import Engagement, Interest, SuggestionAnswer
from matching.services.interests import accept_interest, decline_interest, lapse_interests
from matching.services.suggestion_answers import postpone_suggestion
from tests.factories.interests import ASKED, ask, find_suggestion
from tests.factories.people import Member, make_member
from tests.factories.platforms import make_platform
from tests.factories.posts import make_capability, make_need
from tests.factories.work import settle_everything

pytestmark = pytest.mark.integration


@dataclass(frozen=True)
class Scene:
    platform: Platform
    firm: Member
    colleague: Member
    institute: Member
    need: str
    capability: str


@pytest.fixture
def scene(database_url: str, tmp_path: Path, now: datetime) -> Iterator[Scene]:
    platform = make_platform(tmp_path, database_url=database_url)
    firm = make_member(platform, now, email="firm@example.cn", organisation="示例电路")
    colleague = make_member(platform, now, email="colleague@example.cn", organisation_id=firm.organisation_id)
    institute = make_member(platform, now, email="inst@example.cn", organisation="示例研究所", kind="institute")
    yield Scene(
        platform,
        firm,
        colleague,
        institute,
        make_need(platform, firm, now),
        make_capability(platform, institute, now),
    )
    platform.close()


def at_once(*acts: Callable[[], object]) -> list[str]:
    """What comes of each: "done", or the code of its error."""
    meet = threading.Barrier(len(acts))

    def run(act: Callable[[], object]) -> str:
        meet.wait(60)
        try:
            act()
        except DuijieError as error:
            return error.code
        return "done"

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def test_two_sides_that_ask_each_other_at_once_are_engaged_once(scene: Scene, now: datetime) -> None:
    outcomes = at_once(
        lambda: ask(scene.platform, scene.firm.actor, scene.capability, now, own_id=scene.need),
        lambda: ask(scene.platform, scene.institute.actor, scene.need, now, own_id=scene.capability),
    )
    assert outcomes == ["done", "done"]
    with scene.platform.reading() as session:
        assert [one.status for one in session.scalars(select(Interest))] == ["accepted"]
        assert len(session.scalars(select(Engagement)).all()) == 1


def test_colleagues_who_ask_at_once_ask_once(scene: Scene, now: datetime) -> None:
    outcomes = at_once(
        *(
            lambda member=member: ask(scene.platform, member.actor, scene.capability, now)  # type: ignore[misc]
            for member in (scene.firm, scene.colleague)
        )
    )
    assert sorted(outcomes) == ["done", "interest.already_open"]


def test_one_answer_wins(scene: Scene, now: datetime) -> None:
    platform = scene.platform
    interest_id = ask(platform, scene.institute.actor, scene.need, now, own_id=scene.capability)

    def accept() -> None:
        with platform.unit_of_work() as uow:
            accept_interest(uow, scene.firm.actor, interest_id, ASKED, now)

    def decline() -> None:
        with platform.unit_of_work() as uow:
            decline_interest(uow, scene.colleague.actor, interest_id, "budget", "", now)

    outcomes = at_once(accept, decline)
    assert sorted(outcomes) == ["done", "interest.illegal_move"]
    with platform.reading() as session:
        engaged = len(session.scalars(select(Engagement)).all())
        status = session.get_one(Interest, interest_id).status
        present = session.scalars(
            select(SuggestionAnswer.kind).where(
                SuggestionAnswer.side == "need", SuggestionAnswer.withdrawn_at.is_(None)
            )
        ).all()
        assert (engaged, status, present) in ((1, "accepted", ["accept"]), (0, "declined", ["decline"]))


def test_an_answer_and_the_end_of_its_time_meet(scene: Scene, now: datetime) -> None:
    platform = scene.platform
    interest_id = ask(platform, scene.institute.actor, scene.need, now)

    def accept() -> None:
        with platform.unit_of_work() as uow:
            accept_interest(uow, scene.firm.actor, interest_id, ASKED, now + timedelta(days=13))

    def lapse() -> None:
        with platform.unit_of_work() as uow:
            lapse_interests(uow, now + timedelta(days=14))

    outcomes = at_once(accept, lapse, lapse)
    with platform.reading() as session:
        engaged = len(session.scalars(select(Engagement)).all())
        status = session.get_one(Interest, interest_id).status
    assert (engaged, status) == ((1, "accepted") if outcomes[0] == "done" else (0, "lapsed"))
    assert outcomes[1:] == ["done", "done"]


def test_two_answers_of_one_side_leave_one_present(scene: Scene, now: datetime) -> None:
    platform = scene.platform
    settle_everything(platform, now)
    suggestion = find_suggestion(platform, scene.need, scene.capability)

    def later(member: Member) -> Callable[[], None]:
        def act() -> None:
            with platform.unit_of_work() as uow:
                postpone_suggestion(uow, member.actor, suggestion, now)

        return act

    outcomes = at_once(later(scene.firm), later(scene.colleague))
    assert "done" in outcomes
    with platform.reading() as session:
        present = session.scalars(select(SuggestionAnswer).where(SuggestionAnswer.withdrawn_at.is_(None))).all()
        assert [(one.side, one.kind) for one in present] == [("need", "later")]

"""What the calendar asks for: each task of the schedule exists, and those of interests do their work once."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from matching.bootstrap import Platform
from matching.models import Interest, Notification
from tests.factories.interests import ask
from tests.factories.people import make_expert, make_member
from tests.factories.posts import make_capability
from workers.celery_app import app
from workers.schedule import BEAT_SCHEDULE
from workers.tasks import upkeep


def test_every_task_of_the_schedule_exists() -> None:
    app.loader.import_default_modules()
    assert {entry["task"] for entry in BEAT_SCHEDULE.values()} - set(app.tasks) == set()


def test_interests_are_reminded_of_and_end_by_the_calendar(
    platform: Platform, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    firm = make_member(platform, now, email="firm@example.cn", organisation="示例电路")
    professor = make_member(platform, now, email="prof@example.cn", organisation="大学", kind="university")
    capability = make_capability(platform, professor, now, expert_ids=(make_expert(platform, now, professor),))
    ask(platform, firm.actor, capability, now)
    monkeypatch.setattr(upkeep, "get_platform", lambda: platform)

    def told() -> list[str]:
        with platform.reading() as session:
            kinds = session.scalars(select(Notification.kind).where(Notification.kind.startswith("interest")))
            return sorted(kinds)

    monkeypatch.setattr(upkeep, "utc_now", lambda: now + timedelta(days=8))
    for _ in range(2):
        assert upkeep.remind_task() == 1
        assert upkeep.lapse_interests_task() == 0
        assert told() == ["interest_received", "interest_reminder"]
    monkeypatch.setattr(upkeep, "utc_now", lambda: now + timedelta(days=14))
    assert [upkeep.lapse_interests_task(), upkeep.lapse_interests_task(), upkeep.remind_task()] == [1, 0, 0]
    assert told() == ["interest_lapsed", "interest_missed", "interest_received", "interest_reminder"]
    with platform.reading() as session:
        assert session.scalars(select(Interest.status)).all() == ["lapsed"]

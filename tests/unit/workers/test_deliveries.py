"""A round of deliveries: new notifications are planned, what is due leaves, a server that is away ends the mail."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

import workers.tasks.deliveries as task
from matching.bootstrap import Platform
from matching.clock import utc_now
from matching.models import Delivery
from matching.services.deliveries import owe_delivery
from tests.servers.smtp import SmtpServer

PAYLOAD = {"subject": {"zh": "甲"}, "text": {"zh": "乙"}}


@pytest.fixture(autouse=True)
def _platform(monkeypatch: pytest.MonkeyPatch, mailing: Platform) -> None:
    monkeypatch.setattr(task, "get_platform", lambda: mailing)


def owe(platform: Platform, count: int) -> None:
    with platform.unit_of_work() as uow:
        for number in range(count):
            owe_delivery(
                uow.session, kind="message", once_key=str(number), address=f"p{number}@example.cn", payload=PAYLOAD,
                now=utc_now() - timedelta(seconds=count - number),
            )  # fmt: skip
        uow.commit()


def states(platform: Platform) -> list[tuple[str, int]]:
    with platform.reading() as session:
        rows = session.execute(select(Delivery.state, Delivery.attempts).order_by(Delivery.created_at))
        return [(state, attempts) for state, attempts in rows]


def test_what_is_due_leaves(mailing: Platform, smtp: SmtpServer) -> None:
    owe(mailing, 3)
    assert task.send_deliveries_task() == 3
    assert task.send_deliveries_task() == 0
    assert states(mailing) == [("sent", 1)] * 3
    assert len(smtp.taken) == 3


def test_a_server_that_takes_nothing_is_asked_once_a_round(
    mailing: Platform,
    smtp: SmtpServer,
) -> None:
    smtp.answer_to_sender = "451 4.3.0 later"
    owe(mailing, 3)
    assert task.send_deliveries_task() == 1
    assert states(mailing) == [("failed", 0), ("owed", 0), ("owed", 0)]


def test_one_round_at_a_time(mailing: Platform, smtp: SmtpServer) -> None:
    owe(mailing, 1)
    with task._underway:
        assert task.send_deliveries_task() == 0
    assert task.send_deliveries_task() == 1

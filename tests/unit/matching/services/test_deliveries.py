"""Deliveries: owed once, handed over once, tried again with pauses, given up visibly."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from matching.bootstrap import Platform
from matching.errors import IllegalMove, NotFound
from matching.models import Delivery, User
from matching.notifying.delivering import deliver
from matching.services.accounts import add_user
from matching.services.actor import SYSTEM, Actor
from matching.services.deliveries import (
    LEASE,
    PAUSES,
    Outcome,
    claim_delivery,
    due_deliveries,
    give_up_mail,
    owe_delivery,
    retry_delivery,
    settle_delivery,
)
from matching.services.retention import apply_retention
from tests.factories.deliveries import deliver_everything
from tests.factories.people import PASSWORD
from tests.servers.smtp import SmtpServer

CALENDAR = {"text": "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n", "method": "REQUEST"}
PAYLOAD = {
    "subject": {"zh": "洽谈邀请", "en": "Meeting invitation"},
    "text": {"zh": "请于九点到场。\n\n三号桌。", "en": "Please come at nine."},
    "path": "/events/1",
    "calendar": CALENDAR,
}


def owe(platform: Platform, now: datetime, *, once_key: str = "k", address: str | None = "a@example.cn",
        user_id: str | None = None, due_at: datetime | None = None) -> str:  # fmt: skip
    with platform.unit_of_work() as uow:
        delivery_id = owe_delivery(
            uow.session, kind="message", once_key=once_key, address=address, user_id=user_id, payload=PAYLOAD,
            due_at=due_at, now=now,
        )  # fmt: skip
        uow.commit()
    return delivery_id


def find(platform: Platform, delivery_id: str) -> Delivery:
    with platform.reading() as session:
        return session.get_one(Delivery, delivery_id)


def test_a_message_arrives_with_its_invitation(mailing: Platform, smtp: SmtpServer, now: datetime) -> None:
    delivery_id = owe(mailing, now)
    assert deliver_everything(mailing, now) == ["sent"]
    [taken] = smtp.to("a@example.cn")
    assert taken.message["Subject"] == "洽谈邀请"
    assert taken.message["Message-ID"] == f"<{delivery_id}@example.cn>"
    assert "请于九点到场。\n\n三号桌。" in taken.text
    assert "https://duijie.example/events/1" in taken.text
    assert "text/calendar" in [part.get_content_type() for part in taken.message.walk()]
    row = find(mailing, delivery_id)
    assert (row.state, row.attempts, row.finished_at, row.last_error) == ("sent", 1, now, None)


def test_a_message_is_in_the_persons_language_and_goes_to_their_present_address(
    mailing: Platform, smtp: SmtpServer, now: datetime
) -> None:
    with mailing.unit_of_work() as uow:
        user_id = add_user(uow, SYSTEM, email="old@example.cn", name="Lam", password=PASSWORD, locale="en", now=now).id
    owe(mailing, now, user_id=user_id, address=None)
    with mailing.unit_of_work() as uow:
        uow.session.get_one(User, user_id).email = "new@example.cn"
        uow.commit()
    assert deliver_everything(mailing, now) == ["sent"]
    [taken] = smtp.to("new@example.cn")
    assert taken.message["Subject"] == "Meeting invitation"
    assert taken.message["Content-Language"] == "en"


def test_nothing_goes_to_an_account_that_was_closed(mailing: Platform, smtp: SmtpServer, now: datetime) -> None:
    with mailing.unit_of_work() as uow:
        user_id = add_user(uow, SYSTEM, email="a@example.cn", name="a", password=PASSWORD, now=now).id
    owe(mailing, now, user_id=user_id, address=None)
    with mailing.unit_of_work() as uow:
        uow.session.get_one(User, user_id).active = False
        uow.commit()
    assert deliver_everything(mailing, now) == ["dropped"]
    assert smtp.taken == []


def test_the_same_thing_is_owed_once(mailing: Platform, smtp: SmtpServer, now: datetime) -> None:
    assert owe(mailing, now) == owe(mailing, now)
    assert deliver_everything(mailing, now) == ["sent"]
    assert owe(mailing, now) == find(mailing, owe(mailing, now)).id
    assert deliver_everything(mailing, now) == []
    assert len(smtp.taken) == 1


def test_what_is_due_later_waits(mailing: Platform, smtp: SmtpServer, now: datetime) -> None:
    owe(mailing, now, due_at=now + timedelta(hours=1))
    assert deliver_everything(mailing, now) == []
    assert deliver_everything(mailing, now + timedelta(hours=1)) == ["sent"]


def test_two_tasks_at_once_send_one_mail(mailing: Platform, smtp: SmtpServer, now: datetime) -> None:
    delivery_id = owe(mailing, now)
    outcomes: list[Outcome | None] = []
    tasks = [threading.Thread(target=lambda: outcomes.append(deliver(mailing, delivery_id, now))) for _ in range(6)]
    for task in tasks:
        task.start()
    for task in tasks:
        task.join()
    assert sorted(outcome.state if outcome else "" for outcome in outcomes) == ["", "", "", "", "", "sent"]
    assert len(smtp.taken) == 1


def test_a_claim_of_a_dead_task_runs_out_and_the_mail_keeps_its_identity(
    mailing: Platform, smtp: SmtpServer, now: datetime
) -> None:
    delivery_id = owe(mailing, now)
    with mailing.unit_of_work() as uow:
        assert claim_delivery(uow, delivery_id, now)
    assert deliver(mailing, delivery_id, now + LEASE - timedelta(seconds=1)) is None
    assert deliver(mailing, delivery_id, now + LEASE) == Outcome(state="sent")
    assert smtp.taken[0].message["Message-ID"] == f"<{delivery_id}@example.cn>"


def test_a_holder_that_was_too_slow_undoes_nothing(mailing: Platform, now: datetime) -> None:
    delivery_id = owe(mailing, now)
    with mailing.unit_of_work() as uow:
        slow = claim_delivery(uow, delivery_id, now)
    with mailing.unit_of_work() as uow:
        quick = claim_delivery(uow, delivery_id, now + LEASE)
    assert (slow, quick) == (1, 2)
    with mailing.unit_of_work() as uow:
        settle_delivery(uow, delivery_id, Outcome(state="failed", error="late"), now + LEASE, claim=slow)
    held = find(mailing, delivery_id)
    assert (held.state, held.claimed_until, held.last_error) == ("owed", now + 2 * LEASE, None)
    with mailing.unit_of_work() as uow:
        settle_delivery(uow, delivery_id, Outcome(state="sent"), now + LEASE, claim=quick)
    with mailing.unit_of_work() as uow:
        settle_delivery(uow, delivery_id, Outcome(state="failed", error="late"), now + LEASE, claim=slow)
    assert find(mailing, delivery_id).state == "sent"


def test_what_a_slow_holder_sent_after_all_is_not_sent_again(
    mailing: Platform, smtp: SmtpServer, now: datetime
) -> None:
    delivery_id = owe(mailing, now)
    with mailing.unit_of_work() as uow:
        slow = claim_delivery(uow, delivery_id, now)
    with mailing.unit_of_work() as uow:
        quick = claim_delivery(uow, delivery_id, now + LEASE)
        settle_delivery(uow, delivery_id, Outcome(state="failed", error="x"), now + LEASE, claim=quick)
    with mailing.unit_of_work() as uow:
        settle_delivery(uow, delivery_id, Outcome(state="sent"), now + LEASE, claim=slow)
    assert deliver(mailing, delivery_id, now + timedelta(days=1)) is None
    assert smtp.taken == []


def test_a_delivery_whose_tasks_always_die_is_given_up(mailing: Platform, now: datetime) -> None:
    delivery_id = owe(mailing, now)
    moment = now
    for _ in range(20):
        with mailing.unit_of_work() as uow:
            assert claim_delivery(uow, delivery_id, moment)
        moment += LEASE
    assert deliver(mailing, delivery_id, moment) is None
    row = find(mailing, delivery_id)
    assert (row.state, row.last_error) == ("given_up", "delivery.interrupted")


def test_a_refusal_for_now_is_tried_again_with_longer_pauses_and_then_given_up(
    mailing: Platform, smtp: SmtpServer, now: datetime
) -> None:
    smtp.refuse_recipients["a@example.cn"] = "450 4.2.1 mailbox of a@example.cn is busy"
    delivery_id = owe(mailing, now)
    moment = now
    for pause in PAUSES:
        assert deliver(mailing, delivery_id, moment) is not None
        row = find(mailing, delivery_id)
        assert (row.state, row.next_attempt_at) == ("failed", moment + pause)
        assert deliver(mailing, delivery_id, moment + pause - timedelta(seconds=1)) is None
        moment += pause
    assert deliver(mailing, delivery_id, moment) is not None
    row = find(mailing, delivery_id)
    assert (row.state, row.attempts, row.finished_at) == ("given_up", len(PAUSES) + 1, moment)
    assert row.last_error is not None
    assert row.last_error.startswith("mail.recipient_refused")
    assert "450 4.2.1" in row.last_error
    assert "a@example.cn" not in row.last_error


def test_a_refusal_for_ever_is_given_up_at_once(mailing: Platform, smtp: SmtpServer, now: datetime) -> None:
    smtp.refuse_recipients["a@example.cn"] = "550 5.1.1 unknown"
    delivery_id = owe(mailing, now)
    assert deliver_everything(mailing, now) == ["given_up"]
    assert find(mailing, delivery_id).state == "given_up"
    assert deliver_everything(mailing, now + timedelta(days=2)) == []


def test_a_server_that_is_away_costs_no_attempts_until_the_news_is_old(
    mailing: Platform, smtp: SmtpServer, now: datetime
) -> None:
    smtp.answer_to_sender = "451 4.3.0 later"
    delivery_id = owe(mailing, now)
    moment = now
    for _ in range(30):
        assert deliver(mailing, delivery_id, moment) is not None
        moment += timedelta(minutes=1)
    row = find(mailing, delivery_id)
    assert (row.state, row.attempts) == ("failed", 0)
    smtp.answer_to_sender = None
    assert deliver(mailing, delivery_id, moment) == Outcome(state="sent")
    smtp.answer_to_sender = "451 4.3.0 later"
    old = owe(mailing, now, once_key="old")
    deliver(mailing, old, now + timedelta(days=3, minutes=1))
    assert find(mailing, old).state == "given_up"


def test_a_letter_that_cannot_be_written_fails_visibly_and_stops_no_other(
    mailing: Platform, smtp: SmtpServer, now: datetime
) -> None:
    with mailing.unit_of_work() as uow:
        broken = owe_delivery(uow.session, kind="nix", once_key="x", address="b@example.cn", now=now)
        uow.commit()
    owe(mailing, now + timedelta(seconds=1))
    assert deliver_everything(mailing, now + timedelta(seconds=1)) == ["failed", "sent"]
    assert find(mailing, broken).last_error == "delivery.internal: KeyError"


def test_without_a_mail_server_what_is_due_is_given_up_visibly(platform: Platform, now: datetime) -> None:
    owe(platform, now)
    with platform.reading() as session:
        assert [channel for _, channel in due_deliveries(session, now)] == ["mail"]
    later = owe(platform, now, once_key="later", due_at=now + timedelta(days=1))
    with platform.unit_of_work() as uow:
        give_up_mail(uow, now)
    with platform.reading() as session:
        assert due_deliveries(session, now) == []
        states = {row.once_key: (row.state, row.last_error) for row in session.scalars(select(Delivery))}
    assert states == {"k": ("given_up", "mail.not_set_up"), "later": ("owed", None)}
    assert find(platform, later).state == "owed"


def test_staff_try_again_what_was_given_up(mailing: Platform, smtp: SmtpServer, now: datetime) -> None:
    staff = Actor(user_id="s", role="staff", region_scope="4407")
    delivery_id = owe(mailing, now)
    with pytest.raises(IllegalMove), mailing.unit_of_work() as uow:
        retry_delivery(uow, staff, delivery_id, now)
    with mailing.unit_of_work() as uow:
        claim = claim_delivery(uow, delivery_id, now)
        settle_delivery(uow, delivery_id, Outcome(state="given_up", error="x"), now, claim=claim)
    with pytest.raises(NotFound), mailing.unit_of_work() as uow:
        retry_delivery(uow, Actor(user_id="m"), delivery_id, now)
    with mailing.unit_of_work() as uow:
        retry_delivery(uow, staff, delivery_id, now)
    assert deliver_everything(mailing, now) == ["sent"]
    with mailing.reading() as session:
        assert session.scalars(select(Delivery.state)).all() == ["sent"]


def test_what_was_settled_is_forgotten_and_letters_to_strangers_sooner(
    mailing: Platform, smtp: SmtpServer, now: datetime
) -> None:
    delivery_id = owe(mailing, now)
    waiting = owe(mailing, now, once_key="later", due_at=now + timedelta(days=100))
    deliver_everything(mailing, now)
    apply_retention(mailing, now + timedelta(days=1))
    row = find(mailing, delivery_id)
    assert (row.state, row.address, row.payload) == ("sent", None, {})
    apply_retention(mailing, now + timedelta(days=90))
    with mailing.reading() as session:
        assert session.scalars(select(Delivery.id)).all() == [waiting]

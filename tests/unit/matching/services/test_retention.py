"""What is over goes by itself, no sooner; the log says how much, and keeps what nobody may take from it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, func, select
from sqlalchemy.exc import DBAPIError

from matching.bootstrap import Platform
from matching.models import (
    AuditEntry,
    Base,
    Delivery,
    Invitation,
    Notification,
    Registration,
    Suggestion,
    UnsentFile,
    UnsentText,
    User,
    UserSession,
)
from matching.services.accounts import open_session, touch_session
from matching.services.actor import SYSTEM
from matching.services.retention import apply_retention, forget_audit, shorten_address
from tests.factories.people import Member, make_member
from tests.factories.posts import make_capability, make_need
from tests.factories.work import settle_everything


@pytest.fixture
def member(platform: Platform, now: datetime) -> Member:
    return make_member(platform, now, email="a@example.cn")


def add(platform: Platform, row: Base) -> None:
    with platform.unit_of_work() as uow:
        uow.session.add(row)
        uow.commit()


def delivery(now: datetime, **fields: Any) -> Delivery:
    chosen = {"channel": "mail", "kind": "notification", "once_key": str(fields), "payload": {"text": "信"}}
    settled = {"state": "sent", "next_attempt_at": now, "created_at": now, "finished_at": now}
    return Delivery(**(chosen | settled | fields))


ROWS: dict[str, tuple[Callable[[str, datetime], Base], int]] = {
    "deliveries": (lambda user, now: delivery(now, user_id=user, payload={}), 90),
    "delivery_texts": (lambda user, now: delivery(now, user_id=user), 7),
    "notifications": (
        lambda user, now: Notification(user_id=user, kind="k", once_key="n", details={}, created_at=now, read_at=now),
        365,
    ),
    "unsent_texts": (lambda user, now: UnsentText(id="t", user_id=user, side="need", fields=[], updated_at=now), 90),
    "unsent_files": (
        lambda user, now: UnsentFile(
            text_id="t", user_id=user, file_name="a.pdf", stored_name="a.bin", media_type="application/pdf", size=1,
            sha256="0", created_at=now,
        ),
        90,
    ),
    "registrations": (
        lambda user, now: Registration(
            role="enterprise", email="r@example.cn", name="r", password_hash="x", organisation_kind="enterprise",
            organisation_name="r", region_code="440784", state="refused", created_at=now, decided_at=now,
        ),
        180,
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(ROWS))
def test_each_kind_goes_when_its_days_are_over_and_not_before(
    platform: Platform, member: Member, now: datetime, kind: str
) -> None:
    make, days = ROWS[kind]
    add(platform, make(member.user_id, now))
    assert apply_retention(platform, now + timedelta(days=days, seconds=-1))[kind] == 0
    assert apply_retention(platform, now + timedelta(days=days))[kind] == 1
    assert apply_retention(platform, now + timedelta(days=days))[kind] == 0


def test_invitations_count_from_their_end(platform: Platform, member: Member, now: datetime) -> None:
    row = Invitation(organisation_id=member.organisation_id, email="i@example.cn", role="editor", created_at=now,
                     expires_at=now + timedelta(days=7))  # fmt: skip
    add(platform, row)
    assert apply_retention(platform, now + timedelta(days=186))["invitations"] == 0
    assert apply_retention(platform, now + timedelta(days=187))["invitations"] == 1


def test_the_address_of_a_sign_in_is_cut_after_a_week(platform: Platform, member: Member, now: datetime) -> None:
    with platform.unit_of_work() as uow:
        user = uow.session.get_one(User, member.user_id)
        token = open_session(uow, user, now, device="Firefox", address="203.0.113.77")
    week = now + timedelta(days=7)
    for moment, address in ((week - timedelta(hours=1), "203.0.113.77"), (week, "203.0.113.0/24")):
        with platform.unit_of_work() as uow:
            touch_session(uow, token, moment)
        apply_retention(platform, moment)
        with platform.reading() as session:
            assert session.scalars(select(UserSession.address)).all() == [address]
    assert apply_retention(platform, week)["addresses"] == 0
    assert apply_retention(platform, week + timedelta(hours=13))["sign_ins"] == 1


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("198.51.100.9", "198.51.100.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
        ("unknown", ""),
    ],
)
def test_a_shortened_address_is_a_network(address: str, network: str) -> None:
    assert shorten_address(address) == network


def test_a_channel_keeps_what_became_of_its_last_message(platform: Platform, member: Member, now: datetime) -> None:
    payload = {"channel_id": "c", "text": "信"}
    add(platform, delivery(now, user_id=member.user_id, channel="robot", payload=payload))
    add(platform, delivery(now, user_id=member.user_id, state="owed", finished_at=None, once_key="waits"))
    assert apply_retention(platform, now + timedelta(days=7))["delivery_texts"] == 1
    with platform.reading() as session:
        assert session.scalars(select(Delivery.payload).order_by(Delivery.channel)).all() == [
            {"text": "信"},
            {"channel_id": "c"},
        ]


def test_withdrawn_suggestions_go_unless_something_came_of_them(
    platform: Platform, member: Member, now: datetime
) -> None:
    other = make_member(platform, now, email="b@example.cn", organisation="大学", kind="university")
    make_need(platform, member, now)
    make_capability(platform, other, now)
    settle_everything(platform, now)
    with platform.unit_of_work() as uow:
        suggestion = uow.session.scalars(select(Suggestion)).one()
        suggestion.status = "withdrawn"
        uow.session.execute(delete(Notification))
        uow.commit()
    assert apply_retention(platform, now + timedelta(days=729))["suggestions"] == 0
    assert apply_retention(platform, now + timedelta(days=731))["suggestions"] == 1


def test_the_log_says_what_went_and_nothing_where_nothing_did(
    platform: Platform, member: Member, now: datetime
) -> None:
    apply_retention(platform, now)
    add(platform, delivery(now, user_id=member.user_id, payload={}))
    apply_retention(platform, now + timedelta(days=90))
    with platform.reading() as session:
        [line] = session.scalars(select(AuditEntry).where(AuditEntry.action == "retention")).all()
    assert line.details["deliveries"] == 1
    assert line.actor_id is None


def test_only_the_operator_shortens_the_log_and_that_is_a_line_of_it(
    platform: Platform, member: Member, now: datetime
) -> None:
    def lines() -> int:
        with platform.reading() as session:
            return session.scalar(select(func.count()).select_from(AuditEntry)) or 0

    before = lines()
    assert before > 0
    apply_retention(platform, now + timedelta(days=5000))
    assert lines() >= before  # the beat takes nothing from it
    before = lines()
    assert forget_audit(platform, SYSTEM, now + timedelta(days=1095)) == 0
    assert forget_audit(platform, SYSTEM, now + timedelta(days=1096)) > 0
    with platform.reading() as session:
        assert {line.action for line in session.scalars(select(AuditEntry))} <= {"audit.forget", "retention"}
    with pytest.raises(DBAPIError, match="append-only"), platform.engine.begin() as connection:
        connection.execute(delete(AuditEntry))

"""Claims, leases and settling: nothing owed is lost, nothing is done by two at once."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select

from matching.bootstrap import Platform
from matching.models import OutboxEntry
from matching.store.outbox import (
    LEASE,
    POST_CHANGED,
    RANKING,
    TIMETABLE,
    claim_due,
    forget_done,
    last_open_id,
    outbox_backlog,
    owe_all,
    postpone,
    settle,
)


def owe(platform: Platform, topic: str, subject_id: str, now: datetime) -> None:
    with platform.unit_of_work() as uow:
        uow.owe(topic, subject_id, now)
        uow.commit()


def claims(platform: Platform, now: datetime, limit: int = 200) -> list[tuple[str, str]]:
    with platform.unit_of_work() as uow:
        found = claim_due(uow.session, now, limit)
        uow.commit()
    return [(claim.topic, claim.subject_id) for claim in found]


def test_rows_of_one_subject_collapse_and_are_claimed_once(platform: Platform, now: datetime) -> None:
    for _ in range(3):
        owe(platform, POST_CHANGED, "a", now)
    owe(platform, POST_CHANGED, "b", now)
    assert claims(platform, now) == [(POST_CHANGED, "a"), (POST_CHANGED, "b")]
    assert claims(platform, now) == []


def test_a_claim_runs_out_and_is_taken_again(platform: Platform, now: datetime) -> None:
    owe(platform, POST_CHANGED, "a", now)
    claims(platform, now)
    assert claims(platform, now + LEASE - timedelta(seconds=1)) == []
    assert claims(platform, now + LEASE) == [(POST_CHANGED, "a")]


def test_changes_go_before_rankings_and_are_not_held_up_by_them(platform: Platform, now: datetime) -> None:
    for subject in "abc":
        owe(platform, RANKING, subject, now)
    owe(platform, POST_CHANGED, "d", now)
    assert claims(platform, now, limit=2) == [(POST_CHANGED, "d"), (RANKING, "a"), (RANKING, "b")]
    owe(platform, POST_CHANGED, "e", now)
    assert claims(platform, now, limit=2) == [(POST_CHANGED, "e")]


def test_what_waited_for_a_part_is_tried_again_within_half_a_minute(platform: Platform, now: datetime) -> None:
    owe(platform, POST_CHANGED, "a", now)
    moment = now
    pauses = []
    for _ in range(7):
        assert claims(platform, moment) == [(POST_CHANGED, "a")]
        with platform.unit_of_work() as uow:
            postpone(uow.session, POST_CHANGED, "a", "index away", moment, away=True)
            uow.commit()
        with platform.reading() as session:
            until = session.scalars(select(OutboxEntry.claimed_until)).one()
            assert until is not None
            pauses.append((until - moment).total_seconds())
            moment = until
    assert pauses == [2, 4, 8, 16, 30, 30, 30]


def test_settling_leaves_younger_rows_open(platform: Platform, now: datetime) -> None:
    owe(platform, POST_CHANGED, "a", now)
    claims(platform, now)
    with platform.reading() as session:
        last_id = last_open_id(session, POST_CHANGED, "a")
    owe(platform, POST_CHANGED, "a", now)
    with platform.unit_of_work() as uow:
        settle(uow.session, POST_CHANGED, "a", last_id, now)
        uow.commit()
    assert claims(platform, now) == [(POST_CHANGED, "a")]


def test_a_failure_is_tried_later_and_later_with_its_reason(platform: Platform, now: datetime) -> None:
    owe(platform, POST_CHANGED, "a", now)
    moment = now
    pauses = []
    for _ in range(4):
        assert claims(platform, moment) == [(POST_CHANGED, "a")]
        with platform.unit_of_work() as uow:
            postpone(uow.session, POST_CHANGED, "a", "index away", moment)
            uow.commit()
        with platform.reading() as session:
            row = session.scalars(select(OutboxEntry)).one()
            assert row.last_error == "index away"
            assert row.claimed_until is not None
            pauses.append((row.claimed_until - moment).total_seconds())
            moment = row.claimed_until
    assert pauses == [2, 4, 8, 16]


def test_owing_again_adds_nothing_while_a_row_waits(platform: Platform, now: datetime) -> None:
    with platform.unit_of_work() as uow:
        assert owe_all(uow.session, RANKING, ["a", "b", "a"], now) == 2
        uow.commit()
    with platform.unit_of_work() as uow:
        assert owe_all(uow.session, RANKING, ["a", "c"], now) == 1
        uow.commit()
    claims(platform, now)
    with platform.unit_of_work() as uow:
        # A claimed row may have read the subject already, so a new change needs a row of its own.
        assert owe_all(uow.session, RANKING, ["a"], now) == 1
        uow.commit()


def test_backlog_and_forgetting(platform: Platform, now: datetime) -> None:
    owe(platform, POST_CHANGED, "a", now)
    with platform.reading() as session:
        assert outbox_backlog(session) == (1, now)
    with platform.unit_of_work() as uow:
        settle(uow.session, POST_CHANGED, "a", 10, now)
        uow.commit()
    with platform.unit_of_work() as uow:
        forget_done(uow.session, now + timedelta(seconds=1))
        uow.commit()
    with platform.reading() as session:
        assert outbox_backlog(session) == (0, None)
        assert session.scalars(select(OutboxEntry)).all() == []


def test_only_so_many_claims_are_out_at_once(platform: Platform, now: datetime) -> None:
    for subject in "abcd":
        owe(platform, POST_CHANGED, subject, now)
    assert [subject for _, subject in claims(platform, now, limit=3)] == ["d", "a", "b"]
    assert claims(platform, now, limit=3) == []
    with platform.unit_of_work() as uow:
        settle(uow.session, POST_CHANGED, "b", 100, now)
        uow.commit()
    assert [subject for _, subject in claims(platform, now, limit=3)] == ["c"]


def test_what_somebody_just_published_does_not_wait_behind_an_import(platform: Platform, now: datetime) -> None:
    for number in range(1000):
        owe(platform, POST_CHANGED, f"imported-{number:04}", now)
    first = [subject for _, subject in claims(platform, now, limit=20)]
    assert first[10:] == [f"imported-{number:04}" for number in range(10)]
    owe(platform, POST_CHANGED, "mine", now)
    with platform.unit_of_work() as uow:
        for subject in first[:4]:
            settle(uow.session, POST_CHANGED, subject, 10_000, now)
        uow.commit()
    assert claims(platform, now, limit=20)[0] == (POST_CHANGED, "mine")


def test_a_timetable_is_claimed_however_many_changes_are_underway(platform: Platform, now: datetime) -> None:
    with platform.unit_of_work() as uow:
        for number in range(5):
            uow.owe(POST_CHANGED, f"post-{number}", now)
        claim_due(uow.session, now, limit=5)
        uow.owe(POST_CHANGED, "post-late", now)
        uow.owe(TIMETABLE, "run", now)
        assert [claim.subject_id for claim in claim_due(uow.session, now, limit=5)] == ["run"]

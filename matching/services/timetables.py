"""The timetable of an event: asked for, computed beside the web, laid over the meetings, published.

`request_timetable` writes a run and owes it; a worker of its own queue calls `compute_timetable`, which says how far it
is, can be stopped, and leaves the meetings where they should be. Nothing is told to anybody before it is published.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from matching.bootstrap import Platform
from matching.errors import DuijieError, IllegalMove, InvalidInput, NotFound
from matching.models import Event, EventParticipant, Meeting, TimetableRun
from matching.queries.agendas import host_names
from matching.scheduling import event as scheduling
from matching.services.actor import Actor
from matching.services.events import load_event, require_open
from matching.services.meeting_hosts import hosts_of
from matching.services.meetings import engaged_slots, hosting_elsewhere, needs_table, wanted_meetings
from matching.store.outbox import TIMETABLE
from matching.store.unit_of_work import UnitOfWork

if TYPE_CHECKING:
    from matching.scheduling.solve import Progress

logger = logging.getLogger(__name__)

LEAST_SECONDS, MOST_SECONDS, USUAL_SECONDS = 5, 120, 30
ELSEWHERE = "elsewhere"
_DEAD_AFTER = timedelta(seconds=90)
"""A run that was not heard of for so long has lost its worker."""
_FREED_SHARE = 0.3
"""Of the time, kept to look once more without hosts."""
_TELL_EVERY_SECONDS = 0.5
_ASK_EVERY_SECONDS = 0.5

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Problem:
    """What the engine is given: the event, and where its meetings stand now."""

    event: scheduling.Event
    places: scheduling.Timetable
    locked_ids: frozenset[str]
    hosts_bound: bool = False
    """Whether hosts are in it, who are then in one meeting at a time."""


def request_timetable(
    uow: UnitOfWork, actor: Actor, event_id: str, now: datetime, *, seconds: int = USUAL_SECONDS, anew: bool = False
) -> TimetableRun:
    """Ask for a timetable. Unless `anew`, what stands moves as little as possible. One run of an event at a time."""
    event = load_event(uow, actor, event_id)
    require_open(event)
    if not LEAST_SECONDS <= seconds <= MOST_SECONDS:
        raise InvalidInput(
            "timetable.seconds",
            f"计算时间应为 {LEAST_SECONDS} 到 {MOST_SECONDS} 秒",
            where="seconds",
            message_en=f"Between {LEAST_SECONDS} and {MOST_SECONDS} seconds",
        )
    if not wanted_meetings(uow.session, event.id):
        raise InvalidInput(
            "timetable.no_meetings",
            "还没有要安排的洽谈，请先选配对",
            where="seconds",
            message_en="There are no meetings to place yet; choose pairs first",
        )
    running = latest_run(uow, event.id)
    if running is not None and is_underway(running, now):
        raise IllegalMove("timetable.running", "正在计算，请等它结束或停止它", message_en="One is being computed")
    run = TimetableRun(
        event_id=event.id,
        plan_revision=event.plan_revision,
        seconds=seconds,
        anew=anew,
        requested_by=actor.user_id,
        requested_at=now,
    )
    uow.session.add(run)
    uow.session.flush()
    uow.owe(TIMETABLE, run.id, now)
    uow.record(now, actor.user_id, "timetable.request", "event", event.id, run=run.id, anew=anew)
    uow.commit()
    return run


def stop_timetable(uow: UnitOfWork, actor: Actor, run_id: str, now: datetime) -> TimetableRun:
    """Ask a run to end with the best it has."""
    run = uow.session.get(TimetableRun, run_id)
    if run is None:
        raise NotFound("timetable.not_found", "没有找到这次计算", message_en="There is no such run")
    event = load_event(uow, actor, run.event_id)
    if not run.stop_requested:
        run.stop_requested = True
        uow.record(now, actor.user_id, "timetable.stop", "event", event.id, run=run.id)
        uow.commit()
    return run


def is_underway(run: TimetableRun, now: datetime) -> bool:
    """Whether the run still waits for a worker or is computed; one whose worker died is not."""
    if run.status not in ("waiting", "running"):
        return False
    heard = run.heard_at or run.requested_at
    # A waiting run may stand behind another event's; a running one says every half second that it lives.
    patience = _DEAD_AFTER if run.status == "running" else timedelta(seconds=MOST_SECONDS) + _DEAD_AFTER
    return now - heard < patience


def latest_run(uow: UnitOfWork, event_id: str) -> TimetableRun | None:
    """The event's last run."""
    return uow.session.scalar(
        select(TimetableRun)
        .where(TimetableRun.event_id == event_id)
        .order_by(TimetableRun.requested_at.desc(), TimetableRun.id)
        .limit(1)
    )


def describe_problem(uow: UnitOfWork, event: Event, *, anew: bool, hosts: bool = True) -> Problem:
    """The event as the engine sees it. A participant cannot where they said so, or meet somebody at another event.

    With `hosts` those of the staff who look after meetings are in one at a time, as far as that can be.
    """
    people = list(
        uow.session.scalars(
            select(EventParticipant)
            .where(EventParticipant.event_id == event.id)
            .order_by(EventParticipant.created_at, EventParticipant.id)
        )
    )
    meetings = wanted_meetings(uow.session, event.id)
    seated = {participant_id for meeting in meetings for participant_id in meeting.participant_ids}
    present = [one for one in people if one.id in seated]
    elsewhere = engaged_slots(uow.session, event, present)
    slots = {slot.id for slot in event.slots}
    sessions = {slot.session for slot in event.slots}
    wanted = {meeting.id for meeting in meetings}
    locked = {meeting.id for meeting in meetings if meeting.locked and meeting.slot_id in slots}
    attending, host_of = _bind_hosts(uow, event, meetings, locked) if hosts else ((), {})
    described = scheduling.Event(
        name=event.title,
        tables=len(event.tables),
        max_break_difference=event.most_break_difference,
        slots=tuple(scheduling.Slot(slot.id, slot.session) for slot in event.slots),
        participants=tuple(
            scheduling.Participant(
                one.id,
                tuple(
                    slot.id
                    for slot in event.slots
                    if slot.id in one.unavailable or slot.id in elsewhere.get(one.id, ())
                ),
            )
            for one in present
        )
        + attending,
        meetings=tuple(
            scheduling.Meeting(
                id=meeting.id,
                participants=(*meeting.participant_ids, *host_of.get(meeting.id, ())),
                session=meeting.session if meeting.session in sessions else scheduling.ANY_SESSION,
                after=tuple(one for one in meeting.after_ids if one in wanted),
                weight=meeting.weight,
                fixed_slot=meeting.slot_id if meeting.id in locked else None,
                score=meeting.score,
                needs_table=needs_table(event, meeting),
            )
            for meeting in meetings
        ),
    )
    places = scheduling.Timetable(
        status="feasible",
        breaks=0,
        bound=0,
        meetings=tuple(
            scheduling.ScheduledMeeting(meeting.id, meeting.slot_id, meeting.table_number)
            for meeting in meetings
            if meeting.slot_id is not None and (not anew or meeting.id in locked)
        ),
    )
    return Problem(described, places, frozenset(locked), bool(host_of))


def _bind_hosts(
    uow: UnitOfWork, event: Event, meetings: Sequence[Meeting], locked: Collection[str]
) -> tuple[tuple[scheduling.Participant, ...], dict[str, tuple[str, ...]]]:
    """The hosts as the engine sees them, and who is bound to which meeting.

    Nobody is bound to more meetings than they have slots for, nor to a locked one that clashes: those stay knowingly,
    and what is left is named before publishing. The heaviest meetings are bound first.
    """
    user_ids = hosts_of(meetings)
    taken: dict[str, set[str]] = {user_id: set() for user_id in user_ids}
    for one in hosting_elsewhere(uow.session, event, user_ids):
        taken[one.user_id] |= {
            slot.id for slot in event.slots if one.starts_at < slot.ends_at and slot.starts_at < one.ends_at
        }
    away = {user_id: tuple(slot.id for slot in event.slots if slot.id in taken[user_id]) for user_id in user_ids}
    room = {user_id: len(event.slots) - len(away[user_id]) for user_id in user_ids}
    host_of: dict[str, tuple[str, ...]] = {}
    for meeting in sorted(meetings, key=lambda one: (one.id not in locked, -one.weight, one.id)):
        user_id = meeting.host_id
        if user_id is None or room[user_id] <= 0:
            continue
        if meeting.id in locked:
            slot_id = meeting.slot_id or ""
            if slot_id in taken[user_id]:
                continue
            taken[user_id].add(slot_id)
        host_of[meeting.id] = (user_id,)
        room[user_id] -= 1
    bound = {user_id for (user_id,) in host_of.values()}
    return tuple(scheduling.Participant(one, away[one], attends=True) for one in user_ids if one in bound), host_of


def compute_timetable(platform: Platform, run_id: str, clock: Clock) -> str | None:
    """Compute a run and lay its timetable over the meetings; returns the run's status, None where nothing is to do,
    ELSEWHERE where another worker is at it and may yet die.

    Repeated, it starts again what a dead worker left behind and leaves alone what is finished. A plan that changed
    meanwhile is not overwritten: the run is then `outdated`.
    """
    with platform.unit_of_work() as uow:
        run = uow.session.get(TimetableRun, run_id)
        now = clock()
        if run is None or run.status not in ("waiting", "running"):
            return None
        if run.status == "running" and run.heard_at is not None and now - run.heard_at < _DEAD_AFTER:
            return ELSEWHERE
        event = uow.session.get(Event, run.event_id)
        assert event is not None
        newest = latest_run(uow, run.event_id)
        if newest is not None and newest.requested_at > run.requested_at:
            # Its worker died, the staff asked again meanwhile: what they got then must not be moved by this one.
            run.status = "outdated"
            run.finished_at = now
            uow.commit()
            return run.status
        run.status = "running"
        run.started_at = run.heard_at = now
        run.plan_revision = event.plan_revision
        problem = describe_problem(uow, event, anew=run.anew)
        without_hosts = describe_problem(uow, event, anew=run.anew, hosts=False) if problem.hosts_bound else problem
        anew, seconds = run.anew, run.seconds
        uow.commit()

    told = asked = time.monotonic()
    stop = False

    def tell(progress: Progress) -> None:
        nonlocal told
        if time.monotonic() - told < _TELL_EVERY_SECONDS and progress.phase == "breaks":
            return
        told, heard_at = time.monotonic(), clock()
        with platform.unit_of_work() as uow:
            row = uow.session.get(TimetableRun, run_id)
            if row is not None:
                row.heard_at = heard_at
                row.phase = progress.phase
                if progress.slot_of is not None:
                    row.placed = len(progress.slot_of)
                    row.breaks = progress.breaks
                row.bound = max(row.bound, progress.bound)
                uow.commit()

    def should_stop() -> bool:
        nonlocal asked, stop
        if not stop and time.monotonic() - asked >= _ASK_EVERY_SECONDS:
            asked = time.monotonic()
            with platform.reading() as reading:
                stop = bool(reading.scalar(select(TimetableRun.stop_requested).where(TimetableRun.id == run_id)))
        return stop

    timetable: scheduling.Timetable | None = None
    failure: DuijieError | None = None
    try:
        share = 1 - _FREED_SHARE if problem.hosts_bound else 1.0
        timetable = _solve(problem, seconds * share, tell, should_stop)
        if problem.hosts_bound and (timetable.status == "infeasible" or timetable.dropped):
            # A meeting is worth more than who looks after it: without hosts there may be room for more.
            freed = _solve(without_hosts, seconds * _FREED_SHARE, tell, should_stop)
            if _lost(without_hosts, freed) < _lost(problem, timetable):
                timetable, problem = freed, without_hosts
    except DuijieError as error:
        failure = error if timetable is None else None
    return _finish(platform, run_id, problem, timetable, failure, clock(), anew=anew)


def _solve(
    problem: Problem, seconds: float, tell: Callable[[Progress], None], should_stop: Callable[[], bool]
) -> scheduling.Timetable:
    from matching.scheduling.solve import propose_timetable, replan

    if problem.places.meetings:
        return replan(
            problem.event,
            problem.places,
            problem.locked_ids,
            time_limit_seconds=seconds,
            on_progress=tell,
            should_stop=should_stop,
        )
    return propose_timetable(problem.event, time_limit_seconds=seconds, on_progress=tell, should_stop=should_stop)


def _lost(problem: Problem, timetable: scheduling.Timetable) -> float:
    """The weight of what is not held; everything where there is no timetable."""
    if timetable.status == "infeasible":
        return float("inf")
    dropped = {one.id for one in timetable.dropped}
    return sum(meeting.weight for meeting in problem.event.meetings if meeting.id in dropped)


def _finish(
    platform: Platform,
    run_id: str,
    problem: Problem,
    timetable: scheduling.Timetable | None,
    failure: DuijieError | None,
    now: datetime,
    *,
    anew: bool,
) -> str:
    with platform.unit_of_work() as uow:
        run = uow.session.get(TimetableRun, run_id)
        assert run is not None
        event = uow.session.get(Event, run.event_id)
        assert event is not None
        run.finished_at = run.heard_at = now
        if timetable is None:
            run.status = "failed"
            run.error = failure.code if failure is not None else "timetable.failed"
        elif event.plan_revision != run.plan_revision:
            run.status = "outdated"
        elif timetable.status == "infeasible":
            run.status = "infeasible"
            run.conflict = [
                {"kind": part.kind, "ids": list(part.ids), "text": part.text, "text_en": part.text_en}
                for part in _named(uow, event, timetable.conflict)
            ]
        else:
            _lay(uow, run, event, problem, timetable, now, anew=anew)
        status = run.status
        uow.commit()
    return status


def _lay(
    uow: UnitOfWork,
    run: TimetableRun,
    event: Event,
    problem: Problem,
    timetable: scheduling.Timetable,
    now: datetime,
    *,
    anew: bool,
) -> None:
    """Put the meetings where the timetable has them, and note why some are not held."""
    places = {place.id: place for place in timetable.meetings}
    reasons = {drop.id: drop for drop in timetable.dropped}
    names = _names(uow, event)
    moved = 0
    for meeting in uow.session.scalars(select(Meeting).where(Meeting.event_id == event.id, Meeting.status == "wanted")):
        place = places.get(meeting.id)
        before = (meeting.slot_id, meeting.table_number)
        meeting.slot_id = place.slot if place is not None else None
        meeting.table_number = place.table if place is not None else None
        drop = reasons.get(meeting.id)
        meeting.dropped_reason = _with_names(drop.reason, names)[:300] if drop is not None else None
        meeting.dropped_reason_en = _with_names(drop.reason_en, names)[:300] if drop is not None else None
        if (meeting.slot_id, meeting.table_number) != before:
            meeting.updated_at = now
            meeting.override_reason = None
            moved += before[0] is not None
    run.status = "finished"
    run.proven = timetable.status == "optimal"
    run.placed = len(places)
    run.breaks = timetable.breaks
    run.bound = timetable.bound
    run.dropped = len(timetable.dropped)
    run.moved = moved
    uow.record(
        now,
        run.requested_by,
        "timetable.computed",
        "event",
        event.id,
        run=run.id,
        placed=len(places),
        dropped=len(timetable.dropped),
        moved=moved,
    )


def _names(uow: UnitOfWork, event: Event) -> dict[str, str]:
    """What the ids in the engine's sentences stand for: people, slots and meetings as the staff knows them."""
    from matching.clock import to_shanghai

    names = {
        one.id: one.name
        for one in uow.session.scalars(select(EventParticipant).where(EventParticipant.event_id == event.id))
    }
    for meeting in uow.session.scalars(select(Meeting).where(Meeting.event_id == event.id)):
        names[meeting.id] = f"{names.get(meeting.first_id, '')} × {names.get(meeting.second_id, '')}"
    names |= host_names(uow.session, wanted_meetings(uow.session, event.id))
    for slot in event.slots:
        names[slot.id] = f"{to_shanghai(slot.starts_at):%H:%M}–{to_shanghai(slot.ends_at):%H:%M}"
    return names


def _with_names(text: str, names: dict[str, str]) -> str:
    for identifier, name in names.items():
        if identifier in text:
            text = text.replace(identifier, name)
    return text


def _named(uow: UnitOfWork, event: Event, parts: tuple[scheduling.ConflictPart, ...]) -> list[scheduling.ConflictPart]:
    names = _names(uow, event)
    return [
        scheduling.ConflictPart(part.kind, part.ids, _with_names(part.text, names), _with_names(part.text_en, names))
        for part in parts
    ]

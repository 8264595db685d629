"""Who of the bureau looks after which meeting: a host is given by hand, or several share the meetings of a day.

A host is in one meeting at a time, as both sides are; meetings of other events count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from matching.errors import IllegalMove, InvalidInput
from matching.models import Event, Meeting, User
from matching.notifying.staff import tell_host
from matching.services.actor import Actor, actor_of
from matching.services.events import load_event, require_open, touch_plan
from matching.services.meetings import (
    PlaceConflict,
    hosting_elsewhere,
    list_conflicts,
    load_meeting,
    settle_conflicts,
    wanted_meetings,
)
from matching.store.unit_of_work import UnitOfWork

_OF_HOST = ("host_busy", "host_elsewhere")


@dataclass(frozen=True, slots=True)
class Shared:
    """How many placed meetings got a host, and how many have none because everybody was busy."""

    given: int
    left: int


def give_host(
    uow: UnitOfWork,
    actor: Actor,
    meeting_id: str,
    user_id: str | None,
    now: datetime,
    *,
    override: bool = False,
    reason: str = "",
) -> list[PlaceConflict]:
    """Say who looks after a meeting; None: nobody. They are told.

    Where they are elsewhere at that time it raises PlaceConflicts, unless `override` with a `reason`. Returns what was
    overridden.
    """
    meeting, event = load_meeting(uow, actor, meeting_id)
    require_open(event)
    if meeting.status != "wanted":
        raise IllegalMove("meeting.cancelled", "这场洽谈已经取消", message_en="This meeting is cancelled")
    if user_id is not None:
        _require_staff(uow, event, [user_id])
    before, meeting.host_id = meeting.host_id, user_id
    conflicts: list[PlaceConflict] = []
    if user_id is not None and meeting.slot is not None:
        with uow.session.no_autoflush:
            found = list_conflicts(uow.session, event, meeting, meeting.slot, meeting.table_number)
        conflicts = [one for one in found if one.kind in _OF_HOST]
        kept = settle_conflicts(conflicts, override=override, reason=reason)
        meeting.override_reason = kept or meeting.override_reason
    if user_id == before:
        return conflicts
    meeting.updated_at = now
    touch_plan(event, now)
    if user_id is not None:
        tell_host(uow.session, event, user_id, now, meetings=1, meeting_id=meeting.id, by=actor.user_id)
    uow.record(
        now,
        actor.user_id,
        "meeting.host",
        "meeting",
        meeting.id,
        host=user_id,
        overridden=[one.kind for one in conflicts],
        reason=meeting.override_reason if conflicts else None,
    )
    uow.commit()
    return conflicts


def share_meetings(uow: UnitOfWork, actor: Actor, event_id: str, user_ids: Sequence[str], now: datetime) -> Shared:
    """Give each placed meeting without a host to one of these who is free then.

    Who had the table in the slot before keeps it, so that people stay where they are; else whoever has least. Hosts
    that were given by hand stay. Each is told once how many they got.
    """
    event = load_event(uow, actor, event_id)
    require_open(event)
    chosen = list(dict.fromkeys(user_ids))
    if not chosen:
        raise InvalidInput(
            "meeting.hosts_missing", "请至少选择一位同事", where="user_id", message_en="Choose one colleague at least"
        )
    _require_staff(uow, event, chosen)
    slots = {slot.id: slot for slot in event.slots}
    placed = [one for one in wanted_meetings(uow.session, event.id) if one.slot_id in slots]
    busy = {(one.host_id, one.slot_id) for one in placed if one.host_id is not None}
    for hosting in hosting_elsewhere(uow.session, event, chosen):
        busy |= {
            (hosting.user_id, slot.id)
            for slot in event.slots
            if hosting.starts_at < slot.ends_at and slot.starts_at < hosting.ends_at
        }
    load = Counter(one.host_id for one in placed if one.host_id in chosen)
    at_table: dict[int | None, str] = {}
    given: Counter[str] = Counter()
    left = 0
    for meeting in sorted(placed, key=lambda one: (slots[one.slot_id or ""].position, one.table_number or 0, one.id)):
        if meeting.host_id is None:
            free = [one for one in chosen if (one, meeting.slot_id) not in busy]
            if not free:
                left += 1
                continue
            here = at_table.get(meeting.table_number)
            host = here if here in free else min(free, key=lambda one: (load[one], chosen.index(one)))
            meeting.host_id = host
            meeting.updated_at = now
            busy.add((host, meeting.slot_id))
            load[host] += 1
            given[host] += 1
        at_table[meeting.table_number] = meeting.host_id or ""
    if given:
        touch_plan(event, now)
        for user_id, count in sorted(given.items()):
            tell_host(uow.session, event, user_id, now, meetings=count, by=actor.user_id)
        uow.record(now, actor.user_id, "event.hosts", "event", event.id, given=dict(given), left=left)
    uow.commit()
    return Shared(sum(given.values()), left)


def _require_staff(uow: UnitOfWork, event: Event, user_ids: Sequence[str]) -> None:
    """Raises InvalidInput unless all are active staff of the event's region."""
    users = uow.session.scalars(select(User).where(User.id.in_(user_ids), User.active)).all()
    able = {user.id for user in users if actor_of(user).is_staff_for(event.region_code)}
    if not set(user_ids) <= able:
        raise InvalidInput(
            "meeting.host",
            "请选择负责这个地区的同事",
            where="user_id",
            message_en="Please choose a colleague who works for this region",
        )


def hosts_of(meetings: Sequence[Meeting]) -> list[str]:
    """The hosts of meetings, each once, in a stable order."""
    return sorted({one.host_id for one in meetings if one.host_id is not None})

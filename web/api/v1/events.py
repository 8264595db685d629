"""对接会."""

from __future__ import annotations

from typing import Any

from matching.models import Event as EventRow
from matching.models import EventSlot, TimetableRun
from matching.queries.events import find_event, find_meeting, list_events, load_board
from matching.services.event_publication import publish_timetable
from matching.services.meetings import move_meeting
from matching.services.timetables import request_timetable
from web.api.access import caller
from web.api.document import Noun
from web.api.schemas import events as schemas
from web.reader import now, platform

events = Noun("events", "/events", "对接会: days on which needs and capabilities meet at tables.")


@events.operation(
    "GET", "", name="list_events", zh="对接会列表", en="List events", access="open", answers=schemas.EventPage
)
def list_all() -> dict[str, Any]:
    """List events

    Announced ones for everybody; for staff all of their region.
    """
    with platform().reading() as session:
        return {"items": [_summary(one.event) for one in list_events(session, caller().actor, now())]}


@events.operation(
    "GET", "/<id:event_id>", name="show_event", zh="对接会", en="Show an event", access="open", answers=schemas.Event
)
def show(event_id: str) -> dict[str, Any]:
    """Show an event"""
    with platform().reading() as session:
        event = find_event(session, event_id, caller().actor)
        return {
            **_summary(event),
            "intro": event.intro,
            "industry": event.industry,
            "town": event.town,
            "slots": [_slot(slot) for slot in event.slots],
        }


@events.operation(
    "GET",
    "/<id:event_id>/timetable",
    name="show_timetable",
    zh="日程",
    en="Show the timetable",
    access="read",
    answers=schemas.Timetable,
)
def show_timetable(event_id: str) -> dict[str, Any]:
    """Show the timetable

    For the event's staff: wanted meetings, where they stand, and the last computation.
    """
    with platform().reading() as session:
        return _timetable(session, event_id)


@events.operation(
    "POST",
    "/<id:event_id>/timetable/compute",
    name="compute_timetable",
    zh="计算日程",
    en="Compute the timetable",
    access="write",
    answers=schemas.TimetableRun,
    status=202,
    body=schemas.ComputeEntry,
    problems=(409,),
)
def compute(entry: dict[str, Any], event_id: str) -> dict[str, Any]:
    """Compute the timetable

    Answers at once; `GET …/timetable` tells how far it is. What stands moves as little as possible unless `anew`.
    """
    with platform().unit_of_work() as uow:
        run = request_timetable(uow, caller().actor, event_id, now(), seconds=entry["seconds"], anew=entry["anew"])
        return _run(run)


@events.operation(
    "POST",
    "/<id:event_id>/meetings/<id:meeting_id>/place",
    name="place_meeting",
    zh="移动洽谈",
    en="Place a meeting",
    access="write",
    answers=schemas.Timetable,
    body=schemas.PlaceEntry,
    problems=(409,),
)
def place(entry: dict[str, Any], event_id: str, meeting_id: str) -> dict[str, Any]:
    """Place a meeting

    It is locked there. Where something speaks against the place nothing is changed, unless `override`.
    """
    with platform().reading() as session:
        find_meeting(session, event_id, meeting_id, caller().actor)
    with platform().unit_of_work() as uow:
        move_meeting(
            uow, caller().actor, meeting_id, entry["slot_id"], entry["table"], now(), override=entry["override"]
        )
    with platform().reading() as session:
        return _timetable(session, event_id)


@events.operation(
    "POST",
    "/<id:event_id>/publish",
    name="publish_timetable",
    zh="发布日程",
    en="Publish the timetable",
    access="write",
    answers=schemas.Publication,
    problems=(409, 422),
)
def publish(event_id: str) -> dict[str, Any]:
    """Publish the timetable

    Tells each participant what is new, changed or off for them; again without changes, nobody hears anything.
    """
    with platform().unit_of_work() as uow:
        told = publish_timetable(
            uow, caller().actor, event_id, now(), platform().settings, platform().rules(uow.session).texts
        )
    return {"messages": told.messages, "without_address": list(told.without_address)}


def _summary(event: EventRow) -> dict[str, Any]:
    return {
        "id": event.id,
        "title": event.title,
        "held_on": event.held_on,
        "mode": event.mode,
        "venue": event.venue,
        "region_code": event.region_code,
        "status": event.status,
        "registration_open": event.registration_open,
    }


def _slot(slot: EventSlot) -> dict[str, Any]:
    return {"id": slot.id, "session": slot.session, "starts_at": slot.starts_at, "ends_at": slot.ends_at}


def _run(run: TimetableRun) -> dict[str, Any]:
    return {
        "id": run.id,
        "status": run.status,
        "placed": run.placed,
        "breaks": run.breaks,
        "bound": run.bound,
        "proven": run.proven,
        "dropped": run.dropped,
        "moved": run.moved,
    }


def _timetable(session: Any, event_id: str) -> dict[str, Any]:
    board = load_board(session, event_id, caller().actor)
    return {
        "event_id": board.event.id,
        "tables": list(board.event.tables),
        "slots": [_slot(slot) for slot in board.event.slots],
        "participants": [
            {
                "id": one.id,
                "organisation_id": one.organisation_id,
                "expert_id": one.expert_id,
                "name": one.name,
                "status": one.status,
                "online": one.online,
                "unavailable": list(one.unavailable),
            }
            for one in board.participants.values()
        ],
        "meetings": [
            {
                "id": one.id,
                "participants": list(one.participant_ids),
                "need_id": one.need_id,
                "capability_id": one.capability_id,
                "slot_id": one.slot_id,
                "table": one.table_number,
                "told_slot_id": one.told_slot_id,
                "told_table": one.told_table_number,
                "locked": one.locked,
                "weight": one.weight,
                "dropped_reason": one.dropped_reason,
            }
            for one in board.wanted()
        ],
        "run": _run(board.run) if board.run is not None else None,
    }

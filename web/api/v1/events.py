"""对接会."""

from __future__ import annotations

from typing import Any

from flask import Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from matching.errors import InvalidInput
from matching.models import Event as EventRow
from matching.models import EventParticipant, EventSlot, EventWish, TimetableRun
from matching.queries.agendas import list_agenda
from matching.queries.events import find_event, find_meeting, list_events, load_board, own_participants
from matching.services.event_participants import (
    answer_invitation,
    participant_not_found,
    register,
    take_up_wishes,
    wish_for,
)
from matching.services.event_publication import Told, publish_timetable
from matching.services.events import announce_event, end_event
from matching.services.experts import own_entry
from matching.services.meetings import add_meeting, cancel_meeting, lock_meeting, move_meeting
from matching.services.timetables import request_timetable, stop_timetable
from web.api.access import caller
from web.api.answers import nothing_more
from web.api.document import Noun
from web.api.schemas import events as schemas
from web.reader import now, platform

events = Noun("events", "/events", "对接会: days on which needs and capabilities meet at tables.")


def publication_of(told: Told) -> dict[str, Any]:
    """Whom a change of the timetable was told, as the API answers."""
    return {"messages": told.messages, "without_address": list(told.without_address)}


@events.operation(
    "GET", "", name="list_events", zh="对接会列表", en="List events", access="open", answers=schemas.EventPage
)
def list_all() -> dict[str, Any]:
    """List events

    Announced ones for everybody; for staff all of their region.
    """
    with platform().reading() as session:
        return {"items": [summary_of(one.event) for one in list_events(session, caller().actor, now())]}


@events.operation(
    "GET", "/<id:event_id>", name="show_event", zh="对接会", en="Show an event", access="open", answers=schemas.Event
)
def show(event_id: str) -> dict[str, Any]:
    """Show an event"""
    with platform().reading() as session:
        event = find_event(session, event_id, caller().actor)
        return {
            **summary_of(event),
            "intro": event.intro,
            "industry": event.industry,
            "town": event.town,
            "slots": [slot_of(slot) for slot in event.slots],
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
        return run_of(run)


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

    It is locked there. Where something speaks against the place nothing is changed, unless `override` with a `reason`.
    """
    with platform().reading() as session:
        find_meeting(session, event_id, meeting_id, caller().actor)
    with platform().unit_of_work() as uow:
        move_meeting(
            uow,
            caller().actor,
            meeting_id,
            entry["slot_id"],
            entry["table"],
            now(),
            override=entry["override"],
            reason=entry["reason"],
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
    query=schemas.PublishQuery,
    problems=(409,),
)
def publish(query: dict[str, Any], event_id: str) -> dict[str, Any]:
    """Publish the timetable

    Tells each participant what is new, changed or off for them; again without changes, nobody hears anything. Where
    something speaks against a place that nobody overrode, nothing is published, unless `override` with a `reason`.
    """
    with platform().unit_of_work() as uow:
        told = publish_timetable(
            uow,
            caller().actor,
            event_id,
            now(),
            platform().settings,
            platform().rules(uow.session).texts,
            override=query["override"],
            reason=query["reason"],
        )
    return publication_of(told)


@events.operation(
    "POST",
    "/<id:event_id>/register",
    name="register_for_event",
    zh="报名",
    en="Register for an event",
    access="write",
    answers=schemas.Participation,
    status=201,
    body=schemas.RegisterEntry,
    problems=(409,),
)
def take_part(entry: dict[str, Any], event_id: str) -> tuple[dict[str, Any], int]:
    """Register for an event

    As one of the caller's organisations, or as an expert. Doing it again changes nothing.
    """
    me = caller()
    organisation_id = entry.get("organisation_id")
    if (organisation_id is None) != entry["as_expert"]:
        raise InvalidInput(
            "event.register_as", "请在 organisation_id 与 as_expert 中选择一项", where="organisation_id",
            message_en="Give organisation_id, or as_expert, and not both",
        )  # fmt: skip
    with platform().reading() as session:
        expert = own_entry(session, me.actor) if entry["as_expert"] else None
    if entry["as_expert"] and expert is None:
        raise InvalidInput("event.not_you", "您没有专家资料", where="as_expert", message_en="You have no entry")
    with platform().unit_of_work() as uow:
        row = register(
            uow,
            me.actor,
            event_id,
            now(),
            organisation_id=organisation_id,
            expert_id=expert.id if expert is not None else None,
        )
        return _participation(uow.session, row), 201


@events.operation(
    "GET",
    "/<id:event_id>/participations",
    name="list_participations",
    zh="我的报名",
    en="List own participations",
    access="read",
    answers=schemas.ParticipationList,
)
def list_participations(event_id: str) -> dict[str, Any]:
    """List own participations

    What the caller takes part as: their organisations, and themselves as an expert.
    """
    with platform().reading() as session:
        return {"items": [_participation(session, row) for row in _own_participants(session, event_id)]}


@events.operation(
    "POST",
    "/<id:event_id>/participations/<id:participant_id>/answer",
    name="answer_event_invitation",
    zh="答复邀请",
    en="Answer an invitation",
    access="write",
    answers=schemas.Participation,
    body=schemas.ComingEntry,
    problems=(409,),
)
def answer(entry: dict[str, Any], event_id: str, participant_id: str) -> dict[str, Any]:
    """Answer an invitation

    Who declines loses their meetings.
    """
    with platform().unit_of_work() as uow:
        _require_own(uow.session, event_id, participant_id)
        return _participation(uow.session, answer_invitation(uow, participant_id, entry["comes"], now()))


@events.operation(
    "POST",
    "/<id:event_id>/participations/<id:participant_id>/wishes",
    name="wish_for_meetings",
    zh="洽谈意愿",
    en="Say whom to meet",
    access="write",
    answers=schemas.Participation,
    body=schemas.MeetingWishEntry,
    problems=(409,),
)
def wish(entry: dict[str, Any], event_id: str, participant_id: str) -> dict[str, Any]:
    """Say whom to meet

    And when it is not possible, until the timetable is published.
    """
    with platform().unit_of_work() as uow:
        _require_own(uow.session, event_id, participant_id)
        row = wish_for(uow, participant_id, entry["wishes"], entry["unavailable"], now(), online=entry["online"])
        return _participation(uow.session, row)


@events.operation(
    "GET",
    "/<id:event_id>/participations/<id:participant_id>/agenda",
    name="show_agenda",
    zh="洽谈日程",
    en="Show an agenda",
    access="read",
    answers=schemas.Agenda,
)
def agenda(event_id: str, participant_id: str) -> dict[str, Any]:
    """Show an agenda

    A participant's meetings as they were published; for the participant.
    """
    with platform().reading() as session:
        row = _require_own(session, event_id, participant_id)
        event = session.get_one(EventRow, event_id)
        return {
            "items": [
                {
                    "id": one.meeting.id,
                    "starts_at": one.slot.starts_at,
                    "ends_at": one.slot.ends_at,
                    "table": one.table,
                    "other": one.other.name,
                    "topic": one.topic,
                    "host": one.host,
                }
                for one in (list_agenda(session, event, row) if event.published_at is not None else [])
            ]
        }


@events.operation(
    "POST",
    "/<id:event_id>/announce",
    name="announce_event",
    zh="公布对接会",
    en="Announce an event",
    access="write",
    answers=schemas.EventSummary,
    problems=(409,),
)
def announce(event_id: str) -> dict[str, Any]:
    """Announce an event

    And open registration. For its staff.
    """
    with platform().unit_of_work() as uow:
        return summary_of(announce_event(uow, caller().actor, event_id, now()))


@events.operation(
    "POST",
    "/<id:event_id>/end",
    name="end_event",
    zh="结束对接会",
    en="End an event",
    access="write",
    answers=schemas.EventSummary,
    problems=(409,),
)
def end(event_id: str) -> dict[str, Any]:
    """End an event"""
    with platform().unit_of_work() as uow:
        return summary_of(end_event(uow, caller().actor, event_id, now()))


@events.operation(
    "POST",
    "/<id:event_id>/wishes",
    name="take_up_wishes",
    zh="采纳意愿",
    en="Take up wishes",
    access="write",
    answers=schemas.Timetable,
    problems=(409,),
)
def take_up(event_id: str) -> dict[str, Any]:
    """Take up wishes

    What participants wish for becomes wanted meetings. For the event's staff.
    """
    with platform().unit_of_work() as uow:
        take_up_wishes(uow, caller().actor, event_id, now())
    with platform().reading() as session:
        return _timetable(session, event_id)


@events.operation(
    "POST",
    "/<id:event_id>/meetings",
    name="want_meeting",
    zh="添加洽谈",
    en="Want a meeting",
    access="write",
    answers=schemas.Timetable,
    status=201,
    body=schemas.MeetingEntry,
    problems=(409,),
)
def want(entry: dict[str, Any], event_id: str) -> tuple[dict[str, Any], int]:
    """Want a meeting

    Of two participants. The same two again are one meeting.
    """
    first, second = entry["participants"]
    with platform().unit_of_work() as uow:
        add_meeting(uow, caller().actor, event_id, first, second, now(), walk_in=entry["walk_in"])
    with platform().reading() as session:
        return _timetable(session, event_id), 201


@events.operation(
    "POST",
    "/<id:event_id>/meetings/<id:meeting_id>/lock",
    name="lock_meeting",
    zh="锁定洽谈",
    en="Lock a meeting",
    access="write",
    answers=schemas.Timetable,
    body=schemas.LockEntry,
    problems=(409,),
)
def lock(entry: dict[str, Any], event_id: str, meeting_id: str) -> dict[str, Any]:
    """Lock a meeting

    It stays where it is whatever is computed, or no longer does.
    """
    with platform().reading() as session:
        find_meeting(session, event_id, meeting_id, caller().actor)
    with platform().unit_of_work() as uow:
        lock_meeting(uow, caller().actor, meeting_id, entry["locked"], now())
    with platform().reading() as session:
        return _timetable(session, event_id)


@events.operation(
    "DELETE",
    "/<id:event_id>/meetings/<id:meeting_id>",
    name="cancel_meeting",
    zh="取消洽谈",
    en="Cancel a meeting",
    access="write",
    answers=None,
    status=204,
    problems=(409,),
)
def cancel(event_id: str, meeting_id: str) -> Response:
    """Cancel a meeting

    Both are told when the timetable is published again.
    """
    with platform().reading() as session:
        find_meeting(session, event_id, meeting_id, caller().actor)
    with platform().unit_of_work() as uow:
        cancel_meeting(uow, caller().actor, meeting_id, now())
    return nothing_more()


@events.operation(
    "POST",
    "/<id:event_id>/timetable/stop/<id:run_id>",
    name="stop_timetable",
    zh="停止计算",
    en="Stop a computation",
    access="write",
    answers=schemas.TimetableRun,
    problems=(409,),
)
def stop(event_id: str, run_id: str) -> dict[str, Any]:
    """Stop a computation

    The best timetable so far is laid.
    """
    with platform().unit_of_work() as uow:
        return run_of(stop_timetable(uow, caller().actor, run_id, now()))


def _own_participants(session: Session, event_id: str) -> list[EventParticipant]:
    find_event(session, event_id, caller().actor)
    return sorted(own_participants(session, event_id, caller().actor), key=lambda row: (row.created_at, row.id))


def _require_own(session: Session, event_id: str, participant_id: str) -> EventParticipant:
    """The caller's own participation; for everybody else it is not there."""
    for row in _own_participants(session, event_id):
        if row.id == participant_id:
            return row
    raise participant_not_found()


def _participation(session: Session, row: EventParticipant) -> dict[str, Any]:
    wishes = session.scalars(
        select(EventWish.other_id).where(EventWish.participant_id == row.id).order_by(EventWish.other_id)
    )
    return {
        "id": row.id,
        "event_id": row.event_id,
        "name": row.name,
        "status": row.status,
        "online": row.online,
        "unavailable": list(row.unavailable),
        "wishes": list(wishes),
    }


def summary_of(event: EventRow) -> dict[str, Any]:
    """An event in a list."""
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


def slot_of(slot: EventSlot) -> dict[str, Any]:
    """One period of the day."""
    return {"id": slot.id, "session": slot.session, "starts_at": slot.starts_at, "ends_at": slot.ends_at}


def run_of(run: TimetableRun) -> dict[str, Any]:
    """One computation of a timetable."""
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
        "slots": [slot_of(slot) for slot in board.event.slots],
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
                "host_id": one.host_id,
                "weight": one.weight,
                "dropped_reason": one.dropped_reason,
            }
            for one in board.wanted()
        ],
        "run": run_of(board.run) if board.run is not None else None,
    }

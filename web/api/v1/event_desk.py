"""对接会, for its staff: from theme to the day itself. What everybody may do is in `web.api.v1.events`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy.orm import Session

from matching.clock import shanghai_day
from matching.models import Event as EventRow
from matching.models import EventParticipant, Meeting, MeetingFeedback, MeetingInvitation, User
from matching.models.base import new_id
from matching.queries.event_proposals import ProposedPair, preselect, proposed_pairs, theme_needs
from matching.queries.events import (
    EventBoard,
    find_meeting,
    find_participant,
    find_staffed_event,
    free_slots,
    load_board,
)
from matching.queries.hosted_meetings import LOOKING_BACK, list_hosted
from matching.services.actor import Actor
from matching.services.api_tokens import claim_key
from matching.services.desk import require_desk
from matching.services.event_participants import (
    ParticipantFields,
    add_pairs,
    add_participant,
    cancel_participant,
    edit_participant,
    renew_link,
    separate,
    sign_in_participant,
    unite,
)
from matching.services.event_publication import agenda_address, cancel_event, invite_participants, list_changes
from matching.services.events import EventFields, announce_event, create_event, edit_event
from matching.services.host_calendars import host_calendar_path, renew_host_calendar
from matching.services.meeting_followup import engage_after_meeting
from matching.services.meeting_hosts import give_host, share_meetings
from matching.services.meetings import PlaceConflict, constrain_meeting, record_result
from matching.services.standing_conflicts import Standing, standing_conflicts
from web.api.access import caller
from web.api.answers import ETAG_HEADER, IF_MATCH_NEEDED, state_headers
from web.api.body import IDEMPOTENCY_KEY, idempotency_key, request_hash, require_match
from web.api.schemas import event_desk as schemas
from web.api.schemas import events as shared
from web.api.v1.events import events, publication_of, run_of, slot_of, summary_of
from web.reader import now, platform

_ENTERED = tuple(EventFields.__dataclass_fields__)
_PLANNED: dict[str, str | int] = {"rooms": "", "sessions": "", "breaks": "", "slot_minutes": 0, "gap_minutes": 0}

Answer = tuple[dict[str, Any], dict[str, str]]


@events.operation(
    "POST",
    "",
    name="create_event",
    zh="筹办对接会",
    en="Create an event",
    access="write",
    answers=schemas.EventPlan,
    status=201,
    body=schemas.EventEntry,
    headers=ETAG_HEADER,
    parameters=(IDEMPOTENCY_KEY,),
)
def create(entry: dict[str, Any]) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Create an event

    From a theme (industry and town, or a list of needs), a place and the hours of its day. For the staff of the region.
    """
    me, key, event_id = caller(), idempotency_key(), new_id()
    with platform().unit_of_work() as uow:
        former_id = claim_key(uow, me.user_id, key, request_hash(), event_id, now()) if key is not None else None
        if former_id is None:
            event_id = create_event(uow, me.actor, _fields(entry), now(), event_id=event_id).id
        else:
            event_id = former_id
    with platform().reading() as session:
        event = find_staffed_event(session, event_id, me.actor)
        return _plan(session, event), 201, state_headers(event)


@events.operation(
    "GET",
    "/<id:event_id>/plan",
    name="show_event_plan",
    zh="对接会概览",
    en="Show an event's plan",
    access="read",
    answers=schemas.EventPlan,
    headers=ETAG_HEADER,
)
def show_plan(event_id: str) -> Answer:
    """Show an event's plan

    As it was entered, and how far each step is. For its staff.
    """
    with platform().reading() as session:
        event = find_staffed_event(session, event_id, caller().actor)
        return _plan(session, event), state_headers(event)


@events.operation(
    "PATCH",
    "/<id:event_id>/plan",
    name="change_event",
    zh="修改对接会",
    en="Change an event",
    access="write",
    answers=schemas.EventPlan,
    body=schemas.EventChange,
    problems=(409, 412, 428),
    headers=ETAG_HEADER,
    parameters=(IF_MATCH_NEEDED,),
)
def change(entry: dict[str, Any], event_id: str) -> Answer:
    """Change an event

    What is left out stays. Meetings of slots that are gone lose their place.
    """
    me = caller()
    with platform().reading() as session:
        event = find_staffed_event(session, event_id, me.actor)
        require_match(event)
        version, held = event.version, _entered(event)
    with platform().unit_of_work() as uow:
        changed = edit_event(uow, me.actor, event_id, _fields(held | entry), version, now())
        return _plan(uow.session, changed), state_headers(changed)


@events.operation(
    "POST",
    "/<id:event_id>/close-registration",
    name="close_event_registration",
    zh="截止报名",
    en="Close registration",
    access="write",
    answers=shared.EventSummary,
    problems=(409,),
)
def close_registration(event_id: str) -> dict[str, Any]:
    """Close registration"""
    with platform().unit_of_work() as uow:
        return summary_of(announce_event(uow, caller().actor, event_id, now(), registration_open=False))


@events.operation(
    "POST",
    "/<id:event_id>/cancel",
    name="cancel_event",
    zh="取消对接会",
    en="Cancel an event",
    access="write",
    answers=shared.Publication,
    problems=(409,),
)
def call_off(event_id: str) -> dict[str, Any]:
    """Cancel an event

    Every meeting that was told is cancelled in people's calendars.
    """
    with platform().unit_of_work() as uow:
        told = cancel_event(
            uow, caller().actor, event_id, now(), platform().settings, platform().rules(uow.session).texts
        )
    return publication_of(told)


@events.operation(
    "GET",
    "/<id:event_id>/pairs",
    name="list_event_pairs",
    zh="推荐的配对",
    en="List proposed pairs",
    access="read",
    answers=schemas.PairList,
)
def list_pairs(event_id: str) -> dict[str, Any]:
    """List proposed pairs

    Those of the theme, the likeliest first; `chosen` are those that fill the tables best. For the event's staff.
    """
    me = caller()
    with platform().reading() as session:
        event = find_staffed_event(session, event_id, me.actor)
        pairs = proposed_pairs(session, event, me.audience, now())
        slots = len(event.slots)
        # As on the page: a day filled to the last chair has no room for who comes late.
        chosen = preselect(pairs, places=slots * len(event.tables) * 3 // 4, slots=max(1, slots * 3 // 4))
        return {"items": [_pair(one, one.suggestion.id in chosen) for one in pairs]}


@events.operation(
    "POST",
    "/<id:event_id>/pairs",
    name="choose_event_pairs",
    zh="选配对",
    en="Choose pairs",
    access="write",
    answers=schemas.Added,
    body=schemas.PairEntry,
    problems=(409,),
)
def choose_pairs(entry: dict[str, Any], event_id: str) -> dict[str, Any]:
    """Choose pairs

    Both sides of each take part, and their meeting is wanted. What is wanted already is not wanted twice.
    """
    with platform().unit_of_work() as uow:
        return {"added": add_pairs(uow, caller().actor, event_id, entry["suggestion_ids"], now())}


@events.operation(
    "GET",
    "/<id:event_id>/participants",
    name="list_event_participants",
    zh="参会名单",
    en="List participants",
    access="read",
    answers=schemas.ParticipantList,
)
def list_participants(event_id: str) -> dict[str, Any]:
    """List participants

    With how many meetings they have; firms before experts. For the event's staff.
    """
    with platform().reading() as session:
        board = load_board(session, event_id, caller().actor)
        return {
            "items": [
                {
                    **_participant(row.participant),
                    "wanted": row.wanted,
                    "placed": row.placed,
                    "wishes": row.wishes,
                    "breaks": row.breaks,
                }
                for row in board.people()
            ]
        }


@events.operation(
    "POST",
    "/<id:event_id>/participants",
    name="invite_participant",
    zh="添加参会者",
    en="Add a participant",
    access="write",
    answers=schemas.ParticipantDetail,
    status=201,
    body=schemas.PartyEntry,
    problems=(409,),
)
def invite(entry: dict[str, Any], event_id: str) -> tuple[dict[str, Any], int]:
    """Add a participant

    An organisation or an expert, by hand. Doing it again changes nothing.
    """
    actor = caller().actor
    with platform().unit_of_work() as uow:
        added = add_participant(
            uow, actor, event_id, now(), organisation_id=entry["organisation_id"], expert_id=entry["expert_id"]
        )
        participant_id = added.id
    with platform().reading() as session:
        return _detail(load_board(session, event_id, actor), participant_id), 201


@events.operation(
    "GET",
    "/<id:event_id>/participants/<id:participant_id>",
    name="show_participant",
    zh="参会者",
    en="Show a participant",
    access="read",
    answers=schemas.ParticipantDetail,
)
def show_participant(event_id: str, participant_id: str) -> dict[str, Any]:
    """Show a participant

    With their contact and the address of their own page. For the event's staff.
    """
    with platform().reading() as session:
        find_participant(session, event_id, participant_id, caller().actor)
        return _detail(load_board(session, event_id, caller().actor), participant_id)


@events.operation(
    "PATCH",
    "/<id:event_id>/participants/<id:participant_id>",
    name="change_participant",
    zh="修改参会者",
    en="Change a participant",
    access="write",
    answers=schemas.ParticipantDetail,
    body=schemas.ParticipantChange,
    problems=(409,),
)
def change_participant(entry: dict[str, Any], event_id: str, participant_id: str) -> dict[str, Any]:
    """Change a participant

    What is left out stays.
    """
    actor = caller().actor
    with platform().reading() as session:
        row = find_participant(session, event_id, participant_id, actor)
        held = {name: getattr(row, name) for name in ParticipantFields.__dataclass_fields__}
    held |= entry
    fields: dict[str, Any] = {name: value if value is not None else "" for name, value in held.items()}
    fields["unavailable"] = tuple(held["unavailable"])
    with platform().unit_of_work() as uow:
        edit_participant(uow, actor, participant_id, ParticipantFields(**fields), now())
    with platform().reading() as session:
        return _detail(load_board(session, event_id, actor), participant_id)


@events.operation(
    "POST",
    "/<id:event_id>/participants/<id:participant_id>/cancel",
    name="cancel_participant",
    zh="取消参会",
    en="Take a participant out",
    access="write",
    answers=schemas.Fallen,
    problems=(409,),
)
def take_out(event_id: str, participant_id: str) -> dict[str, Any]:
    """Take a participant out

    Somebody does not come after all: their meetings are cancelled and the places free.
    """
    _require_participant(event_id, participant_id)
    with platform().unit_of_work() as uow:
        return {"fallen": cancel_participant(uow, caller().actor, participant_id, now())}


@events.operation(
    "POST",
    "/<id:event_id>/participants/<id:participant_id>/link",
    name="renew_participant_link",
    zh="换新链接",
    en="Make a participant's link anew",
    access="write",
    answers=schemas.Link,
    problems=(409,),
)
def make_link_anew(event_id: str, participant_id: str) -> dict[str, Any]:
    """Make a participant's link anew

    Former links no longer open anything.
    """
    _require_participant(event_id, participant_id)
    with platform().unit_of_work() as uow:
        return {"address": agenda_address(renew_link(uow, caller().actor, participant_id, now()), platform().settings)}


@events.operation(
    "POST",
    "/<id:event_id>/participants/<id:participant_id>/apart",
    name="keep_participants_apart",
    zh="不见面",
    en="Keep participants apart",
    access="write",
    answers=schemas.ParticipantDetail,
    body=schemas.ApartEntry,
    problems=(409,),
)
def keep_apart(entry: dict[str, Any], event_id: str, participant_id: str) -> dict[str, Any]:
    """Keep participants apart

    The two are not to meet at this event; with `apart` false they may again.
    """
    actor = caller().actor
    _require_participant(event_id, participant_id)
    _require_participant(event_id, entry["other_id"])
    with platform().unit_of_work() as uow:
        (separate if entry["apart"] else unite)(uow, actor, participant_id, entry["other_id"], now())
    with platform().reading() as session:
        return _detail(load_board(session, event_id, actor), participant_id)


@events.operation(
    "POST",
    "/<id:event_id>/participants/<id:participant_id>/sign-in",
    name="sign_in_participant",
    zh="签到",
    en="Sign a participant in",
    access="write",
    answers=schemas.ParticipantDetail,
    body=schemas.PresentEntry,
    problems=(409,),
)
def sign_in(entry: dict[str, Any], event_id: str, participant_id: str) -> dict[str, Any]:
    """Sign a participant in

    At the door; with `present` false the mark is taken back.
    """
    actor = caller().actor
    _require_participant(event_id, participant_id)
    with platform().unit_of_work() as uow:
        sign_in_participant(uow, actor, participant_id, entry["present"], now())
    with platform().reading() as session:
        return _detail(load_board(session, event_id, actor), participant_id)


@events.operation(
    "POST",
    "/<id:event_id>/invitations",
    name="send_event_invitations",
    zh="发送邀请",
    en="Send invitations",
    access="write",
    answers=shared.Publication,
    problems=(409,),
)
def send_invitations(event_id: str) -> dict[str, Any]:
    """Send invitations

    Each participant who was not mailed yet gets the link of their own page.
    """
    with platform().unit_of_work() as uow:
        told = invite_participants(
            uow, caller().actor, event_id, now(), platform().settings, platform().rules(uow.session).texts
        )
    return publication_of(told)


@events.operation(
    "POST",
    "/<id:event_id>/hosts",
    name="share_meetings",
    zh="分配联络员",
    en="Share meetings among hosts",
    access="write",
    answers=schemas.Shared,
    body=schemas.HostsEntry,
    problems=(409,),
)
def share(entry: dict[str, Any], event_id: str) -> dict[str, Any]:
    """Share meetings among hosts

    Each placed meeting without a host gets one of these colleagues who is free then.
    """
    with platform().unit_of_work() as uow:
        return asdict(share_meetings(uow, caller().actor, event_id, entry["user_ids"], now()))


@events.operation(
    "GET",
    "/hosted",
    name="list_hosted_meetings",
    zh="我跟的洽谈",
    en="List meetings that the caller hosts",
    access="read",
    answers=schemas.HostedList,
)
def list_mine() -> dict[str, Any]:
    """List meetings that the caller hosts

    Of the last thirty days and to come, with the address of their calendar. For the staff.
    """
    me = caller()
    require_desk(me.actor)
    with platform().reading() as session:
        return _hosted(session, me.actor)


@events.operation(
    "POST",
    "/hosted/calendar",
    name="renew_host_calendar",
    zh="换联络员日历的地址",
    en="Replace the address of the caller's calendar",
    access="write",
    answers=schemas.HostedList,
)
def renew_calendar() -> dict[str, Any]:
    """Replace the address of the caller's calendar

    The former address opens nothing any more. For the staff.
    """
    me = caller()
    require_desk(me.actor)
    with platform().unit_of_work() as uow:
        renew_host_calendar(uow, me.actor, now())
    with platform().reading() as session:
        return _hosted(session, me.actor)


@events.operation(
    "GET",
    "/<id:event_id>/day",
    name="show_event_day",
    zh="现场",
    en="Show the day of an event",
    access="read",
    answers=schemas.Day,
)
def show_day(event_id: str) -> dict[str, Any]:
    """Show the day of an event

    Who is here, and which meetings take place when, where and with whom of the bureau. For its staff.
    """
    moment = now()
    with platform().reading() as session:
        board = load_board(session, event_id, caller().actor)
        standing = standing_conflicts(session, board.event)
        present = [one for one in board.participants.values() if one.present]
        return {
            "running_slots": [slot.id for slot in board.event.slots if slot.starts_at <= moment < slot.ends_at],
            "expected": len(present),
            "here": sum(one.signed_in_at is not None for one in present),
            "slots": [slot_of(slot) for slot in board.event.slots],
            "meetings": [_placed(board, one, standing) for one in board.placed()],
        }


@events.operation(
    "GET",
    "/<id:event_id>/meetings/<id:meeting_id>",
    name="show_meeting",
    zh="洽谈",
    en="Show a meeting",
    access="read",
    answers=schemas.MeetingDetail,
)
def show_meeting(event_id: str, meeting_id: str) -> dict[str, Any]:
    """Show a meeting

    Where it is, what speaks against that, where it could be, and what came of it. For the event's staff.
    """
    with platform().reading() as session:
        return _meeting(session, event_id, meeting_id)


@events.operation(
    "POST",
    "/<id:event_id>/meetings/<id:meeting_id>/host",
    name="give_host",
    zh="指定联络员",
    en="Give a meeting its host",
    access="write",
    answers=schemas.MeetingDetail,
    body=schemas.HostEntry,
    problems=(409,),
)
def choose_host(entry: dict[str, Any], event_id: str, meeting_id: str) -> dict[str, Any]:
    """Give a meeting its host

    One of the staff, in one meeting at a time; where they are elsewhere it is refused, unless `override` with a
    `reason`. Null: nobody.
    """
    return _change(
        event_id,
        meeting_id,
        lambda uow, actor: give_host(
            uow, actor, meeting_id, entry["user_id"], now(), override=entry["override"], reason=entry["reason"]
        ),
    )


@events.operation(
    "POST",
    "/<id:event_id>/meetings/<id:meeting_id>/conditions",
    name="constrain_meeting",
    zh="洽谈的条件",
    en="Set a meeting's conditions",
    access="write",
    answers=schemas.MeetingDetail,
    body=schemas.ConditionsEntry,
    problems=(409,),
)
def constrain(entry: dict[str, Any], event_id: str, meeting_id: str) -> dict[str, Any]:
    """Set a meeting's conditions

    In which session it must be, and after which others. They hold for what is computed from now on.
    """
    return _change(
        event_id,
        meeting_id,
        lambda uow, actor: constrain_meeting(uow, actor, meeting_id, entry["session"], entry["after"], now()),
    )


@events.operation(
    "POST",
    "/<id:event_id>/meetings/<id:meeting_id>/result",
    name="note_meeting_result",
    zh="洽谈的结果",
    en="Note a meeting's result",
    access="write",
    answers=schemas.MeetingDetail,
    body=schemas.ResultEntry,
    problems=(409,),
)
def note_result(entry: dict[str, Any], event_id: str, meeting_id: str) -> dict[str, Any]:
    """Note a meeting's result

    Whether it took place, minutes, and what comes next and when. What is left out stays.
    """
    with platform().reading() as session:
        meeting = find_meeting(session, event_id, meeting_id, caller().actor)
        held = {name: getattr(meeting, name) for name in ("result", "minutes", "next_step", "next_step_on")}
    held |= entry
    return _change(event_id, meeting_id, lambda uow, actor: record_result(uow, actor, meeting_id, now(), **held))


@events.operation(
    "POST",
    "/<id:event_id>/meetings/<id:meeting_id>/engage",
    name="engage_after_meeting",
    zh="建立对接",
    en="Begin an engagement after a meeting",
    access="write",
    answers=schemas.MeetingDetail,
    body=schemas.EngageEntry,
    problems=(409,),
)
def engage(entry: dict[str, Any], event_id: str, meeting_id: str) -> dict[str, Any]:
    """Begin an engagement after a meeting

    Both sides see each other's contacts from then on, and the log says so.
    """
    return _change(
        event_id,
        meeting_id,
        lambda uow, actor: engage_after_meeting(uow, actor, meeting_id, now(), both_agreed=entry["both_agreed"]),
    )


def _hosted(session: Session, actor: Actor) -> dict[str, Any]:
    settings = platform().settings
    user = session.get_one(User, actor.user_id)
    return {
        "items": [
            {
                "id": one.meeting.id,
                "event_id": one.event.id,
                "event": one.event.title,
                "participants": [one.first.name, one.second.name],
                "starts_at": one.slot.starts_at.isoformat(),
                "ends_at": one.slot.ends_at.isoformat(),
                "table": one.table,
                "told": one.told,
                "result": one.meeting.result,
            }
            for one in list_hosted(session, actor, since=shanghai_day(now()) - LOOKING_BACK)
        ],
        "calendar": settings.public_url.rstrip("/") + host_calendar_path(user, settings),
    }


def _require_participant(event_id: str, participant_id: str) -> None:
    with platform().reading() as session:
        find_participant(session, event_id, participant_id, caller().actor)


def _change(event_id: str, meeting_id: str, service: Any) -> dict[str, Any]:
    """Let a service change a meeting of that event, and answer with what it is then."""
    actor = caller().actor
    with platform().reading() as session:
        find_meeting(session, event_id, meeting_id, actor)
    with platform().unit_of_work() as uow:
        service(uow, actor)
    with platform().reading() as session:
        return _meeting(session, event_id, meeting_id)


def _fields(entry: dict[str, Any]) -> EventFields:
    given = {name: entry[name] for name in _ENTERED if name in entry}
    return EventFields(**{**given, "need_ids": tuple(given.get("need_ids", ()))})


def _entered(event: EventRow) -> dict[str, Any]:
    """An event as it was entered."""
    return {
        **{name: getattr(event, name) for name in _ENTERED if name not in _PLANNED},
        **{name: event.day_plan.get(name, empty) for name, empty in _PLANNED.items()},
    }


def _plan(session: Session, event: EventRow) -> dict[str, Any]:
    board = load_board(session, event.id, caller().actor)
    wanted = board.wanted()
    placed = board.placed()
    return {
        **summary_of(event),
        **_entered(event),
        "tables": list(event.tables),
        "slots": [slot_of(slot) for slot in event.slots],
        "announced_at": event.announced_at,
        "published_at": event.published_at,
        "matching_needs": len(theme_needs(session, event, now())),
        "participants": sum(one.present for one in board.participants.values()),
        "confirmed": sum(one.status in ("confirmed", "registered") for one in board.participants.values()),
        "wanted": len(wanted),
        "placed": len(placed),
        "changes": [
            {"meeting_id": one.meeting.id, "kind": one.kind}
            for one in (list_changes(session, event) if event.published_at is not None else ())
        ],
        "run": run_of(board.run) if board.run is not None else None,
    }


def _pair(pair: ProposedPair, chosen: bool) -> dict[str, Any]:
    return {
        "suggestion_id": pair.suggestion.id,
        "need_id": pair.need.id,
        "need": pair.need.title,
        "capability_id": pair.capability.id,
        "capability": pair.capability.title,
        "expert_id": pair.expert_id,
        "score": pair.score,
        "probability": pair.suggestion.probability,
        "state": pair.state,
        "chosen": chosen,
    }


def _participant(row: EventParticipant) -> dict[str, Any]:
    return {
        "id": row.id,
        "organisation_id": row.organisation_id,
        "expert_id": row.expert_id,
        "name": row.name,
        "status": row.status,
        "online": row.online,
        "unavailable": list(row.unavailable),
        "signed_in_at": row.signed_in_at,
        "invited_at": row.invited_at,
    }


def _detail(board: EventBoard, participant_id: str) -> dict[str, Any]:
    row = board.participants[participant_id]
    return {
        **_participant(row),
        "contact_name": row.contact_name,
        "contact_email": row.contact_email,
        "contact_phone": row.contact_phone,
        "note": row.note,
        "agenda_address": agenda_address(row, platform().settings),
        "apart": sorted(other for pair in board.apart if row.id in pair for other in pair - {row.id}),
        "wishes": sorted(other for one, other in board.wishes if one == row.id),
        "meetings": [one.id for one in board.wanted() if row.id in one.participant_ids],
    }


def _placed(board: EventBoard, one: Meeting, standing: Standing) -> dict[str, Any]:
    return {
        "id": one.id,
        "participants": list(one.participant_ids),
        "slot_id": one.slot_id,
        "table": one.table_number,
        "host_id": one.host_id,
        "host": board.hosts.get(one.host_id or "", ""),
        "conflicts": [_conflict(found) for found in standing.get(one.id, ())],
        "override_reason": one.override_reason,
        "result": one.result,
    }


def _conflict(one: PlaceConflict) -> dict[str, Any]:
    return {"kind": one.kind, "name": one.name, "meeting_id": one.meeting_id}


def _meeting(session: Session, event_id: str, meeting_id: str) -> dict[str, Any]:
    board = load_board(session, event_id, caller().actor)
    one = find_meeting(session, event_id, meeting_id, caller().actor)
    free = free_slots(board, one)

    def both(known: dict[tuple[str, str], Any]) -> list[tuple[str, Any]]:
        return [(side, known[one.id, side]) for side in one.participant_ids if (one.id, side) in known]

    answers: list[tuple[str, MeetingInvitation]] = both(board.invitations)
    feedback: list[tuple[str, MeetingFeedback]] = both(board.feedback)
    return {
        **_placed(board, one, standing_conflicts(session, board.event)),
        "origin": one.origin,
        "status": one.status,
        "need_id": one.need_id,
        "capability_id": one.capability_id,
        "locked": one.locked,
        "session": one.session,
        "after": list(one.after_ids),
        "dropped_reason": one.dropped_reason,
        "free_slots": [slot.id for slot in board.event.slots if slot.id in free],
        "answers": [
            {"participant_id": side, "answer": row.answer, "cancelled": row.cancelled} for side, row in answers
        ],
        "feedback": [
            {"participant_id": side, "rating": row.rating, "wants_more": row.wants_more, "comment": row.comment}
            for side, row in feedback
        ],
        "minutes": one.minutes,
        "next_step": one.next_step,
        "next_step_on": one.next_step_on,
        "engagement_id": one.engagement_id,
    }

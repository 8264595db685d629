"""Who takes part in an event: invited by the staff, entered by themselves, who cannot when, who is not to meet whom."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from matching.errors import IllegalMove, InvalidInput, NotAllowed, NotFound
from matching.models import (
    Event,
    EventParticipant,
    EventSeparation,
    EventWish,
    Expert,
    Meeting,
    Membership,
    Organisation,
    User,
)
from matching.models.base import new_id
from matching.models.event import PARTICIPANT_STATUSES
from matching.queries.event_proposals import proposed_pairs
from matching.queries.posts import audience_for
from matching.services.actor import Actor
from matching.services.event_pairs import separations_of, sides_of
from matching.services.events import event_not_found, load_event, require_open, touch_plan
from matching.services.meetings import add_or_revive, cancel_meetings_of, gather, weigh_meeting
from matching.store.unit_of_work import UnitOfWork

MOST_PARTICIPANTS = 400
MOST_PAIRS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticipantFields:
    """What the staff enters about a participant."""

    status: str
    online: bool = False
    unavailable: tuple[str, ...] = ()
    contact_name: str = ""
    contact_email: str = ""
    contact_phone: str = ""
    note: str = ""


def add_participant(
    uow: UnitOfWork,
    actor: Actor,
    event_id: str,
    now: datetime,
    *,
    organisation_id: str | None = None,
    expert_id: str | None = None,
) -> EventParticipant:
    """Invite an organisation or an expert; who is there already is returned, who was cancelled is invited again."""
    event = load_event(uow, actor, event_id)
    require_open(event)
    participant = _enter(uow.session, event, organisation_id, expert_id, "invited", now)
    uow.record(now, actor.user_id, "event.invite", "event", event.id, participant=participant.id)
    _note_contact_read(uow, actor, participant, now)
    touch_plan(event, now)
    uow.commit()
    return participant


def add_pairs(uow: UnitOfWork, actor: Actor, event_id: str, suggestion_ids: Sequence[str], now: datetime) -> int:
    """Invite both sides of suggested pairs and want their meetings; returns how many meetings are new.

    The capability's side is its first expert, or its organisation where it names none. Pairs that are not to meet are
    left out.
    """
    event = load_event(uow, actor, event_id)
    require_open(event)
    if len(suggestion_ids) > MOST_PAIRS:
        raise InvalidInput(
            "event.too_many_pairs",
            f"一次最多选 {MOST_PAIRS} 对",
            where="suggestion",
            message_en=f"At most {MOST_PAIRS} pairs at a time",
        )
    chosen = set(suggestion_ids)
    added = 0
    reader = audience_for(uow.session, actor)
    pairs = [pair for pair in proposed_pairs(uow.session, event, reader, now) if pair.suggestion.id in chosen]
    known = _known_participants(uow.session, event)
    gathered = gather(uow.session, event.id)
    apart = separations_of(uow.session, event.id)
    for pair in pairs:
        first = _enter(
            uow.session, event, pair.need.organisation_id, None, "invited", now, contact=pair.need.contact, known=known
        )
        second = _enter(
            uow.session,
            event,
            None if pair.expert_id else pair.capability.organisation_id,
            pair.expert_id,
            "invited",
            now,
            contact=None if pair.expert_id else pair.capability.contact,
            known=known,
        )
        for participant in (first, second):
            _note_contact_read(uow, actor, participant, now)
        if frozenset((first.id, second.id)) in apart:
            continue
        added += add_or_revive(
            uow.session,
            event,
            first,
            second,
            "suggestion",
            now,
            suggestion=pair.suggestion,
            score=pair.score,
            gathered=gathered,
        )
    touch_plan(event, now)
    uow.record(now, actor.user_id, "event.add_pairs", "event", event.id, pairs=added)
    uow.commit()
    return added


def edit_participant(
    uow: UnitOfWork, actor: Actor, participant_id: str, entered: ParticipantFields, now: datetime
) -> EventParticipant:
    """Replace what is held of a participant. One who is taken out (declined or cancelled) loses all meetings."""
    participant, event = load_participant(uow, actor, participant_id)
    require_open(event)
    if entered.status not in PARTICIPANT_STATUSES:
        raise InvalidInput("participant.status", "状态无效", where="status", message_en="Invalid state")
    email = entered.contact_email.strip()
    check_address(email)
    known = {slot.id for slot in event.slots}
    if not set(entered.unavailable) <= known:
        raise InvalidInput("participant.slots", "没有这个时段", where="unavailable", message_en="No such slot")
    participant.status = entered.status
    participant.online = entered.online and event.mode != "onsite"
    participant.unavailable = [slot.id for slot in event.slots if slot.id in set(entered.unavailable)]
    participant.contact_name = " ".join(entered.contact_name.split())[:80]
    participant.contact_email = email or None
    participant.contact_phone = entered.contact_phone.strip()[:40] or None
    participant.note = entered.note.strip()[:2000]
    if not participant.present:
        cancel_meetings_of(uow.session, participant, now)
    touch_plan(event, now)
    uow.record(now, actor.user_id, "event.edit_participant", "event", event.id, participant=participant.id)
    uow.commit()
    return participant


def cancel_participant(uow: UnitOfWork, actor: Actor, participant_id: str, now: datetime) -> int:
    """Take a participant out; their slots and tables are free again. Returns how many placed meetings fell away."""
    participant, event = load_participant(uow, actor, participant_id)
    require_open(event)
    participant.status = "cancelled"
    fallen = cancel_meetings_of(uow.session, participant, now)
    touch_plan(event, now)
    uow.record(now, actor.user_id, "event.cancel_participant", "event", event.id, participant=participant.id)
    uow.commit()
    return fallen


def separate(uow: UnitOfWork, actor: Actor, first_id: str, second_id: str, now: datetime) -> None:
    """Say that two participants are not to meet; a meeting of theirs is cancelled."""
    first, event = load_participant(uow, actor, first_id)
    second, _ = load_participant(uow, actor, second_id)
    if first.event_id != second.event_id or first.id == second.id:
        raise InvalidInput(
            "event.separation",
            "请选择两位不同的参会者",
            where="other_id",
            message_en="Choose two different participants",
        )
    require_open(event)
    low, high = sorted((first.id, second.id))
    if uow.session.get(EventSeparation, (low, high)) is None:
        uow.session.add(EventSeparation(first_id=low, second_id=high))
    for meeting in _meetings_between(uow.session, first.id, second.id):
        meeting.status = "cancelled"
        meeting.slot_id = meeting.table_number = None
        meeting.locked = False
        meeting.updated_at = now
    touch_plan(event, now)
    uow.record(now, actor.user_id, "event.separate", "event", event.id, participants=[low, high])
    uow.commit()


def unite(uow: UnitOfWork, actor: Actor, first_id: str, second_id: str, now: datetime) -> None:
    """Take a separation back."""
    _, event = load_participant(uow, actor, first_id)
    require_open(event)
    low, high = sorted((first_id, second_id))
    row = uow.session.get(EventSeparation, (low, high))
    if row is not None:
        uow.session.delete(row)
    touch_plan(event, now)
    uow.record(now, actor.user_id, "event.unite", "event", event.id, participants=[low, high])
    uow.commit()


def register(
    uow: UnitOfWork, actor: Actor, event_id: str, now: datetime, *, organisation_id: str | None, expert_id: str | None
) -> EventParticipant:
    """A member enters their organisation, or themselves as an expert, while registration is open."""
    event = uow.session.get(Event, event_id)
    if event is None or event.announced_at is None or actor.user_id is None:
        raise event_not_found()
    if not event.registration_open or event.status in ("ended", "cancelled"):
        raise IllegalMove("event.registration_closed", "报名已经截止", message_en="Registration is closed")
    if not event.public and not actor.is_staff_for(event.region_code):
        raise event_not_found()
    if organisation_id is not None and actor.organisation_roles.get(organisation_id) not in ("owner", "editor"):
        raise NotAllowed("event.not_yours", "您不能代表这个单位报名", message_en="You cannot enter this organisation")
    if expert_id is not None:
        expert = uow.session.get(Expert, expert_id)
        if expert is None or expert.user_id != actor.user_id:
            raise NotAllowed("event.not_you", "只能为自己报名", message_en="You can enter only yourself")
    participant = _enter(uow.session, event, organisation_id, expert_id, "registered", now)
    user = uow.session.get(User, actor.user_id)
    if user is not None and not participant.contact_email:
        participant.contact_email = user.email
        participant.contact_name = participant.contact_name or user.name
    touch_plan(event, now)
    uow.record(now, actor.user_id, "event.register", "event", event.id, participant=participant.id)
    uow.commit()
    return participant


def answer_invitation(uow: UnitOfWork, participant_id: str, comes: bool, now: datetime) -> EventParticipant:
    """A participant says, through their own link, whether they come. One who declines loses their meetings."""
    participant = _own(uow, participant_id)
    event = _open_event_of(uow, participant)
    participant.status = "confirmed" if comes else "declined"
    participant.answered_at = now
    if not comes:
        cancel_meetings_of(uow.session, participant, now)
    touch_plan(event, now)
    uow.record(now, None, "event.answer", "event", event.id, participant=participant.id, comes=comes)
    uow.commit()
    return participant


def wish_for(
    uow: UnitOfWork,
    participant_id: str,
    other_ids: Collection[str],
    unavailable: Collection[str],
    now: datetime,
    *,
    online: bool | None = None,
) -> EventParticipant:
    """A participant says whom they would like to meet and when they cannot, until the timetable is published.

    A wish alone makes no meeting: the staff takes it up. It gives more weight to a meeting that is wanted anyway.
    """
    participant = _own(uow, participant_id)
    event = _open_event_of(uow, participant)
    if event.status != "draft":
        raise IllegalMove(
            "event.wishes_closed",
            "日程已经发布，请直接联系主办方修改",
            message_en="The timetable is published; please ask the organisers for changes",
        )
    wished = set(other_ids) - {participant.id}
    known = set(
        uow.session.scalars(
            select(EventParticipant.id).where(
                EventParticipant.event_id == event.id, EventParticipant.id.in_(sorted(wished))
            )
        )
    )
    if known != wished:
        raise InvalidInput("event.wish", "没有这位参会者", where="other", message_en="No such participant")
    slots = {slot.id for slot in event.slots}
    if not set(unavailable) <= slots:
        raise InvalidInput("participant.slots", "没有这个时段", where="unavailable", message_en="No such slot")
    present = set(uow.session.scalars(select(EventWish.other_id).where(EventWish.participant_id == participant.id)))
    uow.session.execute(
        delete(EventWish).where(
            EventWish.participant_id == participant.id, EventWish.other_id.in_(sorted(present - wished))
        )
    )
    uow.session.add_all(
        EventWish(participant_id=participant.id, other_id=other, created_at=now) for other in sorted(wished - present)
    )
    participant.unavailable = [slot.id for slot in event.slots if slot.id in set(unavailable)]
    if online is not None and event.mode == "mixed":
        participant.online = online
    uow.session.flush()
    for meeting in uow.session.scalars(
        select(Meeting).where(or_(Meeting.first_id == participant.id, Meeting.second_id == participant.id))
    ):
        weigh_meeting(uow.session, meeting)
    touch_plan(event, now)
    uow.commit()
    return participant


def take_up_wishes(uow: UnitOfWork, actor: Actor, event_id: str, now: datetime) -> int:
    """Want a meeting for every wish that has none yet; returns how many are new. Separated pairs are left out."""
    event = load_event(uow, actor, event_id)
    require_open(event)
    people = {
        one.id: one
        for one in uow.session.scalars(select(EventParticipant).where(EventParticipant.event_id == event.id))
        if one.present
    }
    wishes = uow.session.execute(
        select(EventWish.participant_id, EventWish.other_id)
        .where(EventWish.participant_id.in_(people), EventWish.other_id.in_(people))
        .order_by(EventWish.created_at, EventWish.participant_id, EventWish.other_id)
    ).all()
    apart = separations_of(uow.session, event.id)
    gathered = gather(uow.session, event.id)
    added = 0
    for one_id, other_id in wishes:
        if frozenset((one_id, other_id)) in apart:
            continue
        first, second = sides_of(people[one_id], people[other_id])
        added += add_or_revive(
            uow.session, event, first, second, "wish", now, revive_cancelled=False, gathered=gathered
        )
    touch_plan(event, now)
    uow.record(now, actor.user_id, "event.take_up_wishes", "event", event.id, meetings=added)
    uow.commit()
    return added


def sign_in_participant(
    uow: UnitOfWork, actor: Actor, participant_id: str, present: bool, now: datetime
) -> EventParticipant:
    """At the door: note that a participant came, or take the mark back."""
    participant, event = load_participant(uow, actor, participant_id)
    participant.signed_in_at = (participant.signed_in_at or now) if present else None
    uow.record(now, actor.user_id, "event.sign_in", "event", event.id, participant=participant.id, present=present)
    uow.commit()
    return participant


def renew_link(uow: UnitOfWork, actor: Actor, participant_id: str, now: datetime) -> EventParticipant:
    """Make the links sent to a participant so far useless; the next mail carries a new one."""
    participant, event = load_participant(uow, actor, participant_id)
    participant.link_number += 1
    uow.record(now, actor.user_id, "event.renew_link", "event", event.id, participant=participant.id)
    uow.commit()
    return participant


def load_participant(uow: UnitOfWork, actor: Actor, participant_id: str) -> tuple[EventParticipant, Event]:
    """A participant and their event, for its staff."""
    participant = uow.session.get(EventParticipant, participant_id)
    if participant is None:
        raise participant_not_found()
    return participant, load_event(uow, actor, participant.event_id)


def participant_not_found() -> NotFound:
    """The error for a participant who is not there, or not for this reader."""
    return NotFound("participant.not_found", "没有找到这位参会者", message_en="There is no such participant")


def check_address(email: str) -> None:
    """Raises InvalidInput for what is no e-mail address; an empty one is none."""
    local, _, domain = email.partition("@")
    if email and (
        not local
        or "." not in domain
        or len(email) > 200
        or any(c.isspace() or ord(c) < 33 or c in '<>",;' for c in email)
    ):
        raise InvalidInput(
            "participant.email", "邮箱地址不正确", where="contact_email", message_en="This is no e-mail address"
        )


def _enter(
    session: Session,
    event: Event,
    organisation_id: str | None,
    expert_id: str | None,
    status: str,
    now: datetime,
    *,
    contact: dict[str, str] | None = None,
    known: dict[tuple[str | None, str | None], EventParticipant] | None = None,
) -> EventParticipant:
    """The participant's row: the one that is there, brought back where it was taken out, or a new one.

    `known` are all rows of the event, where many are entered at once.
    """
    if (organisation_id is None) == (expert_id is None):
        raise InvalidInput(
            "participant.who",
            "请选择一个单位或一位专家",
            where="organisation_id",
            message_en="Choose an organisation or an expert",
        )
    rows = known if known is not None else _known_participants(session, event)
    found = rows.get((organisation_id, expert_id))
    if found is not None:
        if not found.present:
            found.status = status
        return found
    if len(rows) >= MOST_PARTICIPANTS:
        raise InvalidInput(
            "event.too_many_participants",
            f"参会者最多 {MOST_PARTICIPANTS} 位",
            message_en=f"At most {MOST_PARTICIPANTS} participants",
        )
    participant = EventParticipant(
        id=new_id(),
        event_id=event.id,
        organisation_id=organisation_id,
        expert_id=expert_id,
        status=status,
        online=event.mode == "online",
        created_at=now,
    )
    _fill_contact(session, participant, contact or {})
    session.add(participant)
    rows[organisation_id, expert_id] = participant
    if known is None:
        session.flush()
    return participant


def _known_participants(session: Session, event: Event) -> dict[tuple[str | None, str | None], EventParticipant]:
    """The event's participants by organisation and expert."""
    return {
        (one.organisation_id, one.expert_id): one
        for one in session.scalars(select(EventParticipant).where(EventParticipant.event_id == event.id))
    }


def _fill_contact(session: Session, participant: EventParticipant, contact: dict[str, str]) -> None:
    """Whom invitations go to, as far as it is known: the post's contact, the expert, or who writes for the firm."""
    if participant.expert_id is not None:
        expert = session.get(Expert, participant.expert_id)
        if expert is None:
            raise InvalidInput("participant.expert", "没有这位专家", where="expert_id", message_en="No such expert")
        participant.expert = expert
        account = session.get(User, expert.user_id) if expert.user_id else None
        participant.contact_name = expert.name
        participant.contact_email = account.email if account is not None else expert.email
        participant.contact_phone = expert.phone
        return
    organisation = session.get(Organisation, participant.organisation_id)
    if organisation is None:
        raise InvalidInput(
            "participant.organisation", "没有这个单位", where="organisation_id", message_en="No such organisation"
        )
    participant.organisation = organisation
    participant.contact_name = contact.get("name", "")[:80]
    participant.contact_email = contact.get("email") or None
    participant.contact_phone = (contact.get("phone") or "")[:40] or None
    if participant.contact_email is None:
        writer = session.execute(
            select(User.name, User.email)
            .join(Membership, Membership.user_id == User.id)
            .where(Membership.organisation_id == organisation.id, Membership.role.in_(("owner", "editor")), User.active)
            .order_by(Membership.created_at, User.id)
            .limit(1)
        ).first()
        if writer is not None:
            participant.contact_name = participant.contact_name or writer.name
            participant.contact_email = writer.email


def _note_contact_read(uow: UnitOfWork, actor: Actor, participant: EventParticipant, now: datetime) -> None:
    """The staff reads on the event's pages how a new participant is reached; that it may is logged as everywhere."""
    if participant.created_at == now and (participant.contact_email or participant.contact_phone):
        uow.record(
            now, actor.user_id, "contact.reveal", "event", participant.event_id,
            to="staff", through="event", participant=participant.id,
        )  # fmt: skip


def _own(uow: UnitOfWork, participant_id: str) -> EventParticipant:
    participant = uow.session.get(EventParticipant, participant_id)
    if participant is None or participant.status == "cancelled":
        raise participant_not_found()
    return participant


def _open_event_of(uow: UnitOfWork, participant: EventParticipant) -> Event:
    event = uow.session.get(Event, participant.event_id)
    if event is None:
        raise event_not_found()
    require_open(event)
    return event


def _meetings_between(session: Session, one_id: str, other_id: str) -> Iterable[Meeting]:
    return session.scalars(
        select(Meeting).where(
            or_(
                (Meeting.first_id == one_id) & (Meeting.second_id == other_id),
                (Meeting.first_id == other_id) & (Meeting.second_id == one_id),
            )
        )
    ).all()

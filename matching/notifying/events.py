"""Who is told in their inbox of an event: the account of an expert who takes part, else those who write for the
organisation that does. What is mailed to the participant's contact is not mailed to them a second time.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from matching.models import Event, EventParticipant
from matching.models.base import new_id
from matching.notifying.inboxes import put_in_inboxes
from matching.services.parties import writers_of

INVITED = "event_invited"
AGENDA = "event_agenda"
CHANGED = "event_changed"
CALLED_OFF = "event_called_off"


def tell_participant(
    session: Session, event: Event, participant: EventParticipant, kind: str, occasion: str, now: datetime
) -> None:
    """One message to each person behind the participant; `occasion` makes it come once."""
    if participant.expert is not None:
        people = [participant.expert.user_id] if participant.expert.user_id else []
    elif participant.organisation_id is not None:
        people = writers_of(session, participant.organisation_id)
    else:
        people = []
    mailed = bool(participant.contact_email)
    put_in_inboxes(
        session,
        [
            {
                "id": new_id(),
                "user_id": user_id,
                "kind": kind,
                "once_key": f"{kind}:{user_id}:{participant.id}:{occasion}",
                "suggestion_id": None,
                "post_id": None,
                "details": {"event_id": event.id, "participant_id": participant.id, "name": event.title},
                "created_at": now,
                "read_at": None,
                # The letter with the calendar entry is on its way to the contact; the inbox is enough.
                "planned_at": now if mailed else None,
            }
            for user_id in sorted(set(people))
        ],
    )


def tell_of_timetable(
    session: Session, event: Event, changed: Mapping[str, set[str]], now: datetime, *, called_off: bool
) -> None:
    """Tell each participant whose entries differ, once for all of them. `changed`: participant id → new, moved or gone
    of their entries; who is not in it hears nothing.
    """
    for participant_id, what in sorted(changed.items()):
        participant = session.get(EventParticipant, participant_id)
        if participant is not None:
            kind = CALLED_OFF if called_off else AGENDA if what == {"new"} else CHANGED
            tell_participant(session, event, participant, kind, now.isoformat(), now)

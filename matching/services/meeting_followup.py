"""From a meeting to an engagement: both sides said that they want to go on, or told the staff so at the table."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, or_, select

from matching.clock import shanghai_day
from matching.errors import IllegalMove, InvalidInput
from matching.models import (
    Affiliation,
    Capability,
    Engagement,
    EngagementParticipant,
    EngagementStep,
    EventParticipant,
    MeetingFeedback,
    Need,
    Organisation,
    Suggestion,
)
from matching.notifying.engagements import OPENED, tell_participants
from matching.services.actor import Actor
from matching.services.meetings import load_meeting
from matching.services.parties import is_shared, people_behind, writers_of
from matching.store.unit_of_work import UnitOfWork


def engage_after_meeting(
    uow: UnitOfWork, actor: Actor, meeting_id: str, now: datetime, *, both_agreed: bool = False
) -> Engagement:
    """Begin the 对接 that a meeting led to: each side learns the other's contact, and the audit log says so.

    Both must have said in their feedback that they want to go on; `both_agreed` is the staff's word that they said so
    to them. Raises IllegalMove for a meeting that was not held or led to one already, or where neither holds.
    """
    meeting, event = load_meeting(uow, actor, meeting_id)
    if meeting.engagement_id is not None:
        raise IllegalMove("meeting.engaged", "已经建立对接", message_en="It has led to an engagement already")
    if meeting.result != "held":
        raise IllegalMove("meeting.not_held", "请先记录已洽谈", message_en="Please record first that it was held")
    willing = (
        uow.session.scalar(
            select(func.count())
            .select_from(MeetingFeedback)
            .where(MeetingFeedback.meeting_id == meeting.id, MeetingFeedback.wants_more)
        )
        or 0
    )
    if willing < 2 and not both_agreed:
        raise InvalidInput(
            "meeting.not_agreed",
            "双方都愿意继续，才能互相看到联系方式；如果双方当面同意，请勾选确认",
            where="both_agreed",
            message_en="Contacts are shown only where both want to go on; tick the box if they told you so",
        )
    need = uow.session.get(Need, meeting.need_id) if meeting.need_id else None
    capability = uow.session.get(Capability, meeting.capability_id) if meeting.capability_id else None
    first_organisation = _organisation_of(uow, meeting.first, need.organisation_id if need else None, now)
    second_organisation = _organisation_of(uow, meeting.second, capability.organisation_id if capability else None, now)
    suggestion = uow.session.get(Suggestion, meeting.suggestion_id) if meeting.suggestion_id else None
    engagement = Engagement(
        suggestion_id=meeting.suggestion_id,
        model_revision=suggestion.model_revision if suggestion is not None else None,
        title=need.title if need is not None else f"{meeting.first.name} × {meeting.second.name}"[:300],
        need_id=meeting.need_id,
        capability_id=meeting.capability_id,
        need_organisation_id=first_organisation.id,
        capability_organisation_id=second_organisation.id,
        need_shared=is_shared(uow.session, need, first_organisation),
        capability_shared=is_shared(uow.session, capability, second_organisation),
        need_contact=_contact_of(meeting.first),
        capability_contact=_contact_of(meeting.second),
        need_region_code=need.region_code if need is not None else first_organisation.region_code,
        capability_region_code=capability.region_code if capability is not None else second_organisation.region_code,
        stage="talk",
        stage_since=now,
        next_step=meeting.next_step,
        next_step_on=meeting.next_step_on,
        created_at=now,
        updated_at=now,
    )
    uow.session.add(engagement)
    uow.session.flush()
    people = {
        "need": _people(uow, meeting.first, need, first_organisation),
        "capability": _people(uow, meeting.second, capability, second_organisation),
    }
    entered: set[str] = set()
    for role, user_ids in people.items():
        for user_id in user_ids:
            if user_id in entered:
                continue
            entered.add(user_id)
            uow.session.add(
                EngagementParticipant(
                    engagement_id=engagement.id,
                    user_id=user_id,
                    role=role,
                    need_agreed_at=now,
                    capability_agreed_at=now,
                    created_at=now,
                )
            )
    uow.session.add(
        EngagementStep(
            engagement_id=engagement.id,
            from_stage=None,
            to_stage="talk",
            at=now,
            user_id=actor.user_id,
            role="staff",
            note=event.title,
        )
    )
    meeting.engagement_id = engagement.id
    meeting.updated_at = now
    for side, other in (("need", "capability"), ("capability", "need")):
        uow.record(
            now, actor.user_id, "contact.reveal", "engagement", engagement.id,
            of=side, to=other, to_users=people[other], meeting_id=meeting.id, told_by_staff=willing < 2,
        )  # fmt: skip
    uow.session.flush()
    tell_participants(uow.session, engagement, OPENED, engagement.id, now, but=actor.user_id)
    uow.commit()
    return engagement


def _organisation_of(
    uow: UnitOfWork, participant: EventParticipant, post_organisation_id: str | None, now: datetime
) -> Organisation:
    """The organisation of a side: the participant's own, that of the post, or where the expert works today."""
    organisation_id = participant.organisation_id or post_organisation_id
    if organisation_id is None:
        today = shanghai_day(now)
        organisation_id = uow.session.scalar(
            select(Affiliation.organisation_id)
            .where(
                Affiliation.expert_id == participant.expert_id,
                or_(Affiliation.ends_on.is_(None), Affiliation.ends_on >= today),
            )
            .order_by(Affiliation.relation, Affiliation.id)
            .limit(1)
        )
    organisation = uow.session.get(Organisation, organisation_id) if organisation_id else None
    if organisation is None:
        raise InvalidInput(
            "meeting.no_organisation",
            f"{participant.name} 没有所属单位，不能建立对接",
            message_en=f"{participant.name} belongs to no organisation",
        )
    return organisation


def _people(
    uow: UnitOfWork, participant: EventParticipant, post: Need | Capability | None, organisation: Organisation
) -> list[str]:
    """User ids of those who take part for a side."""
    if participant.expert is not None and participant.expert.user_id is not None:
        return [participant.expert.user_id]
    if post is not None:
        return people_behind(uow.session, post)
    return writers_of(uow.session, organisation.id)


def _contact_of(participant: EventParticipant) -> dict[str, str]:
    contact = {
        "name": participant.contact_name,
        "phone": participant.contact_phone or "",
        "email": participant.contact_email or "",
    }
    return {key: value for key, value in contact.items() if value}

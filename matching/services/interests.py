"""意向: ask to meet the owner of a post, on behalf of an own post or without one; accept, decline, withdraw, lapse.

While an interest is open the asked side sees what is wanted and by whom, but nobody's contact. Two sides that ask each
other about the same pair are agreed at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.exc import IntegrityError

from matching.errors import IllegalMove, InvalidInput, NotAllowed, NotFound
from matching.models import Engagement, Interest, Organisation, Post, Suggestion, SuggestionAnswer
from matching.models.interest import TIMINGS
from matching.notifying.interests import ACCEPTED, LAPSED, MISSED, RECEIVED, asked_people, asking_people, tell
from matching.policy import is_live
from matching.queries.interests import received_by, sent_by
from matching.queries.posts import audience_for, find_post
from matching.services.actor import Actor, require_editor
from matching.services.engagements import open_engagement
from matching.services.entered_text import check_text
from matching.services.interest_life import move_interest, require_in_time
from matching.services.parties import is_shared, speaks_for, writing_organisations
from matching.services.posts import load_post
from matching.services.suggestion_answers import (
    check_reason,
    end_by_decline,
    present_answer,
    record_answer,
    withdraw_answer,
)
from matching.services.suggestion_lists import lock_pair
from matching.settings import Settings
from matching.store.outbox import POST_CHANGED
from matching.store.unit_of_work import UnitOfWork

AIM_LENGTH = 1000
CONTACT_KEYS = ("name", "phone", "email")
_CONTACT_LENGTH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class InterestEntry:
    """The set questions: what do you want to achieve, when do you want to begin, how are you reached?"""

    aim: str
    timing: str
    contact: Mapping[str, str] = field(default_factory=dict)
    """name, and phone or email."""


def express_interest(
    uow: UnitOfWork,
    actor: Actor,
    target_id: str,
    entry: InterestEntry,
    now: datetime,
    settings: Settings,
    *,
    own_id: str | None = None,
    organisation_id: str | None = None,
) -> Interest:
    """Ask the owner of `target_id` for a meeting, on behalf of the own post `own_id` or of an organisation.

    With an own post it is also the answer "yes" to the suggestion of that pair, if there is one. The interest comes
    back `accepted` where the other side had asked already.
    """
    target = find_post(uow.session, target_id, audience_for(uow.session, actor), now)
    if not is_live(target, now) or not target.open_for_interest:
        raise IllegalMove(
            "interest.not_open", "这条信息目前不接受意向", message_en="This post is not open for interest at present"
        )
    own = _own_post(uow, actor, own_id, target, now) if own_id else None
    organisation = _asking_organisation(uow, actor, own, organisation_id)
    if organisation.id == target.organisation_id:
        raise NotAllowed("interest.own_post", "这是本单位的信息", message_en="This post is your own organisation's")
    contact = check_contact(entry.contact)
    aim = _check_aim(entry.aim)
    if entry.timing not in TIMINGS:
        raise InvalidInput(
            "interest.timing", "请选择希望何时开始", where="timing", message_en="Please choose when you want to begin"
        )
    need, capability = (own, target) if target.side == "capability" else (target, own)
    if need is not None and capability is not None:
        crossing = _prepare_pair(uow, actor, need, capability, target.side, now)
        if crossing is not None:
            _accept(uow, actor, crossing, contact, now)
            uow.commit()
            return crossing
    suggestion = _find_suggestion(uow, need, capability)
    shared = is_shared(uow.session, own, organisation)
    interest = Interest(
        side="need" if target.side == "capability" else "capability",
        need_id=need.id if need else None,
        capability_id=capability.id if capability else None,
        suggestion_id=suggestion.id if suggestion else None,
        model_revision=suggestion.model_revision if suggestion else None,
        from_organisation_id=organisation.id,
        from_user_id=actor.user_id,
        from_shared=shared,
        to_organisation_id=target.organisation_id,
        to_shared=is_shared(uow.session, target, target.organisation),
        # Colleagues at a university ask each for themselves; a firm, or those behind one post, ask once.
        pair_key=f"{own.id if own else organisation.id if shared else actor.user_id}:{target.id}",
        aim=aim,
        timing=entry.timing,
        from_contact=contact,
        created_at=now,
        expires_at=now + timedelta(days=settings.interest_days),
    )
    _refuse_double(uow, interest)
    uow.session.add(interest)
    try:
        uow.session.flush()
    except IntegrityError as error:  # a colleague was faster
        raise _already_open() from error
    if need is not None and capability is not None:
        record_answer(uow, actor, need.id, capability.id, interest.side, "accept", now, suggestion=suggestion)
    uow.record(now, actor.user_id, "interest.express", "interest", interest.id, target=target.id)
    tell(uow.session, asked_people(uow.session, interest), RECEIVED, interest.id, now, interest_id=interest.id)
    uow.commit()
    return interest


def accept_interest(
    uow: UnitOfWork, actor: Actor, interest_id: str, contact: Mapping[str, str], now: datetime
) -> Engagement:
    """Say yes to an interest: contacts are revealed to both sides, and an engagement opens."""
    interest = load_interest(uow, actor, interest_id)
    _require_received(uow, actor, interest)
    require_in_time(interest, now)
    engagement = _accept(uow, actor, interest, check_contact(contact), now)
    uow.commit()
    return engagement


def decline_interest(
    uow: UnitOfWork,
    actor: Actor,
    interest_id: str,
    reason_code: str,
    reason_text: str,
    now: datetime,
    *,
    never_again: bool = False,
) -> Interest:
    """Say no to an interest, with a reason of the vocabulary `decline_reason`, which the asking side reads."""
    interest = load_interest(uow, actor, interest_id)
    _require_received(uow, actor, interest)
    require_in_time(interest, now)
    check_reason(uow, reason_code, reason_text)
    end_by_decline(uow, interest, actor, reason_code, reason_text, now)
    if interest.need_id is not None and interest.capability_id is not None:
        record_answer(
            uow,
            actor,
            interest.need_id,
            interest.capability_id,
            interest.target.side,
            "decline",
            now,
            suggestion=uow.session.get(Suggestion, interest.suggestion_id) if interest.suggestion_id else None,
            reason_code=reason_code,
            reason_text=reason_text.strip(),
            never_again=never_again,
        )
    uow.commit()
    return interest


def reopen_interest(uow: UnitOfWork, actor: Actor, interest_id: str, now: datetime) -> Interest:
    """Undo a decline, as long as there is time to answer; the answer to the pair is taken back with it."""
    interest = load_interest(uow, actor, interest_id)
    _require_received(uow, actor, interest)
    require_in_time(interest, now)
    move_interest(uow, interest, "reopen", actor.user_id, now)
    try:
        uow.session.flush()
    except IntegrityError as error:
        raise _already_open() from error
    _take_back_answer(uow, interest, interest.target.side, now)
    uow.commit()
    return interest


def withdraw_interest(uow: UnitOfWork, actor: Actor, interest_id: str, now: datetime) -> Interest:
    """Take an own interest back before it was answered."""
    interest = load_interest(uow, actor, interest_id)
    if not _is_among(uow, interest, sent_by(actor)):
        raise NotAllowed("interest.not_yours", "只有提出意向的一方可以撤回", message_en="Only the asking side may")
    move_interest(uow, interest, "withdraw", actor.user_id, now)
    _take_back_answer(uow, interest, interest.side, now)
    uow.commit()
    return interest


def open_post_for_interest(uow: UnitOfWork, actor: Actor, post_id: str, open_now: bool, now: datetime) -> Post:
    """Let others ask about a post, or stop that while it stays published; it is not suggested meanwhile.

    Interests that wait already can still be answered.
    """
    post = load_post(uow, post_id)
    require_editor(actor, post)
    if post.open_for_interest != open_now:
        post.open_for_interest = open_now
        post.updated_at = now
        uow.owe(POST_CHANGED, post.id, now)
        uow.record(now, actor.user_id, "post.open_for_interest", post.side, post.id, open=open_now)
    uow.commit()
    return post


def lapse_interests(uow: UnitOfWork, now: datetime, *, limit: int = 500) -> list[str]:
    """End interests that were not answered in time, tell both sides, and free the load; returns their ids.

    Each row is taken only if it is still open, so that an answer at the last moment wins or loses cleanly.
    """
    due = uow.session.scalars(
        select(Interest)
        .where(Interest.status == "open", Interest.expires_at <= now)
        .order_by(Interest.expires_at, Interest.id)
        .limit(limit)
    ).all()
    lapsed = []
    for interest in due:
        taken = uow.session.execute(
            update(Interest)
            .where(Interest.id == interest.id, Interest.status == "open", Interest.version == interest.version)
            .values(status="lapsed", ended_at=now, from_contact={}, version=Interest.version + 1)
            .execution_options(synchronize_session=False)
        )
        if taken.rowcount != 1:  # type: ignore[attr-defined]
            continue
        lapsed.append(interest.id)
        uow.record(now, None, "interest.lapse", "interest", interest.id, before="open")
        for people, kind in (
            (asking_people(uow.session, interest), LAPSED),
            (asked_people(uow.session, interest), MISSED),
        ):
            tell(uow.session, people, kind, interest.id, now, interest_id=interest.id)
    uow.commit()
    return lapsed


def load_interest(uow: UnitOfWork, actor: Actor, interest_id: str) -> Interest:
    """The interest, if the actor is on one of its sides, and locked until the transaction ends; raises NotFound."""
    interest = uow.session.get(Interest, interest_id)
    if interest is None or not (
        _is_among(uow, interest, sent_by(actor)) or _is_among(uow, interest, received_by(actor))
    ):
        raise interest_not_found()
    lock_pair(uow.session, interest.need_id, interest.capability_id)
    uow.session.refresh(interest, with_for_update=True)
    return interest


def interest_not_found() -> NotFound:
    """The error for an interest that is not there, or not for this person."""
    return NotFound("interest.not_found", "没有找到这条意向", message_en="There is no such interest")


def check_contact(contact: Mapping[str, str]) -> dict[str, str]:
    """The contact to be revealed, cleaned; raises InvalidInput without a name or any way to reach the person."""
    cleaned = {key: " ".join(str(contact.get(key) or "").split()) for key in CONTACT_KEYS}
    if not cleaned["name"]:
        raise InvalidInput(
            "contact.name", "请填写联系人", where="contact.name", message_en="Please give the contact's name"
        )
    if not cleaned["phone"] and not cleaned["email"]:
        raise InvalidInput(
            "contact.unreachable",
            "电话和邮箱请至少填写一项",
            where="contact.phone",
            message_en="Please give a phone number or an e-mail address",
        )
    for key, value in cleaned.items():
        check_text(value, f"contact.{key}", _CONTACT_LENGTH)
    if cleaned["email"] and "@" not in cleaned["email"]:
        raise InvalidInput(
            "contact.email", "邮箱格式不正确", where="contact.email", message_en="This is no e-mail address"
        )
    return {key: value for key, value in cleaned.items() if value}


def _check_aim(aim: str) -> str:
    text = aim.strip()
    if not text:
        raise InvalidInput(
            "interest.aim_missing",
            "请写明希望达成什么",
            where="aim",
            message_en="Please say what you want to achieve",
        )
    check_text(text, "aim", AIM_LENGTH)
    return text


def _own_post(uow: UnitOfWork, actor: Actor, own_id: str, target: Post, now: datetime) -> Post:
    own = uow.session.get(Post, own_id)
    if own is None or own.side == target.side or not speaks_for(uow.session, actor, own):
        raise InvalidInput(
            "interest.own_post_invalid", "请选择自己的信息", where="own_id", message_en="Please choose a post of yours"
        )
    if not is_live(own, now) or own.visibility == "staff":
        raise InvalidInput(
            "interest.own_post_hidden",
            "这条信息没有发布，对方看不到",
            where="own_id",
            message_en="That post is not published, so the other side could not read it",
        )
    return own


def _asking_organisation(uow: UnitOfWork, actor: Actor, own: Post | None, organisation_id: str | None) -> Organisation:
    if own is not None:
        return own.organisation
    writing = writing_organisations(actor)
    if not writing:
        raise NotAllowed(
            "interest.no_organisation",
            "请先加入一个单位，再表示意向",
            message_en="Please join an organisation before you express an interest",
        )
    if organisation_id is None and len(writing) == 1:
        organisation_id = writing[0]
    organisation = uow.session.get(Organisation, organisation_id) if organisation_id in writing else None
    if organisation is None:
        raise InvalidInput(
            "interest.organisation",
            "请选择以哪个单位的名义",
            where="organisation_id",
            message_en="Please choose in whose name",
        )
    return organisation


def _prepare_pair(
    uow: UnitOfWork, actor: Actor, need: Post, capability: Post, target_side: str, now: datetime
) -> Interest | None:
    """Refuse a pair that must stay apart or is engaged; the other side's open interest in it, if there is one."""
    session = uow.session
    # Both sides may ask at once: the posts' rows make them queue, and the second finds the first's interest.
    lock_pair(session, need.id, capability.id)
    apart = session.scalars(
        select(SuggestionAnswer.side).where(
            SuggestionAnswer.need_id == need.id,
            SuggestionAnswer.capability_id == capability.id,
            SuggestionAnswer.withdrawn_at.is_(None),
            SuggestionAnswer.never_again,
        )
    ).all()
    if target_side in apart:
        raise NotAllowed(
            "interest.not_wanted",
            "对方目前不接受与这条信息有关的意向",
            message_en="The other side takes no interest about this post at present",
        )
    engaged = session.scalar(
        select(Engagement.id)
        .where(Engagement.need_id == need.id, Engagement.capability_id == capability.id, Engagement.stage != "closed")
        .limit(1)
    )
    if engaged is not None:
        raise _engaged()
    return session.scalars(
        select(Interest).where(
            Interest.need_id == need.id,
            Interest.capability_id == capability.id,
            Interest.side == target_side,
            Interest.status == "open",
            Interest.expires_at > now,
        )
    ).one_or_none()


def _find_suggestion(uow: UnitOfWork, need: Post | None, capability: Post | None) -> Suggestion | None:
    """The suggestion that brought the pair together, the active one first."""
    if need is None or capability is None:
        return None
    return uow.session.scalars(
        select(Suggestion)
        .where(Suggestion.need_id == need.id, Suggestion.capability_id == capability.id)
        .order_by(Suggestion.status, Suggestion.updated_at.desc(), Suggestion.id)
        .limit(1)
    ).one_or_none()


def _refuse_double(uow: UnitOfWork, interest: Interest) -> None:
    same = select(Interest.id).where(Interest.pair_key == interest.pair_key)
    if uow.session.scalar(same.where(Interest.status == "open").limit(1)) is not None:
        raise _already_open()
    engaged = same.join(Engagement, Engagement.interest_id == Interest.id).where(Engagement.stage != "closed")
    if uow.session.scalar(engaged.limit(1)) is not None:
        raise _engaged()


def _engaged() -> IllegalMove:
    return IllegalMove("interest.engaged", "双方已经在对接", message_en="The two sides are engaged already")


def _already_open() -> IllegalMove:
    return IllegalMove(
        "interest.already_open",
        "已经表示过意向，正在等待对方答复",
        message_en="The interest was expressed already and waits for an answer",
    )


def _accept(uow: UnitOfWork, actor: Actor, interest: Interest, contact: dict[str, str], now: datetime) -> Engagement:
    people = asking_people(uow.session, interest)
    move_interest(uow, interest, "accept", actor.user_id, now)
    if interest.need_id is not None and interest.capability_id is not None:
        record_answer(
            uow,
            actor,
            interest.need_id,
            interest.capability_id,
            interest.target.side,
            "accept",
            now,
            suggestion=uow.session.get(Suggestion, interest.suggestion_id) if interest.suggestion_id else None,
        )
    engagement = open_engagement(uow, interest, actor, contact, now)
    tell(
        uow.session,
        people,
        ACCEPTED,
        interest.id,
        now,
        but=actor.user_id,
        interest_id=interest.id,
        engagement_id=engagement.id,
    )
    return engagement


def _take_back_answer(uow: UnitOfWork, interest: Interest, side: str, now: datetime) -> None:
    if interest.need_id is None or interest.capability_id is None:
        return
    answer = present_answer(uow, interest.need_id, interest.capability_id, side)
    if answer is not None:
        withdraw_answer(uow, answer, now)


def _require_received(uow: UnitOfWork, actor: Actor, interest: Interest) -> None:
    if not _is_among(uow, interest, received_by(actor)):
        raise NotAllowed(
            "interest.not_asked", "只有收到意向的一方可以答复", message_en="Only the side that was asked may answer"
        )


def _is_among(uow: UnitOfWork, interest: Interest, clause: ColumnElement[bool]) -> bool:
    return uow.session.scalar(select(Interest.id).where(Interest.id == interest.id, clause)) is not None

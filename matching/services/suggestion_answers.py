"""What a side says to a suggestion: not for us (and why), later, or nothing after all. Yes is an interest.

An answer is about the pair, whichever revision ranked it, and holds for everybody who speaks for that side. A declined
pair is suggested to neither side any more: the other one would ask somebody who has said no already.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from matching.errors import IllegalMove, InvalidInput, NotAllowed, NotFound
from matching.models import Interest, Post, Suggestion, SuggestionAnswer, VocabularyTerm
from matching.notifying.interests import DECLINED, asking_people, tell
from matching.policy import owns_post
from matching.queries.posts import audience_for
from matching.services.actor import Actor
from matching.services.entered_text import check_text
from matching.services.interest_life import move_interest
from matching.services.parties import spoken_for
from matching.services.suggestion_lists import lock_pair, withdraw_pair
from matching.store.outbox import RANKING
from matching.store.unit_of_work import UnitOfWork

DECLINE_REASONS = (
    "not_my_field", "wrong_problem", "not_mature", "no_capacity", "budget", "time", "conflict", "too_vague",
    "already_known", "solved", "other",
)  # fmt: skip
TEXT_LENGTH = 2000


def decline_suggestion(
    uow: UnitOfWork,
    actor: Actor,
    suggestion_id: str,
    reason_code: str,
    reason_text: str,
    now: datetime,
    *,
    side: str | None = None,
    never_again: bool = False,
) -> SuggestionAnswer:
    """Say that a pair is nothing for one's side; an interest of the other side in it is declined with the same reason.

    With `never_again` the two may not ask each other about these posts either.
    """
    suggestion, side = find_own_suggestion(uow, actor, suggestion_id, side)
    lock_pair(uow.session, suggestion.need_id, suggestion.capability_id)
    check_reason(uow, reason_code, reason_text)
    answer = record_answer(
        uow,
        actor,
        suggestion.need_id,
        suggestion.capability_id,
        side,
        "decline",
        now,
        suggestion=suggestion,
        reason_code=reason_code,
        reason_text=reason_text.strip(),
        never_again=never_again,
    )
    for interest in _open_interests(uow, suggestion.need_id, suggestion.capability_id):
        if interest.side == side:
            move_interest(uow, interest, "withdraw", actor.user_id, now)
        else:
            end_by_decline(uow, interest, actor, reason_code, reason_text, now)
    uow.commit()
    return answer


def postpone_suggestion(
    uow: UnitOfWork, actor: Actor, suggestion_id: str, now: datetime, *, side: str | None = None
) -> SuggestionAnswer:
    """Put a pair aside: it stays in the list, below the others, and is not pushed."""
    suggestion, side = find_own_suggestion(uow, actor, suggestion_id, side)
    lock_pair(uow.session, suggestion.need_id, suggestion.capability_id)
    for interest in _open_interests(uow, suggestion.need_id, suggestion.capability_id):
        if interest.side == side:
            move_interest(uow, interest, "withdraw", actor.user_id, now)
    answer = record_answer(
        uow, actor, suggestion.need_id, suggestion.capability_id, side, "later", now, suggestion=suggestion
    )
    uow.commit()
    return answer


def undo_answer(
    uow: UnitOfWork, actor: Actor, suggestion_id: str, now: datetime, *, side: str | None = None
) -> SuggestionAnswer:
    """Take back what one's side said to a pair. Raises IllegalMove without an answer, or once an engagement began."""
    suggestion, side = find_own_suggestion(uow, actor, suggestion_id, side)
    lock_pair(uow.session, suggestion.need_id, suggestion.capability_id)
    answer = present_answer(uow, suggestion.need_id, suggestion.capability_id, side)
    if answer is None:
        raise IllegalMove("answer.none", "还没有答复可以撤销", message_en="There is no answer to take back")
    if answer.kind == "accept":
        open_ones = [
            interest
            for interest in _open_interests(uow, suggestion.need_id, suggestion.capability_id)
            if interest.side == side
        ]
        if not open_ones and _was_accepted(uow, suggestion.need_id, suggestion.capability_id):
            raise IllegalMove(
                "answer.engaged",
                "双方已开始对接，请在对接页面结束对接",
                message_en="The two sides are engaged already; please close the engagement instead",
            )
        for interest in open_ones:
            move_interest(uow, interest, "withdraw", actor.user_id, now)
    elif answer.kind == "decline":
        _reopen_declined(uow, actor, suggestion.need_id, suggestion.capability_id, side, now)
    withdraw_answer(uow, answer, now)
    uow.record(now, actor.user_id, "answer.undo", "suggestion", suggestion.id, side=side, kind=answer.kind)
    uow.commit()
    return answer


def record_answer(
    uow: UnitOfWork,
    actor: Actor,
    need_id: str,
    capability_id: str,
    side: str,
    kind: str,
    now: datetime,
    *,
    suggestion: Suggestion | None = None,
    reason_code: str | None = None,
    reason_text: str = "",
    never_again: bool = False,
) -> SuggestionAnswer:
    """Keep an answer in place of the side's former one, within a use case that commits."""
    lock_pair(uow.session, need_id, capability_id)  # colleagues may answer at once
    former = present_answer(uow, need_id, capability_id, side)
    if former is not None:
        withdraw_answer(uow, former, now)
        uow.session.flush()  # before the new one, since only one is present at a time
    answer = SuggestionAnswer(
        suggestion_id=suggestion.id if suggestion else None,
        need_id=need_id,
        capability_id=capability_id,
        side=side,
        kind=kind,
        reason_code=reason_code,
        reason_text=reason_text,
        never_again=never_again,
        model_revision=suggestion.model_revision if suggestion else None,
        answered_at=now,
        user_id=actor.user_id,
    )
    uow.session.add(answer)
    uow.session.flush()
    if kind == "decline":
        withdraw_pair(uow.session, need_id, capability_id, now)
        _owe_rankings(uow, need_id, capability_id, now)
    uow.record(now, actor.user_id, f"answer.{kind}", "suggestion", answer.suggestion_id or answer.id, side=side)
    return answer


def present_answer(uow: UnitOfWork, need_id: str, capability_id: str, side: str) -> SuggestionAnswer | None:
    """What the side says to the pair now."""
    return uow.session.scalars(
        select(SuggestionAnswer).where(
            SuggestionAnswer.need_id == need_id,
            SuggestionAnswer.capability_id == capability_id,
            SuggestionAnswer.side == side,
            SuggestionAnswer.withdrawn_at.is_(None),
        )
    ).one_or_none()


def end_by_decline(
    uow: UnitOfWork, interest: Interest, actor: Actor, reason_code: str, reason_text: str, now: datetime
) -> None:
    """Decline an open interest and tell those who asked, within a use case that has checked the actor and commits."""
    people = asking_people(uow.session, interest)
    move_interest(
        uow, interest, "decline", actor.user_id, now, reason_code=reason_code, reason_text=reason_text.strip()
    )
    tell(uow.session, people, DECLINED, f"{interest.id}:{now.isoformat()}", now, interest_id=interest.id)


def check_reason(uow: UnitOfWork, reason_code: str, reason_text: str) -> None:
    """Raises InvalidInput unless the reason is in the editable list, and `other` is explained."""
    listed = uow.session.scalars(
        select(VocabularyTerm.code).where(VocabularyTerm.vocabulary == "decline_reason", VocabularyTerm.active)
    ).all()
    if reason_code not in (listed or DECLINE_REASONS):
        raise InvalidInput(
            "answer.reason", "请选择不合适的原因", where="reason_code", message_en="Please choose why it does not suit"
        )
    if reason_code == "other" and not reason_text.strip():
        raise InvalidInput(
            "answer.reason_text", "请写明其他原因", where="reason_text", message_en="Please say what the reason is"
        )
    check_text(reason_text, "reason_text", TEXT_LENGTH)


def find_own_suggestion(
    uow: UnitOfWork, actor: Actor, suggestion_id: str, side: str | None = None
) -> tuple[Suggestion, str]:
    """The suggestion and the side the actor speaks for; `side` decides where that is both.

    Raises NotFound for those who have no business with it, NotAllowed for colleagues who do not speak for the post.
    """
    suggestion = uow.session.get(Suggestion, suggestion_id)
    if suggestion is None:
        raise suggestion_not_found()
    posts: list[Post] = [suggestion.need, suggestion.capability]
    spoken = spoken_for(uow.session, actor, posts)
    sides = [post.side for post in posts if post.id in spoken and side in (None, post.side)]
    if sides:
        return suggestion, sides[0]
    audience = audience_for(uow.session, actor)
    if any(owns_post(audience, post) for post in posts):
        raise NotAllowed(
            "answer.not_yours",
            "这条建议由负责的专家或编辑人员答复",
            message_en="The experts or editors in charge answer this suggestion",
        )
    raise suggestion_not_found()


def suggestion_not_found() -> NotFound:
    """The error for a suggestion that is not there, or not for this person."""
    return NotFound("suggestion.not_found", "没有找到这条匹配建议", message_en="There is no such suggestion")


def withdraw_answer(uow: UnitOfWork, answer: SuggestionAnswer, now: datetime) -> None:
    """Let an answer no longer count; what was declined may be suggested again. The caller commits."""
    answer.withdrawn_at = now
    if answer.kind == "decline":
        _owe_rankings(uow, answer.need_id, answer.capability_id, now)


def _owe_rankings(uow: UnitOfWork, need_id: str, capability_id: str, now: datetime) -> None:
    for post_id in (need_id, capability_id):
        uow.owe(RANKING, post_id, now)


def _open_interests(uow: UnitOfWork, need_id: str, capability_id: str) -> list[Interest]:
    return list(
        uow.session.scalars(
            select(Interest)
            .where(Interest.need_id == need_id, Interest.capability_id == capability_id, Interest.status == "open")
            .order_by(Interest.id)
        )
    )


def _was_accepted(uow: UnitOfWork, need_id: str, capability_id: str) -> bool:
    return (
        uow.session.scalar(
            select(Interest.id)
            .where(Interest.need_id == need_id, Interest.capability_id == capability_id, Interest.status == "accepted")
            .limit(1)
        )
        is not None
    )


def _reopen_declined(uow: UnitOfWork, actor: Actor, need_id: str, capability_id: str, side: str, now: datetime) -> None:
    """An interest that was declined together with the pair waits again, if there is still time to answer it."""
    latest = uow.session.scalars(
        select(Interest)
        .where(Interest.need_id == need_id, Interest.capability_id == capability_id, Interest.side != side)
        .order_by(Interest.created_at.desc(), Interest.id)
        .limit(1)
    ).one_or_none()
    if latest is not None and latest.status == "declined" and latest.expires_at > now:
        move_interest(uow, latest, "reopen", actor.user_id, now)

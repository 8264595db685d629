"""意向."""

from __future__ import annotations

from typing import Any

from matching.errors import InvalidInput, NotFound
from matching.models import Suggestion
from matching.queries.interests import InterestView, list_interests, load_interests
from matching.services.interests import (
    InterestEntry,
    accept_interest,
    decline_interest,
    express_interest,
    interest_not_found,
    reopen_interest,
    withdraw_interest,
)
from matching.services.suggestion_answers import find_own_suggestion
from web.api.access import Caller, caller
from web.api.cursors import read_offset, write_offset
from web.api.document import Noun
from web.api.representation import summary_of
from web.api.schemas import engagements as schemas
from web.api.v1.engagements import engagement_of
from web.reader import now, platform

interests = Noun("interests", "/interests", "意向: one side asks to meet the other.")


@interests.operation(
    "GET",
    "",
    name="list_interests",
    zh="意向列表",
    en="List interests",
    access="read",
    answers=schemas.InterestPage,
    query=schemas.InterestQuery,
)
def list_all(query: dict[str, Any]) -> dict[str, Any]:
    """List interests

    What the caller's side was asked, or with `box=sent` asked itself.
    """
    me = caller()
    with platform().reading() as session:
        page = list_interests(
            session,
            me.actor,
            me.audience,
            now(),
            received=query["box"] == "received",
            statuses=(query["status"],) if query.get("status") else (),
            offset=read_offset(query.get("cursor")),
            limit=query["limit"],
        )
        return {
            "items": [_interest(view, me) for view in page.items],
            "next": write_offset(page.next_offset),
        }


@interests.operation(
    "POST",
    "",
    name="express_interest",
    zh="表示意向",
    en="Express interest",
    access="write",
    answers=schemas.Interest,
    status=201,
    body=schemas.InterestEntry,
    problems=(409,),
)
def express(entry: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """Express interest

    The other side is told and has time to answer. Where it had asked about the same pair already, the interest comes
    back accepted and an engagement has begun.
    """
    me = caller()
    if (entry["post_id"] is None) == (entry["suggestion_id"] is None):
        raise InvalidInput(
            "interest.about",
            "请给出 post_id 或 suggestion_id 之一",
            where="post_id",
            message_en="Please give either post_id or suggestion_id",
        )
    try:
        with platform().unit_of_work() as uow:
            target_id, own_id = entry["post_id"], entry["own_post_id"]
            if entry["suggestion_id"] is not None:
                suggestion, side = find_own_suggestion(uow, me.actor, entry["suggestion_id"], entry["side"])
                own_id, target_id = _pair(suggestion, side)
            answers = InterestEntry(aim=entry["aim"], timing=entry["timing"], contact=entry["contact"])
            interest = express_interest(
                uow,
                me.actor,
                target_id,
                answers,
                now(),
                platform().rules(uow.session).settings,
                own_id=own_id,
                organisation_id=entry["organisation_id"],
            )
    except NotFound as error:
        # It is named in the body, not in the address.
        place = "suggestion_id" if entry["suggestion_id"] is not None else "post_id"
        raise InvalidInput(error.code, error.message, where=place, message_en=error.message_en) from error
    return _show(interest.id), 201


@interests.operation(
    "GET",
    "/<id:interest_id>",
    name="show_interest",
    zh="意向详情",
    en="Show an interest",
    access="read",
    answers=schemas.Interest,
)
def show(interest_id: str) -> dict[str, Any]:
    """Show an interest"""
    return _show(interest_id)


@interests.operation(
    "POST",
    "/<id:interest_id>/accept",
    name="accept_interest",
    zh="同意意向",
    en="Accept an interest",
    access="write",
    answers=schemas.Engagement,
    body=schemas.AcceptEntry,
    problems=(409,),
)
def accept(entry: dict[str, Any], interest_id: str) -> dict[str, Any]:
    """Accept an interest

    Contacts are revealed to both sides, logged, and an engagement begins.
    """
    with platform().unit_of_work() as uow:
        engagement = accept_interest(uow, caller().actor, interest_id, entry["contact"], now())
    return engagement_of(engagement.id)


@interests.operation(
    "POST",
    "/<id:interest_id>/decline",
    name="decline_interest",
    zh="婉拒意向",
    en="Decline an interest",
    access="write",
    answers=schemas.Interest,
    body=schemas.DeclineEntry,
    problems=(409,),
)
def decline(entry: dict[str, Any], interest_id: str) -> dict[str, Any]:
    """Decline an interest"""
    with platform().unit_of_work() as uow:
        decline_interest(uow, caller().actor, interest_id, now=now(), **entry)
    return _show(interest_id)


@interests.operation(
    "POST",
    "/<id:interest_id>/withdraw",
    name="withdraw_interest",
    zh="撤回意向",
    en="Withdraw an interest",
    access="write",
    answers=schemas.Interest,
    problems=(409,),
)
def withdraw(interest_id: str) -> dict[str, Any]:
    """Withdraw an interest

    By the side that asked, before it was answered.
    """
    with platform().unit_of_work() as uow:
        withdraw_interest(uow, caller().actor, interest_id, now())
    return _show(interest_id)


@interests.operation(
    "POST",
    "/<id:interest_id>/reopen",
    name="reopen_interest",
    zh="撤销婉拒",
    en="Undo a decline",
    access="write",
    answers=schemas.Interest,
    problems=(409,),
)
def reopen(interest_id: str) -> dict[str, Any]:
    """Undo a decline

    By the side that was asked, while there is time to answer.
    """
    with platform().unit_of_work() as uow:
        reopen_interest(uow, caller().actor, interest_id, now())
    return _show(interest_id)


def _pair(suggestion: Suggestion, side: str) -> tuple[str, str]:
    """(own, other) post id."""
    pair = (suggestion.need_id, suggestion.capability_id)
    return pair if side == "need" else (pair[1], pair[0])


def _show(interest_id: str) -> dict[str, Any]:
    me = caller()
    with platform().reading() as session:
        view = load_interests(session, [interest_id], me.actor, me.audience, now()).get(interest_id)
        if view is None:
            raise interest_not_found()
        return _interest(view, me)


def _interest(view: InterestView, me: Caller) -> dict[str, Any]:
    interest = view.interest
    asking, asked = interest.from_organisation, interest.to_organisation
    return {
        "id": interest.id,
        "received": view.received,
        "status": interest.status,
        "side": interest.side,
        "post": summary_of(view.target, me) if view.target is not None else None,
        "on_behalf_of": summary_of(view.own, me) if view.own is not None else None,
        "from_organisation": {"id": asking.id, "name": asking.name} if view.from_named else None,
        "to_organisation": {"id": asked.id, "name": asked.name} if view.to_named else None,
        "aim": interest.aim,
        "timing": interest.timing,
        "created_at": interest.created_at,
        "expires_at": interest.expires_at,
        "ended_at": interest.ended_at,
        "reason_code": interest.reason_code,
        "reason_text": interest.reason_text,
        "engagement_id": view.engagement_id,
    }

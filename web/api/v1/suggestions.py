"""Answers to suggestions."""

from __future__ import annotations

from typing import Any

from flask import Response

from matching.services.suggestion_answers import decline_suggestion, postpone_suggestion, undo_answer
from web.api.access import caller
from web.api.answers import nothing_more
from web.api.document import Noun
from web.api.schemas.engagements import Answer, AnswerEntry, SideQuery
from web.reader import now, platform

suggestions = Noun("suggestions", "/suggestions", "匹配建议: what one's side says to them.")


@suggestions.operation(
    "POST",
    "/<id:suggestion_id>/answer",
    name="answer_suggestion",
    zh="答复匹配建议",
    en="Answer a suggestion",
    access="write",
    answers=Answer,
    body=AnswerEntry,
)
def answer_suggestion(entry: dict[str, Any], suggestion_id: str) -> Any:
    """Answer a suggestion

    Not for us, with a reason, or later; a former answer is replaced. A declined pair is suggested to neither side.
    """
    actor = caller().actor
    with platform().unit_of_work() as uow:
        if entry["kind"] == "later":
            return postpone_suggestion(uow, actor, suggestion_id, now(), side=entry["side"])
        return decline_suggestion(
            uow,
            actor,
            suggestion_id,
            entry["reason_code"],
            entry["reason_text"],
            now(),
            side=entry["side"],
            never_again=entry["never_again"],
        )


@suggestions.operation(
    "DELETE",
    "/<id:suggestion_id>/answer",
    name="undo_suggestion_answer",
    zh="撤销答复",
    en="Undo an answer",
    access="write",
    answers=None,
    status=204,
    query=SideQuery,
    problems=(409,),
)
def undo_suggestion_answer(query: dict[str, Any], suggestion_id: str) -> Response:
    """Undo an answer

    Also withdraws an interest that waits for its answer.
    """
    with platform().unit_of_work() as uow:
        undo_answer(uow, caller().actor, suggestion_id, now(), side=query["side"])
    return nothing_more()

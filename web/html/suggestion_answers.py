"""Answers to suggestions: not for us, later, undo. By htmx the card's answer is replaced, else the page comes again."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from matching.errors import InvalidInput
from matching.models import Suggestion
from matching.queries.posts import load_posts
from matching.queries.suggestions import pair_states
from matching.queries.vocabularies import load_vocabularies
from matching.services.suggestion_answers import (
    decline_suggestion,
    postpone_suggestion,
    suggestion_not_found,
    undo_answer,
)
from web.languages import in_language
from web.reader import actor, audience, now, platform, signed_in_only
from web.security import safe_next

suggestion_answers = Blueprint("suggestion_answers", __name__, url_prefix="/suggestions")

Answered = Response | str | tuple[str, int]


@suggestion_answers.post("/<suggestion_id>/decline")
@signed_in_only
def decline(suggestion_id: str) -> Answered:
    """Not for us, with a reason; without one the form is shown again."""
    form = request.form
    try:
        with platform().unit_of_work() as uow:
            decline_suggestion(
                uow,
                actor(),
                suggestion_id,
                form.get("reason_code", ""),
                form.get("reason_text", ""),
                now(),
                side=form.get("side") or None,
                never_again=bool(form.get("never_again")),
            )
    except InvalidInput as error:
        return _show(suggestion_id, in_language(error.message, error.message_en)), 422
    return _answered(suggestion_id, _("已标为不合适，这一对不再推荐。"))


@suggestion_answers.post("/<suggestion_id>/later")
@signed_in_only
def postpone(suggestion_id: str) -> Answered:
    """Later."""
    with platform().unit_of_work() as uow:
        postpone_suggestion(uow, actor(), suggestion_id, now(), side=request.form.get("side") or None)
    return _answered(suggestion_id, _("已放到以后再说。"))


@suggestion_answers.post("/<suggestion_id>/undo")
@signed_in_only
def undo(suggestion_id: str) -> Answered:
    """Take the answer back."""
    with platform().unit_of_work() as uow:
        undo_answer(uow, actor(), suggestion_id, now(), side=request.form.get("side") or None)
    return _answered(suggestion_id, _("已撤销。"))


def _answered(suggestion_id: str, done: str) -> Answered:
    if request.headers.get("HX-Request"):
        return _show(suggestion_id)
    flash(done, "info")
    return redirect(safe_next(request.form.get("next"), url_for("inbox.show_inbox")))


def _show(suggestion_id: str, error: str = "") -> str:
    with platform().reading() as reading:
        suggestion = reading.get(Suggestion, suggestion_id)
        if suggestion is None:
            raise suggestion_not_found()
        need, capability = suggestion.need, suggestion.capability
        own, other = (capability, need) if request.form.get("side") == "capability" else (need, capability)
        state = pair_states(reading, actor(), [(suggestion, own, other)], now()).get(suggestion.id)
        if state is None:
            raise suggestion_not_found()
        seen = load_posts(reading, [need.id, capability.id], audience(), now())
        return render_template(
            "suggestions/answer_fragment.html" if request.headers.get("HX-Request") else "suggestions/answer.html",
            suggestion=suggestion,
            posts=list(seen.values()),
            state=state,
            vocabularies=load_vocabularies(reading),
            next=safe_next(request.form.get("next"), url_for("inbox.show_inbox")),
            typed=request.form if error else {},
            error=error,
        )

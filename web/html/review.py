"""The staff's desk: posts that wait for review."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from matching.errors import InvalidInput
from matching.queries.duplicates import count_duplicate_pairs
from matching.queries.posts import find_post, list_posts_to_review
from matching.queries.vocabularies import load_vocabularies
from matching.services.coach import coach_post
from matching.services.duplicates import find_alike
from matching.services.posts import NOTE_LENGTH, NOTED_FIELDS, publish_post, return_post, review_checks
from web.display import FIELD_LABELS
from web.languages import in_language, label_of
from web.reader import actor, audience, now, platform, staff_only

review = Blueprint("review", __name__, url_prefix="/review")

_LONGEST_REASON = 2000


@review.get("/")
@staff_only
def list_waiting() -> str:
    """Submitted posts of the region, those that wait longest first, with what the coach says."""
    with platform().reading() as reading:
        waiting = list_posts_to_review(reading, actor())
        return render_template(
            "review/list.html",
            waiting=[(post, coach_post(post.to_document(), visibility=post.visibility)) for post in waiting],
            vocabularies=load_vocabularies(reading),
            duplicates=count_duplicate_pairs(reading, actor(), now()),
        )


@review.get("/<post_id>")
@staff_only
def show_waiting(post_id: str) -> str:
    """One post with the two decisions."""
    return _render(post_id)


@review.post("/<post_id>/publish")
@staff_only
def publish(post_id: str) -> Response | tuple[str, int]:
    """Publish it; what the reviewer ticked of the checklist is kept in the log."""
    checked = request.form.getlist("check")
    try:
        with platform().unit_of_work() as uow:
            settings = platform().rules(uow.session).settings
            publish_post(uow, actor(), post_id, now(), settings=settings, checked=checked)
    except InvalidInput as error:
        return _render(post_id, check_error=in_language(error.message, error.message_en), checked=checked), 422
    flash(_("已发布，并开始匹配。"), "info")
    return redirect(url_for("review.list_waiting"))


@review.post("/<post_id>/return")
@staff_only
def give_back(post_id: str) -> Response | tuple[str, int]:
    """Give it back with reasons."""
    text = request.form.get("text", "").strip()[:_LONGEST_REASON]
    codes = request.form.getlist("reason")
    with platform().reading() as reading:
        vocabularies = load_vocabularies(reading)
    chosen = [label_of(term) for term in vocabularies.active("return_reason") if term.code in codes]
    notes = {
        name.removeprefix("note."): note.strip()[:NOTE_LENGTH]
        for name, note in request.form.items()
        if name.startswith("note.") and note.strip()
    }
    said = [_("%(field)s：%(note)s", field=note_label(name), note=note) for name, note in notes.items()]
    reason = "\n".join([*chosen, *([text] if text else []), *said])
    if not reason:
        return _render(post_id, error=_("请选择或写明退回原因"), codes=codes, text=text), 422
    with platform().unit_of_work() as uow:
        return_post(uow, actor(), post_id, reason, now(), notes=notes)
    flash(_("已退回，原因已告知发布单位。"), "info")
    return redirect(url_for("review.list_waiting"))


def note_label(name: str) -> str:
    """What the form calls a field that a note stands at."""
    return str(FIELD_LABELS.get("money" if name == "money_minimum" else name, name))


def _render(
    post_id: str,
    *,
    error: str = "",
    codes: list[str] | None = None,
    text: str = "",
    check_error: str = "",
    checked: list[str] | None = None,
) -> str:
    with platform().reading() as reading:
        post = find_post(reading, post_id, audience(), now())
        vocabularies = load_vocabularies(reading)
        return render_template(
            "review/show.html",
            post=post,
            findings=coach_post(post.to_document(), visibility=post.visibility),
            alike=find_alike(reading, post.to_document(), audience(), now()),
            vocabularies=vocabularies,
            checks=[vocabularies.find("review_check", code) for code in review_checks(reading, post.side)],
            checks_required=platform().rules(reading).settings.review_checks_required,
            checked=checked or [],
            check_error=check_error,
            noted=[(name, note_label(name)) for name in NOTED_FIELDS[post.side]],
            error=error,
            codes=codes or [],
            text=text,
        )

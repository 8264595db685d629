"""意向: asking to meet, what was asked and answered, and the answer itself."""

from __future__ import annotations

import re
from dataclasses import dataclass

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from matching.errors import IllegalMove, InvalidInput, NotAllowed
from matching.models import Post, Suggestion
from matching.policy import is_live
from matching.queries.interests import (
    InterestView,
    contact_to_offer,
    count_interests,
    list_interests,
    load_interests,
    open_interests_in,
    posts_to_ask_for,
    reply_times,
)
from matching.queries.posts import find_post, list_own_organisations, may_see_organisation
from matching.queries.suggestions import list_suggestions_for_post
from matching.queries.vocabularies import load_vocabularies
from matching.services.interests import (
    AIM_LENGTH,
    accept_interest,
    decline_interest,
    express_interest,
    interest_not_found,
    reopen_interest,
    withdraw_interest,
)
from matching.services.parties import spoken_for
from matching.services.suggestion_answers import suggestion_not_found
from web.engagement_words import WORDS
from web.errors import status_of
from web.forms.interests import ContactForm, InterestForm
from web.languages import in_language
from web.reader import actor, audience, now, platform, rules_now, signed_in_only

interests = Blueprint("interests", __name__, url_prefix="/interests")

Page = str | Response | tuple[str, int]
_ID = re.compile(r"[A-Za-z0-9._:~-]{1,64}")
_STATES: dict[str, tuple[str, ...]] = {
    "all": (),
    "open": ("open",),
    "accepted": ("accepted",),
    "ended": ("declined", "lapsed", "withdrawn"),
}


@dataclass(frozen=True, slots=True)
class Tab:
    """A part of the list, with its count."""

    key: str
    label: str
    count: int


@interests.get("/")
@signed_in_only
def list_all() -> str:
    """What the actor's side was asked, or asked itself."""
    box, state = request.args.get("box"), request.args.get("state", "all")
    offset = request.args.get("from", "0")
    if box not in (None, "received", "sent") or state not in _STATES or not offset.isdecimal() or len(offset) > 6:
        raise InvalidInput("list.state", "没有这种状态", where="state", message_en="There is no such state")
    with platform().reading() as reading:
        counts = count_interests(reading, actor())
        if box is None:
            # Who was never asked but has asked looks for their own.
            boxes = {name for (name, _status), number in counts.items() if number}
            box = "sent" if boxes == {"sent"} else "received"
        page = list_interests(
            reading,
            actor(),
            audience(),
            now(),
            received=box == "received",
            statuses=_STATES[state],
            offset=int(offset),
        )

        def count(in_box: str, statuses: tuple[str, ...]) -> int:
            return sum(
                number
                for (name, status), number in counts.items()
                if name == in_box and (not statuses or status in statuses)
            )

        labels = {"all": _("全部"), "open": _("等待答复"), "accepted": _("双方有意向"), "ended": _("已结束")}
        return render_template(
            "interests/list.html",
            boxes=[
                Tab("received", _("收到的"), count("received", ())),
                Tab("sent", _("发出的"), count("sent", ())),
            ],
            box=box,
            tabs=[Tab(key, labels[key], count(box, statuses)) for key, statuses in _STATES.items()],
            state=state,
            items=page.items,
            next_offset=page.next_offset,
            vocabularies=load_vocabularies(reading),
            **WORDS,
        )


@interests.route("/new", methods=["GET", "POST"])
@signed_in_only
def write_new() -> Page:
    """The set questions, for a suggestion or for a post of the other side."""
    form = InterestForm()
    given = form if request.method == "POST" else None
    suggestion_id = _as_id(given.suggestion.data if given else request.args.get("suggestion"))
    side = given.side.data if given else request.args.get("side")
    post_id = _as_id(given.post.data if given else request.args.get("post"))
    with platform().reading() as reading:
        own: Post | None = None
        if suggestion_id:
            own, target = _pair_of(reading, suggestion_id, side)
        else:
            target = find_post(reading, post_id or "", audience(), now())
        own_side = "need" if target.side == "capability" else "capability"
        own_posts = [own] if own is not None else posts_to_ask_for(reading, actor(), own_side, now())
        organisations = list_own_organisations(reading, actor())
        form.offer(own_posts, organisations)
        times = reply_times(reading, [target.organisation_id], now())
        if given is None:
            form.suggestion.data, form.side.data, form.post.data = suggestion_id, side, target.id
            form.own_id.data = own.id if own is not None else _likely_own(reading, target, own_posts)
            chosen = next((post for post in own_posts if post.id == form.own_id.data), None)
            form.offer_contact(contact_to_offer(reading, actor(), chosen))
    status = 422
    if given is not None:
        try:
            with platform().unit_of_work() as uow:
                choice = form.chosen() if own is None else {"own_id": own.id}
                interest = express_interest(
                    uow, actor(), target.id, form.entry(), now(), rules_now().settings, **choice
                )
        except InvalidInput as error:
            form.place(error)
        except (IllegalMove, NotAllowed) as error:
            # What changed while the form stood open; the text stays for whatever the person does next.
            form.form_errors.append(in_language(error.message, error.message_en))
            status = status_of(error)
        else:
            if interest.status == "accepted":
                flash(_("对方此前已有意向，对接已开始，双方可以看到联系方式。"), "info")
            else:
                flash(_("已告诉对方，请等待答复。"), "info")
            return redirect(url_for("interests.show", interest_id=interest.id))
    named = may_see_organisation(audience(), target)
    page = render_template(
        "interests/write.html",
        form=form,
        own=own,
        target=target,
        named=named,
        open=given is not None or (is_live(target, now()) and target.open_for_interest),
        reply_time=times.get(target.organisation_id) if named else None,
        days=rules_now().settings.interest_days,
        aim_length=AIM_LENGTH,
        **WORDS,
    )
    return page if given is None else (page, status)


@interests.get("/<interest_id>")
@signed_in_only
def show(interest_id: str) -> str:
    """One interest, with the answer that the reader may give."""
    return _render(interest_id)


@interests.post("/<interest_id>/accept")
@signed_in_only
def accept(interest_id: str) -> Page:
    """Yes: an engagement opens, and both see each other's contacts."""
    form = ContactForm()
    try:
        with platform().unit_of_work() as uow:
            engagement = accept_interest(uow, actor(), interest_id, form.contact(), now())
    except InvalidInput as error:
        form.place(error)
        return _render(interest_id, form=form), 422
    flash(_("对接已开始，双方可以看到联系方式。"), "info")
    return redirect(url_for("engagements.show", engagement_id=engagement.id))


@interests.post("/<interest_id>/decline")
@signed_in_only
def decline(interest_id: str) -> Page:
    """No, with a reason."""
    try:
        with platform().unit_of_work() as uow:
            decline_interest(
                uow,
                actor(),
                interest_id,
                request.form.get("reason_code", ""),
                request.form.get("reason_text", ""),
                now(),
                never_again=bool(request.form.get("never_again")),
            )
    except InvalidInput as error:
        return _render(interest_id, error=in_language(error.message, error.message_en)), 422
    flash(_("已答复对方。"), "info")
    return redirect(url_for("interests.show", interest_id=interest_id))


@interests.post("/<interest_id>/<any(withdraw,reopen):move>")
@signed_in_only
def move(interest_id: str, move: str) -> Response:
    """Take back an own interest, or undo a decline."""
    take = withdraw_interest if move == "withdraw" else reopen_interest
    try:
        with platform().unit_of_work() as uow:
            take(uow, actor(), interest_id, now())
    except IllegalMove as error:
        flash(in_language(error.message, error.message_en), "warning")
    else:
        flash(_("已撤回。") if move == "withdraw" else _("已撤销，这条意向重新等待您的答复。"), "info")
    return redirect(url_for("interests.show", interest_id=interest_id))


def _as_id(text: str | None) -> str:
    """The text if it may be an id, else nothing: what no id can hold is not asked of the database."""
    return text if text and _ID.fullmatch(text) else ""


def _pair_of(reading: Session, suggestion_id: str, side: str | None) -> tuple[Post, Post]:
    """(own, other) of a suggestion; what is not for the actor does not exist for them."""
    suggestion = reading.get(Suggestion, suggestion_id)
    if suggestion is None:
        raise suggestion_not_found()
    posts: list[Post] = [suggestion.need, suggestion.capability]
    spoken = spoken_for(reading, actor(), posts)
    own = next((post for post in posts if post.id in spoken and side in (None, "", post.side)), None)
    if own is None:
        raise suggestion_not_found()
    [other] = [post for post in posts if post is not own]
    return own, find_post(reading, other.id, audience(), now())


def _likely_own(reading: Session, target: Post, own_posts: list[Post]) -> str:
    """The own post that the target was suggested with, the best first; else none."""
    mine = {post.id for post in own_posts}
    for pair in list_suggestions_for_post(reading, target, audience(), now()):
        if pair.other.id in mine:
            return pair.other.id
    return ""


def _render(interest_id: str, *, form: ContactForm | None = None, error: str = "") -> str:
    with platform().reading() as reading:
        view = load_interests(reading, [interest_id], actor(), audience(), now()).get(interest_id)
        if view is None:
            raise interest_not_found()
        interest = view.interest
        if form is None:
            form = ContactForm(formdata=None)
            if view.received:
                form.offer_contact(contact_to_offer(reading, actor(), view.target))
        return render_template(
            "interests/show.html",
            view=view,
            interest=interest,
            waiting=interest.status == "open" and interest.expires_at > now(),
            may_reopen=view.received and interest.status == "declined" and interest.expires_at > now(),
            form=form,
            error=error,
            typed=request.form if error else {},
            reply_time=_reply_time(reading, view),
            vocabularies=load_vocabularies(reading),
            **WORDS,
        )


def _reply_time(reading: Session, view: InterestView) -> object:
    if view.received or not view.to_named:
        return None
    organisation_id = view.interest.to_organisation_id
    return reply_times(reading, [organisation_id], now()).get(organisation_id)


def interest_box(reading: Session, post: Post) -> dict[str, object]:
    """What a post's page offers to those who might ask: nothing to its own people and where it is not open."""
    if post.organisation_id in actor().organisation_roles or not is_live(post, now()) or not post.open_for_interest:
        return {"interest_open": False}
    named = may_see_organisation(audience(), post)
    times = reply_times(reading, [post.organisation_id], now()) if named else {}
    return {
        "interest_open": True,
        "interests_sent": open_interests_in(reading, actor(), post.id) if actor().user_id else [],
        "reply_time": times.get(post.organisation_id),
        "in_days_or_hours": WORDS["in_days_or_hours"],
    }

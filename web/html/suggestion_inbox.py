"""Everything that is suggested to the reader, in the order they asked for, and what they asked for."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select
from werkzeug.wrappers import Response

from matching.errors import InvalidInput
from matching.models import Expert, Organisation, Post, Suggestion
from matching.models.wish import WISH_KINDS
from matching.queries.posts import load_posts, may_see_organisation
from matching.queries.suggestions import SuggestedPost, pair_states
from matching.queries.vocabularies import load_vocabularies
from matching.queries.wishes import FeedFilter, as_wish, list_wishes, read_feed, traits_of
from matching.ranking.wishes import Traits
from matching.services.suggestion_answers import suggestion_not_found
from matching.services.wishes import MOST_WISHES, WORD_LENGTH, add_wish, drop_wish, note_visit
from web.languages import in_language
from web.reader import actor, audience, now, platform, signed_in_only
from web.security import safe_next
from web.suggestion_cards import show_suggestions

suggestion_inbox = Blueprint("suggestion_inbox", __name__, url_prefix="/suggestions")

PAGE = 10
_STATES = ("new", "open", "later", "answered")


@suggestion_inbox.get("/")
@signed_in_only
def show_feed() -> str:
    """The suggestions of all posts the reader speaks for, what is new since their last visit marked."""
    state = request.args.get("state") or None
    if state is not None and state not in _STATES:
        raise InvalidInput("list.state", "没有这种状态", where="state", message_en="There is no such state")
    by_wishes = request.args.get("order") != "fit"
    page = _page_number()
    filters = FeedFilter(
        own_id=request.args.get("post") or None,
        domain=request.args.get("domain") or None,
        cooperation_mode=request.args.get("mode") or None,
        state=state,
    )
    with platform().reading() as reading:
        feed = read_feed(reading, actor(), audience(), now(), filters, by_wishes=by_wishes)
        wishes = [as_wish(row) for row in list_wishes(reading, actor().user_id)]
        turned_off = bool(
            reading.scalar(
                select(Expert.id)
                .where(Expert.user_id == actor().user_id, Expert.suggestions_wanted.is_(False))
                .limit(1)
            )
        )
        part = feed.items[(page - 1) * PAGE : page * PAGE]
        cards = []
        for item in part:
            [card] = show_suggestions(
                item.own,
                [SuggestedPost(item.suggestion, item.other)],
                audience(),
                {item.suggestion.id: item.state},
                wishes,
            )
            cards.append((item, card))
        answer = render_template(
            "suggestions/feed.html",
            feed=feed,
            cards=cards,
            page=page,
            pages=max(1, -(-len(feed.items) // PAGE)),
            filters=filters,
            states=_state_labels(),
            by_wishes=by_wishes,
            wishes=wishes,
            turned_off=turned_off,
            weekly_load=platform().rules(reading).settings.weekly_load,
            vocabularies=load_vocabularies(reading),
        )
    with platform().unit_of_work() as uow:
        note_visit(uow, actor(), feed.shown_ids, now())
    return answer


@suggestion_inbox.route("/wishes", methods=["GET", "POST"])
@signed_in_only
def show_wishes() -> str | Response | tuple[str, int]:
    """What the reader wants more or less of: said, listed, taken back."""
    if request.method == "GET":
        return _render_wishes()
    chosen = [entry.partition(":")[::2] for entry in request.form.getlist("trait")]
    kind, typed = request.form.get("kind", ""), request.form.get(f"value-{request.form.get('kind', '')}", "")
    if kind:
        chosen.append((kind, typed))
    try:
        if not chosen:
            raise InvalidInput("wish.value", "请填写或选择一项", where="value", message_en="Enter or choose something")
        for one, value in chosen:
            with platform().unit_of_work() as uow:
                add_wish(uow, actor(), request.form.get("direction", ""), one, value, now())
    except InvalidInput as error:
        return _render_wishes(error=in_language(error.message, error.message_en)), 422
    flash(_("已记下，排列的先后马上改变。"), "info")
    return redirect(safe_next(request.form.get("next"), url_for("suggestion_inbox.show_wishes")))


@suggestion_inbox.post("/wishes/<wish_id>/drop")
@signed_in_only
def drop(wish_id: str) -> Response:
    """Take one back."""
    with platform().unit_of_work() as uow:
        drop_wish(uow, actor(), wish_id)
    flash(_("已撤销。"), "info")
    return redirect(url_for("suggestion_inbox.show_wishes"))


def _render_wishes(*, error: str = "") -> str:
    with platform().reading() as reading:
        rows = list_wishes(reading, actor().user_id)
        names = dict(
            reading.execute(
                select(Organisation.id, Organisation.name).where(
                    Organisation.id.in_([row.value for row in rows if row.kind == "organisation"])
                )
            )
            .tuples()
            .all()
        )
        like = request.values.get("like", "")[:64]
        post, traits = _traits_of_suggestion(like) if like else (None, None)
        return render_template(
            "suggestions/wishes.html",
            rows=rows,
            names=names,
            like=like,
            post=post,
            traits=traits,
            kinds=[kind for kind in WISH_KINDS if kind != "organisation"],
            typed=request.form,
            error=error,
            most=MOST_WISHES,
            word_length=WORD_LENGTH,
            vocabularies=load_vocabularies(reading),
        )


def _traits_of_suggestion(suggestion_id: str) -> tuple[Post, Traits]:
    """The other post of a suggestion to the reader, and what of it one may want more or less of."""
    with platform().reading() as reading:
        suggestion = reading.get(Suggestion, suggestion_id)
        if suggestion is None:
            raise suggestion_not_found()
        pair = (suggestion, suggestion.need, suggestion.capability)
        state = pair_states(reading, actor(), [pair], now()).get(suggestion.id)
        other = suggestion.capability if state is not None and state.side == "need" else suggestion.need
        if state is None or other.id not in load_posts(reading, [other.id], audience(), now()):
            raise suggestion_not_found()
        return other, traits_of(other, named=may_see_organisation(audience(), other))


def _page_number() -> int:
    entered = request.args.get("page", "1")
    return min(max(int(entered), 1), 10) if entered.isascii() and entered.isdigit() and len(entered) < 4 else 1


def _state_labels() -> dict[str, str]:
    return {"new": _("上次之后新增"), "open": _("还没答复"), "later": _("以后再说"), "answered": _("已有意向")}

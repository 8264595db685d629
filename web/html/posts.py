"""A post's page, the actor's own posts, and what can be done with them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from matching.errors import InvalidInput
from matching.models import Post
from matching.queries.posts import count_own_posts, find_post, list_own_posts, may_see_organisation
from matching.queries.revisions import list_changes
from matching.queries.suggestions import (
    PairState,
    count_suggestions,
    list_declined,
    list_suggestions_for_post,
    pair_states,
)
from matching.queries.vocabularies import Vocabularies, load_vocabularies
from matching.queries.wishes import as_wish, list_wishes
from matching.services.actor import post_not_found
from matching.services.attachments import list_attachments, may_see_attachments
from matching.services.interests import open_post_for_interest
from matching.services.lifecycle import EDITABLE, moves_from
from matching.services.parties import speaks_for
from matching.services.posts import (
    archive_post,
    close_post,
    pause_post,
    publish_post,
    renew_post,
    resume_post,
    submit_post,
    withdraw_post,
)
from matching.services.unsent import list_texts
from web.display import days_left
from web.facets import page_argument
from web.html import writing
from web.html.interests import interest_box
from web.languages import in_language
from web.reader import actor, audience, now, platform, rules_now, signed_in_only
from web.suggestion_cards import ShownSuggestion, is_put_aside, show_suggestions

posts = Blueprint("posts", __name__, url_prefix="/posts")

_TABS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("all", ()),
    ("draft", ("draft", "returned")),
    ("submitted", ("submitted",)),
    ("published", ("published",)),
    ("resting", ("paused", "expired")),
    ("ended", ("closed", "archived")),
)


_MINE_AT_ONCE = 25


@dataclass(frozen=True, slots=True)
class Tab:
    """A list of own posts by state, with its count."""

    key: str
    label: str
    count: int


def may_edit(post: Post) -> bool:
    """Whether the actor writes for the post's organisation or is its staff."""
    return actor().may_edit_for(post.organisation_id) or actor().is_staff_for(post.region_code)


def offered_moves(post: Post) -> list[str]:
    """What the actor may do with the post now, the most likely first."""
    if not may_edit(post):
        return []
    moves = [move for move in moves_from(post.status) if move not in ("expire", "return")]
    if writing.may_publish(post):
        moves = [move for move in moves if move != "submit"]
    else:
        moves = [move for move in moves if move != "publish"]
    left = days_left(post, now())
    if post.status == "published" and left is not None and left > rules_now().settings.renew_within_days:
        moves.remove("renew")
    first = ("publish", "submit", "resume", "renew")
    return sorted(moves, key=lambda move: first.index(move) if move in first else len(first))


def _close_reasons(vocabularies: Vocabularies) -> list[str]:
    """Codes of the editable list of reasons."""
    return [term.code for term in vocabularies.active("close_reason")]


@posts.get("/<post_id>")
def show_post(post_id: str) -> str:
    """The post: what is wanted, by when, for how much, who might solve it and why."""
    with platform().reading() as reading:
        post = find_post(reading, post_id, audience(), now())
        vocabularies = load_vocabularies(reading)
        return render_template(
            "posts/show.html",
            post=post,
            named=may_see_organisation(audience(), post),
            editor=may_edit(post),
            member=post.organisation_id in actor().organisation_roles,
            editable=post.status in EDITABLE,
            moves=offered_moves(post),
            close_reasons=_close_reasons(vocabularies),
            vocabularies=vocabularies,
            attached=list_attachments(reading, post.id) if may_see_attachments(audience(), post) else [],
            **_suggestions(reading, post),
            **interest_box(reading, post),
        )


@posts.get("/<post_id>/suggestions")
def list_suggestions(post_id: str) -> str | Response:
    """The suggestions alone: what the post's page asks for again while they are being worked out.

    Whoever opens the address by itself is led to the page they belong to.
    """
    with platform().reading() as reading:
        post = find_post(reading, post_id, audience(), now())
        if not request.headers.get("HX-Request"):
            return redirect(url_for("posts.show_post", post_id=post_id, _anchor="suggestions"))
        return render_template(
            "posts/suggestions.html",
            post=post,
            member=post.organisation_id in actor().organisation_roles,
            editor=may_edit(post),
            vocabularies=load_vocabularies(reading),
            **_suggestions(reading, post),
        )


def _numbered(cards: Iterable[ShownSuggestion]) -> list[ShownSuggestion]:
    return [replace(card, rank=rank) for rank, card in enumerate(cards, start=1)]


def _suggestions(reading: Session, post: Post) -> dict[str, object]:
    """The post's suggestions as cards, those to be looked at later apart, and the pairs its own side declined."""
    found = list_suggestions_for_post(reading, post, audience(), now())
    states = pair_states(reading, actor(), [(pair.suggestion, post, pair.other) for pair in found], now())
    wishes = [as_wish(row) for row in list_wishes(reading, actor().user_id)] if states else []
    cards = show_suggestions(post, found, audience(), states, wishes)
    declined = list_declined(reading, post, audience(), now()) if speaks_for(reading, actor(), post) else []
    return {
        "suggestions": _numbered(card for card in cards if not is_put_aside(card)),
        "later": _numbered(card for card in cards if is_put_aside(card)),
        "declined": [(answer, other, PairState(side=post.side, answer=answer)) for answer, other in declined],
    }


@posts.get("/<post_id>/changes")
@signed_in_only
def list_changes_of(post_id: str) -> str:
    """What each change made of the post; for its editors and the staff."""
    with platform().reading() as reading:
        post = find_post(reading, post_id, audience(), now())
        if not may_edit(post):
            raise post_not_found()
        member = post.organisation_id in actor().organisation_roles
        return render_template(
            "posts/changes.html",
            post=post,
            member=member,
            changes=list_changes(reading, post, with_contact=member),
            vocabularies=load_vocabularies(reading),
        )


@posts.route("/<post_id>/edit", methods=["GET", "POST"])
@signed_in_only
def edit(post_id: str) -> writing.Page:
    """The form of a stored post."""
    return writing.write_again(post_id)


@posts.post("/<post_id>/<any(submit,withdraw,publish,pause,resume,renew,close,archive):move>")
@signed_in_only
def move(post_id: str, move: str) -> Response:
    """Take a post on in its life."""
    with platform().reading() as reading:
        find_post(reading, post_id, audience(), now())  # what the actor may not see does not exist for them
    settings = rules_now().settings
    with platform().unit_of_work() as uow:
        if move == "publish":
            publish_post(uow, actor(), post_id, now(), settings=settings)
        elif move == "renew":
            renew_post(uow, actor(), post_id, now(), settings=settings)
        elif move == "close":
            try:
                close_post(uow, actor(), post_id, request.form.get("reason", ""), now())
            except InvalidInput as error:
                flash(in_language(error.message, error.message_en), "warning")
                return redirect(url_for("posts.show_post", post_id=post_id, _anchor=f"close-{post_id}"))
        else:
            simple = {
                "submit": submit_post,
                "withdraw": withdraw_post,
                "pause": pause_post,
                "resume": resume_post,
                "archive": archive_post,
            }
            simple[move](uow, actor(), post_id, now())
    flash(_move_done(move), "info")
    return redirect(url_for("posts.show_post", post_id=post_id))


@posts.post("/<post_id>/interest")
@signed_in_only
def open_for_interest(post_id: str) -> Response:
    """Let others ask about the post, or stop that for a while."""
    with platform().reading() as reading:
        find_post(reading, post_id, audience(), now())  # what the actor may not see does not exist for them
    open_now = request.form.get("open") == "y"
    with platform().unit_of_work() as uow:
        open_post_for_interest(uow, actor(), post_id, open_now, now())
    flash(_("已恢复接受意向。") if open_now else _("已暂停接受意向，也不再推荐；信息仍然可见。"), "info")
    return redirect(url_for("posts.show_post", post_id=post_id))


def _move_done(move: str) -> str:
    words: dict[str, str] = {
        "submit": _("已提交审核。"),
        "withdraw": _("已撤回，可以继续修改。"),
        "publish": _("已发布。匹配建议几秒钟后出现在下面。"),
        "pause": _("已暂停：别人看不到它，也不再匹配。"),
        "resume": _("已恢复发布。"),
        "renew": _("已续期。"),
        "close": _("已关闭，相关匹配建议已撤下。"),
        "archive": _("已归档。"),
    }
    return words[move]


@posts.get("/mine")
@signed_in_only
def list_mine() -> str:
    """Everything of the actor's organisations, by state."""
    chosen = request.args.get("state", "all")
    statuses = dict(_TABS).get(chosen)
    if statuses is None:
        raise InvalidInput("list.state", "没有这种状态", where="state", message_en="There is no such state")
    labels = {
        "all": _("全部"),
        "draft": _("草稿与退回"),
        "submitted": _("待审核"),
        "published": _("已发布"),
        "resting": _("暂停与过期"),
        "ended": _("已关闭"),
    }
    with platform().reading() as reading:
        counted = count_own_posts(reading, actor())
        count = sum(counted[status] for status in statuses) if statuses else counted.total()
        pages = max(1, -(-count // _MINE_AT_ONCE))
        page = min(page_argument(), pages)
        vocabularies = load_vocabularies(reading)
        shown = list_own_posts(
            reading, actor(), statuses=statuses, limit=_MINE_AT_ONCE, offset=(page - 1) * _MINE_AT_ONCE
        )
        return render_template(
            "posts/mine.html",
            tabs=[
                Tab(key, labels[key], sum(counted[status] for status in states) if states else counted.total())
                for key, states in _TABS
            ],
            chosen=chosen,
            unsent=list_texts(reading, actor()) if chosen in ("all", "draft") and page == 1 else [],
            shown=shown,
            page=page,
            pages=pages,
            any_at_all=bool(counted),
            suggestion_counts=count_suggestions(reading, [post.id for post in shown]),
            moves={post.id: offered_moves(post) for post in shown},
            editable={post.id: post.status in EDITABLE and may_edit(post) for post in shown},
            close_reasons=_close_reasons(vocabularies),
            vocabularies=vocabularies,
        )

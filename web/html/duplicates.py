"""The staff's list of posts that say nearly the same, and what they make of each pair."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from matching.models import DuplicatePair, Post
from matching.queries.duplicates import list_duplicate_pairs
from matching.queries.vocabularies import load_vocabularies
from matching.services.duplicates import Decision, choose_richer, settle_duplicate
from web.reader import actor, now, platform, staff_only

duplicates = Blueprint("duplicates", __name__, url_prefix="/duplicates")

_DECISIONS: dict[str, Decision] = {
    "close_first": "close_first",
    "close_second": "close_second",
    "not_duplicate": "not_duplicate",
}


@dataclass(frozen=True, slots=True)
class ShownPost:
    """One side of a pair: the post, whether it is proposed to stay, and whether the reader may end it."""

    post: Post
    stays: bool
    may_end: bool
    end: Decision


@dataclass(frozen=True, slots=True)
class ShownPair:
    """A pair with the post that is proposed to stay first."""

    pair: DuplicatePair
    percent: int
    posts: tuple[ShownPost, ShownPost]


@duplicates.get("/")
@staff_only
def list_pairs() -> str:
    """Open pairs of the region, the most alike first."""
    with platform().reading() as reading:
        pairs = list_duplicate_pairs(reading, actor(), now())
        return render_template(
            "duplicates/list.html", pairs=[_show(pair) for pair in pairs], vocabularies=load_vocabularies(reading)
        )


@duplicates.post("/<pair_id>")
@staff_only
def settle(pair_id: str) -> Response:
    """Close one of the two, or say that they are none."""
    decision = _DECISIONS.get(request.form.get("decision", ""))
    if decision is None:
        flash(_("请选择如何处理"), "warning")
        return redirect(url_for("duplicates.list_pairs"))
    with platform().unit_of_work() as uow:
        pair = settle_duplicate(uow, actor(), pair_id, decision, now())
        told: dict[str, Callable[[], str]] = {
            "closed": lambda: _("已关闭重复的一条，并告知发布单位。"),
            "returned": lambda: _("已退回重复的一条，并告知发布单位。"),
            "not_duplicate": lambda: _("已记下：这两条不重复。"),
        }
        flash(told[pair.state](), "info")
    return redirect(url_for("duplicates.list_pairs"))


def _show(pair: DuplicatePair) -> ShownPair:
    stays = choose_richer(pair.first, pair.second)
    first = _side(pair.first, pair.first is stays, "close_first")
    second = _side(pair.second, pair.second is stays, "close_second")
    return ShownPair(pair, round(pair.similarity * 100), (first, second) if first.stays else (second, first))


def _side(post: Post, stays: bool, end: Decision) -> ShownPost:
    return ShownPost(post, stays, actor().is_staff_for(post.region_code), end)

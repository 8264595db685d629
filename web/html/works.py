"""An expert's works: everybody sees those that are shown; whoever keeps the entry shows and hides them."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from matching.queries.profiles import find_expert
from matching.queries.works import list_works
from matching.ranking.works import MOST_WORKS
from matching.services.experts import may_keep_expert
from matching.services.works import hide_work
from web.reader import actor, audience, now, platform, signed_in_only

works = Blueprint("works", __name__, url_prefix="/experts/<expert_id>/works")

PAGE = 50


@works.get("/")
def show_works(expert_id: str) -> str:
    """The works, the latest first; to those who keep the entry also the hidden ones, with where each comes from."""
    entered = request.args.get("page", "1")
    page = int(entered) if entered.isascii() and entered.isdigit() and len(entered) < 4 else 1
    with platform().reading() as reading:
        profile = find_expert(reading, expert_id, audience(), now())
        keeper = may_keep_expert(reading, actor(), profile.expert, now())
        listed = list_works(reading, profile.expert.id, with_hidden=keeper)
        # What is matched by is the latest of the shown ones, in this order.
        shown = [work.id for work, hidden in listed if not hidden]
        pages = max(1, -(-len(listed) // PAGE))
        page = min(max(page, 1), pages)
        return render_template(
            "experts/works.html",
            expert=profile.expert,
            keeper=keeper,
            listed=listed[(page - 1) * PAGE : page * PAGE],
            count=len(listed),
            matched_by=frozenset(shown[:MOST_WORKS]),
            most=MOST_WORKS,
            page=page,
            pages=pages,
        )


@works.post("/<work_id>")
@signed_in_only
def choose(expert_id: str, work_id: str) -> Response:
    """Show or hide one: hidden, it is neither listed nor matched by."""
    hidden = request.form.get("hidden") == "y"
    with platform().unit_of_work() as uow:
        hide_work(uow, actor(), expert_id, work_id, hidden, now())
    flash(_("已隐藏：不再显示，也不再用于匹配。") if hidden else _("已恢复显示，也重新用于匹配。"), "info")
    return redirect(
        url_for(
            "works.show_works", expert_id=expert_id, page=request.form.get("page") or None, _anchor=f"work-{work_id}"
        )
    )

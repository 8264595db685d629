"""The rankers that learned from use: figures beside those of what they were compared with, and the two decisions."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from matching.queries.judgements import PLATFORM_SET
from matching.queries.model_revisions import list_revisions
from matching.services.model_revisions import activate_revision, compare_figures, may_activate, roll_back
from matching.training.further import MOST_FALL
from web.reader import actor, now, platform, staff_only

models = Blueprint("models", __name__, url_prefix="/models")

MEASURES = {"ndcg_10": "nDCG@10", "auc": "AUC", "recall_50": "recall@50"}


@models.get("/")
@staff_only
def list_all() -> str:
    """All revisions, the latest first."""
    with platform().reading() as reading:
        revisions = [
            (revision, compare_figures(revision.figures), may_activate(revision.figures))
            for revision in list_revisions(reading)
        ]
        return render_template(
            "models/list.html",
            present=platform().ranker.revision,
            revisions=revisions,
            measures=MEASURES,
            platform_set=PLATFORM_SET,
            most_fall=MOST_FALL,
            decides=actor().is_administrator,
            some_active=any(revision.state == "active" for revision, _figures, _allowed in revisions),
        )


@models.post("/<revision_id>/activate")
@staff_only
def activate(revision_id: str) -> Response:
    """Rank with it from now on; for administrators."""
    activate_revision(platform(), actor(), revision_id, now())
    flash(_("已启用。所有匹配建议正在按新版本重新排序。"), "info")
    return redirect(url_for("models.list_all"))


@models.post("/rollback")
@staff_only
def go_back() -> Response:
    """Back to what the active revision was compared with; for administrators."""
    roll_back(platform(), actor(), now())
    flash(_("已退回上一版本。所有匹配建议正在重新排序。"), "info")
    return redirect(url_for("models.list_all"))

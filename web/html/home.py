"""The start page: search, honest numbers, what is new."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, render_template, url_for
from flask_babel import gettext as _

from matching.queries.home import home_figures
from matching.queries.posts import PostFilter, list_posts, may_see_organisation
from matching.queries.vocabularies import load_vocabularies
from web.reader import audience, now, platform

home = Blueprint("home", __name__)

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its words, and the page that shows its rows."""

    label: str
    value: int
    url: str | None = None


@home.get("/")
def show_home() -> str:
    """What a visitor sees first."""
    reader = audience()
    with platform().reading() as reading:
        counted = home_figures(reading, now())
        latest: dict[str, list[tuple[Any, bool]]] = {
            side: [
                (post, may_see_organisation(reader, post))
                for post in list_posts(
                    reading, PostFilter(side=side, statuses=("published",)), reader, now(), limit=_SHOWN
                ).posts
            ]
            for side in ("need", "capability")
        }
        return render_template(
            "home/home.html",
            figures=[
                Figure(_("公开的技术需求"), counted.needs, url_for("search.show_results", type="need")),
                Figure(_("公开的技术供给"), counted.capabilities, url_for("search.show_results", type="capability")),
                Figure(_("参与单位"), counted.organisations, url_for("organisations.list_library")),
                Figure(_("近 30 天新发布"), counted.published_recently),
            ],
            latest_needs=latest["need"],
            latest_capabilities=latest["capability"],
            vocabularies=load_vocabularies(reading),
        )

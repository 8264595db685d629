"""What pages say to programs in their heads: canonical address, previews, JSON-LD, feeds; and who is not to be indexed.

Only what a visitor may see is said, whoever looks: the head of a post that is not public asks to be left out.
A block of JSON-LD is data, not a script; the content security policy does not stop it, and nothing in it can end it.
"""

from __future__ import annotations

from typing import Any

from flask import Flask, url_for
from flask_babel import gettext as _
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup
from sqlalchemy.orm import Session

from matching.exporting.atom import summary_of
from matching.exporting.linked_data import describe_expert, describe_organisation, describe_post
from matching.models import Expert, Organisation, Post
from matching.policy import Audience, may_see_post
from matching.queries.open_data import is_open_expert
from matching.queries.vocabularies import Vocabularies
from web.reader import now, platform

_DESCRIPTION_LENGTH = 160
_NOT_INDEXED = Markup('<meta name="robots" content="noindex">')


def public_url() -> str:
    """Where the product is for everybody, without a slash at the end. Not what a request says: that can be forged."""
    return platform().settings.public_url.rstrip("/")


def install_head(app: Flask) -> None:
    """Make the heads known to the templates."""
    app.jinja_env.globals.update(post_head=post_head, organisation_head=organisation_head, feed_links=feed_links)


def post_head(post: Post, vocabularies: Vocabularies) -> Markup:
    """Of a post's page."""
    if not may_see_post(Audience(), post, now()):
        return _NOT_INDEXED
    side = "needs" if post.side == "need" else "capabilities"
    return Markup("\n  ").join(
        (
            _preview(post.title, summary_of(post, _DESCRIPTION_LENGTH), f"/posts/{post.id}", "article"),
            _feed_link(side, post.title, domain=post.domain) if post.domain else feed_links(post.side),
            _linked(describe_post(post, vocabularies, public_url())),
        )
    )


def organisation_head(organisation: Organisation) -> Markup:
    """Of an organisation's page."""
    if not organisation.approved:
        return _NOT_INDEXED
    about = " ".join(organisation.intro.split())[:_DESCRIPTION_LENGTH] or organisation.name
    return Markup("\n  ").join(
        (
            _preview(organisation.name, about, f"/organisations/{organisation.id}", "profile"),
            _linked(describe_organisation(organisation, public_url())),
        )
    )


def expert_head(reading: Session, expert: Expert, organisations: list[Organisation]) -> Markup:
    """Of an expert's page: who did not agree to be collected is not described, and asks not to be indexed."""
    if not is_open_expert(reading, expert.id, now()):
        return _NOT_INDEXED
    about = " ".join((expert.shown("intro") or "").split())[:_DESCRIPTION_LENGTH] or expert.name
    return Markup("\n  ").join(
        (
            _preview(expert.name, about, f"/experts/{expert.id}", "profile"),
            _linked(describe_expert(expert, [one for one in organisations if one.approved], public_url())),
        )
    )


def feed_links(side: str | None = None, *, industry: str | None = None, domain: str | None = None) -> Markup:
    """Links by which a feed reader finds the feeds of a page."""
    links = [
        _feed_link(name, str(title), industry=industry, domain=domain)
        for name, of_side, title in (
            ("needs", "need", _("最新技术需求")),
            ("capabilities", "capability", _("最新技术供给")),
        )
        if side in (None, of_side)
    ]
    return Markup("\n  ").join(links)


def _feed_link(name: str, title: str, *, industry: str | None = None, domain: str | None = None) -> Markup:
    address = url_for("open_data.send_feed", name=name, industry=industry or None, domain=domain or None)
    return Markup('<link rel="alternate" type="application/atom+xml" title="{}" href="{}">').format(title, address)


def _preview(title: str, description: str, path: str, kind: str) -> Markup:
    address = f"{public_url()}{path}"
    lines = [
        Markup('<link rel="canonical" href="{}">').format(address),
        Markup('<meta name="description" content="{}">').format(description),
    ]
    for name, value in (
        ("type", kind),
        ("title", title),
        ("description", description),
        ("url", address),
        ("site_name", _("对接")),
    ):
        lines.append(Markup('<meta property="og:{}" content="{}">').format(name, value))
    return Markup("\n  ").join(lines)


def _linked(node: dict[str, Any]) -> Markup:
    return Markup('<script type="application/ld+json">{}</script>').format(htmlsafe_json_dumps(node))

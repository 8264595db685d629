"""Atom feeds (RFC 4287) of public posts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from lxml import etree

from matching.exporting.xml_text import xml_moment, xml_text
from matching.models import Post

ATOM = "http://www.w3.org/2005/Atom"
_XML = "{http://www.w3.org/XML/1998/namespace}"
_SUMMARY_LENGTH = 500


FEED_TITLES = {"need": "对接：最新技术需求 · Duijie: needs", "capability": "对接：最新技术供给 · Duijie: capabilities"}
"""By side, in both languages at once: what a feed reader keeps must not depend on who asked first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """What a feed says of itself. `path` is where it is, `page` the page that shows the same; both on this site."""

    title: str
    path: str
    page: str
    posts: Sequence[Post]


def feed_changed(feed: Feed) -> datetime:
    """When anything in it last changed; the epoch where there is nothing."""
    return max((post.updated_at for post in feed.posts), default=datetime(1970, 1, 1, tzinfo=UTC))


def write_feed(feed: Feed, public_url: str) -> bytes:
    """The document. Ids are tag URIs of the posts' own ids, so they stay when titles or addresses change."""
    authority = urlsplit(public_url).hostname or "localhost"
    root = etree.Element(f"{{{ATOM}}}feed", nsmap={None: ATOM})
    root.set(f"{_XML}lang", "zh-CN")
    _add(root, "id", f"tag:{authority},2026:{feed.path}")
    _add(root, "title", feed.title)
    _add(root, "updated", xml_moment(feed_changed(feed)))
    _add_link(root, "self", f"{public_url}{feed.path}", "application/atom+xml")
    _add_link(root, "alternate", f"{public_url}{feed.page}", "text/html")
    _add(root, "generator", "Duijie")
    for post in feed.posts:
        _add_entry(root, post, public_url, authority)
    return etree.tostring(root, encoding="utf-8", xml_declaration=True)  # type: ignore[no-any-return]


def summary_of(post: Post, length: int = _SUMMARY_LENGTH) -> str:
    """The beginning of the post's text on one line; the title where it has no text."""
    text = " ".join(post.prose().split()) or post.title
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _add_entry(root: etree._Element, post: Post, public_url: str, authority: str) -> None:
    entry = etree.SubElement(root, f"{{{ATOM}}}entry")
    entry.set(f"{_XML}lang", post.language)
    _add(entry, "id", f"tag:{authority},2026:posts/{post.id}")
    _add(entry, "title", post.title)
    _add(entry, "updated", xml_moment(post.updated_at))
    if post.published_at is not None:
        _add(entry, "published", xml_moment(post.published_at))
    author = etree.SubElement(entry, f"{{{ATOM}}}author")
    _add(author, "name", post.organisation.name)
    _add_link(entry, "alternate", f"{public_url}/posts/{post.id}", "text/html")
    for vocabulary, codes in (("industry", post.codes("industry")), ("domain", (post.domain,) if post.domain else ())):
        for code in codes:
            category = etree.SubElement(entry, f"{{{ATOM}}}category")
            category.set("term", code)
            category.set("scheme", f"{public_url}/api/v1/vocabularies/{vocabulary}")
    _add(entry, "summary", summary_of(post))


def _add(parent: etree._Element, name: str, text: str) -> None:
    etree.SubElement(parent, f"{{{ATOM}}}{name}").text = xml_text(text)


def _add_link(parent: etree._Element, relation: str, address: str, media_type: str) -> None:
    link = etree.SubElement(parent, f"{{{ATOM}}}link")
    link.set("rel", relation)
    link.set("href", address)
    link.set("type", media_type)

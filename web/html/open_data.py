"""开放数据: what programs may collect without an account. All of it is what a visitor sees, whoever asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from flask import Blueprint, Response, render_template, request, stream_with_context, url_for

from matching.errors import NotFound
from matching.exporting.atom import FEED_TITLES, Feed, feed_changed, write_feed
from matching.exporting.cerif import cerif_document
from matching.exporting.harvesting import answer_harvest
from matching.exporting.open_tables import open_table
from matching.exporting.sitemap import write_sitemap, write_sitemap_index
from matching.queries.open_data import (
    LINKED_KINDS,
    OPEN_KINDS,
    PAGES_AT_ONCE,
    OpenItem,
    OpenKind,
    count_linked,
    count_open,
    each_open,
    list_linked,
    list_newest,
)
from matching.queries.vocabularies import load_vocabularies
from web.facets import text_argument
from web.head import public_url
from web.reader import now, platform
from web.uploads import content_disposition

open_data = Blueprint("open_data", __name__)

_SIDES = {"needs": "need", "capabilities": "capability"}
_NOT_FOR_ROBOTS = ("/api/", "/me/", "/inbox", "/exports/", "/sign-in", "/search?", "/attachments/", "/events/answer/")


@open_data.get("/open-data")
def show_open_data() -> str:
    """What there is, in which forms, and by which rules."""
    with platform().reading() as reading:
        vocabularies = load_vocabularies(reading)
        return render_template(
            "open_data/show.html",
            counts={kind: count_open(reading, kind, now()) for kind in OPEN_KINDS},
            industries=[term for term in vocabularies.active("industry") if len(term.code) == 3],
            domains=vocabularies.active("domain"),
            public_url=public_url(),
        )


@open_data.get("/open-data/<any(organisations,persons,publications,patents,products,equipments):kind>.<suffix>")
def send_open_data(kind: OpenKind, suffix: str) -> Response:
    """Everything of one kind as CERIF XML or CSV, sent while it is read."""
    if suffix == "xml":
        return _stream(kind, cerif_document, f"{kind}.xml", "application/xml; charset=utf-8")
    if suffix == "csv":
        return _stream(kind, lambda items, url: open_table(items, kind, url), f"{kind}.csv", "text/csv; charset=utf-8")
    raise NotFound("open_data.form", "没有这种格式", message_en="There is no such form")


def _stream(
    kind: OpenKind, write: Callable[[Iterator[OpenItem], str], Iterator[bytes]], name: str, media_type: str
) -> Response:
    parts, moment, address = platform(), now(), public_url()

    def pieces() -> Iterator[bytes]:
        with parts.reading() as reading:
            yield from write(each_open(reading, kind, moment), address)

    answer = Response(stream_with_context(pieces()), content_type=media_type)
    answer.headers["Content-Disposition"] = content_disposition(name)
    answer.headers["Cache-Control"] = "no-cache"
    return answer


@open_data.route("/oai", methods=["GET", "POST"])
def harvest() -> Response:
    """OAI-PMH."""
    arguments = list((request.form if request.method == "POST" else request.args).items(multi=True))
    settings = platform().settings
    with platform().reading() as reading:
        body = answer_harvest(
            reading,
            arguments,
            now(),
            public_url=public_url(),
            admin_email=settings.mail_reply_to or settings.mail_from or "office@localhost",
        )
    return _xml(body, "text/xml; charset=utf-8")


@open_data.get("/feeds/<any(needs,capabilities):name>.atom")
def send_feed(name: str) -> Response:
    """The newest public posts of one side, of an industry or a domain where one is asked for."""
    industry, domain = text_argument("industry", 10), text_argument("domain", 40)
    with platform().reading() as reading:
        vocabularies = load_vocabularies(reading)
        labels = []
        for vocabulary, code in (("industry", industry), ("domain", domain)):
            term = vocabularies.find(vocabulary, code)
            if code and term is None:
                raise NotFound("feed.code", "没有这个行业或领域", message_en="There is no such industry or domain")
            if term is not None:
                labels.append(f"{term.label_zh} {term.label_en}")
        posts = list_newest(reading, _SIDES[name], now(), industry=industry, domain=domain)
        feed = Feed(
            title=" · ".join([FEED_TITLES[_SIDES[name]], *labels]),
            path=url_for("open_data.send_feed", name=name, industry=industry, domain=domain),
            page=url_for("search.show_results", type=_SIDES[name], industry=industry, domain=domain),
            posts=posts,
        )
        answer = _xml(write_feed(feed, public_url()), "application/atom+xml; charset=utf-8")
    answer.last_modified = feed_changed(feed)
    return _conditional(answer)


@open_data.get("/sitemap.xml")
def send_sitemap_index() -> Response:
    """The list of site maps."""
    maps = []
    with platform().reading() as reading:
        for kind in LINKED_KINDS:
            count, changed = count_linked(reading, kind, now())
            maps += [
                (f"{public_url()}{url_for('open_data.send_sitemap', kind=kind, page=page)}", changed)
                for page in range(1, -(-count // PAGES_AT_ONCE) + 1)
            ]
    return _conditional(_xml(write_sitemap_index(maps), "application/xml; charset=utf-8"))


@open_data.get("/sitemaps/<any(posts,organisations,experts):kind>-<int(min=1,max=100000):page>.xml")
def send_sitemap(kind: str, page: int) -> Response:
    """One site map."""
    chosen = next(one for one in LINKED_KINDS if one == kind)
    with platform().reading() as reading:
        found = list_linked(reading, chosen, now(), page)
    if not found:
        raise NotFound("sitemap.page", "没有这一页", message_en="There is no such page")
    pages = [(f"{public_url()}/{kind}/{item_id}", changed) for item_id, changed in found]
    return _conditional(_xml(write_sitemap(pages), "application/xml; charset=utf-8"))


@open_data.get("/robots.txt")
def send_robots() -> Response:
    """Where programs need not look, and where the site map is."""
    hidden = [f"Disallow: {path}" for path in _NOT_FOR_ROBOTS]
    lines = ["User-agent: *", *hidden, f"Sitemap: {public_url()}/sitemap.xml", ""]
    return Response("\n".join(lines), content_type="text/plain; charset=utf-8")


def _xml(body: bytes, content_type: str) -> Response:
    return Response(body, content_type=content_type)


def _conditional(answer: Response) -> Response:
    """Answer 304 where the asker has it already. It may be kept, but is asked for again each time: what was withdrawn
    is gone at once.
    """
    answer.add_etag()
    answer.headers["Cache-Control"] = "public, no-cache"
    answer.make_conditional(request)
    return answer

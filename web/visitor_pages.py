"""What visitors read most is made once, as long as nothing in the database changes.

A page for nobody in particular depends on the database, the language and, slowly, on the time. It is given again only
while nothing at all has been committed since it was begun, so what was withdrawn a moment ago is on no page, and for
KEPT at most, since a post may run out without a commit. Who is signed in, or has any cookie of ours, gets none of it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Flask, Response, g, request, session
from sqlalchemy.exc import SQLAlchemyError

from matching.store.change_stamp import ChangeStamp
from web.reader import now, platform

KEPT = timedelta(seconds=10)
MOST_BYTES = 8 * 1024 * 1024
LARGEST = 256 * 1024
LONGEST_KEY = 1000
KEPT_ENDPOINTS = frozenset(
    {
        "home.show_home",
        "search.show_results",
        "posts.show_post",
        "organisations.list_library",
        "organisations.show_organisation",
        "experts.list_library",
        "experts.show_expert",
        "works.show_works",
        "events.show_list",
        "api-search.search",
        "api-needs.list_needs",
        "api-needs.show_need",
        "api-capabilities.list_capabilities",
        "api-capabilities.show_capability",
        "api-organisations.list_organisations",
        "api-organisations.show_organisation",
        "api-experts.list_experts",
        "api-experts.show_expert",
        "api-vocabularies.list_vocabularies",
    }
)
_READ_HEADERS = ("Accept", "Accept-Language", "HX-Request")
"""What else than the address an answer to a visitor may depend on."""
_OWN_HEADERS = ("Authorization", "Cookie", "If-None-Match", "If-Modified-Since", "Range")
"""Who sends one of these is somebody, or asks for something else than the page."""

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Page:
    body: bytes
    headers: tuple[tuple[str, str], ...]
    made_at: datetime


class VisitorPages:
    """Pages by address, all of one state of the database; safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stamp: str | None = None
        self._pages: OrderedDict[Key, _Page] = OrderedDict()
        self._bytes = 0

    def find(self, key: Key, stamp: str, moment: datetime) -> _Page | None:
        """The page, if it is of this state and young enough. Pages of another state are forgotten."""
        with self._lock:
            if stamp != self._stamp:
                self._stamp = stamp
                self._pages.clear()
                self._bytes = 0
            found = self._pages.get(key)
            if found is None or not timedelta() <= moment - found.made_at < KEPT:
                return None
            self._pages.move_to_end(key)
            return found

    def keep(self, key: Key, stamp: str, page: _Page) -> None:
        """Keep it, unless the state it was begun in is past."""
        with self._lock:
            if stamp != self._stamp:
                return
            former = self._pages.pop(key, None)
            self._bytes += len(page.body) - (len(former.body) if former is not None else 0)
            self._pages[key] = page
            while self._bytes > MOST_BYTES:
                _, oldest = self._pages.popitem(last=False)
                self._bytes -= len(oldest.body)


def do_not_keep() -> None:
    """This answer hangs on more than the database, such as on a part that is away just now."""
    g.pop("visitor_page", None)


def install_visitor_pages(app: Flask) -> None:
    """Install it last: before the view nothing else may come, and what is kept is what the view made."""
    pages = VisitorPages()
    stamps: list[ChangeStamp] = []  # made by the first request: a connection must not be shared by a fork

    @app.before_request
    def _give_again() -> Response | None:
        key = _key()
        if key is None:
            return None
        if not stamps:
            stamps.append(ChangeStamp(platform().engine))
        try:
            stamp = stamps[0].read()
        except SQLAlchemyError:
            return None
        if stamp is None:
            return None
        page = pages.find(key, stamp, now())
        if page is None:
            g.visitor_page = (key, stamp)
            return None
        return Response(page.body, headers=list(page.headers))

    @app.after_request
    def _keep(response: Response) -> Response:
        begun: tuple[Key, str] | None = g.pop("visitor_page", None)
        if begun is None or response.status_code != 200 or response.is_streamed or session.modified:
            return response
        if "Set-Cookie" in response.headers or len(body := response.get_data()) > LARGEST:
            return response
        pages.keep(*begun, _Page(body, tuple(response.headers.items()), now()))
        return response


def _key() -> Key | None:
    """Names the answer; None for one that is not kept."""
    if request.method != "GET" or request.endpoint not in KEPT_ENDPOINTS:
        return None
    if any(name in request.headers for name in _OWN_HEADERS):
        return None
    key = (request.full_path, *(request.headers.get(name, "") for name in _READ_HEADERS))
    return key if sum(map(len, key)) <= LONGEST_KEY else None

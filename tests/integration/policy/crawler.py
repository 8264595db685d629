"""Opens every address that reads, as one reader, with every id there is, and says which secrets each answer lets out.

The addresses come from the application's own map. A route whose arguments are not known here is an error, so that a
new way out is either walked or named below with its reason.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import quote

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from tests.factories.people import PASSWORD
from tests.integration.policy.world import MARK, World

NOWHERE = "00000000-0000-4000-8000-000000000000"
"""An id that nothing has."""

OUTSIDE = "203.0.113.9"
"""Where all readers are: nobody is an operator on the machine itself."""

ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "kind": ("needs", "capabilities", "organisations", "experts"),
    "noun": ("needs", "capabilities", "organisations", "experts"),
    "suffix": ("csv", "xlsx"),
    "role": ("enterprise", "researcher"),
    "what": ("agenda", "agendas", "badges", "cards"),
    "side": ("need", "capability"),
    "token": ("not-a-token",),
    "channel_id": (NOWHERE,),
    "pair_id": (NOWHERE,),
    "run_id": (NOWHERE,),
    "page": ("1",),
    "key": ("no-such-text",),
    "subject_kind": ("post", "organisation"),
    "vocabulary": ("industry",),
}
"""Arguments that are no ids, and ids of things that the worlds do not have."""

SUFFIXES: Mapping[str, tuple[str, ...]] = {"own_data.export": ("json", "xlsx")}

UNWALKED: Mapping[str, str] = {
    "assets.send_asset": "files of the package, the same for everybody",
    "sessions.choose": "sets the language of the pages that follow",
}
"""Routes that hold nothing of the platform, with the reason."""

MORE_QUESTIONS: Mapping[str, tuple[str, ...]] = {
    "organisations.list_library": (
        *(f"kind={kind}" for kind in ("enterprise", "university", "intermediary")),
        "sort=posts",
        "sort=recent",
    ),
    "experts.list_library": ("sort=posts", "sort=recent", "field=线路板"),
    "interests.list_all": ("box=sent",),
    "engagements.list_all": ("state=all", "state=mine"),
    "exports.send_list": ("own=1", "q=翘曲"),
    "search.show_results": ("type=need&q=翘曲", "type=capability&q=翘曲", "type=capability"),
    "posts.list_mine": ("state=draft", "state=ended"),
    "api-search.search": ("type=need&q=翘曲", "type=capability&q=翘曲"),
    "api-needs.list_needs": ("mine=true",),
    "api-capabilities.list_capabilities": ("mine=true",),
    "api-interests.list_interests": ("box=sent", "box=received"),
    "reports.list_rows": tuple(
        f"stage={stage}" for stage in ("published", "suggested", "seen", "interest", "mutual", "met", "contract")
    ),
    "imports.show_import": ("status=refused",),
    "registrations.list_waiting": ("state=approved",),
}
"""Query strings besides the empty one, where an address answers several questions."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One answer."""

    address: str
    endpoint: str
    status: int
    text: str
    json: Any = None
    rows: tuple[tuple[str, ...], ...] = ()
    """Of a table."""
    head: str = ""
    raw: str = ""
    """The body as it was sent; `text` has the head and the body with its entities read."""

    @property
    def marks(self) -> frozenset[str]:
        """The secrets in it, but for those that were asked for: an answer that repeats the question tells nothing."""
        return frozenset(MARK.findall(self.text)) - frozenset(MARK.findall(self.address))


@dataclass
class Reader:
    """Somebody who reads pages with a browser and the API with a token."""

    world: World
    app: Flask
    name: str
    client: FlaskClient = field(init=False)
    csrf: str = ""

    def __post_init__(self) -> None:
        self.client = self.app.test_client()
        self.client.environ_base["REMOTE_ADDR"] = OUTSIDE
        if self.name != "visitor":
            self.csrf = self._token(self.client.get("/sign-in").text)
            answer = self.client.post(
                "/sign-in",
                data={"csrf_token": self.csrf, "email": f"{self.name}@example.cn", "password": PASSWORD},
            )
            assert answer.status_code == 302, answer.text
        self.csrf = self._token(self.client.get("/" if self.name == "visitor" else "/needs/new").text)

    @staticmethod
    def _token(page: str) -> str:
        found = re.search(r'name="csrf_token" value="([^"]+)"', page)
        return unescape(found[1]) if found else ""

    def get(self, address: str, endpoint: str = "") -> Seen:
        """Open an address; the API with the reader's token, all else with the reader's cookie."""
        headers = {}
        if address.startswith("/api/") and self.name != "visitor":
            headers["Authorization"] = f"Bearer {self.world.tokens[self.name]}"
        answer = self.client.get(address, headers=headers)
        if 300 <= answer.status_code < 400:
            # What the next page would say of this one: the next page that is opened here is another one.
            with self.client.session_transaction() as session:
                session.pop("_flashes", None)
        return _seen(address, endpoint, answer)

    def post(self, address: str, data: dict[str, Any] | None = None) -> Seen:
        """Send a form, or to the API an empty body."""
        if address.startswith("/api/"):
            headers = {"Authorization": f"Bearer {self.world.tokens[self.name]}"} if self.name != "visitor" else {}
            return _seen(address, "", self.client.post(address, headers=headers, json=data or {}))
        return _seen(address, "", self.client.post(address, data={"csrf_token": self.csrf} | (data or {})))

    def read_everything(self) -> Iterator[Seen]:
        """All answers to reading, and to what reads by POST."""
        for endpoint, address in addresses(self.app, self.world):
            yield self.get(address, endpoint)
        yield from self._read_by_post()

    def _read_by_post(self) -> Iterator[Seen]:
        text = "高频线路板翘曲控制，层压后翘曲超过千分之五，需要预测与控制"
        for side, words in (("needs", "problem"), ("capabilities", "abstract")):
            yield self.post(f"/{side}/preview", {"title": "高频线路板翘曲控制", words: text})
        for fact in self.world.interests:
            if fact.engagement_id is not None:
                yield self.post(f"/engagements/{fact.engagement_id}/contacts")
                yield self.post(f"/api/v1/engagements/{fact.engagement_id}/contacts")


def addresses(app: Flask, world: World) -> Iterator[tuple[str, str]]:
    """(endpoint, address) of everything that can be read by GET, with every id the world has and one it has not."""
    for rule in sorted(app.url_map.iter_rules(), key=lambda one: one.rule):
        if "GET" not in (rule.methods or ()) or rule.endpoint in UNWALKED:
            continue
        for chosen in _choices(rule, world):
            path = rule.rule
            for name, value in chosen.items():
                path = re.sub(rf"<(?:[^<>]*:)?{name}>", quote(value, safe=""), path)
            yield rule.endpoint, path
            for question in MORE_QUESTIONS.get(rule.endpoint, ()):
                yield rule.endpoint, f"{path}?{question}"
            yield from ((rule.endpoint, f"{path}?{question}") for question in _markers_asked(rule.endpoint, world))


def _markers_asked(endpoint: str, world: World) -> Iterator[str]:
    """What is hidden must not be found by its own words either."""
    if endpoint in ("search.show_results", "api-search.search"):
        for post in world.posts:
            yield f"type={post.plan.side}&q={quote(post.title.split()[-1])}"
    elif endpoint == "experts.list_library":
        for marker, secret in world.secrets.items():
            if secret.kind == "organisation.unapproved" or (secret.kind[:7], secret.of) == ("expert.", "professor"):
                yield f"q={marker}"
    elif endpoint == "organisations.list_library":
        for marker, secret in world.secrets.items():
            if secret.kind == "organisation.unapproved" or (secret.kind, secret.of) == ("organisation.contact", "firm"):
                yield f"q={marker}"


def _choices(rule: Rule, world: World) -> Iterator[dict[str, str]]:
    names = sorted(rule.arguments)
    values = [_values(rule, name, world) for name in names]
    for combination in itertools.product(*values):
        yield dict(zip(names, combination, strict=True))


def _values(rule: Rule, name: str, world: World) -> Sequence[str]:
    if rule.endpoint in SUFFIXES and name == "suffix":
        return SUFFIXES[rule.endpoint]
    choice = re.search(rf"<any\(([^)]*)\):{name}>", rule.rule)
    if choice is not None:
        return [value.strip() for value in choice[1].split(",")]
    known = known_ids(world)
    if name in known:
        return [*known[name], NOWHERE]
    if name in ARGUMENTS:
        return ARGUMENTS[name]
    return (NOWHERE,)  # unknown_arguments names it


def unknown_arguments(app: Flask, world: World) -> list[str]:
    """Arguments of routes for which neither ids nor values are known here."""
    known = {*known_ids(world), *ARGUMENTS}
    return [
        f"{rule.rule} takes <{name}>"
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and rule.endpoint not in UNWALKED
        for name in sorted(rule.arguments - known)
        if f"):{name}>" not in rule.rule
    ]


def known_ids(world: World) -> dict[str, list[str]]:
    """Ids by the name of the argument that takes them."""
    return {
        "post_id": [post.id for post in world.posts],
        "organisation_id": [*world.organisations.values(), *world.ids.get("organisation_id", ())],
        "subject_id": [*(post.id for post in world.posts), *world.organisations.values()],
        "user_id": list(world.users.values())[:3],
        "expert_id": list(world.experts.values()),
        "interest_id": [one.id for one in world.interests],
        "engagement_id": [one.engagement_id for one in world.interests if one.engagement_id is not None],
        "event_id": [one.id for one in world.events],
        **{
            name: world.ids.get(name, [])
            for name in ("participant_id", "meeting_id", "attachment_id", "file_id", "job_id", "registration_id")
        },
    }


def _seen(address: str, endpoint: str, answer: TestResponse) -> Seen:
    content, kind = answer.data, answer.mimetype
    head = "".join(f"{name}: {value}\n" for name, value in answer.headers if name != "Set-Cookie")
    if content.startswith(b"PK\x03\x04"):
        rows = tuple(_rows_of_workbook(content))
        return Seen(address, endpoint, answer.status_code, f"{head}{rows}", rows=rows, head=head)
    body = content.decode(errors="replace")
    if kind == "text/calendar":
        body = body.replace("\r\n ", "")
    text = f"{head}{unescape(body)}"
    if kind == "text/csv":
        table = tuple(tuple(row) for row in csv.reader(io.StringIO(body.removeprefix("\ufeff"))))
        return Seen(address, endpoint, answer.status_code, text, rows=table, head=head, raw=body)
    loaded = json.loads(body) if kind.endswith("json") and body else None
    return Seen(address, endpoint, answer.status_code, text, json=loaded, head=head, raw=body)


def _rows_of_workbook(content: bytes) -> Iterator[tuple[str, ...]]:
    import openpyxl

    with zipfile.ZipFile(io.BytesIO(content)) as package:
        assert not any("externalLink" in name for name in package.namelist())
    book = openpyxl.load_workbook(io.BytesIO(content))
    for sheet in book.worksheets:
        for row in sheet.iter_rows():
            yield tuple("" if cell.value is None else str(cell.value) for cell in row)
            yield tuple(str(cell.comment.text) for cell in row if cell.comment is not None)


def items_in(loaded: Any) -> Iterator[dict[str, Any]]:
    """All objects in a JSON answer, however deep."""
    if isinstance(loaded, dict):
        yield loaded
        for value in loaded.values():
            yield from items_in(value)
    elif isinstance(loaded, list):
        for value in loaded:
            yield from items_in(value)


def all_marks(answers: Iterable[Seen]) -> frozenset[str]:
    """The secrets in all of them."""
    return frozenset(marker for one in answers for marker in one.marks)

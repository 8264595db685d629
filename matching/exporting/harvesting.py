"""OAI-PMH 2.0: programs collect the open data a hundred records at a time, as the OpenAIRE guidelines ask."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from lxml import etree
from sqlalchemy.orm import Session

from matching.exporting.cerif import PROFILE, PROFILE_SCHEMA, cerif_entity
from matching.exporting.xml_text import xml_moment, xml_text
from matching.queries.open_data import OPEN_KINDS, OpenItem, OpenKind, list_gone, list_open

OAI = "http://www.openarchives.org/OAI/2.0/"
METADATA_PREFIX = "oai_cerif_openaire"
RECORDS_AT_ONCE = 100
EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)
"""Before anything that is held here."""

_TYPES: Mapping[OpenKind, str] = {
    "organisations": "OrgUnits",
    "persons": "Persons",
    "publications": "Publications",
    "patents": "Patents",
    "products": "Products",
    "equipments": "Equipments",
}
_SETS: Mapping[OpenKind, str] = {kind: f"openaire_cris_{name.lower()}" for kind, name in _TYPES.items()}
_ARGUMENTS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    # verb → arguments it needs, arguments it may have
    "Identify": (frozenset(), frozenset()),
    "ListMetadataFormats": (frozenset(), frozenset({"identifier"})),
    "ListSets": (frozenset(), frozenset({"resumptionToken"})),
    "GetRecord": (frozenset({"identifier", "metadataPrefix"}), frozenset()),
    "ListIdentifiers": (frozenset({"metadataPrefix"}), frozenset({"from", "until", "set"})),
    "ListRecords": (frozenset({"metadataPrefix"}), frozenset({"from", "until", "set"})),
}
_GONE = "gone:"
_PARTS: tuple[str, ...] = (*OPEN_KINDS, *(f"{_GONE}{kind}" for kind in OPEN_KINDS))
"""The order of a whole list: what is there, kind by kind, then what is gone."""
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")

Element = Any
"""lxml has no types of its own."""


class HarvestFault(Exception):
    """A request that the protocol answers with an error; `code` is one of its own."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """How far a list was read, and what it is restricted to."""

    parts: tuple[str, ...]
    after: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Row:
    """A record, or with no item that it is gone."""

    part: str
    key: str
    changed: datetime
    item: OpenItem | None = None


def answer_harvest(
    session: Session, arguments: Sequence[tuple[str, str]], now: datetime, *, public_url: str, admin_email: str
) -> bytes:
    """The document that answers a request with these arguments, whatever they are."""
    root = etree.Element(f"{{{OAI}}}OAI-PMH", nsmap={None: OAI})
    _add(root, "responseDate", xml_moment(now))
    request = _add(root, "request", f"{public_url}/oai")
    try:
        verb, given = _read(arguments)
        body = etree.Element(f"{{{OAI}}}{verb}")
        match verb:
            case "Identify":
                _identify(body, public_url, admin_email)
            case "ListMetadataFormats":
                if "identifier" in given:
                    _find(session, given["identifier"], now, public_url)
                _list_formats(body)
            case "ListSets":
                if "resumptionToken" in given:
                    raise HarvestFault("badResumptionToken", "the list of sets has one part")
                _list_sets(body)
            case "GetRecord":
                _add_record(body, _find(session, given["identifier"], now, public_url), public_url)
            case _:
                _list(session, body, given, now, public_url, whole=verb == "ListRecords")
    except HarvestFault as fault:
        # Of a request that is none of the protocol's, the arguments are not repeated.
        error = _add(root, "error", str(fault))
        error.set("code", fault.code)
    else:
        request.set("verb", verb)
        for name, value in given.items():
            request.set(name, xml_text(value))
        root.append(body)
    return etree.tostring(root, encoding="utf-8", xml_declaration=True)  # type: ignore[no-any-return]


def _read(arguments: Sequence[tuple[str, str]]) -> tuple[str, dict[str, str]]:
    given: dict[str, str] = {}
    for name, value in arguments:
        if name in given:
            raise HarvestFault("badArgument" if name != "verb" else "badVerb", f"{name} is repeated")
        given[name] = value
    verb = given.pop("verb", "")
    if verb not in _ARGUMENTS:
        raise HarvestFault("badVerb", "verb is missing or none of OAI-PMH")
    needed, possible = _ARGUMENTS[verb]
    if verb.startswith("List") and set(given) == {"resumptionToken"}:
        return verb, given
    if missing := sorted(needed - set(given)):
        raise HarvestFault("badArgument", f"{missing[0]} is missing")
    if unknown := sorted(set(given) - needed - possible):
        raise HarvestFault("badArgument", f"{verb} takes no {xml_text(unknown[0])[:40]}")
    if given.get("metadataPrefix", METADATA_PREFIX) != METADATA_PREFIX:
        raise HarvestFault("cannotDisseminateFormat", f"the format is {METADATA_PREFIX}")
    return verb, given


def _identify(body: Element, public_url: str, admin_email: str) -> None:
    _add(body, "repositoryName", "Duijie")
    _add(body, "baseURL", f"{public_url}/oai")
    _add(body, "protocolVersion", "2.0")
    _add(body, "adminEmail", admin_email)
    _add(body, "earliestDatestamp", xml_moment(EARLIEST))
    _add(body, "deletedRecord", "transient")
    _add(body, "granularity", "YYYY-MM-DDThh:mm:ssZ")
    namespace = "https://www.openaire.eu/cerif-profile/vocab/OpenAIRE_Service_Compatibility"
    service = etree.SubElement(_add(body, "description"), f"{{{PROFILE}}}Service", nsmap={None: PROFILE})
    service.set("id", "duijie")
    compatibility = etree.SubElement(service, f"{{{namespace}}}Compatibility", nsmap={None: namespace})
    compatibility.text = f"{namespace}#1.1"
    etree.SubElement(service, f"{{{PROFILE}}}Acronym").text = "Duijie"
    name = etree.SubElement(service, f"{{{PROFILE}}}Name")
    name.set("{http://www.w3.org/XML/1998/namespace}lang", "zh")
    name.text = "对接"
    etree.SubElement(service, f"{{{PROFILE}}}WebsiteURL").text = public_url
    etree.SubElement(service, f"{{{PROFILE}}}OAIPMHBaseURL").text = f"{public_url}/oai"


def _list_formats(body: Element) -> None:
    row = _add(body, "metadataFormat")
    _add(row, "metadataPrefix", METADATA_PREFIX)
    _add(row, "schema", PROFILE_SCHEMA)
    _add(row, "metadataNamespace", PROFILE)


def _list_sets(body: Element) -> None:
    for kind in OPEN_KINDS:
        row = _add(body, "set")
        _add(row, "setSpec", _SETS[kind])
        _add(row, "setName", f"OpenAIRE_CRIS_{_TYPES[kind].lower()}")


def _list(
    session: Session, body: Element, given: Mapping[str, str], now: datetime, public_url: str, *, whole: bool
) -> None:
    resumed = "resumptionToken" in given
    place = _resume(given["resumptionToken"]) if resumed else _begin(given)
    rows: list[_Row] = []
    parts, after = list(place.parts), place.after
    while parts and len(rows) <= RECORDS_AT_ONCE:
        rows += _read_part(session, parts[0], now, after, RECORDS_AT_ONCE + 1 - len(rows), place)
        if len(rows) <= RECORDS_AT_ONCE:
            parts, after = parts[1:], ""
    if not rows:
        raise HarvestFault("noRecordsMatch", "there are no such records")
    for row in rows[:RECORDS_AT_ONCE]:
        if whole:
            _add_record(body, row, public_url)
        else:
            _add_header(body, row, public_url)
    if len(rows) > RECORDS_AT_ONCE:
        last = rows[RECORDS_AT_ONCE - 1]
        rest = place.parts[place.parts.index(last.part) :]
        _add(body, "resumptionToken", _write_token(rest, last.key, place.since, place.until))
    elif resumed:
        _add(body, "resumptionToken")


def _read_part(session: Session, part: str, now: datetime, after: str, limit: int, place: _Place) -> list[_Row]:
    kind = _kind_of(part)
    if part != kind:
        gone = list_gone(session, kind, now, after=after, limit=limit, since=place.since, until=place.until)
        return [_Row(part, key, changed) for key, changed in gone]
    found = list_open(session, kind, now, after=after, limit=limit, since=place.since, until=place.until)
    return [_Row(part, *row) for row in found]


def _kind_of(part: str) -> OpenKind:
    return OPEN_KINDS[_PARTS.index(part) % len(OPEN_KINDS)]


def _begin(given: Mapping[str, str]) -> _Place:
    since, until = given.get("from"), given.get("until")
    if since and until and len(since) != len(until):
        raise HarvestFault("badArgument", "from and until differ in granularity")
    first = _read_moment("from", since) if since is not None else None
    last = _read_moment("until", until, end=True) if until is not None else None
    if first is not None and last is not None and first > last:
        raise HarvestFault("badArgument", "from is later than until")
    parts = _PARTS
    if "set" in given:
        parts = tuple(part for part in _PARTS if _SETS[_kind_of(part)] == given["set"])
        if not parts:
            raise HarvestFault("noRecordsMatch", "there is no such set")
    return _Place(parts=parts, since=first, until=last)


def _read_moment(name: str, text: str, *, end: bool = False) -> datetime:
    try:
        if _DAY.fullmatch(text):
            moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
            return moment + timedelta(days=1, microseconds=-1) if end else moment
        if _MOMENT.fullmatch(text):
            moment = datetime.fromisoformat(text)
            return moment + timedelta(seconds=1, microseconds=-1) if end else moment
    except (ValueError, OverflowError):
        pass
    raise HarvestFault("badArgument", f"{name} is no date of OAI-PMH")


def _write_token(parts: Sequence[str], after: str, since: datetime | None, until: datetime | None) -> str:
    written = [list(parts), after, since.isoformat() if since else "", until.isoformat() if until else ""]
    return base64.urlsafe_b64encode(json.dumps(written).encode()).decode().rstrip("=")


def _resume(token: str) -> _Place:
    try:
        parts, after, since, until = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        known = tuple(part for part in _PARTS if part in parts)
        if not known or len(known) != len(parts) or not isinstance(after, str) or "\x00" in after:
            raise ValueError("no token of ours")
        moments = [datetime.fromisoformat(text) if text else None for text in (since, until)]
        if any(moment is not None and moment.tzinfo is None for moment in moments):
            raise ValueError("no token of ours")
        return _Place(parts=known, after=after, since=moments[0], until=moments[1])
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise HarvestFault("badResumptionToken", "the token is none of ours") from error


def _find(session: Session, identifier: str, now: datetime, public_url: str) -> _Row:
    prefix = f"oai:{_host(public_url)}:"
    type_name, _, key = identifier.removeprefix(prefix).partition("/")
    kind = next((kind for kind, name in _TYPES.items() if name == type_name), None)
    if identifier.startswith(prefix) and kind is not None and key and "\x00" not in key:
        found = list_open(session, kind, now, limit=1, only=[key])
        if found:
            return _Row(kind, *found[0])
        gone = list_gone(session, kind, now, limit=1, only=[key])
        if gone:
            return _Row(f"{_GONE}{kind}", *gone[0])
    raise HarvestFault("idDoesNotExist", "there is no such record")


def _add_record(body: Element, row: _Row, public_url: str) -> None:
    record = _add(body, "record")
    _add_header(record, row, public_url)
    if row.item is not None:
        _add(record, "metadata").append(cerif_entity(row.item, public_url))


def _add_header(parent: Element, row: _Row, public_url: str) -> None:
    kind = _kind_of(row.part)
    header = _add(parent, "header")
    if row.item is None:
        header.set("status", "deleted")
    _add(header, "identifier", f"oai:{_host(public_url)}:{_TYPES[kind]}/{row.key}")
    _add(header, "datestamp", xml_moment(row.changed))
    _add(header, "setSpec", _SETS[kind])


def _host(public_url: str) -> str:
    return urlsplit(public_url).hostname or "localhost"


def _add(parent: Element, name: str, text: str | None = None) -> Element:
    child = etree.SubElement(parent, f"{{{OAI}}}{name}")
    if text is not None:
        child.text = xml_text(text)
    return child

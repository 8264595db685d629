"""Hostile text in every field at once: no page runs it, no table calculates it, no header or calendar obeys it."""

from __future__ import annotations

import json
import re
from typing import Any

import lxml.etree
import lxml.html
from flask import Flask
from sqlalchemy import JSON, String, Text, update

from matching.models import Base, Organisation
from tests.integration.policy.crawler import Reader, Seen
from tests.integration.policy.world import MARK, World
from web.security import CONTENT_SECURITY_POLICY

HOSTILE = "\"><img src=x onerror=alert(1)><script>alert(1)</script>' onmouseover='alert(1)\r\nX-Evil: 1\r\n\r\n{{7*7}}"
FORMULA = '=HYPERLINK("http://evil.example","x")'
READERS = ("administrator", "firm_owner", "visitor")
PUBLIC = ("open_data.", "assets.", "ops.")
"""Endpoints whose answers are the same for everybody, so that anybody may keep them."""


def poison(world: World) -> int:
    """Make every text that people wrote hostile, behind the back of all checks; returns how many values are."""

    def worsen(value: Any) -> Any:
        if isinstance(value, str):
            return f"{FORMULA}{value}{HOSTILE}" if MARK.search(value) else value
        if isinstance(value, list):
            return [worsen(one) for one in value]
        if isinstance(value, dict):
            return {key: worsen(one) for key, one in value.items()}
        return value

    count = 0
    with world.platform.engine.begin() as connection:
        # The log of what happened refuses changes, and shows nothing that people wrote.
        for table in Base.metadata.sorted_tables:
            if table.name.startswith("audit"):
                continue
            texts = [one for one in table.columns if isinstance(one.type, String | Text | JSON)]
            keys = list(table.primary_key.columns)
            for row in connection.execute(table.select()).mappings().all():
                changed = {one.name: worsen(row[one.name]) for one in texts if worsen(row[one.name]) != row[one.name]}
                changed.pop("email", None)  # who signs in below is found by it
                if changed:
                    count += len(changed)
                    connection.execute(update(table).where(*(key == row[key.name] for key in keys)).values(**changed))
    with world.platform.unit_of_work() as uow:
        for organisation_id in world.organisations.values():
            uow.session.get_one(Organisation, organisation_id).website = "javascript:alert(1)"
        uow.commit()
    return count


def pages(answers: dict[str, list[Seen]]) -> list[Seen]:
    """Those that a browser shows."""
    return [seen for found in answers.values() for seen in found if "Content-Type: text/html" in seen.text]


def forbids_what_stands_inline(answers: dict[str, list[Seen]]) -> None:
    assert len(pages(answers)) > 200
    for seen in pages(answers):
        assert f"Content-Security-Policy: {CONTENT_SECURITY_POLICY}\n" in seen.text, seen.address
        assert "X-Content-Type-Options: nosniff" in seen.text
        assert "X-Frame-Options: DENY" in seen.text
        assert "Cache-Control: no-store" in seen.text, seen.address
    assert "unsafe" not in CONTENT_SECURITY_POLICY


def runs_nothing_that_people_wrote(answers: dict[str, list[Seen]]) -> None:
    hostile = 0
    for seen in pages(answers):
        hostile += "alert(1)" in seen.raw
        document = lxml.html.fromstring(seen.raw.partition("<html")[1] + seen.raw.partition("<html")[2] or "<p>")
        for element in document.iter():
            if not isinstance(element.tag, str):
                continue
            where = f"{seen.address}: {lxml.html.tostring(element, encoding='unicode')[:200]}"
            assert not (element.tag == "script" and not element.get("src") and element.get("type") is None), where
            assert element.get("src") != "x", where
            for name, value in element.attrib.items():
                assert not name.startswith("on"), where
                assert name != "style", where
                if name in ("href", "action", "formaction", "hx-get", "hx-post"):
                    assert not re.match(r"\s*(javascript|data|vbscript):", value, re.I), where
        assert "}49{" not in seen.raw
    assert hostile > 60


def structured_data_ends_no_script(answers: dict[str, list[Seen]]) -> None:
    """JSON inside a page stays JSON whatever is in it."""
    for seen in pages(answers):
        for block in re.findall(r'<script type="application/ld\+json"[^>]*>(.*?)</script>', seen.raw, re.S):
            json.loads(block)
            assert "<" not in block, seen.address


def no_table_calculates(answers: dict[str, list[Seen]]) -> None:
    tables = [seen for found in answers.values() for seen in found if seen.rows]
    assert len(tables) > 15
    for seen in tables:
        for row in seen.rows:
            for cell in row:
                assert not cell.startswith(("=", "@", "\t", "\r")), f"{seen.address}: {cell[:80]}"
                assert not re.match(r"[+-](?![\d.])", cell), f"{seen.address}: {cell[:80]}"


def no_header_begins_in_a_text(answers: dict[str, list[Seen]]) -> None:
    for found in answers.values():
        for seen in found:
            assert not re.search(r"^X-Evil:", seen.head, re.M | re.I), seen.address


def what_is_for_one_reader_is_kept_by_nobody(answers: dict[str, list[Seen]]) -> None:
    """Tables, files, calendars and JSON as well as pages: a proxy between must not give them to the next reader."""
    for name in ("administrator", "firm_owner"):
        own = [one for one in answers[name] if one.status == 200 and not one.endpoint.startswith(PUBLIC)]
        assert len({one.endpoint for one in own}) > 60
        for seen in own:
            kept = re.search(r"^Cache-Control: (.*)$", seen.head, re.M)
            assert kept is not None, f"{seen.address} may be kept by a proxy: it says nothing"
            assert "no-store" in kept[1] or "private" in kept[1], f"{seen.address}: {kept[1]}"


def documents_of_xml_stay_well_formed(answers: dict[str, list[Seen]]) -> None:
    for found in answers.values():
        for seen in found:
            if re.search(r"Content-Type: application/(\w+\+)?xml|Content-Type: text/xml", seen.head):
                tree = lxml.etree.fromstring(seen.raw.encode())
                tags = [lxml.etree.QName(one).localname for one in tree.iter() if isinstance(one.tag, str)]
                assert "script" not in tags, seen.address


CHECKS = (
    forbids_what_stands_inline,
    runs_nothing_that_people_wrote,
    structured_data_ends_no_script,
    no_table_calculates,
    no_header_begins_in_a_text,
    documents_of_xml_stay_well_formed,
    what_is_for_one_reader_is_kept_by_nobody,
)


def test_what_people_wrote_does_nothing(world: World, attacked: Flask) -> None:
    """One test, since reading everything takes longest, and would be done again by each process that has a check."""
    assert poison(world) > 80
    answers = {name: list(Reader(world, attacked, name).read_everything()) for name in READERS}
    for check in CHECKS:
        check(answers)
    reader = Reader(world, attacked, "visitor")
    for token in world.events[0].tokens.values():
        calendar = reader.client.get(f"/agenda/{token}/calendar.ics").text
        assert "BEGIN:VCALENDAR" in calendar
        assert not re.search(r"^X-Evil", calendar, re.M | re.I)

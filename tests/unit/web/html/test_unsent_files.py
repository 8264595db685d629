"""Files chosen in the form of a new post: kept whatever becomes of the form, given to the post, nobody else's."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from matching.bootstrap import Platform
from matching.models import Attachment, UnsentFile
from matching.services import unsent_files as service
from matching.services.attachments import attachments_folder, forget_files
from matching.services.retention import apply_retention
from tests.factories.people import PASSWORD, make_member
from tests.unit.web.conftest import Browser, Clock

FIRM, OTHER = "firm@example.cn", "other@example.cn"
PDF = b"%PDF-1.7\nxyz"
TYPED = {"problem": "压合后翘曲", "visibility": "public", "at": "problem", "seen": "problem"}


def pdf(name: str = "图 纸.pdf", content: bytes = PDF) -> tuple[io.BytesIO, str]:
    return io.BytesIO(content), name


def draft_of(page: str) -> str:
    """The id under which the form keeps its text."""
    [found] = re.findall(r'name="draft_id" value="([^"]+)"', page)
    return str(found)


@pytest.fixture
def firm(app: Flask, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]) -> Browser:
    make_member(platform, clock.moment, email=FIRM)
    make_member(platform, clock.moment, email=OTHER, organisation="别家")
    return open_browser(FIRM)


def test_files_of_the_first_step_survive_errors_and_steps_and_become_the_posts(
    firm: Browser, platform: Platform
) -> None:
    draft = draft_of(firm.get("/needs/new").text)
    sent = TYPED | {"draft_id": draft}
    answer = firm.post("/needs/new", sent | {"then": "next:targets", "file": pdf()})
    assert answer.status_code == 422  # the title is missing; the file is there
    assert "图 纸.pdf" in answer.text
    answer = firm.post("/needs/new", sent | {"then": "draft", "title": "", "file": pdf("二.pdf", PDF + b"2")})
    assert answer.status_code == 422
    assert "二.pdf" in answer.text
    [unwanted] = re.findall(r'value="(drop-file:[^"]+)"[^>]*aria-label="删除 二.pdf"', answer.text)
    assert "二.pdf" not in firm.post("/needs/new", sent | {"then": unwanted}).text
    check = firm.post("/needs/new", sent | {"title": "翘曲控制", "then": "step:check"}).text
    assert "图 纸.pdf" in check
    answer = firm.post("/needs/new", sent | {"title": "翘曲控制", "then": "draft"})
    assert answer.headers["Location"] == f"/posts/{draft}"
    assert "图 纸.pdf" in firm.get(f"/posts/{draft}").text
    with platform.reading() as session:
        [row] = session.scalars(select(Attachment))
        assert (row.post_id, row.file_name, row.size) == (draft, "图 纸.pdf", len(PDF))
        assert session.scalars(select(UnsentFile)).all() == []
    assert firm.get(f"/posts/{draft}/attachments/{row.id}").data == PDF


def test_a_wrong_file_is_named_before_anything_is_sent_and_the_others_stay(firm: Browser, platform: Platform) -> None:
    draft = draft_of(firm.get("/needs/new").text)
    sent = TYPED | {"draft_id": draft, "title": "翘曲控制", "then": "send"}
    answer = firm.post("/needs/new", sent | {"file": [pdf(), pdf("假.pdf", b"MZ\x90 program")]})
    assert answer.status_code == 422
    assert "假.pdf：文件内容不是 .pdf" in answer.text
    assert 'data-step="problem"' in answer.text
    assert "图 纸.pdf" in answer.text
    assert "压合后翘曲" in answer.text
    assert firm.post("/needs/new", sent).status_code == 302
    with platform.reading() as session:
        assert [row.file_name for row in session.scalars(select(Attachment))] == ["图 纸.pdf"]


def test_a_chosen_file_is_kept_at_once_for_its_writer_only(
    firm: Browser, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    draft = draft_of(firm.get("/capabilities/new").text)
    kept = firm.post(f"/unsent/capability/{draft}/files", {"file": pdf()}).text
    assert "图 纸.pdf" in kept
    assert "<html" not in kept
    assert firm.post("/unsent/capability/need-0001/files", {"file": pdf()}).status_code == 404
    other = open_browser(OTHER)
    other.get("/needs/new")
    assert "图 纸.pdf" not in other.post(f"/unsent/capability/{draft}/files").text
    firm.get("/capabilities/new")
    firm.post(f"/unsent/capability/{draft}", {"title": "线路板药水"})
    assert "图 纸.pdf" in firm.get(f"/capabilities/new?continue={draft}").text
    firm.post(f"/unsent/{draft}/drop")
    with platform.reading() as session:
        assert session.scalars(select(UnsentFile)).all() == []
    clock.advance(days=60)  # beyond the day after which files that nobody knows are cleared
    assert forget_files(platform, clock.moment) == 1


def test_a_visitors_files_wait_until_they_have_signed_in(
    firm: Browser, platform: Platform, open_browser: Callable[..., Browser]
) -> None:
    visitor = open_browser()
    draft = draft_of(visitor.get("/needs/new").text)
    sent = TYPED | {"draft_id": draft, "title": "翘曲控制", "then": "send"}
    asked = visitor.post("/needs/new", sent | {"file": pdf()})
    assert asked.status_code == 401
    again = visitor.post("/sign-in", {"email": FIRM, "password": PASSWORD, "pending_path": "/needs/new"} | sent)
    assert again.status_code in (200, 302)
    visitor.get("/needs/new")
    assert visitor.post("/needs/new", sent).headers["Location"] == f"/posts/{draft}"
    with platform.reading() as session:
        assert [row.file_name for row in session.scalars(select(Attachment))] == ["图 纸.pdf"]


def test_a_stale_token_loses_no_file(firm: Browser) -> None:
    draft = draft_of(firm.get("/needs/new").text)
    sent = TYPED | {"draft_id": draft, "title": "翘曲控制", "then": "draft"}
    firm.token = "stale"
    answer = firm.post("/needs/new", sent | {"file": pdf()}, headers={"Origin": "http://localhost"})
    assert answer.status_code == 400
    assert "您写的内容还在" in answer.text
    assert firm.post("/needs/new", sent).headers["Location"] == f"/posts/{draft}"
    assert "图 纸.pdf" in firm.get(f"/posts/{draft}").text


def test_what_waits_is_limited_and_forgotten(
    firm: Browser,
    platform: Platform,
    clock: Clock,
    open_browser: Callable[..., Browser],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(service, "MOST_BYTES_WAITING", len(PDF) + 5)
    visitor = open_browser()
    draft = draft_of(visitor.get("/needs/new").text)
    assert "图 纸.pdf" in visitor.post(f"/unsent/need/{draft}/files", {"file": pdf()}).text
    visitor.get("/needs/new")
    refused = visitor.post(f"/unsent/need/{draft}/files", {"file": pdf("二.pdf", PDF + b"2")}).text
    assert "还没有提交的附件太多" in refused
    assert len(list(attachments_folder(platform.settings).iterdir())) == 1
    assert apply_retention(platform, clock.moment)["unsent_files"] == 0
    clock.advance(days=1, seconds=1)
    assert apply_retention(platform, clock.moment)["unsent_files"] == 1

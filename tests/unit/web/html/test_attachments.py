"""Files of posts: what they are by content, intact with their own name, and for those who see the post."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import unquote

import pytest
from flask import Flask

from matching.bootstrap import Platform
from matching.services.attachments import MOST_PER_POST, attachments_folder, forget_files
from tests.factories.people import Member, make_member, make_staff
from tests.factories.posts import make_need
from tests.unit.web.conftest import Browser, Clock
from web.uploads import content_disposition

FIRM, OTHER, STAFF = "firm@example.cn", "other@example.cn", "staff@example.cn"
PNG = b"\x89PNG\r\n\x1a\n" + b"\x00\x01\xff" * 100
NAMES = ("翘曲 测试报告（终版）.png", "𬭎䶮😀.png", "a;b,c%20d.png", "=cmd|calc.png")


def docx() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        package.writestr("word/document.xml", "<w/>")
    return out.getvalue()


@pytest.fixture
def firm(app: Flask, platform: Platform, clock: Clock) -> Member:
    return make_member(platform, clock.moment, email=FIRM, organisation="甲厂")


def attach(browser: Browser, post_id: str, content: bytes, name: str) -> str:
    """Through the form on the post's page; returns the page that follows."""
    browser.get(f"/posts/{post_id}")
    answer = browser.post(f"/posts/{post_id}/attachments/", {"file": (io.BytesIO(content), name)})
    assert answer.status_code == 302
    return browser.get(answer.headers["Location"]).text


def links(page: str, post_id: str) -> list[str]:
    return re.findall(rf'href="(/posts/{post_id}/attachments/[0-9a-f-]{{36}})"', page)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_comes_back_intact_under_its_name(
    firm: Member, platform: Platform, clock: Clock, open_browser: Callable[..., Browser], name: str
) -> None:
    post_id = make_need(platform, firm, clock.moment)
    [link] = links(attach(open_browser(FIRM), post_id, PNG, name), post_id)
    answer = open_browser().get(link)
    assert answer.data == PNG
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    header = answer.headers["Content-Disposition"]
    assert header.startswith("attachment; ")
    shown = unquote(header.split("filename*=UTF-8''")[1])
    assert shown == name
    assert len(answer.headers.get_all("Set-Cookie")) == 0
    [stored] = attachments_folder(platform.settings).iterdir()
    assert re.fullmatch(r"[0-9a-f]{32}\.bin", stored.name)


@pytest.mark.parametrize(
    ("content", "name", "text"),
    [
        (b"<html><script>alert(1)</script>", "a.html", "不能上传"),
        (b"<svg onload=alert(1)>", "a.svg", "不能上传"),
        (b"MZ\x90\x00", "a.exe", "不能上传"),
        (b"<html><script>alert(1)</script>", "a.png", "文件内容不是 .png"),
        (b"<!DOCTYPE html><script>alert(1)</script>", "a.txt", "文件内容不是 .txt"),
        (b"\x00\x01\x02", "a.csv", "文件内容不是 .csv"),
        (PNG, "a.docx", "文件内容不是 .docx"),
        (b"PK\x03\x04 broken", "a.docx", "文件内容不是 .docx"),
        (docx(), "a.xlsx", "文件内容不是 .xlsx"),
        (b"", "a.png", "文件是空的"),
        (b"%PDF-1.7" + b"x" * 20_000_000, "a.pdf", "文件超过 20 MB"),
    ],
)
def test_what_is_not_what_it_says_is_not_taken(
    firm: Member,
    platform: Platform,
    clock: Clock,
    open_browser: Callable[..., Browser],
    content: bytes,
    name: str,
    text: str,
) -> None:
    post_id = make_need(platform, firm, clock.moment)
    page = attach(open_browser(FIRM), post_id, content, name)
    assert text in page
    assert links(page, post_id) == []
    assert list(attachments_folder(platform.settings).glob("*")) == []


def test_office_files_and_texts_are_taken_once(
    firm: Member, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    post_id = make_need(platform, firm, clock.moment)
    browser = open_browser(FIRM)
    word = docx()
    attach(browser, post_id, word, "说明.docx")
    attach(browser, post_id, "编号,值\n".encode("gb18030"), "表.csv")
    attach(browser, post_id, "字".encode("utf-16"), "字.txt")
    page = attach(browser, post_id, word, "说明.docx")
    assert len(links(page, post_id)) == 3
    for number in range(MOST_PER_POST):
        page = attach(browser, post_id, PNG + bytes([number]), f"{number}.png")
    assert len(links(page, post_id)) == MOST_PER_POST
    assert "最多 10 个附件" in page
    assert len(list(attachments_folder(platform.settings).iterdir())) == MOST_PER_POST


def test_files_are_for_those_who_see_the_post(
    firm: Member, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    make_member(platform, clock.moment, email=OTHER, organisation="乙校", kind="university")
    make_staff(platform, clock.moment, email=STAFF)
    browser = open_browser(FIRM)
    seen: dict[str, dict[str | None, int]] = {}
    for visibility in ("public", "members", "matched", "staff"):
        post_id = make_need(platform, firm, clock.moment, visibility=visibility)
        [link] = links(attach(browser, post_id, PNG, "图.png"), post_id)
        seen[visibility] = {reader: open_browser(reader).get(link).status_code for reader in (None, OTHER, FIRM, STAFF)}
    assert seen == {
        "public": {None: 200, OTHER: 200, FIRM: 200, STAFF: 200},
        "members": {None: 404, OTHER: 200, FIRM: 200, STAFF: 200},
        "matched": {None: 404, OTHER: 404, FIRM: 200, STAFF: 200},
        "staff": {None: 404, OTHER: 404, FIRM: 200, STAFF: 200},
    }


def test_only_editors_add_and_remove(
    firm: Member, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    make_member(platform, clock.moment, email=OTHER, organisation="乙校")
    post_id, second = make_need(platform, firm, clock.moment), make_need(platform, firm, clock.moment)
    browser = open_browser(FIRM)
    [link] = links(attach(browser, post_id, PNG, "图.png"), post_id)
    stranger = open_browser(OTHER)
    page = stranger.get(f"/posts/{post_id}").text
    assert link in page
    assert "添加附件" not in page
    assert stranger.post(f"/posts/{post_id}/attachments/", {"file": (io.BytesIO(PNG), "b.png")}).status_code == 403
    assert stranger.post(f"{link}/remove").status_code == 403
    assert list(attachments_folder(platform.settings).iterdir()) != []
    browser.get(f"/posts/{post_id}")
    assert browser.post(link.replace(post_id, second) + "/remove").status_code == 404
    assert browser.get(link.replace(post_id, second)).status_code == 404
    browser.get(f"/posts/{post_id}")
    assert browser.post(f"{link}/remove").status_code == 302
    assert browser.get(link).status_code == 404
    assert list(attachments_folder(platform.settings).iterdir()) == []


def test_files_that_nobody_knows_are_swept(firm: Member, platform: Platform, clock: Clock) -> None:
    folder = attachments_folder(platform.settings)
    folder.mkdir()
    (folder / f"{'0' * 32}.bin").write_bytes(b"x")
    from matching.clock import utc_now

    assert forget_files(platform, utc_now()) == 0
    assert forget_files(platform, utc_now() + timedelta(days=2)) == 1


def test_names_without_latin_letters_have_a_plain_form() -> None:
    assert (
        content_disposition("报告.pdf") == "attachment; filename=\"file.pdf\"; filename*=UTF-8''%E6%8A%A5%E5%91%8A.pdf"
    )
    assert content_disposition("a.pdf").startswith('attachment; filename="a.pdf";')

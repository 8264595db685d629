"""The libraries, pages of organisations and experts, and what is held of oneself: two widths, two languages."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.e2e.conftest import Visit
from tests.e2e.pages import find_barriers, find_chinese, find_overflow

pytestmark = pytest.mark.e2e

FIRM, PROFESSOR, STAFF = "engineer@example.cn", "professor@example.edu.cn", "staff@example.cn"
PAGES: dict[str, tuple[str | None, str, int]] = {
    "library-enterprises": (None, "/organisations/?kind=enterprise", 200),
    "library-universities": (PROFESSOR, "/organisations/?kind=university", 200),
    "library-nothing": (None, "/organisations/?q=zzz", 200),
    "library-experts": (None, "/experts/", 200),
    "library-experts-member": (FIRM, "/experts/?sort=posts", 200),
    "organisation": (None, "/organisations/org-pcb", 200),
    "organisation-edit": (FIRM, "/organisations/org-pcb/edit", 200),
    "organisation-none": (None, "/organisations/none", 404),
    "expert": (None, "/experts/exp-qiu-zhihang", 200),
    "expert-edit": (PROFESSOR, "/experts/exp-qiu-zhihang/edit", 200),
    "own-data": (PROFESSOR, "/me/data/", 200),
    "duplicates": (STAFF, "/organisations/duplicates", 200),
    "imports": (STAFF, "/imports/", 200),
    "changes": (FIRM, "/posts/need-0005/changes", 200),
}


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize("name", PAGES)
def test_page(visit: Callable[..., Visit], name: str, language: str, width: int) -> None:
    email, path, status = PAGES[name]
    reader = visit(email, width=width, language=language)
    if email is not None:
        reader.open(f"/language/{language[:2]}")
    assert reader.open(path) == status
    reader.page.wait_for_load_state("networkidle")
    assert reader.page.get_attribute("html", "lang") == language
    assert find_overflow(reader) == 0
    assert find_barriers(reader) == []
    if language == "en":
        assert find_chinese(reader, "h1, h2, label, legend, button, summary, .dj-hint, dt, thead th") == []
    reader.keep_picture(f"{name}-{width}-{language[:2]}")


def test_the_menu_of_a_phone_leads_everywhere(visit: Callable[..., Visit]) -> None:
    reader = visit(STAFF, width=390)
    reader.open("/")
    reader.page.click(".dj-menu--phone > summary")
    links = reader.page.locator(".dj-menu--phone a")
    assert links.count() > 12
    assert find_overflow(reader) == 0
    reader.keep_picture("menu-390")
    reader.page.click(".dj-menu--phone a:has-text('专家库')")
    reader.page.wait_for_url(re.compile("/experts/$"))
    reader.page.click(".dj-menu--phone > summary")
    reader.page.keyboard.press("Escape")
    assert not reader.page.locator(".dj-menu--phone .dj-menu-list").is_visible()


def test_a_facet_narrows_and_widens_again(visit: Callable[..., Visit]) -> None:
    reader = visit()
    reader.open("/organisations/")
    before = reader.page.inner_text("h1")
    choice = reader.page.locator(".dj-facet a").first
    count = int(re.findall(r"\d+$", choice.inner_text().strip())[0])
    choice.click()
    reader.page.wait_for_load_state()
    assert reader.page.inner_text("h1").endswith(str(count))
    reader.page.locator(".dj-facet a[aria-current]").click()
    reader.page.wait_for_load_state()
    assert reader.page.inner_text("h1") == before


def test_what_is_written_is_there_after_an_accident(visit: Callable[..., Visit]) -> None:
    reader = visit(FIRM)
    reader.open("/needs/new")
    title = "没有提交就关掉的需求"
    reader.page.fill("#title", title)
    reader.page.fill("#problem", "写到一半浏览器关了")
    reader.page.wait_for_selector("#autosave [data-kept]", state="attached")
    reader.page.close()
    again = visit(FIRM)
    again.open("/needs/new")
    again.page.locator(".dj-notice", has_text=title).first.get_by_role("link").click()
    again.page.wait_for_load_state()
    assert again.page.input_value("#title") == title
    assert again.page.input_value("#problem") == "写到一半浏览器关了"
    again.keep_picture("unsent-1280")


def test_a_file_is_attached_and_comes_back_under_its_name(visit: Callable[..., Visit]) -> None:
    reader = visit(FIRM)
    reader.open("/posts/need-0008")
    content = b"%PDF-1.7\n" + bytes(range(256))
    reader.page.set_input_files(
        "#attachment-file", {"name": "翘曲 报告（终版）.pdf", "mimeType": "application/pdf", "buffer": content}
    )
    reader.page.click("#attachments form[enctype] button[type=submit]")
    reader.page.wait_for_load_state()
    reader.keep_picture("attachments-1280")
    visitor = visit(width=390)
    visitor.open("/posts/need-0008")
    with visitor.page.expect_download() as download:
        visitor.page.click("#attachments a[download]")
    assert download.value.suggested_filename == "翘曲 报告（终版）.pdf"
    assert download.value.path().read_bytes() == content

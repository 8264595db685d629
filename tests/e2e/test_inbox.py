"""Writing in steps, suggestions by wishes, the map of towns, accounts, works and papers, in a real browser."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import pytest
from pypdf import PdfReader

from tests.e2e.conftest import Visit
from tests.e2e.pages import WritingPage, find_barriers, find_chinese, find_overflow

pytestmark = pytest.mark.e2e

FIRM, PROFESSOR, STAFF, ADMIN = (
    "engineer@example.cn",
    "professor@example.edu.cn",
    "staff@example.cn",
    "admin@example.cn",
)
VIEWS = (("zh-CN", 1280), ("en", 390))


def look(visit: Visit, name: str, language: str, width: int) -> None:
    """No barrier, no overflow, nothing said in Chinese on an English page; a picture."""
    visit.keep_picture(f"{name}-{language[:2]}-{width}")
    assert find_barriers(visit) == []
    assert find_overflow(visit) <= 0
    if language == "en":
        assert find_chinese(visit) == []


def speak(visit: Visit, language: str) -> None:
    """The language of the pages, whatever the account's is."""
    visit.open(f"/language/{'en' if language == 'en' else 'zh'}")


@pytest.mark.parametrize(("language", "width"), VIEWS)
def test_a_need_is_written_in_steps(visit: Callable[..., Visit], language: str, width: int) -> None:
    firm = visit(FIRM, width=width)
    speak(firm, language)
    form = WritingPage(firm)
    page = firm.page
    page.click(".dj-buttons button[value='next:targets']")  # without a title nobody gets on
    page.wait_for_selector("[data-error-summary]")
    assert page.evaluate("document.activeElement.dataset.errorSummary") == ""
    assert page.locator("[data-step=problem]").is_visible()
    form.write(
        title="压铸铝合金表面耐盐雾涂层", problem="海边半年后涂层起泡脱落，盐雾 300 小时失效，想达到 1000 小时。"
    )
    page.click(".dj-buttons button[value='next:targets']")
    page.wait_for_selector("[data-step=targets].dj-step--here")
    assert page.evaluate("document.activeElement.id") == "step-targets"
    assert len(form.wait_for_matches()) > 0  # the column beside goes on while one turns the pages
    form.open_step("audience")
    page.check("input[name=visibility][value=matched]")
    form.check()
    look(firm, "writing-check", language, width)
    readers = page.locator(".dj-seen-by > li")
    assert readers.count() == 5
    assert readers.nth(3).locator("details").count() == 0  # other members see nothing of it
    assert page.input_value("#title") == "压铸铝合金表面耐盐雾涂层"


def test_the_steps_work_without_scripts(visit: Callable[..., Visit]) -> None:
    firm = visit(FIRM, scripts=False)
    firm.open("/needs/new")
    firm.page.fill("#title", "压铸铝合金表面耐盐雾涂层")
    firm.page.click(".dj-buttons button[value='next:targets']")
    firm.page.fill("#money_minimum", "abc")
    firm.page.click(".dj-buttons button[value='next:cooperation']")
    assert firm.page.locator("[data-step=targets]").is_visible()
    firm.page.fill("#money_minimum", "20")
    firm.page.click(".dj-stepper button[value='step:check']")
    assert "压铸铝合金表面耐盐雾涂层" in firm.page.inner_text("[data-step=check]")
    firm.page.click("main button[name=then][value=draft]")
    assert firm.page.inner_text("h1") == "压铸铝合金表面耐盐雾涂层"


@pytest.mark.parametrize(("language", "width"), VIEWS)
def test_wishes_order_the_suggestions(visit: Callable[..., Visit], language: str, width: int) -> None:
    professor = visit(PROFESSOR, width=width)
    speak(professor, language)
    professor.open("/suggestions/")
    first = professor.page.locator("[data-suggestion]").first.get_attribute("data-suggestion")
    look(professor, "suggestions", language, width)
    professor.page.locator("[data-suggestion] a[href*='like=']").first.click()
    professor.page.wait_for_url("**/wishes?like=**")
    professor.page.locator("input[name=trait]").first.check()
    look(professor, "wishes", language, width)
    professor.page.locator("section:has(input[name=trait]) button[type=submit]").click()
    professor.page.wait_for_url("**/suggestions/wishes")
    professor.open("/suggestions/")
    ids = [one.get_attribute("data-suggestion") for one in professor.page.locator("[data-suggestion]").all()]
    assert ids[0] != first
    professor.open("/suggestions/wishes")
    while professor.page.locator("form[action$='/drop'] button").count():
        professor.page.locator("form[action$='/drop'] button").first.click()
        professor.page.wait_for_load_state()


@pytest.mark.parametrize(("language", "width"), VIEWS)
def test_a_tile_of_the_map_filters(visit: Callable[..., Visit], language: str, width: int) -> None:
    visitor = visit(width=width, language=language)
    visitor.open("/organisations/?kind=enterprise")
    look(visitor, "town-map", language, width)
    tile = visitor.page.locator(".dj-tiles a").last
    count = int(str(tile.locator(".dj-tile-count").text_content()))
    tile.click()
    visitor.page.wait_for_url("**town=**")
    assert visitor.page.locator("#results > li").count() == min(count, 20)


@pytest.mark.parametrize(("language", "width"), VIEWS)
def test_administrators_accounts(visit: Callable[..., Visit], language: str, width: int) -> None:
    admin = visit(ADMIN, width=width)
    speak(admin, language)
    admin.open("/users/?q=professor")
    look(admin, "users", language, width)
    admin.page.locator("tbody a").first.click()
    admin.page.wait_for_load_state()
    look(admin, "user", language, width)
    admin.open("/account/address")
    look(admin, "address", language, width)


@pytest.mark.parametrize(("language", "width"), VIEWS)
def test_works_of_an_expert(visit: Callable[..., Visit], language: str, width: int) -> None:
    staff = visit(STAFF, width=width)
    speak(staff, language)
    assert staff.open("/experts/exp-qiu-zhihang/works/") == 200
    look(staff, "works", language, width)


def test_papers_of_an_event_are_files(visit: Callable[..., Visit]) -> None:
    staff = visit(STAFF)
    staff.open("/events/")
    found = re.search(r"/events/([0-9a-f-]{36})", staff.page.inner_html("main"))
    assert found is not None
    staff.open(f"/events/{found[1]}/print/cards")
    with staff.page.expect_download() as download:
        staff.page.click("a[href$='/print/cards.pdf']")
    content = download.value.path().read_bytes()
    assert "桌" in re.sub(r"\s", "", PdfReader(io.BytesIO(content)).pages[0].extract_text())


def test_the_count_of_messages_follows_without_a_reload(visit: Callable[..., Visit]) -> None:
    first, second = visit(PROFESSOR), visit(PROFESSOR)
    first.open("/")
    before = int(str(first.page.get_attribute("[data-live]", "data-count")))
    if before == 0:
        pytest.skip("nothing is unread")
    with first.page.expect_request("**/inbox/live"):
        pass
    second.open("/inbox/?show=unread")
    second.page.locator("form[action$='/open']:has(input[name=stay]) button").first.click()
    second.page.wait_for_load_state()
    first.page.wait_for_selector(f"[data-live][data-count='{before - 1}']", state="attached")

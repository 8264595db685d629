"""A firm says interest, a professor answers, both see each other's contacts, and the engagement ends in a contract."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.e2e.conftest import Visit
from tests.e2e.engagement_pages import EngagementPage, InterestInbox, SuggestionCard
from tests.e2e.pages import WritingPage, find_barriers, find_chinese, find_overflow

pytestmark = pytest.mark.e2e

FIRM, PROFESSOR, OTHER = "engineer@example.cn", "professor@example.edu.cn", "tap@example.cn"
STAFF, MANAGER = "staff@example.cn", "tto@example.edu.cn"
CAPABILITY = "cap-0006"
NEED = {
    "title": "高速板内层无粗化化学键合与低轮廓铜箔的配合",
    "problem": (
        "高速服务器板内层想改用无粗化化学键合处理，低轮廓铜箔与 Low-Dk 半固化片的剥离强度偏低，"
        "无铅回流后有分层；希望在 28 GHz 插入损耗不增加的前提下提高结合力。"
    ),
    "indicators": "剥离强度 ≥ 0.55 N/mm\n28 GHz 插损不高于现有工艺",
    "keywords": "高速板，插入损耗，铜箔粗糙度，键合剂",
    "money_minimum": "20",
}


def test_from_interest_to_contract(visit: Callable[..., Visit]) -> None:
    firm = visit(FIRM)
    form = WritingPage(firm)
    form.write(**NEED)
    form.send()
    card = SuggestionCard(firm, CAPABILITY)
    card.wait()
    assert "时限不合适" in card.decline("time")
    card.undo()
    firm.keep_picture("suggestion-answers-zh-1280")
    interest_id = card.ask("希望先做小样测试，再谈委托开发。")
    firm.keep_picture("interest-sent-zh-1280")

    professor = visit(PROFESSOR, width=390)
    inbox = InterestInbox(professor)
    inbox.open_latest()
    assert professor.page.url.endswith(interest_id)
    assert "希望先做小样测试" in professor.page.inner_text("main")
    assert "0750-7654321" not in professor.page.content()
    assert find_overflow(professor) == 0
    professor.keep_picture("interest-received-zh-390")
    engagement_id = inbox.accept("020-1234567")

    seen_by_professor = EngagementPage(professor, engagement_id)
    seen_by_firm = EngagementPage(firm, engagement_id)
    for page in (seen_by_professor, seen_by_firm):
        for contact in ("林晓工", "0750-7654321", "020-1234567"):
            assert contact in page.contacts()
    seen_by_firm.write("丘老师您好，周三方便来厂里看看吗？")
    seen_by_firm.go_on_to("沟通交流")
    professor.page.reload()
    assert "周三方便来厂里" in professor.page.inner_text("#messages")
    assert "轮到您" in professor.page.inner_text("main")
    seen_by_professor.go_on_to("商谈条款")
    firm.page.reload()
    seen_by_firm.go_on_to("签订合同")
    seen_by_firm.record_terms(
        contract_type="development",
        contract_amount="48.5",
        technology_amount="40",
        signed_on="2026-12-01",
        benefit_terms="首付三成，验收后七成",
        ip_arrangement="shared",
    )
    assert "48.5 万元" in firm.page.inner_text("#terms")
    firm.keep_picture("engagement-contract-zh-1280")
    professor.page.reload()
    assert find_overflow(professor) == 0
    professor.keep_picture("engagement-contract-zh-390")
    seen_by_firm.close_with_contract()
    assert "签订了合同" in firm.page.inner_text("main")

    for email in (OTHER, MANAGER):
        stranger = visit(email)
        assert stranger.open(f"/engagements/{engagement_id}") == 404
        assert stranger.open(f"/interests/{interest_id}") == 404
        assert "0750-7654321" not in stranger.page.content()


PAGES: dict[str, tuple[str, str, str | None]] = {
    "interests": (FIRM, "/interests/?box=sent", None),
    "interest": (FIRM, "/interests/?box=sent", "li[data-interest] .dj-buttons a >> nth=-1"),
    "interest-new": (FIRM, "/interests/new?post=cap-0014", None),
    "engagements": (FIRM, "/engagements/", None),
    "engagement": (FIRM, "/engagements/", "li[data-engagement] h2 a >> nth=-1"),
    "engagement-staff": (STAFF, "/engagements/", "li[data-engagement] h2 a >> nth=-1"),
    "board": (STAFF, "/engagements/board", None),
    "inbox-interests": (PROFESSOR, "/inbox/?show=interests", None),
    "engagement-none": (OTHER, "/engagements/", None),
    "interest-none": (OTHER, "/interests/", None),
}


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize("name", PAGES)
def test_page(visit: Callable[..., Visit], name: str, language: str, width: int) -> None:
    email, path, link = PAGES[name]
    reader = visit(email, width=width, language=language)
    reader.open(f"/language/{language[:2]}")
    assert reader.open(path) == 200
    if link is not None:
        reader.page.click(link)
        reader.page.wait_for_url(lambda address: not address.endswith(path))
    reader.page.wait_for_load_state("networkidle")
    assert find_overflow(reader) == 0
    assert find_barriers(reader) == []
    for details in reader.page.locator("main details:not([open]) > summary").all():
        if details.is_visible():
            details.click()
    assert find_overflow(reader) == 0
    if language == "en":
        assert find_chinese(reader) == []
    reader.keep_picture(f"{name}-{language[:2]}-{width}")

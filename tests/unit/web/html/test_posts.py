"""Writing posts, their pages, and the moves in their life."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from flask import Flask

from matching.bootstrap import Platform
from matching.models import Need, Post
from tests.factories.people import Member, make_expert, make_member, make_staff
from tests.factories.posts import make_capability, make_need
from tests.factories.work import settle_everything
from tests.unit.web.conftest import Browser, Clock

FIRM, OTHER, PROFESSOR, STAFF = "firm@example.cn", "other@example.cn", "prof@example.edu.cn", "staff@example.cn"
GOOD: dict[str, Any] = {
    "title": "高频线路板翘曲控制",
    "problem": "压合后翘曲 1.2 %，良率偏低。",
    "indicators": "翘曲 ≤ 0.5 %\n\n厚度 1.6 mm",
    "keywords": "线路板，翘曲, 压合；HDI",
    "ends_on": "2027-06-30",
    "money_minimum": "２０",
    "money_maximum": "30万元",
    "cooperation_modes": ["development"],
    "domain": "electronics",
    "industry_codes": ["C39"],
    "visibility": "public",
    "contact_name": "李工",
    "contact_phone": "0750-1234567",
}


@pytest.fixture
def firm(app: Flask, platform: Platform, clock: Clock) -> Member:
    make_staff(platform, clock.moment, email=STAFF)
    make_member(platform, clock.moment, email=OTHER, organisation="广州示例机械有限公司")
    return make_member(platform, clock.moment, email=FIRM, organisation="鹤山市示例电子有限公司")


@pytest.fixture
def professor(firm: Member, platform: Platform, clock: Clock) -> Member:
    member = make_member(platform, clock.moment, email=PROFESSOR, organisation="示例大学", kind="university")
    make_expert(platform, clock.moment, member)
    return member


def stored(platform: Platform, post_id: str) -> Post:
    with platform.reading() as reading:
        post = reading.get(Post, post_id)
        assert post is not None
        return post


def post_id_of(location: str) -> str:
    return location.split("/posts/")[1].split("#")[0]


def test_a_need_is_written_and_published(
    firm: Member, platform: Platform, open_browser: Callable[..., Browser]
) -> None:
    browser = open_browser(FIRM)
    browser.get("/needs/new")
    answer = browser.post("/needs/new", GOOD | {"then": "send"})
    assert answer.status_code == 302
    need = stored(platform, post_id_of(answer.headers["Location"]))
    assert isinstance(need, Need)
    assert (need.status, need.indicators) == ("published", ["翘曲 ≤ 0.5 %", "厚度 1.6 mm"])
    assert need.keywords == ["线路板", "翘曲", "压合", "HDI"]
    assert (str(need.money_minimum), str(need.money_maximum)) == ("20", "30")
    assert (need.codes("industry"), need.codes("cooperation_mode")) == (("C39",), ("development",))
    page = browser.get(answer.headers["Location"]).text
    for text in ("高频线路板翘曲控制", "2027年6月30日", "20–30 万元", "技术开发", "电子信息", "0750-1234567"):
        assert text in page
    in_english = open_browser(language="en").get(answer.headers["Location"]).text
    for text in ("30 Jun 2027", "CNY 200,000–300,000", "Technology development", "鹤山市示例电子有限公司"):
        assert text in in_english
    assert "0750-1234567" not in in_english


def test_a_capability_is_written(professor: Member, platform: Platform, open_browser: Callable[..., Browser]) -> None:
    browser = open_browser(PROFESSOR)
    form = browser.get("/capabilities/new").text
    assert re.search(r'name="expert_ids" value="[^"]+" checked', form)  # who writes stands behind it
    [expert_id] = re.findall(r'name="expert_ids" value="([^"]+)"', form)
    answer = browser.post(
        "/capabilities/new",
        {
            "title": "翘曲预测",
            "kind": "patent",
            "abstract": "用有限元预测翘曲",
            "maturity": "7",
            "ip_type": "invention",
            "ip_status": "granted",
            "expert_ids": [expert_id],
            "money_negotiable": "y",
            "visibility": "members",
            "then": "draft",
        },
    )
    page = browser.get(answer.headers["Location"]).text
    for text in ("专利", "TRL 7 现场试用", "面议", "发明专利 已授权", "示例专家", "草稿", "登录可见"):
        assert text in page


@pytest.mark.parametrize(
    ("wrong", "field", "message"),
    [
        ({"title": "  "}, "title", "请填写标题"),
        ({"title": "题" * 201}, "title", "不能超过 200 字，现有 201 字"),
        ({"problem": "字" * 20_001}, "problem", "不能超过 20000 字，现有 20001 字"),
        ({"problem": "a\x00b"}, "problem", "无法保存的字符"),
        ({"keywords": "a,b,c,d,e,f"}, "keywords", "最多 5 个，现有 6 个"),
        ({"keywords": "x" * 41}, "keywords", "不超过 40 字"),
        ({"money_minimum": "-1"}, "money_minimum", "0 到 10000000"),
        ({"money_minimum": "abc"}, "money_minimum", "0 到 10000000"),
        ({"money_maximum": "1e9"}, "money_maximum", "0 到 10000000"),
        ({"money_minimum": "0.0000001"}, "money_minimum", "0 到 10000000"),
        ({"money_minimum": "40"}, "money_maximum", "小于最低金额"),
        ({"ends_on": "2027-02-30"}, "ends_on", "请填写日期"),
        ({"starts_on": "2028-01-01"}, "ends_on", "早于开始日期"),
        ({"indicators": "\n".join("x" for _ in range(51))}, "indicators", "最多 50 条，现有 51 条"),
        ({"contact_email": "not an address"}, "contact_email", "邮箱地址不完整"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_lost(
    firm: Member, open_browser: Callable[..., Browser], wrong: dict[str, str], field: str, message: str
) -> None:
    browser = open_browser(FIRM)
    browser.get("/needs/new")
    answer = browser.post("/needs/new", GOOD | wrong | {"then": "send"})
    assert answer.status_code == 422
    page = unescape(answer.text)
    assert f'href="#{field}"' in page
    assert message in page
    assert f'id="error-{field}"' in page
    assert "压合后翘曲" in page or "problem" in wrong
    assert 'value="development" checked' in page


def test_what_was_typed_into_lists_is_refused(firm: Member, open_browser: Callable[..., Browser]) -> None:
    browser = open_browser(FIRM)
    browser.get("/needs/new")
    for forged in ({"domain": "nix"}, {"visibility": "nix"}, {"industry_codes": ["nix"]}, {"town": "nix"}):
        assert browser.post("/needs/new", GOOD | forged).status_code == 422


def test_nobody_writes_for_another_organisation(
    firm: Member, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    second = make_member(platform, clock.moment, email="second@example.cn", organisation="第三家示例公司")
    post_id = make_need(platform, firm, clock.moment)
    browser = open_browser("second@example.cn")
    browser.get("/needs/new")
    answer = browser.post("/needs/new", GOOD | {"organisation_id": firm.organisation_id, "then": "draft"})
    assert stored(platform, post_id_of(answer.headers["Location"])).organisation_id == second.organisation_id
    assert browser.get(f"/posts/{post_id}/edit").status_code == 403
    for move in ("pause", "close", "archive", "renew"):
        assert browser.post(f"/posts/{post_id}/{move}", {"reason": "dropped"}).status_code == 403
    assert stored(platform, post_id).status == "published"


def test_two_clicks_make_one_post(firm: Member, platform: Platform, open_browser: Callable[..., Browser]) -> None:
    browser = open_browser(FIRM)
    browser.get("/needs/new")
    sent = GOOD | {"draft_id": str(uuid.uuid4()), "then": "send"}
    first, second = browser.post("/needs/new", sent), browser.post("/needs/new", sent)
    assert first.headers["Location"] == second.headers["Location"]
    with platform.reading() as reading:
        assert reading.query(Need).count() == 1


def test_an_account_without_an_organisation_is_told_so(
    firm: Member, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    browser = open_browser(STAFF)
    browser.get("/needs/new")
    answer = browser.post("/needs/new", GOOD)
    assert answer.status_code == 403
    assert "还没有可以代表发布的单位" in answer.text


def test_without_the_right_to_publish_a_post_is_handed_in(
    firm: Member, platform: Platform, open_browser: Callable[..., Browser]
) -> None:
    object.__setattr__(platform.settings, "review_before_publication", True)
    browser = open_browser(FIRM)
    assert "提交审核" in browser.get("/needs/new").text
    answer = browser.post("/needs/new", GOOD | {"then": "send"})
    post_id = post_id_of(answer.headers["Location"])
    assert stored(platform, post_id).status == "submitted"
    assert "等待主管部门审核" in browser.get(f"/posts/{post_id}").text
    assert open_browser(OTHER).get(f"/posts/{post_id}").status_code == 404
    assert browser.post(f"/posts/{post_id}/publish").status_code == 403


def test_an_edit_keeps_what_others_wrote_meanwhile(
    firm: Member, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    post_id = make_need(platform, firm, clock.moment, problem="原文")
    first, second = open_browser(FIRM), open_browser(FIRM)
    form = first.get(f"/posts/{post_id}/edit").text
    [version] = re.findall(r'name="version" value="(\d+)"', form)
    second.get(f"/posts/{post_id}/edit")
    assert second.post(f"/posts/{post_id}/edit", GOOD | {"title": "第二人", "version": version}).status_code == 302
    answer = first.post(f"/posts/{post_id}/edit", GOOD | {"title": "第一人", "version": version})
    assert answer.status_code == 409
    assert 'value="第一人"' in answer.text
    assert stored(platform, post_id).title == "第二人"
    [fresh] = re.findall(r'name="version" value="(\d+)"', answer.text)
    assert first.post(f"/posts/{post_id}/edit", GOOD | {"title": "第一人", "version": fresh}).status_code == 302
    assert stored(platform, post_id).title == "第一人"


def test_an_edit_loses_no_code_that_the_lists_no_longer_offer(
    firm: Member, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    post_id = make_need(platform, firm, clock.moment, industry_codes=("C398", "C39"), town="旧镇", domain="old")
    form = open_browser(FIRM).get(f"/posts/{post_id}/edit").text
    for value in ("C398", "C39"):
        assert f'value="{value}" checked' in form
    for value in ("旧镇", "old"):
        assert f'<option value="{value}" selected>' in form


def test_the_moves_of_a_life(
    firm: Member, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    post_id = make_need(platform, firm, clock.moment)
    browser = open_browser(FIRM)
    page = browser.get(f"/posts/{post_id}").text
    assert f"/posts/{post_id}/renew" not in page  # a year is left
    for move, status in (("pause", "paused"), ("resume", "published"), ("renew", "published")):
        assert browser.post(f"/posts/{post_id}/{move}").status_code == 302
        assert stored(platform, post_id).status == status
    assert browser.post(f"/posts/{post_id}/resume").status_code == 409
    assert "请选择关闭原因" in browser.get(browser.post(f"/posts/{post_id}/close").headers["Location"]).text
    browser.post(f"/posts/{post_id}/close", {"reason": "solved_here"})
    assert "已关闭：通过本平台解决" in browser.get(f"/posts/{post_id}").text
    assert browser.get(f"/posts/{post_id}/edit").status_code == 302
    browser.post(f"/posts/{post_id}/archive")
    assert stored(platform, post_id).status == "archived"
    assert browser.post(f"/posts/{post_id}/expire").status_code == 404


def test_near_its_end_a_post_offers_renewal(
    firm: Member, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    post_id = make_need(platform, firm, clock.moment)
    clock.advance(days=351)
    page = open_browser(FIRM).get(f"/posts/{post_id}").text
    assert "还有 14 天过期" in page
    assert f"/posts/{post_id}/renew" in page


def test_who_sees_what(firm: Member, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]) -> None:
    draft = make_need(platform, firm, clock.moment, publish=False)
    public = make_need(platform, firm, clock.moment)
    members = make_need(platform, firm, clock.moment, visibility="members")
    matched = make_need(platform, firm, clock.moment, visibility="matched")
    staff = make_need(platform, firm, clock.moment, visibility="staff")
    seen = {
        None: {public},
        OTHER: {public, members},
        FIRM: {draft, public, members, matched, staff},
        STAFF: {public, members, matched, staff},
    }
    for email, visible in seen.items():
        browser = open_browser(email)
        for post_id in (draft, public, members, matched, staff):
            assert browser.get(f"/posts/{post_id}").status_code == (200 if post_id in visible else 404)
            alone = browser.get(f"/posts/{post_id}/suggestions")
            assert alone.status_code == (302 if post_id in visible else 404)
            part = browser.get(f"/posts/{post_id}/suggestions", headers={"HX-Request": "true"})
            assert part.status_code == (200 if post_id in visible else 404)


def test_suggestions_are_shown_to_both_sides_with_reasons(
    professor: Member, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    text = "压合后翘曲 1.2 %，铜厚 35 μm，热压温度 200 ℃，需要仿真预测翘曲"
    need = make_need(platform, member_of(platform, FIRM), clock.moment, problem=text)
    capability = make_capability(platform, professor, clock.moment, abstract=text)
    make_need(platform, member_of(platform, FIRM), clock.moment, title="发酵豉油减盐", problem="高盐稀态发酵")
    settle_everything(platform, clock.moment)
    page = open_browser(FIRM).get(f"/posts/{need}").text
    assert "谁可能解决" in page
    assert f'data-suggestion="{capability}"' in page
    assert "<mark>" in page
    assert re.search(r"<meter[^>]*>(很可能|可能|值得一看|仅供参考)</meter>", page)
    for browser in (open_browser(), open_browser(OTHER)):
        assert "data-suggestion" not in browser.get(f"/posts/{need}").text
    theirs = open_browser(PROFESSOR).get(f"/posts/{need}").text
    assert "与您的匹配" in theirs
    assert f'data-suggestion="{capability}"' in theirs


def member_of(platform: Platform, email: str) -> Member:
    from matching.models import User
    from matching.services.actor import actor_of

    with platform.reading() as reading:
        user = reading.query(User).filter_by(email=email).one()
        return Member(user.id, user.memberships[0].organisation_id, actor_of(user))


def test_hostile_text_is_shown_as_text(
    firm: Member, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    hostile = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{7*7}}"
    post_id = make_need(
        platform,
        firm,
        clock.moment,
        title=hostile,
        problem=hostile,
        expected_result=hostile,
        indicators=(hostile,),
        keywords=(hostile[:30],),
        preferred_partners=hostile,
        source=hostile,
        domain="<b>",
        contact={"name": hostile},
    )
    browser = open_browser(FIRM)
    for path in (
        f"/posts/{post_id}",
        f"/posts/{post_id}/edit",
        "/posts/mine",
        "/",
        "/search?type=need",
        "/search?q=alert",
    ):
        page = browser.get(path).text
        assert "<script>alert" not in page
        assert "<img" not in page


@pytest.mark.parametrize(
    "title", ["题" * 200, "W" * 200, "🙂" * 100, "䶮𬭎 涂层", "=cmd|' /C calc'!A0", "a\r\nBcc: x@y"]
)
def test_odd_titles_are_kept(
    firm: Member, platform: Platform, open_browser: Callable[..., Browser], title: str
) -> None:
    browser = open_browser(FIRM)
    browser.get("/needs/new")
    answer = browser.post("/needs/new", GOOD | {"title": title, "then": "draft"})
    post_id = post_id_of(answer.headers["Location"])
    assert stored(platform, post_id).title == " ".join(title.split())
    assert browser.get(f"/posts/{post_id}").status_code == 200


def test_own_posts_by_state(
    firm: Member, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    browser = open_browser(FIRM)
    assert "还没有发布过" in browser.get("/posts/mine").text
    draft = make_need(platform, firm, clock.moment, publish=False, title="一份草稿")
    public = make_need(platform, firm, clock.moment, title="一条需求")
    everything = browser.get("/posts/mine").text
    assert draft in everything
    assert public in everything
    drafts = browser.get("/posts/mine?state=draft").text
    assert draft in drafts
    assert public not in drafts
    assert "这个状态下没有信息" in browser.get("/posts/mine?state=ended").text
    assert browser.get("/posts/mine?state=nix").status_code == 422
    assert draft not in open_browser(OTHER).get("/posts/mine").text


def test_lists_ask_the_database_as_often_for_one_row_as_for_three(
    firm: Member, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    from sqlalchemy import event

    browser = open_browser(FIRM)
    asked: list[str] = []
    event.listen(platform.engine, "before_cursor_execute", lambda c, k, statement, *rest: asked.append(statement))

    def count(path: str) -> int:
        browser.get(path)
        asked.clear()
        browser.get(path)
        return len(asked)

    make_need(platform, firm, clock.moment)
    paths = ("/", "/posts/mine", "/search?type=need", "/inbox/")
    once = {path: count(path) for path in paths}
    make_need(platform, firm, clock.moment, title="第二条")
    make_need(platform, firm, clock.moment, title="第三条")
    assert {path: count(path) for path in paths} == once

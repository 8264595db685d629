"""Asking to meet on pages: the set questions, the answer, and what each side is shown before and after."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from flask import Flask
from sqlalchemy import select

from matching.bootstrap import Platform
from matching.models import Engagement, Interest
from tests.factories.interests import ask, find_suggestion
from tests.factories.people import Member, make_expert, make_member
from tests.factories.posts import make_capability, make_need
from tests.factories.work import settle_everything
from tests.unit.web.conftest import Browser, Clock

FIRM, PROFESSOR, OTHER = "firm@example.cn", "prof@example.edu.cn", "other@example.cn"
ANSWERS = {
    "aim": "希望先做小试<script>",
    "timing": "quarter",
    "contact_name": "林晓工",
    "contact_phone": "0750-8888001",
    "contact_email": "lin@example.cn",
}
YES = {"contact_name": "丘教授", "contact_phone": "020-8888002", "contact_email": ""}


@dataclass(frozen=True)
class Scene:
    need: str
    capability: str
    firm: Member
    professor: Member


@pytest.fixture
def scene(app: Flask, platform: Platform, clock: Clock) -> Scene:
    firm = make_member(platform, clock.moment, email=FIRM, organisation="鹤山市示例电子有限公司")
    professor = make_member(platform, clock.moment, email=PROFESSOR, organisation="示例大学", kind="university")
    make_member(platform, clock.moment, email=OTHER, organisation="别的企业")
    expert = make_expert(platform, clock.moment, professor)
    contact = {"name": "林晓工", "phone": "0750-8888001"}
    need = make_need(platform, firm, clock.moment, contact=contact, visibility="matched", title="保密工艺翘曲")
    capability = make_capability(platform, professor, clock.moment, expert_ids=(expert,))
    return Scene(need, capability, firm, professor)


def stored(platform: Platform) -> Interest:
    with platform.reading() as session:
        return session.scalars(select(Interest)).one()


def test_a_suggestion_leads_to_questions_an_answer_and_contacts(
    scene: Scene, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    settle_everything(platform, clock.moment)
    suggestion = find_suggestion(platform, scene.need, scene.capability)
    firm, professor = open_browser(FIRM), open_browser(PROFESSOR)
    page = firm.get(f"/interests/new?suggestion={suggestion}&side=need").text
    assert 'value="林晓工"' in page
    assert "保密工艺翘曲" in page
    sent = firm.post("/interests/new", ANSWERS | {"suggestion": suggestion, "side": "need"})
    assert sent.status_code == 302
    interest = stored(platform)
    assert (interest.need_id, interest.suggestion_id) == (scene.need, suggestion)
    assert sent.headers["Location"] == f"/interests/{interest.id}"

    for path in (f"/interests/{interest.id}", "/interests/", "/inbox/", f"/posts/{scene.need}"):
        before = professor.get(path).text
        for secret in ("0750-8888001", "lin@example.cn", "林晓工", "鹤山市示例电子"):
            assert secret not in before, path
    page = professor.get(f"/interests/{interest.id}").text
    assert "希望先做小试&lt;script&gt;" in page
    assert "单位名称暂不公开" in page
    assert "020-8888002" not in firm.get(f"/interests/{interest.id}").text
    answer = professor.post(f"/interests/{interest.id}/accept", YES)
    assert answer.status_code == 302
    engagement = answer.headers["Location"]
    for browser in (firm, professor):
        page = browser.get(engagement).text
        for shown in ("0750-8888001", "lin@example.cn", "020-8888002", "丘教授", "鹤山市示例电子", "示例大学"):
            assert shown in page
    assert "鹤山市示例电子" in professor.get(f"/posts/{scene.need}").text
    assert "对方也有意向" in firm.get("/inbox/").text
    assert engagement in firm.get("/interests/?box=sent").text


def test_a_post_can_be_asked_about_without_a_suggestion(
    scene: Scene, platform: Platform, open_browser: Callable[..., Browser]
) -> None:
    browser = open_browser(OTHER)
    page = browser.get(f"/posts/{scene.capability}").text
    assert f'href="/interests/new?post={scene.capability}"' in page
    assert browser.get(f"/interests/new?post={scene.capability}").status_code == 200
    assert browser.post("/interests/new", ANSWERS | {"post": scene.capability}).status_code == 302
    interest = stored(platform)
    assert (interest.need_id, interest.capability_id) == (None, scene.capability)
    page = browser.get(f"/posts/{scene.capability}").text
    assert "已表示意向" in page
    assert "我有意向" not in page
    again = browser.post("/interests/new", ANSWERS | {"post": scene.capability})
    assert again.status_code == 409
    assert "已经表示过意向" in again.text
    assert "希望先做小试&lt;script&gt;" in again.text


def test_nothing_is_offered_to_ones_own_and_a_hidden_post_is_not_there(
    scene: Scene, open_browser: Callable[..., Browser]
) -> None:
    assert "我有意向" not in open_browser(FIRM).get(f"/posts/{scene.need}").text
    other = open_browser(OTHER)
    for wrong in (f"post={scene.need}", "post=%00", "suggestion=%00", ""):
        assert other.get(f"/interests/new?{wrong}").status_code == 404
    assert other.post("/interests/new", ANSWERS | {"post": scene.need}).status_code == 404
    visitor = open_browser()
    assert "我有意向" in visitor.get(f"/posts/{scene.capability}").text
    assert visitor.get(f"/interests/new?post={scene.capability}").headers["Location"].startswith("/sign-in?next=")


def test_a_post_can_stay_visible_and_take_no_interest(
    scene: Scene, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    settle_everything(platform, clock.moment)
    professor, other = open_browser(PROFESSOR), open_browser(OTHER)
    address = f"/posts/{scene.capability}"
    assert "暂停接受意向" in professor.get(address).text
    professor.post(f"{address}/interest", {"open": ""})
    settle_everything(platform, clock.moment)
    assert "我有意向" not in other.get(address).text
    assert "目前不接受意向" in other.get(f"/interests/new?post={scene.capability}").text
    assert other.post("/interests/new", ANSWERS | {"post": scene.capability}).status_code == 409
    assert "线路板翘曲预测与控制" not in open_browser(FIRM).get(f"/posts/{scene.need}").text
    assert other.post(f"{address}/interest", {"open": "y"}).status_code == 403
    professor.get(address)
    professor.post(f"{address}/interest", {"open": "y"})
    settle_everything(platform, clock.moment)
    assert "我有意向" in other.get(address).text
    assert "线路板翘曲预测与控制" in open_browser(FIRM).get(f"/posts/{scene.need}").text


def test_what_is_missing_is_named_and_the_text_stays(
    scene: Scene, platform: Platform, open_browser: Callable[..., Browser]
) -> None:
    browser = open_browser(OTHER)
    browser.get(f"/interests/new?post={scene.capability}")
    for changed, place, said in (
        ({"aim": " "}, "#aim", "请写明希望达成什么"),
        ({"timing": ""}, "#timing", "请选择希望何时开始"),
        ({"contact_name": ""}, "#contact_name", "请填写联系人"),
        ({"contact_phone": "", "contact_email": ""}, "#contact_phone", "电话和邮箱请至少填写一项"),
    ):
        answer = browser.post("/interests/new", ANSWERS | {"post": scene.capability} | changed)
        assert answer.status_code == 422
        assert re.search(rf'<a href="{place}">[^<]*{said}', answer.text), said
        if "aim" not in changed:
            assert "希望先做小试&lt;script&gt;" in answer.text
    with platform.reading() as session:
        assert session.scalars(select(Interest)).all() == []


def test_declining_says_why_and_undoing_reopens(
    scene: Scene, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    interest = ask(platform, scene.firm.actor, scene.capability, clock.moment)
    professor, firm = open_browser(PROFESSOR), open_browser(FIRM)
    professor.get(f"/interests/{interest}")
    missing = professor.post(f"/interests/{interest}/decline", {"reason_text": "明年再说"})
    assert missing.status_code == 422
    assert "明年再说" in missing.text
    professor.post(f"/interests/{interest}/decline", {"reason_code": "no_capacity", "reason_text": "明年再说"})
    page = firm.get(f"/interests/{interest}").text
    assert "明年再说" in page
    assert "已婉拒" in page
    assert "对方暂不考虑您的意向" in firm.get("/inbox/?show=interests").text
    professor.get(f"/interests/{interest}")
    professor.post(f"/interests/{interest}/reopen")
    assert stored(platform).status == "open"
    firm.get(f"/interests/{interest}")
    firm.post(f"/interests/{interest}/withdraw")
    assert stored(platform).status == "withdrawn"
    late = professor.post(f"/interests/{interest}/accept", YES)
    assert late.status_code == 409
    with platform.reading() as session:
        assert session.scalars(select(Engagement)).all() == []


def test_a_contact_that_is_missing_keeps_the_rest(
    scene: Scene, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    interest = ask(platform, scene.firm.actor, scene.capability, clock.moment)
    professor = open_browser(PROFESSOR)
    professor.get(f"/interests/{interest}")
    answer = professor.post(f"/interests/{interest}/accept", YES | {"contact_phone": ""})
    assert answer.status_code == 422
    assert 'value="丘教授"' in answer.text


def test_lists_have_tabs_with_counts_and_pages(
    scene: Scene, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    for number in range(22):
        member = make_member(platform, clock.moment, email=f"f{number}@example.cn", organisation=f"企业{number}")
        ask(platform, member.actor, scene.capability, clock.moment)
    browser = open_browser(PROFESSOR)
    page = browser.get("/interests/").text
    assert re.search(r'收到的 <span class="dj-soft">22</span>', page)
    assert len(re.findall(r'data-interest="', page)) == 20
    following = re.search(r'rel="next" href="([^"]+)"', page)
    assert following
    assert len(re.findall(r'data-interest="', browser.get(following[1].replace("&amp;", "&")).text)) == 2
    assert "您还没有表示过意向" in browser.get("/interests/?box=sent").text
    assert "这个状态下没有意向" in browser.get("/interests/?state=ended").text
    for wrong in ("box=x", "state=x", "from=-1", "from=a"):
        assert browser.get(f"/interests/?{wrong}").status_code == 422


def test_others_find_nothing(
    scene: Scene, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    interest = ask(platform, scene.firm.actor, scene.capability, clock.moment)
    manager = make_member(
        platform,
        clock.moment,
        email="tto@example.edu.cn",
        organisation_id=scene.professor.organisation_id,
        role="owner",
    )
    assert manager.user_id
    for email in (OTHER, "tto@example.edu.cn"):
        browser = open_browser(email)
        assert browser.get(f"/interests/{interest}").status_code == 404
        assert "data-interest" not in browser.get("/interests/").text
        for what in ("accept", "decline", "withdraw", "reopen"):
            assert browser.post(f"/interests/{interest}/{what}", YES).status_code == 404

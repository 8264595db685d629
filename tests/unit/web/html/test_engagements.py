"""The pages of an engagement: each form, what goes wrong, and who sees nothing of it anywhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from matching.bootstrap import Platform
from matching.models import AuditEntry, Engagement, EngagementMessage, EngagementTask, VocabularyTerm
from tests.factories.interests import engage
from tests.factories.people import Member, make_expert, make_member, make_staff
from tests.factories.posts import make_capability, make_need
from tests.unit.web.conftest import Browser, Clock

FIRM, PROFESSOR, MANAGER, BROKER = "firm@example.cn", "prof@example.edu.cn", "tto@example.edu.cn", "broker@example.cn"
STAFF, FAR, OTHER, COLLEAGUE = "staff@example.cn", "far@example.cn", "other@example.cn", "peer@example.edu.cn"
SECRETS = ("0750-8888001", "lin@example.cn", "林工", "020-8888002", "qiu@example.edu.cn", "丘教授")
TERMS: dict[str, Any] = {
    "contract_type": "development",
    "contract_amount": "４８.5万元",
    "technology_amount": "40",
    "registration_number": "2026-440784-0001",
    "signed_on": "2026-12-01",
    "benefit_terms": "首付 30%",
    "ip_terms": "共有",
}


@dataclass(frozen=True)
class Scene:
    id: str
    need: str
    firm: Member
    professor: Member
    manager: Member
    broker: Member


@pytest.fixture
def scene(app: Flask, platform: Platform, clock: Clock) -> Scene:
    now = clock.moment
    with platform.unit_of_work() as uow:
        uow.session.add(
            VocabularyTerm(vocabulary="outcome_reason", code="price", label_zh="价格谈不拢", label_en="Price")
        )
        uow.commit()
    firm = make_member(platform, now, email=FIRM, organisation="鹤山市示例电子有限公司")
    professor = make_member(
        platform, now, email=PROFESSOR, organisation="示例大学", kind="university", region_code="440700"
    )
    university = professor.organisation_id
    manager = make_member(platform, now, email=MANAGER, organisation_id=university, role="owner")
    peer = make_member(platform, now, email=COLLEAGUE, organisation_id=university)
    broker = make_member(platform, now, email=BROKER, organisation="技术转移中心", kind="intermediary")
    make_member(platform, now, email=OTHER, organisation="别的企业")
    make_staff(platform, now, email=STAFF)
    make_staff(platform, now, email=FAR, region_code="440600")
    make_expert(platform, now, peer, name="别的专家")
    need = make_need(platform, firm, now, visibility="matched", title="保密工艺翘曲")
    expert = make_expert(platform, now, professor)
    capability = make_capability(platform, professor, now, expert_ids=(expert,), title="翘曲预测")
    made = engage(platform, firm.actor, capability, professor.actor, now, own_id=need)
    return Scene(made, need, firm, professor, manager, broker)


def stored(platform: Platform, scene: Scene) -> Engagement:
    with platform.reading() as session:
        return session.get_one(Engagement, scene.id)


def test_from_the_first_message_to_a_contract(
    scene: Scene, platform: Platform, open_browser: Callable[..., Browser]
) -> None:
    browser = open_browser(FIRM)
    base = f"/engagements/{scene.id}"
    page = browser.get(base).text
    assert re.search(r'<li aria-current="step">建立联系', page)
    assert "轮到您" in page
    for secret in SECRETS:
        assert secret in page
    once = re.search(r'name="message_id" value="(\w+)"', page)
    assert once
    for _ in range(2):
        browser.post(f"{base}/messages", {"text": "周三来厂里？<b>", "message_id": once[1]})
    browser.post(f"{base}/tasks", {"title": "寄样板", "role": "need", "due_on": "2026-12-01"})
    browser.post(f"{base}/notes", {"text": "底价 40"})
    browser.post(
        f"{base}/next-step", {"next_step": "看压合线", "next_step_on": "2026-12-03", "waits_for": "capability"}
    )
    for stage in ("talk", "terms", "contract"):
        assert browser.post(f"{base}/stage", {"stage": stage}).status_code == 302
    assert browser.post(f"{base}/terms", TERMS).status_code == 302
    page = browser.get(base).text
    for text in (
        "周三来厂里？&lt;b&gt;",
        "寄样板",
        "底价 40",
        "看压合线",
        "2026年12月3日",
        "48.5 万元",
        "2026-440784-0001",
    ):
        assert text in page
    assert page.count("周三来厂里") == 1
    english = open_browser(FIRM, language="en")
    english.get("/language/en")
    assert "CNY 485,000<" in english.get(base).text, "whole yuan have no decimals"
    professor = open_browser(PROFESSOR).get(base).text
    assert "周三来厂里" in professor
    assert "底价 40" not in professor
    assert browser.post(f"{base}/stage", {"stage": "closed", "outcome": "contract"}).status_code == 302
    engagement = stored(platform, scene)
    assert (engagement.stage, engagement.outcome, str(engagement.contract_amount)) == ("closed", "contract", "48.5")
    page = browser.get(base).text
    assert "签订了合同" in page
    assert "重新开始" in page
    assert "保密工艺翘曲" in page


def test_tasks_are_done_and_opened_again(
    scene: Scene, platform: Platform, open_browser: Callable[..., Browser]
) -> None:
    browser = open_browser(PROFESSOR)
    base = f"/engagements/{scene.id}"
    browser.get(base)
    browser.post(f"{base}/tasks", {"title": "出方案", "role": "capability"})
    with platform.reading() as session:
        task = session.scalars(select(EngagementTask.id)).one()
    for done in ("y", ""):
        assert browser.post(f"{base}/tasks/{task}", {"done": done}).status_code == 302
        with platform.reading() as session:
            assert (session.get_one(EngagementTask, task).done_at is not None) == bool(done)


def test_what_is_wrong_is_said_and_the_text_stays(
    scene: Scene, platform: Platform, open_browser: Callable[..., Browser]
) -> None:
    browser = open_browser(FIRM)
    base = f"/engagements/{scene.id}"
    browser.get(base)
    for path, data, status, kept in (
        ("messages", {"text": "长" * 5001}, 422, "长" * 5001),
        ("notes", {"text": "  "}, 422, "请填写内容"),
        ("tasks", {"title": "寄样板", "role": "need", "due_on": "明天"}, 422, 'value="寄样板"'),
        ("next-step", {"next_step": "看线", "next_step_on": "32.13.2026"}, 422, 'value="看线"'),
        ("stage", {"stage": "contract"}, 409, "不能直接进入"),
        ("stage", {"stage": "closed", "outcome": "none", "note": "谈不拢了"}, 422, "谈不拢了"),
        ("stage", {"stage": "closed"}, 422, "请选择对接结果"),
        ("terms", TERMS | {"contract_amount": "很多"}, 422, 'value="很多"'),
        ("terms", TERMS | {"technology_amount": "50"}, 422, "技术交易额不能超过成交额"),
        ("participants", {"person": "nobody"}, 422, "请从名单中选择"),
    ):
        answer = browser.post(f"{base}/{path}", data)
        assert answer.status_code == status, path
        assert kept in answer.text, path
    assert stored(platform, scene).stage == "contact"
    with platform.reading() as session:
        assert session.scalars(select(EngagementMessage)).all() == []


def test_terms_that_somebody_changed_meanwhile_are_not_overwritten(
    scene: Scene, platform: Platform, open_browser: Callable[..., Browser]
) -> None:
    firm, professor = open_browser(FIRM), open_browser(PROFESSOR)
    base = f"/engagements/{scene.id}"

    def version(browser: Browser) -> str:
        found = re.search(r'name="version" value="(\d+)"', browser.get(base).text)
        assert found
        return found[1]

    both = version(firm), version(professor)
    assert firm.post(f"{base}/terms", TERMS | {"version": both[0]}).status_code == 302
    answer = professor.post(f"{base}/terms", TERMS | {"ip_terms": "归学校", "version": both[1]})
    assert answer.status_code == 409
    assert "归学校" in answer.text
    assert stored(platform, scene).ip_terms == "共有"
    again = re.search(r'name="version" value="(\d+)"', answer.text)
    assert again
    assert professor.post(f"{base}/terms", TERMS | {"ip_terms": "归学校", "version": again[1]}).status_code == 302
    assert stored(platform, scene).ip_terms == "归学校"


def test_staff_see_contacts_only_by_a_click_that_is_logged(
    scene: Scene, platform: Platform, open_browser: Callable[..., Browser]
) -> None:
    browser = open_browser(STAFF)
    base = f"/engagements/{scene.id}"
    for path in (base, "/engagements/", "/engagements/board"):
        page = browser.get(path).text
        assert "翘曲预测" in page
        for secret in SECRETS:
            assert secret not in page, path
    browser.get(base)
    revealed = browser.post(f"{base}/contacts")
    assert revealed.status_code == 200
    for secret in SECRETS:
        assert secret in revealed.text
    with platform.reading() as session:
        lines = session.scalars(select(AuditEntry).where(AuditEntry.action == "contact.reveal")).all()
        assert [line.details["to"] for line in lines].count("staff") == 2
    browser.post(f"{base}/notes", {"text": "重点跟进"})
    assert "重点跟进" in browser.get(base).text
    assert "重点跟进" not in open_browser(FIRM).get(base).text


def test_a_broker_is_copied_once_both_agree(
    scene: Scene, platform: Platform, open_browser: Callable[..., Browser]
) -> None:
    firm, professor, broker = open_browser(FIRM), open_browser(PROFESSOR), open_browser(BROKER)
    base = f"/engagements/{scene.id}"
    assert f'value="broker:{scene.broker.user_id}"' in firm.get(base).text
    firm.post(f"{base}/participants", {"person": f"broker:{scene.broker.user_id}"})
    assert broker.get(base).status_code == 404
    assert f"/participants/{scene.broker.user_id}/agree" not in firm.get(base).text
    assert "邀请一位参与人" in professor.get("/inbox/").text
    assert f"/participants/{scene.broker.user_id}/agree" in professor.get(base).text
    professor.post(f"{base}/participants/{scene.broker.user_id}/agree")
    page = broker.get(base).text
    for secret in SECRETS:
        assert secret in page
    broker.post(f"{base}/stage", {"stage": "talk"})
    assert stored(platform, scene).stage == "talk"
    answer = broker.post(f"{base}/participants/{scene.broker.user_id}/remove")
    assert answer.headers["Location"] == "/engagements/"
    assert broker.get(base).status_code == 404


def test_others_see_nothing_of_it_anywhere(
    scene: Scene, platform: Platform, open_browser: Callable[..., Browser]
) -> None:
    base = f"/engagements/{scene.id}"
    firm = open_browser(FIRM)
    firm.get(base)
    firm.post(f"{base}/messages", {"text": "只给对方看的话"})
    pages = (
        "/engagements/",
        "/engagements/?state=all",
        "/interests/",
        "/interests/?box=sent",
        "/inbox/",
        "/posts/mine",
    )
    hidden = (*SECRETS, "只给对方看的话", "保密工艺翘曲")
    for email in (None, OTHER, COLLEAGUE, MANAGER, BROKER, FAR):
        browser = open_browser(email)
        for path in (
            *pages,
            base,
            "/search?type=need&q=翘曲",
            "/search?type=capability&q=翘曲",
            f"/posts/{scene.need}",
        ):
            answer = browser.get(path)
            for secret in hidden:
                assert secret not in answer.text, (email, path, secret)
            assert "鹤山市示例电子" not in answer.text, (email, path)
        if email is None:
            assert browser.get(base).status_code == 302
            continue
        assert browser.get(base).status_code == 404
        assert "data-engagement" not in browser.get("/engagements/?state=all").text
        assert re.findall(r'<span class="dj-soft">(\d+)</span>', browser.get("/engagements/").text) == ["0"] * 4
        for about in ("engagements", "interests"):
            assert "data-message" not in browser.get(f"/inbox/?show={about}").text
        browser.get("/inbox/")
        for path in ("contacts", "stage", "next-step", "messages", "notes", "tasks", "terms", "participants"):
            assert browser.post(f"{base}/{path}", {"text": "x", "stage": "talk"}).status_code == 404, (email, path)
    far = open_browser(FAR).get("/engagements/board")
    assert far.status_code == 200
    assert "data-engagement" not in far.text
    assert open_browser(OTHER).get("/engagements/board").status_code == 403


def test_lists_say_what_there_is_and_refuse_nonsense(scene: Scene, open_browser: Callable[..., Browser]) -> None:
    browser = open_browser(FIRM)
    page = browser.get("/engagements/").text
    assert "轮到需求方" in page
    assert re.findall(r'<span class="dj-soft">(\d+)</span>', page) == ["1", "1", "0", "1"]
    assert "没有在等您的对接" in open_browser(PROFESSOR).get("/engagements/?state=mine").text
    assert "还没有结束的对接" in browser.get("/engagements/?state=closed").text
    for wrong in ("state=x", "from=x"):
        assert browser.get(f"/engagements/?{wrong}").status_code == 422
    assert browser.get("/engagements/none").status_code == 404
    english = open_browser(FIRM, language="en")
    english.get("/language/en")
    page = english.get(f"/engagements/{scene.id}").text
    assert "First contact" in page
    assert "Your turn" in page

"""Answering suggestions on pages: by plain forms and by htmx, on the cards of both sides and in the inbox."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from flask import Flask
from sqlalchemy import select

from matching.bootstrap import Platform
from matching.models import SuggestionAnswer, VocabularyTerm
from tests.factories.interests import ask, find_suggestion
from tests.factories.people import Member, make_expert, make_member, make_staff
from tests.factories.posts import make_capability, make_need
from tests.factories.work import settle_everything
from tests.unit.web.conftest import Browser, Clock

FIRM, PROFESSOR, OTHER, STAFF = "firm@example.cn", "prof@example.edu.cn", "other@example.cn", "staff@example.cn"
HTMX = {"HX-Request": "true"}


@dataclass(frozen=True)
class Scene:
    need: str
    capability: str
    suggestion: str
    firm: Member
    professor: Member


@pytest.fixture
def scene(app: Flask, platform: Platform, clock: Clock) -> Scene:
    with platform.unit_of_work() as uow:
        for code, zh, en in (("budget", "预算或报价谈不拢", "Budget does not fit"), ("other", "其他", "Other")):
            uow.session.add(VocabularyTerm(vocabulary="decline_reason", code=code, label_zh=zh, label_en=en))
        uow.commit()
    firm = make_member(platform, clock.moment, email=FIRM, organisation="鹤山市示例电子有限公司")
    professor = make_member(platform, clock.moment, email=PROFESSOR, organisation="示例大学", kind="university")
    make_member(platform, clock.moment, email=OTHER, organisation="别的企业")
    make_staff(platform, clock.moment, email=STAFF)
    expert = make_expert(platform, clock.moment, professor)
    need = make_need(platform, firm, clock.moment)
    capability = make_capability(platform, professor, clock.moment, expert_ids=(expert,))
    settle_everything(platform, clock.moment)
    return Scene(need, capability, find_suggestion(platform, need, capability), firm, professor)


def present(platform: Platform) -> list[tuple[str, str, str | None, str]]:
    with platform.reading() as session:
        rows = session.scalars(select(SuggestionAnswer).where(SuggestionAnswer.withdrawn_at.is_(None)))
        return [(row.side, row.kind, row.reason_code, row.reason_text) for row in rows]


@pytest.mark.parametrize(("email", "side"), [(FIRM, "need"), (PROFESSOR, "capability")])
def test_plain_forms_lead_back_to_where_they_were(
    scene: Scene, platform: Platform, open_browser: Callable[..., Browser], email: str, side: str
) -> None:
    browser = open_browser(email)
    own = scene.need if side == "need" else scene.capability
    page = browser.get(f"/posts/{own}").text
    assert f'id="answer-{scene.suggestion}"' in page
    assert f'href="/interests/new?suggestion={scene.suggestion}&amp;side={side}"' in page
    answer = browser.post(f"/suggestions/{scene.suggestion}/later", {"side": side, "next": f"/posts/{own}"})
    assert answer.headers["Location"] == f"/posts/{own}"
    page = browser.get(f"/posts/{own}").text
    assert "以后再说的 1 条" in page
    data = {"side": side, "reason_code": "budget", "reason_text": "只有 5 万", "next": f"/posts/{own}"}
    assert browser.post(f"/suggestions/{scene.suggestion}/decline", data).status_code == 302
    assert present(platform) == [(side, "decline", "budget", "只有 5 万")]
    page = browser.get(f"/posts/{own}").text
    assert "已标为不合适的 1 条" in page
    assert "只有 5 万" in page
    assert "正在匹配" not in page
    assert browser.post(f"/suggestions/{scene.suggestion}/undo", {"side": side}).headers["Location"] == "/inbox/"
    assert present(platform) == []


def test_htmx_replaces_the_answer_alone(scene: Scene, platform: Platform, open_browser: Callable[..., Browser]) -> None:
    browser = open_browser(FIRM)
    browser.get(f"/posts/{scene.need}")
    data = {"side": "need", "reason_code": "budget", "next": f"/posts/{scene.need}"}
    answer = browser.post(f"/suggestions/{scene.suggestion}/decline", data, headers=HTMX)
    assert answer.status_code == 200
    assert answer.text.strip().startswith('<div class="dj-answer')
    assert "<html" not in answer.text
    assert "预算或报价谈不拢" in answer.text
    undone = browser.post(f"/suggestions/{scene.suggestion}/undo", {"side": "need"}, headers=HTMX)
    assert "不合适…" in undone.text
    wrong = browser.post(
        f"/suggestions/{scene.suggestion}/decline", {"side": "need", "reason_text": "说明<b>"}, headers=HTMX
    )
    assert wrong.status_code == 422
    assert "请选择不合适的原因" in wrong.text
    assert "说明&lt;b&gt;" in wrong.text


def test_a_reason_that_is_missing_is_asked_for_with_the_text_kept(
    scene: Scene, platform: Platform, open_browser: Callable[..., Browser]
) -> None:
    browser = open_browser(FIRM)
    browser.get(f"/posts/{scene.need}")
    data = {"side": "need", "reason_code": "other", "reason_text": "  ", "never_again": "y", "next": "//evil.example"}
    answer = browser.post(f"/suggestions/{scene.suggestion}/decline", data)
    assert answer.status_code == 422
    assert "请写明其他原因" in answer.text
    assert 'value="other" selected' in answer.text
    assert re.search(r'name="never_again" value="y" checked', answer.text)
    assert "evil.example" not in answer.text
    assert present(platform) == []


def test_the_inbox_has_the_buttons_and_the_undo(
    scene: Scene, platform: Platform, open_browser: Callable[..., Browser]
) -> None:
    browser = open_browser(PROFESSOR)
    page = browser.get("/inbox/").text
    assert f'action="/suggestions/{scene.suggestion}/later"' in page
    assert "为什么看到这条" in page
    assert browser.get("/inbox/?show=unanswered").text.count(f"answer-{scene.suggestion}") > 0
    browser.post(f"/suggestions/{scene.suggestion}/decline", {"side": "capability", "reason_code": "budget"})
    assert "已标为不合适" in browser.get("/inbox/").text
    assert f"answer-{scene.suggestion}" not in browser.get("/inbox/?show=unanswered").text
    assert browser.get("/inbox/?show=nonsense").status_code == 422


def test_one_sides_answer_does_not_answer_for_the_other(
    scene: Scene, platform: Platform, open_browser: Callable[..., Browser]
) -> None:
    browser = open_browser(PROFESSOR)
    browser.get("/inbox/")
    browser.post(f"/suggestions/{scene.suggestion}/later", {"side": "capability"})
    firm = open_browser(FIRM)
    assert f"answer-{scene.suggestion}" in firm.get("/inbox/?show=unanswered").text
    assert "以后再说的" not in firm.get(f"/posts/{scene.need}").text


def test_an_interest_received_shows_on_the_card(
    scene: Scene, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    interest = ask(platform, scene.firm.actor, scene.capability, clock.moment, own_id=scene.need)
    professor = open_browser(PROFESSOR).get(f"/posts/{scene.capability}").text
    assert "对方有意向" in professor
    assert f'href="/interests/{interest}"' in professor
    assert "已表示意向" in open_browser(FIRM).get(f"/posts/{scene.need}").text


def test_others_get_no_buttons_and_cannot_answer(
    scene: Scene, platform: Platform, open_browser: Callable[..., Browser]
) -> None:
    for email in (None, OTHER, STAFF):
        browser = open_browser(email)
        for post in (scene.need, scene.capability):
            assert 'class="dj-answer ' not in browser.get(f"/posts/{post}").text
        browser.get("/sign-in" if email is None else "/inbox/")
        for what in ("decline", "later", "undo"):
            answer = browser.post(f"/suggestions/{scene.suggestion}/{what}", {"reason_code": "budget"})
            assert answer.status_code == (401 if email is None else 404), (email, what)
        answer = browser.get(f"/interests/new?suggestion={scene.suggestion}&side=need")
        assert answer.status_code == (302 if email is None else 404)
    assert present(platform) == []


def test_answers_need_the_forms_token(scene: Scene, app: Flask, open_browser: Callable[..., Browser]) -> None:
    browser = open_browser(FIRM)
    browser.token = ""
    assert browser.post(f"/suggestions/{scene.suggestion}/later", {"side": "need"}).status_code == 400

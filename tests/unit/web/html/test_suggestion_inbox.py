"""Suggestions in one list: order by wishes, differences since the last visit, filters, and nothing of others."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from html import unescape

import pytest
from flask import Flask
from sqlalchemy import event, select

from matching.bootstrap import Platform
from matching.models import Notification, SuggestionWish, VocabularyTerm
from matching.services.posts import pause_post
from matching.services.wishes import add_wish
from tests.factories.interests import find_suggestion
from tests.factories.people import Member, make_expert, make_member
from tests.factories.posts import make_capability, make_need
from tests.factories.work import settle_everything
from tests.unit.web.conftest import Browser, Clock

FIRM, PROFESSOR, OTHER = "firm@example.cn", "prof@example.edu.cn", "other@example.cn"
TEXT = "压合后翘曲 1.2 %，铜厚 35 μm，需要仿真预测翘曲"


@dataclass(frozen=True)
class Scene:
    capability: str
    needs: tuple[str, str]
    firm: Member
    professor: Member


@pytest.fixture
def scene(app: Flask, platform: Platform, clock: Clock) -> Scene:
    with platform.unit_of_work() as uow:
        for vocabulary, code, zh in (("domain", "materials", "新材料"), ("cooperation_mode", "licence", "技术许可")):
            if uow.session.get(VocabularyTerm, (vocabulary, code)) is None:
                uow.session.add(VocabularyTerm(vocabulary=vocabulary, code=code, label_zh=zh, label_en=zh))
        uow.commit()
    firm = make_member(platform, clock.moment, email=FIRM, organisation="鹤山市示例电子有限公司")
    professor = make_member(platform, clock.moment, email=PROFESSOR, organisation="示例大学", kind="university")
    make_member(platform, clock.moment, email=OTHER, organisation="别的企业")
    expert = make_expert(platform, clock.moment, professor)
    capability = make_capability(platform, professor, clock.moment, abstract=TEXT, expert_ids=(expert,))
    needs = (
        make_need(platform, firm, clock.moment, title="高频线路板翘曲控制", problem=TEXT),
        make_need(
            platform, firm, clock.moment, title="陶瓷基板翘曲", problem="烧结后翘曲，铜厚 35 μm", domain="materials"
        ),
    )
    settle_everything(platform, clock.moment)
    return Scene(capability, needs, firm, professor)


def listed(browser: Browser, path: str = "/suggestions/") -> list[str]:
    """The posts of the cards, in order."""
    answer = browser.get(path)
    assert answer.status_code == 200
    return re.findall(r'data-suggestion="([^"]+)"', answer.text)


def test_a_wish_changes_the_order_says_so_and_is_taken_back(
    scene: Scene, platform: Platform, open_browser: Callable[..., Browser]
) -> None:
    professor = open_browser(PROFESSOR)
    assert listed(professor) == list(scene.needs)  # the better fit first
    answer = professor.post("/suggestions/wishes", {"kind": "domain", "value-domain": "materials", "direction": "more"})
    assert answer.status_code == 302
    assert listed(professor) == [scene.needs[1], scene.needs[0]]
    page = unescape(professor.get("/suggestions/").text)
    assert "您想多看：领域「新材料及其应用」" in page
    assert "您想多看的在前" in page
    assert listed(professor, "/suggestions/?order=fit") == list(scene.needs)
    assert "没有个性化" in professor.get("/suggestions/?order=fit").text
    on_the_post = professor.get(f"/posts/{scene.capability}").text
    assert re.findall(r'data-suggestion="([^"]+)"', on_the_post) == [scene.needs[1], scene.needs[0]]
    wishes = professor.get("/suggestions/wishes").text
    [drop] = re.findall(r'action="(/suggestions/wishes/[^"]+/drop)"', wishes)
    stranger = open_browser(OTHER)
    stranger.get("/suggestions/wishes")
    assert stranger.post(drop).status_code == 404
    professor.post(drop)
    assert listed(professor) == list(scene.needs)


def test_less_like_this_offers_what_the_post_is(
    scene: Scene, platform: Platform, open_browser: Callable[..., Browser]
) -> None:
    suggestion = find_suggestion(platform, scene.needs[1], scene.capability)
    professor = open_browser(PROFESSOR)
    page = unescape(professor.get(f"/suggestions/wishes?like={suggestion}").text)
    assert "领域「新材料及其应用」" in page
    assert "单位「鹤山市示例电子有限公司」" in page
    assert open_browser(OTHER).get(f"/suggestions/wishes?like={suggestion}").status_code == 404
    organisation = f"organisation:{scene.firm.organisation_id}"
    sent = {"like": suggestion, "direction": "less", "trait": ["domain:materials", organisation]}
    assert professor.post("/suggestions/wishes", sent).status_code == 302
    with platform.reading() as reading:
        rows = reading.scalars(select(SuggestionWish).order_by(SuggestionWish.kind)).all()
        assert [(row.direction, row.kind) for row in rows] == [("less", "domain"), ("less", "organisation")]
    nothing = professor.post("/suggestions/wishes", {"like": suggestion, "direction": "less"})
    assert nothing.status_code == 422
    assert "陶瓷基板翘曲" in nothing.text


@pytest.mark.parametrize(
    "sent",
    [
        {"kind": "nix", "value-nix": "x", "direction": "more"},
        {"kind": "domain", "value-domain": "nix", "direction": "more"},
        {"kind": "keyword", "value-keyword": " ", "direction": "more"},
        {"kind": "keyword", "value-keyword": "长" * 41, "direction": "more"},
        {"kind": "keyword", "value-keyword": "a\x00b", "direction": "more"},
        {"kind": "keyword", "value-keyword": "x", "direction": "nix"},
    ],
)
def test_what_cannot_be_noted_is_said(scene: Scene, open_browser: Callable[..., Browser], sent: dict[str, str]) -> None:
    professor = open_browser(PROFESSOR)
    professor.get("/suggestions/wishes")
    answer = professor.post("/suggestions/wishes", sent)
    assert answer.status_code == 422
    assert "data-error-summary" in answer.text


def test_what_is_new_and_what_is_gone_since_the_last_visit(
    scene: Scene, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    professor = open_browser(PROFESSOR)
    assert 'id="since"' not in professor.get("/suggestions/").text  # the first visit has nothing to compare
    clock.advance(hours=5)
    third = make_need(platform, scene.firm, clock.moment, title="线路板翘曲返修", problem=TEXT)
    settle_everything(platform, clock.moment)
    professor = open_browser(PROFESSOR)
    for _ in range(2):  # looking again a moment later belongs to the same visit
        page = professor.get("/suggestions/").text
        assert "新增 1 条" in page
        assert listed(professor, "/suggestions/?state=new") == [third]
    clock.advance(hours=5)
    with platform.unit_of_work() as uow:
        pause_post(uow, scene.firm.actor, third, clock.moment)
    settle_everything(platform, clock.moment)
    page = open_browser(PROFESSOR).get("/suggestions/").text
    assert "没有新增" in page
    assert "线路板翘曲返修" not in page  # what was hidden is not told of
    assert listed(open_browser(PROFESSOR), "/suggestions/?domain=materials") == [scene.needs[1]]
    assert "没有符合筛选的建议" in open_browser(PROFESSOR).get("/suggestions/?state=later").text
    assert open_browser(PROFESSOR).get("/suggestions/?state=nix").status_code == 422


def test_nobody_sees_the_suggestions_of_others(scene: Scene, open_browser: Callable[..., Browser]) -> None:
    assert open_browser().get("/suggestions/").status_code == 302
    assert "还没有建议" in open_browser(OTHER).get("/suggestions/").text
    assert len(listed(open_browser(FIRM))) == 2


def test_the_weekly_load_is_filled_with_what_was_asked_for(
    app: Flask, platform: Platform, clock: Clock, scene: Scene
) -> None:
    from matching.notifying.suggestions import push_held_suggestions

    with platform.unit_of_work() as uow:
        uow.session.query(Notification).delete()
        uow.commit()
    with platform.unit_of_work() as uow:
        add_wish(uow, scene.professor.actor, "more", "domain", "materials", clock.moment)
    settings = platform.settings
    object.__setattr__(settings, "weekly_load", 1)
    with platform.unit_of_work() as uow:
        push_held_suggestions(uow.session, clock.moment, settings)
        uow.commit()
    with platform.reading() as reading:
        told = reading.scalars(
            select(Notification.once_key).where(Notification.user_id == scene.professor.user_id)
        ).all()
    assert [scene.needs[1] in key for key in told] == [True]


def test_the_list_asks_the_database_equally_often_for_few_and_many(
    scene: Scene, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    def count() -> int:
        asked: list[str] = []
        browser = open_browser(PROFESSOR)
        browser.get("/suggestions/")

        def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
            asked.append(statement)

        event.listen(platform.engine, "before_cursor_execute", note)
        try:
            browser.get("/suggestions/")
        finally:
            event.remove(platform.engine, "before_cursor_execute", note)
        return len(asked)

    few = count()
    for number in range(3):
        make_need(platform, scene.firm, clock.moment, title=f"线路板翘曲 {number}", problem=TEXT)
    settle_everything(platform, clock.moment)
    assert len(listed(open_browser(PROFESSOR))) == 5
    assert count() == few

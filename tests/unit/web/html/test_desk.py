"""The desk: what waits in a region, counted, the oldest first, with a fixed number of questions to the database."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import select

from matching.bootstrap import Platform
from matching.models import Delivery, DuplicatePair, Engagement, ImportJob, Interest, Post
from matching.queries.desk import list_desk
from matching.services.meetings import record_result
from matching.services.posts import submit_post
from tests.factories.events import make_event
from tests.factories.people import make_member, make_staff
from tests.factories.posts import make_capability, make_need
from tests.unit.web.conftest import Browser, Clock

WAITING = ("待审需求6", "寄样品", "久未联系", "签了合同的", "快过期的需求", "线路板对接会")
STAFF, ELSEWHERE, FIRM = "staff@example.cn", "foshan@example.cn", "firm@example.cn"


@pytest.fixture
def full(app: Flask, platform: Platform, clock: Clock) -> None:
    """One thing of each kind that waits in 鹤山, and seven posts to review."""
    now = clock.moment
    made = make_event(platform, now)
    firm = make_member(platform, now, email=FIRM, organisation="甲电路公司")
    university = make_member(
        platform, now, email="u@example.cn", organisation="示例大学二", kind="university", region_code="440784"
    )
    for number in range(7):
        post_id = make_need(platform, firm, now, publish=False, title=f"待审需求{number}", problem="问题")
        with platform.unit_of_work() as uow:
            submit_post(uow, firm.actor, post_id, now - timedelta(days=number))
    need = make_need(platform, firm, now, title="快过期的需求")
    capability = make_capability(platform, university, now, title="某项供给")
    with platform.unit_of_work() as uow:
        record_result(
            uow, made.staff, made.meetings["甲电路", "张老师"], now, result="held", next_step="寄样品",
            next_step_on=date(2026, 11, 20),
        )  # fmt: skip
    with platform.unit_of_work() as uow:
        post = uow.session.get_one(Post, need)
        post.expires_at = now + timedelta(days=5)
        low, high = sorted((need, capability))
        uow.session.add_all(
            [
                Interest(
                    side="need", need_id=need, capability_id=capability, pair_key="x",
                    from_organisation_id=firm.organisation_id, to_organisation_id=university.organisation_id,
                    aim="试样", timing="now", status="open", created_at=now,
                    expires_at=now + timedelta(days=1), version=1,
                ),
                _engagement(firm.organisation_id, university.organisation_id, "久未联系", now - timedelta(days=20)),
                _engagement(
                    firm.organisation_id, university.organisation_id, "签了合同的", now, stage="closed",
                    outcome="contract", signed_on=date(2026, 11, 2), contract_amount=Decimal(80),
                ),
                Delivery(
                    channel="mail", kind="message", once_key="k", address="geheim@example.cn", payload={},
                    state="given_up", attempts=8, next_attempt_at=now, created_at=now,
                ),
                DuplicatePair(first_id=low, second_id=high, similarity=0.95, state="open", found_at=now),
                ImportJob(
                    user_id=made.staff.user_id, kind="needs", file_name="需求.xlsx", stored_name="a", size=1,
                    status="read", region_code="440784", created_at=now,
                ),
            ]
        )  # fmt: skip
        uow.commit()


def _engagement(need_side: str, capability_side: str, title: str, moment: datetime, **more: Any) -> Engagement:
    return Engagement(
        title=title, need_organisation_id=need_side, capability_organisation_id=capability_side,
        need_region_code="440784", capability_region_code="440784", stage_since=moment, created_at=moment,
        updated_at=moment, **({"stage": "talk"} | more),
    )  # fmt: skip


def test_each_thing_that_waits_is_counted(full: None, platform: Platform, clock: Clock) -> None:
    staff = make_staff(platform, clock.moment, email="second@example.cn")
    with platform.reading() as reading:
        blocks = {block.key: block for block in list_desk(reading, staff, clock.moment, platform.settings)}
    assert {key: block.count for key, block in blocks.items()} == {
        "review": 7, "registrations": 0, "interests": 1, "engagements": 1, "next_steps": 1, "follow_ups": 0,
        "contracts": 1,
        "expiring": 1, "deliveries": 1, "duplicates": 1, "imports": 0, "events": 1,
    }  # fmt: skip
    assert [row.title for row in blocks["review"].rows] == [f"待审需求{n}" for n in (6, 5, 4, 3, 2)]
    assert blocks["contracts"].rows[0].moment == date(2026, 11, 23), "15 working days after 2 November"


def test_the_page_leads_on_and_names_no_recipient(full: None, open_browser: Callable[..., Browser]) -> None:
    page = open_browser(STAFF).get("/desk/").text
    for words in (
        "待审需求6",
        "寄样品",
        "久未联系",
        "签了合同的",
        "快过期的需求",
        "需求.xlsx",
        "线路板对接会",
        "已过期限",
    ):
        assert words in page
    assert "另有 2 条" in page
    assert "geheim@example.cn" not in page


def test_another_region_sees_nothing_and_members_no_desk(
    full: None, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    make_staff(platform, clock.moment, email=ELSEWHERE, region_code="440600")
    page = open_browser(ELSEWHERE).get("/desk/").text
    for words in (
        "待审需求",
        "寄样品",
        "久未联系",
        "签了合同的",
        "快过期的需求",
        "需求.xlsx",
        "线路板对接会",
        "甲电路公司",
    ):
        assert words not in page
    assert open_browser(FIRM).get("/desk/").status_code == 403
    assert open_browser().get("/desk/").status_code == 302


def test_the_desk_asks_once_for_each_block(full: None, platform: Platform, clock: Clock) -> None:
    staff = make_staff(platform, clock.moment, email="second@example.cn")
    statements: list[str] = []

    def note(_c: object, _cu: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    sqlalchemy_event.listen(platform.engine, "before_cursor_execute", note)
    with platform.reading() as reading:
        list_desk(reading, staff, clock.moment, platform.settings)
    sqlalchemy_event.remove(platform.engine, "before_cursor_execute", note)
    assert len([one for one in statements if one.startswith("SELECT")]) == 15, (
        "twelve blocks, special days, audience, who has what"
    )


def test_an_empty_desk_says_so(
    app: Flask, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    make_staff(platform, clock.moment, email=STAFF)
    assert "没有待办" in open_browser(STAFF).get("/desk/").text


def test_many_rows_are_published_and_the_action_is_taken_back(
    full: None, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    staff = open_browser(STAFF)
    page = staff.get("/desk/list?block=review&q=待审需求").text
    chosen = re.findall(r'name="item" value="([^"]+)"', page)
    assert len(chosen) == 7
    wrong = staff.post("/desk/bulk", {"block": "review", "action": "return", "item": chosen[:2], "text": " "})
    assert wrong.status_code == 422
    assert wrong.text.count(" checked") == 2, "what was ticked stays ticked"
    published = {"block": "review", "action": "publish", "item": chosen[:6]}
    answer = staff.post("/desk/bulk", published, follow_redirects=True)
    assert "已发布 6 条" in answer.text
    [undo] = re.findall(r'action="(/desk/undo/[^"]+)"', answer.text)
    assert "已撤回，6 条恢复原样" in staff.post(undo, {"block": "review"}, follow_redirects=True).text
    with platform.reading() as reading:
        assert {reading.get_one(Post, post_id).status for post_id in chosen} == {"submitted"}
    clock.advance(minutes=11)
    assert "/desk/undo/" not in staff.get("/desk/").text


def test_a_view_is_kept_and_a_row_is_given_to_oneself(full: None, open_browser: Callable[..., Browser]) -> None:
    staff = open_browser(STAFF)
    page = staff.get("/desk/list?block=review").text
    me = re.findall(r'<option value="([^"]+)" selected>', page)[0]
    first = re.findall(r'name="item" value="([^"]+)"', page)[0]
    staff.post("/desk/bulk", {"block": "review", "action": "assign", "item": first, "user_id": me})
    mine = staff.get("/desk/?who=mine").text
    assert "待审需求6" in mine
    assert "待审需求5" not in mine
    kept = {"library": "desk", "name": "我的审核", "query": "block=review&who=mine&q="}
    assert staff.post("/saved-filters/", kept).headers["Location"].startswith("/desk/list?block=review&who=mine")
    assert "我的审核" in staff.get("/desk/").text


def test_what_was_given_to_a_colleague_stands_in_their_inbox_and_leads_there(
    full: None, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    colleague = make_staff(platform, clock.moment, email="li@example.cn", name="李科")
    staff = open_browser(STAFF)
    rows = re.findall(r'name="item" value="([^"]+)"', staff.get("/desk/list?block=review").text)[:2]
    given = {"block": "review", "action": "assign", "user_id": colleague.user_id}
    staff.post("/desk/bulk", given | {"item": rows})
    theirs = open_browser("li@example.cn")
    page = theirs.get("/inbox/").text
    assert "有一件事交给您处理（2 件）" in page
    [message] = re.findall(r"/inbox/([^/]+)/open", page)[:1]
    assert theirs.post(f"/inbox/{message}/open").headers["Location"] == f"/posts/{rows[0]}"
    assert "有一件事交给您处理" not in staff.get("/inbox/").text


def test_everything_is_searched_within_the_region(
    full: None, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    make_staff(platform, clock.moment, email=ELSEWHERE, region_code="440600")
    staff, elsewhere, firm = open_browser(STAFF), open_browser(ELSEWHERE), open_browser(FIRM)
    for words in ("待审需求3", "线路板对接会", "甲电路公司", "久未联系", FIRM):
        page = staff.get("/desk/search", query_string={"q": words}).text
        assert page.count(words) > 1, words
    for words in ("待审需求3", "线路板对接会", "久未联系", FIRM):
        assert elsewhere.get("/desk/search", query_string={"q": words}).text.count(words) == 1, "only what was typed"
    assert "没有找到" in staff.get("/desk/search?q=%25").text
    assert firm.get("/desk/search?q=x").status_code == 403


def test_notes_and_assignment_are_beside_the_post_for_the_staff_only(
    full: None, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    staff, firm = open_browser(STAFF), open_browser(FIRM)
    with platform.reading() as reading:
        post = reading.scalars(select(Post).where(Post.title == "快过期的需求")).one()
        post_id, organisation_id = post.id, post.organisation_id
    for path, where in ((f"/posts/{post_id}", f"post/{post_id}"),
                        (f"/organisations/{organisation_id}", f"organisation/{organisation_id}")):  # fmt: skip
        assert staff.post(f"/desk/notes/{where}", {"text": "联系人<b>换了"}).status_code == 302
        page = staff.get(path).text
        assert "联系人&lt;b&gt;换了" in page
        assert "换了" not in firm.get(path).text
    assert firm.post(f"/desk/notes/post/{post_id}", {"text": "x"}).status_code == 403
    answer = staff.post("/desk/assign", {"kind": "post", "id": post_id, "user_id": ""})
    assert answer.headers["Location"] == f"/posts/{post_id}"

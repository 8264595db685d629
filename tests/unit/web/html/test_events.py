"""对接会 in the browser: from theme to published timetable, and who may see what of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

import pytest
import vobject
from flask import Flask
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import select

from matching.bootstrap import Platform
from matching.models import AuditEntry, Delivery, Engagement, Event, EventParticipant, Meeting, MeetingFeedback
from matching.services.event_participants import ParticipantFields, edit_participant
from matching.services.event_publication import agenda_token, publish_timetable
from matching.services.events import announce_event
from tests.factories.events import MadeEvent, make_event
from tests.factories.people import find_actor, make_expert, make_member, make_staff
from tests.factories.posts import make_capability, make_need
from tests.factories.work import settle_everything
from tests.unit.web.conftest import Browser, Clock

STAFF, ELSEWHERE, FIRM = "staff@example.cn", "foshan@example.cn", "firm@example.cn"
FORM = {
    "title": "线路板专场",
    "held_on": "2026-12-10",
    "region_code": "440784",
    "mode": "onsite",
    "venue": "会议中心",
    "rooms": "一号厅 2",
    "sessions": "上午 09:00-11:00",
    "breaks": "",
    "slot_minutes": "30",
    "gap_minutes": "0",
    "public": "y",
}


def token_of(platform: Platform, participant_id: str) -> str:
    with platform.reading() as reading:
        return agenda_token(reading.get_one(EventParticipant, participant_id), platform.settings)


def compute(platform: Platform, browser: Browser, event_id: str, now: datetime) -> None:
    assert browser.post(f"/events/{event_id}/timetable/compute", {"seconds": "10"}).status_code == 302
    settle_everything(platform, now)


@pytest.fixture
def made(app: Flask, platform: Platform, clock: Clock) -> MadeEvent:
    return make_event(platform, clock.moment)


def test_from_theme_to_published_timetable_and_a_cancellation(
    app: Flask, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    now = clock.moment
    make_staff(platform, now, email=STAFF)
    firm = make_member(platform, now, email=FIRM, organisation="甲电路公司")
    make_need(platform, firm, now, problem="高频线路板翘曲超差，需要控制翘曲")
    for number in range(3):
        university = make_member(
            platform, now, email=f"u{number}@example.cn", organisation=f"大学{number}", kind="university"
        )
        expert_id = make_expert(platform, now, university, name=f"教授{number}")
        make_capability(platform, university, now, abstract="线路板翘曲预测与控制方法", expert_ids=(expert_id,))
    settle_everything(platform, now)

    browser = open_browser(STAFF)
    assert browser.get("/events/new").status_code == 200
    answer = browser.post("/events/new", FORM)
    found = re.search(r"/events/([0-9a-f-]{36})/pairs", answer.location)
    assert found is not None
    event_id = found[1]
    page = browser.get(f"/events/{event_id}/pairs").text
    ticked = re.findall(r'name="suggestion" value="([^"]+)" id="s-\d+" checked', page)
    assert len(ticked) == 3
    browser.post(f"/events/{event_id}/pairs", {"suggestion": ticked})
    page = browser.get(f"/events/{event_id}/timetable").text
    assert "计算日程" in page
    compute(platform, browser, event_id, now)
    page = browser.get(f"/events/{event_id}/timetable").text
    assert "教授0" in page
    assert "发布日程" in page
    assert "教授0" in browser.get(f"/events/{event_id}/timetable?view=people").text
    answer = browser.post(f"/events/{event_id}/publish")
    assert answer.status_code == 302
    with platform.reading() as reading:
        mails = reading.scalars(select(Delivery).where(Delivery.kind == "message")).all()
        assert len(mails) == 6
        gone = reading.scalars(
            select(EventParticipant).where(
                EventParticipant.event_id == event_id, EventParticipant.expert_id.is_not(None)
            )
        ).first()
        assert gone is not None
    assert "之后没有改动" in browser.get(f"/events/{event_id}/timetable").text
    browser.post(f"/events/{event_id}/people/{gone.id}/cancel")
    page = browser.get(f"/events/{event_id}/timetable").text
    assert "发布之后的改动" in page
    compute(platform, browser, event_id, now)
    browser.get(f"/events/{event_id}/timetable")
    browser.post(f"/events/{event_id}/publish")
    with platform.reading() as reading:
        methods = [
            mail.payload["calendar"]["method"]
            for mail in reading.scalars(select(Delivery).where(Delivery.kind == "message"))
            if "calendar" in mail.payload
        ]
    assert methods.count("CANCEL") == 2


def test_a_wrong_form_keeps_what_was_typed_and_names_the_field(
    app: Flask, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    make_staff(platform, clock.moment, email=STAFF)
    browser = open_browser(STAFF)
    browser.get("/events/new")
    for field, value, words in (
        ("sessions", "早上九点", "看不懂"),
        ("held_on", "2020-01-01", "已经过去"),
        ("held_on", "明天", "请填写日期"),
        ("venue", "", "请填写地点"),
        ("rooms", "0", "至少安排一张桌子"),
        ("slot_minutes", "abc", "请填写整数"),
    ):
        answer = browser.post("/events/new", FORM | {field: value, "intro": "我写的介绍"})
        assert answer.status_code == 422, field
        assert words in answer.text
        assert f'href="#{field}"' in answer.text
        assert "我写的介绍" in answer.text
    with platform.reading() as reading:
        assert reading.scalars(select(Event)).all() == []


def test_every_page_of_the_staff_opens_empty_and_full(
    made: MadeEvent, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    browser = open_browser(STAFF)
    paths = ["plan", "pairs", "people", "people?q=电路", "timetable", "timetable?view=people", "day", "edit"]
    paths += [f"print/{what}" for what in ("agenda", "agendas", "badges", "cards")]
    paths += [f"people/{made.participants['甲电路']}", f"meetings/{made.meetings['甲电路', '张老师']}"]
    for path in paths:
        assert browser.get(f"/events/{made.id}/{path}").status_code == 200, path
    browser.get(f"/events/{made.id}/timetable")
    compute(platform, browser, made.id, clock.moment)
    browser.get(f"/events/{made.id}/timetable")
    browser.post(f"/events/{made.id}/publish")
    for path in paths:
        assert browser.get(f"/events/{made.id}/{path}").status_code == 200, path
    assert "<svg" in browser.get(f"/events/{made.id}/print/badges").text
    assert "style=" not in browser.get(f"/events/{made.id}/print/badges").text


def test_visitors_see_only_announced_public_events_and_nothing_of_their_inside(
    made: MadeEvent, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    visitor = open_browser()
    assert "线路板对接会" not in visitor.get("/events/").text
    assert visitor.get(f"/events/{made.id}").status_code == 404
    with platform.unit_of_work() as uow:
        announce_event(uow, made.staff, made.id, clock.moment)
    assert "线路板对接会" in visitor.get("/events/").text
    page = visitor.get(f"/events/{made.id}")
    assert page.status_code == 200
    for name in made.participants:
        assert name not in page.text
    for path in ("plan", "pairs", "people", "timetable", "timetable/run", "day", "print/agenda", "edit"):
        assert visitor.get(f"/events/{made.id}/{path}").status_code == 302, path
    make_member(platform, clock.moment, email=FIRM)
    member = open_browser(FIRM)
    for path in ("plan", "pairs", "people", "timetable", "day", "print/agendas", "edit"):
        assert member.get(f"/events/{made.id}/{path}").status_code == 403, path


def test_staff_of_another_region_finds_nothing(
    made: MadeEvent, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    make_staff(platform, clock.moment, email=ELSEWHERE, region_code="440600")
    browser = open_browser(ELSEWHERE)
    assert "线路板对接会" not in browser.get("/events/").text
    meeting, participant = made.meetings["甲电路", "张老师"], made.participants["甲电路"]
    for path in (
        "plan", "pairs", "people", "timetable", "timetable/run", "day", "edit", "print/badges",
        f"people/{participant}", f"people/{participant}/code.svg", f"meetings/{meeting}",
    ):  # fmt: skip
        assert browser.get(f"/events/{made.id}/{path}").status_code == 404, path
    browser.get("/events/")
    for path in (
        "pairs", "wishes", "meetings", "people", "invitations", "timetable/compute", "publish", "cancel", "announce",
        f"people/{participant}", f"people/{participant}/cancel", f"people/{participant}/sign-in",
        f"people/{participant}/apart", f"people/{participant}/link", f"meetings/{meeting}/place",
        f"meetings/{meeting}/lock", f"meetings/{meeting}/result",
    ):  # fmt: skip
        data = {"one_id": participant, "other_id": participant, "organisation_id": "x"}
        assert browser.post(f"/events/{made.id}/{path}", data).status_code == 404, path
    assert browser.get(f"/events/door/{token_of(platform, participant)}").status_code == 404


def test_rows_of_another_event_are_not_reached_through_ones_own(
    made: MadeEvent, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    make_staff(platform, clock.moment, email=ELSEWHERE, region_code="440600")
    browser = open_browser(ELSEWHERE)
    browser.get("/events/new")
    answer = browser.post("/events/new", FORM | {"region_code": "440600"})
    own = re.search(r"/events/([0-9a-f-]{36})/", answer.location)
    assert own is not None
    meeting, participant = made.meetings["甲电路", "张老师"], made.participants["甲电路"]
    assert browser.get(f"/events/{own[1]}/meetings/{meeting}").status_code == 404
    assert browser.get(f"/events/{own[1]}/people/{participant}").status_code == 404
    assert browser.post(f"/events/{own[1]}/meetings/{meeting}/cancel").status_code == 404
    assert browser.post(f"/events/{own[1]}/people/{participant}/cancel").status_code == 404


def test_moving_by_hand_shows_conflicts_and_can_be_confirmed(
    made: MadeEvent, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    browser = open_browser(STAFF)
    first, second = made.meetings["甲电路", "张老师"], made.meetings["甲电路", "李老师"]
    with platform.reading() as reading:
        slot = reading.get_one(Event, made.id).slots[0].id
    browser.get(f"/events/{made.id}/meetings/{first}")
    assert browser.post(f"/events/{made.id}/meetings/{first}/place", {"slot_id": slot}).status_code == 302
    answer = browser.post(f"/events/{made.id}/meetings/{second}/place", {"slot_id": slot, "table_number": "1"})
    assert answer.status_code == 422
    assert "甲电路 这个时段已有另一场洽谈" in answer.text
    assert "1 号桌 已被占用" in answer.text
    data = {"slot_id": slot, "table_number": "2", "override": "y"}
    answer = browser.post(f"/events/{made.id}/meetings/{second}/place", data)
    assert answer.status_code == 422
    assert "请写明为什么有冲突仍然这样安排" in answer.text
    assert 'name="override" value="y" checked' in answer.text
    data |= {"reason": "带了两位同事"}
    assert browser.post(f"/events/{made.id}/meetings/{second}/place", data).status_code == 302
    with platform.reading() as reading:
        assert reading.get_one(Meeting, second).slot_id == slot


def test_the_run_is_polled_and_ends_with_a_reload(
    made: MadeEvent, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    browser = open_browser(STAFF)
    browser.get(f"/events/{made.id}/timetable")
    browser.post(f"/events/{made.id}/timetable/compute", {"seconds": "10"})
    page = browser.get(f"/events/{made.id}/timetable").text
    assert f'hx-get="/events/{made.id}/timetable/run"' in page
    answer = browser.get(f"/events/{made.id}/timetable/run", headers={"HX-Request": "true"})
    assert "排队等待计算" in answer.text
    assert browser.post(f"/events/{made.id}/timetable/compute", {"seconds": "10"}).status_code == 409
    settle_everything(platform, clock.moment)
    answer = browser.get(f"/events/{made.id}/timetable/run", headers={"HX-Request": "true"})
    assert answer.headers["HX-Refresh"] == "true"


def test_a_participant_answers_wishes_and_sees_their_own_agenda_only(
    made: MadeEvent, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    firm, expert = made.participants["甲电路"], made.participants["张老师"]
    with platform.unit_of_work() as uow:
        fields = ParticipantFields(status="confirmed", contact_email="zhang@example.cn", contact_phone="13800138000")
        edit_participant(uow, made.staff, expert, fields, clock.moment)
    visitor = open_browser()
    address = f"/agenda/{token_of(platform, firm)}"
    page = visitor.get(address)
    assert page.status_code == 200
    assert "张老师" in page.text
    assert "乙照明" not in page.text, "who did not say that they come is not shown"
    assert "zhang@example.cn" not in page.text
    assert "13800138000" not in page.text
    assert visitor.post(f"{address}/answer", {"comes": "y"}).status_code == 302
    visitor.get(address)
    assert visitor.post(f"{address}/wishes", {"other": expert}).status_code == 302
    assert visitor.post(f"{address}/wishes", {"other": "nobody"}).status_code == 422
    staff = open_browser(STAFF)
    staff.get(f"/events/{made.id}/timetable")
    compute(platform, staff, made.id, clock.moment)
    assert "我的日程" not in re.sub(r"<title>.*?</title>", "", visitor.get(address).text), "not published yet"
    with platform.unit_of_work() as uow:
        publish_timetable(uow, made.staff, made.id, clock.moment, platform.settings)
    agenda = visitor.get(address).text
    assert "张老师" in agenda
    assert "李老师" in agenda
    assert "乙照明" not in agenda
    feed = visitor.get(f"{address}/calendar.ics")
    assert feed.mimetype == "text/calendar"
    assert len(vobject.readOne(feed.text).vevent_list) == 2
    assert visitor.get(f"{address[:-1]}x").status_code == 404
    meeting = made.meetings["甲电路", "张老师"]
    assert visitor.post(f"{address}/meetings/{meeting}/answer", {"answer": "declined"}).status_code == 302
    assert "谢绝" in staff.get(f"/events/{made.id}/meetings/{meeting}").text


def test_feedback_comes_after_the_meeting_from_those_who_were_there(
    made: MadeEvent, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    staff = open_browser(STAFF)
    staff.get(f"/events/{made.id}/timetable")
    compute(platform, staff, made.id, clock.moment)
    with platform.unit_of_work() as uow:
        publish_timetable(uow, made.staff, made.id, clock.moment, platform.settings)
    meeting = made.meetings["甲电路", "李老师"]
    visitor = open_browser()
    address = f"/agenda/{token_of(platform, made.participants['甲电路'])}"
    visitor.get(address)
    data = {"rating": "5", "wants_more": "y", "comment": "想要样品"}
    assert visitor.post(f"{address}/meetings/{meeting}/feedback", data).status_code == 409
    clock.advance(days=16)
    visitor.get(address)
    answer = visitor.post(f"{address}/meetings/{meeting}/feedback", data | {"rating": "9"})
    assert answer.status_code == 422
    assert "想要样品" in answer.text
    assert visitor.post(f"{address}/meetings/{meeting}/feedback", data).status_code == 302
    other = f"/agenda/{token_of(platform, made.participants['乙照明'])}"
    visitor.get(other)
    assert visitor.post(f"{other}/meetings/{meeting}/feedback", data).status_code == 404
    with platform.reading() as reading:
        assert [(row.rating, row.comment) for row in reading.scalars(select(MeetingFeedback))] == [(5, "想要样品")]


def test_a_member_registers_their_own_organisation_only(
    made: MadeEvent, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    member = make_member(platform, clock.moment, email=FIRM, organisation="丙铝业")
    other = make_member(platform, clock.moment, email="x@example.cn", organisation="丁铝业")
    browser = open_browser(FIRM)
    browser.get("/events/")
    data = {"as": f"organisation:{member.organisation_id}"}
    assert browser.post(f"/events/{made.id}/register", data).status_code == 404, "not announced"
    with platform.unit_of_work() as uow:
        announce_event(uow, made.staff, made.id, clock.moment)
    assert "丙铝业" in browser.get(f"/events/{made.id}").text
    strange = {"as": f"organisation:{other.organisation_id}"}
    assert browser.post(f"/events/{made.id}/register", strange).status_code == 403
    assert browser.post(f"/events/{made.id}/register", {"as": ""}).status_code == 422
    answer = browser.post(f"/events/{made.id}/register", data)
    assert answer.location.startswith("/agenda/")
    with platform.reading() as reading:
        row = reading.scalars(
            select(EventParticipant).where(EventParticipant.organisation_id == member.organisation_id)
        ).one()
        assert (row.status, row.contact_email) == ("registered", FIRM)
    assert find_actor(platform, member.user_id).region_scope is None


def test_the_door_signs_in(
    made: MadeEvent, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    participant = made.participants["甲电路"]
    address = f"/events/door/{token_of(platform, participant)}"
    assert open_browser().get(address).status_code == 302, "a badge's code opens nothing for others"
    browser = open_browser(STAFF)
    assert "甲电路" in browser.get(address).text
    browser.post(f"/events/{made.id}/people/{participant}/sign-in", {"door": "y"})
    assert "已签到" in browser.get(address).text


@pytest.mark.parametrize(
    "path", ["plan", "pairs", "people", "timetable", "timetable?view=people", "day", "print/agendas"]
)
def test_pages_ask_as_often_for_many_as_for_few(
    path: str, made: MadeEvent, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    firms = [f"企业{number}" for number in range(6)]
    many = make_event(
        platform, clock.moment, staff=made.staff, title="大会", firms=firms, experts=[f"专家{n}" for n in range(5)],
        pairs=[(firm, f"专家{n}") for firm in firms for n in range(3)],
    )  # fmt: skip
    browser = open_browser(STAFF)
    for one in (made, many):
        browser.get(f"/events/{one.id}/timetable")
        compute(platform, browser, one.id, clock.moment)
    counts = []
    for one in (made, many, made, many):
        statements: list[str] = []

        def note(_c: object, _cu: object, statement: str, *_rest: object, kept: list[str] = statements) -> None:
            kept.append(statement)

        sqlalchemy_event.listen(platform.engine, "before_cursor_execute", note)
        assert browser.get(f"/events/{one.id}/{path}").status_code == 200
        sqlalchemy_event.remove(platform.engine, "before_cursor_execute", note)
        counts.append(sum(statement.lstrip().upper().startswith("SELECT") for statement in statements))
    assert counts[2] == counts[3]
    assert counts[3] < 30


def test_a_meeting_opens_an_engagement_only_where_both_want_it(
    made: MadeEvent, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    staff = open_browser(STAFF)
    staff.get(f"/events/{made.id}/timetable")
    compute(platform, staff, made.id, clock.moment)
    with platform.unit_of_work() as uow:
        publish_timetable(uow, made.staff, made.id, clock.moment, platform.settings)
    path = f"/events/{made.id}/meetings/{made.meetings['甲电路', '张老师']}"
    staff.get(path)
    assert staff.post(f"{path}/engage").status_code == 409, "it was not held"
    staff.get(path)
    data = {"result": "held", "minutes": "谈得好", "next_step": "寄样品", "next_step_on": "2026-12-20"}
    assert staff.post(f"{path}/result", data).status_code == 302
    wrong = staff.post(f"{path}/result", data | {"next_step_on": "明天", "minutes": "改过的纪要"})
    assert wrong.status_code == 422
    assert "改过的纪要" in wrong.text
    assert staff.post(f"{path}/engage").status_code == 422, "nobody agreed"
    clock.advance(days=16)
    for name in ("甲电路", "张老师"):
        visitor = open_browser()
        address = f"/agenda/{token_of(platform, made.participants[name])}"
        visitor.get(address)
        meeting = made.meetings["甲电路", "张老师"]
        visitor.post(f"{address}/meetings/{meeting}/feedback", {"rating": "4", "wants_more": "y"})
    staff = open_browser(STAFF)
    staff.get(path)
    answer = staff.post(f"{path}/engage")
    assert answer.status_code == 302
    with platform.reading() as reading:
        [engagement] = reading.scalars(select(Engagement))
        assert (engagement.stage, engagement.next_step, engagement.capability_contact["name"]) == (
            "talk", "寄样品", "张老师",
        )  # fmt: skip
        # The staff's reading of contacts while they prepared the event is in the log as well.
        revealed = reading.scalars(
            select(AuditEntry).where(AuditEntry.action == "contact.reveal", AuditEntry.subject_id == engagement.id)
        ).all()
        assert [one.details["told_by_staff"] for one in revealed] == [False, False]
    assert staff.post(f"{path}/engage").status_code == 409


def test_a_host_is_given_shown_everywhere_and_kept_out_of_two_meetings_at_once(
    made: MadeEvent, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    colleague = make_staff(platform, clock.moment, email="li@example.cn", name="李科长")
    browser = open_browser(STAFF)
    with platform.reading() as reading:
        slots = [slot.id for slot in reading.get_one(Event, made.id).slots]
    path = f"/events/{made.id}"
    second, third = made.meetings["甲电路", "李老师"], made.meetings["乙照明", "张老师"]
    browser.get(f"{path}/meetings/{second}")
    for meeting, table in ((second, "1"), (third, "2")):
        browser.post(f"{path}/meetings/{meeting}/place", {"slot_id": slots[0], "table_number": table})
    given = {"user_id": colleague.user_id}
    assert browser.post(f"{path}/meetings/{second}/host", given).status_code == 302
    refused = browser.post(f"{path}/meetings/{third}/host", given)
    assert refused.status_code == 422
    assert "联络员 李科长 这个时段要跟另一场洽谈" in refused.text
    given |= {"override": "y", "reason": "两桌相邻"}
    assert browser.post(f"{path}/meetings/{third}/host", given).status_code == 302
    page = browser.get(f"{path}/timetable").text
    assert page.count("联络员 李科长") >= 2
    assert "两桌相邻" in page
    assert "场洽谈有冲突" not in page, "what was overridden knowingly is not asked again"
    assert browser.post(f"{path}/publish").status_code == 302
    agenda = open_browser().get(f"/agenda/{token_of(platform, made.participants['甲电路'])}").text
    assert "李科长" in agenda
    assert "李科长" in browser.get(f"{path}/print/agenda").text
    theirs = open_browser("li@example.cn")
    day = theirs.get(f"{path}/day?mine=y").text
    assert day.count(f"/events/{made.id}/meetings/") >= 2
    assert "没有交给您跟的洽谈" in browser.get(f"{path}/day?mine=y").text
    assert "您跟进的洽谈有新安排" in theirs.get("/inbox/").text


def test_what_speaks_against_places_is_named_and_has_to_be_explained_before_publishing(
    made: MadeEvent, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    browser = open_browser(STAFF)
    path = f"/events/{made.id}"
    browser.get(f"{path}/timetable")
    compute(platform, browser, made.id, clock.moment)
    with platform.unit_of_work() as uow:
        slots = tuple(slot.id for slot in uow.session.get_one(Event, made.id).slots)
        fields = ParticipantFields(status="confirmed", unavailable=slots)
        edit_participant(uow, made.staff, made.participants["李老师"], fields, clock.moment)
    page = browser.get(f"{path}/timetable").text
    assert "李老师 这个时段不方便" in page
    assert "1 场洽谈有冲突" in page
    assert browser.post(f"{path}/publish").status_code == 422
    answer = browser.post(f"{path}/publish", {"override": "y", "reason": ""})
    assert answer.status_code == 422
    assert "请写明为什么有冲突仍然这样安排" in answer.text
    assert browser.post(f"{path}/publish", {"override": "y", "reason": "电话说好了"}).status_code == 302
    assert "电话说好了" in browser.get(f"{path}/timetable").text


def test_hosts_are_shared_by_the_staff_of_the_event_alone(
    made: MadeEvent, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    make_staff(platform, clock.moment, email=ELSEWHERE, region_code="440600")
    browser, stranger = open_browser(STAFF), open_browser(ELSEWHERE)
    browser.get(f"/events/{made.id}/timetable")
    compute(platform, browser, made.id, clock.moment)
    path = f"/events/{made.id}/hosts"
    assert browser.post(path).status_code == 422
    assert stranger.post(path, {"user_id": made.staff.user_id}).status_code == 404
    assert browser.post(path, {"user_id": made.staff.user_id}).status_code == 302
    meeting = made.meetings["甲电路", "李老师"]
    assert stranger.post(f"/events/{made.id}/meetings/{meeting}/host", {"user_id": ""}).status_code == 404
    with platform.reading() as reading:
        hosts = {one.host_id for one in reading.scalars(select(Meeting).where(Meeting.slot_id.is_not(None)))}
    assert made.staff.user_id in hosts

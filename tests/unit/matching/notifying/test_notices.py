"""Notifications by mail: at once, in the morning or not at all; not by night; never what may no longer be seen."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from matching.bootstrap import Platform
from matching.clock import to_shanghai
from matching.errors import InvalidInput, NotAllowed
from matching.models import Delivery, Notification, User
from matching.notifying.delivering import write_mail
from matching.notifying.notices import NOTICES, after_quiet_hours, group_of, next_digest, notice
from matching.notifying.posts import tell_writers
from matching.notifying.preferences import load_preferences, read_unsubscribe
from matching.services.actor import Actor
from matching.services.notifications import mark_all_read
from matching.services.posts import load_post, pause_post
from matching.services.preferences import choose_preferences, unsubscribe
from tests.factories.deliveries import deliver_everything
from tests.factories.people import Member, make_member
from tests.factories.posts import make_capability, make_need
from tests.factories.work import settle_everything
from tests.servers.smtp import SmtpServer

_FIRST, _LAST = (datetime.fromisoformat(f"{year}-01-01") for year in (2026, 2027))
MORNING = timedelta(days=1)
"""`now` is 09:00 in China; so is a day later."""


@pytest.fixture
def firm(mailing: Platform, now: datetime) -> Member:
    return make_member(mailing, now, email="firm@example.cn", organisation="示例电路")


@pytest.fixture
def university(mailing: Platform, now: datetime) -> Member:
    return make_member(mailing, now, email="uni@example.cn", organisation="示例大学", kind="university")


def choose(platform: Platform, member: Member, now: datetime, *, quiet: bool = True, **ways: str) -> None:
    with platform.unit_of_work() as uow:
        choose_preferences(uow, member.actor, ways, quiet, now)


def tell(platform: Platform, post_id: str, kind: str, now: datetime, occasion: str = "1") -> None:
    with platform.unit_of_work() as uow:
        tell_writers(uow.session, load_post(uow, post_id), kind, occasion, now)
        uow.commit()


def test_what_waits_for_the_person_comes_at_once(
    mailing: Platform, smtp: SmtpServer, now: datetime, firm: Member
) -> None:
    post_id = make_need(mailing, firm, now, publish=False, title="涂层起泡\u2028Bcc: x@example.cn")
    tell(mailing, post_id, "post_returned", now)
    assert deliver_everything(mailing, now) == ["sent"]
    [taken] = smtp.to("firm@example.cn")
    assert taken.message["Subject"] == "您的信息被退回，请修改：涂层起泡 Bcc: x@example.cn"
    assert f"https://duijie.example/posts/{post_id}" in taken.text
    assert taken.message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert deliver_everything(mailing, now + MORNING) == []
    assert len(smtp.taken) == 1


def test_suggestions_come_together_in_the_morning_with_what_is_across(
    mailing: Platform, smtp: SmtpServer, now: datetime, firm: Member, university: Member
) -> None:
    make_need(mailing, firm, now, title="高频线路板翘曲控制")
    first = make_capability(mailing, university, now, title="线路板翘曲预测与控制")
    second = make_capability(mailing, university, now, title="线路板翘曲测量")
    settle_everything(mailing, now)
    assert deliver_everything(mailing, now) == []
    assert deliver_everything(mailing, now + MORNING - timedelta(seconds=1)) == []
    assert deliver_everything(mailing, now + MORNING) == ["sent", "sent"]
    [taken] = smtp.to("firm@example.cn")
    assert taken.message["Subject"] == "2 条新消息"
    for post_id in (first, second):
        assert f"https://duijie.example/posts/{post_id}" in taken.text
    assert "线路板翘曲预测与控制" in taken.text
    assert "因为您的：高频线路板翘曲控制" in taken.text
    [other] = smtp.to("uni@example.cn")
    assert other.text.count("有新的技术需求可能适合您") == 2


def test_a_day_without_news_brings_no_mail(mailing: Platform, smtp: SmtpServer, now: datetime, firm: Member) -> None:
    assert deliver_everything(mailing, now + MORNING) == []
    assert smtp.taken == []


def test_what_was_read_or_withdrawn_meanwhile_is_not_mailed(
    mailing: Platform, smtp: SmtpServer, now: datetime, firm: Member, university: Member
) -> None:
    make_need(mailing, firm, now)
    capability_id = make_capability(mailing, university, now)
    settle_everything(mailing, now)
    assert deliver_everything(mailing, now) == []
    with mailing.unit_of_work() as uow:
        mark_all_read(uow, university.actor, now)
    with mailing.unit_of_work() as uow:
        pause_post(uow, university.actor, capability_id, now)
    settle_everything(mailing, now)
    assert deliver_everything(mailing, now + MORNING) == ["dropped", "dropped"]
    assert smtp.taken == []


@pytest.mark.parametrize("visibility", ["staff", "matched"])
def test_nothing_that_may_no_longer_be_seen_is_in_the_mail(
    mailing: Platform, smtp: SmtpServer, now: datetime, firm: Member, university: Member, visibility: str
) -> None:
    make_need(mailing, firm, now)
    hidden = make_capability(mailing, university, now, title="线路板翘曲机密工艺")
    make_capability(mailing, university, now, title="线路板翘曲公开测量")
    settle_everything(mailing, now)
    deliver_everything(mailing, now)
    with mailing.unit_of_work() as uow:
        # Before any task has withdrawn the suggestion: what counts is who may see it at the moment of sending.
        post = load_post(uow, hidden)
        post.visibility = visibility
        if visibility == "matched":
            post.status = "paused"
        uow.commit()
    deliver_everything(mailing, now + MORNING)
    [taken] = smtp.to("firm@example.cn")
    assert taken.message["Subject"] == "1 条新消息"
    assert "机密" not in taken.text + taken.content.decode()
    assert "线路板翘曲公开测量" in taken.text


def test_who_left_the_organisation_is_not_told_of_its_drafts(
    mailing: Platform, smtp: SmtpServer, now: datetime, firm: Member
) -> None:
    post_id = make_need(mailing, firm, now, publish=False, title="未公开的需求")
    tell(mailing, post_id, "post_returned", now)
    with mailing.unit_of_work() as uow:
        user = uow.session.get_one(User, firm.user_id)
        user.memberships.clear()
        uow.commit()
    assert deliver_everything(mailing, now) == ["dropped"]
    assert smtp.taken == []


def test_the_night_is_quiet_unless_the_person_wants_to_know(
    mailing: Platform, smtp: SmtpServer, now: datetime, firm: Member
) -> None:
    night = now + timedelta(hours=14)  # 23:00 in China
    post_id = make_need(mailing, firm, now, publish=False)
    tell(mailing, post_id, "post_returned", night)
    assert deliver_everything(mailing, night) == []
    assert deliver_everything(mailing, now + timedelta(hours=23) - timedelta(seconds=1)) == []
    assert deliver_everything(mailing, now + timedelta(hours=23)) == ["sent"]
    choose(mailing, firm, now, quiet=False)
    tell(mailing, post_id, "post_returned", night, "2")
    assert deliver_everything(mailing, night) == ["sent"]


def test_each_person_is_told_as_they_chose(mailing: Platform, smtp: SmtpServer, now: datetime, firm: Member) -> None:
    post_id = make_need(mailing, firm, now, publish=False)
    choose(mailing, firm, now, posts="off")
    tell(mailing, post_id, "post_returned", now, "1")
    assert deliver_everything(mailing, now + MORNING) == []
    choose(mailing, firm, now, posts="digest")
    tell(mailing, post_id, "post_returned", now, "2")
    assert deliver_everything(mailing, now) == []
    assert deliver_everything(mailing, now + MORNING) == ["sent"]
    choose(mailing, firm, now, posts="at_once")
    tell(mailing, post_id, "post_returned", now, "3")
    assert deliver_everything(mailing, now) == ["sent"]


def test_a_choice_made_after_planning_counts(mailing: Platform, smtp: SmtpServer, now: datetime, firm: Member) -> None:
    post_id = make_need(mailing, firm, now, publish=False)
    choose(mailing, firm, now, posts="digest")
    tell(mailing, post_id, "post_returned", now)
    assert deliver_everything(mailing, now) == []
    choose(mailing, firm, now, posts="off")
    assert deliver_everything(mailing, now + MORNING) == ["dropped"]


def test_letters_are_in_the_persons_language(mailing: Platform, smtp: SmtpServer, now: datetime, firm: Member) -> None:
    post_id = make_need(mailing, firm, now, publish=False, title="Coating blisters")
    with mailing.unit_of_work() as uow:
        uow.session.get_one(User, firm.user_id).locale = "en"
        uow.commit()
    tell(mailing, post_id, "post_expires", now)
    assert deliver_everything(mailing, now) == ["sent"]
    [taken] = smtp.taken
    assert taken.message["Subject"].startswith("Your post is about to expire")
    own = taken.text.replace("对接", "")  # the installation's name
    assert not re.search(r"[\u3400-\u9fff]", own)


def test_one_click_unsubscribes(mailing: Platform, smtp: SmtpServer, now: datetime, firm: Member) -> None:
    post_id = make_need(mailing, firm, now, publish=False)
    tell(mailing, post_id, "post_returned", now)
    deliver_everything(mailing, now)
    link = str(smtp.taken[0].message["List-Unsubscribe"]).strip("<>")
    token = unquote(link.removeprefix("https://duijie.example/unsubscribe/"))
    assert read_unsubscribe(mailing.settings, token) == (firm.user_id, "posts")
    assert read_unsubscribe(mailing.settings, token[:-1] + ("A" if token[-1] != "A" else "B")) is None
    assert read_unsubscribe(mailing.settings, token.replace("posts", "events")) is None
    for _ in range(2):
        with mailing.unit_of_work() as uow:
            unsubscribe(uow, firm.user_id, "posts", now)
    tell(mailing, post_id, "post_returned", now, "2")
    assert deliver_everything(mailing, now + MORNING) == []
    with mailing.reading() as session:
        ways = load_preferences(session, firm.user_id).ways
    assert (ways["posts"], ways["suggestions"], ways["interests"]) == ("off", "digest", "at_once")


def test_unsubscribing_from_the_digest_stops_all_that_comes_in_it(
    mailing: Platform, now: datetime, firm: Member
) -> None:
    choose(mailing, firm, now, posts="digest")
    with mailing.unit_of_work() as uow:
        unsubscribe(uow, firm.user_id, "digest", now)
    with mailing.reading() as session:
        ways = load_preferences(session, firm.user_id).ways
    assert (ways["posts"], ways["suggestions"], ways["interests"]) == ("off", "off", "at_once")


def test_wrong_choices_are_named(mailing: Platform, now: datetime, firm: Member) -> None:
    with pytest.raises(InvalidInput) as caught:
        choose(mailing, firm, now, posts="sometimes")
    assert caught.value.where == "posts"
    with pytest.raises(InvalidInput):
        choose(mailing, firm, now, nix="off")
    with pytest.raises(NotAllowed), mailing.unit_of_work() as uow:
        choose_preferences(uow, Actor(user_id=None), {}, True, now)


def test_who_sets_up_mail_later_does_not_send_the_past(platform: Platform, now: datetime) -> None:
    firm = make_member(platform, now, email="firm@example.cn")
    tell(platform, make_need(platform, firm, now, publish=False), "post_returned", now)
    assert deliver_everything(platform, now) == []
    with platform.reading() as session:
        [row] = session.query(Notification).all()
        assert (row.planned_at, row.delivery_id) == (now, None)


def test_every_kind_has_a_group_and_a_line_in_both_languages() -> None:
    for kind in (*NOTICES, "suggestion", "engagement_message", "event_published", "something_new"):
        assert notice(kind, "zh")
        assert not re.search(r"[\u3400-\u9fff]", notice(kind, "en"))
    assert group_of("interest_received") == "interests"
    assert group_of("meeting_moved") == "events"
    assert group_of("something_new") == "account"


@hypothesis_settings(deadline=None)
@given(st.datetimes(timezones=st.just(UTC), min_value=_FIRST, max_value=_LAST))
def test_quiet_hours_and_digests_are_chinas(moment: datetime) -> None:
    after = after_quiet_hours(moment)
    assert moment <= after < moment + timedelta(hours=10)
    assert 8 <= to_shanghai(after).hour < 22
    digest = to_shanghai(next_digest(moment))
    assert (digest.hour, digest.minute, digest.second) == (9, 0, 0)
    assert moment < digest <= moment + timedelta(days=1)


def count_statements(platform: Platform, work: Callable[[Session], object]) -> int:
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    event.listen(platform.engine, "before_cursor_execute", note)
    with platform.reading() as session:
        work(session)
    event.remove(platform.engine, "before_cursor_execute", note)
    return sum(statement.startswith("SELECT") for statement in statements)


def test_a_digest_asks_as_often_for_three_messages_as_for_one(
    mailing: Platform, smtp: SmtpServer, now: datetime, firm: Member, university: Member
) -> None:
    make_need(mailing, firm, now)
    counts = []
    for title in ("线路板翘曲预测", "线路板翘曲测量", "线路板翘曲控制"):
        make_capability(mailing, university, now, title=title)
        settle_everything(mailing, now)
        deliver_everything(mailing, now)
        with mailing.reading() as session:
            digest = session.scalars(select(Delivery).where(Delivery.user_id == firm.user_id)).one()
        counts.append(
            count_statements(mailing, partial(write_mail, row=digest, now=now + MORNING, settings=mailing.settings))
        )
    assert counts[0] == counts[2]
    with mailing.reading() as session:
        mail = write_mail(session, digest, now + MORNING, mailing.settings)
    assert mail is not None
    assert mail.subject == "3 条新消息"

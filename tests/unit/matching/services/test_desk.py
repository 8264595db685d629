"""The desk's actions: done to many at once, taken back wholly, never beyond the region."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from matching.bootstrap import Platform
from matching.errors import IllegalMove, InvalidInput, NotAllowed, NotFound
from matching.models import Assignment, AuditEntry, Notification, OutboxEntry, Post
from matching.notifying.planning import plan_deliveries
from matching.queries.desk import list_block, list_desk, list_notes
from matching.services.actor import Actor
from matching.services.desk import (
    BulkReport,
    UndoReport,
    act_on_posts,
    assign_subjects,
    undo_bulk,
    withdraw_note,
    write_note,
)
from matching.services.posts import submit_post
from matching.services.preferences import choose_preferences
from matching.services.rules import change_rules
from tests.factories.people import Member, make_member, make_staff
from tests.factories.posts import make_need


@dataclass
class Bureau:
    """Staff of 鹤山 and of 佛山, a firm of the former with three posts that wait."""

    platform: Platform
    now: datetime
    staff: Actor
    elsewhere: Actor
    firm: Member
    waiting: list[str]

    def act(self, action: str, ids: list[str], *, actor: Actor | None = None, reason: str = "") -> BulkReport:
        with self.platform.unit_of_work() as uow:
            settings = self.platform.rules(uow.session).settings
            return act_on_posts(uow, actor or self.staff, action, ids, self.now, settings=settings, reason=reason)

    def undo(self, report: BulkReport, *, actor: Actor | None = None, minutes: float = 1) -> UndoReport:
        with self.platform.unit_of_work() as uow:
            settings = self.platform.rules(uow.session).settings
            return undo_bulk(
                uow, actor or self.staff, report.action_id or "", self.now + timedelta(minutes=minutes),
                settings=settings,
            )  # fmt: skip

    def rows(self) -> dict[str, tuple[object, ...]]:
        """All of each post that a move could change."""
        with self.platform.reading() as reading:
            return {
                post.id: (post.status, post.submitted_at, post.published_at, post.expires_at, post.return_reason,
                          post.close_reason, post.return_notes)
                for post in reading.scalars(select(Post))
            }  # fmt: skip


@pytest.fixture
def bureau(platform: Platform, now: datetime) -> Bureau:
    staff = make_staff(platform, now, email="staff@example.cn")
    elsewhere = make_staff(platform, now, email="foshan@example.cn", region_code="440600")
    firm = make_member(platform, now, email="firm@example.cn", organisation="甲公司")
    waiting = [make_need(platform, firm, now, publish=False, title=f"需求{number}") for number in range(3)]
    for post_id in waiting:
        with platform.unit_of_work() as uow:
            submit_post(uow, firm.actor, post_id, now - timedelta(days=1))
    return Bureau(platform, now, staff, elsewhere, firm, waiting)


@pytest.mark.parametrize(("action", "reason"), [("publish", ""), ("return", "太笼统")])
def test_what_was_decided_over_many_is_taken_back_wholly(bureau: Bureau, action: str, reason: str) -> None:
    before = bureau.rows()
    report = bureau.act(action, bureau.waiting, reason=reason)
    assert (report.done, report.refused) == (3, [])
    assert {row[0] for row in bureau.rows().values()} == {"published" if action == "publish" else "returned"}
    with bureau.platform.unit_of_work() as uow:
        uow.session.query(OutboxEntry).delete()
        assert len(uow.session.scalars(select(Notification)).all()) == 3
        uow.commit()
    assert bureau.undo(report) == UndoReport(3, [])
    assert bureau.rows() == before
    with bureau.platform.reading() as reading:
        assert reading.scalars(select(Notification)).all() == [], "nobody was told yet, and nobody will be"
        owed = reading.scalars(select(OutboxEntry.subject_id)).all()
        assert sorted(owed) == sorted(bureau.waiting), "index and suggestions follow"
        assert len(reading.scalars(select(AuditEntry).where(AuditEntry.action == "post.undo")).all()) == 3
    with pytest.raises(IllegalMove):
        bureau.undo(report)


@pytest.mark.parametrize(("action", "reason"), [("renew", ""), ("close", "dropped")])
def test_posts_about_to_expire_are_renewed_or_closed_and_that_is_taken_back(
    bureau: Bureau, action: str, reason: str
) -> None:
    bureau.act("publish", bureau.waiting)
    with bureau.platform.unit_of_work() as uow:
        for post in uow.session.scalars(select(Post)):
            post.expires_at = bureau.now + timedelta(days=3)
            post.expiry_notice_at = bureau.now
        uow.commit()
    before = bureau.rows()
    report = bureau.act(action, bureau.waiting[:2], reason=reason)
    assert report.done == 2
    assert bureau.rows() != before
    assert bureau.undo(report).restored == 2
    assert bureau.rows() == before


def test_what_somebody_changed_since_stays(bureau: Bureau) -> None:
    report = bureau.act("publish", bureau.waiting)
    bureau.act("close", bureau.waiting[:1], reason="dropped")
    with bureau.platform.unit_of_work() as uow:
        told = uow.session.scalars(select(Notification).where(Notification.post_id == bureau.waiting[1])).one()
        told.read_at = bureau.now
        uow.commit()
    assert bureau.undo(report) == UndoReport(2, ["需求0"])
    rows = bureau.rows()
    assert [rows[post_id][0] for post_id in bureau.waiting] == ["closed", "submitted", "submitted"]
    with bureau.platform.reading() as reading:
        told_again = reading.scalars(
            select(Notification.post_id).where(Notification.kind == "post_decision_undone")
        ).all()
    assert told_again == [bureau.waiting[1]], "who had read it is told"


def test_it_is_taken_back_by_whom_did_it_and_for_some_minutes(bureau: Bureau) -> None:
    report = bureau.act("publish", bureau.waiting)
    colleague = make_staff(bureau.platform, bureau.now, email="second@example.cn")
    with pytest.raises(NotFound):
        bureau.undo(report, actor=colleague)
    with pytest.raises(IllegalMove):
        bureau.undo(report, minutes=11)
    with bureau.platform.unit_of_work() as uow:
        change_rules(uow, bureau.staff, {"undo_minutes": 30}, bureau.now, settings=bureau.platform.settings)
    assert bureau.undo(report, minutes=11).restored == 3


def test_beyond_the_region_nothing_is_done_or_told(bureau: Bureau) -> None:
    before = bureau.rows()
    report = bureau.act("publish", [*bureau.waiting, "nix"], actor=bureau.elsewhere)
    assert report.done == 0
    assert [(title, error.code) for title, error in report.refused] == [("", "desk.not_found")] * 4
    assert bureau.rows() == before
    with pytest.raises(NotAllowed):
        bureau.act("publish", bureau.waiting, actor=bureau.firm.actor)


def test_what_a_state_does_not_permit_is_named_and_the_rest_is_done(bureau: Bureau) -> None:
    bureau.act("publish", bureau.waiting[:1])
    report = bureau.act("return", bureau.waiting, reason="太笼统")
    assert report.done == 2
    assert [(title, error.code) for title, error in report.refused] == [("需求0", "post.illegal_move")]


@pytest.mark.parametrize(
    ("action", "ids", "code"),
    [
        ("publish", [], "desk.none"),
        ("publish", ["x"] * 201, "desk.too_many"),
        ("return", ["x"], "post.reason_missing"),
        ("close", ["x"], "post.close_reason"),
        ("delete", ["x"], "desk.action"),
    ],
)
def test_actions_that_cannot_be(bureau: Bureau, action: str, ids: list[str], code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        bureau.act(action, ids)
    assert caught.value.code == code


def test_where_the_checklist_is_a_duty_nothing_is_published_in_bulk(bureau: Bureau) -> None:
    with bureau.platform.unit_of_work() as uow:
        change_rules(uow, bureau.staff, {"review_checks_required": "y"}, bureau.now, settings=bureau.platform.settings)
    with pytest.raises(IllegalMove):
        bureau.act("publish", bureau.waiting)


def test_things_are_given_to_a_colleague_and_found_by_who_has_them(bureau: Bureau) -> None:
    colleague = make_staff(bureau.platform, bureau.now, email="second@example.cn")
    with bureau.platform.unit_of_work() as uow:
        report = assign_subjects(
            uow, bureau.staff, [("post", post_id) for post_id in bureau.waiting[:2]], colleague.user_id, bureau.now
        )
    assert report.done == 2

    def listed(actor: Actor, who: str) -> list[str]:
        with bureau.platform.reading() as reading:
            block = list_block(
                reading,
                actor,
                bureau.now,
                bureau.platform.settings,
                "review",
                who=who,  # type: ignore[arg-type]
            )
            assert block.count == len(block.rows)
            return sorted(row.title for row in block.rows)

    assert listed(colleague, "mine") == ["需求0", "需求1"]
    assert listed(bureau.staff, "mine") == []
    assert listed(bureau.staff, "unassigned") == ["需求2"]
    assert listed(bureau.staff, "all") == ["需求0", "需求1", "需求2"]
    with bureau.platform.reading() as reading:
        blocks = {one.key: one for one in list_desk(reading, colleague, bureau.now, bureau.platform.settings, "mine")}
    assert {key: block.count for key, block in blocks.items() if block.count} == {"review": 2}
    assert {row.assignee_id for row in blocks["review"].rows} == {colleague.user_id}
    assert bureau.undo(report).restored == 2
    assert listed(colleague, "mine") == []


def test_nothing_is_given_to_somebody_who_may_not_see_it(bureau: Bureau) -> None:
    subjects = [("post", bureau.waiting[0])]
    with bureau.platform.unit_of_work() as uow:
        report = assign_subjects(uow, bureau.staff, subjects, bureau.elsewhere.user_id, bureau.now)
    assert [error.code for _title, error in report.refused] == ["desk.other_region"]
    with bureau.platform.unit_of_work() as uow, pytest.raises(InvalidInput):
        assign_subjects(uow, bureau.staff, subjects, bureau.firm.user_id, bureau.now)
    with bureau.platform.unit_of_work() as uow:
        report = assign_subjects(uow, bureau.elsewhere, subjects, bureau.elsewhere.user_id, bureau.now)
    assert [error.code for _title, error in report.refused] == ["desk.not_found"]
    with bureau.platform.reading() as reading:
        assert reading.scalars(select(Assignment)).all() == []


def test_notes_are_the_staffs_of_the_region_with_author_and_history(bureau: Bureau) -> None:
    colleague = make_staff(bureau.platform, bureau.now, email="second@example.cn")
    subjects = (("post", bureau.waiting[0]), ("organisation", bureau.firm.organisation_id))
    for kind, subject_id in subjects:
        with bureau.platform.unit_of_work() as uow:
            note = write_note(uow, bureau.staff, kind, subject_id, " 打过电话 ", bureau.now)
        with bureau.platform.unit_of_work() as uow, pytest.raises(NotAllowed):
            withdraw_note(uow, colleague, note.id, bureau.now)
        for actor, error in ((bureau.elsewhere, NotFound), (bureau.firm.actor, NotAllowed)):
            with bureau.platform.unit_of_work() as uow, pytest.raises(error):
                write_note(uow, actor, kind, subject_id, "x", bureau.now)
            with bureau.platform.unit_of_work() as uow, pytest.raises(error):
                withdraw_note(uow, actor, note.id, bureau.now)
        with bureau.platform.unit_of_work() as uow:
            withdraw_note(uow, bureau.staff, note.id, bureau.now)
        with bureau.platform.reading() as reading:
            [(kept, author)] = list_notes(reading, kind, subject_id)
            assert (kept.text, author, kept.withdrawn_at) == ("打过电话", "staff", bureau.now)
    for text in (" ", "长" * 2001):
        with bureau.platform.unit_of_work() as uow, pytest.raises(InvalidInput):
            write_note(uow, bureau.staff, "post", bureau.waiting[0], text, bureau.now)


def test_a_draft_does_not_exist_for_the_desk(platform: Platform, now: datetime) -> None:
    firm = make_member(platform, now, email="drafts@example.cn", organisation="写草稿的单位")
    draft = make_need(platform, firm, now, publish=False, title="还没有交的草稿")
    staff = make_staff(platform, now, email="desk-staff@example.cn")
    for action, reason in (("publish", ""), ("return", "too_vague")):
        with platform.unit_of_work() as uow:
            report = act_on_posts(uow, staff, action, [draft], now, settings=platform.settings, reason=reason)
        [(title, error)] = report.refused
        assert (title, type(error)) == ("", NotFound)
    with platform.reading() as session:
        assert session.get_one(Post, draft).status == "draft"


def test_whoever_is_given_something_is_told_once_for_all_of_it_and_as_they_chose(bureau: Bureau) -> None:
    colleague = make_staff(bureau.platform, bureau.now, email="second@example.cn")
    user_id = str(colleague.user_id)
    with bureau.platform.unit_of_work() as uow:
        choose_preferences(uow, colleague, {"account": "off"}, True, bureau.now)
    subjects = [("post", post_id) for post_id in bureau.waiting]
    with bureau.platform.unit_of_work() as uow:
        report = assign_subjects(uow, bureau.staff, subjects, user_id, bureau.now)
    with bureau.platform.unit_of_work() as uow:
        plan_deliveries(uow.session, bureau.now, mail=True)
        uow.commit()
    with bureau.platform.reading() as reading:
        [message] = reading.scalars(select(Notification)).all()
        assert (message.user_id, message.kind, message.delivery_id) == (user_id, "desk_assigned", None)
        assert (message.details["count"], message.details["kind"]) == (3, "post")
    assert bureau.undo(report).restored == 3
    with bureau.platform.unit_of_work() as uow:
        assert uow.session.scalars(select(Notification)).all() == [], "it was not read yet, and is theirs no more"
        assign_subjects(uow, colleague, subjects, user_id, bureau.now)
    with bureau.platform.reading() as reading:
        assert reading.scalars(select(Notification)).all() == [], "what one takes oneself is no news"

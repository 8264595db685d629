"""From wanted meetings to a timetable: computed, stopped, kept where it stands, and never laid over a changed plan."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from matching.bootstrap import Platform
from matching.errors import IllegalMove, InvalidInput, NotFound
from matching.models import Event, EventParticipant, Meeting, TimetableRun
from matching.services.event_participants import (
    ParticipantFields,
    cancel_participant,
    edit_participant,
    separate,
    take_up_wishes,
    wish_for,
)
from matching.services.events import EventFields, edit_event
from matching.services.meetings import (
    PlaceConflict,
    PlaceConflicts,
    add_meeting,
    cancel_meeting,
    lock_meeting,
    move_meeting,
)
from matching.services.timetables import compute_timetable, request_timetable, stop_timetable
from tests.factories.events import DAY, MadeEvent, make_event
from tests.factories.people import make_staff
from tests.factories.work import settle_everything


def run(platform: Platform, made: MadeEvent, now: datetime, *, anew: bool = False, seconds: int = 20) -> TimetableRun:
    with platform.unit_of_work() as uow:
        run_id = request_timetable(uow, made.staff, made.id, now, anew=anew, seconds=seconds).id
    settle_everything(platform, now)
    with platform.reading() as reading:
        found = reading.get(TimetableRun, run_id)
        assert found is not None
        return found


def places(platform: Platform, made: MadeEvent) -> dict[str, tuple[int | None, int | None]]:
    with platform.reading() as reading:
        event = reading.get(Event, made.id)
        assert event is not None
        position = {slot.id: slot.position for slot in event.slots}
        return {
            meeting.id: (position.get(meeting.slot_id or ""), meeting.table_number)
            for meeting in reading.scalars(select(Meeting).where(Meeting.event_id == made.id))
        }


def slot_ids(platform: Platform, made: MadeEvent) -> list[str]:
    with platform.reading() as reading:
        event = reading.get(Event, made.id)
        assert event is not None
        return [slot.id for slot in event.slots]


def assert_no_clash(platform: Platform, made: MadeEvent) -> None:
    """Nobody at two tables at once, no table twice in a slot, nobody where they cannot be."""
    with platform.reading() as reading:
        held = list(reading.scalars(select(Meeting).where(Meeting.event_id == made.id, Meeting.slot_id.is_not(None))))
        people = Counter((meeting.slot_id, one) for meeting in held for one in meeting.participant_ids)
        tables = Counter((meeting.slot_id, meeting.table_number) for meeting in held)
        assert max(people.values()) == 1
        assert max(tables.values()) == 1
        for participant in reading.scalars(select(EventParticipant).where(EventParticipant.event_id == made.id)):
            mine = {meeting.slot_id for meeting in held if participant.id in meeting.participant_ids}
            assert mine & set(participant.unavailable) == set()


def test_a_small_event_is_placed_without_breaks(platform: Platform, now: datetime) -> None:
    made = make_event(platform, now)
    done = run(platform, made, now)
    assert (done.status, done.proven, done.placed, done.dropped, done.breaks) == ("finished", True, 3, 0, 0)
    assert_no_clash(platform, made)


def test_sixty_participants_and_two_hundred_and_forty_wishes(platform: Platform, now: datetime) -> None:
    firms, experts = [f"企业{n}" for n in range(36)], [f"专家{n}" for n in range(24)]
    # 6 or 7 a firm, 9 to 11 an expert, spread by a fixed rule.
    pairs = [(firms[n % 36], experts[(n * 7 + n // 36) % 24]) for n in range(240)]
    assert len(set(pairs)) == 240
    made = make_event(
        platform, now, firms=firms, experts=experts, pairs=pairs, rooms="20",
        sessions="上午 09:00-12:00\n下午 14:00-17:00", breaks="10:20-10:40", slot_minutes=20,
    )  # fmt: skip
    done = run(platform, made, now, seconds=60)
    assert (done.status, done.placed, done.dropped) == ("finished", 240, 0)
    assert_no_clash(platform, made)
    before = places(platform, made)
    with platform.unit_of_work() as uow:
        fallen = cancel_participant(uow, made.staff, made.participants["专家0"], now)
    assert fallen == sum("专家0" in pair for pair in pairs)
    again = run(platform, made, now, seconds=60)
    assert again.status == "finished"
    after = places(platform, made)
    gone = {meeting for pair, meeting in made.meetings.items() if "专家0" in pair}
    assert {meeting for meeting in after if after[meeting] != before[meeting]} == gone
    assert again.moved == 0


def test_what_does_not_fit_is_dropped_with_a_reason_that_names_people(platform: Platform, now: datetime) -> None:
    made = make_event(platform, now, sessions="上午 09:00-09:30")
    done = run(platform, made, now)
    assert (done.status, done.placed, done.dropped) == ("finished", 2, 1)
    with platform.reading() as reading:
        [dropped] = reading.scalars(select(Meeting).where(Meeting.event_id == made.id, Meeting.slot_id.is_(None)))
    assert dropped.dropped_reason is not None
    assert dropped.dropped_reason_en is not None
    assert "甲电路" in dropped.dropped_reason or "张老师" in dropped.dropped_reason
    assert not any(participant in dropped.dropped_reason for participant in made.participants.values())


def test_a_mutual_wish_is_kept_before_others(platform: Platform, now: datetime) -> None:
    made = make_event(platform, now, sessions="上午 09:00-09:30", rooms="1")
    with platform.unit_of_work() as uow:
        wish_for(uow, made.participants["乙照明"], [made.participants["张老师"]], [], now)
    run(platform, made, now)
    placed = {meeting for meeting, (slot, _) in places(platform, made).items() if slot is not None}
    assert placed == {made.meetings["乙照明", "张老师"]}


def test_wishes_become_meetings_but_not_of_those_kept_apart(platform: Platform, now: datetime) -> None:
    made = make_event(platform, now, pairs=())
    one, other = made.participants["甲电路"], made.participants["张老师"]
    with platform.unit_of_work() as uow:
        wish_for(uow, other, [one, made.participants["乙照明"]], [], now)
    with platform.unit_of_work() as uow:
        separate(uow, made.staff, one, other, now)
    with platform.unit_of_work() as uow:
        assert take_up_wishes(uow, made.staff, made.id, now) == 1
    with platform.unit_of_work() as uow:
        assert take_up_wishes(uow, made.staff, made.id, now) == 0
    with platform.reading() as reading:
        [meeting] = reading.scalars(select(Meeting).where(Meeting.event_id == made.id))
        assert (meeting.first_id, meeting.second_id, meeting.origin, meeting.weight) == (
            made.participants["乙照明"], other, "wish", 2.0,
        )  # fmt: skip
    with platform.unit_of_work() as uow, pytest.raises(InvalidInput) as caught:
        add_meeting(uow, made.staff, made.id, one, other, now)
    assert caught.value.code == "meeting.separated"


def test_a_locked_meeting_stays_and_a_late_participant_moves_only_what_must(platform: Platform, now: datetime) -> None:
    made = make_event(platform, now)
    slots = slot_ids(platform, made)
    first = made.meetings["甲电路", "李老师"]
    with platform.unit_of_work() as uow:
        move_meeting(uow, made.staff, first, slots[5], 2, now)
    run(platform, made, now)
    before = places(platform, made)
    assert before[first] == (5, 2)
    busy = before[made.meetings["乙照明", "张老师"]][0]
    assert busy is not None
    with platform.unit_of_work() as uow:
        fields = ParticipantFields(status="confirmed", unavailable=(slots[busy],))
        edit_participant(uow, made.staff, made.participants["乙照明"], fields, now)
    done = run(platform, made, now)
    after = places(platform, made)
    changed = {meeting for meeting in after if after[meeting][0] != before[meeting][0]}
    assert changed == {made.meetings["乙照明", "张老师"]}
    assert done.moved == 1
    assert_no_clash(platform, made)


def test_meetings_fixed_against_each_other_are_explained_by_name(platform: Platform, now: datetime) -> None:
    made = make_event(platform, now)
    slots = slot_ids(platform, made)
    with platform.unit_of_work() as uow:
        move_meeting(uow, made.staff, made.meetings["甲电路", "张老师"], slots[0], 1, now)
    with platform.unit_of_work() as uow, pytest.raises(PlaceConflicts) as caught:
        move_meeting(uow, made.staff, made.meetings["甲电路", "李老师"], slots[0], 1, now)
    blocking = made.meetings["甲电路", "张老师"]
    assert set(caught.value.conflicts) == {
        PlaceConflict("busy", "甲电路", blocking),
        PlaceConflict("table_taken", "1 号桌", blocking),
    }
    with platform.unit_of_work() as uow, pytest.raises(InvalidInput, match="为什么"):
        move_meeting(uow, made.staff, made.meetings["甲电路", "李老师"], slots[0], 2, now, override=True)
    with platform.unit_of_work() as uow:
        overridden = move_meeting(
            uow, made.staff, made.meetings["甲电路", "李老师"], slots[0], 2, now, override=True, reason="带两位同事"
        )
    assert [conflict.kind for conflict in overridden] == ["busy"]
    before = places(platform, made)
    done = run(platform, made, now)
    assert done.status == "infeasible"
    assert any("甲电路" in part["text"] for part in done.conflict)
    assert places(platform, made) == before


def test_back_to_back_is_no_conflict_and_a_cancelled_place_is_free(platform: Platform, now: datetime) -> None:
    made = make_event(platform, now)
    slots = slot_ids(platform, made)
    for number, pair in enumerate((("甲电路", "张老师"), ("甲电路", "李老师"))):
        with platform.unit_of_work() as uow:
            move_meeting(uow, made.staff, made.meetings[pair], slots[number], 1, now)
    with platform.unit_of_work() as uow:
        cancel_meeting(uow, made.staff, made.meetings["甲电路", "张老师"], now)
    with platform.unit_of_work() as uow:
        assert move_meeting(uow, made.staff, made.meetings["乙照明", "张老师"], slots[0], 1, now) == []


def test_the_same_expert_at_another_event_of_the_hour_is_a_conflict(platform: Platform, now: datetime) -> None:
    made = make_event(platform, now)
    from matching.services.event_participants import add_participant
    from matching.services.events import create_event

    with platform.reading() as reading:
        expert_id = reading.get_one(EventParticipant, made.participants["张老师"]).expert_id
        firm_id = reading.get_one(EventParticipant, made.participants["乙照明"]).organisation_id
    with platform.unit_of_work() as uow:
        move_meeting(uow, made.staff, made.meetings["甲电路", "张老师"], slot_ids(platform, made)[0], 1, now)
    fields = EventFields(
        title="照明对接会", held_on=DAY, region_code="440784", venue="古劳镇", rooms="3",
        sessions="上午 08:45-10:15", slot_minutes=30,
    )  # fmt: skip
    with platform.unit_of_work() as uow:
        other_id = create_event(uow, made.staff, fields, now).id
    with platform.unit_of_work() as uow:
        expert = add_participant(uow, made.staff, other_id, now, expert_id=expert_id).id
    with platform.unit_of_work() as uow:
        firm = add_participant(uow, made.staff, other_id, now, organisation_id=firm_id).id
    with platform.unit_of_work() as uow:
        meeting = add_meeting(uow, made.staff, other_id, firm, expert, now).id
    other = MadeEvent(other_id, made.staff, {}, {})
    slots = slot_ids(platform, other)
    with platform.unit_of_work() as uow, pytest.raises(PlaceConflicts) as caught:
        move_meeting(uow, made.staff, meeting, slots[0], 1, now)
    assert [(conflict.kind, conflict.name) for conflict in caught.value.conflicts] == [
        ("elsewhere", "张老师（线路板对接会）")
    ]
    done = run(platform, other, now)
    assert done.status == "finished"
    assert places(platform, other)[meeting][0] == 2, "09:00–09:30 overlaps the first two slots, 09:45 does not"


def test_a_plan_that_changes_meanwhile_is_not_overwritten(platform: Platform, now: datetime) -> None:
    made = make_event(platform, now)
    with platform.unit_of_work() as uow:
        run_id = request_timetable(uow, made.staff, made.id, now).id

    calls = itertools.count()

    def clock() -> datetime:
        if next(calls) == 1:  # the second question for the time comes when the solving is over or under way
            with platform.unit_of_work() as uow:
                cancel_meeting(uow, made.staff, made.meetings["甲电路", "李老师"], now)
        return now

    assert compute_timetable(platform, run_id, clock) == "outdated"
    assert set(places(platform, made).values()) == {(None, None)}


def test_one_run_at_a_time_and_a_dead_one_is_taken_up_again(platform: Platform, now: datetime) -> None:
    made = make_event(platform, now)
    with platform.unit_of_work() as uow:
        run_id = request_timetable(uow, made.staff, made.id, now).id
    with platform.unit_of_work() as uow, pytest.raises(IllegalMove) as caught:
        request_timetable(uow, made.staff, made.id, now)
    assert caught.value.code == "timetable.running"
    with platform.unit_of_work() as uow:
        row = uow.session.get_one(TimetableRun, run_id)
        row.status, row.heard_at = "running", now
        uow.commit()
    assert compute_timetable(platform, run_id, lambda: now + timedelta(seconds=60)) == "elsewhere", (
        "its worker may live"
    )
    assert compute_timetable(platform, run_id, lambda: now + timedelta(seconds=91)) == "finished"
    assert compute_timetable(platform, run_id, lambda: now) is None


def test_a_run_left_behind_does_not_move_what_a_later_one_placed(platform: Platform, now: datetime) -> None:
    made = make_event(platform, now)
    with platform.unit_of_work() as uow:
        dead = request_timetable(uow, made.staff, made.id, now, anew=True).id
    with platform.unit_of_work() as uow:
        row = uow.session.get_one(TimetableRun, dead)
        row.status, row.heard_at = "running", now
        uow.commit()
    later = now + timedelta(minutes=3)
    with platform.unit_of_work() as uow:
        fresh = request_timetable(uow, made.staff, made.id, later).id
    assert compute_timetable(platform, fresh, lambda: later) == "finished"
    before = places(platform, made)
    assert compute_timetable(platform, dead, lambda: now + timedelta(minutes=5)) == "outdated"
    assert places(platform, made) == before


def test_a_run_that_is_stopped_keeps_its_best(platform: Platform, now: datetime) -> None:
    made = make_event(platform, now)
    with platform.unit_of_work() as uow:
        run_id = request_timetable(uow, made.staff, made.id, now).id
    with platform.unit_of_work() as uow:
        stop_timetable(uow, made.staff, run_id, now)
    assert compute_timetable(platform, run_id, lambda: now) == "finished"
    assert sum(slot is not None for slot, _ in places(platform, made).values()) == 3


def test_slots_that_stay_keep_their_meetings_when_the_day_changes(platform: Platform, now: datetime) -> None:
    made = make_event(platform, now)
    slots = slot_ids(platform, made)
    stays, goes = made.meetings["甲电路", "张老师"], made.meetings["甲电路", "李老师"]
    with platform.unit_of_work() as uow:
        move_meeting(uow, made.staff, stays, slots[0], 2, now)
    with platform.unit_of_work() as uow:
        move_meeting(uow, made.staff, goes, slots[5], 1, now)
    with platform.unit_of_work() as uow:
        fields = EventFields(
            title="线路板对接会", held_on=DAY, region_code="440784", venue="会议中心", rooms="2",
            sessions="上午 08:30-11:00", slot_minutes=30,
        )  # fmt: skip
        edit_event(uow, made.staff, made.id, fields, None, now)
    assert len(slot_ids(platform, made)) == 5
    now_at = places(platform, made)
    assert (now_at[stays], now_at[goes]) == ((1, 2), (None, None))
    with platform.reading() as reading:
        assert [reading.get_one(Meeting, meeting).locked for meeting in (stays, goes)] == [True, False]


def test_only_a_placed_meeting_can_be_locked(platform: Platform, now: datetime) -> None:
    made = make_event(platform, now)
    with platform.unit_of_work() as uow, pytest.raises(IllegalMove):
        lock_meeting(uow, made.staff, made.meetings["甲电路", "张老师"], True, now)


def test_staff_of_another_region_finds_nothing(platform: Platform, now: datetime) -> None:
    made = make_event(platform, now)
    stranger = make_staff(platform, now, email="other@example.cn", region_code="440600")
    meeting = made.meetings["甲电路", "张老师"]
    with platform.unit_of_work() as uow, pytest.raises(NotFound):
        request_timetable(uow, stranger, made.id, now)
    with platform.unit_of_work() as uow, pytest.raises(NotFound):
        move_meeting(uow, stranger, meeting, None, None, now)
    with platform.unit_of_work() as uow, pytest.raises(NotFound):
        cancel_participant(uow, stranger, made.participants["张老师"], now)
    assert settle_everything(platform, now) == 0

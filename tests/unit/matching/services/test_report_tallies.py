"""What is counted beforehand equals what the rows say, whatever they say, and follows their changes."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from random import Random

import pytest
from sqlalchemy import delete, select

from matching.bootstrap import Platform
from matching.clock import shanghai_day
from matching.models import (
    Engagement,
    Interest,
    Meeting,
    Need,
    NeedPartner,
    NeedProgress,
    Notification,
    Post,
    ReportTally,
    Suggestion,
)
from matching.queries.cooperation import HIDDEN, cooperation_grid, list_cooperations
from matching.queries.reports import (
    NO_GROUP,
    STAGES,
    Period,
    answers_by_revision,
    count_groups,
    count_institutions,
    funnel,
)
from matching.services.actor import SYSTEM, Actor
from matching.services.report_tallies import count_reports
from tests.factories.events import make_event
from tests.factories.people import Member, make_member, make_staff
from tests.factories.posts import make_capability, make_need

PERIOD = Period(date(2026, 9, 1), date(2026, 11, 20))
REGIONS = ("440784", "440600")


class World:
    """Firms and institutions of two regions, and what random rows tie between them."""

    def __init__(self, platform: Platform, now: datetime, seed: int) -> None:
        self.platform, self.now, self.random = platform, now, Random(seed)
        self.event = make_event(platform, now)
        self.firms = [self._member("f", number, "enterprise") for number in range(3)]
        self.institutions = [self._member("u", number, "university") for number in range(3)]
        self.needs = [self._need(number) for number in range(14)]
        self.capabilities = [
            make_capability(
                platform, self.random.choice(self.institutions), now, title=f"供给{number}",
                visibility=self.random.choice(("public", "members", "matched")),
            )
            for number in range(8)
        ]  # fmt: skip
        self.tie()

    def _member(self, letter: str, number: int, kind: str) -> Member:
        return make_member(
            self.platform, self.now, email=f"{letter}{number}@example.cn", organisation=f"{letter}{number}", kind=kind,
            region_code=self.random.choice(REGIONS),
        )  # fmt: skip

    def _need(self, number: int) -> str:
        moment = self.now - timedelta(days=self.random.uniform(0, 100))
        return make_need(
            self.platform, self.random.choice(self.firms), moment, title=f"需求{number}",
            town=self.random.choice((None, "440784001", "440784101")),
            industry_codes=self.random.choice(((), ("C",), ("C39",), ("C", "C39", "C26"))),
            publish=self.random.random() < 0.9,
        )  # fmt: skip

    def tie(self) -> None:
        """Some more rows of every kind."""
        pick, chance = self.random.choice, self.random.random
        with self.platform.unit_of_work() as uow:
            session = uow.session
            meetings = session.scalars(select(Meeting)).all()
            for meeting in meetings:
                meeting.need_id, meeting.capability_id = pick(self.needs), pick(self.capabilities)
                meeting.result = pick((None, "held", "both_absent"))
            known = set(session.execute(select(Suggestion.need_id, Suggestion.capability_id)).tuples())
            for _ in range(25):
                pair = (pick(self.needs), pick(self.capabilities))
                moment = self.now - timedelta(days=self.random.uniform(0, 100))
                firm, institution = pick(self.firms), pick(self.institutions)
                if pair not in known:
                    known.add(pair)
                    suggestion = Suggestion(
                        need_id=pair[0], capability_id=pair[1], model_revision=pick(("m1", "m2")), reasons=[],
                        probability=chance(), need_version=1, capability_version=1, created_at=moment,
                        updated_at=moment,
                    )  # fmt: skip
                    session.add(suggestion)
                    session.flush()
                    session.add(
                        Notification(
                            user_id=firm.user_id, kind="suggestion", once_key=suggestion.id,
                            suggestion_id=suggestion.id, created_at=moment, read_at=moment if chance() < 0.5 else None,
                        )
                    )  # fmt: skip
                if chance() < 0.4:
                    session.add(
                        Interest(
                            side="need", need_id=pair[0], capability_id=pair[1] if chance() < 0.8 else None,
                            from_organisation_id=firm.organisation_id, to_organisation_id=institution.organisation_id,
                            pair_key=str(chance()), aim="", timing="now",
                            status=pick(("open", "accepted", "lapsed")), created_at=moment, expires_at=moment,
                        )
                    )  # fmt: skip
                if chance() < 0.3:
                    session.add(
                        Engagement(
                            title="对接", need_id=pair[0], capability_id=pair[1], stage="closed",
                            need_organisation_id=firm.organisation_id,
                            capability_organisation_id=institution.organisation_id, need_region_code=pick(REGIONS),
                            capability_region_code=pick(REGIONS), stage_since=moment, created_at=moment,
                            updated_at=moment, outcome=pick(("none", "contract")), signed_on=shanghai_day(moment),
                        )
                    )  # fmt: skip
            uow.commit()

    def change(self) -> None:
        """Rows go, move and come."""
        with self.platform.unit_of_work() as uow:
            gone = self.random.choice(self.needs)
            uow.session.execute(delete(Suggestion).where(Suggestion.need_id == gone))
            post = uow.session.get_one(Post, self.random.choice(self.needs))
            post.town, post.region_code = "440784101", self.random.choice(REGIONS)
            uow.commit()
        self.tie()

    def recount(self, actor: Actor) -> tuple[dict[str, set[str]], dict[str, dict[str, dict[str, int]]]]:
        """The needs of each stage, and the tables by group, from the rows one by one."""
        with self.platform.reading() as session:
            posts = {post.id: post for post in session.scalars(select(Post))}
            needs = [
                post for post in session.scalars(select(Need))
                if post.published_at and post.status != "draft" and actor.is_staff_for(post.region_code)
                and PERIOD.first <= shanghai_day(post.published_at) <= PERIOD.last
            ]  # fmt: skip
            pairs: dict[str, set[tuple[str, str | None]]] = {stage: set() for stage in STAGES}
            suggestions = {row.id: row for row in session.scalars(select(Suggestion))}
            pairs["posts"] = {(need.id, None) for need in needs}
            pairs["suggested"] = {(row.need_id, row.capability_id) for row in suggestions.values()}
            pairs["seen"] = {
                (suggestions[row.suggestion_id].need_id, suggestions[row.suggestion_id].capability_id)
                for row in session.scalars(select(Notification))
                if row.suggestion_id in suggestions and row.read_at
            }
            pairs["seen"] |= {
                (row.need_id or "", row.capability_id)
                for row in session.scalars(select(Interest))
                if row.suggestion_id is not None
            }
            pairs["interest"] = {(row.need_id or "", row.capability_id) for row in session.scalars(select(Interest))}
            pairs["met"] = {
                (row.need_id or "", row.capability_id) for row in session.scalars(select(Meeting))
                if row.result == "held"
            }  # fmt: skip
            engagements = session.scalars(select(Engagement)).all()
        partners: dict[str, set[tuple[str, str]]] = {stage: set() for stage in STAGES}
        for stage in ("suggested", "seen", "interest", "met"):
            for need_id, capability_id in pairs[stage]:
                capability = posts.get(capability_id or "")
                if capability is not None and (
                    capability.visibility in ("public", "members") or actor.is_staff_for(capability.region_code)
                ):
                    partners[stage].add((need_id, capability.organisation_id))
        for row in engagements:
            for stage in ("mutual", "contract") if row.outcome == "contract" else ("mutual",):
                pairs[stage].add((row.need_id or "", None))
                partners[stage].add((row.need_id or "", row.capability_organisation_id))
        ids = {need.id for need in needs}
        reached = {stage: {need_id for need_id, _ in pairs[stage]} & ids for stage in STAGES}
        tables: dict[str, dict[str, dict[str, int]]] = {by: {} for by in ("month", "town", "industry", "institution")}

        def count(by: str, group: str, stage: str) -> None:
            tables[by].setdefault(group, dict.fromkeys(STAGES, 0))[stage] += 1

        for stage in STAGES:
            for need in needs:
                if need.id in reached[stage]:
                    assert need.published_at is not None
                    count("month", f"{shanghai_day(need.published_at):%Y-%m}", stage)
                    count("town", need.town or NO_GROUP, stage)
                    codes = need.codes("industry")
                    for code in [one for one in codes if len(one) > 1] or codes or [NO_GROUP]:
                        count("industry", code, stage)
            for _need_id, partner in {pair for pair in partners[stage] if pair[0] in ids}:
                count("institution", partner, stage)
        return reached, tables


def compare(world: World, actor: Actor) -> None:
    reached, tables = world.recount(actor)
    with world.platform.reading() as reading:
        found = funnel(reading, actor, PERIOD)
        assert {stage: found.ids(stage) for stage in STAGES} == reached
        assert {stage: found.total(stage) for stage in STAGES} == {stage: len(ids) for stage, ids in reached.items()}
        for by, table in tables.items():
            assert found.table(by) == table, by
            counted = count_groups(reading, actor, PERIOD, by)
            assert counted.table == table
            assert counted.totals == {stage: len(ids) for stage, ids in reached.items()}
            for group, row in table.items():
                for stage, number in row.items():
                    assert len(found.ids(stage, by, group)) == number, (by, group, stage)
        assert count_institutions(reading, actor, PERIOD) == tables["institution"]
        for partner, row in tables["institution"].items():
            only = funnel(reading, actor, PERIOD, partner=partner)
            assert {stage: len(only.ids(stage, "institution", partner)) for stage in STAGES} == row


@pytest.mark.parametrize("seed", [1, 2])
def test_whether_counted_beforehand_or_not_figures_are_those_of_the_rows(
    platform: Platform, now: datetime, seed: int
) -> None:
    world = World(platform, now, seed)
    actors = [make_staff(platform, now, email=f"s{code}@example.cn", region_code=code) for code in REGIONS]
    actors += [SYSTEM]
    for actor in actors:
        compare(world, actor)
    with platform.reading() as reading:
        made = [answers_by_revision(reading, actor, PERIOD) for actor in actors]
    assert count_reports(platform, now, least=0) > 0
    assert count_reports(platform, now, least=0) == 0, "only what differs is written"
    with platform.reading() as reading:
        assert funnel(reading, SYSTEM, PERIOD).counted_at == now
        assert [answers_by_revision(reading, actor, PERIOD) for actor in actors] == made
    for actor in actors:
        compare(world, actor)
    world.change()
    assert count_reports(platform, now + timedelta(minutes=5), least=0) > 0
    for actor in actors:
        compare(world, actor)


def test_small_installations_count_at_the_moment(platform: Platform, now: datetime) -> None:
    firm = make_member(platform, now, email="firm@example.cn")
    make_need(platform, firm, now - timedelta(days=10))
    assert count_reports(platform, now, least=1) == 1
    assert count_reports(platform, now, least=2) == 0
    with platform.reading() as reading:
        assert reading.scalars(select(ReportTally)).all() == []
        assert funnel(reading, SYSTEM, PERIOD).counted_at is None
        assert funnel(reading, SYSTEM, PERIOD).total("posts") == 1


def test_a_need_that_is_deleted_takes_its_counts_along(platform: Platform, now: datetime) -> None:
    firm = make_member(platform, now, email="firm@example.cn")
    need_id = make_need(platform, firm, now - timedelta(days=10))
    count_reports(platform, now, least=0)
    with platform.unit_of_work() as uow:
        uow.session.delete(uow.session.get_one(Need, need_id))
        uow.commit()
    with platform.reading() as reading:
        assert reading.scalars(select(NeedProgress)).all() == []
        assert reading.scalars(select(NeedPartner)).all() == []


def test_the_grid_counts_its_rows_and_names_nobody_too_early(platform: Platform, now: datetime) -> None:
    world = World(platform, now, 5)
    staff = make_staff(platform, now, email="grid@example.cn")
    with platform.reading() as reading:
        regions = {one.organisation_id: one for one in (*world.firms, *world.institutions)}
        for actor in (staff, SYSTEM):
            for stage in ("interest", "mutual", "contract"):
                for by in ("town", "organisation"):
                    grid = cooperation_grid(reading, actor, PERIOD, stage, by)
                    assert grid.total == list_cooperations(reading, actor, PERIOD, stage, by)[0]
                    for (line, column), count in grid.counts.items():
                        total, rows = list_cooperations(
                            reading, actor, PERIOD, stage, by, line=line, column=column
                        )  # fmt: skip
                        assert total == len(rows) == count
                        assert all((row.institution == "") == (column == HIDDEN) for row in rows)
                    assert set(grid.columns) <= set(regions) | {HIDDEN}
        everything = cooperation_grid(reading, SYSTEM, PERIOD, "interest", "organisation")
        assert HIDDEN not in everything.columns, "an administrator is told all"

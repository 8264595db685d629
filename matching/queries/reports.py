"""What the bureau reports: how far needs came, by month, industry, town and institution; answers by model revision;
demand nobody meets and supply nobody asks for; contracts; the plan's indicators.

Every figure is a set of rows, counted; `list_reached` gives the rows behind one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from statistics import median
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, case, exists, false, func, literal, or_, select, true, type_coerce
from sqlalchemy.orm import Session, aliased, selectinload

from matching.clock import end_of_shanghai_day
from matching.errors import InvalidInput
from matching.models import (
    Engagement,
    Event,
    Indicator,
    Interest,
    Meeting,
    Need,
    NeedPartner,
    NeedProgress,
    Notification,
    Organisation,
    Post,
    PostTag,
    ReportTally,
    SpecialDay,
    Suggestion,
    SuggestionAnswer,
    SuggestionTally,
)
from matching.models.base import WanYuan
from matching.policy import MATCHER
from matching.queries.posts import visible_posts
from matching.services.actor import Actor

STAGES = ("posts", "suggested", "seen", "interest", "mutual", "met", "contract")
GROUPINGS = ("month", "industry", "town", "institution")
GOOD_PROBABILITY = 0.25
"""From here on a suggestion counts as a match; below, pairs are seldom more than related."""
BITS: Mapping[str, int] = {stage: 0 if number == 0 else 1 << (number - 1) for number, stage in enumerate(STAGES)}
"""Stage → its bit in what a need reached; all that are counted reached the first."""
_PUBLISHED = 1 << (len(STAGES) - 1)
_NUMBERS: Sequence[tuple[int, ...]] = [
    tuple(number for number in range(len(STAGES)) if (bits & _PUBLISHED if number == 0 else bits & 1 << (number - 1)))
    for bits in range(_PUBLISHED * 2)
]
"""What was reached → the places of the stages in STAGES."""
NO_GROUP = "-"
_AHEAD = timedelta(hours=8)
MOST_ROWS = 500


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days in China, both included."""

    first: date
    last: date

    def __post_init__(self) -> None:
        """Raises InvalidInput for a period that ends before it begins or is longer than ten years."""
        if self.last < self.first or (self.last - self.first).days > 3700:
            raise InvalidInput(
                "report.period",
                "结束日期应晚于开始日期，最长十年",
                where="to",
                message_en="The period ends after it begins and lasts ten years at most",
            )

    def holds(self, column: object) -> ColumnElement[bool]:
        """Moments of the period, as SQL."""
        begins = end_of_shanghai_day(self.first - timedelta(days=1))
        moment: ColumnElement[datetime] = column  # type: ignore[assignment]
        return and_(moment >= begins, moment < end_of_shanghai_day(self.last))


@dataclass(frozen=True, slots=True)
class CountedNeed:
    """A need as far as the report groups it. `reached` has the bit of each stage that it came to."""

    id: str
    month: str
    town: str
    industries: tuple[str, ...]
    reached: int


@dataclass(frozen=True, slots=True)
class Funnel:
    """The needs published in a period, the latest first, and which of them reached which stage.

    `partners` has for each need the institutions with which it reached which stages, where that was asked for.
    """

    needs: Sequence[CountedNeed]
    partners: Sequence[tuple[str, str, int]] = ()
    counted_at: datetime | None = None
    """Up to when it was counted; None: to this moment."""

    def total(self, stage: str) -> int:
        """How many needs reached it."""
        bit = BITS[stage]
        return sum(1 for need in self.needs if need.reached & bit == bit)

    def ids(self, stage: str, by: str | None = None, group: str | None = None) -> set[str]:
        """The needs behind a figure."""
        return set(self.list_ids(stage, by, group))

    def list_ids(self, stage: str, by: str | None = None, group: str | None = None) -> list[str]:
        """The needs behind a figure, the latest first."""
        bit = BITS[stage]
        if by == "institution" and group is not None:
            theirs = {need_id for need_id, partner, reached in self.partners if partner == group and reached & bit}
            return [need.id for need in self.needs if need.id in theirs]
        return [
            need.id
            for need in self.needs
            if need.reached & bit == bit and (by is None or group is None or group in _groups_of(need, by))
        ]

    def table(self, by: str) -> dict[str, dict[str, int]]:
        """Counts by group and stage; a need of two industries counts in both."""
        counted: dict[str, list[int]] = {}
        if by == "institution":
            rows: Iterable[tuple[tuple[str, ...], int]] = (
                ((partner,), reached) for _, partner, reached in self.partners
            )
        else:
            rows = ((_groups_of(need, by), need.reached | _PUBLISHED) for need in self.needs)
        for groups, reached in rows:
            for group in groups:
                row = counted.get(group)
                if row is None:
                    row = counted[group] = [0] * len(STAGES)
                for number in _NUMBERS[reached]:
                    row[number] += 1
        return {group: dict(zip(STAGES, row, strict=True)) for group, row in counted.items()}


def _groups_of(need: CountedNeed, by: str) -> tuple[str, ...]:
    if by == "month":
        return (need.month,)
    if by == "town":
        return (need.town or NO_GROUP,)
    return need.industries or (NO_GROUP,)


def _of_region(actor: Actor, column: Any) -> ColumnElement[bool]:
    """Rows of the staff's region; all for administrators, none for others."""
    if actor.is_administrator:
        return true()
    if actor.region_scope is None:
        return false()
    found: ColumnElement[bool] = column.startswith(actor.region_scope, autoescape=True)
    return found


def in_region(actor: Actor) -> ColumnElement[bool]:
    """Posts of the staff's region but drafts; nothing for others."""
    if actor.is_administrator:
        return Post.status != "draft"
    if actor.region_scope is None:
        return Post.id.is_(None)
    return and_(Post.region_code.startswith(actor.region_scope, autoescape=True), Post.status != "draft")


def funnel(
    session: Session, actor: Actor, period: Period, *, institutions: bool = True, partner: str | None = None
) -> Funnel:
    """How far the needs published in the period came; without `institutions` not with whose capabilities, with
    `partner` with those of that institution only.

    Read from what was counted beforehand (`services/report_tallies.py`), and where nothing was yet, from the rows.
    """
    counted_at = session.scalar(select(ReportTally.counted_at).where(ReportTally.id == 1))
    partners: Iterable[tuple[PartnerKey, int]] = ()
    if counted_at is None:
        published = and_(period.holds(Post.published_at), in_region(actor))
        needs = [
            CountedNeed(row.need_id, row.month, row.town, tuple(row.industries.split()), row.reached)
            for row in sorted(
                read_progress(session, published).values(), key=lambda row: (-row.published_at.timestamp(), row.need_id)
            )
        ]
        if institutions:
            partners = read_partners(session, published).items()
    else:
        mine = and_(period.holds(NeedProgress.published_at), _of_region(actor, NeedProgress.region_code))
        columns = (
            NeedProgress.need_id,
            NeedProgress.month,
            NeedProgress.town,
            NeedProgress.industries,
            NeedProgress.reached,
        )
        needs = [
            CountedNeed(need_id, month, town, tuple(industries.split()), reached)
            for need_id, month, town, industries, reached in session.execute(
                select(*columns).where(mine).order_by(NeedProgress.published_at.desc(), NeedProgress.need_id)
            )
        ]
        if institutions:
            statement = (
                select(
                    NeedPartner.need_id,
                    NeedPartner.organisation_id,
                    NeedPartner.open,
                    NeedPartner.region_code,
                    NeedPartner.reached,
                )
                .join(NeedProgress, NeedProgress.need_id == NeedPartner.need_id)
                .where(mine)
            )
            if partner is not None:
                statement = statement.where(NeedPartner.organisation_id == partner)
            partners = ((PartnerKey(*row[:4]), row[4]) for row in session.execute(statement).tuples())
    together: dict[tuple[str, str], int] = {}
    for key, reached in partners:
        # Whose a capability is, is not told to staff of another region where its owner shows it only to matched posts.
        if key.open or actor.is_staff_for(key.region_code):
            pair = (key.need_id, key.organisation_id)
            together[pair] = together.get(pair, 0) | reached
    return Funnel(needs, [(need_id, other, bits) for (need_id, other), bits in together.items()], counted_at)


@dataclass(frozen=True, slots=True)
class CountedGroups:
    """The funnel in figures: totals by stage, and by group and stage."""

    totals: Mapping[str, int]
    table: Mapping[str, Mapping[str, int]]
    counted_at: datetime | None


def count_groups(session: Session, actor: Actor, period: Period, by: str) -> CountedGroups:
    """What the funnel counts, without bringing each need over where it was counted beforehand."""
    counted_at = session.scalar(select(ReportTally.counted_at).where(ReportTally.id == 1))
    if counted_at is None:
        found = funnel(session, actor, period, institutions=by == "institution")
        return CountedGroups({stage: found.total(stage) for stage in STAGES}, found.table(by), None)
    columns: Mapping[str, Any] = {"town": NeedProgress.town, "industry": NeedProgress.industries}
    group = columns.get(by, NeedProgress.month)
    # Each combination of stages reached is one row: sixty-four at most for a group.
    rows = session.execute(
        select(group, NeedProgress.reached, func.count())
        .where(period.holds(NeedProgress.published_at), _of_region(actor, NeedProgress.region_code))
        .group_by(group, NeedProgress.reached)
    ).all()
    totals = dict.fromkeys(STAGES, 0)
    table: dict[str, dict[str, int]] = {}
    for name, reached, count in rows:
        groups = name.split() if by == "industry" else [name]
        stages = [STAGES[number] for number in _NUMBERS[reached | _PUBLISHED]]
        for stage in stages:
            totals[stage] += count
        for one in groups or [NO_GROUP]:
            row = table.setdefault(one or NO_GROUP, dict.fromkeys(STAGES, 0))
            for stage in stages:
                row[stage] += count
    if by == "institution":
        table = count_institutions(session, actor, period)
    return CountedGroups(totals, table, counted_at)


def count_institutions(session: Session, actor: Actor, period: Period) -> dict[str, dict[str, int]]:
    """As the funnel's table by institution, without bringing each pair of need and institution over."""
    if session.scalar(select(ReportTally.id)) is None:
        return funnel(session, actor, period).table("institution")
    # Joined, not asked for with IN: SQLite would gather ten thousand ids for that, twice.
    of_need = NeedProgress.need_id == NeedPartner.need_id
    told = and_(
        period.holds(NeedProgress.published_at),
        _of_region(actor, NeedProgress.region_code),
        or_(NeedPartner.open, _of_region(actor, NeedPartner.region_code)),
    )
    counts: dict[str, dict[str, int]] = {}
    for partner, reached, count in session.execute(
        select(NeedPartner.organisation_id, NeedPartner.reached, func.count())
        .join(NeedProgress, of_need)
        .where(told)
        .group_by(NeedPartner.organisation_id, NeedPartner.reached)
    ):
        row = counts.setdefault(partner, dict.fromkeys(STAGES, 0))
        for stage in STAGES[1:]:
            row[stage] += count if reached & BITS[stage] else 0
    # A need that came somewhere with an institution by capabilities of several kinds was counted for each of them.
    several = (
        select(NeedPartner.need_id, NeedPartner.organisation_id)
        .group_by(NeedPartner.need_id, NeedPartner.organisation_id)
        .having(func.count() > 1)
        .subquery()
    )
    known: dict[tuple[str, str], int] = {}
    for need_id, partner, reached in session.execute(
        select(NeedPartner.need_id, NeedPartner.organisation_id, NeedPartner.reached)
        .join(
            several,
            and_(several.c.need_id == NeedPartner.need_id, several.c.organisation_id == NeedPartner.organisation_id),
        )
        .join(NeedProgress, of_need)
        .where(told)
    ):
        twice = reached & known.get((need_id, partner), 0)
        known[need_id, partner] = known.get((need_id, partner), 0) | reached
        for stage in STAGES[1:]:
            counts[partner][stage] -= 1 if twice & BITS[stage] else 0
    return counts


def _month(moment: datetime) -> str:
    """The month in China, which is eight hours ahead all year; asked for each of ten thousand rows."""
    local = moment + _AHEAD
    return f"{local.year}-{local.month:02}"


class ProgressRow(NamedTuple):
    """A need's row of what is counted beforehand."""

    need_id: str
    published_at: datetime
    month: str
    region_code: str
    town: str
    industries: str
    reached: int


class PartnerKey(NamedTuple):
    """With whom, and who may be told so."""

    need_id: str
    organisation_id: str
    open: bool
    region_code: str


def read_progress(session: Session, published: ColumnElement[bool]) -> dict[str, ProgressRow]:
    """How far the published needs for which `published` holds came, counted from the rows."""
    chosen = and_(Post.side == "need", Post.published_at.is_not(None), Post.status != "draft", published)
    post = Post.__table__
    industries: dict[str, list[str]] = {}
    for post_id, code in session.execute(
        select(PostTag.post_id, PostTag.code)
        .join(post, post.c.id == PostTag.post_id)
        .where(PostTag.vocabulary == "industry", chosen)
        .order_by(PostTag.code)
    ):
        industries.setdefault(post_id, []).append(code)
    engaged = exists().where(Engagement.need_id == post.c.id)
    reached = {
        "suggested": exists().where(Suggestion.need_id == post.c.id),
        # Who answers a suggestion on its page has seen it, whether or not the message that told of it was opened.
        "seen": or_(
            exists().where(
                Suggestion.need_id == post.c.id,
                Notification.suggestion_id == Suggestion.id,
                Notification.read_at.is_not(None),
            ),
            exists().where(Interest.need_id == post.c.id, Interest.suggestion_id.is_not(None)),
        ),
        "interest": exists().where(Interest.need_id == post.c.id),
        "mutual": engaged,
        "met": exists().where(Meeting.need_id == post.c.id, Meeting.result == "held"),
        "contract": engaged.where(Engagement.outcome == "contract"),
    }
    bits = sum((case((reached[stage], BITS[stage]), else_=0) for stage in STAGES[1:]), start=literal(0))
    found: dict[str, ProgressRow] = {}
    for post_id, published_at, region_code, town, count in session.execute(
        select(post.c.id, post.c.published_at, post.c.region_code, post.c.town, bits).where(chosen)
    ):
        codes = industries.get(post_id, [])
        # A class (C39) is told by its section when only that was given (C).
        told = [code for code in codes if len(code) > 1] or codes
        found[post_id] = ProgressRow(
            post_id, published_at, _month(published_at), region_code, town or "", " ".join(told)[:400], count
        )
    return found


def read_partners(session: Session, published: ColumnElement[bool]) -> dict[PartnerKey, int]:
    """With whose capabilities those needs came how far, counted from the rows. An engagement tells its institution to
    everybody who sees the engagement.
    """
    chosen = and_(Post.side == "need", Post.published_at.is_not(None), Post.status != "draft", published)
    post, capability = Post.__table__, Post.__table__.alias("capability")
    named = (capability.c.organisation_id, capability.c.visibility.in_(("public", "members")), capability.c.region_code)
    engaged = select(Engagement.need_id, Engagement.capability_organisation_id, true(), literal("")).join(
        post, post.c.id == Engagement.need_id
    )

    def pairs(kind: type[Suggestion] | type[Interest] | type[Meeting]) -> Select[Any]:
        return (
            select(kind.need_id, *named)
            .join(post, post.c.id == kind.need_id)
            .join(capability, capability.c.id == kind.capability_id)
        )

    suggested, interested = pairs(Suggestion), pairs(Interest)
    read = and_(Notification.suggestion_id == Suggestion.id, Notification.read_at.is_not(None))
    statements: list[tuple[str, Select[Any]]] = [
        ("suggested", suggested),
        ("seen", suggested.join(Notification, read)),
        ("seen", interested.where(Interest.suggestion_id.is_not(None))),
        ("interest", interested),
        ("mutual", engaged),
        ("met", pairs(Meeting).where(Meeting.result == "held")),
        ("contract", engaged.where(Engagement.outcome == "contract")),
    ]
    found: dict[PartnerKey, int] = {}
    for stage, statement in statements:
        for need_id, organisation_id, is_open, region_code in session.execute(statement.where(chosen).distinct()):
            # Of what everybody may be told the region does not matter.
            key = PartnerKey(need_id, organisation_id, bool(is_open), "" if is_open else region_code)
            found[key] = found.get(key, 0) | BITS[stage]
    return found


def load_needs(session: Session, actor: Actor, need_ids: Sequence[str]) -> list[Need]:
    """The rows behind a figure, in the order of their ids."""
    found: dict[str, Need] = {}
    for start in range(0, len(need_ids), 500):
        part = need_ids[start : start + 500]
        found |= {need.id: need for need in session.scalars(select(Need).where(Need.id.in_(part), in_region(actor)))}
    return [found[need_id] for need_id in need_ids if need_id in found]


def organisation_names(session: Session, ids: set[str]) -> dict[str, str]:
    """Names by id."""
    names: dict[str, str] = {}
    wanted = sorted(ids)
    for start in range(0, len(wanted), 500):
        names |= dict(
            session.execute(
                select(Organisation.id, Organisation.name).where(Organisation.id.in_(wanted[start : start + 500]))
            )
            .tuples()
            .all()
        )
    return names


@dataclass(frozen=True, slots=True)
class RevisionRow:
    """Answers to the pairs that one model revision ranked."""

    revision: str
    suggestions: int
    accepted: int
    declined: int
    later: int

    @property
    def answered(self) -> int:
        """Those who said yes or no."""
        return self.accepted + self.declined

    def figure(self, kind: str) -> int:
        """The figure of a kind: made, accept, decline or later."""
        return {"made": self.suggestions, "accept": self.accepted, "decline": self.declined, "later": self.later}[kind]

    @property
    def acceptance(self) -> float | None:
        """The share of yes among those, None without any."""
        return self.accepted / self.answered if self.answered else None


def answers_by_revision(session: Session, actor: Actor, period: Period) -> list[RevisionRow]:
    """Suggestions made in the period for needs of the region, and present answers given in it, by model revision."""
    mine = select(Post.id).where(Post.side == "need", in_region(actor))
    if session.scalar(select(ReportTally.id)) is None:
        counting: Select[Any] = (
            select(Suggestion.model_revision, func.count())
            .where(Suggestion.need_id.in_(mine), period.holds(Suggestion.created_at))
            .group_by(Suggestion.model_revision)
        )
    else:
        counting = (
            select(SuggestionTally.model_revision, func.sum(SuggestionTally.count))
            .where(
                SuggestionTally.day.between(period.first, period.last), _of_region(actor, SuggestionTally.region_code)
            )
            .group_by(SuggestionTally.model_revision)
        )
    made: dict[str, int] = {revision: int(count) for revision, count in session.execute(counting)}
    answers: dict[str, dict[str, int]] = {}
    for revision, kind, count in session.execute(
        select(SuggestionAnswer.model_revision, SuggestionAnswer.kind, func.count())
        .where(
            SuggestionAnswer.need_id.in_(mine),
            SuggestionAnswer.withdrawn_at.is_(None),
            SuggestionAnswer.model_revision.is_not(None),
            period.holds(SuggestionAnswer.answered_at),
        )
        .group_by(SuggestionAnswer.model_revision, SuggestionAnswer.kind)
    ):
        answers.setdefault(revision or "", {})[kind] = count
    return [
        RevisionRow(
            revision,
            made.get(revision, 0),
            answers.get(revision, {}).get("accept", 0),
            answers.get(revision, {}).get("decline", 0),
            answers.get(revision, {}).get("later", 0),
        )
        for revision in sorted(made.keys() | answers.keys())
    ]


def _unmet(actor: Actor, now: datetime) -> ColumnElement[bool]:
    return and_(in_region(actor), visible_posts(MATCHER, now), Post.side == "need")


def _unasked(actor: Actor, now: datetime) -> ColumnElement[bool]:
    return and_(
        Post.side == "capability", or_(in_region(actor), Post.visibility == "public"), visible_posts(MATCHER, now)
    )


def count_gaps(session: Session, actor: Actor, now: datetime, *, good: float = GOOD_PROBABILITY) -> tuple[int, int]:
    """How many live needs have no good match, and how many live capabilities match no need well."""
    post = select(func.count()).select_from(Post.__table__)
    unmet = post.where(_unmet(actor, now), ~_has_match(Suggestion.need_id, good))
    unasked = post.where(_unasked(actor, now), ~_has_match(Suggestion.capability_id, good))
    return session.scalar(unmet) or 0, session.scalar(unasked) or 0


def unmet_needs(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    good: float = GOOD_PROBABILITY,
    offset: int = 0,
    limit: int = MOST_ROWS,
) -> list[Need]:
    """Live needs of the region without a good match: what experts should be sought for. The longest waiting first."""
    return list(
        session.scalars(
            select(Need)
            .where(_unmet(actor, now), ~_has_match(Suggestion.need_id, good))
            .order_by(Need.published_at, Need.id)
            .offset(offset)
            .limit(limit)
        )
    )


def unasked_capabilities(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    good: float = GOOD_PROBABILITY,
    offset: int = 0,
    limit: int = MOST_ROWS,
) -> list[Post]:
    """Live capabilities that the staff may see and that match no need well. The longest waiting first."""
    return list(
        session.scalars(
            select(Post)
            .where(_unasked(actor, now), ~_has_match(Suggestion.capability_id, good))
            .order_by(Post.published_at, Post.id)
            .offset(offset)
            .limit(limit)
        )
    )


def _has_match(column: Any, good: float) -> ColumnElement[bool]:
    return exists().where(
        column == Post.id,
        Suggestion.status == "active",
        or_(Suggestion.probability >= good, Suggestion.probability.is_(None)),
    )


@dataclass(frozen=True, slots=True)
class ContractSums:
    """Contracts signed in the period. Amounts in 万元; those without an amount count with 0."""

    count: int
    amount: Decimal
    technology_amount: Decimal
    rows: Sequence[Engagement]


def contracts(
    session: Session, actor: Actor, period: Period, *, offset: int = 0, limit: int = MOST_ROWS
) -> ContractSums:
    """Contracts of engagements in which a side of the region has part: all in the sums, `limit` of them as rows."""
    mine = or_(_of_region(actor, Engagement.need_region_code), _of_region(actor, Engagement.capability_region_code))
    chosen = and_(Engagement.outcome == "contract", Engagement.signed_on.between(period.first, period.last), mine)
    count, amount, technology = session.execute(
        select(
            func.count(),
            type_coerce(func.sum(Engagement.contract_amount), WanYuan),
            type_coerce(func.sum(Engagement.technology_amount), WanYuan),
        ).where(chosen)
    ).one()
    rows = session.scalars(
        select(Engagement)
        .where(chosen)
        .order_by(Engagement.signed_on, Engagement.id)
        .offset(offset)
        .limit(limit)
        .options(selectinload(Engagement.need_organisation), selectinload(Engagement.capability_organisation))
    ).all()
    return ContractSums(count, amount or Decimal(0), technology or Decimal(0), rows)


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event of the period in figures."""

    event: Event
    planned: int
    held: int
    absent: int


def events_of(session: Session, actor: Actor, period: Period) -> list[EventRow]:
    """Events held in the period in the region."""
    scope = actor.region_scope or "x"
    mine = true() if actor.is_administrator else Event.region_code.startswith(scope, autoescape=True)
    rows = session.execute(
        select(
            Event,
            func.count(Meeting.id).filter(Meeting.status == "wanted", Meeting.slot_id.is_not(None)),
            func.count(Meeting.id).filter(Meeting.result == "held"),
            func.count(Meeting.id).filter(Meeting.result.in_(("first_absent", "second_absent", "both_absent"))),
        )
        .outerjoin(Meeting, Meeting.event_id == Event.id)
        .where(Event.held_on.between(period.first, period.last), Event.status != "cancelled", mine)
        .group_by(Event.id)
        .order_by(Event.held_on, Event.id)
    ).all()
    return [EventRow(*row) for row in rows]


INTEREST_STATES: Mapping[str, tuple[str, ...]] = {
    "all": ("open", "accepted", "declined", "lapsed", "withdrawn"),
    "answered": ("accepted", "declined"),
    "lapsed": ("lapsed",),
    "open": ("open",),
}
"""What the report tells of interests → their statuses."""


@dataclass(frozen=True, slots=True)
class AnswerTimes:
    """How interests of the region that began in the period were answered. Times are None without any answer."""

    counts: Mapping[str, int]
    """By the keys of INTEREST_STATES."""
    median: timedelta | None
    ninth: timedelta | None
    """Nine in ten were answered within it."""


def answer_times(session: Session, actor: Actor, period: Period) -> AnswerTimes:
    """Counts and times, in one question."""
    counts = dict.fromkeys(INTEREST_STATES, 0)
    spans: list[float] = []
    for status, created_at, ended_at in session.execute(
        select(Interest.status, Interest.created_at, Interest.ended_at).where(
            period.holds(Interest.created_at), _interests_of(actor)
        )
    ):
        for state, statuses in INTEREST_STATES.items():
            counts[state] += status in statuses
        if status in INTEREST_STATES["answered"] and ended_at is not None:
            spans.append((ended_at - created_at).total_seconds())
    spans.sort()
    return AnswerTimes(
        counts,
        timedelta(seconds=median(spans)) if spans else None,
        timedelta(seconds=spans[math.ceil(len(spans) * 0.9) - 1]) if spans else None,
    )


def answer_time(session: Session, actor: Actor, period: Period) -> timedelta | None:
    """The median time in which interests of the region that began in the period were answered; None without any."""
    return answer_times(session, actor, period).median


def _interests_of(actor: Actor) -> ColumnElement[bool]:
    if actor.is_administrator:
        return true()
    organisations = select(Organisation.id).where(_of_region(actor, Organisation.region_code))
    return or_(Interest.from_organisation_id.in_(organisations), Interest.to_organisation_id.in_(organisations))


@dataclass(frozen=True, slots=True)
class InterestRow:
    """An interest behind a figure. Names are empty where a side is of another region and its name not yet told."""

    id: str
    asking: str
    asked: str
    status: str
    created_at: datetime
    ended_at: datetime | None


def list_interests(
    session: Session, actor: Actor, period: Period, state: str, *, offset: int = 0, limit: int = 100
) -> list[InterestRow]:
    """The interests behind a figure of `answer_times`, the latest first."""
    asking, asked = aliased(Organisation), aliased(Organisation)
    accepted = Interest.status == "accepted"
    names = [
        case((or_(accepted, _of_region(actor, side.region_code)), side.name), else_="") for side in (asking, asked)
    ]
    rows = session.execute(
        select(Interest.id, *names, Interest.status, Interest.created_at, Interest.ended_at)
        .join(asking, asking.id == Interest.from_organisation_id)
        .join(asked, asked.id == Interest.to_organisation_id)
        .where(period.holds(Interest.created_at), _interests_of(actor), Interest.status.in_(INTEREST_STATES[state]))
        .order_by(Interest.created_at.desc(), Interest.id)
        .offset(offset)
        .limit(limit)
    )
    return [InterestRow(*row) for row in rows]


def list_answered_pairs(
    session: Session,
    actor: Actor,
    period: Period,
    revision: str,
    kind: str,
    *,
    offset: int = 0,
    limit: int = 100,
) -> list[tuple[str, str, datetime]]:
    """(need id, capability id, moment) behind a figure of `answers_by_revision`: of suggestions made, or of answers of
    a kind; the latest first. Which titles may be told is for the reader's own visibility to say.
    """
    mine = select(Post.id).where(Post.side == "need", in_region(actor))
    statement: Select[Any]
    if kind == "made":
        statement = (
            select(Suggestion.need_id, Suggestion.capability_id, Suggestion.created_at)
            .where(
                Suggestion.need_id.in_(mine),
                Suggestion.model_revision == revision,
                period.holds(Suggestion.created_at),
            )
            .order_by(Suggestion.created_at.desc(), Suggestion.id)
        )
    else:
        statement = (
            select(SuggestionAnswer.need_id, SuggestionAnswer.capability_id, SuggestionAnswer.answered_at)
            .where(
                SuggestionAnswer.need_id.in_(mine),
                SuggestionAnswer.withdrawn_at.is_(None),
                SuggestionAnswer.model_revision == revision,
                SuggestionAnswer.kind == kind,
                period.holds(SuggestionAnswer.answered_at),
            )
            .order_by(SuggestionAnswer.answered_at.desc(), SuggestionAnswer.id)
        )
    return [(row[0], row[1], row[2]) for row in session.execute(statement.offset(offset).limit(limit))]


def list_indicators(session: Session, actor: Actor) -> list[Indicator]:
    """The plan's indicators of the staff's region, and of those below it."""
    statement = select(Indicator).order_by(Indicator.region_code, Indicator.position, Indicator.id)
    if not actor.is_administrator:
        if actor.region_scope is None:
            return []
        statement = statement.where(Indicator.region_code.startswith(actor.region_scope, autoescape=True))
    return list(session.scalars(statement))


def list_special_days(session: Session, *, limit: int = 400) -> list[SpecialDay]:
    """Holidays and worked weekend days, the latest first."""
    return list(session.scalars(select(SpecialDay).order_by(SpecialDay.day.desc()).limit(limit)))


def progress_of(indicator: Indicator) -> float | None:
    """The share of the way from base to target that the latest value has gone; may be below 0 or above 1."""
    if indicator.base_value is None or indicator.target_value is None or not indicator.values:
        return None
    way = indicator.target_value - indicator.base_value
    if way == 0:
        return None
    return (indicator.values[-1].value - indicator.base_value) / way


def sort_groups(by: str, table: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Months in order of time, other groups by how many needs they have; those without a group last."""
    if by == "month":
        return sorted(table)
    first = "suggested" if by == "institution" else "posts"
    return sorted(table, key=lambda group: (group == NO_GROUP, -table[group][first], group))

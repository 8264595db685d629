"""What the bureau reports: how far needs came, by month, industry, town and institution; answers by model revision;
demand nobody meets and supply nobody asks for; contracts; the plan's indicators.

Every figure is a set of rows, counted; `list_reached` gives the rows behind one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from statistics import median

from sqlalchemy import ColumnElement, and_, case, exists, false, func, or_, select, true
from sqlalchemy.orm import Session, selectinload

from matching.clock import end_of_shanghai_day, shanghai_day
from matching.errors import InvalidInput
from matching.models import (
    Engagement,
    Event,
    Indicator,
    Interest,
    Meeting,
    Need,
    Notification,
    Organisation,
    Post,
    PostTag,
    SpecialDay,
    Suggestion,
    SuggestionAnswer,
)
from matching.policy import MATCHER
from matching.queries.posts import visible_posts
from matching.services.actor import Actor

STAGES = ("posts", "suggested", "seen", "interest", "mutual", "met", "contract")
GROUPINGS = ("month", "industry", "town", "institution")
GOOD_PROBABILITY = 0.25
"""From here on a suggestion counts as a match; below, pairs are seldom more than related."""
NO_GROUP = "-"
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
    """A need as far as the report groups it."""

    id: str
    month: str
    town: str
    industries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Funnel:
    """The needs published in a period, and which of them reached which stage.

    `reached` has, by stage, the institutions with which each need did (empty where the stage has none).
    """

    needs: dict[str, CountedNeed]
    reached: dict[str, dict[str, set[str]]] = field(default_factory=dict)

    def total(self, stage: str) -> int:
        """How many needs reached it."""
        return len(self.ids(stage))

    def ids(self, stage: str, by: str | None = None, group: str | None = None) -> set[str]:
        """The needs behind a figure."""
        chosen = set(self.needs) if stage == "posts" else set(self.reached.get(stage, {}))
        if by is None or group is None:
            return chosen
        if by == "institution":
            return {one for one in chosen if group in self.reached.get(stage, {}).get(one, ())}
        return {one for one in chosen if group in _groups_of(self.needs[one], by)}

    def table(self, by: str) -> dict[str, dict[str, int]]:
        """Counts by group and stage; a need of two industries counts in both."""
        counted: dict[str, dict[str, int]] = {}
        for stage in STAGES:
            for need_id in self.ids(stage):
                groups: Sequence[str] | set[str] = (
                    self.reached.get(stage, {}).get(need_id, set())
                    if by == "institution"
                    else _groups_of(self.needs[need_id], by)
                )
                for group in groups:
                    counted.setdefault(group, dict.fromkeys(STAGES, 0))[stage] += 1
        return counted


def _groups_of(need: CountedNeed, by: str) -> tuple[str, ...]:
    if by == "month":
        return (need.month,)
    if by == "town":
        return (need.town or NO_GROUP,)
    return need.industries or (NO_GROUP,)


def in_region(actor: Actor) -> ColumnElement[bool]:
    """Posts of the staff's region but drafts; nothing for others."""
    if actor.is_administrator:
        return Post.status != "draft"
    if actor.region_scope is None:
        return Post.id.is_(None)
    return and_(Post.region_code.startswith(actor.region_scope, autoescape=True), Post.status != "draft")


def funnel(session: Session, actor: Actor, period: Period, *, institutions: bool = True) -> Funnel:
    """How far the needs published in the period came; without `institutions` not with whose capabilities."""
    rows = session.execute(
        select(Post.id, Post.published_at, Post.town).where(
            Post.side == "need", Post.published_at.is_not(None), period.holds(Post.published_at), in_region(actor)
        )
    ).all()
    counted = select(Post.id).where(
        Post.side == "need", Post.published_at.is_not(None), period.holds(Post.published_at), in_region(actor)
    )
    industries: dict[str, list[str]] = {}
    for post_id, code in session.execute(
        select(PostTag.post_id, PostTag.code)
        .where(PostTag.vocabulary == "industry", PostTag.post_id.in_(counted))
        .order_by(PostTag.code)
    ):
        industries.setdefault(post_id, []).append(code)
    needs = {
        post_id: CountedNeed(
            post_id,
            f"{shanghai_day(published_at):%Y-%m}",
            town or "",
            # A class (C39) is told by its section when only that was given (C).
            tuple(code for code in industries.get(post_id, ()) if len(code) > 1) or tuple(industries.get(post_id, ())),
        )
        for post_id, published_at, town in rows
        if published_at is not None
    }
    capability = Post.__table__.alias("capability")
    # Whose a capability is, is not told to staff of another region where its owner shows it only to matched posts.
    named: ColumnElement[bool] = capability.c.visibility.in_(("public", "members"))
    if actor.is_administrator:
        named = true()
    elif actor.region_scope is not None:
        named = or_(named, capability.c.region_code.startswith(actor.region_scope, autoescape=True))
    if not institutions:
        # Tens of thousands of pairs need not be told apart to count their needs.
        named = false()
    institution = case((named, capability.c.organisation_id), else_=None)
    pairs = {
        "suggested": select(Suggestion.need_id, institution)
        .join(capability, capability.c.id == Suggestion.capability_id)
        .where(Suggestion.need_id.in_(counted)),
        "seen": select(Suggestion.need_id, institution)
        .join(Notification, Notification.suggestion_id == Suggestion.id)
        .join(capability, capability.c.id == Suggestion.capability_id)
        .where(Suggestion.need_id.in_(counted), Notification.read_at.is_not(None)),
        "interest": select(Interest.need_id, institution)
        .outerjoin(capability, capability.c.id == Interest.capability_id)
        .where(Interest.need_id.in_(counted)),
        "mutual": select(Engagement.need_id, Engagement.capability_organisation_id).where(
            Engagement.need_id.in_(counted)
        ),
        "met": select(Meeting.need_id, institution)
        .outerjoin(capability, capability.c.id == Meeting.capability_id)
        .where(Meeting.need_id.in_(counted), Meeting.result == "held"),
        "contract": select(Engagement.need_id, Engagement.capability_organisation_id).where(
            Engagement.need_id.in_(counted), Engagement.outcome == "contract"
        ),
    }
    reached: dict[str, dict[str, set[str]]] = {}
    for stage, statement in pairs.items():
        found = reached.setdefault(stage, {})
        for need_id, organisation_id in session.execute(statement.distinct()):
            found.setdefault(need_id, set())
            if organisation_id:
                found[need_id].add(organisation_id)
    return Funnel(needs, reached)


def list_needs(session: Session, actor: Actor, need_ids: set[str]) -> list[Need]:
    """The rows behind a figure, the latest first."""
    ids = sorted(need_ids)
    rows: list[Need] = []
    for start in range(0, len(ids), 500):
        rows += session.scalars(select(Need).where(Need.id.in_(ids[start : start + 500]), in_region(actor)))
    rows.sort(key=lambda need: need.published_at or need.created_at, reverse=True)
    return rows[:MOST_ROWS]


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

    @property
    def acceptance(self) -> float | None:
        """The share of yes among those, None without any."""
        return self.accepted / self.answered if self.answered else None


def answers_by_revision(session: Session, actor: Actor, period: Period) -> list[RevisionRow]:
    """Suggestions made in the period for needs of the region, and present answers given in it, by model revision."""
    mine = select(Post.id).where(Post.side == "need", in_region(actor))
    made = dict(
        session.execute(
            select(Suggestion.model_revision, func.count())
            .where(Suggestion.need_id.in_(mine), period.holds(Suggestion.created_at))
            .group_by(Suggestion.model_revision)
        )
        .tuples()
        .all()
    )
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


def unmet_needs(session: Session, actor: Actor, now: datetime) -> list[Need]:
    """Live needs of the region without a good match: what experts should be sought for. The longest waiting first."""
    return list(
        session.scalars(
            select(Need)
            .where(in_region(actor), visible_posts(MATCHER, now), ~_has_match(Suggestion.need_id))
            .order_by(Need.published_at, Need.id)
            .limit(MOST_ROWS)
        )
    )


def unasked_capabilities(session: Session, actor: Actor, now: datetime) -> list[Post]:
    """Live capabilities that the staff may see and that match no need well. The longest waiting first."""
    return list(
        session.scalars(
            select(Post)
            .where(
                Post.side == "capability",
                or_(in_region(actor), Post.visibility == "public"),
                visible_posts(MATCHER, now),
                ~_has_match(Suggestion.capability_id),
            )
            .order_by(Post.published_at, Post.id)
            .limit(MOST_ROWS)
        )
    )


def _has_match(side: ColumnElement[str] | object) -> ColumnElement[bool]:
    column: ColumnElement[str] = side  # type: ignore[assignment]
    return exists().where(
        column == Post.id,
        Suggestion.status == "active",
        or_(Suggestion.probability >= GOOD_PROBABILITY, Suggestion.probability.is_(None)),
    )


@dataclass(frozen=True, slots=True)
class ContractSums:
    """Contracts signed in the period. Amounts in 万元; those without an amount count with 0."""

    count: int
    amount: Decimal
    technology_amount: Decimal
    rows: Sequence[Engagement]


def contracts(session: Session, actor: Actor, period: Period) -> ContractSums:
    """Contracts of engagements in which a side of the region has part."""
    mine: ColumnElement[bool] = true()
    if not actor.is_administrator:
        scope = actor.region_scope
        if scope is None:
            return ContractSums(0, Decimal(0), Decimal(0), ())
        mine = or_(
            Engagement.need_region_code.startswith(scope, autoescape=True),
            Engagement.capability_region_code.startswith(scope, autoescape=True),
        )
    rows = session.scalars(
        select(Engagement)
        .where(Engagement.outcome == "contract", Engagement.signed_on.between(period.first, period.last), mine)
        .order_by(Engagement.signed_on, Engagement.id)
        .limit(MOST_ROWS)
        .options(selectinload(Engagement.need_organisation), selectinload(Engagement.capability_organisation))
    ).all()
    return ContractSums(
        len(rows),
        sum((row.contract_amount or Decimal(0) for row in rows), Decimal(0)),
        sum((row.technology_amount or Decimal(0) for row in rows), Decimal(0)),
        rows,
    )


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


def answer_time(session: Session, actor: Actor, period: Period) -> timedelta | None:
    """The median time in which interests of the region that began in the period were answered; None without any."""
    mine: ColumnElement[bool] = true()
    if not actor.is_administrator:
        organisations = select(Organisation.id).where(
            Organisation.region_code.startswith(actor.region_scope or "x", autoescape=True)
        )
        mine = or_(Interest.from_organisation_id.in_(organisations), Interest.to_organisation_id.in_(organisations))
    spans = [
        (ended_at - created_at).total_seconds()
        for created_at, ended_at in session.execute(
            select(Interest.created_at, Interest.ended_at).where(
                Interest.status.in_(("accepted", "declined")),
                Interest.ended_at.is_not(None),
                period.holds(Interest.created_at),
                mine,
            )
        )
        if ended_at is not None
    ]
    return timedelta(seconds=median(spans)) if spans else None


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

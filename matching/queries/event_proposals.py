"""Whom to invite to an event and which pairs should meet: the stored suggestions of its theme, the best first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, and_, case, exists, func, or_, select
from sqlalchemy.orm import Session, selectinload

from matching.models import (
    Capability,
    Event,
    EventParticipant,
    Meeting,
    Need,
    Post,
    PostTag,
    Suggestion,
    SuggestionAnswer,
)
from matching.policy import MATCHER, Audience, region_prefix
from matching.queries.posts import told_owner, visible_posts
from matching.services.event_pairs import separations_of

MOST_PROPOSED = 600
MOST_PER_NEED = 10


@dataclass(frozen=True, slots=True)
class ProposedPair:
    """A suggested pair and who would sit at the table for it; `expert_id` None: the capability's organisation.

    `state`: new, wanted (its meeting is), cancelled (it was) or separated (the two are not to meet).
    """

    suggestion: Suggestion
    need: Need
    capability: Capability
    expert_id: str | None
    expert_name: str | None
    state: str = "new"

    @property
    def score(self) -> float:
        """As the need's list has it."""
        return self.suggestion.score_from("need")

    @property
    def sides(self) -> tuple[str, str]:
        """The two who would meet, as ids of organisations and experts."""
        return self.need.organisation_id, self.expert_id or self.capability.organisation_id


def theme_needs(session: Session, event: Event, now: datetime) -> list[Need]:
    """The live needs of the event's theme that the matching may see, the latest first."""
    return list(
        session.scalars(
            select(Need)
            .where(Need.id.in_(_theme(event, now)))
            .order_by(Need.published_at.desc(), Need.id)
            .limit(MOST_PROPOSED)
        )
    )


def proposed_pairs(session: Session, event: Event, audience: Audience, now: datetime) -> list[ProposedPair]:
    """The active suggestions of the theme, the likeliest first, with what became of them at this event.

    Pairs that one side declined are left out, and so are posts that others may not see and capabilities whose owner
    the organising staff is not told: a `matched` one of another region names nobody to them.
    """
    score = func.coalesce(Suggestion.need_score, Suggestion.capability_score, 0.0)
    declined = exists().where(
        SuggestionAnswer.need_id == Suggestion.need_id,
        SuggestionAnswer.capability_id == Suggestion.capability_id,
        or_(
            SuggestionAnswer.never_again,
            and_(SuggestionAnswer.kind == "decline", SuggestionAnswer.withdrawn_at.is_(None)),
        ),
    )
    rows = session.scalars(
        select(Suggestion)
        .where(
            Suggestion.status == "active",
            Suggestion.need_id.in_(_theme(event, now)),
            exists().where(
                Post.id == Suggestion.capability_id,
                visible_posts(MATCHER, now),
                visible_posts(audience, now),
                told_owner(audience),
            ),
            or_(Suggestion.need_rank.is_(None), Suggestion.need_rank <= MOST_PER_NEED),
            ~declined,
        )
        .order_by(case((Suggestion.probability.is_(None), 0.0), else_=Suggestion.probability).desc(), score.desc())
        .order_by(Suggestion.id)
        .limit(MOST_PROPOSED)
        .options(selectinload(Suggestion.need), selectinload(Suggestion.capability))
    ).all()
    states = _states(session, event)
    found = []
    seen: set[tuple[str, str]] = set()
    for row in rows:
        experts = sorted(row.capability.experts, key=lambda expert: expert.id)
        expert = experts[0] if experts else None
        pair = ProposedPair(
            row, row.need, row.capability, expert.id if expert else None, expert.name if expert else None
        )
        if pair.sides in seen or pair.sides[0] == pair.sides[1]:
            # The same two, for another need of the firm's: they meet once, for what fits best.
            continue
        seen.add(pair.sides)
        state = states.get(pair.sides, "new")
        found.append(ProposedPair(row, row.need, row.capability, pair.expert_id, pair.expert_name, state))
    return found


def preselect(pairs: Sequence[ProposedPair], *, places: int, slots: int) -> set[str]:
    """Ids of the suggestions to tick: the best first, as many as there are places, nobody in more than the slots."""
    load: Counter[str] = Counter()
    for pair in pairs:
        if pair.state == "wanted":
            load.update(pair.sides)
            places -= 1
    chosen: set[str] = set()
    for pair in pairs:
        if pair.state != "new" or places <= 0 or any(load[side] >= slots for side in pair.sides):
            continue
        chosen.add(pair.suggestion.id)
        load.update(pair.sides)
        places -= 1
    return chosen


def _theme(event: Event, now: datetime) -> Select[tuple[str]]:
    statement = select(Post.id).where(
        Post.side == "need",
        visible_posts(MATCHER, now),
        Post.region_code.startswith(region_prefix(event.region_code), autoescape=True),
    )
    if event.need_ids:
        return statement.where(Post.id.in_(event.need_ids))
    if event.town:
        statement = statement.where(Post.town == event.town)
    if event.industry:
        statement = statement.where(
            exists().where(
                PostTag.post_id == Post.id,
                PostTag.vocabulary == "industry",
                PostTag.code.startswith(event.industry, autoescape=True),
            )
        )
    return statement


def _states(session: Session, event: Event) -> dict[tuple[str, str], str]:
    """What became of each two at this event, both ways round, by organisation or expert id."""
    people = session.execute(
        select(EventParticipant.id, EventParticipant.organisation_id, EventParticipant.expert_id).where(
            EventParticipant.event_id == event.id
        )
    ).all()
    who = {participant_id: expert_id or organisation_id for participant_id, organisation_id, expert_id in people}
    states: dict[tuple[str, str], str] = {}
    meetings = session.execute(
        select(Meeting.first_id, Meeting.second_id, Meeting.status).where(Meeting.event_id == event.id)
    )
    for first_id, second_id, status in meetings:
        for pair in ((first_id, second_id), (second_id, first_id)):
            states[who[pair[0]], who[pair[1]]] = status
    for apart in separations_of(session, event.id):
        one, two = sorted(apart)
        for pair in ((one, two), (two, one)):
            states[who[pair[0]], who[pair[1]]] = "separated"
    return states

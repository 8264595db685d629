"""The five libraries: lists of organisations and experts with search, facets and counts.

The number of statements does not depend on how many rows there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select, true
from sqlalchemy.orm import Session

from matching.clock import shanghai_day
from matching.models import Affiliation, CapabilityExpert, Engagement, Expert, ExpertWork, Organisation, Post, Work
from matching.policy import Audience
from matching.queries.profiles import named_posts, visible_experts, visible_organisations
from matching.store.json_items import json_items

PAGE_SIZE = 20
MOST_PAGES = 500
_MOST_FACETS = 30

LibrarySort = Literal["name", "recent", "posts"]
FacetCounts = dict[str, list[tuple[str, int]]]
"""Facet → (code, count), the largest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationFilter:
    """Restrictions of a list of organisations; empty means any. `industry` is a code or its beginning."""

    kind: str | None = None
    text: str = ""
    region: str | None = None
    town: str | None = None
    stage: str | None = None
    industry: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpertFilter:
    """Restrictions of a list of experts; empty means any."""

    text: str = ""
    region: str | None = None
    field: str | None = None
    organisation_kind: str | None = None
    organisation_id: str | None = None


@dataclass(frozen=True, slots=True)
class ListedOrganisation:
    """An organisation with what the reader may see of it by name."""

    organisation: Organisation
    needs: int
    capabilities: int
    experts: int


@dataclass(frozen=True, slots=True)
class ListedExpert:
    """An expert with their present organisations' names and the capabilities they stand behind."""

    expert: Expert
    organisations: list[Organisation]
    capabilities: int


@dataclass(frozen=True, slots=True)
class OrganisationPage:
    """One page of a library."""

    rows: list[ListedOrganisation]
    total: int
    page: int
    pages: int


@dataclass(frozen=True, slots=True)
class ExpertPage:
    """One page of the library of experts."""

    rows: list[ListedExpert]
    total: int
    page: int
    pages: int


@dataclass(frozen=True, slots=True)
class Cooperations:
    """What came of an organisation's engagements: how many contracts, and the ones the reader may know."""

    contracts: int
    engagements: list[Engagement] = field(default_factory=list)


def count_libraries(session: Session, audience: Audience, now: datetime) -> dict[str, int]:
    """How many organisations of each kind, and how many `experts`, the reader may see."""
    counted = dict(
        session.execute(
            select(Organisation.kind, func.count()).where(visible_organisations(audience)).group_by(Organisation.kind)
        )
        .tuples()
        .all()
    )
    counted["experts"] = session.scalar(select(func.count()).where(visible_experts(audience, now))) or 0
    return counted


def list_organisations(
    session: Session,
    filters: OrganisationFilter,
    audience: Audience,
    now: datetime,
    *,
    sort: LibrarySort = "name",
    page: int = 1,
) -> OrganisationPage:
    """A page of a library; one beyond the last is the last."""
    condition = and_(visible_organisations(audience), *_of_organisations(session, filters))
    total = session.scalar(select(func.count()).select_from(Organisation).where(condition)) or 0
    page, pages = _place(page, total)
    statement = select(Organisation).where(condition)
    if sort == "posts":
        counts = (
            select(Post.organisation_id, func.count().label("posts"))
            .where(named_posts(audience, now))
            .group_by(Post.organisation_id)
            .subquery()
        )
        statement = statement.outerjoin(counts, counts.c.organisation_id == Organisation.id).order_by(
            func.coalesce(counts.c.posts, 0).desc()
        )
    elif sort == "recent":
        statement = statement.order_by(Organisation.updated_at.desc())
    statement = statement.order_by(Organisation.name, Organisation.id)
    found = list(session.scalars(statement.offset((page - 1) * PAGE_SIZE).limit(PAGE_SIZE)))
    ids = [organisation.id for organisation in found]
    sides = _count_posts(session, ids, audience, now)
    experts = _count_experts(session, ids, audience, now)
    rows = [
        ListedOrganisation(
            one, sides.get((one.id, "need"), 0), sides.get((one.id, "capability"), 0), experts.get(one.id, 0)
        )
        for one in found
    ]
    return OrganisationPage(rows, total, page, pages)


def select_organisations(
    session: Session, filters: OrganisationFilter, audience: Audience
) -> Select[tuple[Organisation]]:
    """All organisations of a list, by name; for exports."""
    condition = and_(visible_organisations(audience), *_of_organisations(session, filters))
    return select(Organisation).where(condition).order_by(Organisation.name, Organisation.id)


def count_organisation_facets(session: Session, filters: OrganisationFilter, audience: Audience) -> FacetCounts:
    """How many organisations each choice would leave, the other choices kept."""
    found: FacetCounts = {}
    for name in ("town", "stage", "region"):
        column = {"town": Organisation.town, "stage": Organisation.stage, "region": Organisation.region_code}[name]
        condition = _condition_but(session, filters, name, audience)
        found[name] = _counted(
            session,
            select(column, func.count())
            .where(condition, column.is_not(None))
            .group_by(column)
            .order_by(func.count().desc(), column),
        )
    items, item = json_items(session, Organisation.industry_codes)
    division = func.substr(item, 1, 3).label("division")
    found["industry"] = _counted(
        session,
        select(division, func.count(Organisation.id.distinct()))
        .select_from(Organisation)
        .join(items, true())
        .where(_condition_but(session, filters, "industry", audience))
        .group_by(division)
        .order_by(func.count(Organisation.id.distinct()).desc(), division),
    )
    return found


def list_experts(
    session: Session,
    filters: ExpertFilter,
    audience: Audience,
    now: datetime,
    *,
    sort: LibrarySort = "name",
    page: int = 1,
) -> ExpertPage:
    """A page of the library of experts; one beyond the last is the last."""
    condition = and_(visible_experts(audience, now), *_of_experts(session, filters, audience, now))
    total = session.scalar(select(func.count()).select_from(Expert).where(condition)) or 0
    page, pages = _place(page, total)
    statement = select(Expert).where(condition)
    if sort == "posts":
        counts = (
            select(CapabilityExpert.expert_id, func.count().label("posts"))
            .join(Post, Post.id == CapabilityExpert.capability_id)
            .where(named_posts(audience, now))
            .group_by(CapabilityExpert.expert_id)
            .subquery()
        )
        statement = statement.outerjoin(counts, counts.c.expert_id == Expert.id).order_by(
            func.coalesce(counts.c.posts, 0).desc()
        )
    elif sort == "recent":
        statement = statement.order_by(Expert.updated_at.desc())
    statement = statement.order_by(Expert.name, Expert.id)
    found = list(session.scalars(statement.offset((page - 1) * PAGE_SIZE).limit(PAGE_SIZE)))
    return ExpertPage(describe_experts(session, found, audience, now), total, page, pages)


def select_experts(session: Session, filters: ExpertFilter, audience: Audience, now: datetime) -> Select[tuple[Expert]]:
    """All experts of a list, by name; for exports."""
    condition = and_(visible_experts(audience, now), *_of_experts(session, filters, audience, now))
    return select(Expert).where(condition).order_by(Expert.name, Expert.id)


def describe_experts(
    session: Session, experts: Sequence[Expert], audience: Audience, now: datetime
) -> list[ListedExpert]:
    """The experts with their organisations and how many capabilities of theirs the reader may see; three statements."""
    ids = [expert.id for expert in experts]
    places: dict[str, list[Organisation]] = {}
    for expert_id, organisation in session.execute(
        select(Affiliation.expert_id, Organisation)
        .join(Organisation, Organisation.id == Affiliation.organisation_id)
        .where(Affiliation.expert_id.in_(ids), _present(now), visible_organisations(audience))
        .order_by(Organisation.name, Organisation.id)
    ).tuples():
        places.setdefault(expert_id, []).append(organisation)
    counts = dict(
        session.execute(
            # EXISTS, not a join: from a page's few experts to their posts, never from all posts to their experts.
            select(CapabilityExpert.expert_id, func.count())
            .where(
                CapabilityExpert.expert_id.in_(ids),
                exists().where(Post.id == CapabilityExpert.capability_id, named_posts(audience, now)),
            )
            .group_by(CapabilityExpert.expert_id)
        )
        .tuples()
        .all()
    )
    return [ListedExpert(expert, places.get(expert.id, []), counts.get(expert.id, 0)) for expert in experts]


def count_expert_facets(session: Session, filters: ExpertFilter, audience: Audience, now: datetime) -> FacetCounts:
    """How many experts each choice would leave, the other choices kept."""

    def others(name: str) -> ColumnElement[bool]:
        without: dict[str, Any] = {name: None}
        kept = replace(filters, **without)
        return and_(visible_experts(audience, now), *_of_experts(session, kept, audience, now))

    items, item = json_items(session, Expert.fields)
    found: FacetCounts = {
        "region": _counted(
            session,
            select(Expert.region_code, func.count())
            .where(others("region"))
            .group_by(Expert.region_code)
            .order_by(func.count().desc(), Expert.region_code),
        ),
        "field": _counted(
            session,
            select(item, func.count(Expert.id.distinct()))
            .select_from(Expert)
            .join(items, true())
            .where(others("field"), _not_hidden(session, "fields"))
            .group_by(item)
            .order_by(func.count(Expert.id.distinct()).desc(), item),
        ),
        "organisation_kind": _counted(
            session,
            select(Organisation.kind, func.count(Expert.id.distinct()))
            .select_from(Expert)
            .join(Affiliation, Affiliation.expert_id == Expert.id)
            .join(Organisation, Organisation.id == Affiliation.organisation_id)
            .where(others("organisation_kind"), _present(now), visible_organisations(audience))
            .group_by(Organisation.kind)
            .order_by(func.count(Expert.id.distinct()).desc(), Organisation.kind),
        ),
    }
    return found


def list_named_posts(
    session: Session,
    audience: Audience,
    now: datetime,
    *,
    organisation_id: str | None = None,
    expert_id: str | None = None,
    side: str | None = None,
    limit: int = 20,
) -> list[Post]:
    """What an organisation or an expert stands for by name, the latest first."""
    statement = select(Post).where(named_posts(audience, now))
    if organisation_id:
        statement = statement.where(Post.organisation_id == organisation_id)
    if side:
        statement = statement.where(Post.side == side)
    if expert_id:
        statement = statement.where(
            Post.id.in_(select(CapabilityExpert.capability_id).where(CapabilityExpert.expert_id == expert_id))
        )
    return list(session.scalars(statement.order_by(Post.published_at.desc(), Post.id).limit(limit)))


def list_shown_works(session: Session, expert_id: str, *, limit: int = 50) -> list[Work]:
    """The works that an expert wants to be known for, the latest first."""
    return list(
        session.scalars(
            select(Work)
            .join(ExpertWork, ExpertWork.work_id == Work.id)
            .where(ExpertWork.expert_id == expert_id, ExpertWork.hidden.is_(False))
            .order_by(Work.year.desc(), Work.title)
            .limit(limit)
        )
    )


def find_cooperations(session: Session, organisation_id: str, audience: Audience) -> Cooperations:
    """How many contracts an organisation concluded here. With whom is for its own members and its region's staff."""
    of_it = or_(
        Engagement.need_organisation_id == organisation_id, Engagement.capability_organisation_id == organisation_id
    )
    contracts = (
        session.scalar(select(func.count()).select_from(Engagement).where(of_it, Engagement.outcome == "contract")) or 0
    )
    if audience.administrator or organisation_id in audience.organisation_ids:
        known: ColumnElement[bool] = of_it
    elif audience.region_scope is not None:
        scope = audience.region_scope
        known = and_(
            of_it,
            or_(
                Engagement.need_region_code.startswith(scope, autoescape=True),
                Engagement.capability_region_code.startswith(scope, autoescape=True),
            ),
        )
    else:
        return Cooperations(contracts)
    shown = session.scalars(
        select(Engagement)
        .where(known, Engagement.outcome == "contract")
        .order_by(Engagement.closed_at.desc(), Engagement.id)
        .limit(20)
    )
    return Cooperations(contracts, list(shown))


def _place(page: int, total: int) -> tuple[int, int]:
    pages = min(MOST_PAGES, max(1, -(-total // PAGE_SIZE)))
    return min(max(1, page), pages), pages


def _counted(session: Session, statement: Select[Any]) -> list[tuple[str, int]]:
    return [(code, count) for code, count in session.execute(statement.limit(_MOST_FACETS)).tuples() if code]


def _condition_but(session: Session, filters: OrganisationFilter, name: str, audience: Audience) -> ColumnElement[bool]:
    without: dict[str, Any] = {name: None}
    kept = replace(filters, **without)
    return and_(visible_organisations(audience), *_of_organisations(session, kept))


def _of_organisations(session: Session, filters: OrganisationFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if filters.kind:
        conditions.append(Organisation.kind == filters.kind)
    if filters.region:
        conditions.append(Organisation.region_code.startswith(filters.region, autoescape=True))
    if filters.town:
        conditions.append(Organisation.town == filters.town)
    if filters.stage:
        conditions.append(Organisation.stage == filters.stage)
    if filters.industry:
        items, item = json_items(session, Organisation.industry_codes)
        conditions.append(
            exists(select(1).select_from(items).where(item.startswith(filters.industry, autoescape=True)))
        )
    for word in filters.text.split()[:8]:
        conditions.append(
            or_(
                Organisation.name.icontains(word, autoescape=True),
                Organisation.name_en.icontains(word, autoescape=True),
                Organisation.intro.icontains(word, autoescape=True),
                Organisation.uscc == word.upper(),
            )
        )
    return conditions


def _of_experts(
    session: Session, filters: ExpertFilter, audience: Audience, now: datetime
) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if filters.region:
        conditions.append(Expert.region_code.startswith(filters.region, autoescape=True))
    if filters.field:
        items, item = json_items(session, Expert.fields)
        conditions.append(exists(select(1).select_from(items).where(item == filters.field)))
        conditions.append(_not_hidden(session, "fields"))
    if filters.organisation_kind or filters.organisation_id:
        at = (
            select(Affiliation.expert_id)
            .join(Organisation, Organisation.id == Affiliation.organisation_id)
            .where(_present(now), visible_organisations(audience))
        )
        if filters.organisation_kind:
            at = at.where(Organisation.kind == filters.organisation_kind)
        if filters.organisation_id:
            at = at.where(Organisation.id == filters.organisation_id)
        conditions.append(Expert.id.in_(at))
    for word in filters.text.split()[:8]:
        items, item = json_items(session, Expert.fields)
        in_fields = exists(select(1).select_from(items).where(item.icontains(word, autoescape=True)))
        at = (
            select(Affiliation.expert_id)
            .join(Organisation, Organisation.id == Affiliation.organisation_id)
            .where(_present(now), visible_organisations(audience), Organisation.name.icontains(word, autoescape=True))
        )
        conditions.append(
            or_(
                Expert.name.icontains(word, autoescape=True),
                and_(Expert.name_en.icontains(word, autoescape=True), _not_hidden(session, "name_en")),
                and_(Expert.title.icontains(word, autoescape=True), _not_hidden(session, "title")),
                and_(Expert.intro.icontains(word, autoescape=True), _not_hidden(session, "intro")),
                and_(in_fields, _not_hidden(session, "fields")),
                Expert.id.in_(at),
            )
        )
    return conditions


def _not_hidden(session: Session, name: str) -> ColumnElement[bool]:
    """What a person hides is not found either: a search that finds it would tell it."""
    items, item = json_items(session, Expert.hidden_fields)
    return ~exists(select(1).select_from(items).where(item == name))


def _present(now: datetime) -> ColumnElement[bool]:
    today = shanghai_day(now)
    return and_(
        or_(Affiliation.starts_on.is_(None), Affiliation.starts_on <= today),
        or_(Affiliation.ends_on.is_(None), Affiliation.ends_on >= today),
    )


def _count_posts(
    session: Session, organisation_ids: Sequence[str], audience: Audience, now: datetime
) -> dict[tuple[str, str], int]:
    rows = session.execute(
        select(Post.organisation_id, Post.side, func.count())
        .where(Post.organisation_id.in_(organisation_ids), named_posts(audience, now))
        .group_by(Post.organisation_id, Post.side)
    )
    return {(organisation_id, side): count for organisation_id, side, count in rows.tuples()}


def _count_experts(
    session: Session, organisation_ids: Sequence[str], audience: Audience, now: datetime
) -> dict[str, int]:
    rows = session.execute(
        select(Affiliation.organisation_id, func.count(Affiliation.expert_id.distinct()))
        .join(Expert, Expert.id == Affiliation.expert_id)
        .where(Affiliation.organisation_id.in_(organisation_ids), _present(now), visible_experts(audience, now))
        .group_by(Affiliation.organisation_id)
    )
    return dict(rows.tuples().all())

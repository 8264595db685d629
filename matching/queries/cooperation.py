"""Who cooperates with whom: firms, or their towns, by institutions, from interests to contracts. Each cell is a number
of rows that can be opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select, true
from sqlalchemy.orm import Session, aliased

from matching.models import Engagement, Interest, Organisation, Post
from matching.queries.reports import Period
from matching.services.actor import Actor

STAGES = ("interest", "mutual", "contract")
ROWS_BY = ("town", "organisation")
HIDDEN = "-"
"""The key of organisations whose name is not told yet, and of firms without a town."""
OTHERS = "+"
"""The key of all rows or columns beyond the first."""
MOST_LINES, MOST_COLUMNS = 20, 10


@dataclass(frozen=True, slots=True)
class Grid:
    """Keys of lines and columns in order, the largest first, and counts by both. `lines` and `columns` name those that
    have a place of their own; what is beyond stands under OTHERS.
    """

    lines: Sequence[str]
    columns: Sequence[str]
    counts: dict[tuple[str, str], int]

    def line_total(self, line: str) -> int:
        """All of a line."""
        return sum(count for (one, _), count in self.counts.items() if one == line)

    def column_total(self, column: str) -> int:
        """All of a column."""
        return sum(count for (_, one), count in self.counts.items() if one == column)

    @property
    def total(self) -> int:
        """All."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class Cooperation:
    """A row behind a cell. Names are empty where they are not told."""

    firm: str
    institution: str
    title: str
    moment: datetime
    engagement_id: str | None


def cooperation_grid(session: Session, actor: Actor, period: Period, stage: str, by: str) -> Grid:
    """How many interests, engagements or contracts that began in the period there are between whom."""
    part = _pairs(actor, period, stage, by).subquery()
    cells = {
        (line, column): count
        for line, column, count in session.execute(
            select(part.c.line, part.c.institution, func.count()).group_by(part.c.line, part.c.institution)
        )
    }
    lines = _largest(cells, 0, MOST_LINES)
    columns = _largest(cells, 1, MOST_COLUMNS)
    counts: dict[tuple[str, str], int] = {}
    for (line, column), count in cells.items():
        key = (line if line in lines else OTHERS, column if column in columns else OTHERS)
        counts[key] = counts.get(key, 0) + count
    return Grid(
        [*lines, *([OTHERS] if any(line == OTHERS for line, _ in counts) else [])],
        [*columns, *([OTHERS] if any(column == OTHERS for _, column in counts) else [])],
        counts,
    )


def list_cooperations(
    session: Session,
    actor: Actor,
    period: Period,
    stage: str,
    by: str,
    *,
    line: str | None = None,
    column: str | None = None,
    offset: int = 0,
    limit: int = 100,
) -> tuple[int, list[Cooperation]]:
    """The rows behind a cell, a line or a column, the latest first, and how many there are."""
    part = _pairs(actor, period, stage, by).subquery()
    statement: Select[Any] = select(part)
    grid = cooperation_grid(session, actor, period, stage, by) if OTHERS in (line, column) else None
    for key, chosen, own in (
        (part.c.line, line, grid.lines if grid else ()),
        (part.c.institution, column, grid.columns if grid else ()),
    ):
        if chosen == OTHERS:
            statement = statement.where(key.not_in([one for one in own if one != OTHERS]))
        elif chosen is not None:
            statement = statement.where(key == chosen)
    total = session.scalar(select(func.count()).select_from(statement.subquery())) or 0
    rows = session.execute(statement.order_by(part.c.moment.desc(), part.c.id).offset(offset).limit(limit)).mappings()
    return total, [
        Cooperation(row["firm_name"], row["institution_name"], row["title"], row["moment"], row["engagement_id"])
        for row in rows
    ]


def _pairs(actor: Actor, period: Period, stage: str, by: str) -> Select[Any]:
    """One row each: line, institution, names, title, moment."""
    firm, institution = aliased(Organisation), aliased(Organisation)

    def of_region(column: Any) -> ColumnElement[bool]:
        if actor.is_administrator:
            return true()
        # "x" begins no code: whoever has no region sees nothing.
        found: ColumnElement[bool] = column.startswith(actor.region_scope if actor.region_scope is not None else "x",
                                                       autoescape=True)  # fmt: skip
        return found

    if stage == "interest":
        need, capability = Post.__table__.alias("need"), Post.__table__.alias("capability")
        asks_for_need = Interest.side == "need"
        firm_id = case((asks_for_need, Interest.from_organisation_id), else_=Interest.to_organisation_id)
        institution_id = case((asks_for_need, Interest.to_organisation_id), else_=Interest.from_organisation_id)
        open_kinds = ("public", "members")
        # Before both agreed, a side of another region is told only by a post that names it to all members.
        firm_named = or_(of_region(firm.region_code), Interest.status == "accepted", need.c.visibility.in_(open_kinds))
        institution_named = or_(
            of_region(institution.region_code),
            Interest.status == "accepted",
            capability.c.visibility.in_(open_kinds),
        )
        title = case((of_region(need.c.region_code), need.c.title), else_="")
        return (
            select(
                Interest.id.label("id"),
                _line(by, firm, firm_named).label("line"),
                case((institution_named, institution.id), else_=HIDDEN).label("institution"),
                case((firm_named, firm.name), else_="").label("firm_name"),
                case((institution_named, institution.name), else_="").label("institution_name"),
                func.coalesce(title, "").label("title"),
                Interest.created_at.label("moment"),
                Engagement.id.label("engagement_id"),
            )
            .join(firm, firm.id == firm_id)
            .join(institution, institution.id == institution_id)
            .outerjoin(need, need.c.id == Interest.need_id)
            .outerjoin(capability, capability.c.id == Interest.capability_id)
            .outerjoin(Engagement, Engagement.interest_id == Interest.id)
            .where(
                period.holds(Interest.created_at),
                or_(of_region(firm.region_code), of_region(institution.region_code)),
            )
        )
    named = true()
    chosen = [or_(of_region(Engagement.need_region_code), of_region(Engagement.capability_region_code))]
    if stage == "contract":
        chosen += [Engagement.outcome == "contract", Engagement.signed_on.between(period.first, period.last)]
    else:
        chosen.append(period.holds(Engagement.created_at))
    return (
        select(
            Engagement.id.label("id"),
            _line(by, firm, named).label("line"),
            institution.id.label("institution"),
            firm.name.label("firm_name"),
            institution.name.label("institution_name"),
            Engagement.title.label("title"),
            Engagement.created_at.label("moment"),
            Engagement.id.label("engagement_id"),
        )
        .join(firm, firm.id == Engagement.need_organisation_id)
        .join(institution, institution.id == Engagement.capability_organisation_id)
        .where(and_(*chosen))
    )


def _line(by: str, firm: Any, named: ColumnElement[bool]) -> ColumnElement[str]:
    key = firm.id if by == "organisation" else func.coalesce(func.nullif(firm.town, ""), HIDDEN)
    return case((named, key), else_=HIDDEN)


def _largest(cells: dict[tuple[str, str], int], side: int, most: int) -> list[str]:
    totals: dict[str, int] = {}
    for pair, count in cells.items():
        totals[pair[side]] = totals.get(pair[side], 0) + count
    ordered = sorted(totals, key=lambda key: (key == HIDDEN, -totals[key], key))
    return ordered[:most]

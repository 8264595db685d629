"""Reads of the rules in force and of their history."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from matching.models import RuleChange, RuleState, RuleValue, User
from matching.rulebook import Rules, put_rules_together
from matching.settings import Settings

HISTORY_PAGE = 50


def rules_revision(session: Session) -> int:
    """How many changes there were: what a process compares before it uses rules that it read earlier."""
    return session.scalar(select(RuleState.revision).where(RuleState.id == 1)) or 0


def read_rules(session: Session, settings: Settings) -> Rules:
    """The rules in force, from the database."""
    # The number first: a change between the two questions is then read again, and never taken for known.
    revision = rules_revision(session)
    values = dict(session.execute(select(RuleValue.key, RuleValue.value)).tuples().all())
    return put_rules_together(settings, values, revision)


@dataclass(frozen=True, slots=True)
class ShownChange:
    """A change with the name of who made it, and whether it is the key's latest and so can be taken back."""

    change: RuleChange
    by: str
    latest: bool


def list_changes(session: Session, *, key: str | None = None, page: int = 1) -> tuple[list[ShownChange], bool]:
    """Changes, the latest first, and whether there are more; all, or those of one rule or term."""
    page = min(max(page, 1), 1_000_000)
    statement = (
        select(RuleChange, User.name)
        .outerjoin(User, User.id == RuleChange.user_id)
        .order_by(RuleChange.id.desc())
        .offset((page - 1) * HISTORY_PAGE)
        .limit(HISTORY_PAGE + 1)
    )
    if key is not None:
        statement = statement.where(RuleChange.key == key)
    rows = session.execute(statement).tuples().all()
    keys = {change.key for change, _name in rows}
    latest = set(latest_ids(session, keys).values())
    shown = [ShownChange(change, name or "", change.id in latest) for change, name in rows[:HISTORY_PAGE]]
    return shown, len(rows) > HISTORY_PAGE


def latest_ids(session: Session, keys: set[str]) -> dict[str, int]:
    """The latest change of each key."""
    return dict(
        session.execute(
            select(RuleChange.key, func.max(RuleChange.id))
            .where(RuleChange.key.in_(sorted(keys)))
            .group_by(RuleChange.key)
        )
        .tuples()
        .all()
    )

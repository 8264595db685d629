"""Organisations that are one: proposed by name and code, decided by the staff, with history, and taken back.

Whatever refers to the merged organisation is moved to the one that is kept, in every table that has such a reference,
those of other nouns too; a row that would then be there twice stays where it is. What was moved is written down, so
that it can be moved back.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Table, and_, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from matching.errors import IllegalMove, InvalidInput, NotAllowed
from matching.models import Base, Organisation, OrganisationMerge, Post
from matching.services.actor import Actor
from matching.services.organisations import load_organisation
from matching.store.outbox import POST_CHANGED, owe_all
from matching.store.unit_of_work import UnitOfWork

_NOT_MOVED = frozenset(("organisation_merges",))
_FILLED = ("name_en", "uscc", "town", "intro", "stage", "website")
_MOST_PROPOSALS = 100


@dataclass(frozen=True, slots=True)
class DuplicateProposal:
    """Organisations whose names are one without width, brackets and legal form, and whose codes do not differ."""

    name_key: str
    organisations: list[Organisation]
    posts: dict[str, int]


def propose_duplicates(session: Session, actor: Actor) -> list[DuplicateProposal]:
    """What the staff should look at in its region. Pairs that were called different are not proposed again."""
    _require_staff(actor)
    statement = select(Organisation).where(Organisation.merged_into_id.is_(None), Organisation.name_key != "")
    if not actor.is_administrator:
        statement = statement.where(Organisation.region_code.startswith(actor.region_scope or "", autoescape=True))
    keys = (
        statement.with_only_columns(Organisation.name_key)
        .group_by(Organisation.name_key)
        .having(func.count() > 1)
        .order_by(Organisation.name_key)
        .limit(_MOST_PROPOSALS)
    )
    groups: dict[str, list[Organisation]] = {}
    for organisation in session.scalars(
        statement.where(Organisation.name_key.in_(keys)).order_by(
            Organisation.name_key, Organisation.created_at, Organisation.id
        )
    ):
        groups.setdefault(organisation.name_key, []).append(organisation)
    ids = [organisation.id for group in groups.values() for organisation in group]
    counts = dict(
        session.execute(
            select(Post.organisation_id, func.count())
            .where(Post.organisation_id.in_(ids))
            .group_by(Post.organisation_id)
        )
        .tuples()
        .all()
    )
    different = {
        frozenset(pair)
        for pair in session.execute(
            select(OrganisationMerge.kept_id, OrganisationMerge.merged_id).where(
                OrganisationMerge.decision == "different", OrganisationMerge.undone_at.is_(None)
            )
        ).tuples()
    }
    found = []
    for key, group in groups.items():
        alike = [
            one for one in group if any(other is not one and _may_be_one(one, other, different) for other in group)
        ]
        if alike:
            found.append(DuplicateProposal(key, alike, {one.id: counts.get(one.id, 0) for one in alike}))
    return found


def _may_be_one(one: Organisation, other: Organisation, different: set[frozenset[str]]) -> bool:
    if one.uscc and other.uscc and one.uscc != other.uscc:
        return False
    return frozenset((one.id, other.id)) not in different


def list_merges(session: Session, actor: Actor, *, limit: int = 50) -> list[tuple[OrganisationMerge, str, str]]:
    """The latest decisions with the names of both, for the staff."""
    _require_staff(actor)
    rows = list(
        session.scalars(
            select(OrganisationMerge)
            .join(Organisation, Organisation.id == OrganisationMerge.kept_id)
            .where(
                Organisation.region_code.startswith(actor.region_scope or "", autoescape=True)
                if not actor.is_administrator
                else Organisation.id.is_not(None)
            )
            .order_by(OrganisationMerge.decided_at.desc(), OrganisationMerge.id)
            .limit(limit)
        )
    )
    ids = {row.kept_id for row in rows} | {row.merged_id for row in rows}
    names = dict(
        session.execute(select(Organisation.id, Organisation.name).where(Organisation.id.in_(ids))).tuples().all()
    )
    return [(row, names.get(row.kept_id, ""), names.get(row.merged_id, "")) for row in rows]


def merge_organisations(
    uow: UnitOfWork, actor: Actor, kept_id: str, merged_id: str, now: datetime
) -> OrganisationMerge:
    """Make two organisations one. Staff of both regions only; raises InvalidInput where their codes differ."""
    kept, merged = load_organisation(uow, kept_id), load_organisation(uow, merged_id)
    _require_staff_of(actor, kept, merged)
    if kept.id == merged.id:
        raise InvalidInput("merge.same", "请选择两个不同的单位", message_en="Please choose two organisations")
    if kept.uscc and merged.uscc and kept.uscc != merged.uscc:
        raise InvalidInput(
            "merge.codes_differ",
            "两个单位的统一社会信用代码不同，不是同一个单位",
            message_en="Their codes differ, so they are two organisations",
        )
    former = {"kept": {name: getattr(kept, name) for name in _FILLED}, "merged": {"uscc": merged.uscc}}
    code, merged.uscc = merged.uscc, None
    uow.session.flush()  # the code is unique: it is given up before it is taken over
    for name in _FILLED:
        value = code if name == "uscc" else getattr(merged, name)
        if value and not getattr(kept, name):
            setattr(kept, name, value)
    if merged.industry_codes and not kept.industry_codes:
        former["kept"]["industry_codes"] = []
        kept.industry_codes = list(merged.industry_codes)
    merged.merged_into_id = kept.id
    kept.updated_at = merged.updated_at = now
    uow.session.flush()
    moved = _move(uow.session, merged.id, kept.id)
    row = OrganisationMerge(
        kept_id=kept.id, merged_id=merged.id, decision="merged", decided_at=now, decided_by=actor.user_id,
        moved=moved, former=former,
    )  # fmt: skip
    uow.session.add(row)
    uow.session.flush()
    _owe_posts(uow, kept.id, now)
    uow.record(now, actor.user_id, "organisation.merge", "organisation", kept.id, merged=merged.id)
    uow.commit()
    return row


def undo_merge(uow: UnitOfWork, actor: Actor, merge_id: str, now: datetime) -> OrganisationMerge:
    """Take a decision back: rows that were moved and are still with the kept one go back. Later ones stay with it."""
    row = uow.session.get(OrganisationMerge, merge_id)
    if row is None or row.undone_at is not None:
        raise IllegalMove("merge.undone", "这次合并已经撤销", message_en="This was taken back already")
    kept = uow.session.get(Organisation, row.kept_id)
    merged = uow.session.get(Organisation, row.merged_id)
    if kept is None or merged is None:
        raise IllegalMove("merge.gone", "单位已不存在", message_en="The organisation is gone")
    _require_staff_of(actor, kept, merged)
    row.undone_at, row.undone_by = now, actor.user_id
    if row.decision == "merged":
        if merged.merged_into_id != kept.id:
            raise IllegalMove("merge.order", "请先撤销后来的合并", message_en="Please take back the later merge first")
        for name, value in row.former["kept"].items():
            setattr(kept, name, value)
        uow.session.flush()
        merged.uscc = row.former["merged"]["uscc"]
        merged.merged_into_id = None
        kept.updated_at = merged.updated_at = now
        uow.session.flush()
        _move_back(uow.session, row.moved, kept.id, merged.id)
        _owe_posts(uow, kept.id, now)
        _owe_posts(uow, merged.id, now)
    uow.record(now, actor.user_id, "organisation.merge_undo", "organisation", kept.id, merged=merged.id)
    uow.commit()
    return row


def call_different(uow: UnitOfWork, actor: Actor, one_id: str, other_id: str, now: datetime) -> OrganisationMerge:
    """Say that two organisations are two; they are not proposed again."""
    one, other = load_organisation(uow, one_id), load_organisation(uow, other_id)
    _require_staff_of(actor, one, other)
    row = OrganisationMerge(
        kept_id=one.id, merged_id=other.id, decision="different", decided_at=now, decided_by=actor.user_id
    )
    uow.session.add(row)
    uow.record(now, actor.user_id, "organisation.different", "organisation", one.id, other=other.id)
    uow.commit()
    return row


def _references() -> Iterator[tuple[Table, Column[Any]]]:
    """Every column of every table that refers to an organisation."""
    for table in Base.metadata.sorted_tables:
        if table.name in _NOT_MOVED:
            continue
        for column in table.columns:
            if any(key.column.table.name == "organisations" for key in column.foreign_keys):
                yield table, column


def _move(session: Session, from_id: str, to_id: str) -> dict[str, Any]:
    """Point rows from one organisation to the other; returns their keys, by table and column.

    A key that contains the reference itself is written down as it is afterwards.
    """
    moved: dict[str, Any] = {}
    for table, column in _references():
        keys = list(table.primary_key.columns)
        for row in session.execute(select(*keys).where(column == from_id)).all():
            try:
                with session.begin_nested():
                    session.execute(
                        update(table)
                        .where(and_(column == from_id, *(key == value for key, value in zip(keys, row, strict=True))))
                        .values({column: to_id})
                    )
            except IntegrityError:
                continue  # the kept one has such a row already: a member of both, say
            after = [to_id if key is column else value for key, value in zip(keys, row, strict=True)]
            moved.setdefault(f"{table.name}.{column.name}", []).append(json.loads(json.dumps(after, default=str)))
    session.expire_all()
    return moved


def _move_back(session: Session, moved: dict[str, Any], from_id: str, to_id: str) -> None:
    for table, column in _references():
        keys = list(table.primary_key.columns)
        for row in moved.get(f"{table.name}.{column.name}", ()):
            try:
                with session.begin_nested():
                    session.execute(
                        update(table)
                        .where(and_(column == from_id, *(key == value for key, value in zip(keys, row, strict=True))))
                        .values({column: to_id})
                    )
            except IntegrityError:
                continue
    session.expire_all()


def _owe_posts(uow: UnitOfWork, organisation_id: str, now: datetime) -> None:
    ids = uow.session.scalars(
        select(Post.id).where(
            Post.organisation_id == organisation_id, or_(Post.status == "published", Post.status == "paused")
        )
    ).all()
    if owe_all(uow.session, POST_CHANGED, ids, now):
        uow.expect_nudge()


def _require_staff(actor: Actor) -> None:
    if not actor.is_administrator and actor.region_scope is None:
        raise NotAllowed("merge.staff_only", "合并单位需由主管部门进行", message_en="Only the staff may do this")


def _require_staff_of(actor: Actor, *organisations: Organisation) -> None:
    _require_staff(actor)
    if not all(actor.is_staff_for(organisation.region_code) for organisation in organisations):
        raise NotAllowed(
            "merge.not_your_region", "其中有单位不在您的辖区", message_en="One of them is not in your region"
        )

"""An expert's entry: kept by the person, by the editors of their organisations and by the staff of their region.

个人信息保护法: the person sees what is held, where it came from and with whose consent; corrects it, hides it, takes it
with them, has it deleted. What they say goes before what others bring.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from matching.clock import shanghai_day
from matching.errors import InvalidInput, NotAllowed, NotFound
from matching.models import (
    Affiliation,
    AuditEntry,
    CapabilityExpert,
    Expert,
    Membership,
    Notification,
    Organisation,
    Post,
    SavedFilter,
    User,
)
from matching.queries.works import list_works
from matching.services.actor import Actor
from matching.services.imports import SELF
from matching.services.open_records import keys_of_expert, note_keys
from matching.services.privacy_erasure import erase_entry
from matching.store.outbox import POST_CHANGED, owe_all
from matching.store.unit_of_work import UnitOfWork, edit_conflict

PERSONAL_FIELDS = ("name_en", "title", "fields", "intro", "email", "phone")
"""What a person may hide or empty one by one. The name goes with the entry."""
CONTACT_FIELDS = ("email", "phone")
"""Never shown to others: revealed by mutual interest only."""

TEXT_LENGTH = 5000
MOST_FIELDS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpertEntry:
    """An expert's entry as entered."""

    name: str
    name_en: str | None = None
    title: str | None = None
    fields: tuple[str, ...] = ()
    intro: str = ""
    email: str | None = None
    phone: str | None = None


def is_own_entry(actor: Actor, expert: Expert) -> bool:
    """Whether the actor is this person."""
    return actor.user_id is not None and expert.user_id == actor.user_id


def may_keep_expert(session: Session, actor: Actor, expert: Expert, now: datetime) -> bool:
    """Whether the actor is the person, an editor of one of their present organisations, or staff of their region."""
    if is_own_entry(actor, expert) or actor.is_staff_for(expert.region_code):
        return True
    today = shanghai_day(now)
    return any(
        actor.may_edit_for(one.organisation_id) and (one.ends_on is None or one.ends_on >= today)
        for one in session.scalars(select(Affiliation).where(Affiliation.expert_id == expert.id))
    )


def edit_expert(
    uow: UnitOfWork,
    actor: Actor,
    expert_id: str,
    entered: ExpertEntry,
    now: datetime,
    *,
    expected_version: int | None = None,
) -> Expert:
    """Replace the entry's fields; each changed one notes who said so.

    Others than the person do not change what the person said themselves. Raises NotFound, NotAllowed, EditConflict,
    and InvalidInput with the field's name.
    """
    expert = _load(uow, expert_id)
    if not may_keep_expert(uow.session, actor, expert, now):
        raise NotAllowed("expert.not_yours", "您不能修改这位专家的资料", message_en="You do not keep this entry")
    if expected_version is not None and expert.version != expected_version:
        raise edit_conflict()
    values = _checked(entered)
    own = is_own_entry(actor, expert)
    sources = dict(expert.field_sources)
    changed = []
    for name, value in values.items():
        if getattr(expert, name) == value:
            continue
        if not own and sources.get(name, {}).get("source") == SELF:
            raise InvalidInput(
                "expert.said_by_person",
                "这一项是本人填写的，只有本人能改",
                where=name,
                message_en="The person entered this themselves; only they can change it",
            )
        setattr(expert, name, value)
        changed.append(name)
        sources[name] = {"source": SELF if own else f"user:{actor.user_id}", "at": now.isoformat()}
    if changed:
        expert.field_sources = sources
        expert.updated_at = now
        uow.record(now, actor.user_id, "expert.edit", "expert", expert.id, fields=changed)
        uow.commit()
    return expert


def hide_fields(
    uow: UnitOfWork, actor: Actor, expert_id: str, hidden: set[str], now: datetime, *, all_: bool
) -> Expert:
    """The person says which of their fields others see, and with `all_` that they are not listed at all."""
    expert = _own(uow, actor, expert_id)
    expert.hidden_fields = [name for name in PERSONAL_FIELDS if name in hidden]
    if expert.hidden != all_:
        expert.hidden = all_
        _owe_posts(uow, expert, now)
    expert.updated_at = now
    note_keys(uow.session, keys_of_expert(uow.session, expert.id), now)
    uow.record(now, actor.user_id, "expert.hide", "expert", expert.id, fields=expert.hidden_fields, all=all_)
    uow.commit()
    return expert


def want_suggestions(uow: UnitOfWork, actor: Actor, expert_id: str, wanted: bool, now: datetime) -> Expert:
    """Switch pushed suggestions on or off; browsing stays as it is and is not personalised."""
    expert = _own(uow, actor, expert_id)
    expert.suggestions_wanted = wanted
    expert.updated_at = now
    uow.record(now, actor.user_id, "expert.suggestions", "expert", expert.id, wanted=wanted)
    uow.commit()
    return expert


def agree_to_open_data(uow: UnitOfWork, actor: Actor, expert_id: str, agreed: bool, now: datetime) -> Expert:
    """The person lets programs collect their entry (site map, CERIF, CSV, JSON-LD), or no longer does."""
    expert = _own(uow, actor, expert_id)
    if agreed != (expert.open_data_at is not None):
        expert.open_data_at = now if agreed else None
        expert.updated_at = now
        note_keys(uow.session, keys_of_expert(uow.session, expert.id), now)
        uow.record(now, actor.user_id, "expert.open_data", "expert", expert.id, agreed=agreed)
        uow.commit()
    return expert


def empty_field(uow: UnitOfWork, actor: Actor, expert_id: str, name: str, now: datetime) -> Expert:
    """Delete what is held in one field; no import fills it again."""
    expert = _own(uow, actor, expert_id)
    if name not in PERSONAL_FIELDS:
        raise InvalidInput("expert.field", "没有这一项", where="field", message_en="There is no such field")
    setattr(expert, name, [] if name == "fields" else "" if name == "intro" else None)
    expert.field_sources = {**expert.field_sources, name: {"source": SELF, "at": now.isoformat()}}
    expert.updated_at = now
    uow.record(now, actor.user_id, "expert.empty", "expert", expert.id, fields=[name])
    uow.commit()
    return expert


def erase_expert(uow: UnitOfWork, actor: Actor, expert_id: str, now: datetime) -> None:
    """Delete the person's entry with everything that hangs on it; hashes remain, so that no file brings it back.

    Posts of their organisation stay: they are the organisation's. The person is no longer named in them.
    """
    expert = _own(uow, actor, expert_id)
    if erase_entry(uow.session, expert, now):
        uow.expect_nudge()
    # Neither name nor contact: the log says that it was done, not about whom beyond the id.
    uow.record(now, actor.user_id, "expert.erase", "expert", expert_id)
    uow.commit()


def claim_expert(uow: UnitOfWork, actor: Actor, expert_id: str, now: datetime) -> Expert:
    """Say that an entry is about oneself; the account's address must be the entry's. People are not told by name."""
    expert = uow.session.get(Expert, expert_id)
    user = uow.session.get(User, actor.user_id) if actor.user_id else None
    if (
        expert is None
        or user is None
        or expert.user_id is not None
        or not expert.email
        or expert.email.strip().lower() != user.email
    ):
        raise NotFound("expert.not_found", "没有找到这位专家", message_en="There is no such expert")
    if uow.session.scalar(select(Expert.id).where(Expert.user_id == user.id)):
        raise InvalidInput(
            "expert.one_entry", "您的账号已经有专家资料", message_en="Your account has an expert's entry already"
        )
    expert.user_id = user.id
    expert.updated_at = now
    uow.record(now, actor.user_id, "expert.claim", "expert", expert.id)
    uow.commit()
    return expert


def own_entry(session: Session, actor: Actor) -> Expert | None:
    """The actor's own entry in the library of experts."""
    if actor.user_id is None:
        return None
    return session.scalar(select(Expert).where(Expert.user_id == actor.user_id))


def claimable_entries(session: Session, actor: Actor) -> list[Expert]:
    """Entries that may be about the actor: those with the account's address that belong to nobody."""
    user = session.get(User, actor.user_id) if actor.user_id else None
    if user is None or own_entry(session, actor) is not None:
        return []
    return list(session.scalars(select(Expert).where(func.lower(Expert.email) == user.email, Expert.user_id.is_(None))))


def source_of(expert: Expert, name: str) -> dict[str, Any]:
    """Where a field comes from: {source, consent, at}; the entry's where nothing else is noted."""
    noted: dict[str, Any] = expert.field_sources.get(name, {})
    return {
        "source": noted.get("source") or expert.source or "",
        "consent": noted.get("consent") or ("" if noted else expert.consent or ""),
        "at": noted.get("at") or expert.created_at.isoformat(),
    }


def describe_person(session: Session, actor: Actor) -> dict[str, Any]:
    """Everything that is held of the actor, as plain values: to read, or to take along."""
    user = session.get(User, actor.user_id) if actor.user_id else None
    if user is None:
        raise NotFound("user.not_found", "没有这个账号", message_en="There is no such account")
    expert = own_entry(session, actor)
    held: dict[str, Any] = {
        "account": {
            "name": user.name,
            "email": user.email,
            "role": user.role,
            "language": user.locale,
            "region_code": user.region_code,
            "created_at": user.created_at.isoformat(),
        },
        "memberships": [
            {"organisation": name, "role": role, "since": since.isoformat()}
            for name, role, since in session.execute(
                select(Organisation.name, Membership.role, Membership.created_at)
                .join(Organisation, Organisation.id == Membership.organisation_id)
                .where(Membership.user_id == user.id)
                .order_by(Organisation.name)
            ).tuples()
        ],
        "expert": None,
        "posts_written": [
            {"id": post_id, "title": title, "status": status}
            for post_id, title, status in session.execute(
                select(Post.id, Post.title, Post.status).where(Post.author_id == user.id).order_by(Post.created_at)
            ).tuples()
        ],
        "messages": [
            {"kind": kind, "at": at.isoformat(), "read_at": read_at.isoformat() if read_at else None}
            for kind, at, read_at in session.execute(
                select(Notification.kind, Notification.created_at, Notification.read_at)
                .where(Notification.user_id == user.id)
                .order_by(Notification.created_at)
            ).tuples()
        ],
        "saved_filters": [
            {"library": library, "name": name, "query": query}
            for library, name, query in session.execute(
                select(SavedFilter.library, SavedFilter.name, SavedFilter.query).where(SavedFilter.user_id == user.id)
            ).tuples()
        ],
        "actions": [
            {"at": at.isoformat(), "action": action, "subject": f"{kind} {subject_id}"}
            for at, action, kind, subject_id in session.execute(
                select(AuditEntry.at, AuditEntry.action, AuditEntry.subject_kind, AuditEntry.subject_id)
                .where(AuditEntry.actor_id == user.id)
                .order_by(AuditEntry.id)
            ).tuples()
        ],
    }
    if expert is not None:
        held["expert"] = {
            "id": expert.id,
            "name": expert.name,
            **{name: getattr(expert, name) for name in PERSONAL_FIELDS},
            "region_code": expert.region_code,
            "other": dict(expert.extra),
            "source": expert.source,
            "consent": expert.consent,
            "field_sources": {name: source_of(expert, name) for name in PERSONAL_FIELDS},
            "hidden": expert.hidden,
            "hidden_fields": list(expert.hidden_fields),
            "suggestions_wanted": expert.suggestions_wanted,
            "open_data_since": expert.open_data_at.isoformat() if expert.open_data_at else None,
            "affiliations": [
                {"organisation": name, "relation": relation, "starts_on": _day(starts), "ends_on": _day(ends)}
                for name, relation, starts, ends in session.execute(
                    select(Organisation.name, Affiliation.relation, Affiliation.starts_on, Affiliation.ends_on)
                    .join(Organisation, Organisation.id == Affiliation.organisation_id)
                    .where(Affiliation.expert_id == expert.id)
                ).tuples()
            ],
            "works": [
                {"title": work.title, "doi": work.doi, "year": work.year, "source": work.source, "hidden": hidden}
                for work, hidden in list_works(session, expert.id, with_hidden=True)
            ],
            "named_in": [
                {"id": post_id, "title": title}
                for post_id, title in session.execute(
                    select(Post.id, Post.title)
                    .join(CapabilityExpert, CapabilityExpert.capability_id == Post.id)
                    .where(CapabilityExpert.expert_id == expert.id)
                ).tuples()
            ],
        }
    return held


def _day(value: Any) -> str | None:
    return value.isoformat() if value else None


def _load(uow: UnitOfWork, expert_id: str) -> Expert:
    expert = uow.session.get(Expert, expert_id)
    if expert is None:
        raise NotFound("expert.not_found", "没有找到这位专家", message_en="There is no such expert")
    return expert


def _own(uow: UnitOfWork, actor: Actor, expert_id: str) -> Expert:
    """The actor's own entry; for everybody else it is not there."""
    expert = uow.session.get(Expert, expert_id)
    if expert is None or not is_own_entry(actor, expert):
        raise NotFound("expert.not_found", "没有找到这位专家", message_en="There is no such expert")
    return expert


def _checked(entered: ExpertEntry) -> dict[str, Any]:
    name = " ".join(entered.name.split())
    if not name or len(name) > 80:
        raise InvalidInput(
            "expert.name", "请填写姓名，不超过 80 字", where="name", message_en="Please give the name (80 characters)"
        )
    fields = list(dict.fromkeys(" ".join(one.split()) for one in entered.fields if one.strip()))
    if len(fields) > MOST_FIELDS:
        raise InvalidInput(
            "expert.fields",
            f"研究方向最多 {MOST_FIELDS} 个",
            where="fields",
            message_en=f"At most {MOST_FIELDS} fields",
        )
    limits = {"name_en": 120, "title": 80, "intro": TEXT_LENGTH, "email": 200, "phone": 40}
    values: dict[str, Any] = {"name": name, "fields": fields}
    for key, limit in limits.items():
        text = str(getattr(entered, key) or "").strip()
        if len(text) > limit or "\x00" in text:
            raise InvalidInput(
                f"expert.{key}", f"不能超过 {limit} 字", where=key, message_en=f"At most {limit} characters"
            )
        values[key] = text if key == "intro" else text or None
    if values["email"] and "@" not in values["email"]:
        raise InvalidInput("expert.email", "邮箱地址不对", where="email", message_en="This is no e-mail address")
    return values


def _owe_posts(uow: UnitOfWork, expert: Expert, now: datetime) -> None:
    """Whose posts name the person: conflicts of interest and the lists of suggestions follow from it."""
    ids = uow.session.scalars(
        select(CapabilityExpert.capability_id).where(CapabilityExpert.expert_id == expert.id)
    ).all()
    if owe_all(uow.session, POST_CHANGED, ids, now):
        uow.expect_nudge()

"""What has to go when a person has what is held of them deleted, and what keeps it gone.

Beyond the rows themselves: names in former versions of posts, in rows of imported files, in letters that left. What
remains is a hash of what the person would be recognised by (`erased_people`), so that neither a file nor a restored
backup brings them back. The hashes are also kept in a file beside the database, which a restore does not replace.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Text, cast, delete, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from matching.bootstrap import Platform
from matching.errors import IllegalMove, InvalidInput, NotAllowed, NotFound
from matching.exporting.atomic import replacing
from matching.models import (
    Affiliation,
    Base,
    Capability,
    CapabilityExpert,
    Delivery,
    Engagement,
    ErasedPerson,
    EventParticipant,
    Expert,
    IdempotencyKey,
    ImportJob,
    ImportRow,
    Interest,
    Invitation,
    Membership,
    Notification,
    Organisation,
    Post,
    PostRevision,
    Registration,
    Suggestion,
    UnsentText,
    User,
)
from matching.queries.works import load_documents
from matching.services.actor import Actor
from matching.services.forgotten_works import forget_works
from matching.services.imports import erasure_hashes
from matching.services.kept_vectors import drop_vectors, hashes_of
from matching.services.open_records import keys_of_expert, note_keys
from matching.store.outbox import POST_CHANGED, owe_all
from matching.store.unit_of_work import UnitOfWork

ERASURES_FILE = "erasures.jsonl"
_SETTLED = ("sent", "given_up", "dropped")


def erase_entry(session: Session, expert: Expert, now: datetime) -> int:
    """Delete an expert's entry with its traces, within a transaction; returns how many posts are owed anew.

    Posts of their organisation stay: they are the organisation's. The person is no longer named in them.
    """
    remember_erased(session, hashes_of_expert(session, expert), now)
    capability_ids = list(
        session.scalars(select(CapabilityExpert.capability_id).where(CapabilityExpert.expert_id == expert.id))
    )
    posts = session.scalars(select(Post).where(Post.id.in_(capability_ids))).all()
    drop_vectors(session, hashes_of(load_documents(session, posts, now).values()))
    keys = keys_of_expert(session, expert.id)
    _forget_name(session, expert.name, capability_ids)
    _forget_reasons(session, capability_ids)
    owed = owe_all(session, POST_CHANGED, capability_ids, now)
    forget_works(session, expert.id)
    session.delete(expert)
    note_keys(session, keys, now)
    return owed


def close_account(uow: UnitOfWork, actor: Actor, now: datetime) -> None:
    """Delete the actor's account and their entry as an expert. Organisations and posts stay; nobody is named in them.

    Raises NotAllowed for staff, whose account an administrator ends, and IllegalMove where colleagues would be left
    without an owner.
    """
    user = uow.session.get(User, actor.user_id) if actor.user_id else None
    if user is None:
        raise NotFound("user.not_found", "没有这个账号", message_en="There is no such account")
    if user.role != "member":
        raise NotAllowed(
            "account.of_staff",
            "主管部门的账号请联系系统管理员停用",
            message_en="An administrator ends accounts of the staff",
        )
    _require_successors(uow.session, user)
    posts_owed = erase_account(uow.session, user, now)
    uow.record(now, actor.user_id, "account.erase", "user", user.id)
    if posts_owed:
        uow.expect_nudge()
    uow.commit()


def erase_account(session: Session, user: User, now: datetime) -> int:
    """Delete an account with its traces, within a transaction; returns how many posts are owed anew."""
    remember_erased(session, [hash_of_user(user.id)], now)
    owed = 0
    expert = session.scalar(select(Expert).where(Expert.user_id == user.id))
    if expert is not None:
        owed = erase_entry(session, expert, now)
    session.execute(delete(Registration).where(Registration.email == user.email))
    session.execute(delete(Invitation).where(Invitation.email == user.email))
    session.execute(update(Delivery).where(Delivery.address == user.email).values(payload={}, address=None))
    session.execute(
        update(EventParticipant)
        .where(EventParticipant.contact_email == user.email)
        .values(contact_email=None, contact_name="", contact_phone=None)
    )
    _forget_copies(session, user.email)
    for model, column in (
        (Post, Post.contact),
        (Interest, Interest.from_contact),
        (Engagement, Engagement.need_contact),
        (Engagement, Engagement.capability_contact),
    ):
        held: Iterable[tuple[str, dict[str, Any]]] = session.execute(
            select(model.id, column).where(_holds(column, user.email))
        ).tuples()
        gone = [row_id for row_id, contact in held if (contact.get("email") or "").lower() == user.email]
        # Not through the objects: a contact is not what the index holds, and versions stay as they are.
        table = Base.metadata.tables[model.__tablename__]
        session.execute(update(table).where(table.c.id.in_(gone)).values({column.key: {}}))
    for revision in session.scalars(select(PostRevision).where(_holds(PostRevision.fields, user.email))):
        revision.fields = {**revision.fields, "contact": {}}
    session.delete(user)
    session.flush()
    return owed


def hashes_of_expert(session: Session, expert: Expert) -> list[str]:
    """By what an erased person is recognised: their row, its key in a file, e-mail, name with organisation."""
    names = session.scalars(
        select(Organisation.name)
        .join(Affiliation, Affiliation.organisation_id == Organisation.id)
        .where(Affiliation.expert_id == expert.id)
    ).all()
    found = {_hash(f"id {expert.id}")}
    emails = [expert.email] if expert.email else []
    for organisation_name in [*names, None]:
        # The key of a row that is not known is nobody's: it only fills the place.
        found |= set(erasure_hashes(expert.name, organisation_name, emails, expert.external_id or f"none {expert.id}"))
    return sorted(found)


def hash_of_user(user_id: str) -> str:
    """By what an erased account is recognised."""
    return _hash(f"user {user_id}")


def remember_erased(session: Session, hashes: Iterable[str], now: datetime) -> None:
    """Add to the list of those who must not come back."""
    wanted = set(hashes)
    known = set(session.scalars(select(ErasedPerson.key_hash).where(ErasedPerson.key_hash.in_(sorted(wanted)))))
    session.add_all(ErasedPerson(key_hash=key, erased_at=now) for key in sorted(wanted - known))
    session.flush()


def keep_erasures(platform: Platform) -> int:
    """Write the list beside the database, where a restore leaves it alone; what the file has already stays in it.

    Called after a person was erased, and every night. Returns how many are known.
    """
    path = platform.settings.data_dir / ERASURES_FILE
    known = read_erasures(path)
    with platform.reading() as session:
        known |= dict(session.execute(select(ErasedPerson.key_hash, ErasedPerson.erased_at)).tuples().all())
    if not known and not path.exists():
        return 0
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        lines = (json.dumps({"key": key, "at": at.isoformat()}) + "\n" for key, at in sorted(known.items()))
        temporary.write_text("".join(lines), encoding="utf-8")
    return len(known)


def read_erasures(path: Path) -> dict[str, datetime]:
    """Hash → when, from such a file; {} where there is none. Raises InvalidInput naming a line that is none of ours."""
    found: dict[str, datetime] = {}
    if not path.is_file():
        return found
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            row = json.loads(line)
            at = datetime.fromisoformat(row["at"])
            if at.tzinfo is None or not isinstance(row["key"], str) or len(row["key"]) != 64:
                raise ValueError("no erasure")
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidInput(
                "erasures.line",
                "这一行不是删除记录",
                where=f"{path}:{number}",
                message_en="This line is no record of an erasure",
            ) from error
        found[row["key"]] = at
    return found


def replay_erasures(session: Session, erased: Mapping[str, datetime], now: datetime) -> int:
    """Erase again those whom a restored backup brought back; within a transaction. Returns how many they were.

    Somebody who came anew after their erasure, with a new row, stays.
    """
    known = set(session.scalars(select(ErasedPerson.key_hash)))
    session.add_all(ErasedPerson(key_hash=key, erased_at=at) for key, at in erased.items() if key not in known)
    session.flush()
    again = 0
    for expert in session.scalars(select(Expert)).all():
        if any(erased.get(key, expert.created_at) > expert.created_at for key in hashes_of_expert(session, expert)):
            erase_entry(session, expert, now)
            again += 1
    for user in session.scalars(select(User)).all():
        if hash_of_user(user.id) in erased:
            erase_account(session, user, now)
            again += 1
    return again


def _forget_name(session: Session, name: str, capability_ids: list[str]) -> None:
    for revision in session.scalars(select(PostRevision).where(PostRevision.post_id.in_(capability_ids))):
        if name in revision.fields.get("experts", ()):
            left = [one for one in revision.fields["experts"] if one != name]
            revision.fields = {**revision.fields, "experts": left}
    for capability in session.scalars(select(Capability).where(Capability.id.in_(capability_ids))):
        kept = capability.extra.get("fields", {})
        if name in kept.get("experts", ()):
            left = [one for one in kept["experts"] if one != name]
            capability.extra = {**capability.extra, "fields": {**kept, "experts": left}}
    _forget_copies(session, name)


def _forget_copies(session: Session, text: str) -> None:
    """What machines wrote down of a name or an address elsewhere: tables that came in, letters, notices, answers."""
    rows = session.scalars(select(ImportRow).where(or_(ImportRow.name == text, _holds(ImportRow.cells, text)))).all()
    for row in rows:
        row.name, row.cells, row.findings = "", {}, []
    for job in session.scalars(select(ImportJob).where(ImportJob.id.in_({row.job_id for row in rows}))):
        job.sheets = _without(job.sheets, text)  # what the columns are guessed by are examples of their texts
        job.notes = _without(job.notes, text)
        if job.status in ("done", "cancelled", "failed"):
            # The file itself: one that no job knows is deleted by the next night.
            job.stored_name = f"erased-{job.id}"[:80]
    for delivery in session.scalars(
        select(Delivery).where(Delivery.state.in_(_SETTLED), _holds(Delivery.payload, text))
    ):
        delivery.payload = {key: value for key, value in delivery.payload.items() if key == "channel_id"}
    for notification in session.scalars(select(Notification).where(_holds(Notification.details, text))):
        notification.details = _without(notification.details, text)
    for kept in session.scalars(select(IdempotencyKey).where(_holds(IdempotencyKey.answer, text))):
        kept.answer = json.dumps(_without(json.loads(kept.answer or "null"), text), ensure_ascii=False)
    for unsent in session.scalars(select(UnsentText).where(_holds(UnsentText.fields, text))):
        # Somebody else is writing it: a field that is the person's and nothing more is emptied, prose stays theirs.
        unsent.fields = _without(unsent.fields, text, whole=True)
    # Columns of tables that no field of ours holds. Not through the objects: the index does not hold them.
    posts = Base.metadata.tables[Post.__tablename__]
    left_over = session.execute(select(posts.c.id, posts.c.extra).where(_holds(posts.c.extra, text))).tuples()
    for post_id, extra in left_over.all():
        session.execute(update(posts).where(posts.c.id == post_id).values(extra=_without(extra, text)))


def _forget_reasons(session: Session, capability_ids: list[str]) -> None:
    """Titles of works in stored reasons. Live posts are ranked anew; suggestions that were withdrawn never are."""
    for suggestion in session.scalars(select(Suggestion).where(Suggestion.capability_id.in_(capability_ids))):
        left = [reason for reason in suggestion.reasons if reason.get("kind") != "work"]
        if len(left) < len(suggestion.reasons):
            suggestion.reasons = left


def _without(value: Any, text: str, *, whole: bool = False) -> Any:
    """Plain values without the strings that hold the text; with `whole` only without those that are it."""
    if isinstance(value, str):
        return "" if (value.strip() == text if whole else text in value) else value
    if isinstance(value, list):
        return [_without(one, text, whole=whole) for one in value]
    if isinstance(value, dict):
        return {key: _without(one, text, whole=whole) for key, one in value.items()}
    return value


def _holds(column: ColumnElement[Any] | InstrumentedAttribute[Any], text: str) -> ColumnElement[bool]:
    """Whether a column of JSON has the text somewhere, as it is or as JSON may write it."""
    forms = {text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
    return or_(*(cast(column, Text).contains(form, autoescape=True) for form in sorted(forms)))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _require_successors(session: Session, user: User) -> None:
    for membership in session.scalars(
        select(Membership).where(Membership.user_id == user.id, Membership.role == "owner")
    ).all():
        others = set(
            session.scalars(
                select(Membership.role).where(
                    Membership.organisation_id == membership.organisation_id, Membership.user_id != user.id
                )
            )
        )
        if others and "owner" not in others:
            raise IllegalMove(
                "account.last_owner",
                "您是单位唯一的负责人，请先把负责人交给同事再注销",
                message_en="You are an organisation's only owner: make a colleague owner first",
            )

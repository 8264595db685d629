"""The staff's work on what waits: giving things to a colleague, notes, actions over many rows and taking them back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, aliased

from matching.errors import DuijieError, IllegalMove, InvalidInput, NotAllowed, NotFound
from matching.models import (
    Assignment,
    BulkAction,
    Delivery,
    DuplicatePair,
    Engagement,
    Event,
    Interest,
    Meeting,
    Notification,
    Organisation,
    Post,
    Registration,
    StaffNote,
    User,
)
from matching.models.base import new_id
from matching.models.desk import ASSIGNABLE, NOTED
from matching.notifying.inboxes import note_changed
from matching.notifying.staff import ASSIGNED, tell_assigned
from matching.services.actor import Actor, actor_of
from matching.services.posts import (
    close_directly,
    load_close_reasons,
    publish_directly,
    renew_directly,
    return_directly,
    tell_published,
)
from matching.settings import Settings
from matching.store.outbox import POST_CHANGED
from matching.store.unit_of_work import UnitOfWork

MOST_AT_ONCE = 200
NOTE_LENGTH = 2000
POST_ACTIONS = ("publish", "return", "renew", "close")
ACTIONS = (*POST_ACTIONS, "assign")
_MOVED = (
    "status",
    "submitted_at",
    "published_at",
    "expires_at",
    "expiry_notice_at",
    "return_reason",
    "close_reason",
    "return_notes",
)
"""The fields of a post that its moves change."""
_TOLD = {"publish": "post_published", "return": "post_returned"}
"""Which message to the post's writers an action sends."""

Subject = tuple[str, str]
"""Kind and id of a thing on the desk."""


@dataclass(frozen=True, slots=True)
class BulkReport:
    """What became of an action over several rows: how many it was done to, and for which it could not be and why."""

    action_id: str | None
    done: int
    refused: Sequence[tuple[str, DuijieError]]
    """Title and reason."""


@dataclass(frozen=True, slots=True)
class UndoReport:
    """How many rows are as they were before, and the titles of those that somebody changed since and that stay."""

    restored: int
    kept: Sequence[str]


def require_desk(actor: Actor) -> None:
    """Raises NotAllowed for those who are no staff."""
    if not (actor.is_administrator or actor.region_scope is not None):
        raise NotAllowed("page.staff_only", "此操作需由主管部门进行", message_en="Only the staff may do this")


def assign_subjects(
    uow: UnitOfWork, actor: Actor, subjects: Sequence[Subject], user_id: str | None, now: datetime
) -> BulkReport:
    """Give things to a colleague, who is told in their inbox, or with None to nobody. Those of other regions are
    refused.
    """
    require_desk(actor)
    _require_some(subjects)
    colleague = uow.session.get(User, user_id) if user_id is not None else None
    receiver = actor_of(colleague) if colleague is not None and colleague.active else None
    if user_id is not None and (
        receiver is None or not (receiver.is_administrator or receiver.region_scope is not None)
    ):
        raise InvalidInput("desk.colleague", "请选择同事", where="user_id", message_en="Please choose a colleague")
    items: list[dict[str, Any]] = []
    refused: list[tuple[str, DuijieError]] = []
    for kind in ASSIGNABLE:
        ids = [subject_id for one, subject_id in subjects if one == kind]
        if not ids:
            continue
        regions = _regions(uow.session, kind, ids)
        present = {
            row.subject_id: row
            for row in uow.session.scalars(
                select(Assignment).where(Assignment.subject_kind == kind, Assignment.subject_id.in_(ids))
            )
        }
        for subject_id in ids:
            title, codes = regions.get(subject_id, ("", ()))
            if not any(actor.is_staff_for(code) for code in codes):
                refused.append(("", _not_found()))
                continue
            if receiver is not None and not any(receiver.is_staff_for(code) for code in codes):
                refused.append((title, _not_theirs()))
                continue
            row = present.get(subject_id)
            before = row.user_id if row is not None else None
            if before == user_id:
                continue
            _assign(uow, actor, kind, subject_id, user_id, now, row)
            items.append({"kind": kind, "id": subject_id, "title": title, "before": before, "after": user_id})
        if user_id is not None:
            given = {str(one["id"]): str(one["title"]) for one in items if one["kind"] == kind}
            tell_assigned(uow.session, user_id, given, kind, now, by=actor.user_id)
    return _finish(uow, actor, "assign", items, refused, now)


def act_on_posts(
    uow: UnitOfWork,
    actor: Actor,
    action: str,
    post_ids: Sequence[str],
    now: datetime,
    *,
    settings: Settings,
    reason: str = "",
) -> BulkReport:
    """Publish, return (with the reason), renew or close (for a reason of the list) several posts of the region.

    What a post's state does not permit is left as it is and named; the rest is done.
    """
    require_desk(actor)
    _require_some(post_ids)
    if action not in POST_ACTIONS:
        raise InvalidInput("desk.action", "请选择操作", where="action", message_en="Please choose an action")
    if action == "publish" and settings.review_checks_required:
        raise IllegalMove(
            "desk.checks_required",
            "规则要求逐项核对审核清单，请逐条审核后发布",
            message_en="The rules ask for the checklist: please review and publish one by one",
        )
    if action == "return" and not reason.strip():
        raise InvalidInput("post.reason_missing", "请写明退回原因", where="reason", message_en="Please give a reason")
    if action == "close" and reason not in load_close_reasons(uow.session):
        raise InvalidInput("post.close_reason", "请选择关闭原因", where="reason", message_en="Please choose a reason")
    moves: Mapping[str, Callable[[Post], None]] = {
        "publish": lambda post: publish_directly(uow, actor, post, now, settings),
        "return": lambda post: return_directly(uow, actor, post, reason, now),
        "renew": lambda post: renew_directly(uow, actor, post, now, settings),
        "close": lambda post: close_directly(uow, actor, post, reason, now),
    }
    items: list[dict[str, Any]] = []
    refused: list[tuple[str, DuijieError]] = []
    wanted = list(dict.fromkeys(post_ids))
    posts = {post.id: post for post in uow.session.scalars(select(Post).where(Post.id.in_(wanted)))}
    for post_id in wanted:
        post = posts.get(post_id)
        if post is None or not actor.is_staff_for(post.region_code) or _is_not_handed_in(actor, post):
            refused.append(("", _not_found()))
            continue
        before = _snapshot(post)
        try:
            moves[action](post)
        except IllegalMove as error:  # raised before anything of the post is changed
            refused.append((post.title, error))
            continue
        if action == "publish":
            tell_published(uow, actor, post, now)
        items.append({"kind": "post", "id": post.id, "title": post.title, "before": before, "after": _snapshot(post)})
    return _finish(uow, actor, action, items, refused, now)


def undo_bulk(uow: UnitOfWork, actor: Actor, action_id: str, now: datetime, *, settings: Settings) -> UndoReport:
    """Take the actor's own action back while it is recent: every row that nobody changed since is as it was before.

    Messages that were not handed over yet are taken back, too; who was told already is told of the withdrawal.
    """
    require_desk(actor)
    action = uow.session.get(BulkAction, action_id, with_for_update=True)
    if action is None or action.user_id != actor.user_id:
        raise NotFound("desk.action_not_found", "没有这次操作", message_en="There is no such action")
    if action.undone_at is not None or action.created_at < now - timedelta(minutes=settings.undo_minutes):
        raise IllegalMove(
            "desk.undo_late",
            "已过可以撤回的时间，或已经撤回",
            message_en="It is too late, or it was taken back already",
        )
    kept: list[str] = []
    restored = 0
    for item in action.items:
        done = (
            _restore_assignment(uow, actor, item, now)
            if action.kind == "assign"
            else _restore_post(uow, actor, action, item, now)
        )
        restored += done
        if not done:
            kept.append(str(item["title"]))
    if action.kind == "assign":
        _take_back_assignment_notices(uow, action)
    action.undone_at = now
    uow.record(now, actor.user_id, "desk.undo", "bulk_action", action.id, kind=action.kind, restored=restored)
    uow.commit()
    return UndoReport(restored, kept)


def write_note(uow: UnitOfWork, actor: Actor, kind: str, subject_id: str, text: str, now: datetime) -> StaffNote:
    """Write a note for colleagues who may see the post or organisation."""
    require_noted(uow.session, actor, kind, subject_id)
    text = text.replace("\r\n", "\n").strip()
    if not text or len(text) > NOTE_LENGTH:
        raise InvalidInput(
            "note.text",
            f"请填写备注，最多 {NOTE_LENGTH} 字",
            where="text",
            message_en=f"Please write a note of at most {NOTE_LENGTH} characters",
        )
    note = StaffNote(subject_kind=kind, subject_id=subject_id, author_id=actor.user_id, text=text, created_at=now)
    uow.session.add(note)
    uow.session.flush()
    uow.record(now, actor.user_id, "note.write", kind, subject_id, note=note.id)
    uow.commit()
    return note


def withdraw_note(uow: UnitOfWork, actor: Actor, note_id: str, now: datetime) -> StaffNote:
    """Cross out one's own note; it stays in the history."""
    note = uow.session.get(StaffNote, note_id)
    if note is None:
        raise NotFound("note.not_found", "没有这条备注", message_en="There is no such note")
    require_noted(uow.session, actor, note.subject_kind, note.subject_id)
    if note.author_id != actor.user_id:
        raise NotAllowed("note.not_yours", "只能撤回自己的备注", message_en="Only its author may withdraw a note")
    if note.withdrawn_at is None:
        note.withdrawn_at = now
        uow.record(now, actor.user_id, "note.withdraw", note.subject_kind, note.subject_id, note=note.id)
    uow.commit()
    return note


def _require_some(chosen: Sequence[object]) -> None:
    if not chosen:
        raise InvalidInput("desk.none", "请先勾选", where="item", message_en="Please tick some first")
    if len(chosen) > MOST_AT_ONCE:
        raise InvalidInput(
            "desk.too_many",
            f"一次最多 {MOST_AT_ONCE} 条",
            where="item",
            message_en=f"At most {MOST_AT_ONCE} at once",
        )


def require_noted(session: Session, actor: Actor, kind: str, subject_id: str) -> None:
    """Raises NotFound for what the actor keeps no notes on: another kind, or another region's."""
    require_desk(actor)
    row: Post | Organisation | None = None
    if kind in NOTED:
        row = session.get(Post, subject_id) if kind == "post" else session.get(Organisation, subject_id)
    if row is None or not actor.is_staff_for(row.region_code):
        raise _not_found()
    if isinstance(row, Post) and _is_not_handed_in(actor, row):
        raise _not_found()


def _is_not_handed_in(actor: Actor, post: Post) -> bool:
    """A draft is its owner's alone; to the staff it does not exist."""
    return post.status == "draft" and not actor.is_administrator


def _regions(session: Session, kind: str, ids: Sequence[str]) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Title of each thing, and the regions whose staff deal with it."""
    asking, asked = aliased(Organisation), aliased(Organisation)
    # Of a post the table alone: what is joined to it for pages is not needed here.
    post, other = Post.__table__, Post.__table__.alias("other")
    statements = {
        "post": select(post.c.id, post.c.title, post.c.region_code, post.c.region_code),
        "registration": select(
            Registration.id, Registration.organisation_name, Registration.region_code, Registration.region_code
        ),
        "engagement": select(
            Engagement.id, Engagement.title, Engagement.need_region_code, Engagement.capability_region_code
        ),
        "interest": select(Interest.id, Interest.timing, asking.region_code, asked.region_code)
        .join(asking, asking.id == Interest.from_organisation_id)
        .join(asked, asked.id == Interest.to_organisation_id),
        "meeting": select(Meeting.id, Meeting.next_step, Event.region_code, Event.region_code).join(
            Event, Event.id == Meeting.event_id
        ),
        "duplicate": select(DuplicatePair.id, post.c.title, post.c.region_code, other.c.region_code)
        .join(post, post.c.id == DuplicatePair.first_id)
        .join(other, other.c.id == DuplicatePair.second_id),
    }
    columns = {
        "post": post.c.id,
        "registration": Registration.id,
        "engagement": Engagement.id,
        "interest": Interest.id,
        "meeting": Meeting.id,
        "duplicate": DuplicatePair.id,
    }
    rows = session.execute(statements[kind].where(columns[kind].in_(ids)))
    return {row[0]: (row[1] or "", (row[2], row[3])) for row in rows}


def _assign(
    uow: UnitOfWork,
    actor: Actor,
    kind: str,
    subject_id: str,
    user_id: str | None,
    now: datetime,
    row: Assignment | None,
) -> None:
    if user_id is None:
        if row is not None:
            uow.session.delete(row)
    elif row is None:
        uow.session.add(
            Assignment(
                subject_kind=kind,
                subject_id=subject_id,
                user_id=user_id,
                assigned_by=actor.user_id,
                assigned_at=now,
            )
        )
    else:
        row.user_id, row.assigned_by, row.assigned_at = user_id, actor.user_id, now


def _finish(
    uow: UnitOfWork,
    actor: Actor,
    kind: str,
    items: list[dict[str, Any]],
    refused: list[tuple[str, DuijieError]],
    now: datetime,
) -> BulkReport:
    action_id = None
    if items:
        action_id = new_id()
        uow.session.add(BulkAction(id=action_id, user_id=actor.user_id, kind=kind, items=items, created_at=now))
        uow.record(now, actor.user_id, f"desk.{kind}", "bulk_action", action_id, rows=len(items))
    uow.commit()
    return BulkReport(action_id, len(items), refused)


def _snapshot(post: Post) -> dict[str, Any]:
    found = {name: getattr(post, name) for name in _MOVED}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in found.items()}


def _restore_post(uow: UnitOfWork, actor: Actor, action: BulkAction, item: Mapping[str, Any], now: datetime) -> bool:
    post = uow.session.get(Post, item["id"])
    if post is None or not actor.is_staff_for(post.region_code) or _snapshot(post) != item["after"]:
        return False
    for name, value in item["before"].items():
        moment = name.endswith("_at") and isinstance(value, str)
        setattr(post, name, datetime.fromisoformat(value) if moment else value)
    post.updated_at = now
    uow.owe(POST_CHANGED, post.id, now)
    uow.record(now, actor.user_id, "post.undo", post.side, post.id, bulk=action.id, before=item["after"]["status"])
    kind = _TOLD.get(action.kind)
    if kind is not None:
        _take_back_messages(uow, post, kind, action.created_at, now)
    return True


def _take_back_messages(uow: UnitOfWork, post: Post, kind: str, told_at: datetime, now: datetime) -> None:
    told = uow.session.scalars(
        select(Notification).where(
            Notification.post_id == post.id, Notification.kind == kind, Notification.created_at == told_at
        )
    ).all()
    handed_over = set(
        uow.session.scalars(
            select(Delivery.id).where(
                Delivery.id.in_([row.delivery_id for row in told if row.delivery_id]), Delivery.state != "owed"
            )
        )
    )
    for row in told:
        if row.read_at is None and row.delivery_id not in handed_over:
            continue
        uow.session.add(
            Notification(
                user_id=row.user_id,
                kind="post_decision_undone",
                once_key=f"post_decision_undone:{row.user_id}:{post.id}:{now.isoformat()}",
                post_id=post.id,
                details={},
                created_at=now,
            )
        )
    unread = [row.id for row in told if row.read_at is None]
    uow.session.execute(delete(Notification).where(Notification.id.in_(unread)))


def _take_back_assignment_notices(uow: UnitOfWork, action: BulkAction) -> None:
    """Who has not read it yet need not know: what was mailed leads to a thing that is shown as it is now."""
    receivers = {str(item["after"]) for item in action.items if item["after"]}
    told = select(Notification.id).where(
        Notification.user_id.in_(receivers),
        Notification.kind == ASSIGNED,
        Notification.created_at == action.created_at,
        Notification.read_at.is_(None),
    )
    uow.session.execute(delete(Notification).where(Notification.id.in_(told)))
    note_changed(uow.session, receivers)


def _restore_assignment(uow: UnitOfWork, actor: Actor, item: Mapping[str, Any], now: datetime) -> bool:
    row = uow.session.get(Assignment, (item["kind"], item["id"]))
    if (row.user_id if row is not None else None) != item["after"]:
        return False
    _assign(uow, actor, str(item["kind"]), str(item["id"]), item["before"], now, row)
    return True


def _not_found() -> NotFound:
    return NotFound("desk.not_found", "没有找到，或属于其他地区", message_en="It is not there, or another region's")


def _not_theirs() -> NotAllowed:
    return NotAllowed(
        "desk.other_region", "这位同事不负责这个地区", message_en="This colleague does not work for that region"
    )

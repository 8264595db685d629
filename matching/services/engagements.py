"""对接: what the two sides, those they copied and the staff do from the first contact to a contract.

Each function is one use case and one commit. Who may see an engagement at all is in `matching.queries.engagements`;
what is not for a person is NotFound for them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from matching.clock import shanghai_day
from matching.errors import IllegalMove, InvalidInput, NotAllowed, NotFound
from matching.models import (
    Engagement,
    EngagementMessage,
    EngagementNote,
    EngagementParticipant,
    EngagementStep,
    EngagementTask,
    Interest,
    VocabularyTerm,
)
from matching.models.engagement import OUTCOMES
from matching.notifying.engagements import (
    COPIED,
    COPY_PROPOSED,
    MESSAGE,
    OPENED,
    STAGE,
    tell_participants,
)
from matching.notifying.interests import asked_people, asking_people
from matching.queries.engagements import copy_candidates, role_in
from matching.services.actor import Actor
from matching.services.engagement_stages import require_stage_move
from matching.services.entered_text import check_text
from matching.store.unit_of_work import UnitOfWork, edit_conflict

TEXT_LENGTH = 5000
LINE_LENGTH = 300
MOST_TASKS = 200
LARGEST_AMOUNT = 10_000_000
OUTCOME_REASONS = (
    "technology", "price", "time", "terms", "ip", "no_reply", "other_partner", "withdrawn", "other",
)  # fmt: skip
CONTRACT_TYPES = ("development", "transfer", "licence", "consulting", "service")
SIDES = ("need", "capability")
_DRIVING = ("need", "capability", "broker", "staff")
"""Who may take an engagement on; an institution that is copied reads, writes messages and notes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractTerms:
    """What was agreed; amounts in 万元. None or empty means not agreed yet."""

    contract_type: str | None = None
    contract_amount: Decimal | None = None
    technology_amount: Decimal | None = None
    registration_number: str = ""
    disputed: bool = False
    signed_on: date | None = None
    starts_on: date | None = None
    ends_on: date | None = None
    benefit_terms: str = ""
    ip_arrangement: str | None = None
    ip_terms: str = ""


def open_engagement(
    uow: UnitOfWork, interest: Interest, actor: Actor, contact: dict[str, str], now: datetime
) -> Engagement:
    """Begin what follows mutual interest, within the use case that accepts it: each side learns the other's contact,
    and the audit log says so.
    """
    asks_need = interest.side == "need"
    target, own = interest.target, interest.own
    asking, asked = interest.from_organisation, interest.to_organisation
    from_region = own.region_code if own is not None else asking.region_code
    engagement = Engagement(
        interest_id=interest.id,
        suggestion_id=interest.suggestion_id,
        model_revision=interest.model_revision,
        title=target.title,
        need_id=interest.need_id,
        capability_id=interest.capability_id,
        need_organisation_id=asking.id if asks_need else asked.id,
        capability_organisation_id=asked.id if asks_need else asking.id,
        need_shared=interest.from_shared if asks_need else interest.to_shared,
        capability_shared=interest.to_shared if asks_need else interest.from_shared,
        need_contact=interest.from_contact if asks_need else contact,
        capability_contact=contact if asks_need else interest.from_contact,
        need_region_code=from_region if asks_need else target.region_code,
        capability_region_code=target.region_code if asks_need else from_region,
        stage="contact",
        stage_since=now,
        # Those who asked make the first call.
        waits_for=interest.side,
        waiting_since=now,
        created_at=now,
        updated_at=now,
    )
    uow.session.add(engagement)
    uow.session.flush()
    people = {
        interest.side: set(asking_people(uow.session, interest)),
        target.side: {*asked_people(uow.session, interest), *([actor.user_id] if actor.user_id else [])},
    }
    for role, user_ids in people.items():
        for user_id in sorted(user_ids):
            if uow.session.get(EngagementParticipant, (engagement.id, user_id)) is None:
                uow.session.add(
                    EngagementParticipant(
                        engagement_id=engagement.id,
                        user_id=user_id,
                        role=role,
                        need_agreed_at=now,
                        capability_agreed_at=now,
                        created_at=now,
                    )
                )
                uow.session.flush()
    for side, other in (("need", "capability"), ("capability", "need")):
        uow.record(
            now, actor.user_id, "contact.reveal", "engagement", engagement.id,
            of=side, to=other, to_users=sorted(people[other]), interest_id=interest.id,
        )  # fmt: skip
    _add_step(uow, engagement, actor, target.side, None, "contact", "", now)
    tell_participants(uow.session, engagement, OPENED, engagement.id, now, roles=(target.side,), but=actor.user_id)
    return engagement


def move_engagement(
    uow: UnitOfWork,
    actor: Actor,
    engagement_id: str,
    target: str,
    now: datetime,
    *,
    note: str = "",
    expected_version: int | None = None,
) -> Engagement:
    """Take an engagement to another stage than `closed`, which `close_engagement` does."""
    engagement, role = _load_driving(uow, actor, engagement_id, expected_version)
    if target == "closed":
        raise InvalidInput(
            "engagement.outcome_missing",
            "结束对接请填写结果",
            where="outcome",
            message_en="Closing an engagement takes an outcome",
        )
    require_stage_move(engagement.stage, target)
    check_text(note, "note", TEXT_LENGTH)
    before = engagement.stage
    engagement.stage = target
    engagement.stage_since = engagement.updated_at = now
    if before == "closed":
        engagement.outcome = engagement.outcome_reason = engagement.closed_at = None
        engagement.outcome_note = ""
        engagement.waits_for, engagement.waiting_since = _other(role), now if role in SIDES else None
    _add_step(uow, engagement, actor, role, before, target, note.strip(), now)
    uow.record(now, actor.user_id, "engagement.move", "engagement", engagement.id, before=before, after=target)
    tell_participants(
        uow.session, engagement, STAGE, f"{engagement.id}:{now.isoformat()}", now,
        but=actor.user_id, stage=target,
    )  # fmt: skip
    uow.commit()
    return engagement


def close_engagement(
    uow: UnitOfWork,
    actor: Actor,
    engagement_id: str,
    outcome: str,
    now: datetime,
    *,
    reason_code: str | None = None,
    note: str = "",
    follow_up_on: date | None = None,
    expected_version: int | None = None,
) -> Engagement:
    """End an engagement with its outcome: none (with a reason of `outcome_reason`), follow_up, or contract, which takes
    the stage `contract` and at least type, amount and day of signing. `follow_up_on`: when it is to be taken up again;
    both sides and the staff are reminded of it.
    """
    engagement, role = _load_driving(uow, actor, engagement_id, expected_version)
    if outcome not in OUTCOMES:
        raise InvalidInput(
            "engagement.outcome", "请选择对接结果", where="outcome", message_en="Please choose the outcome"
        )
    require_stage_move(engagement.stage, "closed")
    check_text(note, "note", TEXT_LENGTH)
    if outcome == "none":
        _check_outcome_reason(uow, reason_code, note)
    if outcome == "contract":
        _require_contract(engagement)
    if outcome == "follow_up":
        if follow_up_on is not None and follow_up_on <= shanghai_day(now):
            raise InvalidInput(
                "engagement.follow_up_past", "再跟进的日期应在今天之后", where="follow_up_on",
                message_en="The day to take it up again lies after today",
            )  # fmt: skip
        engagement.next_step_on = follow_up_on
    before = engagement.stage
    engagement.stage = "closed"
    engagement.outcome = outcome
    engagement.outcome_reason = reason_code if outcome == "none" else None
    engagement.outcome_note = note.strip()
    engagement.stage_since = engagement.updated_at = engagement.closed_at = now
    engagement.waits_for = engagement.waiting_since = None
    _add_step(uow, engagement, actor, role, before, "closed", note.strip(), now)
    uow.record(now, actor.user_id, "engagement.close", "engagement", engagement.id, before=before, outcome=outcome)
    tell_participants(
        uow.session, engagement, STAGE, f"{engagement.id}:{now.isoformat()}", now,
        but=actor.user_id, stage="closed", outcome=outcome,
    )  # fmt: skip
    uow.commit()
    return engagement


def record_terms(
    uow: UnitOfWork,
    actor: Actor,
    engagement_id: str,
    terms: ContractTerms,
    now: datetime,
    *,
    expected_version: int | None = None,
) -> Engagement:
    """Replace what is recorded as agreed. Raises EditConflict when somebody else changed the engagement meanwhile."""
    engagement, role = _load_driving(uow, actor, engagement_id, expected_version)
    _check_terms(uow, terms)
    changed = {}
    for name in ContractTerms.__slots__:
        value = getattr(terms, name)
        if isinstance(value, str):
            value = value.strip()
        if name in ("registration_number", "contract_type", "ip_arrangement"):
            value = value or None
        if getattr(engagement, name) != value:
            changed[name] = _plain(getattr(engagement, name))
            setattr(engagement, name, value)
    if engagement.stage == "closed" and engagement.outcome == "contract":
        _require_contract(engagement)
    if changed:
        engagement.updated_at = now
        uow.record(now, actor.user_id, "engagement.terms", "engagement", engagement.id, role=role, before=changed)
    uow.commit()
    return engagement


def set_next_step(
    uow: UnitOfWork, actor: Actor, engagement_id: str, text: str, on: date | None, waits_for: str | None, now: datetime
) -> Engagement:
    """Say what comes next, by when, and whose turn it is (need, capability, or None)."""
    engagement, _ = _load_driving(uow, actor, engagement_id)
    _require_open(engagement)
    text = " ".join(text.split())
    check_text(text, "next_step", LINE_LENGTH)
    if waits_for not in (*SIDES, None):
        raise InvalidInput(
            "engagement.waits_for", "请选择轮到哪一方", where="waits_for", message_en="Whose turn is it?"
        )
    engagement.next_step, engagement.next_step_on = text, on
    if engagement.waits_for != waits_for:
        engagement.waits_for, engagement.waiting_since = waits_for, now if waits_for else None
    engagement.updated_at = now
    uow.record(now, actor.user_id, "engagement.next_step", "engagement", engagement.id)
    uow.commit()
    return engagement


def send_message(
    uow: UnitOfWork,
    actor: Actor,
    engagement_id: str,
    text: str,
    now: datetime,
    *,
    message_id: str | None = None,
    with_it: Callable[[EngagementMessage], None] | None = None,
) -> EngagementMessage:
    """Write to all who take part. A side's message makes it the other side's turn.

    `message_id` makes sending the same form twice one message. `with_it` adds to a new message in the same transaction.
    """
    engagement, role = load_engagement(uow, actor, engagement_id)
    text = text.strip()
    if not text:
        raise InvalidInput("message.empty", "请填写内容", where="text", message_en="Please write something")
    check_text(text, "text", TEXT_LENGTH)
    if message_id is not None:
        sent = uow.session.get(EngagementMessage, message_id)
        if sent is not None and (sent.engagement_id, sent.user_id) == (engagement.id, actor.user_id):
            return sent
    message = EngagementMessage(engagement_id=engagement.id, user_id=actor.user_id, role=role, text=text, sent_at=now)
    if message_id is not None:
        message.id = message_id
    uow.session.add(message)
    uow.session.flush()
    if with_it is not None:
        with_it(message)
    if role in SIDES and engagement.stage != "closed":
        if engagement.waits_for != _other(role):
            engagement.waits_for, engagement.waiting_since = _other(role), now
        engagement.updated_at = now
    tell_participants(uow.session, engagement, MESSAGE, message.id, now, but=actor.user_id)
    uow.commit()
    return message


def write_note(uow: UnitOfWork, actor: Actor, engagement_id: str, text: str, now: datetime) -> EngagementNote:
    """Keep a note for one's own side; the staff's are seen by staff alone."""
    engagement, role = load_engagement(uow, actor, engagement_id)
    text = text.strip()
    if not text:
        raise InvalidInput("note.empty", "请填写内容", where="text", message_en="Please write something")
    check_text(text, "text", TEXT_LENGTH)
    note = EngagementNote(engagement_id=engagement.id, user_id=actor.user_id, role=role, text=text, written_at=now)
    uow.session.add(note)
    uow.commit()
    return note


def add_task(
    uow: UnitOfWork, actor: Actor, engagement_id: str, title: str, due_on: date | None, for_role: str, now: datetime
) -> EngagementTask:
    """Note something to be done by one side."""
    engagement, _ = _load_driving(uow, actor, engagement_id)
    _require_open(engagement)
    title = " ".join(title.split())
    if not title:
        raise InvalidInput("task.title", "请填写要做什么", where="title", message_en="Please say what is to be done")
    check_text(title, "title", LINE_LENGTH)
    if for_role not in _DRIVING:
        raise InvalidInput("task.role", "请选择由谁来做", where="role", message_en="Please choose who is to do it")
    present = uow.session.scalars(select(EngagementTask.id).where(EngagementTask.engagement_id == engagement.id)).all()
    if len(present) >= MOST_TASKS:
        raise InvalidInput(
            "task.too_many", f"任务最多 {MOST_TASKS} 项", where="title", message_en=f"At most {MOST_TASKS} tasks"
        )
    task = EngagementTask(
        engagement_id=engagement.id,
        title=title,
        role=for_role,
        due_on=due_on,
        created_at=now,
        created_by_id=actor.user_id,
    )
    uow.session.add(task)
    uow.commit()
    return task


def finish_task(
    uow: UnitOfWork, actor: Actor, engagement_id: str, task_id: str, done: bool, now: datetime
) -> EngagementTask:
    """Mark a task done, or open again."""
    engagement, _ = _load_driving(uow, actor, engagement_id)
    task = uow.session.get(EngagementTask, task_id)
    if task is None or task.engagement_id != engagement.id:
        raise NotFound("task.not_found", "没有找到这项任务", message_en="There is no such task")
    if done != (task.done_at is not None):
        task.done_at = now if done else None
        task.done_by_id = actor.user_id if done else None
        uow.commit()
    return task


def propose_participant(
    uow: UnitOfWork, actor: Actor, engagement_id: str, user_id: str, role: str, now: datetime
) -> EngagementParticipant:
    """Ask that an institution's manager or a broker be copied: it happens once both sides agree.

    An institution's manager is an owner of the capability's organisation, a broker writes for an intermediary.
    """
    engagement, own_role = load_engagement(uow, actor, engagement_id)
    if own_role not in SIDES:
        raise NotAllowed(
            "participant.sides_only", "只有对接双方可以邀请", message_en="Only the two sides may ask for that"
        )
    row = uow.session.get(EngagementParticipant, (engagement.id, user_id))
    if row is not None and row.left_at is None:
        raise IllegalMove("participant.present", "已经邀请过", message_en="This person was asked for already")
    if user_id not in {user.id for user in copy_candidates(uow.session, engagement, role)}:
        raise InvalidInput(
            "participant.unsuitable",
            "请从名单中选择",
            where="user_id",
            message_en="Please choose somebody of the list",
        )
    if row is None:
        row = EngagementParticipant(engagement_id=engagement.id, user_id=user_id, created_at=now)
        uow.session.add(row)
    row.role, row.proposed_by, row.left_at = role, own_role, None
    row.need_agreed_at = now if own_role == "need" else None
    row.capability_agreed_at = now if own_role == "capability" else None
    uow.session.flush()
    uow.record(now, actor.user_id, "engagement.copy_proposed", "engagement", engagement.id, user_id=user_id, role=role)
    tell_participants(
        uow.session, engagement, COPY_PROPOSED, f"{engagement.id}:{user_id}:{now.isoformat()}", now,
        roles=(_other(own_role),), but=actor.user_id,
    )  # fmt: skip
    uow.commit()
    return row


def agree_to_participant(
    uow: UnitOfWork, actor: Actor, engagement_id: str, user_id: str, now: datetime
) -> EngagementParticipant:
    """Agree, as the other side, that somebody is copied; from now on they see contacts and messages."""
    engagement, own_role = load_engagement(uow, actor, engagement_id)
    row = _load_participant(uow, engagement, user_id)
    if own_role == "need" and row.need_agreed_at is None:
        row.need_agreed_at = now
    elif own_role == "capability" and row.capability_agreed_at is None:
        row.capability_agreed_at = now
    else:
        raise IllegalMove(
            "participant.nothing_to_agree", "没有需要您同意的邀请", message_en="Nothing waits for you here"
        )
    uow.session.flush()
    uow.record(now, actor.user_id, "engagement.copied", "engagement", engagement.id, user_id=user_id, role=row.role)
    for side in SIDES:
        uow.record(
            now, actor.user_id, "contact.reveal", "engagement", engagement.id,
            of=side, to=row.role, to_users=[user_id],
        )  # fmt: skip
    tell_participants(uow.session, engagement, COPIED, f"{engagement.id}:{user_id}", now, but=actor.user_id)
    uow.commit()
    return row


def remove_participant(uow: UnitOfWork, actor: Actor, engagement_id: str, user_id: str, now: datetime) -> None:
    """End the part of somebody who was copied, or asked for: by either side, or by themselves."""
    engagement, own_role = load_engagement(uow, actor, engagement_id)
    row = _load_participant(uow, engagement, user_id)
    if row.role in SIDES or (own_role not in SIDES and user_id != actor.user_id):
        raise NotAllowed(
            "participant.sides_only", "只有对接双方可以这样做", message_en="Only the two sides may do this"
        )
    row.left_at = now
    uow.record(now, actor.user_id, "engagement.copy_ended", "engagement", engagement.id, user_id=user_id)
    uow.commit()


def reveal_contacts(
    uow: UnitOfWork, actor: Actor, engagement_id: str, now: datetime, *, through: str = "page"
) -> dict[str, dict[str, Any]]:
    """Both contacts. For those who take part this was logged when they joined, for staff each reading is."""
    engagement, role = load_engagement(uow, actor, engagement_id)
    if role == "staff":
        for side in SIDES:
            uow.record(
                now, actor.user_id, "contact.reveal", "engagement", engagement.id, of=side, to="staff", through=through
            )
        uow.commit()
    return {"need": dict(engagement.need_contact), "capability": dict(engagement.capability_contact)}


def load_engagement(uow: UnitOfWork, actor: Actor, engagement_id: str) -> tuple[Engagement, str]:
    """The engagement and the actor's role in it: need, capability, institution, broker or staff; raises NotFound."""
    engagement = uow.session.get(Engagement, engagement_id)
    role = role_in(uow.session, actor, engagement) if engagement is not None else None
    if engagement is None or role is None:
        raise engagement_not_found()
    return engagement, role


def engagement_not_found() -> NotFound:
    """The error for an engagement that is not there, or not for this person."""
    return NotFound("engagement.not_found", "没有找到这项对接", message_en="There is no such engagement")


def _load_driving(
    uow: UnitOfWork, actor: Actor, engagement_id: str, expected_version: int | None = None
) -> tuple[Engagement, str]:
    engagement, role = load_engagement(uow, actor, engagement_id)
    if role not in _DRIVING:
        raise NotAllowed(
            "engagement.copied_only",
            "您以抄送身份参加，可以查看和留言",
            message_en="You are copied: you may read and write messages",
        )
    if expected_version is not None and engagement.version != expected_version:
        raise edit_conflict()
    return engagement, role


def _load_participant(uow: UnitOfWork, engagement: Engagement, user_id: str) -> EngagementParticipant:
    row = uow.session.get(EngagementParticipant, (engagement.id, user_id))
    if row is None or row.left_at is not None:
        raise NotFound("participant.not_found", "没有这位参与人", message_en="There is no such participant")
    return row


def _add_step(
    uow: UnitOfWork,
    engagement: Engagement,
    actor: Actor,
    role: str,
    before: str | None,
    after: str,
    note: str,
    now: datetime,
) -> None:
    uow.session.add(
        EngagementStep(
            engagement_id=engagement.id,
            from_stage=before,
            to_stage=after,
            at=now,
            user_id=actor.user_id,
            role=role,
            note=note,
        )
    )


def _other(side: str) -> str | None:
    return {"need": "capability", "capability": "need"}.get(side)


def _require_open(engagement: Engagement) -> None:
    if engagement.stage == "closed":
        raise IllegalMove("engagement.closed", "对接已经结束", message_en="The engagement is closed")


def _require_contract(engagement: Engagement) -> None:
    if engagement.stage not in ("contract", "closed"):
        require_stage_move(engagement.stage, "contract")
        raise IllegalMove(
            "engagement.not_at_contract",
            "请先进入「签订合同」阶段，再以合同结束",
            message_en="Please go on to the stage contract before you close with a contract",
        )
    missing = [
        label
        for label, value in (
            ("contract_type", engagement.contract_type),
            ("contract_amount", engagement.contract_amount),
            ("signed_on", engagement.signed_on),
        )
        if value is None
    ]
    if missing:
        raise InvalidInput(
            "engagement.contract_incomplete",
            "以合同结束时，请先填写合同类型、成交额和签订日期",
            where=missing[0],
            message_en="A contract needs its type, amount and day of signing",
        )


def _check_terms(uow: UnitOfWork, terms: ContractTerms) -> None:
    listed: Mapping[str, set[str]] = _listed(uow, "cooperation_mode", "ip_arrangement")
    for name, vocabulary, fallback in (
        ("contract_type", "cooperation_mode", CONTRACT_TYPES),
        ("ip_arrangement", "ip_arrangement", ()),
    ):
        code = getattr(terms, name)
        if code and code not in (listed[vocabulary] or set(fallback)):
            raise InvalidInput(f"terms.{name}", "请从列表中选择", where=name, message_en="Please choose from the list")
    for name in ("contract_amount", "technology_amount"):
        amount = getattr(terms, name)
        if amount is None:
            continue
        if not amount.is_finite() or amount < 0 or amount > LARGEST_AMOUNT:
            raise InvalidInput(
                f"terms.{name}",
                f"金额应在 0 到 {LARGEST_AMOUNT} 万元之间",
                where=name,
                message_en="An amount lies between 0 and 10,000,000 (in 10,000 CNY)",
            )
        if (amount * 1_000_000) % 1:
            raise InvalidInput(
                f"terms.{name}", "金额最多精确到分", where=name, message_en="Amounts are exact to 0.01 CNY"
            )
    if terms.technology_amount is not None and (
        terms.contract_amount is None or terms.technology_amount > terms.contract_amount
    ):
        raise InvalidInput(
            "terms.technology_amount",
            "技术交易额不能超过成交额",
            where="technology_amount",
            message_en="The technology amount is a part of the contract's amount",
        )
    if terms.starts_on and terms.ends_on and terms.ends_on < terms.starts_on:
        raise InvalidInput(
            "terms.dates", "结束日期早于开始日期", where="ends_on", message_en="It ends before it begins"
        )
    check_text(terms.registration_number, "registration_number", 60)
    check_text(terms.benefit_terms, "benefit_terms", TEXT_LENGTH)
    check_text(terms.ip_terms, "ip_terms", TEXT_LENGTH)


def _check_outcome_reason(uow: UnitOfWork, reason_code: str | None, note: str) -> None:
    listed = _listed(uow, "outcome_reason")["outcome_reason"] or set(OUTCOME_REASONS)
    if reason_code not in listed:
        raise InvalidInput(
            "engagement.outcome_reason",
            "请选择没有达成的原因",
            where="reason_code",
            message_en="Please choose why nothing came of it",
        )
    if reason_code == "other" and not note.strip():
        raise InvalidInput(
            "engagement.outcome_note", "请写明其他原因", where="note", message_en="Please say what the reason is"
        )


def _listed(uow: UnitOfWork, *vocabularies: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {name: set() for name in vocabularies}
    rows = uow.session.execute(
        select(VocabularyTerm.vocabulary, VocabularyTerm.code).where(
            VocabularyTerm.vocabulary.in_(vocabularies), VocabularyTerm.active
        )
    )
    for vocabulary, code in rows:
        found[vocabulary].add(code)
    return found


def _plain(value: Any) -> Any:
    """A value as the audit log can keep it."""
    return value if value is None or isinstance(value, str) else str(value)

"""How long what is held of people is kept. Each night what is over goes, and the audit log says how much of what.

The periods are settings (README), the reasons stand in the register (`matching.privacy`).
"""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CursorResult, Text, and_, cast, delete, exists, insert, or_, select, update
from sqlalchemy.orm import Session

from matching.bootstrap import Platform
from matching.models import (
    AccountLink,
    AttemptCounter,
    AuditEntry,
    Delivery,
    Engagement,
    IdempotencyKey,
    ImportJob,
    Interest,
    Invitation,
    Notification,
    Registration,
    Suggestion,
    UnsentFile,
    UnsentText,
    UserSession,
)
from matching.services.actor import Actor
from matching.services.api_tokens import REPEATABLE_FOR
from matching.services.import_jobs import forget_import_files
from matching.services.kept_vectors import forget_vectors
from matching.services.open_records import forget_gone
from matching.services.privacy_erasure import keep_erasures
from matching.settings import Settings
from matching.store.audit_log import changeable_audit_log

logger = logging.getLogger(__name__)

_SETTLED = ("sent", "given_up", "dropped")
_UNCONFIRMED_DAYS, _LINK_DAYS, _GONE_RECORD_DAYS = 7, 30, 400

Forget = Callable[[Session, Settings, datetime], int]


def apply_retention(platform: Platform, now: datetime) -> dict[str, int]:
    """Delete or shorten everything whose time is over; returns how many rows of each kind, as the audit log has it.

    Each kind is a transaction of its own, and doing it again changes nothing.
    """
    report: dict[str, int] = {}
    for name, forget in _KINDS.items():
        with platform.unit_of_work() as uow:
            report[name] = forget(uow.session, platform.settings, now)
            uow.commit()
    report["import_files"] = forget_import_files(platform, now)
    report["vectors"] = forget_vectors(platform, now)
    keep_erasures(platform)
    if any(report.values()):
        with platform.unit_of_work() as uow:
            uow.record(now, None, "retention", "platform", "platform", **report)
            uow.commit()
        logger.info("retention: %s", ", ".join(f"{name} {count}" for name, count in report.items() if count))
    return report


def shorten_address(address: str) -> str:
    """The network an address is in (/24 of IPv4, /48 of IPv6), which names a region or provider and no household."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return ""
    return str(ipaddress.ip_network((parsed, 24 if parsed.version == 4 else 48), strict=False))


def forget_audit(platform: Platform, actor: Actor, now: datetime) -> int:
    """Delete lines of the audit log older than `audit_days`; for the operator at the command line, never by the beat.

    On PostgreSQL the role needs to own the table (docs/privacy.md). That it was done is a line of the log itself.
    """
    before = now - timedelta(days=platform.settings.audit_days)
    with platform.engine.execution_options(sqlite_begin="BEGIN IMMEDIATE").begin() as connection:
        with changeable_audit_log(connection):
            forgotten = connection.execute(delete(AuditEntry).where(AuditEntry.at < before)).rowcount
        connection.execute(
            insert(AuditEntry).values(
                at=now,
                actor_id=actor.user_id,
                action="audit.forget",
                subject_kind="platform",
                subject_id="platform",
                details={"before": before.isoformat(), "lines": forgotten},
            )
        )
    return forgotten


def _count(session: Session, statement: Any) -> int:
    result: CursorResult[Any] = session.execute(statement.execution_options(synchronize_session=False))  # type: ignore[assignment]
    return result.rowcount


def _sign_ins(session: Session, settings: Settings, now: datetime) -> int:
    unused = now - timedelta(hours=settings.session_hours)
    return _count(
        session, delete(UserSession).where(or_(UserSession.ended_at.is_not(None), UserSession.seen_at <= unused))
    )


def _addresses(session: Session, settings: Settings, now: datetime) -> int:
    """Of sign-ins that go on: their first day says enough about whether they were one's own."""
    rows = session.scalars(
        select(UserSession).where(
            UserSession.created_at <= now - timedelta(days=settings.address_days),
            UserSession.address.is_not(None),
            ~UserSession.address.contains("/"),
        )
    ).all()
    for row in rows:
        row.address = shorten_address(row.address or "") or None
    return len(rows)


def _attempts(session: Session, _settings: Settings, now: datetime) -> int:
    return _count(session, delete(AttemptCounter).where(AttemptCounter.ends_at <= now))


def _links(session: Session, _settings: Settings, now: datetime) -> int:
    return _count(session, delete(AccountLink).where(AccountLink.expires_at <= now - timedelta(days=_LINK_DAYS)))


def _repeatable(session: Session, _settings: Settings, now: datetime) -> int:
    """What creations were answered, kept for a request that is repeated."""
    return _count(session, delete(IdempotencyKey).where(IdempotencyKey.created_at <= now - REPEATABLE_FOR))


def _deliveries(session: Session, settings: Settings, now: datetime) -> int:
    over = now - timedelta(days=settings.delivery_days)
    return _count(session, delete(Delivery).where(Delivery.state.in_(_SETTLED), Delivery.finished_at <= over))


def _delivery_texts(session: Session, settings: Settings, now: datetime) -> int:
    """What letters said, and the addresses of those without an account. Which channel it was stays, for its owner.

    Those without an account wait a day only: nobody could ask what was held of them.
    """
    held = or_(Delivery.address.is_not(None), cast(Delivery.payload, Text).not_in(("{}", "null")))
    settled = Delivery.state.in_(_SETTLED)
    account = and_(
        Delivery.user_id.is_not(None),
        Delivery.channel == "mail",
        Delivery.finished_at <= now - timedelta(days=settings.delivery_text_days),
    )
    nobody = and_(Delivery.user_id.is_(None), Delivery.finished_at <= now - timedelta(days=1))
    emptied = _count(
        session, update(Delivery).where(settled, held, or_(account, nobody)).values(payload={}, address=None)
    )
    to_channels = session.scalars(
        select(Delivery).where(
            settled,
            Delivery.user_id.is_not(None),
            Delivery.channel != "mail",
            Delivery.finished_at <= now - timedelta(days=settings.delivery_text_days),
        )
    )
    for row in to_channels:
        left = {key: value for key, value in row.payload.items() if key == "channel_id"}
        if left != row.payload:
            row.payload = left
            emptied += 1
    return emptied


def _registrations(session: Session, settings: Settings, now: datetime) -> int:
    unconfirmed = and_(
        Registration.state == "unconfirmed", Registration.created_at <= now - timedelta(days=_UNCONFIRMED_DAYS)
    )
    refused = and_(
        Registration.state == "refused",
        Registration.decided_at <= now - timedelta(days=settings.refused_registration_days),
    )
    return _count(session, delete(Registration).where(or_(unconfirmed, refused)))


def _invitations(session: Session, settings: Settings, now: datetime) -> int:
    over = now - timedelta(days=settings.invitation_days)
    return _count(session, delete(Invitation).where(Invitation.accepted_at.is_(None), Invitation.expires_at <= over))


def _imports(session: Session, settings: Settings, now: datetime) -> int:
    over = now - timedelta(days=settings.import_days)
    jobs = session.scalars(select(ImportJob).where(ImportJob.created_at <= over)).all()
    for job in jobs:
        session.delete(job)
    return len(jobs)


def _unsent_texts(session: Session, settings: Settings, now: datetime) -> int:
    return _count(
        session, delete(UnsentText).where(UnsentText.updated_at <= now - timedelta(days=settings.unsent_text_days))
    )


def _unsent_files(session: Session, settings: Settings, now: datetime) -> int:
    # Those of visitors who never came back to sign in wait a day, as their forms do.
    over = now - timedelta(days=settings.unsent_text_days)
    nobodys = and_(UnsentFile.user_id.is_(None), UnsentFile.created_at <= now - timedelta(days=1))
    return _count(session, delete(UnsentFile).where(or_(UnsentFile.created_at <= over, nobodys)))


def _notifications(session: Session, settings: Settings, now: datetime) -> int:
    over = now - timedelta(days=settings.notification_days)
    # One that was never read goes after twice as long: nobody is looking any more.
    unread = now - timedelta(days=2 * settings.notification_days)
    return _count(
        session,
        delete(Notification).where(
            or_(
                and_(Notification.read_at.is_not(None), Notification.created_at <= over),
                Notification.created_at <= unread,
            )
        ),
    )


def _suggestions(session: Session, settings: Settings, now: datetime) -> int:
    """Withdrawn ones that nothing came of. What began a cooperation stays traceable."""
    led_nowhere = ~or_(
        exists().where(Engagement.suggestion_id == Suggestion.id),
        exists().where(Interest.suggestion_id == Suggestion.id),
        exists().where(Notification.suggestion_id == Suggestion.id),
    )
    over = now - timedelta(days=settings.suggestion_days)
    return _count(
        session,
        delete(Suggestion).where(Suggestion.status == "withdrawn", Suggestion.updated_at <= over, led_nowhere),
    )


def _open_records(session: Session, _settings: Settings, now: datetime) -> int:
    """That a record is no longer open data; who harvests less than once a year begins anew."""
    return forget_gone(session, now - timedelta(days=_GONE_RECORD_DAYS))


_KINDS: dict[str, Forget] = {
    "sign_ins": _sign_ins,
    "addresses": _addresses,
    "attempts": _attempts,
    "links": _links,
    "repeatable": _repeatable,
    "deliveries": _deliveries,
    "delivery_texts": _delivery_texts,
    "registrations": _registrations,
    "invitations": _invitations,
    "imports": _imports,
    "unsent_texts": _unsent_texts,
    "unsent_files": _unsent_files,
    "notifications": _notifications,
    "suggestions": _suggestions,
    "open_records": _open_records,
}

"""Links that are mailed and work once: confirming an address, choosing a new password, accepting an invitation.

The database holds no secret: a link is the id of a row, signed for its purpose by the installation.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from matching.errors import NotFound
from matching.models import AccountLink
from matching.services.signed_links import read_signed
from matching.settings import Settings


def make_link(session: Session, purpose: str, subject_id: str, now: datetime, *, life: timedelta) -> str:
    """Make a link within the caller's transaction, and spend earlier ones for the same; returns its id."""
    session.execute(
        update(AccountLink)
        .where(AccountLink.purpose == purpose, AccountLink.subject_id == subject_id, AccountLink.used_at.is_(None))
        .values(used_at=now)
    )
    link = AccountLink(purpose=purpose, subject_id=subject_id, created_at=now, expires_at=now + life)
    session.add(link)
    session.flush()
    return link.id


def find_link(session: Session, settings: Settings, purpose: str, token: str, now: datetime) -> str:
    """What the link is about, without spending it; raises NotFound for one that is forged, spent or past its time.

    Opening a mail must not spend it: mail programs look behind links before people do.
    """
    link_id = read_signed(settings, purpose, token)
    subject_id = (
        session.scalar(
            select(AccountLink.subject_id).where(
                AccountLink.id == link_id,
                AccountLink.purpose == purpose,
                AccountLink.used_at.is_(None),
                AccountLink.expires_at > now,
            )
        )
        if link_id is not None
        else None
    )
    if subject_id is None:
        raise spent_link()
    return subject_id


def use_link(session: Session, settings: Settings, purpose: str, token: str, now: datetime) -> str:
    """Spend a link within the caller's transaction and return what it is about; of two at once one gets NotFound."""
    subject_id = find_link(session, settings, purpose, token, now)
    spent = session.execute(
        update(AccountLink)
        .where(AccountLink.id == read_signed(settings, purpose, token), AccountLink.used_at.is_(None))
        .values(used_at=now)
    )
    if not spent.rowcount:  # type: ignore[attr-defined]
        raise spent_link()
    return subject_id


def spend_links(session: Session, purpose: str, subject_id: str, now: datetime) -> None:
    """End all links for the subject, within the caller's transaction."""
    session.execute(
        update(AccountLink)
        .where(AccountLink.purpose == purpose, AccountLink.subject_id == subject_id, AccountLink.used_at.is_(None))
        .values(used_at=now)
    )


def spent_link() -> NotFound:
    """The error for a link that does not work, whatever the reason."""
    return NotFound(
        "link.spent",
        "这个链接已经用过、过期或不完整，请重新申请",
        message_en="This link was used already, has expired or is incomplete; please ask for a new one",
    )

"""Files of messages in an engagement: checked and kept as the files of posts are, and only for those who take part.

Staff who look after an engagement read that a file was sent, and its name; what is in it the parties showed to each
other, not to the office.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import IO

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from matching.bootstrap import Platform
from matching.errors import InvalidInput, NotAllowed
from matching.models import Engagement, EngagementFile, EngagementMessage
from matching.queries.engagements import role_in
from matching.services.actor import Actor
from matching.services.attachments import StoredFile, attachment_not_found, attachments_folder, store_file
from matching.services.engagements import engagement_not_found, send_message
from matching.store.unit_of_work import UnitOfWork

MOST_PER_MESSAGE = 5
MOST_PER_ENGAGEMENT = 200
PARTIES = frozenset(("need", "capability", "institution", "broker"))


def send_message_with_files(
    platform: Platform,
    actor: Actor,
    engagement_id: str,
    text: str,
    files: Sequence[tuple[str, IO[bytes]]],
    now: datetime,
    *,
    message_id: str | None = None,
) -> EngagementMessage:
    """Send a message and the files given by (name, content) with it: all of them, or nothing is sent.

    Raises InvalidInput that names the file which is not taken, and NotAllowed to staff, whose messages carry no files.
    """
    if not files:
        with platform.unit_of_work() as uow:
            return send_message(uow, actor, engagement_id, text, now, message_id=message_id)
    with platform.reading() as session:
        engagement = session.get(Engagement, engagement_id)
        role = role_in(session, actor, engagement) if engagement is not None else None
        if engagement is None or role is None:
            raise engagement_not_found()
        if role not in PARTIES:
            raise NotAllowed(
                "message.files_of_parties",
                "只有参与人可以发送文件",
                message_en="Only those who take part send files",
            )
    if len(files) > MOST_PER_MESSAGE:
        raise InvalidInput(
            "message.too_many_files",
            f"一条留言最多 {MOST_PER_MESSAGE} 个文件",
            where="file",
            message_en=f"A message has at most {MOST_PER_MESSAGE} files",
        )
    stored: list[StoredFile] = []
    kept = False
    try:
        for name, content in files:
            stored.append(_store(platform, name, content))  # one by one: what was stored is known where a later fails
        with platform.unit_of_work() as uow:
            text = text.strip() or "、".join(one.name for one in stored)
            message = send_message(
                uow, actor, engagement_id, text, now, message_id=message_id,
                with_it=lambda row: _add_files(uow, actor, row, stored, now),
            )  # fmt: skip
        # Sent before by the same form: the files of the first time are the message's.
        with platform.reading() as session:
            known = {row.stored_name for row in list_message_files(session, engagement_id)}
        kept = all(one.stored_name in known for one in stored)
        return message
    finally:
        if not kept:
            for one in stored:
                (attachments_folder(platform.settings) / one.stored_name).unlink(missing_ok=True)


def _store(platform: Platform, name: str, content: IO[bytes]) -> StoredFile:
    try:
        return store_file(platform.settings, name, content)
    except InvalidInput as error:
        raise InvalidInput(
            error.code, f"{name}：{error.message}", where="file", message_en=f"{name}: {error.message_en}"
        ) from error


def _add_files(
    uow: UnitOfWork, actor: Actor, message: EngagementMessage, stored: Iterable[StoredFile], now: datetime
) -> None:
    present = uow.session.scalar(select(func.count()).where(EngagementFile.engagement_id == message.engagement_id))
    for place, one in enumerate(stored, start=1):
        if (present or 0) + place > MOST_PER_ENGAGEMENT:
            raise InvalidInput(
                "message.too_many_files",
                f"一次对接最多 {MOST_PER_ENGAGEMENT} 个文件",
                where="file",
                message_en=f"An engagement has at most {MOST_PER_ENGAGEMENT} files",
            )
        row = EngagementFile(engagement_id=message.engagement_id, message_id=message.id, created_at=now, **one.columns)
        uow.session.add(row)
        uow.session.flush()
        uow.record(now, actor.user_id, "message_file.add", "engagement", message.engagement_id, file=row.id)


def list_message_files(session: Session, engagement_id: str) -> list[EngagementFile]:
    """The engagement's files in the order they were sent; for readers who may see the engagement."""
    return list(
        session.scalars(
            select(EngagementFile)
            .where(EngagementFile.engagement_id == engagement_id)
            .order_by(EngagementFile.created_at, EngagementFile.id)
        )
    )


def fetch_message_file(
    uow: UnitOfWork, actor: Actor, engagement_id: str, file_id: str, now: datetime
) -> EngagementFile:
    """The file's row for somebody who takes part, noted in the audit log; raises NotFound for everybody else."""
    engagement = uow.session.get(Engagement, engagement_id)
    row = uow.session.get(EngagementFile, file_id)
    if engagement is None or row is None or row.engagement_id != engagement.id:
        raise attachment_not_found()
    if role_in(uow.session, actor, engagement) not in PARTIES:
        raise attachment_not_found()
    uow.record(now, actor.user_id, "message_file.download", "engagement", engagement.id, file=row.id)
    uow.commit()
    return row

"""Group robots and webhooks of a person: adding, trying and removing them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from matching.errors import InvalidInput, NotAllowed, NotFound
from matching.models import Channel, Delivery
from matching.models.delivery import CHANNEL_KINDS
from matching.notifying.notices import GROUPS
from matching.notifying.request_guard import RequestNotSent, check_address
from matching.services.actor import Actor
from matching.services.deliveries import owe_delivery
from matching.store.unit_of_work import UnitOfWork

MOST_CHANNELS = 10
NAME_LENGTH = 80


def add_channel(
    uow: UnitOfWork,
    actor: Actor,
    *,
    kind: str,
    name: str,
    url: str,
    groups: Sequence[str],
    secret: str = "",
    now: datetime,
) -> Channel:
    """Add a channel of the actor's own. Raises InvalidInput naming the field.

    Whether the address is public is asked again at every message: what a name resolves to changes.
    """
    if actor.user_id is None:
        raise NotAllowed("account.required", "请先登录", message_en="Please sign in")
    if kind not in CHANNEL_KINDS:
        raise InvalidInput("channel.kind", "请选择类型", where="kind", message_en="Please choose a kind")
    called = " ".join(name.split())
    if not 1 <= len(called) <= NAME_LENGTH:
        raise InvalidInput(
            "channel.name",
            f"请填写名称（不超过 {NAME_LENGTH} 字）",
            where="name",
            message_en=f"Please give a name (at most {NAME_LENGTH} characters)",
        )
    address = url.strip()
    try:
        check_address(address)
    except RequestNotSent as error:
        raise InvalidInput(error.code, error.message, where="url", message_en=error.message_en) from error
    if set(groups) - set(GROUPS) or not groups:
        raise InvalidInput(
            "channel.groups", "请选择发送哪些通知", where="groups", message_en="Please choose what goes there"
        )
    count = uow.session.scalar(select(func.count()).where(Channel.user_id == actor.user_id))
    if (count or 0) >= MOST_CHANNELS:
        raise InvalidInput(
            "channel.too_many",
            f"最多 {MOST_CHANNELS} 个渠道",
            where="name",
            message_en=f"At most {MOST_CHANNELS} channels",
        )
    row = Channel(
        user_id=actor.user_id,
        kind=kind,
        name=called,
        url=address,
        secret=secret.strip() or None,
        groups=[group for group in GROUPS if group in groups],
        created_at=now,
    )
    uow.session.add(row)
    uow.session.flush()
    uow.record(now, actor.user_id, "channel.add", "channel", row.id, kind=kind)
    uow.commit()
    return row


def try_channel(uow: UnitOfWork, actor: Actor, channel_id: str, now: datetime) -> str:
    """Owe a message that says that the channel works; returns the delivery's id."""
    row = _own(uow.session, actor, channel_id)
    delivery_id = owe_delivery(
        uow.session,
        channel="webhook" if row.kind == "webhook" else "robot",
        kind="channel_test",
        once_key=f"channel_test:{row.id}:{now.isoformat()}",
        user_id=row.user_id,
        payload={"channel_id": row.id},
        now=now,
    )
    uow.commit()
    return delivery_id


def remove_channel(uow: UnitOfWork, actor: Actor, channel_id: str, now: datetime) -> None:
    """Remove a channel; what is still owed to it is dropped."""
    row = _own(uow.session, actor, channel_id)
    uow.session.delete(row)
    uow.record(now, actor.user_id, "channel.remove", "channel", channel_id)
    uow.commit()


def list_channels(session: Session, user_id: str) -> list[tuple[Channel, Delivery | None]]:
    """The person's channels, each with its latest delivery."""
    rows = session.scalars(select(Channel).where(Channel.user_id == user_id).order_by(Channel.created_at, Channel.id))
    channels = list(rows)
    latest: dict[str, Delivery] = {}
    deliveries = session.scalars(
        select(Delivery)
        .where(Delivery.user_id == user_id, Delivery.channel != "mail")
        .order_by(Delivery.created_at.desc(), Delivery.id)
        .limit(200)
    )
    for one in deliveries:
        latest.setdefault(str(one.payload.get("channel_id")), one)
    return [(channel, latest.get(channel.id)) for channel in channels]


def _own(session: Session, actor: Actor, channel_id: str) -> Channel:
    row = session.get(Channel, channel_id)
    if row is None or row.user_id != actor.user_id:
        raise NotFound("channel.not_found", "没有这个渠道", message_en="There is no such channel")
    return row

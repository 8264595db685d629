"""Group robots and webhooks of the caller."""

from __future__ import annotations

from typing import Any

from flask import Response

from matching.models import Channel as Row
from matching.models import Delivery
from matching.notifying.channels import webhook_secret
from matching.services.channels import add_channel, list_channels, remove_channel, try_channel
from web.api.access import caller
from web.api.answers import nothing_more
from web.api.document import Noun
from web.api.schemas.own_data import Channel, ChannelEntry, ChannelList
from web.reader import now, platform

channels = Noun("channels", "/channels", "通知渠道: group robots and webhooks to which the caller's notifications go.")


@channels.operation(
    "GET", "", name="list_channels", zh="通知渠道", en="List channels", access="read", answers=ChannelList
)
def list_all() -> dict[str, Any]:
    """List channels"""
    with platform().reading() as session:
        return {"items": [_shown(row, latest) for row, latest in list_channels(session, caller().user_id)]}


@channels.operation(
    "POST",
    "",
    name="add_channel",
    zh="添加渠道",
    en="Add a channel",
    access="write",
    answers=Channel,
    status=201,
    body=ChannelEntry,
)
def add(entry: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """Add a channel

    Private addresses are refused. A webhook's calls are signed with `webhook_secret`, see docs/notifications.md.
    """
    with platform().unit_of_work() as uow:
        row = add_channel(
            uow,
            caller().actor,
            kind=entry["kind"],
            name=entry["name"],
            url=entry["url"],
            secret=entry["secret"],
            groups=entry["groups"],
            now=now(),
        )
    return _shown(row, None), 201


@channels.operation(
    "POST",
    "/<id:channel_id>/try",
    name="try_channel",
    zh="测试渠道",
    en="Try a channel",
    access="write",
    answers=None,
    status=204,
    problems=(422,),
)
def try_out(channel_id: str) -> Response:
    """Try a channel

    A message that says that it works is owed.
    """
    with platform().unit_of_work() as uow:
        try_channel(uow, caller().actor, channel_id, now())
    return nothing_more()


@channels.operation(
    "DELETE",
    "/<id:channel_id>",
    name="remove_channel",
    zh="删除渠道",
    en="Remove a channel",
    access="write",
    answers=None,
    status=204,
)
def remove(channel_id: str) -> Response:
    """Remove a channel"""
    with platform().unit_of_work() as uow:
        remove_channel(uow, caller().actor, channel_id, now())
    return nothing_more()


def _shown(row: Row, latest: Delivery | None) -> dict[str, Any]:
    return {
        "id": row.id,
        "kind": row.kind,
        "name": row.name,
        "groups": list(row.groups),
        "created_at": row.created_at,
        "webhook_secret": webhook_secret(platform().settings, row.id) if row.kind == "webhook" else None,
        "last_state": latest.state if latest is not None else None,
        "last_error": latest.last_error if latest is not None else None,
    }

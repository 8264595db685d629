"""What a group robot or a webhook is sent, and how each kind is signed and answers."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from matching.models import Channel
from matching.notifying.request_guard import Answer, RequestNotSent
from matching.services.signed_links import derive_key
from matching.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelMessage:
    """What is told: a line, perhaps a title, and where to read on."""

    delivery_id: str
    kind: str
    line: str
    url: str
    title: str | None = None
    post_id: str | None = None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ChannelRequest:
    """One POST."""

    url: str
    content: bytes
    headers: Mapping[str, str]


def write_request(channel: Channel, message: ChannelMessage, now: datetime, settings: Settings) -> ChannelRequest:
    """The request that tells the message on the channel."""
    if channel.kind == "webhook":
        return _webhook(channel, message, now, settings)
    text = "\n".join(part for part in (message.line, message.title, message.url) if part)
    url = channel.url
    body: dict[str, Any]
    if channel.kind == "feishu":
        body = {"msg_type": "text", "content": {"text": text}}
        if channel.secret:
            seconds = str(int(now.timestamp()))
            body |= {"timestamp": seconds, "sign": sign_feishu(channel.secret, seconds)}
    else:
        body = {"msgtype": "text", "text": {"content": text}}
        if channel.kind == "dingtalk" and channel.secret:
            milliseconds = str(int(now.timestamp() * 1000))
            joint = "&" if "?" in url else "?"
            url += f"{joint}timestamp={milliseconds}&sign={quote(sign_dingtalk(channel.secret, milliseconds), safe='')}"
    return ChannelRequest(url, _json(body), {})


def read_answer(channel: Channel, answer: Answer) -> None:
    """Raises RequestNotSent unless the message was taken; robots answer 200 and say in the body what went wrong."""
    if not 200 <= answer.status < 300:
        lasting = 300 <= answer.status < 500 and answer.status not in (408, 425, 429)
        raise _refused(f"HTTP {answer.status}", permanent=lasting)
    if channel.kind == "webhook":
        return
    try:
        said = json.loads(answer.content)
        code = said.get("errcode", said.get("code", said.get("StatusCode")))
    except (ValueError, AttributeError) as error:
        raise _refused("no JSON", permanent=False) from error
    if code != 0:
        raise _refused(f"errcode {code}" if isinstance(code, int) else "no errcode", permanent=False)


def webhook_secret(settings: Settings, channel_id: str) -> str:
    """What a webhook's receiver checks signatures with; follows from the installation's secret, kept nowhere."""
    return base64.urlsafe_b64encode(derive_key(settings, f"webhook:{channel_id}")).decode().rstrip("=")


def sign_webhook(secret: str, timestamp: str, content: bytes) -> str:
    """HMAC-SHA-256 over `timestamp.body`, hexadecimal."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + content, hashlib.sha256).hexdigest()


def sign_dingtalk(secret: str, milliseconds: str) -> str:
    """As DingTalk documents: HMAC-SHA-256 of `timestamp\\nsecret` with the secret as key, Base64."""
    digest = hmac.new(secret.encode(), f"{milliseconds}\n{secret}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def sign_feishu(secret: str, seconds: str) -> str:
    """As Feishu documents: HMAC-SHA-256 of nothing with `timestamp\\nsecret` as key, Base64."""
    digest = hmac.new(f"{seconds}\n{secret}".encode(), b"", hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def _webhook(channel: Channel, message: ChannelMessage, now: datetime, settings: Settings) -> ChannelRequest:
    content = _json(
        {
            "id": message.delivery_id,
            "kind": message.kind,
            "text": message.line,
            "url": message.url,
            "post": {"id": message.post_id, "title": message.title} if message.post_id else None,
            "created_at": message.created_at.isoformat(),
        }
    )
    timestamp = str(int(now.timestamp()))
    return ChannelRequest(
        channel.url,
        content,
        {
            "X-Duijie-Delivery": message.delivery_id,
            "X-Duijie-Timestamp": timestamp,
            "X-Duijie-Signature": "v1=" + sign_webhook(webhook_secret(settings, channel.id), timestamp, content),
        },
    )


def _json(body: dict[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")


def _refused(detail: str, *, permanent: bool) -> RequestNotSent:
    return RequestNotSent(
        "channel.refused",
        "对方拒绝了消息",
        message_en="The other side refused the message",
        detail=detail,
        permanent=permanent,
    )

"""The receiver of docs/examples understands what webhooks are sent, and nothing else."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from matching.models import Channel
from matching.notifying.channels import ChannelMessage, ChannelRequest, webhook_secret, write_request
from matching.settings import Settings

EXAMPLE = Path(__file__).parents[4] / "docs" / "examples" / "webhook_receiver.py"
Verify = Callable[..., dict[str, Any] | None]


@pytest.fixture(scope="module")
def verify() -> Verify:
    spec = importlib.util.spec_from_file_location("webhook_receiver", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Verify = module.verify
    return found


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(mode="demonstration", data_dir=tmp_path)


@pytest.fixture
def sent(settings: Settings, now: datetime) -> ChannelRequest:
    channel = Channel(id="c1", kind="webhook", name="ERP", url="https://example.cn/hook", groups=[])
    message = ChannelMessage(
        delivery_id="d1", kind="suggestion", line="有新的建议", url="https://d/posts/1", created_at=now
    )
    return write_request(channel, message, now, settings)


def test_it_takes_what_we_send(verify: Verify, settings: Settings, sent: ChannelRequest, now: datetime) -> None:
    message = verify(webhook_secret(settings, "c1"), sent.headers, sent.content, now.timestamp())
    assert message is not None
    assert (message["id"], message["text"]) == ("d1", "有新的建议")


def test_it_refuses_what_was_changed_is_old_or_from_somebody_else(
    verify: Verify, settings: Settings, sent: ChannelRequest, now: datetime
) -> None:
    secret, moment = webhook_secret(settings, "c1"), now.timestamp()
    assert verify(secret, sent.headers, sent.content + b" ", moment) is None
    assert verify(webhook_secret(settings, "c2"), sent.headers, sent.content, moment) is None
    assert verify(secret, sent.headers, sent.content, (now + timedelta(minutes=6)).timestamp()) is None
    later = str(int(moment) + 1)
    assert verify(secret, {**sent.headers, "X-Duijie-Timestamp": later}, sent.content, moment) is None
    assert verify(secret, {}, sent.content, moment) is None
    assert verify(secret, {**sent.headers, "X-Duijie-Signature": "v1=签名"}, sent.content, moment) is None

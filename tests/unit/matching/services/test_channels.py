"""Group robots and webhooks, before a real HTTP server: signed, told once, silent about what a group may not read."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select

from matching.bootstrap import Platform
from matching.errors import InvalidInput, NotAllowed, NotFound
from matching.models import Delivery
from matching.notifying.channels import webhook_secret
from matching.notifying.posts import tell_writers
from matching.services.actor import Actor
from matching.services.channels import MOST_CHANNELS, add_channel, list_channels, remove_channel, try_channel
from matching.services.posts import load_post
from tests.factories.deliveries import deliver_everything
from tests.factories.people import Member, make_member
from tests.factories.platforms import make_platform
from tests.factories.posts import make_need
from tests.servers.http import HttpServer, start_http


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with start_http() as started:
        yield started


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    made = make_platform(tmp_path, private_networks="127.0.0.0/8", public_url="https://duijie.example")
    yield made
    made.close()


@pytest.fixture
def firm(platform: Platform, now: datetime) -> Member:
    return make_member(platform, now, email="firm@example.cn", organisation="示例电路")


def add(
    platform: Platform, actor: Actor, server: HttpServer, now: datetime, kind: str = "wecom", **changes: Any
) -> str:
    fields: dict[str, Any] = {"kind": kind, "name": "群", "url": server.url(), "groups": ["posts"], "now": now}
    with platform.unit_of_work() as uow:
        return add_channel(uow, actor, **(fields | changes)).id


def tell(platform: Platform, post_id: str, now: datetime, kind: str = "post_published", occasion: str = "1") -> None:
    with platform.unit_of_work() as uow:
        tell_writers(uow.session, load_post(uow, post_id), kind, occasion, now)
        uow.commit()


@pytest.mark.parametrize("kind", ["wecom", "dingtalk", "feishu", "webhook"])
def test_each_kind_is_told_once_in_its_form(
    platform: Platform, server: HttpServer, now: datetime, firm: Member, kind: str
) -> None:
    add(platform, firm.actor, server, now, kind, secret="SEC" if kind in ("dingtalk", "feishu") else "")
    post_id = make_need(platform, firm, now, title="涂层\u2028起泡 🙂", publish=False)
    tell(platform, post_id, now)
    if kind == "feishu":
        server.content = b'{"StatusCode": 0, "code": 0}'
    assert deliver_everything(platform, now) == ["sent"]
    assert deliver_everything(platform, now + timedelta(days=1)) == []
    [received] = server.received
    body = json.loads(received.content)
    url = f"https://duijie.example/posts/{post_id}"
    arguments = parse_qs(urlsplit(received.path).query)
    assert arguments["key"] == ["secret-key"]
    if kind == "wecom":
        assert body == {"msgtype": "text", "text": {"content": f"您的信息已发布\n{url}"}}
    elif kind == "dingtalk":
        assert body == {"msgtype": "text", "text": {"content": f"您的信息已发布\n{url}"}}
        [moment] = arguments["timestamp"]
        wanted = hmac.new(b"SEC", f"{moment}\nSEC".encode(), hashlib.sha256).digest()
        assert arguments["sign"] == [base64.b64encode(wanted).decode()]
        assert int(moment) == int(now.timestamp() * 1000)
    elif kind == "feishu":
        wanted = hmac.new(f"{int(now.timestamp())}\nSEC".encode(), b"", hashlib.sha256).digest()
        assert body["sign"] == base64.b64encode(wanted).decode()
        assert body["timestamp"] == str(int(now.timestamp()))
        assert body["content"] == {"text": f"您的信息已发布\n{url}"}
    else:
        assert (body["kind"], body["text"], body["url"], body["post"]) == (
            "post_published", "您的信息已发布", url, None,
        )  # fmt: skip


def test_a_webhook_is_signed_over_time_and_body(
    platform: Platform, server: HttpServer, now: datetime, firm: Member
) -> None:
    channel_id = add(platform, firm.actor, server, now, "webhook")
    tell(platform, make_need(platform, firm, now, publish=False), now)
    server.content = b""
    assert deliver_everything(platform, now) == ["sent"]
    [received] = server.received
    secret = webhook_secret(platform.settings, channel_id)
    moment = received.headers["X-Duijie-Timestamp"]
    wanted = hmac.new(secret.encode(), f"{moment}.".encode() + received.content, hashlib.sha256).hexdigest()
    assert received.headers["X-Duijie-Signature"] == f"v1={wanted}"
    assert received.headers["X-Duijie-Delivery"] == json.loads(received.content)["id"]
    assert secret != webhook_secret(platform.settings, "another")


def test_a_group_reads_the_title_only_where_everybody_may(
    platform: Platform, server: HttpServer, now: datetime, firm: Member
) -> None:
    add(platform, firm.actor, server, now)
    for title, visibility, publish in (
        ("公开的标题", "public", True),
        ("会员的标题", "members", True),
        ("草稿的标题", "public", False),
    ):
        post_id = make_need(platform, firm, now, title=title, visibility=visibility, publish=publish)
        tell(platform, post_id, now)
    deliver_everything(platform, now)
    said = "".join(one.content.decode() for one in server.received)
    assert "公开的标题" in said
    assert "会员的标题" not in said
    assert "草稿的标题" not in said


def test_only_the_chosen_groups_go_there(platform: Platform, server: HttpServer, now: datetime, firm: Member) -> None:
    add(platform, firm.actor, server, now, groups=["interests"])
    tell(platform, make_need(platform, firm, now, publish=False), now)
    assert deliver_everything(platform, now) == []


@pytest.mark.parametrize(
    ("status", "content", "state"),
    [
        (500, b"", "failed"),
        (429, b"", "failed"),
        (302, b"", "given_up"),
        (404, b"", "given_up"),
        (200, b'{"errcode": 45009}', "failed"),
        (200, b"<html>", "failed"),
        (200, b"[]", "failed"),
        (200, b'{"errcode": "x"}', "failed"),
    ],
)
def test_what_the_other_side_refuses_is_tried_again_or_given_up(
    platform: Platform, server: HttpServer, now: datetime, firm: Member, status: int, content: bytes, state: str
) -> None:
    add(platform, firm.actor, server, now)
    tell(platform, make_need(platform, firm, now, publish=False), now)
    server.status, server.content = status, content
    assert deliver_everything(platform, now) == [state]
    with platform.reading() as session:
        row = session.scalars(select(Delivery)).one()
        assert row.state == state
        assert row.last_error is not None
        assert row.last_error.startswith("channel.refused")
        assert "secret-key" not in row.last_error


def test_an_address_inside_is_refused_when_it_is_called(tmp_path: Path, server: HttpServer, now: datetime) -> None:
    walled = make_platform(tmp_path / "walled")
    firm = make_member(walled, now, email="firm@example.cn")
    add(walled, firm.actor, server, now)
    tell(walled, make_need(walled, firm, now, publish=False), now)
    assert deliver_everything(walled, now) == ["given_up"]
    assert server.received == []
    with walled.reading() as session:
        assert session.scalars(select(Delivery.last_error)).one() == "channel.address_refused"
    walled.close()


def test_trying_listing_and_removing(platform: Platform, server: HttpServer, now: datetime, firm: Member) -> None:
    channel_id = add(platform, firm.actor, server, now)
    stranger = make_member(platform, now, email="s@example.cn", organisation="另一单位")
    for use in (try_channel, remove_channel):
        with pytest.raises(NotFound), platform.unit_of_work() as uow:
            use(uow, stranger.actor, channel_id, now)
    with platform.unit_of_work() as uow:
        try_channel(uow, firm.actor, channel_id, now)
    assert deliver_everything(platform, now) == ["sent"]
    assert "这个通知渠道可以使用" in server.received[0].content.decode()
    with platform.reading() as session:
        [(channel, latest)] = list_channels(session, firm.user_id)
        assert channel.id == channel_id
        assert latest is not None
        assert latest.state == "sent"
        assert list_channels(session, stranger.user_id) == []
    tell(platform, make_need(platform, firm, now, publish=False), now)
    with platform.unit_of_work() as uow:
        try_channel(uow, firm.actor, channel_id, now + timedelta(seconds=1))
    with platform.unit_of_work() as uow:
        remove_channel(uow, firm.actor, channel_id, now)
    assert deliver_everything(platform, now + timedelta(seconds=1)) == ["dropped"]
    assert len(server.received) == 1


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"kind": "fax"}, "kind"),
        ({"name": " "}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"url": "javascript:alert(1)"}, "url"),
        ({"url": ""}, "url"),
        ({"groups": []}, "groups"),
        ({"groups": ["nix"]}, "groups"),
    ],
)
def test_wrong_channels_are_named(
    platform: Platform, server: HttpServer, now: datetime, firm: Member, changes: dict[str, Any], where: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        add(platform, firm.actor, server, now, **({"kind": "wecom"} | changes))
    assert caught.value.where == where


def test_a_person_has_so_many(platform: Platform, server: HttpServer, now: datetime, firm: Member) -> None:
    for _ in range(MOST_CHANNELS):
        add(platform, firm.actor, server, now)
    with pytest.raises(InvalidInput):
        add(platform, firm.actor, server, now)
    with pytest.raises(NotAllowed):
        add(platform, Actor(user_id=None), server, now)

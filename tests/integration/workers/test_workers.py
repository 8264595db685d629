"""Real worker processes over a real Redis: what a commit owes is done once, whatever gets lost or comes twice."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import Celery
from redis import Redis
from sqlalchemy import select

from matching.clock import utc_now
from matching.models import Notification, OutboxEntry, Suggestion
from matching.store.outbox import DRAIN_TASK, UPKEEP_QUEUE
from matching.store.redis_server import free_port
from matching.store.unit_of_work import no_nudge
from tests.factories.people import Member, make_member
from tests.factories.posts import make_capability, make_need
from tests.integration.comparison import find_differences
from tests.integration.product import Product, make_product
from tests.servers.redis import RedisServer

pytestmark = pytest.mark.integration


@pytest.fixture
def product(tmp_path: Path, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Product]:
    made = make_product(tmp_path, monkeypatch.setenv, redis_url=redis_server.url)
    yield made
    made.stop()


def people(product: Product) -> tuple[Member, Member]:
    now = utc_now()
    return (
        make_member(product.platform, now, email="firm@example.cn", organisation="示例电路"),
        make_member(product.platform, now, email="uni@example.cn", organisation="示例大学", kind="university"),
    )


def told(product: Product) -> list[str]:
    with product.platform.reading() as session:
        return sorted(session.scalars(select(Notification.user_id)))


def pairs(product: Product) -> list[tuple[str, str, str]]:
    with product.platform.reading() as session:
        rows = session.scalars(select(Suggestion))
        return sorted((row.need_id, row.capability_id, row.status) for row in rows)


def test_from_a_post_to_both_inboxes_and_twice_is_once(product: Product, redis_server: RedisServer) -> None:
    product.start("matching")
    product.start("upkeep")
    firm, university = people(product)
    need_id = make_need(product.platform, firm, utc_now())
    capability_id = make_capability(product.platform, university, utc_now())
    # No beat runs: only the nudges of the commits wake the workers.
    product.wait_until(lambda: len(told(product)) == 2 and product.open_rows() == 0, "both are told")
    assert told(product) == sorted([firm.user_id, university.user_id])
    assert pairs(product) == [(need_id, capability_id, "active")]

    sender = Celery(broker=redis_server.url)
    for _ in range(2):
        for task in ("duijie.refresh_post", "duijie.rank_post"):
            for post_id in (need_id, capability_id):
                sender.send_task(task, kwargs={"post_id": post_id}, queue="matching")
    # Tasks of one queue and priority are taken in order: when this one's work is done, so are those before.
    last_id = make_need(product.platform, firm, utc_now(), title="红茶发酵")
    product.wait_until(lambda: len(pairs(product)) == 2 and product.open_rows() == 0, "the last post is ranked")
    assert (last_id, capability_id, "active") in pairs(product)
    assert find_differences(product.platform, utc_now()) == []


def test_a_lost_nudge_is_made_up_for_by_the_beat_whatever_the_zone(product: Product) -> None:
    product.platform.nudge = no_nudge
    firm, university = people(product)
    make_need(product.platform, firm, utc_now())
    make_capability(product.platform, university, utc_now())
    product.start("matching", TZ="America/New_York")
    product.start("upkeep", TZ="America/New_York")
    product.start("beat", TZ="America/New_York")
    product.wait_until(lambda: len(told(product)) == 2 and product.open_rows() == 0, "both are told")
    assert find_differences(product.platform, utc_now()) == []


def test_a_failing_task_is_reported_in_the_outbox_and_tried_again(product: Product) -> None:
    product.platform.nudge = no_nudge
    firm, university = people(product)
    make_need(product.platform, firm, utc_now())
    make_capability(product.platform, university, utc_now())
    away = f"http://somebody:secret@127.0.0.1:{free_port()}"
    product.start("matching", DUIJIE_INDEX_URL=away)
    product.start("upkeep")
    product.start("beat")

    def failed_twice() -> bool:
        with product.platform.reading() as session:
            rows = session.scalars(select(OutboxEntry)).all()
            return all(row.attempts >= 2 and (row.last_error or "").startswith("PartUnavailable") for row in rows)

    product.wait_until(failed_twice, "both posts were tried twice, with the reason")
    assert told(product) == []
    assert "secret" not in product.log("matching")
    with product.platform.reading() as session:
        assert not any("secret" in (row.last_error or "") for row in session.scalars(select(OutboxEntry)))
    product.kill("matching")
    product.start("matching")
    product.wait_until(lambda: product.open_rows() == 0, "the work is done once the index is back")
    assert told(product) == sorted([firm.user_id, university.user_id])
    assert find_differences(product.platform, utc_now()) == []


def test_tasks_that_died_with_their_worker_are_done_by_another(product: Product, redis_server: RedisServer) -> None:
    """Redis gives an unacknowledged task away after an hour; the outbox does not wait for that."""
    firm, university = people(product)
    make_need(product.platform, firm, utc_now())
    make_capability(product.platform, university, utc_now())
    product.start("upkeep")

    def claimed() -> bool:
        with product.platform.reading() as session:
            return all(row.attempts for row in session.scalars(select(OutboxEntry)))

    product.wait_until(claimed, "the posts are claimed")
    redis_server.stop(kill=True)
    redis_server.lose_data()  # the tasks are gone, with whatever worker had them
    redis_server.start()
    product.let_claims_run_out()
    product.start("beat")
    product.start("matching")
    product.wait_until(lambda: len(told(product)) == 2 and product.open_rows() == 0, "both are told")
    assert find_differences(product.platform, utc_now()) == []


def test_a_worker_lives_on_when_redis_dies_under_its_tasks(product: Product, redis_server: RedisServer) -> None:
    """With tasks delivered, running and being acknowledged at that moment."""
    product.start("upkeep")
    for _ in range(6):
        with Redis.from_url(redis_server.url) as client, Celery(broker=redis_server.url) as sender:
            for _ in range(30):
                sender.send_task(DRAIN_TASK, queue=UPKEEP_QUEUE)
            product.wait_until(lambda client=client: client.llen(UPKEEP_QUEUE) < 28, "tasks are being done")
        redis_server.stop(kill=True)
        redis_server.lose_data()
        redis_server.start()
    with Redis.from_url(redis_server.url) as client, Celery(broker=redis_server.url) as sender:
        sender.send_task(DRAIN_TASK, queue=UPKEEP_QUEUE)
        product.wait_until(lambda: not client.llen(UPKEEP_QUEUE) and not client.hlen("unacked"), "the last is done")
    assert product.running["upkeep"].poll() is None
    assert "Unrecoverable" not in product.log("upkeep")


def test_the_calendar_is_that_of_china_whatever_the_host_says(product: Product) -> None:
    """At 00:59 UTC it is 08:59 in China, and the notices of 9 o'clock are due in a minute."""
    script = """
from datetime import UTC, datetime
from workers.celery_app import app
moment = datetime(2026, 11, 25, 0, 59, tzinfo=UTC)
app.now = lambda: moment.astimezone(app.timezone)
entry = app.conf.beat_schedule["tell owners of posts about to expire"]["schedule"]
entry.app, entry.nowfun = app, app.now
print(app.timezone, entry.remaining_estimate(moment).total_seconds())
"""
    for zone in ("America/New_York", "UTC", "Asia/Shanghai"):
        printed = subprocess.run(
            [sys.executable, "-c", script], env={**product.clean_environment(), "TZ": zone},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert printed.stdout == "Asia/Shanghai 60.0\n", zone

"""Posts are published, edited and closed by several processes while workers and servers are killed at random.

make chaos
python -m pytest -m chaos -s --chaos-posts 500 --chaos-seed 7 tests/integration
"""

from __future__ import annotations

import json
import random
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from matching.clock import utc_now
from matching.models import Notification, Post, Suggestion
from matching.services.reconcile import reconcile
from matching.services.statistics import share_pool
from tests.integration.comparison import find_differences
from tests.integration.conftest import SHORT_CHAOS_POSTS
from tests.integration.product import Product, make_product
from tests.integration.writers import start_writers
from tests.servers.elasticsearch import ElasticsearchServer
from tests.servers.postgresql import PostgresqlServer
from tests.servers.redis import RedisServer

pytestmark = [pytest.mark.integration, pytest.mark.chaos]

CALM_SECONDS = (0.5, 3.0)
"""Between two blows."""


class Monkey:
    """Breaks one thing at a time, and counts what it broke."""

    def __init__(
        self, product: Product, redis: RedisServer, elasticsearch: ElasticsearchServer | None, chance: random.Random
    ) -> None:
        self.product = product
        self.redis = redis
        self.elasticsearch = elasticsearch
        self.chance = chance
        self.blows: Counter[str] = Counter()

    def strike(self) -> None:
        """Kill a worker, or take a server away for a moment."""
        kinds = ["matching", "matching-1", "upkeep", "redis"]
        kind = self.chance.choices(kinds, (4, 4, 2, 2))[0]
        if not self.blows["redis emptied"]:
            kind = "redis emptied" if self.blows.total() >= 2 else kind  # once in each run
        elif self.elasticsearch is not None and not self.blows["elasticsearch"]:
            kind = "elasticsearch"
        self.blows[kind.partition("-")[0]] += 1
        if kind.startswith("redis"):
            self.redis.stop(kill=True)
            if kind == "redis emptied":
                self.redis.lose_data()
            self.pause()
            self.redis.start()
        elif kind == "elasticsearch":
            assert self.elasticsearch is not None
            self.elasticsearch.stop(kill=True)
            self.pause()
            self.elasticsearch.start()
        else:
            self.product.kill(kind)
            self.product.start(kind)

    def pause(self) -> None:
        """Let things run."""
        time.sleep(self.chance.uniform(*CALM_SECONDS))


@pytest.fixture(params=["sqlite and embedded index", "postgresql and elasticsearch"])
def setting(
    request: pytest.FixtureRequest, tmp_path: Path, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Product, ElasticsearchServer | None]]:
    settings = {"redis_url": redis_server.url, "weekly_load": "100000", "candidates_per_post": "2000"}
    elasticsearch: ElasticsearchServer | None = None
    if request.param.startswith("postgresql"):
        database: PostgresqlServer = request.getfixturevalue("postgresql_server")
        elasticsearch = request.getfixturevalue("elasticsearch_server")
        settings |= {
            "database_url": database.create_database(),
            "index_url": elasticsearch.url,
            "index_prefix": f"chaos-{uuid.uuid4().hex[:12]}",
        }
    product = make_product(tmp_path, monkeypatch.setenv, **settings)
    yield product, elasticsearch
    product.stop()


def test_nothing_is_lost_and_nothing_doubled(
    setting: tuple[Product, ElasticsearchServer | None],
    redis_server: RedisServer,
    request: pytest.FixtureRequest,
    capsys: pytest.CaptureFixture[str],
) -> None:
    product, elasticsearch = setting
    wanted = request.config.getoption("--chaos-posts", default=SHORT_CHAOS_POSTS)
    seed = request.config.getoption("--chaos-seed", default=4)
    chance = random.Random(seed)
    for name in ("matching", "matching-1", "upkeep", "beat"):
        product.start(name)
    began = time.monotonic()
    writers = start_writers(product, wanted, seed)
    monkey = Monkey(product, redis_server, elasticsearch, chance)
    while any(writer.poll() is None for writer in writers) or monkey.blows.total() < 6:
        monkey.pause()
        monkey.strike()
    done: Counter[str] = Counter()
    for writer in writers:
        printed, _ = writer.communicate(timeout=60)
        assert writer.returncode == 0
        done.update(json.loads(printed))
    written = time.monotonic() - began

    drain(product)
    drained = time.monotonic() - began - written
    differences = find_differences(product.platform, utc_now())
    healed = reconcile(product.platform, utc_now())
    with capsys.disabled():
        print(
            f"\nseed {seed}: {dict(done)} in {written:.0f} s, broken {dict(monkey.blows)}, drained in {drained:.0f} s"
        )
        print(f"{count(product)}; differences {len(differences)}, reconciler: {healed}")
    assert differences == []
    assert healed.healed == 0


def drain(product: Product) -> None:
    """Until nothing is owed. Claims of tasks that died are let run out whenever nothing moves any more."""
    while True:
        product.let_claims_run_out()
        least, since = product.open_rows(), time.monotonic()
        while least and time.monotonic() - since < 30:
            time.sleep(0.2)
            rows = product.open_rows()
            if rows < least:
                least, since = rows, time.monotonic()
        if least == 0:
            share_pool(product.platform, utc_now())  # may count the pool anew, which owes rankings
            if product.open_rows() == 0:
                return


def count(product: Product) -> str:
    """What there is in the end."""
    with product.platform.reading() as session:
        posts = dict(session.execute(select(Post.status, func.count()).group_by(Post.status)).tuples().all())
        suggestions = dict(
            session.execute(select(Suggestion.status, func.count()).group_by(Suggestion.status)).tuples().all()
        )
        messages = session.scalar(select(func.count()).select_from(Notification))
    return f"posts {posts}, suggestions {suggestions}, messages {messages}"

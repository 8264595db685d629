"""`duijie index rebuild` while several processes publish, edit and close posts: searches go on and nothing is lost."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from matching.clock import utc_now
from matching.policy import Audience
from matching.queries.search import SearchQuery, search_posts
from matching.services.reconcile import reconcile
from matching.services.statistics import share_pool
from tests.factories.people import make_member
from tests.factories.posts import make_capability
from tests.integration.comparison import find_differences
from tests.integration.product import Product, make_product
from tests.integration.writers import start_writers
from tests.servers.elasticsearch import ElasticsearchServer
from tests.servers.postgresql import PostgresqlServer
from tests.servers.redis import RedisServer

pytestmark = pytest.mark.integration


@pytest.fixture(params=["sqlite and embedded index", "postgresql and elasticsearch"])
def product(
    request: pytest.FixtureRequest, tmp_path: Path, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Product]:
    settings = {"redis_url": redis_server.url, "weekly_load": "100000", "candidates_per_post": "2000"}
    if request.param.startswith("postgresql"):
        database: PostgresqlServer = request.getfixturevalue("postgresql_server")
        elasticsearch: ElasticsearchServer = request.getfixturevalue("elasticsearch_server")
        settings |= {
            "database_url": database.create_database(),
            "index_url": elasticsearch.url,
            "index_prefix": f"rebuild-{uuid.uuid4().hex[:12]}",
        }
    made = make_product(tmp_path, monkeypatch.setenv, **settings)
    yield made
    made.stop()


def test_a_rebuild_under_load_loses_nothing(product: Product) -> None:
    product.start("matching")
    product.start("upkeep")
    product.start("beat")
    university = make_member(product.platform, utc_now(), email="uni@example.cn", kind="university")
    known = make_capability(product.platform, university, utc_now(), title="珠江桥牌御品蚝油发酵控制")
    product.wait_until(lambda: product.open_rows() == 0, "the first post is in the index")

    writers = start_writers(product, 40, seed=3)
    rebuilds = 0
    while any(writer.poll() is None for writer in writers) or rebuilds < 2:
        rebuild = subprocess.Popen(
            [sys.executable, "-m", "web.cli", "index", "rebuild"],
            env=product.clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        while rebuild.poll() is None:
            # Whoever searches meanwhile finds what was there all the time, and never an error.
            found = search_posts(
                product.platform, SearchQuery(text="珠江桥 蚝油", side="capability"), Audience(), utc_now()
            )
            assert known in [post.id for post in found.posts]
            assert not found.words_only
            time.sleep(0.05)
        said, complained = rebuild.communicate()
        assert rebuild.returncode == 0, complained
        assert "条 / entries" in said
        rebuilds += 1
    done: Counter[str] = Counter()
    for writer in writers:
        printed, _ = writer.communicate(timeout=60)
        assert writer.returncode == 0
        done.update(json.loads(printed))
    assert done["published"] == 40
    assert done["edited"] > 0

    def nothing_is_owed() -> bool:
        if product.open_rows():
            return False
        share_pool(product.platform, utc_now())  # may count the terms anew, which owes rankings
        return product.open_rows() == 0

    product.wait_until(nothing_is_owed, "everything is matched")
    assert find_differences(product.platform, utc_now()) == []
    assert reconcile(product.platform, utc_now()).healed == 0

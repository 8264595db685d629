"""Figures for Prometheus, the same from whichever process is asked.

What is in the database, the index and Redis is read there at each scrape. Durations of requests are counted in
files that the processes of one web server share (prometheus_client's multiprocess mode), those of tasks in Redis.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from prometheus_client import REGISTRY, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector, CollectorRegistry
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from matching.bootstrap import Platform
from matching.clock import utc_now
from matching.models import Delivery, Post, Suggestion
from matching.observing.parts import queue_depths
from matching.observing.task_durations import task_durations
from matching.store.outbox import outbox_backlog

REQUEST_SECONDS = Histogram(
    "duijie_request_seconds", "Duration of requests.", ["endpoint", "method", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.3, 0.6, 1.2, 3, 10),
)  # fmt: skip


class _Shared(Collector):
    """Read at each scrape: outbox, queues, index lag, suggestions by model revision."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def collect(self) -> Iterator[Metric]:
        """What answers; a part that does not is left out, `/readyz` names it."""
        with contextlib.suppress(SQLAlchemyError):
            yield from self._of_database()
        with contextlib.suppress(RedisError):
            yield from self._of_redis()

    def _of_database(self) -> Iterator[Metric]:
        with self._platform.reading() as session:
            open_rows, oldest = outbox_backlog(session)
            by_status = session.execute(select(Post.side, Post.status, func.count()).group_by(Post.side, Post.status))
            posts = GaugeMetricFamily("duijie_posts", "Posts by side and status.", labels=["side", "status"])
            live = 0
            for side, status, count in by_status:
                posts.add_metric([side, status], count)
                live += count if status == "published" else 0
            suggestions = GaugeMetricFamily(
                "duijie_suggestions", "Suggestions by model revision and status.", labels=["model_revision", "status"]
            )
            for revision, status, count in session.execute(
                select(Suggestion.model_revision, Suggestion.status, func.count()).group_by(
                    Suggestion.model_revision, Suggestion.status
                )
            ):
                suggestions.add_metric([revision, status], count)
            deliveries = GaugeMetricFamily(
                "duijie_deliveries", "What leaves the platform, by state.", labels=["channel", "state"]
            )
            for channel, state, count in session.execute(
                select(Delivery.channel, Delivery.state, func.count()).group_by(Delivery.channel, Delivery.state)
            ):
                deliveries.add_metric([channel, state], count)
        age = (utc_now() - oldest).total_seconds() if oldest else 0.0
        yield GaugeMetricFamily("duijie_outbox_open", "Outbox rows not yet settled.", value=open_rows)
        yield GaugeMetricFamily("duijie_outbox_oldest_seconds", "Age of the oldest open outbox row.", value=age)
        yield posts
        yield suggestions
        yield deliveries
        status_of_index = self._platform.index.status()
        yield GaugeMetricFamily("duijie_index_entries", "Entries in the search index.", value=status_of_index.entries)
        yield GaugeMetricFamily(
            "duijie_index_lag", "Published posts minus entries in the index.", value=live - status_of_index.entries
        )

    def _of_redis(self) -> Iterator[Metric]:
        client = Redis.from_url(self._platform.settings.redis_url, socket_connect_timeout=0.5, socket_timeout=1)
        try:
            depth = GaugeMetricFamily("duijie_queue_depth", "Tasks waiting in a queue.", labels=["queue"])
            for queue, waiting in queue_depths(client).items():
                depth.add_metric([queue], waiting)
            yield depth
            yield task_durations(client)
        finally:
            client.close()


def render_metrics(platform: Platform) -> bytes:
    """Everything in the text format of Prometheus."""
    shared = CollectorRegistry(auto_describe=False)
    shared.register(_Shared(platform))
    own: CollectorRegistry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        own = CollectorRegistry()
        MultiProcessCollector(own)  # type: ignore[no-untyped-call]
    return generate_latest(own) + generate_latest(shared)

"""Durations of tasks, counted where all workers meet. The Redis is real."""

from __future__ import annotations

from pathlib import Path

from redis import Redis

from matching.observing.task_durations import record_task, task_durations
from tests.servers.redis import start_redis


def test_tasks_are_counted_by_name_state_and_duration(tmp_path: Path) -> None:
    with start_redis(tmp_path) as server, Redis.from_url(server.url) as client:
        assert task_durations(client).samples == []
        for seconds in (0.01, 0.05, 0.2, 500.0):
            record_task(client, "duijie.rank_post", "SUCCESS", seconds)
        record_task(client, "duijie.rank_post", "FAILURE", 2.0)
        found = {
            (sample.name, sample.labels["state"], sample.labels.get("le")): sample.value
            for sample in task_durations(client).samples
        }
    prefix = "duijie_task_seconds"
    assert {sample[1] for sample in found} == {"SUCCESS", "FAILURE"}
    assert found[prefix + "_count", "SUCCESS", None] == 4
    assert abs(found[prefix + "_sum", "SUCCESS", None] - 500.26) < 1e-9
    buckets = [found[prefix + "_bucket", "SUCCESS", bound] for bound in ("0.05", "0.1", "0.3", "120.0", "+Inf")]
    assert buckets == [2, 2, 3, 3, 4]
    assert found[prefix + "_bucket", "FAILURE", "1.0"] == 0
    assert found[prefix + "_bucket", "FAILURE", "3.0"] == 1

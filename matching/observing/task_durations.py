"""How long tasks took, counted in Redis, where the workers of every machine meet.

One hash holds the histogram: `task|state|le` for each bucket, `task|state|sum` in seconds. It starts anew when
Redis loses its data, as Prometheus expects of counters.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from prometheus_client.core import HistogramMetricFamily

BUCKETS = ("0.05", "0.1", "0.3", "1.0", "3.0", "10.0", "30.0", "120.0", "+Inf")
"""Upper bounds in seconds."""

_HASH = "duijie:task-seconds"


def record_task(client: Any, name: str, state: str, seconds: float) -> None:
    """Count one task that ended; `state` is Celery's, as SUCCESS or FAILURE. Raises redis errors."""
    bucket = next(bound for bound in BUCKETS if seconds <= float(bound))
    with client.pipeline(transaction=False) as pipe:
        pipe.hincrby(_HASH, f"{name}|{state}|{bucket}", 1)
        pipe.hincrbyfloat(_HASH, f"{name}|{state}|sum", seconds)
        pipe.execute()


def task_durations(client: Any) -> HistogramMetricFamily:
    """All tasks so far. Raises redis errors."""
    found: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for field, value in client.hgetall(_HASH).items():
        name, state, what = field.decode().split("|")
        found[name, state][what] = float(value)
    family = HistogramMetricFamily("duijie_task_seconds", "Duration of tasks.", labels=["task", "state"])
    for (name, state), counts in sorted(found.items()):
        total = 0.0
        buckets = []
        for bound in BUCKETS:
            total += counts.get(bound, 0)
            buckets.append((bound, total))
        family.add_metric([name, state], buckets=buckets, sum_value=counts.get("sum", 0.0))
    return family

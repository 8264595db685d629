"""What a province or a country would need, from costs that were measured on one machine.

    python -m tests.bench.simulate_scale [MEASURED.json]

MEASURED (beside this file by default) has the costs, each with where it comes from. Memory and shards follow by
multiplication; how long people wait follows from a simulation of a working day, in which posts and page views arrive at
random with the day's usual shape and are served by so many workers and cores. The fewest that keep the promised times
are printed, and what gives in first when one of them is taken away.
"""

from __future__ import annotations

import heapq
import json
import math
import random
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HOURS = (0, 0, 0, 0, 0, 0, 0.5, 2, 9, 13, 13, 8, 4, 7, 12, 12, 10, 5, 2, 1, 1, 0.5, 0, 0)
"""Share of a day's work that arrives in each hour, in percent, as offices work in China."""
PUSH_SECONDS = 60.0
"""In 95 % of cases a new post's first suggestions are there by then."""
PAGE_SECONDS = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Who is served."""

    name: str
    needs: int
    capabilities: int
    users: int

    @property
    def posts(self) -> int:
        return self.needs + self.capabilities


CASES = (
    Case(name="county", needs=2_000, capabilities=18_000, users=1_000),
    Case(name="province", needs=100_000, capabilities=1_000_000, users=50_000),
    Case(name="country", needs=3_000_000, capabilities=30_000_000, users=1_500_000),
)


def simulate_queue(arrivals: list[float], service: float, servers: int) -> list[float]:
    """Seconds from arrival to the end, in order of arrival, of work that takes `service` seconds on average
    (exponentially spread) with so many servers, each taking what waits longest."""
    chance = random.Random(5)
    free = [0.0] * servers
    heapq.heapify(free)
    waited = []
    for moment in arrivals:
        begun = max(moment, heapq.heappop(free))
        ended = begun + chance.expovariate(1 / service)
        heapq.heappush(free, ended)
        waited.append(ended - moment)
    return waited


def draw_day(count: float, seed: int, most: int = 400_000) -> tuple[list[float], float]:
    """Moments of arrival in seconds, and which part of the day's work they are: of a large day only the busiest hour
    is drawn, for it decides."""
    chance = random.Random(seed)
    hours = list(enumerate(HOURS)) if count <= most else [max(enumerate(HOURS), key=lambda hour: hour[1])]
    moments: list[float] = []
    for hour, share in hours:
        moments += [chance.uniform(hour, hour + 1) * 3600 for _ in range(round(count * share / 100))]
    return sorted(moments), sum(share for _, share in hours) / 100


def percentile(values: list[float], part: float) -> float:
    """The value that `part` of them do not exceed; 0 without values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(part * len(ordered)) - 1)] if ordered else 0.0


def fewest_servers(arrivals: list[float], service: float, promised: float) -> tuple[int, float, float]:
    """(servers, 95th percentile with them, with one less): the fewest that keep the promise."""
    busiest = max(1, len(arrivals)) * service
    span = (arrivals[-1] - arrivals[0] or 1.0) if arrivals else 1.0
    servers = max(1, math.floor(busiest / span))
    before = math.inf
    while True:
        reached = percentile(simulate_queue(arrivals, service, servers), 0.95)
        if reached <= promised or (service * 3 > promised and reached <= service * 3.2):
            fewer = percentile(simulate_queue(arrivals, service, servers - 1), 0.95) if servers > 1 else before
            return servers, reached, fewer
        before = reached
        servers = max(servers + 1, math.floor(servers * 1.05))


def vector_memory(posts: int, dimension: int, links: int) -> dict[str, float]:
    """GB of memory that two vectors a post take in the graph, by how they are held. The graph's links take as many
    4-byte numbers a vector, whatever the vectors are held as."""
    vectors = 2 * posts
    graph = vectors * links * 4 / 1e9
    return {
        "float32": vectors * dimension * 4 / 1e9 + graph,
        "int8": vectors * (dimension + 4) / 1e9 + graph,
        "bbq": vectors * (dimension / 8 + 14) / 1e9 + graph,
    }


def describe_case(case: Case, costs: dict[str, Any]) -> None:
    """Print what it needs."""
    value = {name: entry["value"] for name, entry in costs.items()}
    growth = 1 + value["rank_growth_per_doubling"] * max(0.0, math.log2(case.posts / 20_000))
    changes = case.posts / 365 * (1 + value["edits_per_post"])
    views = case.users * value["active_share_per_day"] * value["views_per_active_user"]
    change_seconds = value["refresh_seconds"] * growth
    owed_seconds = value["rank_seconds"] * growth * value["owed_per_change"]
    memory = vector_memory(case.posts, value["dimension"], value["graph_links"])
    print(f"\n{case.name}: {case.needs:,} needs, {case.capabilities:,} capabilities, {case.users:,} users")
    print(f"  a day: {changes:,.0f} posts published or edited, {views:,.0f} page views")

    arrivals, _ = draw_day(changes, seed=1)
    workers, reached, fewer = fewest_servers(arrivals, change_seconds, PUSH_SECONDS)
    idle = workers * 86_400 - changes * change_seconds
    background = changes * owed_seconds
    more = max(0, math.ceil((background - idle) / 86_400))
    less = f"; with one less {fewer:,.0f} s" if workers > 1 else ""
    print(f"  matching workers: {workers} for new posts (95 % done in {reached:.1f} s{less})")
    print(
        f"  rankings that others' posts owe: {background / 3600:,.1f} worker-hours a day, "
        f"{more} more workers so that none is left the next morning"
    )
    print(f"  matching memory: {(workers + more) * value['worker_megabytes'] / 1000:,.1f} GB")

    arrivals, _ = draw_day(views, seed=2)
    cores, reached, fewer = fewest_servers(arrivals, value["page_seconds"], PAGE_SECONDS)
    processes = max(2, cores)
    less = f"; with one less {fewer * 1000:,.0f} ms" if cores > 1 else ""
    print(
        f"  web cores: {cores} (95 % of pages in {reached * 1000:.0f} ms in the busiest hour{less}), "
        f"memory {processes * value['web_megabytes'] / 1000:,.1f} GB"
    )
    text = case.posts * value["index_bytes_per_post"] / 1e9
    shards = max(1, math.ceil(text / value["shard_gigabytes"]), math.ceil(2 * case.posts / value["vectors_per_shard"]))
    print(
        f"  index: {text:,.1f} GB on disk, {shards} shard{'s' if shards > 1 else ''}; vectors in memory: "
        + ", ".join(f"{name} {gigabytes:,.1f} GB" for name, gigabytes in memory.items())
    )
    print(f"  database: {case.posts * value['database_bytes_per_post'] / 1e9:,.1f} GB of posts and suggestions")
    embedded = case.posts * value["embed_seconds"] / 3600 / (workers + more)
    # Sending and graphs are the servers' work, one of them a shard.
    indexed = case.posts * (value["send_seconds"] + value["graph_seconds"]) / 3600 / shards
    print(f"  building the index anew: {embedded:,.1f} hours to embed, {indexed:,.1f} to send and to make graphs")


def main() -> None:
    file = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("measured.json")
    costs = json.loads(file.read_text(encoding="utf-8"))
    for name, entry in costs.items():
        print(f"{name:28}{entry['value']:>12}  {entry['source']}")
    for case in CASES:
        describe_case(case, costs)


if __name__ == "__main__":
    main()

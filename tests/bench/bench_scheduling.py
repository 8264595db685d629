"""Times the timetable engine on a folder of events: `python tests/bench/bench_scheduling.py FOLDER [--time-limit
SECONDS]`.

Prints instance, status, breaks, bound, published optimum (from FOLDER/optima.tsv: name, optimum) and wall and
processor seconds. Ends with 1 when a timetable breaks a rule or contradicts the published optimum.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from matching.scheduling import check_timetable, parse_event, propose_timetable


def main() -> int:
    """Run the benchmark and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--time-limit", type=float, default=60.0)
    parser.add_argument("--only", default="", help="only instances whose name contains this")
    arguments = parser.parse_args()
    optima_file = arguments.folder / "optima.tsv"
    optima: dict[str, int] = {}
    if optima_file.exists():
        for line in optima_file.read_text(encoding="utf-8").splitlines():
            name, optimum = line.split("\t")
            optima[name] = int(optimum)
    wrong = 0
    row = "{:28} {:10} {:>6} {:>5} {:>5} {:>7} {:>8} {:>7} {}"
    print(row.format("instance", "status", "breaks", "bound", "known", "dropped", "seconds", "cpu", ""))
    for file in sorted(arguments.folder.glob("*.json")):
        if arguments.only not in file.stem:
            continue
        event = parse_event(json.loads(file.read_text(encoding="utf-8")))
        wall, cpu = time.monotonic(), time.process_time()
        timetable = propose_timetable(event, time_limit_seconds=arguments.time_limit)
        wall, cpu = time.monotonic() - wall, time.process_time() - cpu
        problems = check_timetable(event, timetable)
        known = optima.get(file.stem)
        if known is not None and (timetable.bound > known or timetable.breaks < known):
            problems.append(f"contradicts the published optimum {known}")
        wrong += bool(problems)
        figures = (timetable.breaks, timetable.bound, "-" if known is None else known, len(timetable.dropped))
        times = (f"{wall:.1f}", f"{cpu:.1f}")
        print(row.format(file.stem, timetable.status, *figures, *times, "; ".join(problems[:3])), flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

"""`python -m seed_data [--demonstration]`: loads the taxonomies, and on request the demonstration."""

from __future__ import annotations

import argparse
import sys

from matching.bootstrap import build_platform
from matching.clock import utc_now
from matching.settings import load_settings
from seed_data.loader import load_demonstration, load_taxonomies


def main() -> int:
    """Load, and say on standard error what was added."""
    parser = argparse.ArgumentParser(prog="python -m seed_data", description=__doc__)
    parser.add_argument("--demonstration", action="store_true", help="also load the sample organisations and posts")
    options = parser.parse_args()
    platform = build_platform(load_settings())
    reports = [load_taxonomies(platform)]
    if options.demonstration:
        reports.append(load_demonstration(platform, utc_now()))
    for report in reports:
        print(report, file=sys.stderr)  # noqa: T201 - a command's report
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

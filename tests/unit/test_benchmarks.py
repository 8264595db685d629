"""`make bench` gives each benchmark the folder that it asks for."""

from __future__ import annotations

from pathlib import Path

from tests.bench.__main__ import DATA

PLACE = Path(__file__).parents[1] / "bench"


def test_every_benchmark_that_takes_a_folder_is_given_one() -> None:
    asking = {
        path.stem for path in PLACE.glob("bench_*.py") if 'add_argument("folder"' in path.read_text(encoding="utf-8")
    }
    assert asking
    assert set(DATA) == asking

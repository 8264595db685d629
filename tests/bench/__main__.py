"""`make bench [BENCH=folder]`: every benchmark, each beside its rival in one run; ratios and medians are printed.

`folder` has the data that some benchmarks need in subfolders named as below; without it those are left out, by name.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

DATA = {
    "bench_batch_matching": "scale",
    "bench_scheduling": "b2b",
    "bench_encoder": "scale",
    "bench_matching": "bdci359",
    "bench_duplicates": "neardup",
    "bench_experts": "crosslingual",
    "bench_reasons": "bdci359",
    "bench_product": "scale",
}
"""Subfolder that a benchmark takes as its argument; the others need none."""


def main() -> int:
    """Run the modules bench_*.py in order, each in a process of its own; 1 when one of them failed."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    failed = []
    for path in sorted(Path(__file__).parent.glob("bench_*.py")):
        arguments = []
        if path.stem in DATA:
            data = folder / DATA[path.stem] if folder else None
            if data is None or not data.is_dir():
                print(f"== {path.stem}: left out, it needs BENCH=folder with {DATA[path.stem]}/", flush=True)
                continue
            arguments = [str(data)]
        print(f"== {path.stem}", flush=True)
        command = [sys.executable, "-m", f"tests.bench.{path.stem}", *arguments]
        if subprocess.run(command, check=False).returncode:
            failed.append(path.stem)
    if failed:
        print("failed: " + ", ".join(failed), file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())

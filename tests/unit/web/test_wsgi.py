"""Where the processes of a web server count together."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from matching.settings import Settings
from web.wsgi import count_together


def test_counts_of_servers_that_ended_are_swept_and_others_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")
    host, kept = socket.gethostname(), tmp_path / "metrics"
    for name in (f"{host}-999999999", f"{host}-1", "another-host-1", "long-gone-1"):
        (kept / name).mkdir(parents=True)
        (kept / name / "counter_7.db").write_bytes(b"")
    for path in (kept / "long-gone-1" / "counter_7.db", kept / "long-gone-1"):
        os.utime(path, (0, 0))
    count_together(Settings(data_dir=tmp_path), server=os.getppid())
    own = f"{host}-{os.getppid()}"
    assert {path.name for path in kept.iterdir()} == {own, f"{host}-1", "another-host-1"}
    assert os.environ["PROMETHEUS_MULTIPROC_DIR"] == str(kept / own)

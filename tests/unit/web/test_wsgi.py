"""What each process of a web server does with requests, and where they count together."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from matching.giving_way import SomeoneWaits
from matching.settings import Settings
from web.wsgi import FewAtOnce, count_together


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


def test_few_pages_are_made_at_once_and_what_sends_a_body_waits_for_nobody(tmp_path: Path) -> None:
    begun, let_go = threading.Semaphore(0), threading.Event()

    def application(environ: dict[str, Any], _start: Any) -> list[bytes]:
        begun.release()
        let_go.wait(30)
        return [environ["PATH_INFO"].encode()]

    sign = SomeoneWaits(tmp_path)
    few, answers = FewAtOnce(application, 2, sign), []

    def ask(method: str) -> None:
        answers.append(few({"REQUEST_METHOD": method, "PATH_INFO": f"/{method}"}, lambda *_: None))  # type: ignore[arg-type, return-value]

    asking = [threading.Thread(target=ask, args=(method,)) for method in ("GET", "HEAD", "GET", "POST")]
    for one in asking:
        one.start()
    assert [begun.acquire(timeout=10) for _ in range(3)] == [True] * 3
    assert not begun.acquire(timeout=0.2), "the third page waits for its turn"
    assert sign.is_raised(), "workers see that somebody waits"
    let_go.set()
    for one in asking:
        one.join(10)
    assert not sign.is_raised()
    assert sorted(answers) == [[b"/GET"], [b"/GET"], [b"/HEAD"], [b"/POST"]]


def test_a_turn_ends_when_the_application_fails(tmp_path: Path) -> None:
    def application(_environ: dict[str, Any], _start: Any) -> list[bytes]:
        raise LookupError

    few = FewAtOnce(application, 1, SomeoneWaits(tmp_path))
    for _ in range(3):
        with pytest.raises(LookupError):
            few({"REQUEST_METHOD": "GET"}, lambda *_: None)  # type: ignore[arg-type, return-value]

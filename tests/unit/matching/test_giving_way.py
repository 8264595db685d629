"""Who waits for a page is seen by every process of the folder, for as long as they wait and no longer."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from matching.giving_way import SomeoneWaits


def test_the_sign_is_up_while_anybody_waits_and_down_after_the_last(tmp_path: Path) -> None:
    sign = SomeoneWaits(tmp_path)
    assert not sign.is_raised()
    with sign.raised():
        with SomeoneWaits(tmp_path).raised():
            assert sign.is_raised()
        assert sign.is_raised(), "the first still waits"
    assert not sign.is_raised()


def test_an_error_on_the_page_takes_the_sign_down(tmp_path: Path) -> None:
    sign = SomeoneWaits(tmp_path)
    try:
        with sign.raised():
            raise LookupError
    except LookupError:
        pass
    assert not sign.is_raised()


def test_a_process_that_is_killed_leaves_no_sign(tmp_path: Path) -> None:
    waiting = (
        "import sys, time; from pathlib import Path; from matching.giving_way import SomeoneWaits\n"
        "with SomeoneWaits(Path(sys.argv[1])).raised():\n    print('up', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", waiting, str(tmp_path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        assert SomeoneWaits(tmp_path).is_raised()
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    assert not SomeoneWaits(tmp_path).is_raised()


def test_work_goes_on_when_the_last_reader_has_their_page(tmp_path: Path) -> None:
    sign, began, done, ended = SomeoneWaits(tmp_path), threading.Event(), threading.Event(), threading.Event()

    def read() -> None:
        with sign.raised():
            began.set()
            done.wait(30)

    def work() -> None:
        sign.give_way(60)
        ended.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert began.wait(10)
    worker = threading.Thread(target=work)
    worker.start()
    assert not ended.wait(0.1), "somebody waits"
    done.set()
    assert ended.wait(30), "nobody waits any more"
    reader.join(10)
    worker.join(10)


def test_work_does_not_wait_longer_than_it_was_told(tmp_path: Path) -> None:
    sign = SomeoneWaits(tmp_path)
    with sign.raised():
        begun = time.monotonic()
        sign.give_way(0.05)
        assert time.monotonic() - begun >= 0.05
        assert sign.is_raised()


def test_without_a_folder_nobody_waits_and_pages_are_made(tmp_path: Path) -> None:
    sign = SomeoneWaits(tmp_path / "missing")
    with sign.raised():
        assert not sign.is_raised()
    sign.give_way(60)

"""Work that a thread and whoever waits for it share."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from matching.search.shared_work import SharedWork


def test_results_stand_at_their_tasks_whoever_did_them() -> None:
    done_by: dict[int, str] = {}

    def task(number: int) -> Callable[[], int]:
        def do() -> int:
            done_by[number] = threading.current_thread().name
            time.sleep(0.02)
            return number * number

        return do

    with SharedWork([task(number) for number in range(8)], "other") as work:
        assert [work.result(number) for number in range(8)] == [number * number for number in range(8)]
        assert [work.result(number) for number in (7, 0)] == [49, 0]
    assert sorted(done_by) == list(range(8))
    assert done_by[0].startswith("other")
    assert done_by[7] == threading.current_thread().name


def test_what_a_task_raises_is_raised_where_its_result_is_asked_for() -> None:
    with SharedWork([lambda: 1, lambda: 1 // 0], "other") as work:
        assert work.result(0) == 1
        with pytest.raises(ZeroDivisionError):
            work.result(1)


def test_what_was_not_begun_is_dropped_when_it_is_left() -> None:
    begun = threading.Event()
    done: list[int] = []

    def first() -> None:
        begun.set()
        time.sleep(0.05)
        done.append(0)

    def fail() -> None:
        with SharedWork([first, *[lambda: done.append(1)] * 5], "other"):
            begun.wait(5)
            raise KeyError("words")

    with pytest.raises(KeyError):
        fail()
    assert done == [0]


def test_nothing_to_do_is_fine() -> None:
    with SharedWork([], "other"):
        pass

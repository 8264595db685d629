"""Work that two threads share: loops in C that let others run meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Generic, Self, TypeVar

Result = TypeVar("Result")


class SharedWork(Generic[Result]):
    """Tasks that a thread of their own begins with at once, the first one first. Whoever asks for a result that is not
    there yet does those that have not been begun, from the last one on, until it is."""

    def __init__(self, tasks: Sequence[Callable[[], Result]], name: str) -> None:
        self._tasks = tasks
        self._own: dict[int, Result] = {}
        self._beside = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._futures = [self._beside.submit(task) for task in tasks]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._beside.shutdown(cancel_futures=True)

    def result(self, number: int) -> Result:
        """Of the task at that place; raises what the task raised."""
        for last in reversed(range(number, len(self._tasks))):
            if self._futures[number].done():
                break
            if self._futures[last].cancel():
                self._own[last] = self._tasks[last]()
        return self._own[number] if number in self._own else self._futures[number].result()

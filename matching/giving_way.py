"""Work that can wait gives way to people who wait for a page of the same machine.

The kernel's priorities do not do this: where virtual processors share one core or a quota, a process of the lowest
priority takes half of what a page needs. So the web's processes raise a sign while they make pages, and a worker looks
for it between the steps of what nobody waits for. The sign is a lock that belongs to an open file: the kernel takes it
down when a process ends, however it ends. Where files cannot be locked so, nobody raises it and nobody waits.
"""

from __future__ import annotations

import fcntl
import os
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

FILE_NAME = "someone-waits"

_LOOK_AGAIN_SECONDS = 0.005
_QUIET_LOOKS = 2
"""Looks in a row that find nobody waiting, once somebody was seen: between two pages there are moments without any."""

_SET = getattr(fcntl, "F_OFD_SETLK", None)
_GET = getattr(fcntl, "F_OFD_GETLK", None)
_FLOCK = struct.Struct("@hhqqi")  # kind, whence, start, length (0: to the end), process (0 for locks of open files)


class SomeoneWaits:
    """The sign of all processes that share a folder of this machine."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME

    @contextmanager
    def raised(self) -> Iterator[None]:
        """Somebody waits for what is done in the context; any number of threads and processes may say so at once."""
        file = self._open(os.O_CREAT)
        if file is None:
            yield
            return
        try:
            if _SET is not None:
                self._lock(file, _SET, fcntl.F_RDLCK)
            yield
        finally:
            os.close(file)  # takes its lock along

    def is_raised(self) -> bool:
        """Whether somebody waits now. Asking takes no lock, so it holds up nobody."""
        file = self._open(0)
        if file is None:
            return False
        try:
            return _GET is not None and self._lock(file, _GET, fcntl.F_WRLCK) != fcntl.F_UNLCK
        finally:
            os.close(file)

    def give_way(self, most_seconds: float) -> None:
        """Return when nobody waits, at once or after some pages, or after `most_seconds`."""
        ends, quiet = time.monotonic() + most_seconds, _QUIET_LOOKS - 1
        while True:
            quiet = 0 if self.is_raised() else quiet + 1
            if quiet >= _QUIET_LOOKS or time.monotonic() >= ends:
                return
            time.sleep(_LOOK_AGAIN_SECONDS)

    def patience(self, most_seconds: float) -> Callable[[], None]:
        """`give_way` for one piece of work, called between its steps: all its calls together wait `most_seconds`, since
        what gives way must not wait for ever either."""
        left = most_seconds

        def give_way() -> None:
            nonlocal left
            begun = time.monotonic()
            self.give_way(left)
            left = max(0.0, left - (time.monotonic() - begun))

        return give_way

    def _open(self, flags: int) -> int | None:
        """Read only where it exists, as a reader's lock needs no more; None where it cannot be opened."""
        try:
            return os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | flags, 0o600)
        except OSError:
            return None

    @staticmethod
    def _lock(file: int, command: int, kind: int) -> int:
        """What stands in the way of a lock (`command` asks) or was set: a kind of lock, F_UNLCK for nothing."""
        try:
            answer = fcntl.fcntl(file, command, _FLOCK.pack(kind, os.SEEK_SET, 0, 0, 0))
        except OSError:
            return fcntl.F_UNLCK
        return int(_FLOCK.unpack(answer)[0])

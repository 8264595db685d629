"""A real Redis for tests, on a free port with data of its own, as `duijie up` runs one."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from matching.store.redis_server import free_port, redis_command, wait_for_port

_START_SECONDS = 60.0


@dataclass
class RedisServer:
    """A server process; `stop` and `start` again keep its port, and its data unless `lose_data` was called."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it and wait until it listens."""
        if self.process is not None:
            return
        self.process = subprocess.Popen(
            redis_command(self.folder, self.port), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        wait_for_port(self.port, self.process, _START_SECONDS)

    def stop(self, *, kill: bool = False) -> None:
        """Stop it (with SIGKILL when `kill`) and wait until it is gone."""
        process, self.process = self.process, None
        if process is None:
            return
        if kill:
            process.kill()
        else:
            process.terminate()
        process.wait(60)

    def lose_data(self) -> None:
        """Empty its folder; it must be stopped."""
        if self.process is not None:
            raise RuntimeError("stop it first")
        shutil.rmtree(self.folder)


@contextlib.contextmanager
def start_redis(folder: Path) -> Iterator[RedisServer]:
    """A server that lives as long as the block."""
    server = RedisServer(folder, free_port())
    try:
        server.start()
        yield server
    finally:
        server.stop(kill=True)

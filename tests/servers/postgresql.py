"""A real PostgreSQL for tests: the installed server programs on a free port with data of their own.

with start_postgresql() as server:
    url = server.create_database()
"""

from __future__ import annotations

import atexit
import contextlib
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from matching.store.engine import open_engine
from matching.store.migrate import migrate_up
from matching.store.redis_server import free_port

ACCOUNTS = ("postgres", "nobody")
"""PostgreSQL refuses to run as root; where the tests do, it runs as the first of these accounts."""

_START_SECONDS = 120.0


class PostgresqlMissing(RuntimeError):
    """No PostgreSQL can be had here; the message says in one line what is missing."""


@dataclass
class PostgresqlServer:
    """A server process with its own data; `stop` and `start` again keep data and port."""

    programs: Path
    data: Path
    port: int
    as_account: list[str]
    process: subprocess.Popen[bytes] | None = field(default=None)
    template: str = ""

    def url(self, database: str) -> str:
        """Where a database answers."""
        return f"postgresql://duijie@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        if self.process is not None:
            return
        log = (self.data.parent / "server.log").open("ab")
        self.process = subprocess.Popen(
            [
                *self.as_account, str(self.programs / "postgres"), "-D", str(self.data), "-p", str(self.port),
                "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={self.data}",
                # Only a crash of the whole machine could lose something by these.
                "-c", "fsync=off", "-c", "full_page_writes=off", "-c", "max_connections=200",
            ],
            cwd=self.data, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        log.close()
        atexit.register(self.stop)
        self._await_answer()

    def _await_answer(self) -> None:
        engine = create_engine(self.url("postgres").replace("postgresql:", "postgresql+psycopg:"))
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self.process is not None and self.process.poll() is None:
            with contextlib.suppress(OperationalError), engine.connect():
                engine.dispose()
                return
            time.sleep(0.1)
        tail = (self.data.parent / "server.log").read_text(errors="replace")[-1000:]
        self.stop()
        raise PostgresqlMissing(f"PostgreSQL did not start: {tail}")

    def stop(self, *, kill: bool = False) -> None:
        """Stop it (without closing its files in order when `kill`) and wait until it is gone."""
        process, self.process = self.process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            # SIGINT: end connections, write what is to be written, end. SIGQUIT: end at once, recover at start.
            process.send_signal(signal.SIGQUIT if kill else signal.SIGINT)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)

    def create_database(self, *, migrated: bool = True) -> str:
        """The URL of a new database, with this release's schema unless `migrated` is False."""
        if migrated and not self.template:
            url = self.create_database(migrated=False)
            engine = open_engine(url)
            migrate_up(engine)
            engine.dispose()
            self.template = url.rpartition("/")[2]
        name = f"t{uuid.uuid4().hex[:12]}"
        engine = create_engine(
            self.url("postgres").replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT"
        )
        with engine.connect() as connection:
            connection.execute(text(f"create database {name} template {self.template if migrated else 'template1'}"))
        engine.dispose()
        return self.url(name)

    def require_password(self, database: str, password: str) -> None:
        """Let nobody into a database without this password of the account `duijie`; the others stay open."""
        rules = self.data / "pg_hba.conf"
        line = f"host {database} all 127.0.0.1/32 scram-sha-256\n"
        rules.write_text(line + rules.read_text(encoding="utf-8"), encoding="utf-8")
        engine = create_engine(
            self.url("postgres").replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT"
        )
        with engine.connect() as connection:
            connection.execute(text(f"alter role duijie password '{password}'"))
            connection.execute(text("select pg_reload_conf()"))
        engine.dispose()


@contextlib.contextmanager
def start_postgresql() -> Iterator[PostgresqlServer]:
    """A server with empty data that lives as long as the block; raises PostgresqlMissing."""
    programs = find_programs()
    as_account, account = _other_account()
    folder = Path(tempfile.mkdtemp(prefix="duijie-pg-"))
    data = folder / "data"
    data.mkdir()
    if account is not None:
        folder.chmod(0o755)
        for path in (folder, data):
            os.chown(path, account.pw_uid, account.pw_gid)
    made = subprocess.run(
        [
            *as_account, str(programs / "initdb"), "-D", str(data), "-U", "duijie", "-A", "trust", "-E", "UTF8",
            "--locale", "C.UTF-8", "--no-sync",
        ],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if made.returncode:
        shutil.rmtree(folder, ignore_errors=True)
        raise PostgresqlMissing(f"initdb failed: {(made.stderr.strip().splitlines() or ['no reason given'])[-1]}")
    server = PostgresqlServer(programs, data, free_port(), as_account)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def find_programs() -> Path:
    """The folder of initdb and postgres: of the newest installed version, or that on the path."""
    folders = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    if folders:
        return max(folders, key=lambda folder: int(re.sub(r"\D", "", folder.parent.name) or 0))
    on_path = shutil.which("postgres")
    if on_path is None:
        raise PostgresqlMissing("no PostgreSQL server programs were found")
    return Path(on_path).resolve().parent


def _other_account() -> tuple[list[str], pwd.struct_passwd | None]:
    """How to run a program as somebody who is not root; nothing to do where nobody is."""
    if os.geteuid() != 0:
        return [], None
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise PostgresqlMissing("PostgreSQL does not run as root, and setpriv is missing")
    for name in ACCOUNTS:
        with contextlib.suppress(KeyError):
            account = pwd.getpwnam(name)
            return [
                setpriv, f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups",
                # A test run that is killed takes its server along.
                "--pdeathsig=INT",
            ], account  # fmt: skip
    raise PostgresqlMissing("PostgreSQL does not run as root, and there is no account for it")

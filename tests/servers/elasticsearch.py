"""A real Elasticsearch for tests.

Elastic publishes the server's core, without its optional modules, as a Maven artifact for the integration tests of
plugins. It is fetched by its name once into `.cache/elasticsearch` of the repository; Java 21 or newer runs it.
The core has no `GET /`, no scripting language and no language analysers, so what passes here uses none of them.

    with start_elasticsearch() as server:
        Elasticsearch(server.url)
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

VERSION = "9.2.0"
ARTIFACT = f"org.elasticsearch.distribution.integ-test-zip:elasticsearch:{VERSION}:zip"
LEAST_JAVA = 21
CACHE = Path(__file__).resolve().parents[2] / ".cache" / "elasticsearch"
SERVER_ACCOUNT = "duijie-es"
"""Elasticsearch refuses to run as root; where the tests do, it runs as this system account, made when missing."""

_START_SECONDS = 180


class ServerMissing(RuntimeError):
    """No Elasticsearch can be had here; the message says in one line what is missing."""


@dataclass
class ElasticsearchServer:
    """A server process with its own data; `stop` and `start` again keep data and port."""

    home: Path
    java_home: Path
    data: Path
    port: int
    transport_port: int
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it answers; raises ServerMissing with the end of its log when it does not."""
        if self.process is not None:
            return
        configuration = self.data / "config"
        if not configuration.exists():
            shutil.copytree(self.home / "config", configuration)
            (configuration / "elasticsearch.yml").write_text(
                "\n".join(
                    [
                        "cluster.name: duijie-tests",
                        "discovery.type: single-node",
                        "xpack.security.enabled: false",
                        f"http.port: {self.port}",
                        f"transport.port: {self.transport_port}",
                        "network.host: 127.0.0.1",
                        f"path.data: {self.data / 'data'}",
                        f"path.logs: {self.data / 'logs'}",
                        # A disk that is nearly full for other reasons must not make test indices read-only.
                        "cluster.routing.allocation.disk.threshold_enabled: false",
                        "action.destructive_requires_name: false",
                        "",
                    ]
                )
            )
        command = [str(self.home / "bin" / "elasticsearch")]
        account = _server_account()
        if account is not None:
            if not _may_be_entered(self.home):  # such as below root's own folder
                own = self.data / "program"
                shutil.copytree(self.home, own, symlinks=True)
                self.home, command = own, [str(own / "bin" / "elasticsearch")]
            _give_to(account, self.data)
            command = [
                "setpriv",
                f"--reuid={account.pw_uid}",
                f"--regid={account.pw_gid}",
                "--clear-groups",
                # A test run that is killed takes its server along.
                "--pdeathsig=TERM",
                *command,
            ]
        log = (self.data / "stdout.log").open("ab")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("ES_", "JAVA_"))}
        self.process = subprocess.Popen(
            command,
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            cwd=self.data,
            env={
                **environment,
                "ES_JAVA_HOME": str(self.java_home),
                "ES_JAVA_OPTS": "-Xms1g -Xmx1g",
                "ES_PATH_CONF": str(configuration),
                "ES_TMPDIR": str(self.data / "tmp"),
                "HOME": str(self.data),
            },
        )
        log.close()
        atexit.register(self.stop)
        self._await_answer()

    def _await_answer(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if self.process is not None and self.process.poll() is not None:
                break
            with contextlib.suppress(OSError):
                health = f"{self.url}/_cluster/health?wait_for_status=yellow&timeout=5s"
                with urllib.request.urlopen(health, timeout=10) as answer:
                    if answer.status == 200:
                        return
            time.sleep(0.3)
        tail = (self.data / "stdout.log").read_text(errors="replace")[-2000:]
        self.stop()
        raise ServerMissing(f"Elasticsearch {VERSION} did not start: {tail}")

    def stop(self, *, kill: bool = False) -> None:
        """Stop it (with SIGKILL when `kill`) and wait until it is gone."""
        process, self.process = self.process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            # The launcher and the server it starts are one session of their own.
            os.killpg(process.pid, signal.SIGKILL if kill else signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)


@contextlib.contextmanager
def start_elasticsearch() -> Iterator[ElasticsearchServer]:
    """A server with empty data that lives as long as the block; raises ServerMissing."""
    java_home = find_java()
    home = fetch_elasticsearch()
    data = Path(tempfile.mkdtemp(prefix="duijie-es-"))
    for folder in ("data", "logs", "tmp"):
        (data / folder).mkdir()
    server = ElasticsearchServer(home, java_home, data, _free_port(), _free_port())
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(data, ignore_errors=True)


def find_java() -> Path:
    """The home of a Java of at least version 21: ES_JAVA_HOME, JAVA_HOME, the usual folders, or `java` on the path."""
    candidates = [Path(os.environ[name]) for name in ("ES_JAVA_HOME", "JAVA_HOME") if os.environ.get(name)]
    for folder in (Path("/usr/lib/jvm"), Path("/opt/java"), Path("/Library/Java/JavaVirtualMachines")):
        if folder.is_dir():
            candidates += sorted(folder.iterdir()) + sorted(folder.glob("*/Contents/Home"))
    on_path = shutil.which("java")
    if on_path:
        candidates.append(Path(on_path).resolve().parents[1])
    versions = {home: _java_version(home) for home in candidates}
    fitting = [home for home, version in versions.items() if version >= LEAST_JAVA]
    if not fitting:
        raise ServerMissing(f"no Java {LEAST_JAVA} or newer was found")
    return fitting[0]


def _java_version(home: Path) -> int:
    release = home / "release"
    if not (home / "bin" / "java").exists() or not release.exists():
        return 0
    found = re.search(r'JAVA_VERSION="(\d+)', release.read_text(errors="replace"))
    return int(found.group(1)) if found else 0


def fetch_elasticsearch() -> Path:
    """The folder of the unpacked server; fetched with Maven when it is not there yet."""
    home = CACHE / f"elasticsearch-{VERSION}"
    if (home / "bin" / "elasticsearch").exists():
        return home
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two test runs may both find it missing
        if (home / "bin" / "elasticsearch").exists():
            return home
        archive = CACHE / f"elasticsearch-{VERSION}.zip"
        if not archive.exists():
            _fetch_archive(archive)
        unpacked = CACHE / f".unpacking-{VERSION}"
        shutil.rmtree(unpacked, ignore_errors=True)
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(unpacked)
        for program in [*(unpacked / home.name / "bin").iterdir(), *unpacked.glob("*/modules/*/platform/*/bin/*")]:
            program.chmod(0o755)
        (unpacked / home.name).rename(home)
        shutil.rmtree(unpacked, ignore_errors=True)
        archive.unlink()
    return home


def _fetch_archive(archive: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise ServerMissing("Maven (mvn), which fetches Elasticsearch, was not found")
    command = [
        maven,
        "-q",
        "-B",
        "dependency:copy",
        f"-Dartifact={ARTIFACT}",
        f"-DoutputDirectory={archive.parent}",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False, cwd=archive.parent)
    if done.returncode or not archive.exists():
        reason = (done.stdout + done.stderr).strip().splitlines()
        raise ServerMissing(f"Maven could not fetch {ARTIFACT}: {reason[0] if reason else 'no reason given'}")


def _server_account() -> pwd.struct_passwd | None:
    """The account to run as: None for the present one, unless that is root."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(SERVER_ACCOUNT)
    except KeyError:
        pass
    creator = shutil.which("useradd")
    if creator is None or shutil.which("setpriv") is None:
        raise ServerMissing("Elasticsearch does not run as root, and useradd or setpriv is missing")
    made = subprocess.run(
        [creator, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SERVER_ACCOUNT],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        return pwd.getpwnam(SERVER_ACCOUNT)  # a run beside this one may have made it
    except KeyError:
        raise ServerMissing(f"the account for Elasticsearch could not be made: {made.stderr.strip()}") from None


def _may_be_entered(folder: Path) -> bool:
    """Whether every account may read below the folder."""
    return all(path.stat().st_mode & 0o001 for path in (folder, *folder.parents))


def _give_to(account: pwd.struct_passwd, folder: Path) -> None:
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, account.pw_uid, account.pw_gid)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

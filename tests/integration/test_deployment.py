"""What the containers of compose.yaml run, run here: the same entry points, settings, secrets by file and checks.

No container engine is needed. Each service's command is taken from compose.yaml (or the image's, from the Dockerfile),
and only what names a container's surroundings is replaced: hosts, `/data`, `/run/secrets`.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
import yaml

from matching.bootstrap import build_platform
from matching.clock import utc_now
from matching.settings import load_settings
from matching.store.redis_server import free_port
from tests.factories.people import PASSWORD, make_member
from tests.servers.elasticsearch import ElasticsearchServer
from tests.servers.postgresql import PostgresqlServer
from tests.servers.redis import RedisServer

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
SECRET_KEY = "b" * 64
DATABASE_PASSWORD = "0123456789abcdef"
PATIENCE_SECONDS = 180.0
DRAIN_SECONDS = 2.0
"""From taking a web process out of the proxy to stopping it, as docs/operations.md asks."""


@dataclass
class Deployment:
    """The services of compose.yaml that run our image."""

    services: dict[str, dict[str, Any]]
    image: dict[str, Any]
    folder: Path
    surroundings: dict[str, str]
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def environment(self, service: str) -> dict[str, str]:
        """Of a container: the image's variables and the service's, and nothing of ours but the way to the programs."""
        given = {**self.image["environment"], **self.services[service]["environment"], "HOSTNAME": socket.gethostname()}
        return {
            **{name: self.adapt(str(value)) for name, value in given.items() if name != "PATH"},
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(self.folder / "data"),
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        }

    def adapt(self, text: str) -> str:
        """With `${NAME:-default}` and `$$` as compose reads them, and a container's places replaced by ours."""
        text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text).replace("$$", "$")
        for place, ours in self.surroundings.items():
            text = re.sub(re.escape(place) + r"(?!\w)", ours, text)
        return text

    def command(self, service: str) -> list[str]:
        """What the container runs."""
        return [self.adapt(part) for part in self.services[service].get("command", self.image["command"])]

    def run(self, service: str) -> None:
        """Run a service that ends by itself; fails unless it succeeds."""
        done = subprocess.run(
            self.command(service), env=self.environment(service), cwd=self.folder / "data", capture_output=True,
            text=True, timeout=PATIENCE_SECONDS, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]

    def start(self, service: str, name: str = "", place: str = "", ours: str = "") -> None:
        """Start a service that stays. `name` tells two of a kind apart: its command has `ours` in place of `place`."""
        with self.log(name or service).open("ab") as log:
            self.running[name or service] = subprocess.Popen(
                [part.replace(place, ours) if place else part for part in self.command(service)],
                env=self.environment(service), cwd=self.folder / "data", stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def stop(self, name: str) -> int:
        """Stop it as a container engine does, with SIGTERM. Returns what it ended with; fails if it must be killed."""
        process = self.running.pop(name)
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise

    def check(self, service: str) -> bool:
        """Whether the service's own health check passes."""
        check = self.services[service].get("healthcheck", self.image["healthcheck"])
        if check.get("disable"):
            return True
        kind, *words = [self.adapt(word) for word in check["test"]]
        command = ["sh", "-c", *words] if kind == "CMD-SHELL" else words
        done = subprocess.run(command, env=self.environment(service), capture_output=True, timeout=60, check=False)
        return done.returncode == 0

    def log(self, name: str) -> Path:
        """What it wrote."""
        return self.folder / f"{name}.log"

    def wait_until(self, holds: Callable[[], bool], what: str) -> None:
        """Return once it holds; fails with the ends of the logs."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not holds():
            if time.monotonic() > deadline:
                logs = "\n".join(f"--- {name}\n{self.log(name).read_text()[-1500:]}" for name in self.running)
                raise AssertionError(f"not within {PATIENCE_SECONDS:.0f} s: {what}\n{logs}")
            time.sleep(0.2)


def read_image() -> dict[str, Any]:
    """Environment, command and health check of the Dockerfile's last stage."""
    stage = (ROOT / "Dockerfile").read_text(encoding="utf-8").rpartition("\nFROM ")[2].replace("\\\n", " ")
    lines = dict(re.findall(r"^(CMD|HEALTHCHECK|USER) (.*)$", stage, re.MULTILINE))
    variables = [
        word.split("=", 1) for line in re.findall(r"^ENV (.*)$", stage, re.MULTILINE) for word in shlex.split(line)
    ]
    assert lines["USER"] == "duijie"
    return {
        "environment": dict(variables),
        "command": json.loads(lines["CMD"]),
        "healthcheck": {"test": ["CMD", *json.loads(lines["HEALTHCHECK"].partition("CMD ")[2])]},
    }


@pytest.fixture
def deployment(
    tmp_path: Path,
    postgresql_server: PostgresqlServer,
    elasticsearch_server: ElasticsearchServer,
    redis_server: RedisServer,
) -> Iterator[Deployment]:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    ours = {name: service for name, service in compose["services"].items() if service["image"].startswith("duijie:")}
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (tmp_path / "data").mkdir()
    given = {"secret_key": SECRET_KEY, "database_password": DATABASE_PASSWORD}
    for name, value in given.items():
        (secrets / name).write_text(value + "\n", encoding="utf-8")
    assert set(compose["secrets"]) == set(given)
    database = postgresql_server.create_database(migrated=False)
    postgresql_server.require_password(database.rpartition("/")[2], DATABASE_PASSWORD)
    port = free_port()
    made = Deployment(
        ours, read_image(), tmp_path,
        {
            "/run/secrets": str(secrets),
            "postgres/duijie": database.partition("@")[2],
            "http://elasticsearch:9200": elasticsearch_server.url,
            "redis://redis:6379": f"redis://127.0.0.1:{redis_server.port}",
            "0.0.0.0:8000": f"127.0.0.1:{port}",
            "127.0.0.1:8000": f"127.0.0.1:{port}",
            "/data": str(tmp_path / "data"),
        },
    )  # fmt: skip
    yield made
    for name in list(made.running):
        with contextlib.suppress(subprocess.TimeoutExpired):
            made.stop(name)


@dataclass
class Caller:
    """Asks web processes as a proxy does: the next one when one does not take the connection."""

    addresses: list[str]
    token: str = ""

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
        """Status and JSON; raises ConnectionError when no process takes the connection."""
        for address in list(self.addresses):
            request = Request(
                address + path, method=method, data=json.dumps(body).encode() if body is not None else None,
                headers={"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"} if self.token
                else {"Content-Type": "application/json"},
            )  # fmt: skip
            try:
                with urlopen(request, timeout=30) as answer:
                    return answer.status, json.loads(answer.read())
            except HTTPError as error:
                return error.code, json.loads(error.read())
            except OSError as error:
                if not isinstance(getattr(error, "reason", None), ConnectionRefusedError):
                    raise
        raise ConnectionError("no web process listens")


def make_accounts(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in deployment.environment("web").items():
        if name.startswith("DUIJIE_"):
            monkeypatch.setenv(name, value)
    platform = build_platform(load_settings())
    make_member(platform, utc_now(), email="firm@example.cn", organisation="示例电路")
    make_member(platform, utc_now(), email="uni@example.cn", organisation="示例大学", kind="university")
    platform.close()


def sign_in(addresses: list[str], email: str) -> Caller:
    caller = Caller(addresses)
    status, made = caller.ask("POST", "/api/v1/tokens", {"email": email, "password": PASSWORD, "name": "test"})
    assert status == 201, made
    return Caller(addresses, made["token"])


def publish(caller: Caller, noun: str, **fields: Any) -> str:
    status, made = caller.ask("POST", f"/api/v1/{noun}", fields)
    assert status == 201, made
    status, published = caller.ask("POST", f"/api/v1/{noun}/{made['id']}/publish")
    assert status == 200, published
    return str(made["id"])


def test_the_containers_serve_survive_a_rolling_restart_and_end_when_asked(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Review is off for the test's members only; everything else is as in production."""
    for service in deployment.services.values():
        service["environment"] = {**service["environment"], "DUIJIE_REVIEW_BEFORE_PUBLICATION": "false"}
    deployment.run("migrate")
    deployment.run("migrate")  # a second start of everything does no harm
    make_accounts(deployment, monkeypatch)
    first = deployment.surroundings["127.0.0.1:8000"]
    second = f"127.0.0.1:{free_port()}"
    deployment.start("web")
    deployment.start("web", "web-2", first, second)
    staying = [name for name in deployment.services if name not in ("migrate", "web")]
    assert sorted(staying) == ["beat", "imports", "matching", "timetables", "upkeep"]
    for name in staying:
        deployment.start(name)
    for service in ("web", *staying):
        deployment.wait_until(lambda service=service: deployment.check(service), f"{service} is healthy")
    status, parts = Caller([f"http://{first}"]).ask("GET", "/readyz")
    assert (status, parts["ready"]) == (200, True), parts

    addresses = [f"http://{first}", f"http://{second}"]
    firm, university = sign_in(addresses, "firm@example.cn"), sign_in(addresses, "uni@example.cn")
    capability_id = publish(
        university,
        "capabilities",
        kind="achievement",
        title="高频线路板低翘曲压合工艺",
        abstract="压合翘曲控制在 0.4 % 以内",
    )

    published: list[str] = []
    refused: list[str] = []
    enough = threading.Event()

    def keep_publishing() -> None:
        while not enough.is_set():
            try:
                published.append(
                    publish(firm, "needs", title=f"高频线路板翘曲控制 {len(published)}", problem="压合后翘曲超过 0.7 %")
                )
            except (AssertionError, OSError) as error:
                refused.append(repr(error))
            time.sleep(0.1)

    writer = threading.Thread(target=keep_publishing)
    writer.start()
    try:
        ended = {"matching": deployment.stop("matching")}
        deployment.start("matching")
        for name, address in (("web", first), ("web-2", second)):
            addresses.remove(f"http://{address}")
            time.sleep(DRAIN_SECONDS)
            ended[name] = deployment.stop(name)
            deployment.start("web", name, first, address)
            deployment.wait_until(lambda address=address: listens(f"http://{address}"), f"{name} listens again")
            addresses.append(f"http://{address}")
    finally:
        enough.set()
        writer.join()
    assert refused == []
    assert ended == {"matching": 0, "web": 0, "web-2": 0}
    assert published

    def suggested(need_id: str) -> list[str]:
        _, found = firm.ask("GET", f"/api/v1/needs/{need_id}/suggestions")
        return [item["capability"]["id"] for item in found["items"]]

    for need_id in published:
        deployment.wait_until(lambda need_id=need_id: suggested(need_id) == [capability_id], f"{need_id} is matched")
    assert {name: deployment.stop(name) for name in list(deployment.running)} == dict.fromkeys(
        ("web", "web-2", *staying), 0
    )
    for log in deployment.folder.glob("*.log"):
        said = log.read_text(encoding="utf-8")
        assert not {secret for secret in (SECRET_KEY, DATABASE_PASSWORD) if secret in said}, log


def listens(address: str) -> bool:
    """Whether a process answers there."""
    try:
        with urlopen(f"{address}/healthz", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def test_in_production_no_container_starts_without_a_good_secret(deployment: Deployment) -> None:
    (deployment.folder / "secrets" / "secret_key").write_text("short", encoding="utf-8")
    done = subprocess.run(
        deployment.command("web"), env=deployment.environment("web"), cwd=deployment.folder / "data",
        capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "DUIJIE_SECRET_KEY_FILE" in done.stderr


def test_the_password_is_needed(deployment: Deployment) -> None:
    """Else the run above would not show that it comes from the file."""
    (deployment.folder / "secrets" / "database_password").write_text("another", encoding="utf-8")
    done = subprocess.run(
        deployment.command("migrate"), env=deployment.environment("migrate"), cwd=deployment.folder / "data",
        capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "another" not in done.stderr

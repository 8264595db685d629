"""The whole product in its own processes, and a real browser before it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from matching.store.redis_server import free_port
from tests.servers.elasticsearch import start_elasticsearch
from tests.servers.postgresql import start_postgresql

_START_SECONDS = 180
_SETTLE_SECONDS = 900
_ARTIFACTS = Path(__file__).parents[2] / "test-artifacts" / "pages"
PASSWORD = "duijie-demo"


@dataclass(frozen=True)
class Product:
    """A running product with the demonstration in it."""

    base_url: str

    def address(self, path: str) -> str:
        """The full address of a path."""
        return self.base_url + path

    def read(self, path: str) -> str:
        """A page's text, whatever its status."""
        try:
            with urlopen(self.address(path), timeout=20) as answer:
                return str(answer.read().decode())
        except HTTPError as error:
            return error.read().decode()

    def owed(self) -> int:
        """How many outbox rows are open: 0 when everything published is matched."""
        found = re.search(r"^duijie_outbox_open (\S+)$", self.read("/metrics"), re.MULTILINE)
        assert found is not None
        return int(float(found[1]))


def _wait(seconds: float, what: str, done: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.fail(f"the product ended with {process.returncode}:\n{log.read_text(encoding='utf-8')[-3000:]}")
        try:
            if done():
                return
        except (URLError, OSError):
            pass
        time.sleep(0.5)
    pytest.fail(f"not within {seconds} s: {what}\n{log.read_text(encoding='utf-8')[-3000:]}")


def pytest_addoption(parser: pytest.Parser) -> None:
    """On which parts the product runs that the browser sees."""
    parser.addoption(
        "--parts", choices=("embedded", "servers"), default="embedded",
        help="embedded: SQLite and the embedded index; servers: PostgreSQL and Elasticsearch",
    )  # fmt: skip


@pytest.fixture(scope="session")
def parts(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """Settings of the parts chosen by `--parts`; the servers are started here."""
    if request.config.getoption("--parts", default="embedded") == "embedded":
        yield {}
        return
    with start_postgresql() as database, start_elasticsearch() as index:
        yield {"DUIJIE_DATABASE_URL": database.create_database(migrated=False), "DUIJIE_INDEX_URL": index.url}


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory, parts: dict[str, str]) -> Iterator[Product]:
    """Started with `duijie up --demo` on a free port, stopped as Ctrl-C does.

    DUIJIE_E2E_URL names a demonstration that runs already, for those who work on the pages.
    """
    if running := os.environ.get("DUIJIE_E2E_URL"):
        yield Product(running.rstrip("/"))
        return
    folder = tmp_path_factory.mktemp("product")
    port = free_port()
    started = Product(f"http://127.0.0.1:{port}")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DUIJIE_")}
    # The demonstration's own suggestions fill an expert's weekly load; the tests are about one more.
    environment["DUIJIE_WEEKLY_LOAD"] = "500"
    environment |= parts
    log = folder / "up.log"
    command = [sys.executable, "-m", "web.cli", "up", "--demo", "--port", str(port), "--data", str(folder / "data")]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output, start_new_session=True)
    try:
        _wait(_START_SECONDS, "/readyz", lambda: '"ready":true}' in started.read("/readyz"), process, log)
        _wait(_SETTLE_SECONDS, "the demonstration is matched", lambda: started.owed() == 0, process, log)
        yield started
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The system's Chromium; without it the tests are skipped, or fail where CI=true."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("Chromium is needed where CI=true")
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ],
        )
        yield browser
        browser.close()


@dataclass
class Visit:
    """A browser window, and everything that went wrong in it."""

    page: Page
    product: Product
    problems: list[str]

    def open(self, path: str) -> int:
        """Go to a path; returns the status."""
        answer = self.page.goto(self.product.address(path))
        assert answer is not None
        return answer.status

    def keep_picture(self, name: str) -> Path:
        """A picture of the whole page, for people to look at."""
        _ARTIFACTS.mkdir(parents=True, exist_ok=True)
        path = _ARTIFACTS / f"{name}.png"
        self.page.screenshot(path=path, full_page=True)
        return path


@pytest.fixture
def visit(chromium: Browser, product: Product) -> Iterator[Callable[..., Visit]]:
    """Opens windows: signed in as the address given, of a width, in a language. Foreign requests and script errors fail
    the test at its end.
    """
    contexts: list[BrowserContext] = []
    visits: list[Visit] = []

    def start(
        email: str | None = None,
        *,
        width: int = 1280,
        language: str = "zh-CN",
        scripts: bool = True,
        dark: bool = False,
    ) -> Visit:
        context = chromium.new_context(
            viewport={"width": width, "height": 900},
            locale=language,
            java_script_enabled=scripts,
            color_scheme="dark" if dark else "light",
            timezone_id="America/Los_Angeles",  # times are shown as in China wherever the browser is
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        started = Visit(page, product, [])
        visits.append(started)
        page.on("pageerror", lambda error: started.problems.append(f"script: {error}"))
        page.on(
            "console",
            lambda message: (
                started.problems.append(f"console: {message.text}")
                if "Content Security Policy" in message.text
                else None
            ),
        )
        page.on(
            "request",
            lambda request: (
                started.problems.append(f"foreign request: {request.url}")
                if not request.url.startswith((product.base_url, "data:"))
                else None
            ),
        )
        if email is not None:
            started.open("/sign-in")
            page.fill("#email", email)
            page.fill("#password", PASSWORD)
            page.click("main button[type=submit]")
            page.wait_for_url(lambda address: "/sign-in" not in address)
        return started

    yield start
    for context in contexts:
        context.close()
    assert [problem for one in visits for problem in one.problems] == []

"""What operators see of the running programs: figures over all processes, log lines that name request and task."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pytest

from matching.clock import utc_now
from matching.store.redis_server import free_port
from tests.factories.people import make_member
from tests.factories.posts import make_need
from tests.integration.product import Product, make_product
from tests.servers.redis import RedisServer
from web.commands.up import program_commands

pytestmark = pytest.mark.integration


@pytest.fixture
def product(tmp_path: Path, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Product]:
    made = make_product(tmp_path, monkeypatch.setenv, redis_url=redis_server.url)
    yield made
    made.stop()


@contextlib.contextmanager
def start_web(product: Product) -> Iterator[str]:
    """Two processes of one web server; gives its address."""
    port = free_port()
    with (product.folder / "web.log").open("wb") as log:
        process = subprocess.Popen(
            program_commands("127.0.0.1", port, 2)["web"], env=product.clean_environment(),
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            urlopen(address + "/healthz", timeout=5).close()
            break
        except (URLError, OSError):
            time.sleep(0.2)
    try:
        yield address
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
def web(product: Product) -> Iterator[str]:
    with start_web(product) as address:
        yield address


def read(address: str) -> str:
    try:
        with urlopen(Request(address, headers={"Connection": "close"}), timeout=20) as answer:
            return str(answer.read().decode())
    except HTTPError as error:
        return error.read().decode()


def figure(text: str, name: str) -> float:
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_figures_are_of_all_processes(product: Product, web: str) -> None:
    asked = 40
    for _ in range(asked):
        read(web + "/healthz")
    name = 'duijie_request_seconds_count{endpoint="ops.healthz",method="GET",status="200"}'
    for _ in range(6):  # whichever process answers
        assert figure(read(web + "/metrics"), name) >= asked
    read(web + "/search?q=13800138000&type=need")
    read(web + "/nowhere/13800138000")
    read(web + "/needs/13800138000")
    text = read(web + "/metrics")
    assert 'endpoint="search.show_results"' in text
    assert 'endpoint="none",method="GET",status="404"' in text
    assert "13800138000" not in text
    assert "13800138000" not in product.log("web")

    firm = make_member(product.platform, utc_now(), email="firm@example.cn")
    make_need(product.platform, firm, utc_now(), title="电话 13800138000 的需求")
    product.start("matching")
    product.start("upkeep")
    product.start("beat")
    product.wait_until(lambda: product.open_rows() == 0, "the post is matched")
    done = 'duijie_task_seconds_count{state="SUCCESS",task="duijie.refresh_post"}'
    product.wait_until(lambda: figure(read(web + "/metrics"), done) == 1, "its task is counted")
    text = read(web + "/metrics")
    assert figure(text, 'duijie_posts{side="need",status="published"}') == 1
    assert figure(text, "duijie_index_entries") == 1
    assert figure(text, "duijie_index_lag") == 0
    for name in ("web", "matching", "upkeep", "beat"):
        assert "13800138000" not in product.log(name), name
        assert "firm@example.cn" not in product.log(name), name


def test_log_lines_name_the_task(product: Product) -> None:
    script = """
import logging
from workers.celery_app import app
import workers.observing
from matching.observing.logs import configure_logs
configure_logs("INFO")
@app.task(name="duijie.test")
def work():
    logging.getLogger("matching.somewhere").info("working")
work.apply(task_id="the-id")
logging.getLogger("matching.somewhere").info("idle")
"""
    printed = subprocess.run(
        [sys.executable, "-c", script], env=product.clean_environment(), capture_output=True, text=True, timeout=120,
        check=True,
    ).stderr  # fmt: skip
    lines = [json.loads(line) for line in printed.splitlines() if '"matching.somewhere"' in line]
    assert [(line["event"], line.get("task"), line.get("task_id")) for line in lines] == [
        ("working", "duijie.test", "the-id"),
        ("idle", None, None),
    ]


def test_log_lines_of_the_web_name_the_request(product: Product) -> None:
    """A warning that a request causes: the index does not answer."""
    product.environment["DUIJIE_INDEX_URL"] = f"http://somebody:hidden@127.0.0.1:{free_port()}"
    with start_web(product) as web, urlopen(web + "/search?q=%E7%BA%A2%E8%8C%B6&type=need", timeout=60) as answer:
        request_id = answer.headers["X-Request-ID"]
    lines = [json.loads(line) for line in product.log("web").splitlines() if line.startswith("{")]
    said = {line["event"]: line.get("request_id") for line in lines if line["level"] == "warning"}
    assert said["search falls back to titles: index does not answer"] == request_id
    # Each of the two processes said so when it started, outside any request.
    started = [line for line in lines if line["event"].startswith("index elasticsearch is not usable")]
    assert [line.get("request_id") for line in started] == [None, None]
    assert "hidden" not in product.log("web")
    assert "红茶" not in product.log("web")

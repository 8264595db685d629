"""A part is gone: what the reader sees, what operators are told, and that nothing entered meanwhile is lost."""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from matching.bootstrap import Platform
from matching.clock import utc_now
from matching.errors import PartUnavailable
from matching.models import OutboxEntry, Post
from matching.services.suggestions import refresh_post
from matching.store.redis_server import free_port
from tests.factories.people import Member, make_member
from tests.factories.platforms import make_platform
from tests.factories.posts import make_capability, make_need
from tests.factories.work import settle_everything
from tests.servers.elasticsearch import ElasticsearchServer
from tests.servers.postgresql import PostgresqlServer
from tests.servers.redis import RedisServer
from tests.unit.web.conftest import Browser
from web.app import create_app
from web.nudge import make_nudge

pytestmark = pytest.mark.integration


@pytest.fixture
def open_app(tmp_path: Path) -> Callable[..., tuple[Platform, Flask]]:
    """The application over a platform with the settings given, and a Redis where nobody answers unless one is given."""

    def make(**settings: str) -> tuple[Platform, Flask]:
        platform = make_platform(tmp_path, **({"redis_url": f"redis://127.0.0.1:{free_port()}/0"} | settings))
        return platform, create_app(platform)

    return make


def people(platform: Platform) -> tuple[Member, Member]:
    now = utc_now()
    return (
        make_member(platform, now, email="firm@example.cn", organisation="示例电路"),
        make_member(platform, now, email="uni@example.cn", organisation="示例大学", kind="university"),
    )


def browser_of(app: Flask, email: str | None = None, language: str = "zh") -> Browser:
    browser = Browser(app.test_client())
    browser.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = language
    if email is not None:
        assert browser.sign_in(email).status_code == 302
    return browser


def open_rows(platform: Platform) -> list[str]:
    with platform.reading() as session:
        return list(session.scalars(select(OutboxEntry.subject_id).where(OutboxEntry.done_at.is_(None))))


def settle(platform: Platform) -> None:
    """As the workers do, once what failed is due again."""
    settle_everything(platform, utc_now() + timedelta(hours=1))


def write_need(browser: Browser, member: Member, title: str) -> None:
    """Through the form, and published at once."""
    browser.get("/needs/new")
    answer = browser.post(
        "/needs/new",
        {
            "organisation_id": member.organisation_id,
            "title": title,
            "problem": "板子在焊接后翘曲",
            "visibility": "public",
        },
    )
    assert answer.status_code in (302, 303), answer.text[:2000]
    address = answer.headers["Location"]
    browser.get(address)
    post_id = address.rstrip("/").split("/")[-1].split("?")[0].split("#")[0]
    assert browser.post(f"/posts/{post_id}/publish").status_code in (302, 303)


def test_without_elasticsearch_pages_search_and_posting_work(
    open_app: Callable[..., tuple[Platform, Flask]], elasticsearch_server: ElasticsearchServer
) -> None:
    platform, app = open_app(index_url=elasticsearch_server.url, index_prefix=f"down-{uuid.uuid4().hex[:12]}")
    firm, university = people(platform)
    need_id = make_need(platform, firm, utc_now())
    capability_id = make_capability(platform, university, utc_now())
    settle(platform)
    notice = "以下只按标题查找"
    browser = browser_of(app, "firm@example.cn")
    # Nearness in meaning finds it, though no word is shared.
    whole = browser.get("/search?q=线路板&type=capability")
    assert whole.status_code == 200
    assert capability_id in whole.text
    assert notice not in whole.text

    elasticsearch_server.stop(kill=True)
    try:
        for path in ("/", f"/posts/{need_id}", f"/posts/{capability_id}", "/inbox/", "/posts/mine", "/needs/new"):
            assert browser.get(path).status_code == 200, path
        found = browser.get("/search?q=线路板&type=capability")
        assert found.status_code == 200
        assert capability_id in found.text
        assert notice in found.text
        assert "by their titles only" in browser_of(app, language="en").get("/search?q=线路板&type=capability").text
        assert capability_id not in browser.get("/search?q=红茶&type=capability").text
        answer = app.test_client().get("/api/v1/search?q=线路板&type=capability")
        assert (answer.status_code, [hit["id"] for hit in answer.json["items"]]) == (200, [capability_id])
        write_need(browser, firm, "沉金板面发白的原因")
        with platform.reading() as session:
            late_id, status = session.execute(
                select(Post.id, Post.status).where(Post.title == "沉金板面发白的原因")
            ).one()
        assert status == "published"
        assert browser.get(f"/posts/{late_id}").status_code == 200
        with pytest.raises(PartUnavailable):
            refresh_post(platform, late_id, utc_now())
        assert late_id in open_rows(platform)
        ready = app.test_client().get("/readyz")
        assert ready.status_code == 200  # pages are served
        part = ready.json["parts"]["index"]
        assert (part["ready"], part["needed"]) == (False, False)
        assert "start Elasticsearch 9.x" in part["remedy"]
    finally:
        elasticsearch_server.start()
    settle(platform)
    again = browser.get("/search?q=发白&type=need")
    assert late_id in again.text
    assert notice not in again.text
    assert app.test_client().get("/readyz").json["parts"]["index"]["ready"] is True


def test_without_redis_posting_works_and_the_outbox_keeps(
    open_app: Callable[..., tuple[Platform, Flask]], redis_server: RedisServer
) -> None:
    platform, app = open_app(redis_url=redis_server.url)
    platform.nudge = make_nudge(platform.settings)
    firm, _ = people(platform)
    browser = browser_of(app, "firm@example.cn")
    assert app.test_client().get("/readyz").json["parts"]["redis"]["ready"] is True
    redis_server.stop(kill=True)
    try:
        write_need(browser, firm, "沉金板面发白的原因")
        assert len(open_rows(platform)) == 1
        for path in ("/", "/search?q=发白&type=need", "/inbox/", "/posts/mine"):
            assert browser.get(path).status_code == 200, path
        ready = app.test_client().get("/readyz")
        assert ready.status_code == 200
        part = ready.json["parts"]["redis"]
        assert (part["ready"], part["needed"]) == (False, False)
        assert "DUIJIE_REDIS_URL" in part["remedy"]
        assert app.test_client().get("/metrics").status_code == 200
    finally:
        redis_server.start()
    settle(platform)
    assert app.test_client().get("/readyz").json["parts"]["redis"]["ready"] is True


def test_without_the_database_there_is_a_clear_page_and_503(
    open_app: Callable[..., tuple[Platform, Flask]], postgresql_server: PostgresqlServer
) -> None:
    url = postgresql_server.create_database()
    platform, app = open_app(database_url=url)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    firm, _ = people(platform)
    need_id = make_need(platform, firm, utc_now())
    browser = browser_of(app, "firm@example.cn")
    assert browser.get("/").status_code == 200
    doctor = [sys.executable, "-m", "web.cli", "doctor"]
    environment = {"DUIJIE_DATABASE_URL": url, "DUIJIE_DATA_DIR": str(platform.settings.data_dir)}
    postgresql_server.stop(kill=True)
    try:
        for path in ("/", f"/posts/{need_id}", "/search?q=线路板&type=need", "/inbox/", "/sign-in", "/no-such-page"):
            page = browser.get(path)
            assert page.status_code == 503, path
            assert "数据库暂时没有应答" in page.text
            assert "duijie@" not in page.text
            assert "psycopg" not in page.text
        written = browser.post(
            "/needs/new",
            {"organisation_id": firm.organisation_id, "title": "不能丢的标题", "problem": "不能丢的正文"},
            headers={"Origin": "http://localhost"},
        )
        assert written.status_code == 503
        assert "继续提交" in written.text
        for kept in ('name="title" value="不能丢的标题"', 'name="problem" value="不能丢的正文"', 'action="/needs/new"'):
            assert kept in written.text
        answer = app.test_client().get("/api/v1/needs")
        assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")
        assert answer.json["code"] == "part.database_unavailable"
        assert app.test_client().get("/healthz").status_code == 200
        ready = app.test_client().get("/readyz")
        assert ready.status_code == 503
        assert ready.json["parts"]["database"]["ready"] is False
        assert "DUIJIE_DATABASE_URL" in ready.json["parts"]["database"]["remedy"]
        said = subprocess.run(doctor, env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert said.returncode == 1
        assert "✗ database" in said.stdout
        assert "DUIJIE_DATABASE_URL" in said.stdout
    finally:
        postgresql_server.start()
    deadline = time.monotonic() + 30
    while browser.get("/").status_code != 200 and time.monotonic() < deadline:
        time.sleep(0.5)
    assert browser.get(f"/posts/{need_id}").status_code == 200
    assert app.test_client().get("/readyz").status_code == 200

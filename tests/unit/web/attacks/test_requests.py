"""Forged requests, ids of others, fields that are nobody's to set, addresses that lead elsewhere: each one tried."""

from __future__ import annotations

import io
import itertools
import json
import re
import zipfile
from collections.abc import Iterator
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest
from argon2 import PasswordHasher
from flask import Flask
from sqlalchemy import select
from werkzeug.routing import Rule

from matching.models import AccountLink, Base, Delivery, Organisation, Post, Registration, User
from matching.services import passwords
from tests.integration.policy.crawler import NOWHERE, Reader, addresses, known_ids
from tests.integration.policy.world import World
from web.app import create_app

WITHOUT_TOKEN = {
    "preferences.stop": "a mail program unsubscribes by the signed link alone",
    "open_data.harvest": "harvesters may ask by POST; it only reads",
}
"""Forms that need no token, with the reason."""


def rules_by_method(app: Flask, *methods: str) -> list[Rule]:
    """Routes that change something."""
    return [
        rule
        for rule in sorted(app.url_map.iter_rules(), key=lambda one: (one.rule, one.endpoint))
        if set(methods) & (rule.methods or set())
    ]


def fill(rule: Rule, ids: dict[str, str]) -> str:
    """The route's address with those ids, and one that nothing has for every other argument."""
    path = rule.rule
    for name in rule.arguments:
        choice = re.search(rf"<any\(([^)]*)\):{name}>", path)
        value = choice[1].split(",")[0].strip() if choice else ids.get(name, NOWHERE)
        if re.search(rf"<int[^<>]*:{name}>", path):
            value = "1"
        path = re.sub(rf"<(?:[^<>]*:)?{name}>", value, path)
    return path


def rows_of(world: World) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that is stored but sign-ins, counters and lines of the log."""
    left_out = {"user_sessions", "attempt_counters", "audit_entries", "audit_log", "users", "api_tokens"}
    with world.platform.engine.connect() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(table.select())), key=repr)
            for table in Base.metadata.sorted_tables
            if table.name not in left_out
        }


def test_no_form_is_taken_without_its_token(world: World, attacked: Flask) -> None:
    reader = Reader(world, attacked, "administrator")
    ids = {name: values[0] for name, values in known_ids(world).items() if values}
    before = rows_of(world)
    tried = 0
    for rule in rules_by_method(attacked, "POST"):
        if rule.rule.startswith("/api/") or rule.endpoint in WITHOUT_TOKEN:
            continue
        for data in ({}, {"csrf_token": "forged"}):
            answer = reader.client.post(fill(rule, ids), data=data)
            assert answer.status_code == 400, f"{rule.rule} took a form without a token"
        tried += 1
    assert tried > 80
    assert rows_of(world) == before


def test_the_api_takes_no_cookie(world: World, attacked: Flask) -> None:
    client = Reader(world, attacked, "administrator").client
    ids = {name: values[0] for name, values in known_ids(world).items() if values}
    before = rows_of(world)
    for rule in rules_by_method(attacked, "POST", "PATCH", "PUT", "DELETE"):
        if not rule.rule.startswith("/api/") or rule.endpoint == "api-tokens.make_token":
            continue
        for method in sorted({"POST", "PATCH", "PUT", "DELETE"} & (rule.methods or set())):
            answer = client.open(fill(rule, ids), method=method, json={})
            assert answer.status_code == 401, f"{method} {rule.rule} answered {answer.status_code} to a cookie"
    assert rows_of(world) == before


@pytest.mark.parametrize("name", ["rival_editor", "firm_reader"])
def test_ids_of_others_open_nothing(world: World, attacked: Flask, name: str) -> None:
    """Every changing route with every id, as somebody to whom none of it belongs: nothing stored changes."""
    reader = Reader(world, attacked, name)
    mine = {world.users[name], *(fact.id for fact in world.interests if fact.asking == name)}
    before = rows_of(world)
    known = known_ids(world)
    for rule in rules_by_method(attacked, "POST", "PATCH", "PUT", "DELETE"):
        arguments = [one for one in sorted(rule.arguments) if one in known]
        if not arguments or rule.endpoint in ("events.do_register", "unsent.keep", "unsent.drop"):
            continue  # whoever is signed in may register, and keeps text under ids of their own
        for chosen in itertools.islice(itertools.product(*(known[one] for one in arguments)), 6):
            if mine & set(chosen):
                continue
            address = fill(rule, dict(zip(arguments, chosen, strict=True)))
            if rule.rule.startswith("/api/"):
                headers = {"Authorization": f"Bearer {world.tokens[name]}", "If-Match": '"1"'}
                for method in sorted({"POST", "PATCH", "PUT", "DELETE"} & (rule.methods or set())):
                    answer = reader.client.open(address, method=method, json={}, headers=headers)
                    assert answer.status_code >= 400, f"{name}: {method} {address} {answer.status_code}"
                    assert answer.status_code < 500, f"{name}: {method} {address} {answer.status_code}"
            else:
                seen = reader.post(address)
                assert seen.status < 500, f"{name}: {address} {seen.status}"
    changed = {table for table, rows in rows_of(world).items() if rows != before[table]}
    assert changed <= {"unsent_texts"}, f"{name} changed {changed}"


def test_no_address_leads_off_the_site(world: World, attacked: Flask) -> None:
    reader = Reader(world, attacked, "firm_owner")
    for hostile in ("https://evil.example/x", "//evil.example", "/\\evil.example"):
        for _endpoint, address in _first_of_each(addresses(attacked, world)):
            mark = "&" if "?" in address else "?"
            answer = reader.client.get(
                f"{address}{mark}next={hostile}&back={hostile}", headers={"Referer": hostile, "Host": "localhost"}
            )
            assert urlsplit(answer.headers.get("Location", "")).netloc in ("", "localhost"), address
    reader = Reader(world, attacked, "firm_owner")
    ids = {name: values[0] for name, values in known_ids(world).items() if values}
    for rule in rules_by_method(attacked, "POST"):
        if rule.endpoint.startswith("suggestion") or "next" in rule.rule or rule.endpoint.startswith("saved_filters"):
            data = {"csrf_token": reader.csrf, "next": "//evil.example", "library": "experts", "name": "x"}
            answer = reader.client.post(fill(rule, ids), data=data)
            assert urlsplit(answer.headers.get("Location", "")).netloc in ("", "localhost"), rule.rule


def _first_of_each(pairs: Iterator[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    seen = set()
    for endpoint, address in pairs:
        if endpoint not in seen:
            seen.add(endpoint)
            yield endpoint, address


def test_fields_that_are_nobodys_to_set_are_not_set(world: World, attacked: Flask) -> None:
    reader = Reader(world, attacked, "rival_editor")
    more = {
        "status": "published", "organisation_id": world.organisations["firm"], "author_id": world.users["professor"],
        "id": "chosen", "version": "99", "region_code": "440784", "published_at": "2020-01-01", "score": "1",
        "external_id": "x", "source": "x", "role": "administrator",
    }  # fmt: skip
    answer = reader.client.post("/needs/new", data={"csrf_token": reader.csrf, "title": "只要这个标题"} | more)
    assert answer.status_code == 302
    with world.platform.reading() as session:
        post = session.scalars(select(Post).where(Post.title == "只要这个标题")).one()
        assert (post.status, post.organisation_id, post.author_id, post.version) == (
            "draft", world.organisations["rival"], world.users["rival_editor"], 1,
        )  # fmt: skip
        assert (post.region_code, post.published_at, post.external_id, post.source) == ("440600", None, None, None)
    headers = {"Authorization": f"Bearer {world.tokens['rival_editor']}"}
    entry = {"organisation_id": world.organisations["rival"], "title": "由接口"}
    for name, value in more.items():
        if name in ("organisation_id", "region_code"):
            continue
        refused = reader.client.post("/api/v1/needs", json=entry | {name: value}, headers=headers)
        assert refused.status_code == 422, name
    other = reader.client.post(
        "/api/v1/needs", json=entry | {"organisation_id": world.organisations["firm"]}, headers=headers
    )
    assert other.status_code in (403, 422)


def test_nobody_makes_themselves_an_administrator(world: World, attacked: Flask) -> None:
    reader = Reader(world, attacked, "lecturer")
    data = {"csrf_token": reader.csrf, "name": "新名字", "locale": "zh", "role": "administrator"}
    data["region_code"] = "440000"
    reader.client.post("/account/", data=data | {"email": "administrator@example.cn", "active": "y", "user_id": "x"})
    with world.platform.reading() as session:
        user = session.get_one(User, world.users["lecturer"])
        assert (user.role, user.region_code, user.email) == ("member", None, "lecturer@example.cn")
    owner = Reader(world, attacked, "firm_owner")
    address = f"/account/members/{world.organisations['university']}/{world.users['firm_owner']}/role"
    assert owner.post(address, {"role": "owner"}).status in (403, 404)
    visitor = Reader(world, attacked, "visitor")
    page = visitor.client.get("/register/enterprise").text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token is not None
    visitor.client.post(
        "/register/enterprise",
        data={
            "csrf_token": token[1], "email": "new@example.cn", "name": "新人", "organisation_name": "新单位",
            "region_code": "440784", "password": "correct horse 电池", "state": "approved", "role": "administrator",
            "agree": "y",
        },
    )  # fmt: skip
    with world.platform.reading() as session:
        assert session.scalars(select(User).where(User.email == "new@example.cn")).one_or_none() is None
        states = session.scalars(select(Registration.state).where(Registration.email == "new@example.cn")).all()
        assert set(states) <= {"unconfirmed"}


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../../../etc/passwd", "..%2f..%2fsetup.cfg", "%2e%2e/%2e%2e/setup.cfg"]
)
@pytest.mark.parametrize("beginning", ["/static/", "/language/", "/imports/templates/", "/exports/", "/posts/"])
def test_no_path_leads_out_of_its_folder(world: World, attacked: Flask, beginning: str, path: str) -> None:
    answer = Reader(world, attacked, "administrator").client.get(beginning + path)
    assert answer.status_code in (302, 308, 404)
    assert b"[metadata]" not in answer.data
    assert b"root:" not in answer.data


def test_links_in_mails_do_not_follow_the_host_header(world: World, attacked: Flask) -> None:
    visitor = Reader(world, attacked, "visitor")
    client = visitor.client
    evil = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
    page = client.get("/password/forgotten", headers=evil).text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token is not None
    data = {"csrf_token": token[1], "email": "firm_owner@example.cn"}
    assert client.post("/password/forgotten", data=data, headers=evil).status_code in (200, 302)
    with world.platform.reading() as session:
        assert session.scalars(select(AccountLink).where(AccountLink.purpose == "reset")).all() != []
        letters = [json.dumps(one.payload) for one in session.scalars(select(Delivery)).all()]
    assert not any("evil.example" in one for one in letters)
    post = next(one for one in world.posts if one.plan.visibility == "public" and one.plan.state == "published")
    assert "evil.example" not in client.get(f"/posts/{post.id}", headers=evil).text


def test_known_and_unknown_accounts_cost_the_same(
    world: World, attacked: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each try hashes once, whether or not there is such an account: the time tells nothing."""
    hashed: list[str] = []

    class Counting(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:
            hashed.append("verify")
            return super().verify(hash, password)

    monkeypatch.setattr(passwords, "_hasher", Counting())
    for email in ("firm_reader@example.cn", "nobody@example.cn"):
        visitor = Reader(world, attacked, "visitor")
        token = re.search(r'name="csrf_token" value="([^"]+)"', visitor.client.get("/sign-in").text)
        assert token is not None
        data = {"csrf_token": token[1], "email": email, "password": "not the password"}
        answer = visitor.client.post("/sign-in", data=data)
        assert (answer.status_code, email, len(hashed)) == (422, email, 1)
        hashed.clear()


def test_known_and_unknown_accounts_cost_a_program_the_same(
    world: World, attacked: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tokens by password: one hash and one answer, whether there is no such account, a locked one or a wrong password;
    and a reset that is asked for says the same of either."""
    hashed: list[str] = []

    class Counting(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:
            hashed.append("verify")
            return super().verify(hash, password)

    monkeypatch.setattr(passwords, "_hasher", Counting())
    with world.platform.unit_of_work() as uow:
        uow.session.get_one(User, world.users["lecturer"]).active = False
        uow.commit()
    told = set()
    for email in ("firm_reader@example.cn", "nobody@example.cn", "lecturer@example.cn"):
        client = attacked.test_client()
        body = {"email": email, "password": "not the password", "name": "x"}
        answer = client.post("/api/v1/tokens", json=body, environ_base={"REMOTE_ADDR": "203.0.113.77"})
        problem = {key: value for key, value in json.loads(answer.data).items() if key != "request_id"}
        told.add((answer.status_code, json.dumps(problem, sort_keys=True), len(hashed)))
        hashed.clear()
    assert len(told) == 1, told
    pages = set()
    for email in ("firm_reader@example.cn", "nobody@example.cn", "lecturer@example.cn"):
        visitor = Reader(world, attacked, "visitor")
        token = re.search(r'name="csrf_token" value="([^"]+)"', visitor.client.get("/password/forgotten").text)
        assert token is not None
        answer = visitor.client.post("/password/forgotten", data={"csrf_token": token[1], "email": email})
        pages.add(
            (
                answer.status_code,
                answer.headers.get("Location"),
                re.sub(r"value=\"[^\"]*\"|[0-9a-f]{16}", "", answer.text).replace(email, ""),
            )
        )
    with world.platform.unit_of_work() as uow:
        uow.session.get_one(User, world.users["lecturer"]).active = True
        uow.commit()
    assert len(pages) == 1, pages


@pytest.mark.parametrize(
    "hostile",
    [
        b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]><worksheet>&b;</worksheet>',
        b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><worksheet>&f;</worksheet>',
    ],
    ids=["expanding entities", "a file's entity"],
)
def test_an_uploaded_table_expands_nothing(world: World, attacked: Flask, hostile: bytes) -> None:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as made:
        made.writestr("[Content_Types].xml", "<Types/>")
        made.writestr("xl/workbook.xml", hostile)
        made.writestr("xl/worksheets/sheet1.xml", hostile)
    _upload_and_read(world, attacked, "table.xlsx", package.getvalue())


def test_an_uploaded_bomb_is_not_unpacked(world: World, attacked: Flask) -> None:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("[Content_Types].xml", "<Types/>")
        made.writestr("xl/workbook.xml", "<workbook/>")
        made.writestr("xl/worksheets/sheet1.xml", b" " * 400_000_000)
    assert len(package.getvalue()) < 2_000_000
    _upload_and_read(world, attacked, "bomb.xlsx", package.getvalue())


def _upload_and_read(world: World, attacked: Flask, name: str, content: bytes) -> None:
    """The upload ends as failed, or as a file without rows, and no row holds anything of the machine."""
    from matching.models import ImportJob, ImportRow
    from matching.services.import_jobs import bring_import_on

    reader = Reader(world, attacked, "rival_editor")
    data = {
        "csrf_token": reader.csrf, "kind": "needs", "organisation_id": world.organisations["rival"],
        "file": (io.BytesIO(content), name),
    }  # fmt: skip
    answer = reader.client.post("/imports/", data=data, content_type="multipart/form-data")
    assert answer.status_code in (302, 422)
    with world.platform.reading() as session:
        jobs = session.scalars(select(ImportJob.id).where(ImportJob.file_name == name)).all()
    for job_id in jobs:
        bring_import_on(world.platform, job_id, lambda: world.now)
        with world.platform.reading() as session:
            job = session.get_one(ImportJob, job_id)
            assert (job.status, job.rows_total) == ("failed", 0)
            assert session.scalars(select(ImportRow).where(ImportRow.job_id == job_id)).all() == []


@pytest.mark.parametrize("website", ["javascript:alert(1)", "data:text/html,x", "vbscript:x", "//x", "ftp://x"])
def test_a_website_is_one(world: World, attacked: Flask, website: str) -> None:
    reader = Reader(world, attacked, "rival_editor")
    organisation_id = world.organisations["rival"]
    answer = reader.post(f"/organisations/{organisation_id}/edit", {"name": "rival示例单位", "website": website})
    assert answer.status in (403, 422)
    with world.platform.reading() as session:
        assert session.get_one(Organisation, organisation_id).website is None


def test_hsts_and_secure_cookies_only_where_there_is_encryption(world: World) -> None:
    from tests.factories.platforms import make_platform

    plain = create_app(world.platform).test_client().get("/sign-in")
    assert "Strict-Transport-Security" not in plain.headers
    platform = make_platform(world.platform.settings.data_dir / "behind", behind_proxy=True)
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "198.51.100.1"}
    answer = create_app(platform).test_client().get("/sign-in", headers=headers)
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000")
    [cookie] = answer.headers.getlist("Set-Cookie")
    for part in ("__Host-duijie=", "Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert part in cookie
    assert "Domain=" not in cookie
    platform.close()

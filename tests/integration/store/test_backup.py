"""What `duijie backup` writes comes back whole, on either database; whatever is not such a file changes nothing."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import tarfile
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from matching.bootstrap import Platform
from matching.clock import utc_now
from matching.errors import InvalidInput
from matching.models import Base, Notification, StoredBlob, Suggestion
from matching.services.api_tokens import make_api_token
from matching.services.rebuild import rebuild_index
from matching.services.suggestions import refresh_post
from matching.store.backup import NOT_KEPT, attachments_folder, restore_backup, write_backup
from seed_data.loader import load_demonstration, load_taxonomies
from tests.factories.people import make_expert, make_member
from tests.factories.platforms import make_platform
from tests.factories.posts import make_capability, make_need
from tests.servers.postgresql import PostgresqlServer

Rows = dict[str, list[dict[str, Any]]]


def rows_of(platform: Platform) -> Rows:
    """Everything that a backup keeps, in order."""
    with platform.engine.connect() as connection:
        return {
            table.name: [dict(row) for row in connection.execute(select(table).order_by(*table.primary_key)).mappings()]
            for table in Base.metadata.sorted_tables
            if table.name not in NOT_KEPT
        }


def files_of(platform: Platform) -> dict[str, bytes]:
    folder = attachments_folder(platform)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def fill(platform: Platform) -> None:
    """A little of everything, with texts that are hard to carry."""
    now = utc_now()
    firm = make_member(platform, now, email="firm@example.cn", organisation="𬭎䶮😀（集团）有限公司")
    university = make_member(platform, now, email="uni@example.cn", organisation="示例大学", kind="university")
    make_expert(platform, now, university)
    need_id = make_need(platform, firm, now, problem="第一行\n第二行\t\"引号\" \\ ' =cmd|'/C calc'!A0 \u2028")
    make_need(platform, firm, now, title="草稿", publish=False)
    for post_id in (make_capability(platform, university, now), need_id):
        refresh_post(platform, post_id, now)
    with platform.unit_of_work() as uow:
        make_api_token(uow, firm.actor, firm.user_id, "程序", ("read",), now + timedelta(days=30), now)
    with platform.unit_of_work() as uow:
        uow.session.add(StoredBlob(name="试", updated_at=now, data=bytes(range(256))))
        uow.commit()
    folder = attachments_folder(platform) / "ab"
    folder.mkdir(parents=True)
    (folder / "3f.bin").write_bytes(os.urandom(200_000))
    (attachments_folder(platform) / "空.txt").write_bytes(b"")


@pytest.fixture
def make(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[str, str], Platform]:
    """Platforms by name, on `sqlite` or `postgresql`."""

    def make_one(name: str, database: str) -> Platform:
        settings = {}
        if database == "postgresql":
            server: PostgresqlServer = request.getfixturevalue("postgresql_server")
            settings["database_url"] = server.create_database()
        return make_platform(tmp_path / name, **settings)

    return make_one


@pytest.mark.integration
@pytest.mark.parametrize(
    ("source", "target"),
    [("sqlite", "sqlite"), ("sqlite", "postgresql"), ("postgresql", "sqlite"), ("postgresql", "postgresql")],
)
def test_everything_comes_back(make: Callable[[str, str], Platform], tmp_path: Path, source: str, target: str) -> None:
    platform = make("source", source)
    fill(platform)
    written = write_backup(platform, tmp_path / "all.duijie")
    expected = rows_of(platform)
    assert {"posts", "suggestions", "notifications", "outbox", "audit_log", "api_tokens"} <= {
        name for name, rows in expected.items() if rows
    }
    assert (written.rows, written.files) == (sum(map(len, expected.values())), 2)

    # A new machine has the schema and, from its set-up, what every installation has: regions.
    other = make("target", target)
    restored = restore_backup(other, tmp_path / "all.duijie")
    assert rows_of(other) == expected
    assert files_of(other) == files_of(platform)
    assert (restored.rows, restored.files, restored.differing) == (written.rows, 2, {})

    rebuild_index(other, utc_now)
    rebuild_index(platform, utc_now)
    assert sorted(other.index.entry_versions()) == sorted(platform.index.entry_versions()) != []
    # It is in use again: new rows get numbers of their own.
    member = make_member(other, utc_now(), email="new@example.cn", organisation="新单位")
    make_need(other, member, utc_now())


def test_the_demonstration_comes_back(make: Callable[[str, str], Platform], tmp_path: Path) -> None:
    platform = make("source", "sqlite")
    load_taxonomies(platform)
    load_demonstration(platform, utc_now())
    write_backup(platform, tmp_path / "all.duijie")
    other = make("target", "sqlite")
    restore_backup(other, tmp_path / "all.duijie")
    assert rows_of(other) == rows_of(platform)


def test_nobody_is_signed_in_and_no_secret_is_in_it(make: Callable[[str, str], Platform], tmp_path: Path) -> None:
    secret = "a-secret-that-is-long-enough-to-be-found"
    platform = make_platform(tmp_path / "secret", secret_key=secret, smtp_password="mail-password", weekly_load=7)
    fill(platform)
    write_backup(platform, tmp_path / "all.duijie")
    content = gzip.decompress((tmp_path / "all.duijie").read_bytes())
    assert secret.encode() not in content
    assert b"mail-password" not in content
    assert b"tables/user_sessions" not in content
    restored = restore_backup(make("target", "sqlite"), tmp_path / "all.duijie")
    assert restored.differing == {"weekly_load": 7}


@pytest.mark.integration
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_writing_goes_on_meanwhile_and_the_copy_is_of_one_moment(
    make: Callable[[str, str], Platform], tmp_path: Path, database: str
) -> None:
    platform = make("source", database)
    firm = make_member(platform, utc_now(), email="firm@example.cn")
    stop = threading.Event()
    made: list[str] = []

    def write() -> None:
        while not stop.is_set():
            made.append(make_need(platform, firm, utc_now(), problem="现状" * 500))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(3):
            before = len(made)
            write_backup(platform, tmp_path / f"{number}.duijie")
            other = make(f"target-{number}", "sqlite")
            restore_backup(other, tmp_path / f"{number}.duijie")
            rows = rows_of(other)
            posts = {row["id"] for row in rows["posts"]}
            assert set(made[:before]) <= posts
            # Rows of one commit are in it together or not at all.
            assert {row["id"] for row in rows["needs"]} == posts
            assert {row["subject_id"] for row in rows["outbox"]} == posts - _drafts(rows)
    finally:
        stop.set()
        writer.join()
    assert len(made) > 3


def _drafts(rows: Rows) -> set[str]:
    return {row["id"] for row in rows["posts"] if row["status"] == "draft"}


def test_a_database_that_holds_data_is_left_alone_unless_told(
    make: Callable[[str, str], Platform], tmp_path: Path
) -> None:
    platform = make("source", "sqlite")
    fill(platform)
    write_backup(platform, tmp_path / "all.duijie")
    other = make("target", "sqlite")
    make_member(other, utc_now(), email="other@example.cn")
    attachments_folder(other).mkdir()
    (attachments_folder(other) / "mine.txt").write_text("mine")
    present = rows_of(other), files_of(other)
    with pytest.raises(InvalidInput) as raised:
        restore_backup(other, tmp_path / "all.duijie")
    assert raised.value.code == "backup.not_empty"
    assert (rows_of(other), files_of(other)) == present
    restore_backup(other, tmp_path / "all.duijie", replace=True)
    assert rows_of(other) == rows_of(platform)
    assert files_of(other) == files_of(platform)
    assert sorted(path.name for path in other.settings.data_dir.iterdir() if path.name.startswith(".")) == []


def _edit(file: Path, change: Callable[[dict[str, bytes]], None]) -> bytes:
    """The backup with members changed."""
    with tarfile.open(file, "r:gz") as archive:
        members = {}
        for member in archive:
            content = archive.extractfile(member)
            assert content is not None
            members[member.name] = content.read()
    change(members)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def _with_manifest(**changes: Any) -> Callable[[dict[str, bytes]], None]:
    def change(members: dict[str, bytes]) -> None:
        members["manifest.json"] = json.dumps(json.loads(members["manifest.json"]) | changes).encode()

    return change


def _without_posts(members: dict[str, bytes]) -> None:
    del members["tables/posts.jsonl"]


def _with_one_letter_changed(members: dict[str, bytes]) -> None:
    members["tables/users.jsonl"] = members["tables/users.jsonl"].replace(b"firm@", b"evil@")


def _with_a_path_outside(members: dict[str, bytes]) -> None:
    members["../outside.txt"] = b"x"


@pytest.mark.parametrize(
    "change",
    [
        _without_posts, _with_one_letter_changed, _with_a_path_outside, _with_manifest(format="something-else"),
        _with_manifest(schema="0001"), _with_manifest(members={}), _with_manifest(members=[]),
        _with_manifest(rows=None),
    ],
)  # fmt: skip
def test_a_changed_backup_is_refused_and_nothing_touched(
    make: Callable[[str, str], Platform], tmp_path: Path, change: Callable[[dict[str, bytes]], None]
) -> None:
    platform = make("source", "sqlite")
    fill(platform)
    write_backup(platform, tmp_path / "all.duijie")
    _refuses(make("target", "sqlite"), _edit(tmp_path / "all.duijie", change), tmp_path)


def _refuses(other: Platform, data: bytes, folder: Path) -> None:
    """In an installation that holds data, though told to replace it."""
    make_member(other, utc_now(), email=f"{random.random()}@example.cn")
    present = rows_of(other), files_of(other)
    (folder / "wrong.duijie").write_bytes(data)
    with pytest.raises(InvalidInput) as raised:
        restore_backup(other, folder / "wrong.duijie", replace=True)
    assert raised.value.code == "backup.refused"
    assert raised.value.where == str(folder / "wrong.duijie")
    assert (rows_of(other), files_of(other)) == present
    assert not (folder.parent / "outside.txt").exists()


def test_truncated_files_are_refused_wherever_they_end(make: Callable[[str, str], Platform], tmp_path: Path) -> None:
    platform = make("source", "sqlite")
    fill(platform)
    write_backup(platform, tmp_path / "all.duijie")
    whole = (tmp_path / "all.duijie").read_bytes()
    other = make("target", "sqlite")
    for share in (0.0, 0.001, 0.1, 0.5, 0.9, 0.999):
        _refuses(other, whole[: int(len(whole) * share)], tmp_path)
    _refuses(other, whole[:-1], tmp_path)


@pytest.mark.parametrize(
    "data",
    [b"", b"PK\x03\x04 a workbook", gzip.compress(b"not a tar"), os.urandom(5000), gzip.compress(b"\0" * 10240)],
    ids=["empty", "workbook", "gzip", "noise", "empty tar"],
)
def test_foreign_files_are_refused(make: Callable[[str, str], Platform], tmp_path: Path, data: bytes) -> None:
    _refuses(make("target", "sqlite"), data, tmp_path)


def test_a_failure_while_writing_leaves_no_half_backup(
    make: Callable[[str, str], Platform], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = make("source", "sqlite")
    fill(platform)
    target = tmp_path / "backups"
    target.mkdir()
    (target / "all.duijie").write_bytes(b"the former one")

    def full(*_: Any, **__: Any) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(tarfile.TarFile, "add", full)
    with pytest.raises(OSError, match="No space"):
        write_backup(platform, target / "all.duijie")
    assert [path.name for path in target.iterdir()] == ["all.duijie"]
    assert (target / "all.duijie").read_bytes() == b"the former one"


def test_suggestions_and_messages_are_among_it(make: Callable[[str, str], Platform]) -> None:
    """So that the round trips above mean something."""
    platform = make("source", "sqlite")
    fill(platform)
    with platform.reading() as session:
        assert session.scalars(select(Suggestion)).all() != []
        assert session.scalars(select(Notification)).all() != []

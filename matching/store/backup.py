"""One file that holds everything an installation cannot make again: database rows, attachments, settings.

The file is a gzip-compressed tar: `manifest.json` first (format, schema revision, row counts, SHA-256 of every
other member), then one `tables/<name>.jsonl` a table, `files/…`, and `settings.json` without secrets. Index and cached
vectors are not in it: they follow from the rows. Reading happens in one transaction, so the product may run meanwhile.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import os
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

from pydantic import SecretStr
from sqlalchemy import BigInteger, Connection, Date, Integer, LargeBinary, Table, func, insert, select, text
from sqlalchemy.orm import Session
from sqlalchemy.sql.schema import Column

from matching.bootstrap import Platform
from matching.clock import utc_now
from matching.errors import InvalidInput
from matching.models import Base, ErasedPerson
from matching.models.base import UtcDateTime, WanYuan
from matching.services.privacy_erasure import ERASURES_FILE, read_erasures, replay_erasures
from matching.settings import Settings
from matching.store.audit_log import changeable_audit_log
from matching.store.migrate import migrate_up, schema_revision

FORMAT = "duijie-backup-1"
NOT_KEPT = frozenset(
    {
        "cached_vectors",
        "user_sessions",
        "account_links",
        "attempt_counters",
        "deliveries",
        "need_progress",
        "need_partners",
        "suggestion_tallies",
        "report_tallies",
    }
)
"""Tables that are computed again, or that must not survive: after a restore nobody is signed in, mailed links are
spent, and no mail that was owed when the backup was made leaves a second time.
"""

_ROWS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class BackupReport:
    """Rows and files in the backup. After a restore `differing` names the settings that the backup's installation had
    otherwise than this one, with their values there."""

    rows: int
    files: int
    differing: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.rows} 行 / rows, {self.files} 个文件 / files"


def _plain_settings(settings: Settings) -> str:
    """As JSON, without secrets, addresses that may hold passwords, and what names places of this machine."""
    secret = {
        name
        for name, about in Settings.model_fields.items()
        if about.annotation is SecretStr or name.endswith(("_file", "_url", "_dir", "_model"))
    }
    return settings.model_dump_json(exclude=secret)


def attachments_folder(platform: Platform) -> Path:
    """Where uploaded files are kept."""
    return platform.settings.data_dir / "attachments"


def write_backup(platform: Platform, file: Path) -> BackupReport:
    """Write the backup; it appears whole or not at all. Raises InvalidInput where the folder cannot be written."""
    if not file.absolute().parent.is_dir():
        raise InvalidInput(
            "backup.no_folder", "没有这个文件夹", where=str(file.parent), message_en="There is no such folder"
        )
    with tempfile.TemporaryDirectory(dir=file.absolute().parent, prefix=".backup-") as folder:
        members: list[tuple[str, Path]] = []
        counts: dict[str, int] = {}
        with platform.engine.connect() as connection:
            if connection.dialect.name == "postgresql":
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                for table in _tables():
                    path = Path(folder) / f"{table.name}.jsonl"
                    counts[table.name] = _write_table(connection, table, path)
                    members.append((f"tables/{table.name}.jsonl", path))
        settings = Path(folder) / "settings.json"
        settings.write_text(
            _plain_settings(platform.settings),
            encoding="utf-8",
        )
        members.append(("settings.json", settings))
        kept = attachments_folder(platform)
        files = sorted(path for path in kept.rglob("*") if path.is_file()) if kept.is_dir() else []
        members += [(f"files/{path.relative_to(kept).as_posix()}", path) for path in files]
        manifest = {
            "format": FORMAT,
            "schema": schema_revision(platform.engine)[0],
            "made_at": utc_now().isoformat(),
            "rows": counts,
            "members": {name: _digest(path) for name, path in members},
        }
        partial = Path(folder) / "backup"
        with tarfile.open(partial, "w:gz") as archive:
            _add_text(archive, "manifest.json", json.dumps(manifest, ensure_ascii=False, indent=1))
            for name, path in members:
                archive.add(path, name, recursive=False)
        with partial.open("rb") as written:
            os.fsync(written.fileno())
        partial.replace(file)
    return BackupReport(sum(counts.values()), len(files))


def restore_backup(platform: Platform, file: Path, *, replace: bool = False) -> BackupReport:
    """Bring a backup back into an empty installation, or with `replace` into one that holds data.

    Everything is checked before anything is touched: a truncated or foreign file, another schema, a member that does
    not match its sum raise InvalidInput. The rows go in within one transaction. The index is not in the backup: who
    restores rebuilds it (`rebuild_index`).
    """
    with tempfile.TemporaryDirectory(prefix="duijie-restore-") as folder:
        manifest = _unpack(file, Path(folder))
        migrate_up(platform.engine)
        present, _ = schema_revision(platform.engine)
        if manifest["schema"] != present:
            raise _refuse(
                file, f"备份的数据库版本是 {manifest['schema']}，本程序是 {present}，请用同版本程序恢复",
                f"The backup's schema is {manifest['schema']}, this release's {present}; restore with the same release",
            )  # fmt: skip
        with platform.engine.execution_options(sqlite_begin="BEGIN IMMEDIATE").begin() as connection:
            if not replace and any(
                connection.execute(select(func.count()).select_from(Base.metadata.tables[name])).scalar()
                for name in ("posts", "users", "organisations")
            ):
                raise InvalidInput(
                    "backup.not_empty", "数据库里已有数据；确要替换请加 --force", where=str(file),
                    message_en="The database holds data already; add --force to replace it",
                )  # fmt: skip
            erased = _erased_people(platform, connection)
            with changeable_audit_log(connection):
                for table in reversed(Base.metadata.sorted_tables):
                    connection.execute(table.delete())
                for table in _tables():
                    _read_table(connection, table, Path(folder) / "tables" / f"{table.name}.jsonl")
            _set_counters(connection)
            # Who had themselves deleted since the backup was made is deleted again, before anybody sees them.
            with Session(connection, join_transaction_mode="create_savepoint") as session:
                replay_erasures(session, erased, utc_now())
                session.commit()
        files = _replace_attachments(attachments_folder(platform), Path(folder) / "files")
        differing = _differing_settings(platform.settings, Path(folder) / "settings.json")
    return BackupReport(sum(manifest["rows"].values()), files, differing)


def _erased_people(platform: Platform, connection: Connection) -> dict[str, datetime]:
    """Hash → when, of all who were erased: as the database has it before it is replaced, and as the file beside it."""
    erased = read_erasures(platform.settings.data_dir / ERASURES_FILE)
    erased |= dict(connection.execute(select(ErasedPerson.key_hash, ErasedPerson.erased_at)).tuples().all())
    return erased


def _replace_attachments(kept: Path, restored: Path) -> int:
    """Let the restored files stand where attachments are kept, and only them; returns how many there are."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    # Beside the folder, so that the last step is a rename even where /tmp is another disk.
    with tempfile.TemporaryDirectory(dir=kept.parent, prefix=".attachments-") as beside:
        arriving = Path(beside) / "arriving"
        if restored.is_dir():
            shutil.copytree(restored, arriving)
        else:
            arriving.mkdir()
        if kept.exists():
            kept.rename(Path(beside) / "former")
        arriving.rename(kept)
    return sum(path.is_file() for path in kept.rglob("*"))


def _differing_settings(present: Settings, file: Path) -> dict[str, Any]:
    """What the backup's installation had set otherwise. It is said, not applied: settings come from the environment."""
    former: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    current = json.loads(_plain_settings(present))
    return {name: value for name, value in former.items() if name in current and current[name] != value}


def _tables() -> list[Table]:
    return [table for table in Base.metadata.sorted_tables if table.name not in NOT_KEPT]


def _write_table(connection: Connection, table: Table, path: Path) -> int:
    count = 0
    with path.open("w", encoding="utf-8") as out:
        for row in connection.execute(select(table).order_by(*table.primary_key.columns)).mappings():
            out.write(json.dumps({name: _plain(value) for name, value in row.items()}, ensure_ascii=False) + "\n")
            count += 1
    return count


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value


def _read_table(connection: Connection, table: Table, path: Path) -> None:
    batch: list[dict[str, Any]] = []
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            plain = json.loads(line)
            batch.append({name: _value(table.c[name], value) for name, value in plain.items()})
            if len(batch) == _ROWS_AT_ONCE:
                connection.execute(insert(table), batch)
                batch = []
    if batch:
        connection.execute(insert(table), batch)


def _value(column: Column[Any], value: Any) -> Any:
    if value is None:
        return None
    if isinstance(column.type, UtcDateTime):
        return datetime.fromisoformat(value)
    if isinstance(column.type, Date):
        return date.fromisoformat(value)
    if isinstance(column.type, WanYuan):
        return Decimal(value)
    if isinstance(column.type, LargeBinary):
        return base64.b64decode(value)
    return value


def _set_counters(connection: Connection) -> None:
    """PostgreSQL's sequences do not follow rows that were inserted with their numbers."""
    if connection.dialect.name != "postgresql":
        return
    for table in _tables():
        for column in table.primary_key.columns:
            if isinstance(column.type, BigInteger | Integer) and column.autoincrement is True:
                connection.execute(
                    text(
                        f"select setval(pg_get_serial_sequence('{table.name}', '{column.name}'), "  # noqa: S608 - names of our own tables
                        f"coalesce((select max({column.name}) from {table.name}), 0) + 1, false)"
                    )
                )


def _unpack(file: Path, folder: Path) -> dict[str, Any]:
    """The manifest, after every member was unpacked and its sum compared."""
    try:
        with gzip.open(file) as content, tarfile.open(fileobj=content, mode="r:") as archive:
            first = archive.next()
            if first is None or first.name != "manifest.json":
                raise _refuse(file, "不是对接的备份文件", "This is not a backup of Duijie")
            manifest: dict[str, Any] = json.loads(_content(archive, first).read())
            if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
                raise _refuse(file, "不是对接的备份文件", "This is not a backup of Duijie")
            expected = dict(manifest["members"])
            # What the rest relies on; anything else raises here.
            sum(dict(manifest["rows"]).values())
            needed = {"settings.json", *(f"tables/{name}.jsonl" for name in manifest["rows"])}
            if needed - set(expected):
                raise ValueError("members without a sum")
            found = set()
            for member in _members(archive):
                if member.name not in expected or not member.isfile():
                    raise _refuse(file, f"备份里有多余的内容：{member.name}", f"Unexpected member: {member.name}")
                archive.extract(member, folder, filter="data")
                if _digest(folder / member.name) != expected[member.name]:
                    raise _refuse(file, f"备份已损坏：{member.name}", f"Damaged member: {member.name}")
                found.add(member.name)
            # The sum of the whole file stands at its end, behind what the archive's reader looks at.
            while content.read(1 << 20):
                pass
    except (tarfile.TarError, EOFError, OSError, ValueError, KeyError, TypeError, zlib.error) as error:
        raise _refuse(file, "备份文件损坏或不完整", "The backup is damaged or incomplete") from error
    if missing := sorted(set(expected) - found):
        raise _refuse(file, f"备份不完整，缺少 {missing[0]}", f"The backup is incomplete: {missing[0]} is missing")
    return manifest


def _members(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    while (member := archive.next()) is not None:
        yield member


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    content = archive.extractfile(member)
    if content is None:
        raise ValueError("not a file")
    return content


def _add_text(archive: tarfile.TarFile, name: str, content: str) -> None:
    data = content.encode()
    info = tarfile.TarInfo(name)
    info.size = len(data)
    archive.addfile(info, io.BytesIO(data))


def _digest(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _refuse(file: Path, message: str, message_en: str) -> InvalidInput:
    return InvalidInput("backup.refused", message, where=str(file), message_en=message_en)

"""The database engine: SQLite in WAL mode for one machine, PostgreSQL where it grows."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from matching.errors import InvalidInput, PartUnavailable

SQLITE_BUSY_SECONDS = 15
SQLITE_MAPPED_BYTES = 256 * 1024 * 1024
"""So much of the file is read as memory that all processes share, without a call for each page."""

_ONLY_READS = "only_reads"


def open_engine(database_url: str, password: str = "") -> Engine:
    """Make an engine; nothing is connected yet.

    SQLite: foreign keys on, WAL, waits up to SQLITE_BUSY_SECONDS for a writer, and every transaction that will write
    begins IMMEDIATE (see `begin_writing`), so that two writers queue instead of failing half-way.
    `password` is PostgreSQL's where the URL names none. Raises InvalidInput for a URL that is none.
    """
    try:
        url = make_url(database_url)
    except ArgumentError as error:
        raise InvalidInput(
            "settings.database_url", "数据库地址无效", where="DUIJIE_DATABASE_URL", message_en="Invalid database URL"
        ) from error
    if url.get_backend_name() == "postgresql":
        return create_engine(
            url.set(drivername="postgresql+psycopg", password=url.password or password or None),
            pool_pre_ping=True,
            pool_size=8,
            max_overflow=8,
            pool_timeout=5,
            connect_args={"connect_timeout": 3, "options": "-c timezone=UTC"},
        )
    if url.get_backend_name() != "sqlite":
        raise InvalidInput(
            "settings.database_url",
            "数据库只支持 SQLite 与 PostgreSQL",
            where="DUIJIE_DATABASE_URL",
            message_en="Only SQLite and PostgreSQL are supported",
        )
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": SQLITE_BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        # The driver's own transaction handling is switched off; SQLAlchemy's BEGIN below is the only one.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute(f"PRAGMA mmap_size={SQLITE_MAPPED_BYTES}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("sqlite_begin", "BEGIN"))

    return engine


@lru_cache(maxsize=8)
def writing_sessions(engine: Engine) -> sessionmaker[Session]:
    """Sessions for use cases. On SQLite they take the write lock at once.

    A transaction that reads first and writes later would fail at once with SQLITE_BUSY when another wrote in between,
    without waiting; IMMEDIATE makes it wait its turn. Kept per engine: making one costs more than a small request.
    """
    return sessionmaker(engine.execution_options(sqlite_begin="BEGIN IMMEDIATE"), expire_on_commit=False)


@lru_cache(maxsize=8)
def reading_sessions(engine: Engine) -> sessionmaker[Session]:
    """Sessions for lists and pages; they never wait for writers."""
    return sessionmaker(engine, expire_on_commit=False, info={_ONLY_READS: True})


def only_reads(session: Session) -> bool:
    """Whether it is one of `reading_sessions`: what it reads was committed."""
    return _ONLY_READS in session.info


def database_version(engine: Engine) -> str:
    """What answers, for `/readyz` and `duijie doctor`; raises PartUnavailable("database", …)."""
    statement = "select sqlite_version()" if engine.dialect.name == "sqlite" else "show server_version"
    try:
        with engine.connect() as connection:
            return f"{engine.dialect.name} {connection.execute(text(statement)).scalar_one()}"
    except DBAPIError as error:
        raise PartUnavailable("database", "数据库没有应答", message_en="The database does not answer") from error

"""Schema migrations with Alembic; the scripts are in the package, so an installed wheel can migrate."""

from __future__ import annotations

from importlib.resources import files

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine


def _config(engine: Engine) -> Config:
    config = Config()
    config.set_main_option("script_location", str(files("matching.store") / "migrations"))
    config.attributes["engine"] = engine
    return config


def migrate_up(engine: Engine, revision: str = "head") -> None:
    """Bring the schema up to `revision`; does nothing when it is there."""
    command.upgrade(_config(engine), revision)


def migrate_down(engine: Engine, revision: str) -> None:
    """Take the schema back to `revision` ("base" is empty)."""
    command.downgrade(_config(engine), revision)


def make_revision(engine: Engine, message: str) -> None:
    """Write a new migration from the difference between models and database (for developers)."""
    command.revision(_config(engine), message, autogenerate=True)


def schema_revision(engine: Engine) -> tuple[str | None, str | None]:
    """(revision of the database, revision of this release)."""
    head = ScriptDirectory.from_config(_config(engine)).get_current_head()
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision(), head

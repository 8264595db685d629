"""Migrations lead to exactly the models' schema, up and down."""

from __future__ import annotations

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from matching.models import Base
from matching.store.engine import open_engine
from matching.store.migrate import migrate_down, migrate_up, schema_revision


def test_up_matches_the_models_and_down_leaves_nothing(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'd.db'}")
    migrate_up(engine)
    present, wanted = schema_revision(engine)
    assert present == wanted is not None
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    migrate_up(engine)
    migrate_down(engine, "base")
    assert inspect(engine).get_table_names() == ["alembic_version"]

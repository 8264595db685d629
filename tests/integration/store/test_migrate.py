"""Migrations lead to exactly the models' schema, up and down, on both databases."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect

from matching.models import Base
from matching.store.engine import open_engine
from matching.store.migrate import _config, migrate_down, migrate_up, schema_revision


def differences(engine: Engine) -> list[object]:
    with engine.connect() as connection:
        return list(
            compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), Base.metadata)
        )


def test_up_matches_the_models_and_down_leaves_nothing(database_url: str) -> None:
    engine = open_engine(database_url)
    migrate_up(engine)
    present, wanted = schema_revision(engine)
    assert present == wanted is not None
    assert differences(engine) == []
    migrate_down(engine, "base")
    assert inspect(engine).get_table_names() == ["alembic_version"]
    migrate_up(engine)
    assert differences(engine) == []
    engine.dispose()


def test_each_step_goes_down_and_up_again(database_url: str) -> None:
    engine = open_engine(database_url)
    migrate_up(engine)
    steps = [script.revision for script in ScriptDirectory.from_config(_config(engine)).walk_revisions()]
    for revision in [*steps[1:], "base"]:
        migrate_down(engine, revision)
        assert schema_revision(engine)[0] == (None if revision == "base" else revision)
    for revision in reversed(steps):
        migrate_up(engine, revision)
    assert differences(engine) == []
    engine.dispose()

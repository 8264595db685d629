"""The register speaks of every column that may hold something of a person, and of nothing that is not there."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import JSON, Column, ForeignKey, Integer, MetaData, String, Table, Text

from matching.models import Base
from matching.privacy import BASES, FLOWS, IMPERSONAL, REGISTER, find_unregistered, looks_personal, registered_columns
from matching.settings import Settings


def columns() -> set[str]:
    return {f"{table.name}.{column.name}" for table in Base.metadata.sorted_tables for column in table.columns}


def test_every_column_that_looks_personal_is_registered_or_explained() -> None:
    assert list(find_unregistered(Base.metadata)) == []


def test_the_register_names_no_column_that_is_gone_and_none_twice() -> None:
    named = [name for held in REGISTER for name in held.columns]
    assert sorted(set(named) - columns()) == []
    assert sorted(set(IMPERSONAL) - columns()) == []
    assert len(named) == len(set(named))
    assert registered_columns().isdisjoint(IMPERSONAL)


@pytest.mark.parametrize(
    "column",
    [
        Column("mobile", String(20)),
        Column("contact_person", String(40)),
        Column("birthday", String(10)),
        Column("remarks", Text),
        Column("answers", JSON),
        Column("reviewer", String(64), ForeignKey("users.id")),
    ],
    ids=lambda column: str(column.name),
)
def test_a_new_column_of_that_kind_is_found(column: Column[object]) -> None:
    metadata = MetaData()
    Table("users", metadata, Column("id", String(64), primary_key=True))
    Table("visits", metadata, Column("id", Integer, primary_key=True), Column("count", Integer), column)
    assert list(find_unregistered(metadata)) == [f"visits.{column.name}"]


def test_numbers_and_codes_do_not_look_personal() -> None:
    for column in (Column("count", Integer), Column("status", String(12)), Column("reason_code", String(40))):
        table = Table("things", MetaData(), column)
        assert not looks_personal(table.c[column.name])


def test_each_entry_is_complete_in_both_languages() -> None:
    assert len({held.code for held in REGISTER}) == len(REGISTER)
    for held in REGISTER:
        for zh, en in (held.what, held.whom, held.why, held.source, held.seen_by, held.kept, BASES[held.basis]):
            assert re.search(r"[一-鿿]", zh), held.code
            assert en, held.code
            assert not re.search(r"[一-鿿]", en), held.code
        assert set(held.flows) <= set(FLOWS)
        assert ("{days}" in held.kept[0], "{days}" in held.kept[1]) == (held.days is not None,) * 2, held.code
        if held.days is not None:
            assert isinstance(Settings.model_fields[held.days].default, int)

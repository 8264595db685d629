"""Cursors come back from strangers: whatever they hold, the answer is a place or a clear refusal."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.errors import InvalidInput
from matching.queries.posts import read_cursor, write_cursor


@given(st.datetimes(timezones=st.just(UTC)), st.text(min_size=1, max_size=64))
def test_a_cursor_comes_back_as_the_place_it_names(moment: datetime, post_id: str) -> None:
    assert read_cursor(write_cursor(moment, post_id)) == (moment, post_id)


def forge(payload: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(payload).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "né",
        forge({"a": 1}),
        forge(["2026-11-25T00:00:00", "p"]),
        forge(["2026-11-25T00:00:00+00:00", 3]),
        forge(["0001-01-01T00:00:00+14:00", "p"]),
        forge(["9999-12-31T23:59:59-14:00", "p"]),
        base64.urlsafe_b64encode(b"[" * 100_000).decode(),
    ],
)
def test_forged_cursors_are_refused(cursor: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_cursor(cursor)
    assert caught.value.where == "cursor"

"""`duijie user token`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from matching.bootstrap import Platform
from matching.clock import utc_now
from matching.errors import InvalidInput
from matching.services.api_tokens import find_token_user
from tests.factories.people import make_member
from web.commands.user import user


@pytest.fixture(autouse=True)
def _settings(platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUIJIE_MODE", "demonstration")
    monkeypatch.setenv("DUIJIE_DATA_DIR", str(tmp_path))


def test_a_token_is_made_for_an_account(platform: Platform, now: datetime) -> None:
    member = make_member(platform, now, email="a@example.cn")
    done = CliRunner().invoke(user, ["token", "A@example.cn", "--scope", "read", "--days", "2"])
    assert done.exit_code == 0
    with platform.reading() as session:
        found = find_token_user(session, done.output.strip(), utc_now())
    assert found is not None
    row, owner = found
    assert (owner.id, row.scopes, row.name) == (member.user_id, ["read"], "duijie user token")
    assert (row.expires_at - row.created_at).days in (1, 2)


def test_an_unknown_account_is_named() -> None:
    done = CliRunner().invoke(user, ["token", "nobody@example.cn"])
    assert isinstance(done.exception, InvalidInput)
    assert (done.exception.code, done.exception.where) == ("user.not_found", "EMAIL")

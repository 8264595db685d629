"""`duijie user reset-two-factor`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from matching.bootstrap import Platform
from matching.errors import InvalidInput
from matching.models import AuditEntry
from matching.services.two_factor import begin_two_factor, code_at, enable_two_factor, is_enabled, step_at
from tests.factories.people import make_member
from web.commands.user import user


@pytest.fixture(autouse=True)
def _settings(platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUIJIE_MODE", "demonstration")
    monkeypatch.setenv("DUIJIE_DATA_DIR", str(tmp_path))


def test_it_is_off_afterwards_and_on_record(platform: Platform, now: datetime) -> None:
    member = make_member(platform, now, email="a@example.cn")
    with platform.unit_of_work() as uow:
        key = begin_two_factor(uow, member.actor, platform.settings, now)
    with platform.unit_of_work() as uow:
        enable_two_factor(uow, member.actor, platform.settings, code_at(key, step_at(now)), now)
    assert CliRunner().invoke(user, ["reset-two-factor", " A@example.cn"]).exit_code == 0
    with platform.reading() as session:
        assert not is_enabled(session, member.user_id)
        assert session.query(AuditEntry).filter_by(action="two_factor.reset", subject_id=member.user_id).count() == 1


def test_an_unknown_account_is_named() -> None:
    done = CliRunner().invoke(user, ["reset-two-factor", "nobody@example.cn"])
    assert isinstance(done.exception, InvalidInput)
    assert done.exception.where == "EMAIL"

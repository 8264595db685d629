"""Creations that are asked for twice with the same Idempotency-Key."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from matching.bootstrap import Platform
from matching.models import IdempotencyKey, StaffNote
from matching.services.api_tokens import REPEATABLE_FOR, claim_answer
from matching.services.retention import apply_retention
from tests.factories.people import Member, make_member, make_staff
from tests.unit.web.api.conftest import Api
from web.api import once

Make = Callable[..., Api]

KEY = {"Idempotency-Key": "note-1"}


@pytest.fixture
def firm(platform: Platform, now: datetime) -> Member:
    return make_member(platform, now, email="firm@example.cn", organisation="甲厂", role="owner")


@pytest.fixture
def staff(api: Make, platform: Platform, now: datetime) -> Api:
    return api(make_staff(platform, now, email="staff@example.cn").user_id)


def count_notes(platform: Platform) -> int:
    with platform.reading() as session:
        return session.scalar(select(func.count()).select_from(StaffNote)) or 0


def test_a_repeated_creation_makes_nothing_new(staff: Api, platform: Platform, firm: Member) -> None:
    notes = f"/desk/notes/organisation/{firm.organisation_id}"
    first = staff.post(notes, {"text": "下周去看"}, headers=KEY)
    again = staff.post(notes, {"text": "下周去看"}, headers=KEY)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json == first.json
    assert again.headers["Cache-Control"] == first.headers["Cache-Control"]
    assert count_notes(platform) == 1
    other = staff.post(notes, {"text": "别的话"}, headers=KEY)
    assert (other.status_code, other.json["code"]) == (422, "idempotency.key_reused")
    for _ in range(2):
        staff.post(notes, {"text": "没有键"})
    assert count_notes(platform) == 3


def test_a_refused_creation_leaves_its_key_free(staff: Api, platform: Platform, firm: Member) -> None:
    notes = f"/desk/notes/organisation/{firm.organisation_id}"
    assert staff.post(notes, {"text": ""}, headers=KEY).status_code == 422
    assert staff.post("/desk/notes/organisation/none", {"text": "在哪"}, headers=KEY).status_code == 404
    assert staff.post(notes, {"text": "下周去看"}, headers=KEY).status_code == 201
    assert count_notes(platform) == 1


def test_a_key_whose_request_was_cut_off_makes_nothing_by_guess(
    staff: Api, platform: Platform, firm: Member, monkeypatch: pytest.MonkeyPatch, app: Flask
) -> None:
    notes = f"/desk/notes/organisation/{firm.organisation_id}"

    def dies(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(once, "keep_answer", dies)
        with pytest.raises(KeyboardInterrupt):
            staff.post(notes, {"text": "下周去看"}, headers=KEY)
    answer = staff.post(notes, {"text": "下周去看"}, headers=KEY)
    assert (answer.status_code, answer.json["code"]) == (409, "idempotency.under_way")
    assert count_notes(platform) == 1


def test_keys_are_each_persons_own_and_forgotten_after_two_days(
    api: Make, staff: Api, platform: Platform, firm: Member, now: datetime
) -> None:
    colleague = api(make_staff(platform, now, email="other@example.cn").user_id)
    notes = f"/desk/notes/organisation/{firm.organisation_id}"
    made = [client.post(notes, {"text": "下周去看"}, headers=KEY).json["id"] for client in (staff, colleague)]
    assert made[0] != made[1]
    later = now + REPEATABLE_FOR
    assert apply_retention(platform, later)["repeatable"] == 2
    with platform.reading() as session:
        assert session.scalar(select(func.count()).select_from(IdempotencyKey)) == 0
    with platform.unit_of_work() as uow:
        assert claim_answer(uow, firm.user_id, "note-1", "0" * 64, later + timedelta(seconds=1)) is None


def test_every_creation_takes_a_key(document: dict[str, Any]) -> None:
    without = {
        one["operationId"]
        for item in document["paths"].values()
        for method, one in item.items()
        if method == "post" and "201" in one["responses"]
        and "Idempotency-Key" not in [parameter.get("name") for parameter in one.get("parameters", ())]
    }  # fmt: skip
    # Whoever asks for a token is nobody yet, and the token is shown once only.
    assert without == {"make_token"}

"""The staff's page of rankers that learned from use."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from matching.bootstrap import Platform
from matching.models import ModelRevision
from matching.services.accounts import add_user
from matching.services.actor import SYSTEM
from tests.factories.people import PASSWORD, make_member, make_staff
from tests.unit.web.conftest import Browser, Clock

FIRM, STAFF, CHIEF = "firm@example.cn", "staff@example.cn", "chief@example.cn"


@pytest.fixture
def people(app: Flask, platform: Platform, clock: Clock) -> None:
    make_member(platform, clock.moment, email=FIRM)
    make_staff(platform, clock.moment, email=STAFF)
    with platform.unit_of_work() as uow:
        add_user(uow, SYSTEM, email=CHIEF, name="chief", password=PASSWORD, role="administrator", now=clock.moment)


def keep(platform: Platform, clock: Clock, new_auc: float) -> None:
    figures = {
        "sets": {
            "graded": {
                "old": {"ndcg_10": 0.9, "auc": 0.8, "recall_50": None},
                "new": {"ndcg_10": 0.9, "auc": new_auc, "recall_50": None},
            }
        },
        "pairs": 30,
        "platform_pairs": 12,
    }
    with platform.unit_of_work() as uow:
        uow.session.add(
            ModelRevision(
                id="ranker-0123456789ab", state="candidate", encoder_revision="words-1",
                compared_with="ranker-000000000000+words-1", figures=figures, data=b"{}", created_at=clock.moment,
            )
        )  # fmt: skip
        uow.commit()


def test_staff_see_both_figures_and_administrators_decide(
    people: None, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    staff = open_browser(STAFF)
    assert "还没有从使用中训练过的版本" in staff.get("/models/").text
    keep(platform, clock, 0.81)
    page = staff.get("/models/").text
    assert "0.800" in page
    assert "0.810" in page
    assert "+0.010" in page
    assert "启用这个版本" not in page
    assert staff.post("/models/ranker-0123456789ab/activate").status_code == 403
    assert "启用这个版本" in open_browser(CHIEF).get("/models/").text


def test_a_worse_one_cannot_be_activated(
    people: None, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    keep(platform, clock, 0.79)
    chief = open_browser(CHIEF)
    assert "在评判集上有指标下降超过 0.003" in chief.get("/models/").text
    assert chief.post("/models/ranker-0123456789ab/activate").status_code == 409
    assert chief.post("/models/rollback").status_code == 409
    assert chief.post("/models/nobody/activate").status_code == 404


def test_others_do_not_see_it(people: None, open_browser: Callable[..., Browser]) -> None:
    assert open_browser().get("/models/").status_code == 302
    assert open_browser(FIRM).get("/models/").status_code == 403

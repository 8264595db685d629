"""A world with something of everything in it, for attacks on all of it at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from flask import Flask

from tests.integration.policy.world import InterestPlan, PostPlan, World, WorldPlan, build_world
from web.app import create_app

NOW = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)
PLAN = WorldPlan(
    posts=(
        PostPlan(side="need", owner="firm", visibility="matched", state="published", attached=True, edited=True),
        PostPlan(
            side="capability",
            owner="university",
            visibility="public",
            state="published",
            expert="professor",
            attached=True,
        ),
        PostPlan(side="need", owner="firm", visibility="public", state="returned"),
        PostPlan(side="capability", owner="university", visibility="staff", state="submitted"),
    ),
    interests=(
        InterestPlan(asking="firm_owner", target=1, own=0, answer="accept", copied=True),
        InterestPlan(asking="rival_editor", target=1, own=None, answer="none"),
    ),
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Made once for the tests of a module; they leave it as it is, but for the last."""
    made = build_world(PLAN, tmp_path_factory.mktemp("attacked"), NOW)
    yield made
    made.platform.close()


@pytest.fixture(scope="module")
def attacked(world: World) -> Flask:
    """The application over it."""
    return create_app(world.platform, clock=lambda: NOW)

"""Requests drawn from the document itself, sent as every role: no failure, and nothing that it does not describe."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from matching.bootstrap import Platform
from matching.models import Base, User
from matching.services.actor import SYSTEM
from matching.services.api_tokens import make_api_token
from seed_data.loader import load_taxonomies
from tests.factories.events import make_event
from tests.factories.people import find_actor, make_expert, make_member, make_staff
from tests.factories.platforms import make_platform
from tests.factories.posts import make_capability, make_need
from tests.factories.work import settle_everything
from web.app import create_app

NOW = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = 2
"""Requests of each operation, each sent as every role."""
ROLES = ("visitor", "firm", "researcher", "reader", "staff", "administrator")


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    made = make_platform(tmp_path_factory.mktemp("operations"))
    load_taxonomies(made)
    yield made
    made.close()


@pytest.fixture(scope="module")
def people(platform: Platform) -> dict[str, str]:
    """User ids by role, with posts, experts and suggestions that they can see or not."""
    firm = make_member(platform, NOW, email="firm@example.cn", organisation="示例电路")
    university = make_member(platform, NOW, email="uni@example.cn", organisation="示例大学", kind="university")
    reader = make_member(platform, NOW, email="reader@example.cn", role="reader", organisation_id=firm.organisation_id)
    staff = make_staff(platform, NOW, email="staff@example.cn")
    administrator = make_staff(platform, NOW, email="admin@example.cn")
    with platform.unit_of_work() as uow:
        user = uow.session.get(User, administrator.user_id)
        assert user is not None
        user.role, user.region_code = "administrator", None
        uow.commit()
    make_expert(platform, NOW, university)
    for visibility in ("public", "members", "matched", "staff"):
        make_need(platform, firm, NOW, title=f"高频线路板翘曲控制 {visibility}", visibility=visibility)
        make_capability(platform, university, NOW, title=f"线路板翘曲预测 {visibility}", visibility=visibility)
    make_need(platform, firm, NOW, title="草稿", publish=False)
    make_event(platform, NOW, staff=staff)
    settle_everything(platform, NOW)
    return {
        "firm": firm.user_id,
        "researcher": university.user_id,
        "reader": reader.user_id,
        "staff": str(staff.user_id),
        "administrator": str(find_actor(platform, str(administrator.user_id)).user_id),
    }


@pytest.fixture(scope="module")
def real_ids(platform: Platform, people: dict[str, str]) -> dict[str, list[str]]:
    """Ids of what there is, by the name of the parameter that takes them."""
    found: dict[str, list[str]] = {}
    with platform.engine.connect() as connection:
        for table in Base.metadata.sorted_tables:
            if list(table.primary_key.columns.keys()) == ["id"]:
                singular = table.name.removesuffix("s")
                found[f"{singular}_id"] = [str(row[0]) for row in connection.execute(table.select())]
    found["participant_id"] = found["event_participant_id"]
    found["run_id"] = found["timetable_run_id"]
    return found


@pytest.fixture(scope="module")
def tokens(platform: Platform, people: dict[str, str], real_ids: dict[str, list[str]]) -> dict[str, str]:
    """A token by role. They are made after the ids were collected, so no request names one to revoke it."""
    made = {}
    for role, user_id in people.items():
        with platform.unit_of_work() as uow:
            until = NOW + timedelta(days=2)
            _, made[role] = make_api_token(uow, SYSTEM, user_id, "test", ("read", "write"), until, NOW)
    return made


@pytest.fixture(scope="module")
def schema(platform: Platform, people: dict[str, str]) -> schemathesis.BaseSchema:
    return schemathesis.openapi.from_wsgi("/api/v1/openapi.json", create_app(platform, clock=lambda: NOW))


def test_every_operation_as_every_role(
    schema: schemathesis.BaseSchema, tokens: dict[str, str], real_ids: dict[str, list[str]]
) -> None:
    failed: dict[str, str] = {}
    tried = 0
    for found in schema.get_all_operations():
        operation = found.ok()

        @settings(max_examples=EXAMPLES, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy())
        def ask(case: schemathesis.Case) -> None:
            _put_real_ids(case, real_ids)
            for role in ROLES:
                _ask_as(case, role, tokens)

        tried += 1
        try:
            ask()
        except (Exception, FailureGroup) as error:  # all operations are tried before any is reported
            failed[operation.label] = "\n".join(str(each) for each in getattr(error, "exceptions", [error]))
    assert failed == {}
    assert tried > 110


def _put_real_ids(case: schemathesis.Case, real_ids: dict[str, list[str]]) -> None:
    """Most of the ids that are drawn would name nothing."""
    chance = random.Random(f"{case.method} {case.path} {case.path_parameters}")
    for name in case.path_parameters or {}:
        ids = real_ids.get(name)
        if ids and chance.random() < 0.7:
            case.path_parameters[name] = chance.choice(ids)


def _ask_as(case: schemathesis.Case, role: str, tokens: dict[str, str]) -> None:
    headers = {"Authorization": f"Bearer {tokens[role]}"} if role in tokens else {}
    answer = case.call(headers=headers)
    case.validate_response(answer, checks=CHECKS, headers=headers)

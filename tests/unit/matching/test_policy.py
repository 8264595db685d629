"""The visibility rule, case by case; the indexes and the SQL are compared with it elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from matching.policy import MATCHER, Audience, may_see_post, region_prefix

NOW = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)

VISITOR = Audience()
MEMBER = Audience(user_id="u", organisation_ids=frozenset({"other"}))
OWNER = Audience(user_id="o", organisation_ids=frozenset({"own"}))
SUGGESTED = Audience(user_id="s", organisation_ids=frozenset({"other"}), suggested_post_ids=frozenset({"p"}))
STAFF = Audience(user_id="st", region_scope="440784")
CITY_STAFF = Audience(user_id="ct", region_scope="4407")
FOREIGN_STAFF = Audience(user_id="ft", region_scope="440600")
ADMINISTRATOR = Audience(user_id="a", administrator=True)


@dataclass(frozen=True)
class SomePost:
    visibility: str = "public"
    status: str = "published"
    expires_at: datetime | None = NOW + timedelta(days=1)
    id: str = "p"
    organisation_id: str | None = "own"
    region_code: str = "440784"


@pytest.mark.parametrize(
    ("visibility", "readers"),
    [
        ("public", {"visitor", "member", "owner", "suggested", "staff", "city", "foreign", "admin", "matcher"}),
        ("members", {"member", "owner", "suggested", "staff", "city", "foreign", "admin", "matcher"}),
        ("matched", {"owner", "suggested", "staff", "city", "admin", "matcher"}),
        ("staff", {"owner", "staff", "city", "admin"}),
    ],
)
def test_who_sees_a_live_post(visibility: str, readers: set[str]) -> None:
    audiences = {
        "visitor": VISITOR, "member": MEMBER, "owner": OWNER, "suggested": SUGGESTED, "staff": STAFF,
        "city": CITY_STAFF, "foreign": FOREIGN_STAFF, "admin": ADMINISTRATOR, "matcher": MATCHER,
    }  # fmt: skip
    post = SomePost(visibility=visibility)
    assert {name for name, audience in audiences.items() if may_see_post(audience, post, NOW)} == readers


@pytest.mark.parametrize("status", ["draft", "submitted", "returned", "paused", "expired", "closed", "archived"])
def test_a_post_that_is_not_published_is_for_owner_and_staff(status: str) -> None:
    post = SomePost(status=status)
    assert may_see_post(OWNER, post, NOW)
    assert may_see_post(STAFF, post, NOW) == (status != "draft")
    for audience in (VISITOR, MEMBER, SUGGESTED, FOREIGN_STAFF, MATCHER):
        assert not may_see_post(audience, post, NOW)


def test_a_post_past_its_date_is_hidden_before_the_beat_comes() -> None:
    post = SomePost(expires_at=NOW)
    assert not may_see_post(VISITOR, post, NOW)
    assert may_see_post(VISITOR, post, NOW - timedelta(seconds=1))


@pytest.mark.parametrize(
    ("code", "prefix"), [("440000", "44"), ("440700", "4407"), ("440784", "440784"), ("440784101", "440784")]
)
def test_region_prefix(code: str, prefix: str) -> None:
    assert region_prefix(code) == prefix

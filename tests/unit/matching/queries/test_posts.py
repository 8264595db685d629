"""Reads of posts by id."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select, text

from matching.bootstrap import Platform
from matching.models import Post
from matching.policy import Audience
from matching.queries.posts import audience_for, load_posts, visible_posts
from tests.factories.people import make_member
from tests.factories.posts import make_need


def test_posts_are_loaded_for_those_who_may_see_them(platform: Platform, now: datetime) -> None:
    firm = make_member(platform, now, email="a@example.cn")
    ids = {kind: make_need(platform, firm, now, visibility=kind) for kind in ("public", "members", "matched", "staff")}
    draft = make_need(platform, firm, now, publish=False)
    wanted = [*ids.values(), draft, "nix"]
    with platform.reading() as session:
        own = audience_for(session, firm.actor)
        assert set(load_posts(session, wanted, own, now)) == {*ids.values(), draft}
        assert set(load_posts(session, wanted, Audience(), now)) == {ids["public"]}
        member = Audience(user_id="u", suggested_post_ids=frozenset({ids["matched"]}))
        assert set(load_posts(session, wanted, member, now)) == {ids["public"], ids["members"], ids["matched"]}
        assert load_posts(session, wanted, Audience(), now + timedelta(days=4000)) == {}


def test_visibility_does_not_choose_the_index(platform: Platform, now: datetime) -> None:
    """Twenty posts by id are twenty rows to look at, however many are published."""
    firm = make_member(platform, now, email="a@example.cn")
    with platform.reading() as session:
        statement = select(Post.id).where(
            Post.id.in_(["a", "b"]), visible_posts(audience_for(session, firm.actor), now)
        )
        compiled = statement.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
        plan = " ".join(row[3] for row in session.execute(text(f"explain query plan {compiled}")))
    assert "(id=?)" in plan
    assert "status" not in plan
    assert "organisation_id" not in plan

"""Differences of texts: nothing is lost, nothing is made up."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from matching.bootstrap import Platform
from matching.models import Post
from matching.queries.revisions import compare_texts, list_changes
from matching.services.posts import NeedFields, edit_post
from tests.factories.people import make_member
from tests.factories.posts import make_need

TEXTS = st.text(alphabet="翘曲 0.7%。\nab", max_size=60)


@given(TEXTS, TEXTS)
def test_both_texts_can_be_read_out_of_the_difference(before: str, after: str) -> None:
    pieces = compare_texts(before, after)
    assert "".join(piece.text for piece in pieces if piece.kind != "added") == before
    assert "".join(piece.text for piece in pieces if piece.kind != "removed") == after


def test_long_texts_are_compared_by_sentences() -> None:
    same = "压合后翘曲严重。" * 400
    pieces = compare_texts(same + "旧的。", same + "新的。")
    assert [(piece.kind, piece.text) for piece in pieces[1:]] == [("removed", "旧的。"), ("added", "新的。")]


def test_changes_are_listed_with_their_author_and_contacts_only_for_the_owner(
    platform: Platform, now: datetime
) -> None:
    firm = make_member(platform, now, email="f@example.cn")
    contact = {"name": "林工", "phone": "13800000001"}
    post_id = make_need(platform, firm, now, problem="翘曲 1.2%", contact=contact)
    for hours, problem, phone in ((1, "翘曲 0.7%", "13800000001"), (2, "翘曲 0.7%", "13900000002")):
        entered = NeedFields(
            title="高频线路板翘曲控制", organisation_id=firm.organisation_id, problem=problem,
            contact={"name": "林工", "phone": phone},
        )  # fmt: skip
        with platform.unit_of_work() as uow:
            edit_post(uow, firm.actor, post_id, entered, None, now + timedelta(hours=hours))
    with platform.reading() as session:
        post = session.get(Post, post_id)
        assert post is not None
        latest, first = list_changes(session, post, with_contact=True)
        [only] = list_changes(session, post, with_contact=False)
    assert [field.name for field in latest.fields] == ["contact"]
    assert (first.by, first.at) == ("f", now + timedelta(hours=1))
    assert [(piece.kind, piece.text) for piece in first.fields[0].pieces] == [
        ("same", "翘曲 "),
        ("removed", "1.2"),
        ("added", "0.7"),
        ("same", "%"),
    ]
    assert only.at == first.at

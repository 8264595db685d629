"""What needs and capabilities have in common beyond their life: former versions, and whether others may ask."""

from __future__ import annotations

from typing import Any

from flask import Response

from matching.queries.posts import find_post
from matching.queries.revisions import list_changes
from matching.services.actor import post_not_found
from matching.services.interests import open_post_for_interest
from web.api.access import caller
from web.api.answers import nothing_more
from web.api.document import Noun
from web.api.schemas.changes import InterestSwitch, PostChangeList
from web.reader import now, platform

posts = Noun("posts", "/posts", "供需信息: what needs and capabilities have in common.")


@posts.operation(
    "GET",
    "/<id:post_id>/changes",
    name="list_post_changes",
    zh="修改记录",
    en="List a post's changes",
    access="read",
    answers=PostChangeList,
)
def list_all(post_id: str) -> dict[str, Any]:
    """List a post's changes

    For its editors and the staff of its region; contacts are for its own organisation.
    """
    me = caller()
    with platform().reading() as session:
        post = find_post(session, post_id, me.audience, now())
        if not (me.actor.may_edit_for(post.organisation_id) or me.actor.is_staff_for(post.region_code)):
            raise post_not_found()
        changes = list_changes(session, post, with_contact=post.organisation_id in me.actor.organisation_roles)
        return {
            "items": [
                {
                    "at": change.at,
                    "by": change.by,
                    "fields_changed": [
                        {"name": one.name, "before": one.before, "after": one.after} for one in change.fields
                    ],
                }
                for change in changes
            ]
        }


@posts.operation(
    "POST",
    "/<id:post_id>/interest",
    name="open_post_for_interest",
    zh="接受意向",
    en="Let others ask",
    access="write",
    answers=None,
    status=204,
    body=InterestSwitch,
)
def open_for_interest(entry: dict[str, Any], post_id: str) -> Response:
    """Let others ask

    Or stop that for a while; the post stays visible and is not suggested meanwhile.
    """
    me = caller()
    with platform().reading() as session:
        find_post(session, post_id, me.audience, now())
    with platform().unit_of_work() as uow:
        open_post_for_interest(uow, me.actor, post_id, entry["open"], now())
    return nothing_more()

"""技术需求."""

from __future__ import annotations

from typing import Any, cast

from matching.models import Need
from matching.services.posts import draft_need
from web.api.access import caller
from web.api.answers import CREATED_HEADERS, ETAG_HEADER, IF_MATCH_NEEDED
from web.api.body import IDEMPOTENCY_KEY
from web.api.document import Noun
from web.api.entries import choose_organisation, need_fields
from web.api.schemas.posts import ListQuery, NeedChange, NeedEntry, PostPage
from web.api.schemas.posts import Need as NeedSchema
from web.api.v1.post_operations import (
    Answer,
    CreatedAnswer,
    change_post,
    create_post,
    declare_contact,
    declare_moves,
    declare_suggestions,
    links_of,
    show_list,
    show_post,
)
from web.reader import now

needs = Noun("needs", "/needs", "技术需求: what enterprises want solved.")


@needs.operation(
    "GET", "", name="list_needs", zh="需求列表", en="List needs", access="open", answers=PostPage, query=ListQuery
)
def list_needs(query: dict[str, Any]) -> dict[str, Any]:
    """List needs

    The latest first, as far as the caller may see them; with `mine` also drafts and what has ended.
    """
    return show_list("need", query)


@needs.operation(
    "POST",
    "",
    name="create_need",
    zh="新建需求",
    en="Create a need",
    access="write",
    answers=NeedSchema,
    status=201,
    body=NeedEntry,
    headers=CREATED_HEADERS,
    links=links_of("need"),
    parameters=(IDEMPOTENCY_KEY,),
)
def create_need(entry: dict[str, Any]) -> CreatedAnswer:
    """Create a need

    Makes a draft, which only its organisation sees; `publish` or `submit` takes it on.
    """
    actor = caller().actor
    organisation_id = choose_organisation(actor, entry)
    return create_post(
        lambda uow, post_id: draft_need(
            uow, actor, need_fields(uow.session, entry, organisation_id), now(), post_id=post_id
        )
    )


@needs.operation(
    "GET",
    "/<id:post_id>",
    name="show_need",
    zh="需求详情",
    en="Show a need",
    access="open",
    answers=NeedSchema,
    headers=ETAG_HEADER,
)
def show_need(post_id: str) -> Answer:
    """Show a need"""
    return show_post("need", post_id)


@needs.operation(
    "PATCH",
    "/<id:post_id>",
    name="change_need",
    zh="修改需求",
    en="Change a need",
    access="write",
    answers=NeedSchema,
    body=NeedChange,
    problems=(409, 412, 428),
    headers=ETAG_HEADER,
    parameters=(IF_MATCH_NEEDED,),
)
def change_need(change: dict[str, Any], post_id: str) -> Answer:
    """Change a need

    What is left out stays; lists, the contact and the budget are replaced whole.
    """
    return change_post(
        "need",
        post_id,
        lambda uow, post: need_fields(uow.session, change, post.organisation_id, cast(Need, post)),
    )


declare_moves(needs, "need", NeedSchema)
declare_suggestions(needs, "need")
declare_contact(needs, "need")

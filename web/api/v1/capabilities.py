"""技术供给."""

from __future__ import annotations

from typing import Any, cast

from matching.models import Capability
from matching.services.posts import draft_capability
from web.api.access import caller
from web.api.answers import CREATED_HEADERS, ETAG_HEADER, IF_MATCH_NEEDED
from web.api.body import IDEMPOTENCY_KEY
from web.api.document import Noun
from web.api.entries import capability_fields, choose_organisation
from web.api.schemas.posts import Capability as CapabilitySchema
from web.api.schemas.posts import CapabilityChange, CapabilityEntry, CapabilityListQuery, PostPage
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

capabilities = Noun(
    "capabilities", "/capabilities", "技术供给: achievements, patents, expertise, facilities and services on offer."
)


@capabilities.operation(
    "GET",
    "",
    name="list_capabilities",
    zh="供给列表",
    en="List capabilities",
    access="open",
    answers=PostPage,
    query=CapabilityListQuery,
)
def list_capabilities(query: dict[str, Any]) -> dict[str, Any]:
    """List capabilities

    The latest first, as far as the caller may see them; with `mine` also drafts and what has ended.
    """
    return show_list("capability", query)


@capabilities.operation(
    "POST",
    "",
    name="create_capability",
    zh="新建供给",
    en="Create a capability",
    access="write",
    answers=CapabilitySchema,
    status=201,
    body=CapabilityEntry,
    headers=CREATED_HEADERS,
    links=links_of("capability"),
    parameters=(IDEMPOTENCY_KEY,),
)
def create_capability(entry: dict[str, Any]) -> CreatedAnswer:
    """Create a capability

    Makes a draft, which only its organisation sees; `publish` or `submit` takes it on.
    """
    actor = caller().actor
    organisation_id = choose_organisation(actor, entry)
    return create_post(
        lambda uow, post_id: draft_capability(
            uow, actor, capability_fields(uow.session, actor, entry, organisation_id, now()), now(), post_id=post_id
        )
    )


@capabilities.operation(
    "GET",
    "/<id:post_id>",
    name="show_capability",
    zh="供给详情",
    en="Show a capability",
    access="open",
    answers=CapabilitySchema,
    headers=ETAG_HEADER,
)
def show_capability(post_id: str) -> Answer:
    """Show a capability"""
    return show_post("capability", post_id)


@capabilities.operation(
    "PATCH",
    "/<id:post_id>",
    name="change_capability",
    zh="修改供给",
    en="Change a capability",
    access="write",
    answers=CapabilitySchema,
    body=CapabilityChange,
    problems=(409, 412, 428),
    headers=ETAG_HEADER,
    parameters=(IF_MATCH_NEEDED,),
)
def change_capability(change: dict[str, Any], post_id: str) -> Answer:
    """Change a capability

    What is left out stays; lists, the contact and the price are replaced whole.
    """
    actor = caller().actor
    return change_post(
        "capability",
        post_id,
        lambda uow, post: capability_fields(
            uow.session, actor, change, post.organisation_id, now(), cast(Capability, post)
        ),
    )


declare_moves(capabilities, "capability", CapabilitySchema)
declare_suggestions(capabilities, "capability")
declare_contact(capabilities, "capability")

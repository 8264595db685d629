"""What can be done alike with needs and capabilities; the two nouns declare it for their side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from matching.documents import Side
from matching.errors import NotAllowed
from matching.models import Post
from matching.models.base import new_id
from matching.queries.posts import PostFilter, find_post, list_posts
from matching.queries.suggestions import SuggestedPost, list_suggestions_for_post
from matching.services.actor import Actor, post_not_found, require_editor
from matching.services.api_tokens import claim_key
from matching.services.posts import (
    archive_post,
    close_post,
    edit_post,
    load_post,
    pause_post,
    publish_post,
    renew_post,
    resume_post,
    return_post,
    submit_post,
    withdraw_post,
)
from matching.store.outbox import POST_CHANGED, RANKING, last_open_id
from matching.store.unit_of_work import UnitOfWork
from web.api.access import caller
from web.api.answers import ETAG_HEADER, IF_MATCH, created_headers, state_headers
from web.api.body import idempotency_key, match_if_given, request_hash, require_match
from web.api.cursors import check_cursor
from web.api.document import Noun
from web.api.fields import ApiSchema
from web.api.representation import detail_of, suggestions_of, summary_of
from web.api.schemas.posts import CloseEntry, ReturnEntry, RevealedContact
from web.api.schemas.suggestions import CapabilitySuggestions, NeedSuggestions, SuggestionQuery
from web.reader import now, platform

Answer = tuple[dict[str, Any], dict[str, str]]
CreatedAnswer = tuple[dict[str, Any], int, dict[str, str]]
Move = Literal["submit", "withdraw", "publish", "pause", "resume", "renew", "archive"]

_MOVES: tuple[tuple[Move, str, str, str], ...] = (
    ("submit", "提交审核", "Submit for review", "Hand a draft or returned post to the staff."),
    ("withdraw", "撤回", "Take back", "Make a submitted post a draft again."),
    (
        "publish",
        "发布",
        "Publish",
        "Make it visible to those it is meant for and have it matched. Where posts are reviewed first, only the staff "
        "may (403).",
    ),
    ("pause", "暂停", "Pause", "Hide a published post for a while; its suggestions are withdrawn."),
    ("resume", "恢复", "Resume", "Show a paused post again, with the time it had left."),
    ("renew", "续期", "Renew", "Give a published or expired post a new full lifetime."),
    ("archive", "归档", "Archive", "Put a post away; it stays readable to its organisation and the staff."),
)


def links_of(side: Side) -> tuple[str, ...]:
    """The operations that go on from a new post."""
    moves = (*(move for move, *_ in _MOVES), "close", "return")
    return (
        f"show_{side}", f"change_{side}", *(f"{move}_{side}" for move in moves),
        f"list_{side}_suggestions", f"read_{side}_contact",
    )  # fmt: skip


def show_post(side: Side, post_id: str) -> Answer:
    """The post in full, if the caller may see it."""
    with platform().reading() as session:
        post = _of_side(find_post(session, post_id, caller().audience, now()), side)
        return detail_of(post, caller()), state_headers(post)


def show_list(side: Side, query: dict[str, Any]) -> dict[str, Any]:
    """A page of the posts of one side that the caller may see."""
    own = tuple(sorted(caller().actor.organisation_roles))
    if query["mine"] and not own:
        return {"items": [], "next": None}
    status = query.get("status") or (None if query["mine"] else "published")
    filters = PostFilter(
        side=side,
        statuses=(status,) if status else (),
        organisation_ids=own if query["mine"] else (),
        industry=query.get("industry") or None,
        domain=query.get("domain") or None,
        town=query.get("town") or None,
        kind=query.get("kind"),
    )
    cursor = check_cursor(query.get("cursor"))
    with platform().reading() as session:
        page = list_posts(session, filters, caller().audience, now(), cursor=cursor, limit=query["limit"])
        return {"items": [summary_of(post, caller()) for post in page.posts], "next": page.next_cursor}


def create_post(write_draft: Callable[[UnitOfWork, str], Post]) -> CreatedAnswer:
    """Let `write_draft` make a draft under a fresh id, once per Idempotency-Key."""
    key = idempotency_key()
    post_id = new_id()
    with platform().unit_of_work() as uow:
        former_id = None
        if key is not None:
            former_id = claim_key(uow, caller().user_id, key, request_hash(), post_id, now())
        if former_id is None:
            post = write_draft(uow, post_id)
        else:
            post = find_post(uow.session, former_id, caller().audience, now())
        return detail_of(post, caller()), 201, created_headers(post)


def change_post(side: Side, post_id: str, entered: Callable[[UnitOfWork, Post], Any]) -> Answer:
    """Replace what `entered` says, provided that the caller has seen the present state."""
    with platform().unit_of_work() as uow:
        post = _own_post(uow, caller().actor, side, post_id)
        require_match(post)
        post = edit_post(uow, caller().actor, post_id, entered(uow, post), post.version, now())
        return detail_of(post, caller()), state_headers(post)


def declare_moves(noun: Noun, side: Side, answers: type[ApiSchema]) -> None:
    """Declare every move of a post's life for one side."""
    for move, zh, en, description in _MOVES:
        _declare_move(noun, side, answers, move, zh, en, description)

    @noun.operation(
        "POST",
        "/<id:post_id>/close",
        name=f"close_{side}",
        zh="关闭",
        en="Close",
        access="write",
        answers=answers,
        body=CloseEntry,
        problems=(409, 412),
        headers=ETAG_HEADER,
        parameters=(IF_MATCH,),
    )
    def close(entry: dict[str, Any], post_id: str) -> Answer:
        """Close

        End a post, with the reason; its suggestions are withdrawn.
        """
        return _move(side, post_id, lambda uow, actor: close_post(uow, actor, post_id, entry["reason"], now()))

    @noun.operation(
        "POST",
        "/<id:post_id>/return",
        name=f"return_{side}",
        zh="退回",
        en="Return",
        access="write",
        answers=answers,
        body=ReturnEntry,
        problems=(409, 412),
        headers=ETAG_HEADER,
        parameters=(IF_MATCH,),
    )
    def give_back(entry: dict[str, Any], post_id: str) -> Answer:
        """Return

        Give a submitted post back to its organisation with the reason; for the staff.
        """
        return _move(
            side,
            post_id,
            lambda uow, actor: return_post(uow, actor, post_id, entry["reason"], now(), notes=entry.get("notes") or {}),
        )


def declare_suggestions(noun: Noun, side: Side) -> None:
    """Declare the ranked list of a post."""
    needs = side == "need"

    @noun.operation(
        "GET",
        "/<id:post_id>/suggestions",
        name=f"list_{side}_suggestions",
        zh="匹配建议",
        en="Suggestions",
        access="read",
        answers=CapabilitySuggestions if needs else NeedSuggestions,
        query=SuggestionQuery,
    )
    def list_suggestions(query: dict[str, Any], post_id: str) -> dict[str, Any]:
        """Suggestions

        Who fits, the best first, and why. Members of the post's organisation and the staff get the whole list, others
        the pairs with their own posts.
        """
        audience = caller().audience
        with platform().reading() as session:
            post = _of_side(find_post(session, post_id, audience, now()), side)
            found: list[SuggestedPost] = list_suggestions_for_post(session, post, audience, now(), limit=query["limit"])
            waiting = any(last_open_id(session, topic, post.id) for topic in (POST_CHANGED, RANKING))
            return {"items": suggestions_of(post, found, caller()), "up_to_date": not waiting}


def declare_contact(noun: Noun, side: Side) -> None:
    """Declare the reading of a post's contact."""

    @noun.operation(
        "GET",
        "/<id:post_id>/contact",
        name=f"read_{side}_contact",
        zh="联系人",
        en="Contact",
        access="read",
        answers=RevealedContact,
    )
    def read_contact(post_id: str) -> dict[str, Any]:
        """Contact

        Who answers questions about a post: for members of its organisation, and for the staff, whose reading is logged.
        """
        actor = caller().actor
        with platform().unit_of_work() as uow:
            post = _of_side(find_post(uow.session, post_id, caller().audience, now()), side)
            if post.organisation_id not in actor.organisation_roles:
                if not actor.is_staff_for(post.region_code):
                    raise NotAllowed(
                        "contact.hidden",
                        "联系方式在双方都有意向后显示",
                        message_en="Contacts are shown once both sides are interested",
                    )
                uow.record(now(), actor.user_id, "contact.reveal", side, post.id, to="staff", through="api")
                uow.commit()
            return {"contact": post.contact}


def _declare_move(
    noun: Noun, side: Side, answers: type[ApiSchema], move: Move, zh: str, en: str, description: str
) -> None:
    def make(post_id: str) -> Answer:
        return _move(side, post_id, lambda uow, actor: _take(uow, actor, post_id, move))

    make.__doc__ = f"{en}\n\n{description}"
    noun.operation(
        "POST",
        f"/<id:post_id>/{move}",
        name=f"{move}_{side}",
        zh=zh,
        en=en,
        access="write",
        answers=answers,
        problems=(409, 412),
        headers=ETAG_HEADER,
        parameters=(IF_MATCH,),
    )(make)


def _take(uow: UnitOfWork, actor: Actor, post_id: str, move: Move) -> Post:
    if move == "publish":
        return publish_post(uow, actor, post_id, now(), settings=platform().rules(uow.session).settings)
    if move == "renew":
        return renew_post(uow, actor, post_id, now(), settings=platform().rules(uow.session).settings)
    simple = {
        "submit": submit_post,
        "withdraw": withdraw_post,
        "pause": pause_post,
        "resume": resume_post,
        "archive": archive_post,
    }
    return simple[move](uow, actor, post_id, now())


def _move(side: Side, post_id: str, take: Callable[[UnitOfWork, Actor], Post]) -> Answer:
    with platform().unit_of_work() as uow:
        # The row's version is checked again when it is written: what is compared here cannot have changed by then.
        match_if_given(_own_post(uow, caller().actor, side, post_id))
        post = take(uow, caller().actor)
        return detail_of(post, caller()), state_headers(post)


def _own_post(uow: UnitOfWork, actor: Actor, side: Side, post_id: str) -> Post:
    """The post to be changed; what the caller may not see does not exist for them, before anything else is said."""
    find_post(uow.session, post_id, caller().audience, now())
    post = _of_side(load_post(uow, post_id), side)
    require_editor(actor, post)
    return post


def _of_side(post: Post, side: Side) -> Post:
    if post.side != side:
        raise post_not_found()
    return post

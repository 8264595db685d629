"""From what a request brings to what the services take; a change starts from the stored post."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from matching.documents import MoneyRange
from matching.errors import InvalidInput, NotAllowed
from matching.models import Capability, Need, Post
from matching.queries.experts import list_experts_of
from matching.queries.vocabularies import Vocabularies, load_vocabularies
from matching.services.actor import Actor
from matching.services.posts import CapabilityFields, NeedFields

Content = Mapping[str, Any]
"""A loaded body: field names as in the schemas, fields that were not sent are missing."""

_CODE_LISTS = (("industry_codes", "industry"), ("cooperation_modes", "cooperation_mode"))
_CODES = (
    ("domain", "domain"),
    ("town", "town"),
    ("ip_arrangement", "ip_arrangement"),
    ("discipline", "discipline"),
)


def choose_organisation(actor: Actor, content: Content) -> str:
    """In whose name a new post is written; raises InvalidInput where that is not clear."""
    if content.get("organisation_id"):
        return str(content["organisation_id"])
    own = sorted(key for key, role in actor.organisation_roles.items() if role in ("owner", "editor"))
    if len(own) == 1:
        return own[0]
    if not own and not actor.is_administrator and actor.region_scope is None:
        raise NotAllowed(
            "post.no_organisation",
            "您的账号还不能以任何单位的名义发布",
            message_en="Your account does not write for any organisation",
        )
    raise InvalidInput(
        "post.organisation_missing",
        "请用 organisation_id 指明发布单位",
        where="organisation_id",
        message_en="Please say in organisation_id for which organisation",
    )


def need_fields(session: Session, content: Content, organisation_id: str, post: Need | None = None) -> NeedFields:
    """A need as the services take it; raises InvalidInput for a code that no vocabulary offers."""
    given = _given(content, "problem", prose_is_empty=post is None)
    _check_codes(load_vocabularies(session), given, post)
    return NeedFields(
        problem=given.get("problem", post.problem if post else ""),
        indicators=tuple(given.get("indicators", post.indicators if post else ())),
        expected_result=given.get("expected_result", post.expected_result if post else ""),
        starts_on=given.get("starts_on", post.starts_on if post else None),
        ends_on=given.get("ends_on", post.ends_on if post else None),
        ip_arrangement=given.get("ip_arrangement", post.ip_arrangement if post else None),
        preferred_partners=given.get("preferred_partners", post.preferred_partners if post else ""),
        **_common(given, "budget", organisation_id, post),
    )


def capability_fields(
    session: Session,
    actor: Actor,
    content: Content,
    organisation_id: str,
    now: datetime,
    post: Capability | None = None,
) -> CapabilityFields:
    """A capability as the services take it.

    Raises InvalidInput for a code that no vocabulary offers, or an expert of another organisation.
    """
    given = _given(content, "abstract", prose_is_empty=post is None)
    _check_codes(load_vocabularies(session), given, post)
    former_experts = [expert.id for expert in post.experts] if post else []
    if "expert_ids" in given:
        _check_experts(session, actor, given["expert_ids"], organisation_id, former_experts, now)
    return CapabilityFields(
        kind=given.get("kind", post.kind if post else "achievement"),
        abstract=given.get("abstract", post.abstract if post else ""),
        advantages=given.get("advantages", post.advantages if post else ""),
        applications=given.get("applications", post.applications if post else ""),
        maturity=given.get("maturity", post.maturity if post else None),
        ip_status=given.get("ip_status", post.ip_status if post else None),
        ip_type=given.get("ip_type", post.ip_type if post else None),
        ip_number=given.get("ip_number", post.ip_number if post else None),
        discipline=given.get("discipline", post.discipline if post else None),
        ipc=given.get("ipc", post.ipc if post else None),
        expert_ids=tuple(dict.fromkeys(given.get("expert_ids", former_experts))),
        **_common(given, "price", organisation_id, post),
    )


def _given(content: Content, prose_field: str, *, prose_is_empty: bool) -> dict[str, Any]:
    """The content with `text` where it belongs: into the main prose, when that was not given itself."""
    given = {key: value for key, value in content.items() if key not in ("organisation_id", "text")}
    if content.get("text") and prose_is_empty and not given.get(prose_field):
        given[prose_field] = content["text"]
    return given


def _common(given: Content, money_field: str, organisation_id: str, post: Post | None) -> dict[str, Any]:
    money = post.money if post else None
    if money_field in given:
        money = _money(given[money_field])
    contact = dict(post.contact) if post else {}
    if "contact" in given:
        contact = dict(given["contact"] or {})
    return {
        "title": given.get("title", post.title if post else ""),
        "organisation_id": organisation_id,
        "keywords": tuple(given.get("keywords", post.keywords if post else ())),
        "industry_codes": tuple(given.get("industry_codes", post.codes("industry") if post else ())),
        "domain": given.get("domain", post.domain if post else None),
        "town": given.get("town", post.town if post else None),
        "region_code": post.region_code if post else None,
        "language": given.get("language", post.language if post and not _text_changed(given) else None),
        "cooperation_modes": tuple(given.get("cooperation_modes", post.codes("cooperation_mode") if post else ())),
        "money": money,
        "visibility": given.get("visibility", post.visibility if post else "public"),
        "contact": contact,
    }


def _text_changed(given: Content) -> bool:
    """Whether the language has to be told anew."""
    return any(
        name in given for name in ("title", "problem", "expected_result", "abstract", "advantages", "applications")
    )


def _money(given: Content | None) -> MoneyRange | None:
    if given is None:
        return None
    money = MoneyRange(
        minimum=given.get("minimum"), maximum=given.get("maximum"), negotiable=bool(given.get("negotiable"))
    )
    return money if money != MoneyRange() else None


def _check_codes(vocabularies: Vocabularies, given: Content, post: Post | None) -> None:
    """What is newly chosen must be on the list now; what the post had may stay."""
    for field, vocabulary in _CODE_LISTS:
        former = set(post.codes(vocabulary)) if post else set()
        for position, code in enumerate(given.get(field, ())):
            _check_code(vocabularies, vocabulary, code, f"{field}[{position}]", former)
    for field, vocabulary in _CODES:
        if given.get(field):
            _check_code(vocabularies, vocabulary, given[field], field, {getattr(post, field, None)})


def _check_code(
    vocabularies: Vocabularies, vocabulary: str, code: str, where: str, former: set[str] | set[str | None]
) -> None:
    term = vocabularies.find(vocabulary, code)
    if code in former or (term is not None and term.active):
        return
    raise InvalidInput(
        "vocabulary.unknown_code",
        f"词表 {vocabulary} 里没有这个代码",
        where=where,
        message_en=f"The vocabulary {vocabulary} has no such code",
    )


def _check_experts(
    session: Session,
    actor: Actor,
    expert_ids: Sequence[str],
    organisation_id: str,
    former: Sequence[str],
    now: datetime,
) -> None:
    """Nobody is named as standing behind another organisation's offer."""
    if actor.is_administrator:
        return
    own = {expert.id for expert in list_experts_of(session, [organisation_id], now)} | set(former)
    for position, expert_id in enumerate(expert_ids):
        if expert_id not in own:
            raise InvalidInput(
                "capability.experts",
                "这位专家不在本单位",
                where=f"expert_ids[{position}]",
                message_en="This expert is not of the organisation",
            )

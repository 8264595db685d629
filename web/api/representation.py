"""Rows as answers: what of a post this caller may be shown, as the schemas describe it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from matching.documents import MoneyRange
from matching.models import Capability, Need, Post
from matching.queries.posts import may_see_organisation
from matching.queries.suggestions import SuggestedPost
from web.api.access import Caller
from web.api.problems import in_language

_EXCERPT_LENGTH = 200


def summary_of(post: Post, caller: Caller) -> dict[str, Any]:
    """A post in a list."""
    named = may_see_organisation(caller.audience, post)
    capability = post if isinstance(post, Capability) else None
    money = _money(post.money)
    return {
        "type": post.side,
        "id": post.id,
        "version": post.version,
        "status": post.status,
        "visibility": post.visibility,
        "title": post.title,
        "excerpt": _excerpt(post.prose()),
        "language": post.language,
        "keywords": post.keywords,
        "industry_codes": post.codes("industry"),
        "domain": post.domain,
        "cooperation_modes": post.codes("cooperation_mode"),
        "region_code": post.region_code,
        "town": post.town if named else None,
        "organisation": {"id": post.organisation_id, "name": post.organisation.name} if named else None,
        "kind": capability.kind if capability else None,
        "maturity": capability.maturity if capability else None,
        "budget": None if capability else money,
        "price": money if capability else None,
        "published_at": post.published_at,
        "expires_at": post.expires_at,
    }


def detail_of(post: Post, caller: Caller) -> dict[str, Any]:
    """A post in full. What would tell whose a `matched` post is stays out until mutual interest."""
    named = may_see_organisation(caller.audience, post)
    answer = {
        "type": post.side,
        "id": post.id,
        "version": post.version,
        "status": post.status,
        "visibility": post.visibility,
        "open_for_interest": post.open_for_interest,
        "title": post.title,
        "keywords": post.keywords,
        "industry_codes": post.codes("industry"),
        "domain": post.domain,
        "cooperation_modes": post.codes("cooperation_mode"),
        "region_code": post.region_code,
        "town": post.town if named else None,
        "language": post.language,
        "organisation": {"id": post.organisation_id, "name": post.organisation.name} if named else None,
        "full_text": post.to_document().full_text,
        "created_at": post.created_at,
        "updated_at": post.updated_at,
        "published_at": post.published_at,
        "expires_at": post.expires_at,
    }
    own = post.organisation_id in caller.actor.organisation_roles
    if own:
        answer["contact"] = post.contact
    if own or caller.actor.is_staff_for(post.region_code):
        answer |= {
            "return_reason": post.return_reason,
            "return_notes": post.return_notes,
            "close_reason": post.close_reason,
        }
    if isinstance(post, Need):
        answer |= {
            "problem": post.problem,
            "indicators": post.indicators,
            "expected_result": post.expected_result,
            "starts_on": post.starts_on,
            "ends_on": post.ends_on,
            "budget": _money(post.money),
            "ip_arrangement": post.ip_arrangement,
            "preferred_partners": post.preferred_partners,
        }
    elif isinstance(post, Capability):
        answer |= {
            "kind": post.kind,
            "abstract": post.abstract,
            "advantages": post.advantages,
            "applications": post.applications,
            "maturity": post.maturity,
            "price": _money(post.money),
            "ip_status": post.ip_status,
            "ip_type": post.ip_type,
            "ip_number": post.ip_number if named else None,
            "discipline": post.discipline,
            "ipc": post.ipc,
            "experts": [
                {"id": expert.id, "name": expert.name, "title": expert.shown("title")} for expert in post.named_experts
            ]
            if named
            else [],
        }
    return answer


def suggestions_of(post: Post, found: Iterable[SuggestedPost], caller: Caller) -> list[dict[str, Any]]:
    """A post's pairs by falling score, with the post on the other side embedded under its side's name."""
    pairs = sorted(found, key=lambda pair: -pair.suggestion.score_from(post.side))
    return [
        {
            "id": pair.suggestion.id,
            "rank": rank,
            "score": pair.suggestion.score_from(post.side),
            "probability": pair.suggestion.probability,
            "reasons": reasons_of(pair.suggestion.reasons),
            "suggested_at": pair.suggestion.created_at,
            pair.other.side: summary_of(pair.other, caller),
        }
        for rank, pair in enumerate(pairs, start=1)
    ]


def reasons_of(stored: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Reasons in the language of the request."""
    return [
        {
            "kind": reason["kind"],
            "text": in_language(reason["text"], reason.get("text_en") or ""),
            "against": bool(reason.get("against")),
            **{name: reason[name] for name in ("need_span", "capability_span") if reason.get(name)},
        }
        for reason in stored
    ]


def _money(money: MoneyRange | None) -> dict[str, Any] | None:
    if money is None:
        return None
    return {"minimum": money.minimum, "maximum": money.maximum, "negotiable": money.negotiable}


def _excerpt(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _EXCERPT_LENGTH else flat[: _EXCERPT_LENGTH - 1] + "…"

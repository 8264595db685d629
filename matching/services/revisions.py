"""Posts as they were before a change: kept with the change, compared by people."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from matching.models import Capability, Need, Post, PostRevision
from matching.services.actor import Actor
from matching.store.unit_of_work import UnitOfWork

COMMON = ("title", "keywords", "domain", "town", "region_code", "visibility", "contact")
OF_NEED = (
    "problem", "indicators", "expected_result", "starts_on", "ends_on", "ip_arrangement", "preferred_partners",
)  # fmt: skip
OF_CAPABILITY = (
    "kind", "abstract", "advantages", "applications", "maturity", "ip_status", "ip_type", "ip_number", "discipline",
    "ipc",
)  # fmt: skip


def snapshot(post: Post) -> dict[str, Any]:
    """Everything that people enter in a post, as plain values for JSON."""
    names = (*COMMON, *(OF_NEED if isinstance(post, Need) else OF_CAPABILITY))
    fields = {name: _plain(getattr(post, name)) for name in names}
    fields["industry_codes"] = list(post.codes("industry"))
    fields["cooperation_modes"] = list(post.codes("cooperation_mode"))
    fields["money"] = (
        None
        if post.money is None
        else {
            "minimum": _plain(post.money.minimum),
            "maximum": _plain(post.money.maximum),
            "negotiable": post.money.negotiable,
        }
    )
    if isinstance(post, Capability):
        fields["experts"] = sorted(expert.name for expert in post.experts)
    return fields


def keep_revision(
    uow: UnitOfWork, actor: Actor, post: Post, before: Mapping[str, Any], version: int, now: datetime
) -> bool:
    """Store what the post said `before`, unless it says the same now; returns whether it had changed."""
    # The row first: who comes second learns of the conflict there, not by a revision that is already kept.
    uow.flush()
    if snapshot(post) == before:
        return False
    if uow.session.get(PostRevision, (post.id, version)) is None:
        uow.session.add(
            PostRevision(
                post_id=post.id, version=version, replaced_at=now, replaced_by=actor.user_id, fields=dict(before)
            )
        )
    return True


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, list | tuple):
        return list(value)
    if isinstance(value, dict):
        return dict(value)
    return value

"""Who may see which post: the one place that says so.

The rule is data (`Audience` in, `may_see_post` or a translated filter out): the SQL of `matching.queries`, both search
indexes and the pages apply the same five lines below. Nothing else decides on visibility.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

Visibility = Literal["public", "members", "matched", "staff"]
VISIBILITIES: tuple[Visibility, ...] = ("public", "members", "matched", "staff")


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """The reader, as far as visibility is concerned. `Audience()` is a visitor.

    `suggested_post_ids`: posts suggested to one of the reader's organisations, or shown to them by an interest, which a
    `matched` post needs. `revealed_post_ids`: posts whose owner the reader knows by mutual interest.
    `region_scope`: set for staff; a 行政区划代码 prefix, see `region_prefix` ("" sees every region).
    `matcher`: the matching itself, which may read every published post but those for staff only.
    """

    user_id: str | None = None
    organisation_ids: frozenset[str] = field(default_factory=frozenset)
    suggested_post_ids: frozenset[str] = field(default_factory=frozenset)
    revealed_post_ids: frozenset[str] = field(default_factory=frozenset)
    region_scope: str | None = None
    administrator: bool = False
    matcher: bool = False

    @property
    def signed_in(self) -> bool:
        """Whether this is a member, staff or an administrator rather than a visitor."""
        return self.user_id is not None


MATCHER = Audience(matcher=True)


class SeenPost(Protocol):
    """What of a post the rule looks at."""

    @property
    def id(self) -> str: ...
    @property
    def organisation_id(self) -> str | None: ...
    @property
    def region_code(self) -> str: ...
    @property
    def visibility(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def expires_at(self) -> datetime | None: ...


def region_prefix(region_code: str) -> str:
    """The significant digits of a 行政区划代码: 440000 → 44, 440700 → 4407, 440784 → 440784."""
    code = region_code[:6]
    while code.endswith("00"):
        code = code[:-2]
    return code


def is_live(post: SeenPost, now: datetime) -> bool:
    """Whether others than the owner and staff may see it at all: published and not past its date (UTC)."""
    return post.status == "published" and (post.expires_at is None or post.expires_at > now)


def owns_post(audience: Audience, post: SeenPost) -> bool:
    """Whether the reader belongs to the post's organisation."""
    return post.organisation_id is not None and post.organisation_id in audience.organisation_ids


def may_see_post(audience: Audience, post: SeenPost, now: datetime) -> bool:
    """The rule.

    Owners see theirs in every state, staff all of their region but drafts, others what is live and meant for them.
    """
    if audience.administrator or owns_post(audience, post):
        return True
    if (
        audience.region_scope is not None
        and post.region_code.startswith(audience.region_scope)
        and post.status != "draft"
    ):
        return True
    if not is_live(post, now):
        return False
    if post.visibility == "public":
        return True
    if audience.matcher:
        return post.visibility in ("members", "matched")
    if post.visibility == "members":
        return audience.signed_in
    return post.visibility == "matched" and post.id in audience.suggested_post_ids

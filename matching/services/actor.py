"""Who acts: the services get it as an argument, never from a session of the web."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from matching.errors import NotAllowed, NotFound
from matching.models import Post, User
from matching.policy import region_prefix


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A person or the system itself. `organisation_roles`: organisation id → owner, editor or reader."""

    user_id: str | None
    role: str = "member"
    organisation_roles: Mapping[str, str] = field(default_factory=dict)
    region_scope: str | None = None
    """For staff: the significant digits of their region; "" sees all."""

    @property
    def is_administrator(self) -> bool:
        """Whether it may do everything."""
        return self.role == "administrator"

    def writes_for(self, organisation_id: str) -> bool:
        """Whether it belongs to those who write in the organisation's name."""
        return self.organisation_roles.get(organisation_id) in ("owner", "editor")

    def may_edit_for(self, organisation_id: str) -> bool:
        """Whether it may write in the organisation's name."""
        return self.is_administrator or self.writes_for(organisation_id)

    def is_staff_for(self, region_code: str) -> bool:
        """Whether it is staff of the region or above."""
        return self.is_administrator or (self.region_scope is not None and region_code.startswith(self.region_scope))


SYSTEM = Actor(user_id=None, role="administrator")
"""The product itself: expiry, imports from the command line."""


def actor_of(user: User) -> Actor:
    """The actor that a signed-in account is."""
    return Actor(
        user_id=user.id,
        role=user.role,
        organisation_roles={m.organisation_id: m.role for m in user.memberships},
        region_scope=region_prefix(user.region_code) if user.role == "staff" and user.region_code else None,
    )


def require_editor(actor: Actor, post: Post) -> None:
    """Raises NotAllowed unless the actor writes for the post's organisation or is staff of its region.

    For a post that not everybody may see it raises NotFound instead, so that guessing ids tells nothing.
    """
    if actor.may_edit_for(post.organisation_id) or actor.is_staff_for(post.region_code):
        return
    if post.status != "published" or post.visibility != "public":
        raise post_not_found()
    raise NotAllowed(
        "post.not_yours", "您不是这条信息所属单位的编辑人员", message_en="You do not edit for this organisation"
    )


def post_not_found() -> NotFound:
    """The error for a post that is not there, or not for this reader."""
    return NotFound("post.not_found", "没有找到这条信息", message_en="There is no such post")


def require_staff(actor: Actor, post: Post) -> None:
    """Raises NotAllowed unless the actor is staff of the post's region."""
    require_editor(actor, post)
    if not actor.is_staff_for(post.region_code):
        raise NotAllowed("post.staff_only", "此操作需由主管部门进行", message_en="Only the staff may do this")

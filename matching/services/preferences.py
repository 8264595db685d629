"""What a person chooses about being told outside the inbox."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from matching.errors import InvalidInput, NotAllowed, NotFound
from matching.models import NotificationPreference, User
from matching.notifying.notices import GROUPS, WAYS
from matching.notifying.preferences import DIGEST_SCOPE, Preferences, read_preferences
from matching.services.actor import Actor
from matching.store.unit_of_work import UnitOfWork


def choose_preferences(
    uow: UnitOfWork, actor: Actor, ways: Mapping[str, str], quiet_hours: bool, now: datetime
) -> Preferences:
    """Set how the actor is told of some or all groups; raises InvalidInput for an unknown group or way."""
    if actor.user_id is None:
        raise NotAllowed("account.required", "请先登录", message_en="Please sign in")
    for group, way in ways.items():
        if group not in GROUPS:
            raise InvalidInput(
                "preferences.group", f"没有这类通知：{group}", where="ways", message_en=f"No such group: {group}"
            )
        if way not in WAYS:
            raise InvalidInput(
                "preferences.way",
                f"通知方式只能是 {'、'.join(WAYS)}",
                where=group,
                message_en=f"A way is one of {', '.join(WAYS)}",
            )
    row = _row(uow, actor.user_id, now)
    row.ways = {**row.ways, **ways}
    row.quiet_hours = quiet_hours
    row.updated_at = now
    uow.commit()
    return read_preferences(row)


def unsubscribe(uow: UnitOfWork, user_id: str, scope: str, now: datetime) -> None:
    """Turn off one group, or with DIGEST_SCOPE all that come in the digest. Doing it again changes nothing.

    The right to do so is the signed link's; raises NotFound where the account is gone.
    """
    if uow.session.get(User, user_id) is None:
        raise NotFound("user.not_found", "没有这个账号", message_en="No such account")
    row = _row(uow, user_id, now)
    present = read_preferences(row).ways
    stopped = [group for group, way in present.items() if way == "digest"] if scope == DIGEST_SCOPE else [scope]
    row.ways = {**row.ways, **dict.fromkeys(stopped, "off")}
    row.updated_at = now
    uow.record(now, user_id, "preferences.unsubscribe", "user", user_id, scope=scope)
    uow.commit()


def _row(uow: UnitOfWork, user_id: str, now: datetime) -> NotificationPreference:
    row = uow.session.get(NotificationPreference, user_id)
    if row is None:
        row = NotificationPreference(user_id=user_id, ways={}, quiet_hours=True, updated_at=now)
        uow.session.add(row)
    return row

"""How a person wants to be told outside the inbox, as far as the telling needs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast
from urllib.parse import quote

from sqlalchemy.orm import Session

from matching.models import NotificationPreference
from matching.notifying.letters import public_address
from matching.notifying.notices import DEFAULT_WAYS, GROUPS, WAYS, Way, group_of
from matching.services.signed_links import read_signed, sign
from matching.settings import Settings

DIGEST_SCOPE = "digest"
_PURPOSE = "unsubscribe"


@dataclass(frozen=True, slots=True)
class Preferences:
    """Group → way, complete, and whether the night is kept quiet."""

    ways: Mapping[str, Way]
    quiet_hours: bool

    def way_of(self, kind: str) -> Way:
        """How a kind of notification is told."""
        return self.ways[group_of(kind)]


def load_preferences(session: Session, user_id: str) -> Preferences:
    """What the person chose, with the defaults where they chose nothing."""
    return read_preferences(session.get(NotificationPreference, user_id))


def read_preferences(row: NotificationPreference | None) -> Preferences:
    """As `load_preferences`, from the row."""
    chosen = row.ways if row is not None else {}
    ways = {group: cast(Way, chosen[group]) if chosen.get(group) in WAYS else DEFAULT_WAYS[group] for group in GROUPS}
    return Preferences(ways, row.quiet_hours if row is not None else True)


def unsubscribe_address(settings: Settings, user_id: str, scope: str) -> str:
    """A link that turns off a group of notifications, or the digest, without signing in. It works for ever."""
    return public_address(settings, f"/unsubscribe/{quote(sign(settings, _PURPOSE, f'{user_id}.{scope}'))}")


def read_unsubscribe(settings: Settings, token: str) -> tuple[str, str] | None:
    """(account, scope) of such a link, None for one that is not ours."""
    text = read_signed(settings, _PURPOSE, token)
    user_id, _, scope = (text or "").rpartition(".")
    return (user_id, scope) if user_id and scope in (*GROUPS, DIGEST_SCOPE) else None

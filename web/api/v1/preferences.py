"""How the caller is told outside the inbox."""

from __future__ import annotations

from typing import Any

from matching.notifying.preferences import Preferences as Chosen
from matching.notifying.preferences import load_preferences
from matching.services.preferences import choose_preferences
from web.api.access import caller
from web.api.document import Noun
from web.api.schemas.accounts import Preferences, PreferencesChange
from web.reader import now, platform

preferences = Noun("preferences", "/preferences", "通知设置: how the caller is told outside the inbox.")


@preferences.operation(
    "GET", "", name="show_preferences", zh="通知设置", en="Show preferences", access="read", answers=Preferences
)
def show_preferences() -> dict[str, Any]:
    """Show preferences"""
    with platform().reading() as session:
        return _shown(load_preferences(session, caller().user_id))


@preferences.operation(
    "PATCH",
    "",
    name="change_preferences",
    zh="修改通知设置",
    en="Change preferences",
    access="write",
    answers=Preferences,
    body=PreferencesChange,
)
def change_preferences(entry: dict[str, Any]) -> dict[str, Any]:
    """Change preferences

    What is not given stays as it is.
    """
    with platform().reading() as session:
        present = load_preferences(session, caller().user_id)
    with platform().unit_of_work() as uow:
        chosen = choose_preferences(
            uow, caller().actor, entry["ways"], entry.get("quiet_hours", present.quiet_hours), now()
        )
    return _shown(chosen)


def _shown(chosen: Chosen) -> dict[str, Any]:
    return {"ways": dict(chosen.ways), "quiet_hours": chosen.quiet_hours}

"""Loads registrations that wait for the staff, as people would have entered and confirmed them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select

from matching.bootstrap import Platform
from matching.models import Delivery, Registration
from matching.services.registrations import RegistrationFields, confirm_registration, register
from matching.services.signed_links import sign


def load_registration(platform: Platform, record: dict[str, Any], password: str, now: datetime) -> bool:
    """Enter and confirm a registration; False where it is there already."""
    with platform.unit_of_work() as uow:
        if uow.session.scalar(select(Registration.id).where(Registration.email == record["email"])) is not None:
            return False
    born = now - timedelta(days=record["days_ago"])
    fields = {key: value for key, value in record.items() if key != "days_ago"}
    with platform.unit_of_work() as uow:
        link_id = register(uow, RegistrationFields(**fields), born)
        if link_id is None:
            return False
    with platform.unit_of_work() as uow:
        # The mail that asks for the confirmation is answered already; it must not leave.
        uow.session.execute(delete(Delivery).where(Delivery.once_key == f"confirm_registration:{link_id}"))
        uow.commit()
    with platform.unit_of_work() as uow:
        token = sign(platform.settings, "confirm", link_id)
        confirm_registration(uow, platform.settings, token, password, born)
    return True

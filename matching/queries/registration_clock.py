"""By when technical contracts should be registered, on the working days of the calendar that the office keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from matching.clock import shanghai_day
from matching.models import Engagement, SpecialDay
from matching.settings import Settings
from matching.working_days import RegistrationClock, count_working_days, registration_due


@dataclass(frozen=True, slots=True)
class RegistrationTime:
    """Until when, and how many working days are left: 0 on the last one, negative when it has passed."""

    due: date
    left: int


@dataclass(frozen=True, slots=True)
class RegistrationTimes:
    """The rules and the calendar in force, read once for any number of contracts."""

    special: Mapping[date, bool]
    clock: RegistrationClock
    today: date

    def due(self, signed_on: date, amount: Decimal | None, *, disputed: bool) -> date:
        """By when a contract signed then should be registered."""
        return registration_due(signed_on, amount, self.special, disputed=disputed, clock=self.clock)

    def of(self, engagement: Engagement) -> RegistrationTime | None:
        """The clock of an engagement's contract; None while it is not signed, and once it is registered."""
        if engagement.signed_on is None or engagement.registration_number:
            return None
        if engagement.stage != "contract" and engagement.outcome != "contract":
            return None
        due = self.due(engagement.signed_on, engagement.contract_amount, disputed=engagement.disputed)
        return RegistrationTime(due, count_working_days(self.today, due, self.special))


def unregistered() -> ColumnElement[bool]:
    """Engagements without a 登记编号."""
    return or_(Engagement.registration_number.is_(None), Engagement.registration_number == "")


def read_registration_times(session: Session, settings: Settings, now: datetime) -> RegistrationTimes:
    """One question, however many contracts follow."""
    special = dict(session.execute(select(SpecialDay.day, SpecialDay.works)).tuples().all())
    clock = RegistrationClock(settings.contract_days, settings.contract_long_days, settings.contract_large_amount)
    return RegistrationTimes(special, clock, shanghai_day(now))

"""Loads what people of the demonstration said they want more or less of, and files that wait for their decision."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from matching.bootstrap import Platform
from matching.models import ImportJob, SuggestionWish, User
from matching.services.actor import Actor, actor_of
from matching.services.import_jobs import bring_import_on, start_import
from matching.services.wishes import add_wish


def load_wish(platform: Platform, record: dict[str, Any], now: datetime) -> bool:
    """Note a wish; False where its person has it already, whichever way round."""
    with platform.reading() as session:
        known = select(SuggestionWish.id).where(
            SuggestionWish.user_id == record["user_id"],
            SuggestionWish.kind == record["kind"],
            SuggestionWish.value == record["value"],
        )
        if session.scalar(known) is not None:
            return False
    at = now - timedelta(days=record["days_ago"])
    with platform.unit_of_work() as uow:
        add_wish(uow, _actor(platform, record["user_id"]), record["direction"], record["kind"], record["value"], at)
    return True


def load_import(platform: Platform, record: dict[str, Any], now: datetime) -> bool:
    """Upload a table and have it read, so that it waits to be looked at; False where it was uploaded already."""
    with platform.reading() as session:
        known = select(ImportJob.id).where(
            ImportJob.user_id == record["user_id"], ImportJob.file_name == record["file_name"]
        )
        if session.scalar(known) is not None:
            return False
    table = io.StringIO()
    csv.writer(table).writerows(record["rows"])
    at = now - timedelta(days=record["days_ago"])
    content = io.BytesIO(table.getvalue().encode("utf-8-sig"))
    job = start_import(platform, _actor(platform, record["user_id"]), record["kind"], record["file_name"], content, at)
    return bring_import_on(platform, job.id, lambda: now)


def _actor(platform: Platform, user_id: str) -> Actor:
    with platform.reading() as session:
        return actor_of(session.get_one(User, user_id))

"""What waits on a newcomer's first pages: wishes, and a file that was read; loaded once however often it is loaded."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select

from matching.bootstrap import Platform
from matching.models import ImportJob, SuggestionWish
from matching.services.accounts import add_user, join_organisation
from matching.services.actor import SYSTEM
from matching.services.organisations import OrganisationFields, add_organisation
from seed_data.first_pages import load_import, load_wish
from seed_data.loader import load_taxonomies, read_records
from tests.factories.people import PASSWORD


def test_wishes_and_files_wait_for_their_people_once(platform: Platform, now: datetime) -> None:
    load_taxonomies(platform)
    with platform.unit_of_work() as uow:
        fields = OrganisationFields(kind="university", name="示例大学", region_code="440600")
        organisation_id = add_organisation(uow, SYSTEM, fields, now, approved=True).id
    wishes, imports = list(read_records("wishes.jsonl")), list(read_records("imports.jsonl"))
    for user_id in sorted({record["user_id"] for record in (*wishes, *imports)}):
        with platform.unit_of_work() as uow:
            add_user(
                uow, SYSTEM, email=f"{user_id}@example.cn", name=user_id, password=PASSWORD, now=now, user_id=user_id
            )
        with platform.unit_of_work() as uow:
            join_organisation(uow, SYSTEM, user_id, organisation_id, "owner", now)
    assert [load_wish(platform, record, now) for record in wishes] == [True] * len(wishes)
    assert [load_import(platform, record, now) for record in imports] == [True] * len(imports)
    assert not any(load_wish(platform, record, now) for record in wishes)
    assert not any(load_import(platform, record, now) for record in imports)
    with platform.reading() as session:
        assert session.scalar(select(func.count()).select_from(SuggestionWish)) == len(wishes)
        jobs = {job.kind: job for job in session.scalars(select(ImportJob))}
        assert {job.status for job in jobs.values()} == {"read"}
        assert (jobs["experts"].rows_total, jobs["experts"].rows_refused) == (3, 1)
        assert (jobs["needs"].rows_total, jobs["needs"].rows_warned, jobs["needs"].rows_refused) == (3, 1, 0)

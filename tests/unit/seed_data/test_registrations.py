"""The demonstration's registrations wait for the staff, once."""

from __future__ import annotations

from datetime import datetime

from matching.bootstrap import Platform
from matching.models import Delivery
from matching.queries.registrations import list_registrations, similar_organisations
from matching.services.actor import SYSTEM
from matching.services.organisations import OrganisationFields, add_organisation
from seed_data.loader import DEMONSTRATION_PASSWORD, read_records
from seed_data.registrations import load_registration
from tests.factories.people import make_staff


def test_they_wait_for_the_staff_once_and_owe_no_mail(platform: Platform, now: datetime) -> None:
    staff = make_staff(platform, now, email="staff@example.cn")
    records = list(read_records("registrations.jsonl"))
    for expected in (True, False):
        assert {load_registration(platform, record, DEMONSTRATION_PASSWORD, now) for record in records} == {expected}
    with platform.reading() as session:
        waiting = list_registrations(session, staff, "waiting")
        assert {row.email for row in waiting} == {record["email"] for record in records}
        assert session.query(Delivery).count() == 0


def test_one_of_them_means_an_organisation_that_is_there(platform: Platform, now: datetime) -> None:
    pcb = next(record for record in read_records("organisations.jsonl") if record["id"] == "org-pcb")
    with platform.unit_of_work() as uow:
        fields = OrganisationFields(
            kind=pcb["kind"], name=pcb["name"], uscc=pcb["uscc"], region_code=pcb["region_code"]
        )
        add_organisation(uow, SYSTEM, fields, now, organisation_id="org-pcb", approved=True)
    first = next(read_records("registrations.jsonl"))
    with platform.reading() as session:
        [found] = similar_organisations(session, first["organisation_name"], first["uscc"])
    assert (found.organisation.id, found.why) == ("org-pcb", "code")

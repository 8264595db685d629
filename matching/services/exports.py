"""What the platform holds as records of tables: the way back of an import."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from matching.importing.fields import RecordKind
from matching.importing.kept import give_back
from matching.importing.records import (
    AnyRecord,
    CapabilityRecord,
    ExpertRecord,
    NeedRecord,
    OrganisationRecord,
)
from matching.models import Affiliation, Capability, Expert, Need, Organisation, Post
from matching.policy import Audience
from matching.queries.libraries import describe_experts
from matching.queries.posts import may_see_organisation
from matching.services.actor import Actor
from matching.services.experts import is_own_entry
from matching.services.imports import load_import_vocabularies

__all__ = ["export_records", "load_import_vocabularies"]


def export_records(session: Session, kind: RecordKind) -> Iterator[AnyRecord]:
    """Everything of one kind, in the order it was added. For operators: it holds contacts and posts in every state."""
    if kind == "needs":
        yield from map(_need_record, session.scalars(select(Need).order_by(Need.created_at, Need.id)))
    elif kind == "capabilities":
        statement = select(Capability).order_by(Capability.created_at, Capability.id)
        yield from map(_capability_record, session.scalars(statement))
    elif kind == "organisations":
        statement_of = select(Organisation).order_by(Organisation.created_at, Organisation.id)
        yield from map(_organisation_record, session.scalars(statement_of))
    else:
        for expert in session.scalars(select(Expert).order_by(Expert.created_at, Expert.id)):
            yield _expert_record(session, expert)


def _contact(contact: dict[str, str]) -> dict[str, object]:
    return {
        "contact_name": contact.get("name"),
        "contact_phones": tuple(part for part in contact.get("phone", "").split("、") if part),
        "contact_emails": tuple(part for part in (contact.get("email", ""),) if part),
    }


def _need_record(need: Need) -> NeedRecord:
    return NeedRecord(
        external_id=need.id,
        title=need.title,
        problem=need.problem,
        indicators=tuple(need.indicators),
        expected_result=need.expected_result,
        keywords=tuple(need.keywords),
        industry_codes=need.codes("industry"),
        domain=need.domain,
        region_code=need.region_code,
        town=need.town,
        starts_on=need.starts_on,
        ends_on=need.ends_on,
        budget=need.money,
        cooperation_modes=need.codes("cooperation_mode"),
        ip_arrangement=need.ip_arrangement,
        preferred_partners=need.preferred_partners,
        visibility=need.visibility,
        organisation_name=need.organisation.name,
        uscc=need.organisation.uscc,
        **_contact(need.contact),  # type: ignore[arg-type]
        **give_back(need.extra),
    )


def _capability_record(capability: Capability) -> CapabilityRecord:
    return CapabilityRecord(
        external_id=capability.id,
        kind=capability.kind,
        title=capability.title,
        abstract=capability.abstract,
        advantages=capability.advantages,
        applications=capability.applications,
        maturity=capability.maturity,
        ip_status=capability.ip_status,
        ip_type=capability.ip_type,
        ip_number=capability.ip_number,
        discipline=capability.discipline,
        ipc=capability.ipc,
        keywords=tuple(capability.keywords),
        industry_codes=capability.codes("industry"),
        domain=capability.domain,
        cooperation_modes=capability.codes("cooperation_mode"),
        price=capability.money,
        visibility=capability.visibility,
        organisation_name=capability.organisation.name,
        uscc=capability.organisation.uscc,
        region_code=capability.region_code,
        town=capability.town,
        **_contact(capability.contact),  # type: ignore[arg-type]
        **_with_experts(capability),
    )


def _with_experts(capability: Capability) -> dict[str, Any]:
    kept = give_back(capability.extra)
    if capability.experts:
        kept["experts"] = tuple(expert.name for expert in capability.experts)
    return kept


def _organisation_record(organisation: Organisation) -> OrganisationRecord:
    return OrganisationRecord(
        external_id=organisation.id,
        name=organisation.name,
        name_en=organisation.name_en,
        uscc=organisation.uscc,
        kind=organisation.kind,
        region_code=organisation.region_code,
        town=organisation.town,
        website=organisation.website,
        intro=organisation.intro,
        stage=organisation.stage,
        industry_codes=tuple(organisation.industry_codes),
        **give_back(organisation.extra),
    )


def _expert_record(session: Session, expert: Expert) -> ExpertRecord:
    employer = session.scalar(
        select(Organisation)
        .join(Affiliation, Affiliation.organisation_id == Organisation.id)
        .where(Affiliation.expert_id == expert.id, Affiliation.relation == "employed", Affiliation.ends_on.is_(None))
        .limit(1)
    )
    return ExpertRecord(
        external_id=expert.id,
        name=expert.name,
        name_en=expert.name_en,
        title=expert.title,
        organisation_name=employer.name if employer else None,
        uscc=employer.uscc if employer else None,
        fields=tuple(expert.fields),
        intro=expert.intro,
        contact_phones=tuple(part for part in (expert.phone,) if part),
        contact_emails=tuple(part for part in (expert.email,) if part),
        region_code=expert.region_code,
        **give_back(expert.extra),
    )


def posts_as_records(posts: Iterable[Post], audience: Audience) -> Iterator[NeedRecord | CapabilityRecord]:
    """Posts that the reader may see, as they may see them.

    Contacts and the file's other columns are their own organisation's; the owner of a `matched` post is not named.
    """
    for post in posts:
        record: NeedRecord | CapabilityRecord
        if isinstance(post, Need):
            record = _need_record(post)
        else:
            assert isinstance(post, Capability)
            record = _capability_record(post)
            record = replace(record, experts=tuple(expert.name for expert in post.experts if not expert.hidden))
        if post.organisation_id not in audience.organisation_ids:
            record = replace(record, contact_name=None, contact_phones=(), contact_emails=(), extra={})
        if not may_see_organisation(audience, post):
            record = replace(record, organisation_name=None, uscc=None, region_code=None, town=None)
            if isinstance(record, CapabilityRecord):
                record = replace(record, experts=(), ip_number=None, registration_number=None, registered_on=None)
        yield record


_ORGANISATION_CONTACTS: dict[str, Any] = {
    "contact_name": None,
    "contact_phones": (),
    "contact_emails": (),
    "fax": None,
    "legal_representative": None,
    "extra": {},
}


def organisations_as_records(organisations: Iterable[Organisation], audience: Audience) -> Iterator[OrganisationRecord]:
    """Organisations as everybody may know them; contacts are their own members'."""
    for organisation in organisations:
        record = _organisation_record(organisation)
        if organisation.id not in audience.organisation_ids:
            record = replace(record, **_ORGANISATION_CONTACTS)
        yield record


def experts_as_records(
    session: Session, experts: Sequence[Expert], actor: Actor, audience: Audience, now: datetime
) -> Iterator[ExpertRecord]:
    """Experts as the reader may know them: hidden fields are empty, contacts are for those who keep the entry."""
    for start in range(0, len(experts), 500):
        for listed in describe_experts(session, experts[start : start + 500], audience, now):
            expert, places = listed.expert, listed.organisations
            # Not whoever may edit: administrators may for all, and a file would hold all contacts, unlogged.
            keeps = is_own_entry(actor, expert) or any(actor.writes_for(place.id) for place in places)
            hidden = frozenset() if keeps else frozenset((*expert.hidden_fields, "email", "phone"))
            kept = give_back(expert.extra)
            if not keeps:
                kept = {name: kept[name] for name in ("position", "department", "discipline") if name in kept}
                if "title" in hidden:
                    kept.pop("position", None)
            yield ExpertRecord(
                external_id=expert.id,
                name=expert.name,
                name_en=None if "name_en" in hidden else expert.name_en,
                title=None if "title" in hidden else expert.title,
                organisation_name=places[0].name if places else None,
                uscc=places[0].uscc if places else None,
                fields=() if "fields" in hidden else tuple(expert.fields),
                intro="" if "intro" in hidden else expert.intro,
                contact_phones=() if "phone" in hidden else tuple(part for part in (expert.phone,) if part),
                contact_emails=() if "email" in hidden else tuple(part for part in (expert.email,) if part),
                region_code=expert.region_code,
                **kept,
            )

"""Loads the taxonomies and the demonstration into a platform, through the services that people's actions use."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

from sqlalchemy import select

from matching.bootstrap import Platform
from matching.clock import shanghai_day
from matching.documents import MoneyRange
from matching.importing.places import Place
from matching.importing.works import WorkRecord, WorksReading
from matching.models import (
    Event,
    Expert,
    Indicator,
    IndicatorValue,
    Organisation,
    Post,
    Region,
    SpecialDay,
    User,
    VocabularyTerm,
)
from matching.services.accounts import add_user, join_organisation
from matching.services.actor import SYSTEM, Actor
from matching.services.events import EventFields, announce_event, create_event
from matching.services.organisations import ExpertFields, OrganisationFields, add_expert, add_organisation
from matching.services.posts import (
    CapabilityFields,
    NeedFields,
    archive_post,
    close_post,
    draft_capability,
    draft_need,
    expire_posts,
    pause_post,
    publish_post,
    return_post,
    submit_post,
)
from matching.services.works import import_works
from seed_data.first_pages import load_import, load_wish
from seed_data.interests import load_interest
from seed_data.registrations import load_registration

DEMONSTRATION_PASSWORD = "duijie-demo"  # noqa: S105 - of accounts that exist in demonstrations only

VOCABULARIES = {
    "capability_kinds.tsv": "capability_kind",
    "close_reasons.tsv": "close_reason",
    "cooperation_modes.tsv": "cooperation_mode",
    "decline_reasons.tsv": "decline_reason",
    "disciplines.tsv": "discipline",
    "domains.tsv": "domain",
    "industries.tsv": "industry",
    "ip_arrangements.tsv": "ip_arrangement",
    "maturity_levels.tsv": "maturity_level",
    "organisation_kinds.tsv": "organisation_kind",
    "organisation_stages.tsv": "organisation_stage",
    "outcome_reasons.tsv": "outcome_reason",
    "return_reasons.tsv": "return_reason",
    "review_checks.tsv": "review_check",
    "towns.tsv": "town",
}

_EVENT_REGION = "440784"
_ROLES = {"staff": "staff", "administrator": "administrator"}
_MEMBER_ROLES = {"institution_manager": "owner", "broker": "owner"}


@dataclass(frozen=True, slots=True)
class LoadReport:
    """How many rows of each kind were added; zero where they were there."""

    terms: int = 0
    regions: int = 0
    organisations: int = 0
    users: int = 0
    experts: int = 0
    posts: int = 0


def load_taxonomies(platform: Platform) -> LoadReport:
    """Add the terms that are missing. What the staff changed stays as they changed it."""
    terms = regions = 0
    with platform.unit_of_work() as uow:
        known = set(uow.session.execute(select(VocabularyTerm.vocabulary, VocabularyTerm.code)).tuples())
        for file_name, vocabulary in VOCABULARIES.items():
            for position, row in enumerate(_read_terms(file_name)):
                if (vocabulary, row["code"]) in known:
                    continue
                uow.session.add(
                    VocabularyTerm(
                        vocabulary=vocabulary,
                        code=row["code"],
                        parent_code=row["parent"] or None,
                        label_zh=row["label_zh"],
                        label_en=row["label_en"],
                        position=position,
                        active=True,
                    )
                )
                terms += 1
        uow.flush()
        for row in _read_terms("town_tiles.tsv", folder="maps"):
            town = uow.session.get(VocabularyTerm, ("town", row["code"]))
            if town is not None and town.map_column is None:
                town.map_column, town.map_row = int(row["column"]), int(row["row"])
        known_regions = set(uow.session.scalars(select(Region.code)))
        for row in _read_terms("regions.tsv"):
            if row["code"] not in known_regions:
                uow.session.add(Region(code=row["code"], label_zh=row["label_zh"], label_en=row["label_en"]))
                regions += 1
        known_days = set(uow.session.scalars(select(SpecialDay.day)))
        for day in read_special_days():
            if day.day not in known_days:
                uow.session.add(day)
        uow.commit()
    return LoadReport(terms=terms, regions=regions)


def load_demonstration(platform: Platform, now: datetime) -> LoadReport:
    """Add the demonstration's organisations, people and posts; those that are there already are left alone.

    Posts go through the services as people's do: drafted, submitted, published at their day in the past, and so on.
    """
    organisations = _load_organisations(platform, now)
    users = _load_users(platform, now)
    experts = _load_experts(platform, now)
    _load_works(platform, now)
    posts = sum(_load_post(platform, record, "need", now) for record in read_records("needs.jsonl"))
    posts += sum(_load_post(platform, record, "capability", now) for record in read_records("capabilities.jsonl"))
    _load_indicators(platform, now)
    _load_event(platform, now)
    with platform.unit_of_work() as uow:
        expire_posts(uow, now)
    for record in read_records("interests.jsonl"):
        load_interest(platform, record, now)
    for record in read_records("wishes.jsonl"):
        load_wish(platform, record, now)
    for record in read_records("imports.jsonl"):
        load_import(platform, record, now)
    for record in read_records("registrations.jsonl"):
        load_registration(platform, record, DEMONSTRATION_PASSWORD, now)
    return LoadReport(organisations=organisations, users=users, experts=experts, posts=posts)


def read_records(name: str) -> Iterator[dict[str, Any]]:
    """The records of one file of `records/`."""
    text = (files("seed_data") / "records" / name).read_text(encoding="utf-8")
    for line in text.splitlines():
        if line.strip():
            yield json.loads(line)


def read_special_days() -> list[SpecialDay]:
    """Holidays, and weekend days on which people work, as the State Council announced them."""
    text = (files("seed_data") / "calendars" / "special_days.tsv").read_text(encoding="utf-8")
    return [
        SpecialDay(day=date.fromisoformat(row["day"]), works=row["works"] == "1", label=row["label"])
        for row in csv.DictReader(text.splitlines(), delimiter="\t")
    ]


def _read_terms(name: str, folder: str = "taxonomies") -> list[dict[str, str]]:
    text = (files("seed_data") / folder / name).read_text(encoding="utf-8")
    return [row for row in csv.DictReader(text.splitlines(), delimiter="\t") if row["code"]]


def _load_organisations(platform: Platform, now: datetime) -> int:
    added = 0
    for record in read_records("organisations.jsonl"):
        with platform.unit_of_work() as uow:
            if uow.session.get(Organisation, record["id"]):
                continue
            add_organisation(
                uow,
                SYSTEM,
                OrganisationFields(
                    kind=record["kind"],
                    name=record["name"],
                    name_en=record.get("name_en"),
                    uscc=record.get("uscc"),
                    region_code=record["region_code"],
                    town=record.get("town"),
                    language=record.get("language", "zh"),
                    intro=record.get("intro", ""),
                    stage=record.get("stage"),
                    website=record.get("website"),
                    industry_codes=tuple(record.get("industry_codes", ())),
                    source=record.get("source"),
                ),
                now,
                organisation_id=record["id"],
                approved=True,
            )
            added += 1
    return added


def _load_users(platform: Platform, now: datetime) -> int:
    added = 0
    for record in read_records("users.jsonl"):
        with platform.unit_of_work() as uow:
            if uow.session.get(User, record["id"]):
                continue
            add_user(
                uow,
                SYSTEM,
                email=record["email"],
                name=record["name"],
                password=DEMONSTRATION_PASSWORD,
                role=_ROLES.get(record["role"].split("_")[0], "member"),
                region_code=record.get("region_code"),
                now=now,
                user_id=record["id"],
                locale=record.get("language", "zh"),
            )
        if record.get("organisation_id") and _ROLES.get(record["role"].split("_")[0]) is None:
            with platform.unit_of_work() as uow:
                join_organisation(
                    uow,
                    SYSTEM,
                    record["id"],
                    record["organisation_id"],
                    _MEMBER_ROLES.get(record["role"], "editor"),
                    now,
                )
        added += 1
    return added


def _load_experts(platform: Platform, now: datetime) -> int:
    accounts = {record["expert_id"]: record["id"] for record in read_records("users.jsonl") if record.get("expert_id")}
    added = 0
    for record in read_records("experts.jsonl"):
        with platform.unit_of_work() as uow:
            if uow.session.get(Expert, record["id"]):
                continue
            organisation = uow.session.get(Organisation, record["organisation_id"])
            add_expert(
                uow,
                SYSTEM,
                ExpertFields(
                    name=record["name"],
                    name_en=record.get("name_en"),
                    title=record.get("title"),
                    organisation_id=record["organisation_id"],
                    region_code=organisation.region_code if organisation else "440784",
                    fields=tuple(record.get("fields", ())),
                    intro=record.get("intro", ""),
                    email=record.get("email"),
                    source=record.get("source"),
                    consent=record.get("consent"),
                    user_id=accounts.get(record["id"]),
                ),
                now,
                expert_id=record["id"],
            )
            if record["id"] in accounts:
                # The demonstration's experts with an account agreed that programs collect their entries.
                uow.session.get_one(Expert, record["id"]).open_data_at = now
                uow.commit()
            added += 1
    return added


def _load_indicators(platform: Platform, now: datetime) -> None:
    """The six indicators of the demonstration; names as plans have them, numbers invented."""
    for position, record in enumerate(read_records("indicators.jsonl")):
        with platform.unit_of_work() as uow:
            if uow.session.get(Indicator, record["id"]):
                continue
            uow.session.add(
                Indicator(
                    id=record["id"],
                    region_code=_EVENT_REGION,
                    position=position,
                    name=record["name"],
                    name_en=record["name_en"],
                    unit=record["unit"],
                    base_value=record["base_value"],
                    target_value=record["target_value"],
                    created_at=now,
                    values=[
                        IndicatorValue(year=int(year), value=value, source="虚构数值，仅供演示", entered_at=now)
                        for year, value in record["values"].items()
                    ],
                )
            )
            uow.commit()


def _load_event(platform: Platform, now: datetime) -> None:
    """An announced event three weeks ahead, for staff to choose pairs for and for others to register."""
    with platform.reading() as reading:
        if reading.scalar(select(Event.id).limit(1)) is not None:
            return
    fields = EventFields(
        title="线路板与新材料对接会（示例）",
        intro="围绕线路板、显示、照明和新材料企业的技术需求，邀请高校院所专家一对一洽谈。（虚构活动，仅供演示）",
        held_on=shanghai_day(now) + timedelta(days=21),
        region_code=_EVENT_REGION,
        venue="鹤山市科技服务中心（示例）",
        rooms="一号厅 6\n二号厅 4",
        sessions="上午 09:00-12:00\n下午 14:00-16:30",
        breaks="茶歇 10:20-10:40",
        slot_minutes=20,
    )
    with platform.unit_of_work() as uow:
        event_id = create_event(uow, SYSTEM, fields, now).id
    with platform.unit_of_work() as uow:
        announce_event(uow, SYSTEM, event_id, now)


def _load_works(platform: Platform, now: datetime) -> None:
    """Through the service, as a file's works come; what is there already stays as it is."""
    place = Place(file="works.jsonl")
    by_expert: dict[str, WorksReading] = {}
    for record in read_records("works.jsonl"):
        work = WorkRecord(
            kind=record["kind"], title=record["title"], year=record["year"], venue=record.get("venue"), place=place
        )
        by_expert.setdefault(record["expert_id"], WorksReading("records")).works.append(work)
    for expert_id, reading in by_expert.items():
        with platform.unit_of_work() as uow:
            import_works(uow, SYSTEM, expert_id, reading, now, source="虚构成果，仅供演示")


def _load_post(platform: Platform, record: dict[str, Any], side: str, now: datetime) -> int:
    with platform.unit_of_work() as uow:
        if uow.session.get(Post, record["id"]):
            return 0
    born = now - timedelta(days=record.get("published_days_ago") or 0)
    with platform.unit_of_work() as uow:
        if side == "need":
            draft_need(uow, SYSTEM, _need_fields(record), born, post_id=record["id"])
        else:
            draft_capability(uow, SYSTEM, _capability_fields(record), born, post_id=record["id"])
    _bring_to_status(platform, record, born)
    return 1


def _bring_to_status(platform: Platform, record: dict[str, Any], born: datetime) -> None:
    """Take a fresh draft the way people would take it."""
    actor: Actor = SYSTEM
    post_id, status = record["id"], record["status"]
    closed = status == "closed" or (status == "archived" and record.get("close_reason"))
    if status in ("submitted", "returned"):
        with platform.unit_of_work() as uow:
            submit_post(uow, actor, post_id, born)
    if status == "returned":
        with platform.unit_of_work() as uow:
            return_post(uow, actor, post_id, _return_reasons()[record["return_reason"]], born)
    if status in ("published", "expired", "paused") or closed:
        with platform.unit_of_work() as uow:
            publish_post(uow, actor, post_id, born, settings=platform.settings)
    if status == "paused":
        with platform.unit_of_work() as uow:
            pause_post(uow, actor, post_id, born)
    if closed:
        with platform.unit_of_work() as uow:
            close_post(uow, actor, post_id, record["close_reason"], born)
    if status == "archived":
        with platform.unit_of_work() as uow:
            archive_post(uow, actor, post_id, born)


@cache
def _return_reasons() -> dict[str, str]:
    return {row["code"]: row["label_zh"] for row in _read_terms("return_reasons.tsv")}


def _common(record: dict[str, Any], money: str) -> dict[str, Any]:
    return {
        "title": record["title"],
        "organisation_id": record["organisation_id"],
        "keywords": tuple(record.get("keywords", ())),
        "industry_codes": tuple(record.get("industry_codes", ())),
        "domain": record.get("domain"),
        "town": record.get("town"),
        "region_code": record.get("region_code"),
        "language": record.get("language"),
        "cooperation_modes": tuple(record.get("cooperation_modes", ())),
        "money": _money(record.get(money)),
        "visibility": record.get("visibility", "public"),
        "contact": {key: value for key, value in (record.get("contact") or {}).items() if value},
        "external_id": record["id"],
        "source": record.get("source"),
    }


def _need_fields(record: dict[str, Any]) -> NeedFields:
    return NeedFields(
        problem=record.get("problem", ""),
        indicators=tuple(record.get("indicators", ())),
        expected_result=record.get("expected_result", ""),
        starts_on=_day(record.get("starts_on")),
        ends_on=_day(record.get("ends_on")),
        ip_arrangement=record.get("ip_arrangement"),
        preferred_partners=record.get("preferred_partners") or "",
        **_common(record, "budget"),
    )


def _capability_fields(record: dict[str, Any]) -> CapabilityFields:
    return CapabilityFields(
        kind=record["kind"],
        abstract=record.get("abstract", ""),
        advantages=record.get("advantages") or "",
        applications=record.get("applications") or "",
        maturity=record.get("maturity"),
        ip_status=record.get("ip_status"),
        ip_type=record.get("ip_type"),
        ip_number=record.get("ip_number"),
        discipline=record.get("discipline"),
        ipc=record.get("ipc"),
        expert_ids=tuple(record.get("expert_ids", ())),
        **_common(record, "price"),
    )


def _money(record: dict[str, Any] | None) -> MoneyRange | None:
    if not record:
        return None
    return MoneyRange(
        minimum=_amount(record.get("minimum")),
        maximum=_amount(record.get("maximum")),
        negotiable=bool(record.get("negotiable")),
    )


def _amount(value: float | str | None) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def _day(value: str | None) -> date | None:
    return date.fromisoformat(value) if value else None

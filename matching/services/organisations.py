"""Organisations: adding them, and the key by which names are compared."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from matching.errors import InvalidInput
from matching.models import Affiliation, Expert, Organisation, User
from matching.models.organisation import ORGANISATION_KINDS
from matching.organisation_code import check_uscc
from matching.services.actor import Actor
from matching.store.unit_of_work import UnitOfWork

_LEGAL_FORM_ZH = re.compile(r"(股份有限公司|有限责任公司|有限公司|集团公司|公司|集团)$")
_LEGAL_FORM_EN = re.compile(r"\s*\b(co|company|corp|corporation|inc|ltd|limited|llc|gmbh|group)$")


def name_key(name: str) -> str:
    """What duplicates are proposed by: the name without width, case, brackets, spaces and legal form.

    XX(集团)有限公司, XX（集团）有限公司 and XX集团 give one key. A name that is nothing but a legal form keeps it:
    two firms that share only 有限公司 differ.
    """
    spaced = re.sub(r"[^\w]+", " ", unicodedata.normalize("NFKC", name).casefold()).strip()
    key = _without_endings(_LEGAL_FORM_EN, spaced).replace(" ", "")
    return _without_endings(_LEGAL_FORM_ZH, key)


def _without_endings(ending: re.Pattern[str], name: str) -> str:
    while (shorter := ending.sub("", name)) not in ("", name):
        name = shorter
    return name


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationFields:
    """An organisation as entered."""

    kind: str
    name: str
    region_code: str
    name_en: str | None = None
    uscc: str | None = None
    town: str | None = None
    language: str = "zh"
    intro: str = ""
    stage: str | None = None
    website: str | None = None
    industry_codes: tuple[str, ...] = ()
    source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpertFields:
    """An expert as entered; `organisation_id` is the present employer."""

    name: str
    region_code: str
    organisation_id: str | None = None
    name_en: str | None = None
    title: str | None = None
    fields: tuple[str, ...] = ()
    intro: str = ""
    email: str | None = None
    phone: str | None = None
    language: str = "zh"
    source: str | None = None
    consent: str | None = None
    user_id: str | None = None


def add_organisation(
    uow: UnitOfWork,
    actor: Actor,
    entered: OrganisationFields,
    now: datetime,
    *,
    organisation_id: str | None = None,
    approved: bool = False,
) -> Organisation:
    """Add an organisation; raises InvalidInput for a wrong kind or code, or a code that is taken."""
    organisation = make_organisation(uow, actor, entered, now, organisation_id=organisation_id, approved=approved)
    uow.commit()
    return organisation


def make_organisation(
    uow: UnitOfWork,
    actor: Actor,
    entered: OrganisationFields,
    now: datetime,
    *,
    organisation_id: str | None = None,
    approved: bool = False,
) -> Organisation:
    """As `add_organisation`, within a use case that commits."""
    if entered.kind not in ORGANISATION_KINDS:
        raise InvalidInput("organisation.kind", "单位类型无效", where="kind", message_en="Invalid kind")
    name = " ".join(entered.name.split())
    if not name:
        raise InvalidInput("organisation.name", "请填写单位全称", where="name", message_en="Please give the name")
    if not re.fullmatch(r"\d{6}(\d{3}){0,2}", entered.region_code):
        raise InvalidInput(
            "organisation.region",
            "行政区划代码应为 6 位数字",
            where="region_code",
            message_en="A region code has 6 digits",
        )
    uscc = check_uscc(entered.uscc) if entered.uscc else None
    if uscc and uow.session.scalar(select(Organisation.id).where(Organisation.uscc == uscc)):
        raise InvalidInput(
            "organisation.uscc_taken", "该统一社会信用代码已登记", where="uscc", message_en="The code is registered"
        )
    organisation = Organisation(
        kind=entered.kind,
        name=name,
        name_key=name_key(name),
        name_en=entered.name_en,
        uscc=uscc,
        region_code=entered.region_code,
        town=entered.town,
        language=entered.language,
        intro=entered.intro,
        stage=entered.stage,
        website=entered.website,
        industry_codes=list(entered.industry_codes),
        approved=approved,
        source=entered.source,
        created_at=now,
        updated_at=now,
    )
    if organisation_id is not None:
        organisation.id = organisation_id
    uow.session.add(organisation)
    uow.session.flush()
    uow.record(now, actor.user_id, "organisation.add", "organisation", organisation.id)
    return organisation


def add_expert(
    uow: UnitOfWork, actor: Actor, entered: ExpertFields, now: datetime, *, expert_id: str | None = None
) -> Expert:
    """Add an expert with the present employer; people are never merged by name."""
    expert = make_expert(uow, actor, entered, now, expert_id=expert_id)
    uow.commit()
    return expert


def make_expert(
    uow: UnitOfWork, actor: Actor, entered: ExpertFields, now: datetime, *, expert_id: str | None = None
) -> Expert:
    """As `add_expert`, within a use case that commits."""
    if not entered.name.strip():
        raise InvalidInput("expert.name", "请填写专家姓名", where="name", message_en="Please give the name")
    if entered.user_id is not None and uow.session.get(User, entered.user_id) is None:
        raise InvalidInput("expert.user", "没有这个账号", where="user_id", message_en="No such account")
    expert = Expert(
        user_id=entered.user_id,
        name=entered.name.strip(),
        name_en=entered.name_en,
        title=entered.title,
        fields=list(entered.fields),
        intro=entered.intro,
        email=entered.email,
        phone=entered.phone,
        region_code=entered.region_code,
        language=entered.language,
        source=entered.source,
        consent=entered.consent,
        created_at=now,
        updated_at=now,
    )
    if expert_id is not None:
        expert.id = expert_id
    if entered.organisation_id is not None:
        if uow.session.get(Organisation, entered.organisation_id) is None:
            raise InvalidInput(
                "expert.organisation", "没有这个单位", where="organisation_id", message_en="No such organisation"
            )
        expert.affiliations = [Affiliation(organisation_id=entered.organisation_id, relation="employed")]
    uow.session.add(expert)
    uow.session.flush()
    uow.record(now, actor.user_id, "expert.add", "expert", expert.id)
    return expert

"""Organisations: adding them, and the key by which names are compared."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy import select

from matching.errors import InvalidInput, NotAllowed, NotFound
from matching.models import Affiliation, Expert, Organisation, Post, User
from matching.models.organisation import ORGANISATION_KINDS
from matching.organisation_code import check_uscc
from matching.services.actor import Actor
from matching.store.outbox import POST_CHANGED, owe_all
from matching.store.unit_of_work import UnitOfWork, edit_conflict

_LEGAL_FORM_ZH = re.compile(r"(股份有限公司|有限责任公司|有限公司|集团公司|公司|集团)$")
_LEGAL_FORM_EN = re.compile(r"(?<!\s)\s*+\b(co|company|corp|corporation|inc|ltd|limited|llc|gmbh|group)$")


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileFields:
    """What its own people and the staff enter of an organisation. Kind and region are the staff's to say."""

    name: str
    name_en: str | None = None
    uscc: str | None = None
    town: str | None = None
    intro: str = ""
    stage: str | None = None
    website: str | None = None
    industry_codes: tuple[str, ...] = ()
    address: str | None = None
    kind: str | None = None
    region_code: str | None = None


INTRO_LENGTH = 5000
MOST_INDUSTRIES = 10


def edit_organisation(
    uow: UnitOfWork,
    actor: Actor,
    organisation_id: str,
    entered: ProfileFields,
    now: datetime,
    *,
    expected_version: int | None = None,
) -> Organisation:
    """Replace an organisation's profile.

    Its owners and editors, and the staff of its region, may. Raises EditConflict when it is no longer at
    `expected_version`, InvalidInput with the field's name.
    """
    organisation = load_organisation(uow, organisation_id)
    require_organisation_editor(actor, organisation)
    if expected_version is not None and organisation.version != expected_version:
        raise edit_conflict()
    name = " ".join(entered.name.split())
    if not name or len(name) > 200:
        raise InvalidInput(
            "organisation.name", "请填写单位全称，不超过 200 字", where="name",
            message_en="Please give the name, of at most 200 characters",
        )  # fmt: skip
    if len(entered.intro) > INTRO_LENGTH:
        raise InvalidInput(
            "organisation.intro", f"简介不能超过 {INTRO_LENGTH} 字", where="intro",
            message_en=f"The introduction has at most {INTRO_LENGTH} characters",
        )  # fmt: skip
    if len(entered.industry_codes) > MOST_INDUSTRIES:
        raise InvalidInput(
            "organisation.industries", f"行业最多 {MOST_INDUSTRIES} 个", where="industry_codes",
            message_en=f"At most {MOST_INDUSTRIES} industries",
        )  # fmt: skip
    website = check_website(entered.website)
    try:
        uscc = check_uscc(entered.uscc) if entered.uscc else None
    except InvalidInput as error:
        raise InvalidInput(error.code, error.message, where="uscc", message_en=error.message_en) from error
    if uscc and uow.session.scalar(
        select(Organisation.id).where(Organisation.uscc == uscc, Organisation.id != organisation.id)
    ):
        raise InvalidInput(
            "organisation.uscc_taken", "该统一社会信用代码已登记", where="uscc", message_en="The code is registered"
        )
    if actor.is_staff_for(organisation.region_code):
        if entered.kind is not None and entered.kind not in ORGANISATION_KINDS:
            raise InvalidInput("organisation.kind", "单位类型无效", where="kind", message_en="Invalid kind")
        organisation.kind = entered.kind or organisation.kind
        organisation.region_code = entered.region_code or organisation.region_code
    organisation.name = name
    organisation.name_key = name_key(name)
    organisation.name_en = (entered.name_en or "").strip()[:300] or None
    organisation.uscc = uscc
    organisation.town = entered.town or None
    organisation.intro = entered.intro.strip()
    organisation.stage = entered.stage or None
    organisation.website = website
    organisation.industry_codes = list(dict.fromkeys(entered.industry_codes))
    held = {**organisation.extra.get("fields", {}), "address": (entered.address or "").strip()[:200]}
    organisation.extra = {**organisation.extra, "fields": {key: value for key, value in held.items() if value}}
    organisation.updated_at = now
    uow.record(now, actor.user_id, "organisation.edit", "organisation", organisation.id)
    _owe_posts(uow, organisation.id, now)
    uow.commit()
    return organisation


def check_website(address: str | None) -> str | None:
    """The address of a site, https where no scheme was given; raises InvalidInput for anything that is no web address.

    What is shown as a link must not be a script.
    """
    text = (address or "").strip()
    if not text:
        return None
    if "://" not in text:
        text = f"https://{text}"
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not re.fullmatch(r"[\w.-]+\.[\w-]{2,}(:\d{1,5})?", parts.netloc):
        raise InvalidInput(
            "organisation.website", "请填写网址，例如 www.example.cn", where="website",
            message_en="Please give a web address, such as www.example.cn",
        )  # fmt: skip
    return text[:300]


def load_organisation(uow: UnitOfWork, organisation_id: str) -> Organisation:
    """The organisation; raises NotFound."""
    organisation = uow.session.get(Organisation, organisation_id)
    if organisation is None or organisation.merged_into_id is not None:
        raise NotFound("organisation.not_found", "没有找到这个单位", message_en="There is no such organisation")
    return organisation


def may_edit_organisation(actor: Actor, organisation: Organisation) -> bool:
    """Whether the actor keeps the organisation's page."""
    return actor.may_edit_for(organisation.id) or actor.is_staff_for(organisation.region_code)


def require_organisation_editor(actor: Actor, organisation: Organisation) -> None:
    """Raises NotAllowed."""
    if not may_edit_organisation(actor, organisation):
        raise NotAllowed(
            "organisation.not_yours", "您不能修改这个单位的资料", message_en="You do not keep this organisation's page"
        )


def _owe_posts(uow: UnitOfWork, organisation_id: str, now: datetime) -> None:
    """The organisation's name stands in the index with its posts."""
    ids = uow.session.scalars(
        select(Post.id).where(Post.organisation_id == organisation_id, Post.status == "published")
    ).all()
    if owe_all(uow.session, POST_CHANGED, ids, now):
        uow.expect_nudge()

"""Imports: what a file brings becomes organisations, experts and posts. A second import of a row changes nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from matching.bootstrap import Platform
from matching.errors import DuijieError
from matching.importing.places import Finding
from matching.importing.records import (
    AnyRecord,
    CapabilityRecord,
    ExpertRecord,
    ImportReading,
    NeedRecord,
    OrganisationRecord,
    RowReading,
)
from matching.importing.vocabularies import Vocabularies, VocabularyTerm
from matching.models import Affiliation, Capability, Expert, Need, Organisation, Post, Region
from matching.models import VocabularyTerm as TermRow
from matching.services.actor import Actor
from matching.services.organisations import name_key
from matching.services.posts import CapabilityFields, NeedFields, PostFields, apply_fields, publish_directly
from matching.store.outbox import POST_CHANGED
from matching.store.unit_of_work import UnitOfWork

ROWS_PER_COMMIT = 200

OnProgress = Callable[[int, int], None]

_PLURALS = {
    "industry": "industries",
    "domain": "domains",
    "discipline": "disciplines",
    "cooperation_mode": "cooperation_modes",
    "capability_kind": "capability_kinds",
    "organisation_kind": "organisation_kinds",
    "organisation_stage": "organisation_stages",
    "ip_arrangement": "ip_arrangements",
    "maturity_level": "maturity_levels",
    "town": "towns",
}


@dataclass(slots=True)
class ImportReport:
    """How many rows became new things, changed known ones, were there already, or were refused (with their reasons)."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: list[RowReading] = field(default_factory=list)
    organisations_added: int = 0


def load_import_vocabularies(session: Session) -> Vocabularies:
    """The platform's editable vocabularies as the readers of files want them."""
    terms: dict[str, list[VocabularyTerm]] = {}
    for row in session.scalars(select(TermRow).where(TermRow.active).order_by(TermRow.vocabulary, TermRow.position)):
        plural = _PLURALS.get(row.vocabulary)
        if plural is not None:
            terms.setdefault(plural, []).append(
                VocabularyTerm(
                    code=row.code, label_zh=row.label_zh, label_en=row.label_en, parent=row.parent_code or None
                )
            )
    terms["regions"] = [
        VocabularyTerm(code=region.code, label_zh=region.label_zh, label_en=region.label_en)
        for region in session.scalars(select(Region).order_by(Region.code))
    ]
    return terms


def import_records(
    platform: Platform,
    actor: Actor,
    reading: ImportReading,
    now: datetime,
    *,
    region_code: str,
    organisation_id: str | None = None,
    publish: bool = True,
    dry_run: bool = False,
    on_progress: OnProgress | None = None,
) -> ImportReport:
    """Put the accepted rows into the database, ROWS_PER_COMMIT at a time.

    `region_code` is for organisations that the rows name and that are not known yet; `organisation_id` for posts and
    experts whose row names none. A row that the rules refuse is in the report with its reason and loses nothing.
    With `dry_run` everything is done and rolled back.
    """
    report = ImportReport(refused=list(reading.refused))
    rows = [row for row in reading.rows if row.record is not None]
    for start in range(0, len(rows), ROWS_PER_COMMIT):
        with platform.unit_of_work() as uow:
            importer = _Importer(platform, uow, actor, now, region_code, organisation_id, publish, reading.file)
            for row in rows[start : start + ROWS_PER_COMMIT]:
                _import_row(importer, row, report)
            report.organisations_added += importer.organisations_added
            if dry_run:
                uow.session.rollback()
            else:
                uow.record(
                    now,
                    actor.user_id,
                    "import",
                    reading.kind,
                    reading.file[:64],
                    rows=min(start + ROWS_PER_COMMIT, len(rows)),
                )
                uow.commit()
        if on_progress:
            on_progress(min(start + ROWS_PER_COMMIT, len(rows)), len(rows))
    return report


def _import_row(importer: _Importer, row: RowReading, report: ImportReport) -> None:
    assert row.record is not None
    try:
        with importer.uow.session.begin_nested():
            outcome = importer.put(row.record)
    except DuijieError as error:
        finding = Finding(code=error.code, zh=error.message, en=error.message_en, place=row.place)
        report.refused.append(replace(row, status="refused", record=None, findings=(*row.findings, finding)))
        return
    setattr(report, outcome, getattr(report, outcome) + 1)


class _Importer:
    """Puts records of one batch; knows the organisations it has met."""

    def __init__(
        self,
        platform: Platform,
        uow: UnitOfWork,
        actor: Actor,
        now: datetime,
        region_code: str,
        organisation_id: str | None,
        publish: bool,
        file: str,
    ) -> None:
        self.uow = uow
        self.organisations_added = 0
        self._platform = platform
        self._actor = actor
        self._now = now
        self._region_code = region_code
        self._organisation_id = organisation_id
        self._publish = publish
        self._source = f"导入：{file}"[:200]

    def put(self, record: AnyRecord) -> str:
        """added, changed or unchanged. Raises DuijieError for a row that the rules refuse."""
        if isinstance(record, OrganisationRecord):
            return self._put_organisation(record)
        if isinstance(record, ExpertRecord):
            return self._put_expert(record)
        return self._put_post(record)

    def _put_post(self, record: NeedRecord | CapabilityRecord) -> str:
        organisation = self._organisation_for(record.organisation_name, record.uscc, record)
        side = "need" if isinstance(record, NeedRecord) else "capability"
        entered = _post_fields(record, organisation.id, self._source)
        post = self.uow.session.scalar(
            select(Post).where(
                Post.organisation_id == organisation.id,
                Post.side == side,
                # Our own exports carry our ids.
                or_(Post.external_id == record.natural_key, Post.id == (record.external_id or "")),
            )
        )
        if post is None:
            post = Need() if side == "need" else Capability()
            post.status = "draft"
            post.author_id = self._actor.user_id
            post.created_at = post.updated_at = self._now
            apply_fields(self.uow, post, entered)
            self.uow.session.add(post)
            self.uow.session.flush()
            if self._publish:
                publish_directly(self.uow, self._actor, post, self._now, self._platform.settings)
            return "added"
        before = _state(post)
        kept = post.external_id
        contact = _keep_spelling(entered.contact, post.contact)
        apply_fields(self.uow, post, replace(entered, external_id=kept, source=post.source, contact=contact))
        if _state(post) == before:
            return "unchanged"
        post.updated_at = self._now
        self.uow.owe(POST_CHANGED, post.id, self._now)
        self.uow.session.flush()
        return "changed"

    def _put_organisation(self, record: OrganisationRecord) -> str:
        known = self._find_organisation(record.name, record.uscc)
        organisation = known or Organisation(
            kind=record.kind or told_kind(record.name), name=record.name, name_key=name_key(record.name),
            region_code=self._region_code, approved=True, created_at=self._now, updated_at=self._now,
        )  # fmt: skip
        before = _organisation_state(organisation)
        organisation.kind = record.kind or organisation.kind
        organisation.name_en = record.name_en or organisation.name_en
        organisation.uscc = record.uscc or organisation.uscc
        organisation.region_code = record.region_code or organisation.region_code
        organisation.town = record.town or organisation.town
        organisation.website = record.website or organisation.website
        organisation.intro = record.intro or organisation.intro or ""
        organisation.stage = record.stage or organisation.stage
        organisation.industry_codes = list(record.industry_codes) or organisation.industry_codes or []
        organisation.language = organisation.language or record.language
        if known is None:
            organisation.source = self._source
            self.uow.session.add(organisation)
            self.uow.session.flush()
            return "added"
        if _organisation_state(organisation) == before:
            return "unchanged"
        organisation.updated_at = self._now
        self.uow.session.flush()
        return "changed"

    def _put_expert(self, record: ExpertRecord) -> str:
        organisation = (
            self._organisation_for(record.organisation_name, record.uscc, record)
            if record.organisation_name or record.uscc or self._organisation_id
            else None
        )
        expert = self.uow.session.scalar(
            select(Expert).where(or_(Expert.external_id == record.natural_key, Expert.id == (record.external_id or "")))
        )
        known = expert is not None
        if expert is None:
            expert = Expert(
                external_id=record.natural_key, name=record.name, created_at=self._now, updated_at=self._now
            )
            if organisation is not None:
                expert.affiliations = [Affiliation(organisation_id=organisation.id, relation="employed")]
        before = _expert_state(expert)
        expert.name_en = record.name_en or expert.name_en
        expert.title = record.title or record.position or expert.title
        expert.fields = list(record.fields) or expert.fields or []
        expert.intro = record.intro or expert.intro or ""
        expert.email = next(iter(record.contact_emails), None) or expert.email
        expert.phone = next(iter(record.contact_phones), None) or expert.phone
        expert.region_code = (
            record.region_code
            or expert.region_code
            or (organisation.region_code if organisation else self._region_code)
        )
        expert.language = expert.language or record.language
        if not known:
            expert.source = self._source
            self.uow.session.add(expert)
            self.uow.session.flush()
            return "added"
        if _expert_state(expert) == before:
            return "unchanged"
        expert.updated_at = self._now
        self.uow.session.flush()
        return "changed"

    def _organisation_for(
        self, name: str | None, uscc: str | None, record: NeedRecord | CapabilityRecord | ExpertRecord
    ) -> Organisation:
        if not name and not uscc:
            found = self.uow.session.get(Organisation, self._organisation_id) if self._organisation_id else None
            if found is None:
                raise DuijieError(
                    "import.organisation_missing",
                    "没有写明单位，也没有指定默认单位",
                    message_en="The row names no organisation, and none was given for such rows",
                )
            return found
        organisation = self._find_organisation(name, uscc)
        if organisation is None:
            if not name:
                raise DuijieError(
                    "import.organisation_unknown",
                    f"平台上没有统一社会信用代码为 {uscc} 的单位，请补充单位名称",
                    message_en=f"No organisation has the code {uscc}; please add its name",
                )
            organisation = Organisation(
                kind="enterprise" if isinstance(record, NeedRecord) else told_kind(name),
                name=name,
                name_key=name_key(name),
                uscc=uscc,
                region_code=record.region_code or self._region_code,
                town=None if isinstance(record, ExpertRecord) else record.town,
                intro="",
                industry_codes=[],
                language="zh",
                approved=True,
                source=self._source,
                created_at=self._now,
                updated_at=self._now,
            )
            self.uow.session.add(organisation)
            self.uow.session.flush()
            self.organisations_added += 1
        return organisation

    def _find_organisation(self, name: str | None, uscc: str | None) -> Organisation | None:
        """By code, else by the name itself; a merely similar name is another organisation until the staff say so."""
        if uscc:
            found = self.uow.session.scalar(select(Organisation).where(Organisation.uscc == uscc))
            if found is not None:
                return found
        if not name:
            return None
        candidates: Sequence[Organisation] = self.uow.session.scalars(
            select(Organisation).where(Organisation.name_key == name_key(name)).order_by(Organisation.created_at)
        ).all()
        same = re.sub(r"\s+", "", name).casefold()
        for candidate in candidates:
            if re.sub(r"\s+", "", candidate.name).casefold() == same and not (
                uscc and candidate.uscc and candidate.uscc != uscc
            ):
                return candidate
        return None


def told_kind(name: str) -> str:
    """The kind of organisation that a name says it is."""
    lowered = name.casefold()
    if re.search(r"公司|集团|厂$|\b(ltd|inc|co)\b", lowered):
        return "enterprise"
    if re.search(r"大学|学院|学校|university|college", lowered):
        return "university"
    if re.search(r"研究|科学院|实验室|院$|所$|institute|laboratory", lowered):
        return "institute"
    if re.search(r"局$|委员会|政府|中心$", lowered):
        return "government" if re.search(r"局$|委员会|政府", lowered) else "intermediary"
    return "enterprise"


def _post_fields(record: NeedRecord | CapabilityRecord, organisation_id: str, source: str) -> PostFields:
    contact = {
        "name": record.contact_name or "",
        "phone": "、".join(record.contact_phones),
        "email": next(iter(record.contact_emails), ""),
    }
    common = {
        "title": record.title,
        "organisation_id": organisation_id,
        "keywords": record.keywords[:5],
        "industry_codes": record.industry_codes,
        "domain": record.domain,
        "town": record.town,
        "region_code": record.region_code,
        "language": record.language,
        "cooperation_modes": record.cooperation_modes,
        "visibility": record.visibility or "public",
        "contact": contact,
        "external_id": record.natural_key,
        "source": source,
    }
    if isinstance(record, NeedRecord):
        return NeedFields(
            problem=record.problem,
            indicators=record.indicators,
            expected_result=record.expected_result,
            starts_on=record.starts_on,
            ends_on=record.ends_on,
            ip_arrangement=record.ip_arrangement,
            preferred_partners=record.preferred_partners,
            money=record.budget,
            **common,  # type: ignore[arg-type]
        )
    return CapabilityFields(
        kind=record.kind or "achievement",
        abstract=record.abstract,
        advantages=record.advantages,
        applications=record.applications,
        maturity=record.maturity,
        ip_status=record.ip_status,
        ip_type=record.ip_type,
        ip_number=record.ip_number,
        discipline=record.discipline,
        ipc=record.ipc,
        money=record.price,
        **common,  # type: ignore[arg-type]
    )


def _keep_spelling(entered: dict[str, str], known: dict[str, str]) -> dict[str, str]:
    """Reading a file takes separators out of phone numbers; the same number is no change."""
    phone = known.get("phone", "")
    if phone and re.sub(r"[\s\-]+", "", phone) == re.sub(r"[\s\-]+", "", entered.get("phone", "")):
        return {**entered, "phone": phone}
    return entered


def _state(post: Post) -> tuple[object, ...]:
    return (post.to_document(), dict(post.contact), post.visibility, post.title)


def _organisation_state(organisation: Organisation) -> tuple[object, ...]:
    names = ("kind", "name_en", "uscc", "region_code", "town", "website", "intro", "stage", "industry_codes")
    return tuple(getattr(organisation, name) for name in names)


def _expert_state(expert: Expert) -> tuple[object, ...]:
    names = ("name_en", "title", "fields", "intro", "email", "phone", "region_code")
    return tuple(getattr(expert, name) for name in names)

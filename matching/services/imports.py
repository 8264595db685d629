"""Imports: what a file brings becomes organisations, experts and posts. A second import of a row changes nothing."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import bindparam, or_, select
from sqlalchemy.orm import Session, selectinload

from matching.bootstrap import Platform
from matching.errors import DuijieError, NotAllowed
from matching.importing.fields import RecordKind
from matching.importing.kept import keep_beside
from matching.importing.places import Finding
from matching.importing.records import (
    AnyRecord,
    CapabilityRecord,
    ExpertRecord,
    ImportReading,
    NeedRecord,
    OrganisationRecord,
    RowReading,
    fold_name,
)
from matching.importing.vocabularies import Vocabularies, VocabularyTerm
from matching.models import Affiliation, Capability, ErasedPerson, Expert, Need, Organisation, Post, Region
from matching.models import VocabularyTerm as TermRow
from matching.models.base import new_id
from matching.policy import Audience
from matching.queries.posts import audience_for
from matching.services.actor import Actor
from matching.services.duplicates import find_alike, keep_first_fingerprint
from matching.services.lifecycle import EDITABLE, next_status
from matching.services.organisations import name_key
from matching.services.posts import (
    CapabilityFields,
    NeedFields,
    PostFields,
    apply_fields,
    publish_directly,
    submit_directly,
)
from matching.services.revisions import OF_CAPABILITY, OF_NEED, keep_revision, snapshot
from matching.store.outbox import POST_CHANGED
from matching.store.unit_of_work import UnitOfWork

ROWS_PER_COMMIT = 200

SELF = "self"
"""The source of a field that the person themselves entered, in `Expert.field_sources`."""

OnProgress = Callable[[int, int], None]

Outcome = Literal["added", "changed", "unchanged", "refused"]

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
    alike: list[RowReading] = field(default_factory=list)
    """Rows that became posts although one that says nearly the same was there; each names it in its last finding."""
    organisations_added: int = 0


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """What became of one row: `number` is its place in the reading, from 1; `row` carries the reason of a refusal, and
    a warning found only when it was put in."""

    number: int
    outcome: Outcome
    row: RowReading


OnBatch = Callable[[UnitOfWork, Sequence[RowOutcome], int], None]
"""Called with the rows of a batch and the organisations added, before the batch is committed and in its transaction."""


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
    done: int = 0,
    on_progress: OnProgress | None = None,
    on_batch: OnBatch | None = None,
) -> ImportReport:
    """Put the accepted rows into the database, ROWS_PER_COMMIT at a time.

    `region_code` is for organisations that the rows name and that are not known yet; `organisation_id` for posts and
    experts whose row names none. The actor's rights are those it has on the pages: members write for their own
    organisations, the staff for those of its region. A row that the rules refuse is in the report with its reason and
    loses nothing. What a row is silent about stays as it is known.

    With `publish` new posts are published, or submitted where the staff reviews first. With `dry_run` everything is
    done and rolled back. The first `done` accepted rows are passed over: a former call put them in.
    """
    report = ImportReport(refused=list(reading.refused))
    rows = [(number, row) for number, row in enumerate(reading.rows, start=1) if row.record is not None]
    for start in range(done, len(rows), ROWS_PER_COMMIT):
        with platform.unit_of_work() as uow:
            importer = _Importer(platform, uow, actor, now, region_code, organisation_id, publish, reading.file)
            batch = rows[start : start + ROWS_PER_COMMIT]
            importer.find_known([row.record for _, row in batch if row.record is not None])
            outcomes = [_import_row(importer, number, row, report) for number, row in batch]
            report.organisations_added += importer.organisations_added
            if dry_run:
                uow.session.rollback()
            else:
                if on_batch:
                    on_batch(uow, outcomes, importer.organisations_added)
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


def _import_row(importer: _Importer, number: int, row: RowReading, report: ImportReport) -> RowOutcome:
    assert row.record is not None
    try:
        with importer.uow.session.begin_nested():
            outcome = importer.put(row.record)
    except DuijieError as error:
        importer.forget_found()
        finding = Finding(code=error.code, zh=error.message, en=error.message_en, place=row.place)
        refused = replace(row, status="refused", record=None, findings=(*row.findings, finding))
        report.refused.append(refused)
        return RowOutcome(number, "refused", refused)
    setattr(report, outcome, getattr(report, outcome) + 1)
    if warning := importer.find_alike_to_added(row):
        row = replace(row, status="warned", findings=(*row.findings, warning))
        report.alike.append(row)
    return RowOutcome(number, outcome, row)


# Kept, since each row may ask them.
_BY_USCC = select(Organisation).where(Organisation.uscc == bindparam("uscc"))
_BY_NAME = (
    select(Organisation)
    .where(Organisation.name_key == bindparam("key"))
    .order_by(Organisation.merged_into_id.is_not(None), Organisation.created_at)
)
_MOST_COMPARED = 6
"""Posts that a row is compared with: tables are full of rows that share half of their text with hundreds of others."""


class _Importer:
    """Puts records of one batch."""

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
        self._settings = platform.rules(uow.session).settings
        self._actor = actor
        self._now = now
        self._region_code = region_code
        self._organisation_id = organisation_id
        self._publish = publish
        self._source = f"导入：{file}"[:200]
        self._organisations: dict[tuple[str | None, str | None], Organisation] = {}
        self._posts: dict[tuple[str, str | None], Post] = {}
        self._experts: dict[str, Expert] = {}
        self._some_erased = False
        self._added: Post | None = None
        self._audience: Audience | None = None

    def find_alike_to_added(self, row: RowReading) -> Finding | None:
        """Which post the one just added says again, as far as the actor may see it; rows of the same file included."""
        post, self._added = self._added, None
        if post is None:
            return None
        session = self.uow.session
        session.flush()
        self._audience = self._audience or audience_for(session, self._actor)
        document = post.to_document()
        alike = find_alike(session, document, self._audience, self._now, limit=1, compared=_MOST_COMPARED)
        keep_first_fingerprint(session, post, document)
        if not alike:
            return None
        other, share = alike[0].post, round(alike[0].shared * 100)
        return Finding(
            code="import.duplicate",
            zh=f"与已有信息“{other.title}”有 {share} % 的文字相同，可能重复",
            en=f"{share} % of the text is that of “{other.title}”; it may be a duplicate",
            place=row.place,
        )

    def find_known(self, records: Sequence[AnyRecord]) -> None:
        """Load at once what the batch's rows may already be."""
        keys = [record.natural_key for record in records]
        ids = [record.external_id for record in records if record.external_id]
        session = self.uow.session
        if isinstance(records[0], ExpertRecord):
            self._some_erased = session.scalar(select(ErasedPerson.key_hash).limit(1)) is not None
            experts = session.scalars(
                select(Expert)
                .where(or_(Expert.external_id.in_(keys), Expert.id.in_(ids)))
                .options(selectinload(Expert.affiliations))
            )
            for expert in experts:
                self._experts |= {key: expert for key in (expert.external_id, expert.id) if key}
        elif not isinstance(records[0], OrganisationRecord):
            side = "need" if isinstance(records[0], NeedRecord) else "capability"
            # Our own exports carry our ids.
            for post in session.scalars(
                select(Post).where(Post.side == side, or_(Post.external_id.in_(keys), Post.id.in_(ids)))
            ):
                self._note_post(post)

    def forget_found(self) -> None:
        """A row was rolled back: organisations that it added are gone."""
        self._organisations.clear()
        self._added = None

    def _note_post(self, post: Post) -> None:
        self._posts[post.organisation_id, post.external_id] = post
        self._posts[post.organisation_id, post.id] = post

    @property
    def _is_member(self) -> bool:
        """Whether the actor only writes for its own organisations."""
        return not self._actor.is_administrator and self._actor.region_scope is None

    def put(self, record: AnyRecord) -> Outcome:
        """Raises DuijieError for a row that the rules refuse."""
        if isinstance(record, OrganisationRecord):
            return self._put_organisation(record)
        if isinstance(record, ExpertRecord):
            return self._put_expert(record)
        return self._put_post(record)

    def _put_post(self, record: NeedRecord | CapabilityRecord) -> Outcome:
        organisation = self._organisation_for(record.organisation_name, record.uscc, record)
        side = "need" if isinstance(record, NeedRecord) else "capability"
        kind: RecordKind = "needs" if side == "need" else "capabilities"
        entered = _post_fields(record, organisation.id, self._source)
        post = self._posts.get((organisation.id, record.natural_key)) or self._posts.get(
            (organisation.id, record.external_id or "")
        )
        if post is None:
            post = Need() if side == "need" else Capability()
            post.id = new_id()
            post.status = "draft"
            post.author_id = self._actor.user_id
            post.created_at = post.updated_at = self._now
            apply_fields(self.uow, post, _complete(entered))
            post.extra = keep_beside(kind, record)
            self.uow.session.add(post)
            if self._publish:
                if self._settings.review_before_publication and not self._actor.is_staff_for(post.region_code):
                    submit_directly(self.uow, self._actor, post, self._now)
                else:
                    publish_directly(self.uow, self._actor, post, self._now, self._settings)
            self._added = post
            return "added"
        before, extra, version = snapshot(post), dict(post.extra), post.version
        apply_fields(self.uow, post, _with_known(entered, post))
        kept = keep_beside(kind, record, extra)
        if kept != extra:
            post.extra = kept
        changed = snapshot(post) != before
        if not changed and kept == extra:
            # Nothing is written, not even the change of a list's identity: the version stays.
            self.uow.session.expire(post)
            return "unchanged"
        if post.status not in EDITABLE:
            next_status(post.status, "submit")  # names the state in its error
        if post.status != "draft":
            keep_revision(self.uow, self._actor, post, before, version, self._now)
        post.updated_at = self._now
        self.uow.owe(POST_CHANGED, post.id, self._now)
        self.uow.session.flush()
        return "changed"

    def _put_organisation(self, record: OrganisationRecord) -> Outcome:
        known = self._find_organisation(record.name, record.uscc)
        if known is None and self._is_member:
            raise _not_yours(record.name)
        organisation = known or Organisation(
            kind=record.kind or told_kind(record.name), name=record.name, name_key=name_key(record.name),
            region_code=self._region_code, approved=True, created_at=self._now, updated_at=self._now, extra={},
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
        organisation.extra = keep_beside("organisations", record, organisation.extra)
        if known is None:
            organisation.source = self._source
            self.uow.session.add(organisation)
            self.uow.session.flush()
            return "added"
        if _organisation_state(organisation) == before:
            self.uow.session.expire(organisation)
            return "unchanged"
        self._require_writer(known)
        organisation.updated_at = self._now
        self.uow.session.flush()
        return "changed"

    def _put_expert(self, record: ExpertRecord) -> Outcome:
        organisation = (
            self._organisation_for(record.organisation_name, record.uscc, record)
            if record.organisation_name or record.uscc or self._organisation_id
            else None
        )
        if organisation is None and self._is_member:
            raise _organisation_missing()
        self._refuse_erased(record)
        expert = self._experts.get(record.natural_key) or self._experts.get(record.external_id or "")
        known = expert is not None
        if expert is None:
            expert = Expert(
                external_id=record.natural_key, name=record.name, created_at=self._now, updated_at=self._now,
                field_sources={}, extra={},
            )  # fmt: skip
            if organisation is not None:
                expert.affiliations = [Affiliation(organisation_id=organisation.id, relation="employed")]
        before = _expert_state(expert)
        brought = {
            "name_en": record.name_en,
            "title": record.title or record.position,
            "fields": list(record.fields),
            "intro": record.intro,
            "email": next(iter(record.contact_emails), None),
            "phone": next(iter(record.contact_phones), None),
        }
        for name, value in brought.items():
            # What the person themselves corrected or took out stays as they want it.
            if value and expert.field_sources.get(name, {}).get("source") != SELF:
                setattr(expert, name, value)
        expert.fields = expert.fields or []
        expert.intro = expert.intro or ""
        expert.region_code = (
            record.region_code
            or expert.region_code
            or (organisation.region_code if organisation else self._region_code)
        )
        expert.language = expert.language or record.language
        expert.extra = keep_beside("experts", record, expert.extra)
        if not known:
            expert.source = self._source
            self.uow.session.add(expert)
            self.uow.session.flush()
            return "added"
        after = _expert_state(expert)
        if after == before:
            self.uow.session.expire(expert)
            return "unchanged"
        self._require_keeper(expert)
        changed = [name for name in brought if getattr(expert, name) != before[EXPERT_FIELDS.index(name)]]
        expert.field_sources = {
            **expert.field_sources,
            **{name: {"source": self._source, "at": self._now.isoformat()} for name in changed},
        }
        expert.updated_at = self._now
        self.uow.session.flush()
        return "changed"

    def _require_writer(self, organisation: Organisation) -> None:
        """Raises NotAllowed unless the actor writes for the organisation or is staff of its region."""
        if self._actor.may_edit_for(organisation.id) or self._actor.is_staff_for(organisation.region_code):
            return
        raise _not_yours(organisation.name)

    def _require_keeper(self, expert: Expert) -> None:
        """Raises NotAllowed unless the actor keeps the entries of one of the expert's organisations."""
        if self._actor.is_staff_for(expert.region_code):
            return
        places = [self.uow.session.get(Organisation, one.organisation_id) for one in expert.affiliations]
        for place in places:
            if place is not None and (
                self._actor.may_edit_for(place.id) or self._actor.is_staff_for(place.region_code)
            ):
                return
        raise NotAllowed(
            "import.not_your_expert",
            f"平台上已有这位专家（{expert.name}），不属于您可以维护的单位，没有更改",
            message_en=f"This expert ({expert.name}) is known and not of an organisation you keep; nothing was changed",
        )

    def _refuse_erased(self, record: ExpertRecord) -> None:
        if not self._some_erased:
            return
        hashes = erasure_hashes(record.name, record.organisation_name, record.contact_emails, record.natural_key)
        if self.uow.session.scalar(select(ErasedPerson.key_hash).where(ErasedPerson.key_hash.in_(hashes)).limit(1)):
            raise NotAllowed(
                "import.erased",
                "本人已要求删除其信息，不能再次导入",
                message_en="This person had their data deleted; it must not be imported again",
            )

    def _organisation_for(
        self, name: str | None, uscc: str | None, record: NeedRecord | CapabilityRecord | ExpertRecord
    ) -> Organisation:
        if not name and not uscc:
            found = self.uow.session.get(Organisation, self._organisation_id) if self._organisation_id else None
            if found is None:
                raise _organisation_missing()
            return found
        organisation = self._find_organisation(name, uscc)
        if organisation is None and self._is_member:
            organisation = self._own_department(name)
        if organisation is not None:
            if not isinstance(record, ExpertRecord) or self._is_member:
                self._require_writer(organisation)
            return organisation
        if self._is_member:
            raise _not_yours(name or uscc or "")
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
            extra={},
            created_at=self._now,
            updated_at=self._now,
        )
        self.uow.session.add(organisation)
        self.uow.session.flush()
        self.organisations_added += 1
        return organisation

    def _own_department(self, name: str | None) -> Organisation | None:
        """The actor's default organisation where the row names a part of it, such as 示例大学材料学院."""
        own = self.uow.session.get(Organisation, self._organisation_id) if self._organisation_id else None
        if own is None or not name or not fold_name(name).startswith(fold_name(own.name)):
            return None
        return own

    def _find_organisation(self, name: str | None, uscc: str | None) -> Organisation | None:
        """By code, else by the name itself; a merely similar name is another organisation until the staff say so."""
        found = self._organisations.get((name, uscc)) or self._look_for_organisation(name, uscc)
        if found is not None:
            self._organisations[name, uscc] = found
        return found

    def _look_for_organisation(self, name: str | None, uscc: str | None) -> Organisation | None:
        if uscc:
            found = self.uow.session.scalar(_BY_USCC, {"uscc": uscc})
            if found is not None:
                return self._present(found)
        if not name:
            return None
        candidates: Sequence[Organisation] = self.uow.session.scalars(_BY_NAME, {"key": name_key(name)}).all()
        same = re.sub(r"\s+", "", name).casefold()
        for candidate in candidates:
            if re.sub(r"\s+", "", candidate.name).casefold() == same and not (
                uscc and candidate.uscc and candidate.uscc != uscc
            ):
                return self._present(candidate)
        return None

    def _present(self, organisation: Organisation) -> Organisation:
        """The organisation that this one was merged into, if it was."""
        for _ in range(10):
            if organisation.merged_into_id is None:
                break
            into = self.uow.session.get(Organisation, organisation.merged_into_id)
            if into is None:
                break
            organisation = into
        return organisation


def _organisation_missing() -> DuijieError:
    return DuijieError(
        "import.organisation_missing",
        "没有写明单位，也没有指定默认单位",
        message_en="The row names no organisation, and none was given for such rows",
    )


def _not_yours(name: str) -> NotAllowed:
    return NotAllowed(
        "import.not_your_organisation",
        f"您不能以“{name}”的名义导入：不是您可以维护的单位",
        message_en=f'You do not write for "{name}"',
    )


def erasure_hashes(name: str, organisation_name: str | None, emails: Sequence[str], natural_key: str) -> list[str]:
    """By what an erased person would be recognised in a file: key, name with organisation, e-mail; all as hashes."""
    parts = [f"key {natural_key}", *(f"mail {email.strip().lower()}" for email in emails if email.strip())]
    if organisation_name:
        parts.append(f"at {fold_name(name)} {name_key(organisation_name)}")
    return [hashlib.sha256(part.encode()).hexdigest() for part in parts]


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
        "visibility": record.visibility or "",
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
        kind=record.kind or "",
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


def _complete(entered: PostFields) -> PostFields:
    """A new post's fields with what nobody said."""
    entered = replace(entered, visibility=entered.visibility or "public")
    if isinstance(entered, CapabilityFields):
        entered = replace(entered, kind=entered.kind or "achievement")
    return entered


def _with_known(entered: PostFields, post: Post) -> PostFields:
    """What the row says, and where it is silent what is known."""
    known: dict[str, Any] = {
        "keywords": tuple(post.keywords),
        "industry_codes": post.codes("industry"),
        "cooperation_modes": post.codes("cooperation_mode"),
        "money": post.money,
        "external_id": post.external_id,
        "source": post.source,
        "region_code": post.region_code,
        **{name: getattr(post, name) for name in ("domain", "town", "language", "visibility")},
        **{name: getattr(post, name) for name in (OF_NEED if isinstance(post, Need) else OF_CAPABILITY)},
    }
    if isinstance(post, Need):
        known["indicators"] = tuple(post.indicators)
    else:
        assert isinstance(post, Capability)
        known["expert_ids"] = tuple(expert.id for expert in post.experts)
    changes = {name: value for name, value in known.items() if not getattr(entered, name)}
    contact = _keep_spelling(entered.contact, post.contact) if any(entered.contact.values()) else dict(post.contact)
    # Its identity stays that of the first file, and where it came from is where it came from first.
    identity = {"external_id": post.external_id, "source": post.source}
    return replace(entered, **{**changes, **identity, "contact": contact})


EXPERT_FIELDS = ("name_en", "title", "fields", "intro", "email", "phone", "region_code", "extra")


def _organisation_state(organisation: Organisation) -> tuple[object, ...]:
    names = ("kind", "name_en", "uscc", "region_code", "town", "website", "intro", "stage", "industry_codes", "extra")
    return tuple(_copied(getattr(organisation, name)) for name in names)


def _expert_state(expert: Expert) -> tuple[object, ...]:
    return tuple(_copied(getattr(expert, name)) for name in EXPERT_FIELDS)


def _copied(value: object) -> object:
    if isinstance(value, list):
        return list(value)
    return dict(value) if isinstance(value, dict) else value

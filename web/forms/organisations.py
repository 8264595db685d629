"""The forms of an organisation's and an expert's page."""

from __future__ import annotations

import re
from collections.abc import Sequence

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import HiddenField, SelectField, StringField, TextAreaField

from matching.errors import InvalidInput
from matching.models import Expert, Organisation, Region
from matching.queries.vocabularies import Vocabularies
from matching.services.experts import ExpertEntry
from matching.services.organisations import ProfileFields
from web.forms.posts import CheckboxesField
from web.languages import label_of

_SEPARATORS = re.compile(r"[,，、;；\n\r\t]+")


class VersionedForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF has no types
    """A form of a stored row: knows which version it was opened with."""

    version = HiddenField()

    def expected(self) -> int | None:
        """The version the form was opened with."""
        data = self.version.data or ""
        return int(data) if data.isdecimal() and len(data) < 10 else None

    def attach(self, error: InvalidInput, text: str) -> None:
        """Put a service's complaint at the field it names."""
        if error.where in self:
            self[error.where].errors = [*self[error.where].errors, text]
        else:
            self.form_errors.append(text)


class OrganisationForm(VersionedForm):
    """An organisation's profile."""

    name = StringField(_l("单位全称"))
    name_en = StringField(_l("英文名称"))
    uscc = StringField(_l("统一社会信用代码"))
    kind = SelectField(_l("单位类型"), validate_choice=False)
    region_code = SelectField(_l("行政区划"), validate_choice=False)
    town = SelectField(_l("镇街"), validate_choice=False)
    stage = SelectField(_l("企业阶段"), validate_choice=False)
    industry_codes = CheckboxesField(_l("行业"))
    website = StringField(_l("网址"))
    address = StringField(_l("通讯地址"))
    intro = TextAreaField(_l("简介"))

    def offer(
        self, vocabularies: Vocabularies, regions: Sequence[Region], organisation: Organisation, *, staff: bool
    ) -> None:
        """Fill the choices; what the organisation has stays on them."""

        def choices(vocabulary: str, present: str | None) -> list[tuple[str, str]]:
            found = [("", "—"), *((term.code, label_of(term)) for term in vocabularies.active(vocabulary))]
            if present and present not in {code for code, _ in found}:
                found.append((present, label_of(vocabularies.find(vocabulary, present)) or present))
            return found

        self.town.choices = choices("town", organisation.town)
        self.stage.choices = choices("organisation_stage", organisation.stage)
        self.kind.choices = choices("organisation_kind", organisation.kind)[1:]
        self.region_code.choices = [(region.code, f"{label_of(region)} {region.code}") for region in regions]
        if organisation.region_code not in {region.code for region in regions}:
            self.region_code.choices.append((organisation.region_code, organisation.region_code))
        codes = {term.code: f"{term.code} {label_of(term)}" for term in vocabularies.active("industry")}
        codes |= {code: code for code in organisation.industry_codes if code not in codes}
        self.industry_codes.choices = list(codes.items())

    def show(self, organisation: Organisation) -> None:
        """Fill in what is stored."""
        for name in ("name", "name_en", "uscc", "kind", "region_code", "town", "stage", "website", "intro"):
            self[name].data = getattr(organisation, name) or ""
        self.industry_codes.data = list(organisation.industry_codes)
        self.address.data = organisation.extra.get("fields", {}).get("address", "")
        self.version.data = str(organisation.version)

    def to_fields(self, organisation: Organisation, *, staff: bool) -> ProfileFields:
        """What the service takes. A code that was not offered is none; what the form did not ask stays."""

        def chosen(field: SelectField) -> str | None:
            offered = {choice[0] for choice in field.choices or ()}
            return field.data if field.data and field.data in offered else None

        return ProfileFields(
            name=self.name.data or "",
            name_en=self.name_en.data or None,
            uscc=self.uscc.data or None,
            town=chosen(self.town),
            intro=self.intro.data or "",
            stage=chosen(self.stage) if organisation.kind == "enterprise" else organisation.stage,
            website=self.website.data or None,
            industry_codes=tuple(self.industry_codes.data or ()),
            address=self.address.data or None,
            kind=chosen(self.kind) if staff else None,
            region_code=chosen(self.region_code) if staff else None,
        )


class ExpertForm(VersionedForm):
    """An expert's entry."""

    name = StringField(_l("姓名"))
    name_en = StringField(_l("英文名"))
    title = StringField(_l("职称"))
    fields = StringField(_l("研究方向"))
    intro = TextAreaField(_l("简介"))
    email = StringField(_l("电子邮箱"))
    phone = StringField(_l("联系电话"))

    def show(self, expert: Expert) -> None:
        """Fill in what is stored."""
        for name in ("name", "name_en", "title", "intro", "email", "phone"):
            self[name].data = getattr(expert, name) or ""
        self["fields"].data = "，".join(expert.fields)
        self.version.data = str(expert.version)

    def to_entry(self) -> ExpertEntry:
        """What the service takes."""
        return ExpertEntry(
            name=self.name.data or "",
            name_en=self.name_en.data,
            title=self.title.data,
            fields=tuple(part for part in _SEPARATORS.split(self["fields"].data or "") if part.strip()),
            intro=self.intro.data or "",
            email=self.email.data,
            phone=self.phone.data,
        )

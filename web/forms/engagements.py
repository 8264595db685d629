"""What the two sides record of their terms, and how an engagement ends."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, SelectField, StringField, TextAreaField

from matching.errors import InvalidInput
from matching.models import Engagement
from matching.queries.vocabularies import Vocabularies
from matching.services.engagements import ContractTerms
from web.forms.posts import AmountField, DayField
from web.languages import in_language, label_of


class TermsForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF has no types
    """合同与条款."""

    version = HiddenField()
    contract_type = SelectField(_l("合同类型"), validate_choice=False)
    contract_amount = AmountField(_l("成交额（万元）"))
    technology_amount = AmountField(_l("其中技术交易额（万元）"))
    registration_number = StringField(_l("技术合同登记编号"))
    disputed = BooleanField(_l("登记有争议，期限较长"))
    signed_on = DayField(_l("签订日期"))
    starts_on = DayField(_l("履行开始"))
    ends_on = DayField(_l("履行结束"))
    benefit_terms = TextAreaField(_l("利益分配"))
    ip_arrangement = SelectField(_l("知识产权安排"), validate_choice=False)
    ip_terms = TextAreaField(_l("知识产权约定"))

    def offer(self, vocabularies: Vocabularies, engagement: Engagement) -> None:
        """Fill the choices; a code that the list no longer offers stays choosable where it was chosen."""
        for field, vocabulary, present in (
            (self.contract_type, "cooperation_mode", engagement.contract_type),
            (self.ip_arrangement, "ip_arrangement", engagement.ip_arrangement),
        ):
            choices = [(term.code, label_of(term)) for term in vocabularies.active(vocabulary)]
            if present and present not in dict(choices):
                choices.append((present, label_of(vocabularies.find(vocabulary, present)) or present))
            field.choices = [("", _("未选择")), *choices]

    def show(self, engagement: Engagement) -> None:
        """Fill the form from the row."""
        self.version.data = str(engagement.version)
        self.contract_type.data = engagement.contract_type or ""
        self.contract_amount.data = _plain(engagement.contract_amount)
        self.technology_amount.data = _plain(engagement.technology_amount)
        self.registration_number.data = engagement.registration_number or ""
        self.disputed.data = engagement.disputed
        self.signed_on.data = _day(engagement.signed_on)
        self.starts_on.data = _day(engagement.starts_on)
        self.ends_on.data = _day(engagement.ends_on)
        self.benefit_terms.data = engagement.benefit_terms
        self.ip_arrangement.data = engagement.ip_arrangement or ""
        self.ip_terms.data = engagement.ip_terms

    def expected_version(self) -> int | None:
        """The version that was on the page."""
        data = self.version.data or ""
        return int(data) if data.isascii() and data.isdigit() and len(data) < 12 else None

    def terms(self) -> ContractTerms:
        """As the service takes them; after `validate`."""
        return ContractTerms(
            contract_type=self.contract_type.data or None,
            contract_amount=self.contract_amount.amount,
            technology_amount=self.technology_amount.amount,
            registration_number=self.registration_number.data or "",
            disputed=bool(self.disputed.data),
            signed_on=self.signed_on.day,
            starts_on=self.starts_on.day,
            ends_on=self.ends_on.day,
            benefit_terms=self.benefit_terms.data or "",
            ip_arrangement=self.ip_arrangement.data or None,
            ip_terms=self.ip_terms.data or "",
        )

    def place(self, error: InvalidInput) -> None:
        """Put a service's complaint where it belongs on the form."""
        message = in_language(error.message, error.message_en)
        field = self._fields.get(error.where or "")
        if field is not None:
            field.errors = [*field.errors, message]
        else:
            self.form_errors.append(message)


def _plain(amount: Decimal | None) -> str:
    return "" if amount is None else f"{amount:f}"


def _day(day: date | None) -> str:
    return day.isoformat() if day is not None else ""

"""The need form and the capability form: entered text to `NeedFields` and `CapabilityFields`, and to a document while
it is being written.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    Field,
    HiddenField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import DataRequired, StopValidation, ValidationError
from wtforms.widgets import CheckboxInput, ListWidget

from matching.documents import CAPABILITY_KINDS, MoneyRange, PostDocument, Side
from matching.models import Capability, Expert, Need, Organisation, Post
from matching.queries.vocabularies import Vocabularies
from matching.services.posts import (
    MOST_INDICATORS,
    MOST_KEYWORDS,
    TEXT_LENGTH,
    TITLE_LENGTH,
    CapabilityFields,
    NeedFields,
    told_language,
)
from web.display import IP_STATUS_LABELS, IP_TYPE_LABELS, VISIBILITY_LABELS, capability_kind_label
from web.languages import label_of

_KEYWORD_LENGTH = 40
_LARGEST_AMOUNT = Decimal(10_000_000)
_WORD_ENDS = re.compile(r"[,，、;；\n\r\t]+")
_NOT_CHOSEN = ""


def split_keywords(text: str) -> tuple[str, ...]:
    """Keywords as typed: parted by commas of any kind, semicolons or line ends; blanks stay inside a keyword."""
    words = (" ".join(word.split()) for word in _WORD_ENDS.split(text))
    return tuple(dict.fromkeys(word for word in words if word))


def split_lines(text: str) -> tuple[str, ...]:
    """Lines that are not empty."""
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def parse_amount(text: str | None) -> Decimal | None:
    """An amount in 万元 as typed: full-width digits, thousands separators and the unit are understood.

    Raises ValueError for what is no amount, is negative, too large, or finer than a 分.
    """
    normal = unicodedata.normalize("NFKC", text or "").strip().replace(",", "").replace(" ", "")
    normal = normal.removesuffix("万元").removesuffix("万")
    if not normal:
        return None
    if not re.fullmatch(r"\d{1,12}(\.\d{1,12})?", normal):
        raise ValueError("no amount")
    try:
        amount = Decimal(normal)
    except InvalidOperation as error:  # pragma: no cover - the pattern above leaves none
        raise ValueError("no amount") from error
    if amount > _LARGEST_AMOUNT or (amount * 1_000_000) % 1:
        raise ValueError("out of range")
    return amount


class AmountField(StringField):
    """An amount in 万元; `amount` is exact, `data` stays as typed."""

    amount: Decimal | None = None

    def pre_validate(self, form: Any) -> None:
        """Read the amount, or say what is wrong with it."""
        try:
            self.amount = parse_amount(self.data)
        except ValueError:
            raise StopValidation(_("请填写 0 到 10000000 之间的数字（万元），例如 20 或 0.5")) from None


class DayField(StringField):
    """A day as the browser's date input sends it; `day` is the date, `data` stays as typed."""

    day: date | None = None

    @staticmethod
    def read(entered: str | None) -> date | None:
        """The day that was typed: 2026-11-25, 2026/11/25, 2026.11.25, 2026年11月25日; ValueError for anything else."""
        text = unicodedata.normalize("NFKC", entered or "").strip()
        if not text:
            return None
        found = re.fullmatch(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?", text)
        if found is None:
            raise ValueError("no day")
        return date(*map(int, found.groups()))

    def pre_validate(self, form: Any) -> None:
        """Read the day."""
        try:
            self.day = self.read(self.data)
        except ValueError:
            raise StopValidation(_("请填写日期，例如 2027-06-30")) from None


class CheckboxesField(SelectMultipleField):
    """Several of a list, each with a box of its own."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


def _longest(limit: int) -> Callable[[Any, Field], None]:
    def check(_form: Any, field: Field) -> None:
        length = len(field.data or "")
        if length > limit:
            raise ValidationError(_("不能超过 %(limit)s 字，现有 %(length)s 字", limit=limit, length=length))

    return check


def _refuse_null(_form: Any, field: Field) -> None:
    if "\x00" in (field.data or ""):
        raise ValidationError(_("文字里有无法保存的字符，请重新输入"))


_TEXT = [_longest(TEXT_LENGTH), _refuse_null]
_SHORT = [_longest(200), _refuse_null]


class PostForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF has no types
    """What both kinds of post are asked."""

    version = HiddenField()
    at = HiddenField()
    seen = HiddenField()
    organisation_id = SelectField(_l("发布单位"), validate_choice=False)
    title = StringField(_l("标题"), validators=[DataRequired(_l("请填写标题")), _longest(TITLE_LENGTH), _refuse_null])
    keywords = StringField(_l("关键词"), validators=[_refuse_null])
    domain = SelectField(_l("技术领域"), default=_NOT_CHOSEN)
    industry_codes = CheckboxesField(_l("行业"))
    town = SelectField(_l("镇街"), default=_NOT_CHOSEN)
    cooperation_modes = CheckboxesField(_l("合作方式"))
    money_minimum = AmountField(_l("最低"))
    money_maximum = AmountField(_l("最高"))
    money_negotiable = BooleanField(_l("可面议"))
    visibility = RadioField(_l("谁可以看到"), default="public")
    contact_name = StringField(_l("联系人"), validators=_SHORT)
    contact_phone = StringField(_l("电话"), validators=_SHORT)
    contact_email = StringField(_l("邮箱"), validators=_SHORT)

    side: Side

    def offer(
        self, vocabularies: Vocabularies, organisations: Sequence[Organisation], post: Post | None = None
    ) -> None:
        """Fill the choices. A code that the post has but the list no longer offers stays choosable, so that an edit
        does not lose it.
        """
        self._vocabularies = vocabularies
        self.organisation_id.choices = [(organisation.id, organisation.name) for organisation in organisations]
        self.domain.choices = self._choices("domain", [post.domain] if post else [])
        self.town.choices = self._choices("town", [post.town] if post else [])
        self.industry_codes.choices = self._choices(
            "industry", post.codes("industry") if post else [], with_empty=False, with_code=True
        )
        self.cooperation_modes.choices = self._choices(
            "cooperation_mode", post.codes("cooperation_mode") if post else [], with_empty=False
        )
        self.visibility.choices = [(value, label) for value, label in VISIBILITY_LABELS.items()]

    def _choices(
        self, vocabulary: str, present: Iterable[str | None], *, with_empty: bool = True, with_code: bool = False
    ) -> list[tuple[str, str]]:
        choices = [
            (term.code, f"{term.code} {label_of(term)}" if with_code else label_of(term))
            for term in self._vocabularies.active(vocabulary)
        ]
        offered = {code for code, _label in choices}
        choices += [
            (code, label_of(self._vocabularies.find(vocabulary, code)) or code)
            for code in present
            if code and code not in offered
        ]
        return [(_NOT_CHOSEN, _("未选择")), *choices] if with_empty else choices

    def validate_keywords(self, field: Field) -> None:
        """At most five, none of them a sentence."""
        words = split_keywords(field.data or "")
        if len(words) > MOST_KEYWORDS:
            raise ValidationError(_("关键词最多 %(most)s 个，现有 %(count)s 个", most=MOST_KEYWORDS, count=len(words)))
        if any(len(word) > _KEYWORD_LENGTH for word in words):
            raise ValidationError(_("每个关键词不超过 %(limit)s 字", limit=_KEYWORD_LENGTH))

    def validate_money_maximum(self, field: AmountField) -> None:
        """Not below the least."""
        low, high = self.money_minimum.amount, field.amount
        if low is not None and high is not None and low > high:
            raise ValidationError(_("最高金额小于最低金额"))

    def validate_contact_email(self, field: Field) -> None:
        """Looks like an address; whether it exists is not asked."""
        if field.data and field.data.strip() and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", field.data.strip()):
            raise ValidationError(_("邮箱地址不完整，例如 name@example.cn"))

    def money(self) -> MoneyRange | None:
        """The amounts, None where nothing was said."""
        low, high = self.money_minimum.amount, self.money_maximum.amount
        if low is None and high is None and not self.money_negotiable.data:
            return None
        return MoneyRange(minimum=low, maximum=high, negotiable=bool(self.money_negotiable.data))

    def read_loosely(self) -> None:
        """Read amounts and days of a text that is still being written; what is wrong counts as missing."""
        for field in self:
            if isinstance(field, (AmountField, DayField)):
                try:
                    field.pre_validate(self)
                except StopValidation:
                    continue

    def show(self, post: Post) -> None:
        """Fill the form from a stored post."""
        self.version.data = str(post.version)
        self.organisation_id.data = post.organisation_id
        self.title.data = post.title
        self.keywords.data = "，".join(post.keywords)
        self.domain.data = post.domain or _NOT_CHOSEN
        self.town.data = post.town or _NOT_CHOSEN
        self.industry_codes.data = list(post.codes("industry"))
        self.cooperation_modes.data = list(post.codes("cooperation_mode"))
        self.money_minimum.data = _plain(post.money_minimum)
        self.money_maximum.data = _plain(post.money_maximum)
        self.money_negotiable.data = post.money_negotiable
        self.visibility.data = post.visibility
        self.contact_name.data = post.contact.get("name", "")
        self.contact_phone.data = post.contact.get("phone", "")
        self.contact_email.data = post.contact.get("email", "")

    def expected_version(self) -> int | None:
        """The version that was edited, None on a new post."""
        data = self.version.data or ""
        return int(data) if data.isascii() and data.isdigit() and len(data) < 12 else None

    def _common(self, post: Post | None) -> dict[str, Any]:
        contact = dict(post.contact) if post is not None else {}
        contact |= {
            "name": (self.contact_name.data or "").strip(),
            "phone": (self.contact_phone.data or "").strip(),
            "email": (self.contact_email.data or "").strip(),
        }
        return {
            "title": self.title.data or "",
            "organisation_id": post.organisation_id if post is not None else (self.organisation_id.data or ""),
            "keywords": split_keywords(self.keywords.data or ""),
            "industry_codes": tuple(self.industry_codes.data or ()),
            "domain": self.domain.data or None,
            "town": self.town.data or None,
            "region_code": post.region_code if post is not None else None,
            "cooperation_modes": tuple(self.cooperation_modes.data or ()),
            "money": self.money(),
            "visibility": self.visibility.data or "public",
            "contact": contact,
        }

    def _document(self, post_id: str, organisation: Organisation | None, text: str, **more: Any) -> PostDocument:
        common = self._common(None)
        return PostDocument(
            id=post_id,
            side=self.side,
            title=" ".join(common["title"].split())[:TITLE_LENGTH],
            text=text[: 3 * TEXT_LENGTH],
            keywords=common["keywords"][:MOST_KEYWORDS],
            language=told_language(f"{common['title']}\n{text}"),
            industry_codes=common["industry_codes"],
            domain=common["domain"],
            cooperation_modes=common["cooperation_modes"],
            money=common["money"],
            organisation_id=organisation.id if organisation is not None else None,
            organisation_name=organisation.name if organisation is not None else None,
            region_code=organisation.region_code if organisation is not None else None,
            town=common["town"],
            **more,
        )


class NeedForm(PostForm):
    """技术需求."""

    side: Side = "need"

    problem = TextAreaField(_l("现状与问题"), validators=_TEXT)
    indicators = TextAreaField(_l("技术指标"), validators=_TEXT)
    expected_result = TextAreaField(_l("预期成果"), validators=_TEXT)
    starts_on = DayField(_l("开始"))
    ends_on = DayField(_l("期限"))
    ip_arrangement = SelectField(_l("知识产权与利益分配意愿"), default=_NOT_CHOSEN)
    preferred_partners = TextAreaField(_l("希望合作的单位或专家"), validators=_TEXT)

    def offer(
        self, vocabularies: Vocabularies, organisations: Sequence[Organisation], post: Post | None = None
    ) -> None:
        """Fill the choices."""
        super().offer(vocabularies, organisations, post)
        present = [post.ip_arrangement] if isinstance(post, Need) else []
        self.ip_arrangement.choices = self._choices("ip_arrangement", present)

    def validate_indicators(self, field: Field) -> None:
        """Not more lines than are kept."""
        count = len(split_lines(field.data or ""))
        if count > MOST_INDICATORS:
            raise ValidationError(_("技术指标最多 %(most)s 条，现有 %(count)s 条", most=MOST_INDICATORS, count=count))

    def validate_ends_on(self, field: DayField) -> None:
        """Not before the beginning."""
        if self.starts_on.day and field.day and field.day < self.starts_on.day:
            raise ValidationError(_("期限早于开始日期"))

    def show(self, post: Post) -> None:
        """Fill the form from a stored need."""
        super().show(post)
        assert isinstance(post, Need)
        self.problem.data = post.problem
        self.indicators.data = "\n".join(post.indicators)
        self.expected_result.data = post.expected_result
        self.starts_on.data = post.starts_on.isoformat() if post.starts_on else ""
        self.ends_on.data = post.ends_on.isoformat() if post.ends_on else ""
        self.ip_arrangement.data = post.ip_arrangement or _NOT_CHOSEN
        self.preferred_partners.data = post.preferred_partners

    def to_fields(self, post: Post | None = None) -> NeedFields:
        """What the services take."""
        return NeedFields(
            problem=self.problem.data or "",
            indicators=split_lines(self.indicators.data or ""),
            expected_result=self.expected_result.data or "",
            starts_on=self.starts_on.day,
            ends_on=self.ends_on.day,
            ip_arrangement=self.ip_arrangement.data or None,
            preferred_partners=self.preferred_partners.data or "",
            **self._common(post),
        )

    def to_document(self, post_id: str, organisation: Organisation | None) -> PostDocument:
        """What matching would see if it were saved now."""
        text = "\n".join(part.strip() for part in (self.problem.data, self.expected_result.data) if part)
        return self._document(
            post_id,
            organisation,
            text,
            indicators=split_lines(self.indicators.data or "")[:MOST_INDICATORS],
            starts_on=self.starts_on.day,
            ends_on=self.ends_on.day,
        )


class CapabilityForm(PostForm):
    """技术供给."""

    side: Side = "capability"
    own_expert_ids: Sequence[str] = ()

    kind = RadioField(_l("类型"), default="achievement")
    abstract = TextAreaField(_l("简介"), validators=_TEXT)
    advantages = TextAreaField(_l("优势与效益"), validators=_TEXT)
    applications = TextAreaField(_l("应用场景"), validators=_TEXT)
    maturity = SelectField(_l("成熟度"), default=_NOT_CHOSEN)
    ip_status = SelectField(_l("知识产权状态"), default=_NOT_CHOSEN)
    ip_type = SelectField(_l("知识产权类型"), default=_NOT_CHOSEN)
    ip_number = StringField(_l("专利号或登记号"), validators=[_longest(80), _refuse_null])
    discipline = SelectField(_l("学科"), default=_NOT_CHOSEN)
    ipc = StringField(_l("IPC 分类号"), validators=[_longest(80), _refuse_null])
    expert_ids = CheckboxesField(_l("专家"))

    def offer(
        self, vocabularies: Vocabularies, organisations: Sequence[Organisation], post: Post | None = None
    ) -> None:
        """Fill the choices, those of experts excepted: see `offer_experts`."""
        super().offer(vocabularies, organisations, post)
        stored = post if isinstance(post, Capability) else None
        self.kind.choices = [(kind, capability_kind_label(vocabularies, kind)) for kind in CAPABILITY_KINDS]
        levels = [(code, label) for code, label in self._choices("maturity_level", []) if code]
        self.maturity.choices = [(_NOT_CHOSEN, _("未评估")), *levels]
        self.ip_status.choices = _labelled(IP_STATUS_LABELS, stored.ip_status if stored else None)
        self.ip_type.choices = _labelled(IP_TYPE_LABELS, stored.ip_type if stored else None)
        self.discipline.choices = self._choices("discipline", [stored.discipline] if stored else [])

    def offer_experts(self, experts: Sequence[Expert]) -> None:
        """Who may be named as standing behind the capability."""
        self.expert_ids.choices = [(expert.id, expert.name) for expert in experts]

    def show(self, post: Post) -> None:
        """Fill the form from a stored capability."""
        super().show(post)
        assert isinstance(post, Capability)
        self.kind.data = post.kind
        self.abstract.data = post.abstract
        self.advantages.data = post.advantages
        self.applications.data = post.applications
        self.maturity.data = str(post.maturity) if post.maturity else _NOT_CHOSEN
        self.ip_status.data = post.ip_status or _NOT_CHOSEN
        self.ip_type.data = post.ip_type or _NOT_CHOSEN
        self.ip_number.data = post.ip_number or ""
        self.discipline.data = post.discipline or _NOT_CHOSEN
        self.ipc.data = post.ipc or ""
        self.expert_ids.data = [expert.id for expert in post.experts]

    def to_fields(self, post: Post | None = None) -> CapabilityFields:
        """What the services take."""
        return CapabilityFields(
            kind=self.kind.data or "achievement",
            abstract=self.abstract.data or "",
            advantages=self.advantages.data or "",
            applications=self.applications.data or "",
            maturity=self._maturity(),
            ip_status=self.ip_status.data or None,
            ip_type=self.ip_type.data or None,
            ip_number=(self.ip_number.data or "").strip() or None,
            discipline=self.discipline.data or None,
            ipc=(self.ipc.data or "").strip() or None,
            expert_ids=tuple(self.expert_ids.data or ()),
            **self._common(post),
        )

    def to_document(self, post_id: str, organisation: Organisation | None) -> PostDocument:
        """What matching would see if it were saved now."""
        parts = (self.abstract.data, self.advantages.data, self.applications.data)
        return self._document(
            post_id,
            organisation,
            "\n".join(part.strip() for part in parts if part),
            kind=self.kind.data if self.kind.data in CAPABILITY_KINDS else None,
            maturity=self._maturity(),
            discipline=self.discipline.data or None,
        )

    def _maturity(self) -> int | None:
        data = self.maturity.data or ""
        return int(data) if data in set("123456789") else None


def _plain(amount: Decimal | None) -> str:
    return "" if amount is None else f"{amount:f}"


def _labelled(labels: dict[str, Any], present: str | None) -> list[tuple[str, Any]]:
    choices: list[tuple[str, Any]] = [(_NOT_CHOSEN, _("未选择")), *labels.items()]
    if present and present not in labels:
        choices.append((present, present))
    return choices

"""The form of an event: entered text to `EventFields`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, RadioField, SelectField, SelectMultipleField, StringField, TextAreaField
from wtforms.validators import DataRequired, ValidationError

from matching.models import Event, Need, Region
from matching.queries.vocabularies import Vocabularies
from matching.services.events import EventFields
from web.forms.posts import DayField
from web.languages import label_of

MODE_LABELS: dict[str, Any] = {"onsite": _l("线下"), "online": _l("线上"), "mixed": _l("线上线下结合")}


class NumberField(StringField):
    """A whole number; `number` is it, `data` stays as typed. Empty is None."""

    number: int | None = None

    def pre_validate(self, form: Any) -> None:
        """Read it, or say that it is none."""
        text = (self.data or "").strip()
        if text and (not text.isdecimal() or len(text) > 6):
            raise ValidationError(_("请填写整数"))
        self.number = int(text) if text else None


class EventForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF has no types
    """对接会."""

    version = HiddenField()
    title = StringField(_l("名称"), validators=[DataRequired(_l("请填写名称"))])
    held_on = DayField(_l("日期"), validators=[DataRequired(_l("请填写日期"))])
    region_code = SelectField(_l("组织地区"), validate_choice=False)
    mode = RadioField(_l("举办方式"), default="onsite")
    venue = StringField(_l("地点"))
    online_address = StringField(_l("线上会议地址"))
    intro = TextAreaField(_l("介绍"))
    industry = SelectField(_l("行业"), default="", validate_choice=False)
    town = SelectField(_l("镇街"), default="", validate_choice=False)
    need_ids = SelectMultipleField(_l("指定需求"), validate_choice=False)
    rooms = TextAreaField(_l("房间与桌子"), default="10")
    sessions = TextAreaField(_l("场次"), default=lambda: _("上午 09:00-12:00\n下午 14:00-17:00"))
    breaks = TextAreaField(_l("休息"), default=lambda: _("茶歇 10:20-10:40"))
    slot_minutes = NumberField(_l("每场洽谈（分钟）"), default="20")
    gap_minutes = NumberField(_l("两场之间（分钟）"), default="0")
    most_break_difference = NumberField(_l("空档最多相差"))
    public = BooleanField(_l("公告后所有人可见"), default=True)

    def offer(self, vocabularies: Vocabularies, regions: Sequence[Region], needs: Sequence[Need]) -> None:
        """Fill the choices."""
        nothing = [("", _("不限"))]
        self.mode.choices = list(MODE_LABELS.items())
        self.region_code.choices = [(region.code, label_of(region)) for region in regions]
        self.industry.choices = nothing + [
            (term.code, f"{term.code} {label_of(term)}") for term in vocabularies.active("industry")
        ]
        self.town.choices = nothing + [(term.code, label_of(term)) for term in vocabularies.active("town")]
        self.need_ids.choices = [(need.id, need.title) for need in needs]

    def show(self, event: Event) -> None:
        """Fill the form from a stored event."""
        self.version.data = str(event.version)
        self.title.data = event.title
        self.held_on.data = event.held_on.isoformat()
        self.region_code.data = event.region_code
        self.mode.data = event.mode
        self.venue.data = event.venue
        self.online_address.data = event.online_address
        self.intro.data = event.intro
        self.industry.data = event.industry or ""
        self.town.data = event.town or ""
        self.need_ids.data = list(event.need_ids)
        plan = event.day_plan
        self.rooms.data = plan.get("rooms", "")
        self.sessions.data = plan.get("sessions", "")
        self.breaks.data = plan.get("breaks", "")
        self.slot_minutes.data = str(plan.get("slot_minutes", ""))
        self.gap_minutes.data = str(plan.get("gap_minutes", ""))
        difference = event.most_break_difference
        self.most_break_difference.data = "" if difference is None else str(difference)
        self.public.data = event.public

    def expected_version(self) -> int | None:
        """The version that was edited, None on a new event."""
        data = self.version.data or ""
        return int(data) if data.isascii() and data.isdigit() and len(data) < 12 else None

    def to_fields(self) -> EventFields:
        """What was entered; call after `validate`."""
        assert self.held_on.day is not None
        return EventFields(
            title=self.title.data or "",
            held_on=self.held_on.day,
            region_code=self.region_code.data or "",
            intro=self.intro.data or "",
            mode=self.mode.data or "",
            venue=self.venue.data or "",
            online_address=self.online_address.data or "",
            industry=self.industry.data or None,
            town=self.town.data or None,
            need_ids=tuple(self.need_ids.data or ()),
            rooms=self.rooms.data or "",
            sessions=self.sessions.data or "",
            breaks=self.breaks.data or "",
            slot_minutes=self.slot_minutes.number or 0,
            gap_minutes=self.gap_minutes.number or 0,
            most_break_difference=self.most_break_difference.number,
            public=bool(self.public.data),
        )

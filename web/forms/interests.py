"""The set questions of an interest, and the contact that is revealed when both sides agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import HiddenField, RadioField, SelectField, StringField, TextAreaField

from matching.errors import InvalidInput
from matching.models import Organisation, Post
from matching.models.interest import TIMINGS
from matching.services.interests import InterestEntry
from web.engagement_words import TIMING_LABELS
from web.languages import in_language


class ContactForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF has no types
    """How the other side reaches one's own."""

    contact_name = StringField(_l("联系人"))
    contact_phone = StringField(_l("电话"))
    contact_email = StringField(_l("邮箱"))

    def offer_contact(self, contact: Mapping[str, str]) -> None:
        """Fill in what is known, on a form that was not sent yet."""
        self.contact_name.data = contact.get("name", "")
        self.contact_phone.data = contact.get("phone", "")
        self.contact_email.data = contact.get("email", "")

    def contact(self) -> dict[str, str]:
        """As the services take it."""
        return {
            "name": self.contact_name.data or "",
            "phone": self.contact_phone.data or "",
            "email": self.contact_email.data or "",
        }

    def place(self, error: InvalidInput) -> None:
        """Put a service's complaint where it belongs on the form."""
        name = (error.where or "").replace(".", "_")
        message = in_language(error.message, error.message_en)
        if name in self._fields:
            field = self._fields[name]
            field.errors = [*field.errors, message]
        else:
            self.form_errors.append(message)


class InterestForm(ContactForm):
    """意向: on whose behalf, what for, when, and how to be reached."""

    suggestion = HiddenField()
    side = HiddenField()
    post = HiddenField()
    own_id = SelectField(_l("与您的哪条信息有关"), validate_choice=False)
    organisation_id = SelectField(_l("以哪个单位的名义"), validate_choice=False)
    aim = TextAreaField(_l("希望达成什么"))
    timing = RadioField(_l("希望何时开始"), validate_choice=False)

    def offer(self, own_posts: Sequence[Post], organisations: Sequence[Organisation]) -> None:
        """Fill the choices."""
        self.own_id.choices = [("", _("不针对某一条")), *((post.id, post.title) for post in own_posts)]
        self.organisation_id.choices = [(one.id, one.name) for one in organisations]
        self.timing.choices = [(code, TIMING_LABELS[code]) for code in TIMINGS]

    def entry(self) -> InterestEntry:
        """The answers as the service takes them."""
        return InterestEntry(aim=self.aim.data or "", timing=self.timing.data or "", contact=self.contact())

    def chosen(self) -> dict[str, Any]:
        """On whose behalf."""
        return {"own_id": self.own_id.data or None, "organisation_id": self.organisation_id.data or None}

"""Forms of registering, passwords, the second factor, members, notifications and channels."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    EmailField,
    PasswordField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import DataRequired, Length, ValidationError
from wtforms.widgets import CheckboxInput, ListWidget

from matching.errors import DuijieError
from web.languages import in_language

_TOO_LONG = _l("太长了")
_FIELDS = {"present": "present_password", "code": "one_time_code"}
"""Fields whose names on the pages say that their text is never kept from one page to the next."""


class AccountForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF has no types
    """A form whose wrong fields the services name."""

    def show(self, error: DuijieError) -> None:
        """Put a domain error at its field, or above the form where it names none."""
        message = in_language(error.message, error.message_en)
        field = self._fields.get(_FIELDS.get(error.where or "", error.where or ""))
        if field is None:
            self.form_errors.append(message)
        else:
            field.errors = [*field.errors, message]


class RegistrationForm(AccountForm):
    """What is asked of somebody who wants an account; see `matching.services.registrations`."""

    name = StringField(_l("姓名"), validators=[DataRequired(_l("请填写姓名")), Length(max=80, message=_TOO_LONG)])
    email = EmailField(_l("邮箱"), validators=[DataRequired(_l("请填写邮箱")), Length(max=200, message=_TOO_LONG)])
    title = StringField(_l("职务或职称"), validators=[Length(max=80, message=_TOO_LONG)])
    organisation_kind = RadioField(_l("单位类型"))
    organisation_name = StringField(
        _l("单位全称"), validators=[DataRequired(_l("请填写单位全称")), Length(max=200, message=_TOO_LONG)]
    )
    uscc = StringField(_l("统一社会信用代码"), validators=[Length(max=40, message=_TOO_LONG)])
    region_code = SelectField(_l("所在地区"), validators=[DataRequired(_l("请选择所在地区"))])
    town = SelectField(_l("镇街"), default="")
    note = TextAreaField(_l("给审核人员的说明"), validators=[Length(max=1000, message=_TOO_LONG)])
    agreed = BooleanField(_l("我已阅读并同意"), validators=[DataRequired(_l("请先阅读并勾选同意"))])


class NewPasswordForm(AccountForm):
    """A password, typed twice so that a slip is seen."""

    password = PasswordField(_l("新密码"), validators=[DataRequired(_l("请填写密码"))])
    password_again = PasswordField(_l("再输入一次"), validators=[DataRequired(_l("请再输入一次"))])

    def validate_password_again(self, field: Any) -> None:
        """Both must be the same."""
        if field.data != self.password.data:
            raise ValidationError(_("两次输入的密码不一样"))


class ChangePasswordForm(NewPasswordForm):
    """As above, with the present one."""

    present_password = PasswordField(_l("现在的密码"), validators=[DataRequired(_l("请填写现在的密码"))])


class JoinForm(NewPasswordForm):
    """Name and password of somebody who was invited."""

    name = StringField(_l("姓名"), validators=[DataRequired(_l("请填写姓名")), Length(max=80, message=_TOO_LONG)])


class ForgottenForm(AccountForm):
    """Whose password was forgotten."""

    email = EmailField(_l("邮箱"), validators=[DataRequired(_l("请填写邮箱")), Length(max=200, message=_TOO_LONG)])


class NewAddressForm(AccountForm):
    """The address that an account is to have."""

    email = EmailField(_l("新邮箱"), validators=[DataRequired(_l("请填写邮箱")), Length(max=200, message=_TOO_LONG)])
    present_password = PasswordField(_l("现在的密码"), validators=[DataRequired(_l("请填写现在的密码"))])


class CodeForm(AccountForm):
    """A code of the authenticator, or a recovery code."""

    one_time_code = StringField(
        _l("验证码"), validators=[DataRequired(_l("请填写验证码")), Length(max=40, message=_TOO_LONG)]
    )


class ProfileForm(AccountForm):
    """What an account says of itself."""

    name = StringField(_l("姓名"), validators=[DataRequired(_l("请填写姓名")), Length(max=80, message=_TOO_LONG)])
    locale = RadioField(_l("语言"), choices=[("zh", "中文"), ("en", "English")])


class InviteForm(AccountForm):
    """Who is invited, as what."""

    email = EmailField(
        _l("同事的邮箱"), validators=[DataRequired(_l("请填写邮箱")), Length(max=200, message=_TOO_LONG)]
    )
    role = RadioField(_l("可以做什么"), default="editor")


class GroupsField(SelectMultipleField):
    """Several groups of notifications, each with a box of its own."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class ChannelForm(AccountForm):
    """A group robot or a webhook."""

    kind = RadioField(_l("类型"), default="wecom")
    name = StringField(_l("名称"), validators=[DataRequired(_l("请填写名称")), Length(max=80, message=_TOO_LONG)])
    url = StringField(_l("地址"), validators=[DataRequired(_l("请填写地址")), Length(max=1000, message=_TOO_LONG)])
    secret = StringField(_l("签名密钥"), validators=[Length(max=200, message=_TOO_LONG)])
    groups = GroupsField(_l("发送哪些通知"))

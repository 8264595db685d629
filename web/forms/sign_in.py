"""The sign-in form."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import EmailField, PasswordField
from wtforms.validators import DataRequired, Length


class SignInForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF has no types
    """E-mail and password; which of the two was wrong is never said."""

    email = EmailField(_l("邮箱"), validators=[DataRequired(_l("请填写邮箱")), Length(max=200, message=_l("邮箱过长"))])
    password = PasswordField(
        _l("密码"), validators=[DataRequired(_l("请填写密码")), Length(max=200, message=_l("密码过长"))]
    )

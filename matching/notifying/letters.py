"""What mails say: each kind of letter in Chinese and English, as plain text and as plain HTML.

Letters are written when they are sent, in the reader's language then; their links are signed then, too, so that nothing
in the database opens an account.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any
from urllib.parse import quote

from matching.services.signed_links import sign
from matching.settings import Settings


@dataclass(frozen=True, slots=True)
class Action:
    """What the reader is asked to do, and where."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing of several: a line, further lines, and where it is."""

    title: str
    url: str
    lines: tuple[str, ...] = ()


Block = str | Action | Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A letter in one language."""

    subject: str
    blocks: tuple[Block, ...]
    language: str = "zh"
    footer: tuple[Block, ...] = field(default=())

    def text(self) -> str:
        """For mail programs that show text."""
        parts = [_block_text(block) for block in self.blocks]
        if self.footer:
            parts.append("-- \n" + "\n".join(_block_text(block) for block in self.footer))
        return "\n\n".join(parts) + "\n"

    def html(self) -> str:
        """Plain paragraphs and links; no picture, no style, nothing that is fetched."""
        body = "\n".join(_block_html(block) for block in self.blocks)
        footer = "\n".join(_block_html(block) for block in self.footer)
        language = "en" if self.language == "en" else "zh-CN"
        return (
            f'<!doctype html>\n<html lang="{language}"><head><meta charset="utf-8">'
            f"<title>{escape(self.subject)}</title></head>\n<body>\n{body}\n"
            f"{f'<hr>{footer}' if footer else ''}\n</body></html>\n"
        )


def _block_text(block: Block) -> str:
    if isinstance(block, Action):
        return f"{block.label}\n{block.url}"
    if isinstance(block, Entry):
        return "\n".join([f"· {block.title}", *(f"  {line}" for line in block.lines), f"  {block.url}"])
    return block


def _block_html(block: Block) -> str:
    if isinstance(block, Action):
        # The address is shown as well: some mail programs hide where a link leads.
        return f'<p><a href="{escape(block.url)}">{escape(block.label)}</a><br><small>{escape(block.url)}</small></p>'
    if isinstance(block, Entry):
        lines = "".join(f"<br>{escape(line)}" for line in block.lines)
        return f'<p><a href="{escape(block.url)}">{escape(block.title)}</a>{lines}</p>'
    return f"<p>{'<br>'.join(escape(line) for line in block.splitlines())}</p>"


def public_address(settings: Settings, path: str) -> str:
    """A path of the pages as an address that works from outside."""
    return settings.public_url.rstrip("/") + path


def link_address(settings: Settings, purpose: str, link_id: str) -> str:
    """The address of a link that works once."""
    return public_address(settings, f"/links/{purpose}/{quote(sign(settings, purpose, link_id))}")


def write_letter(kind: str, payload: Mapping[str, Any], language: str, settings: Settings) -> Letter:
    """The letter of that kind. Raises KeyError for a kind that is none."""
    written = _LETTERS[kind](payload, "en" if language == "en" else "zh", settings)
    return Letter(
        subject=written.subject,
        blocks=written.blocks,
        language=language,
        footer=(*written.footer, *_signature(language, settings)),
    )


def _signature(language: str, settings: Settings) -> Sequence[Block]:
    home = public_address(settings, "/")
    name = settings.mail_from_name
    return (
        (f"{name} {home}",)
        if not settings.mail_reply_to
        else (
            f"{name} {home}",
            f"This mail was sent by a program; answers go to {settings.mail_reply_to}."
            if language == "en"
            else f"本邮件由系统发出，回复会送到 {settings.mail_reply_to}。",
        )
    )


def _confirm_registration(payload: Mapping[str, Any], language: str, settings: Settings) -> Letter:
    """Says nothing of what was entered: otherwise anybody could have us mail their text to anybody."""
    url = link_address(settings, "confirm", payload["link_id"])
    if language == "en":
        return Letter(
            subject="Please confirm your e-mail address",
            blocks=(
                "Hello,",
                "somebody, probably you, asked for an account with this address. Please confirm that it is yours and "
                "choose a password. The office then checks the organisation and answers by mail.",
                Action("Confirm and choose a password (works once, within 48 hours)", url),
                "If it was not you, ignore this mail: without the confirmation nothing happens.",
            ),
        )
    return Letter(
        subject="请确认您的邮箱",
        blocks=(
            "您好：",
            "有人（应该是您）用这个邮箱申请账号。请确认邮箱是您的并设置密码，随后主管部门会核实单位并邮件答复。",
            Action("确认邮箱并设置密码（48 小时内有效，只能用一次）", url),
            "如果不是您本人申请，请不必理会：不确认就不会有任何改变。",
        ),
    )


def _already_registered(_payload: Mapping[str, Any], language: str, settings: Settings) -> Letter:
    sign_in = public_address(settings, "/sign-in")
    forgotten = public_address(settings, "/password/forgotten")
    if language == "en":
        return Letter(
            subject="You already have an account",
            blocks=(
                "Hello,",
                "somebody, probably you, asked for an account with this address. There is one already.",
                Action("Sign in", sign_in),
                Action("Forgotten the password?", forgotten),
                "If it was not you, you need do nothing; your account is unchanged.",
            ),
        )
    return Letter(
        subject="您已经有账号了",
        blocks=(
            "您好：",
            "有人（应该是您）用这个邮箱申请账号，而这个邮箱已经有账号。",
            Action("登录", sign_in),
            Action("忘记密码", forgotten),
            "如果不是您本人操作，不必理会，您的账号没有任何改变。",
        ),
    )


def _registration_waiting(_payload: Mapping[str, Any], language: str, _settings: Settings) -> Letter:
    if language == "en":
        return Letter(
            subject="Your registration is being checked",
            blocks=(
                "Hello,",
                "somebody, probably you, registered with this address again. Your first registration is still waiting "
                "for the office, which answers by mail; you need do nothing.",
            ),
        )
    return Letter(
        subject="您的注册申请正在审核",
        blocks=(
            "您好：",
            "有人（应该是您）用这个邮箱再次提交了注册申请。先前的申请还在等待主管部门审核，结果会邮件告知，不必重复提交。",
        ),
    )


def _registration_approved(payload: Mapping[str, Any], language: str, settings: Settings) -> Letter:
    url = public_address(settings, "/sign-in")
    if language == "en":
        return Letter(
            subject="Your account is ready",
            blocks=(
                f"Hello {payload['name']},",
                f"the office has approved your account for {payload['organisation']}. You may sign in with this "
                "address and the password you chose.",
                Action("Sign in", url),
            ),
        )
    return Letter(
        subject="您的账号已经开通",
        blocks=(
            f"{payload['name']}，您好：",
            f"主管部门已通过您为「{payload['organisation']}」提出的注册申请。现在可以用这个邮箱和您设的密码登录。",
            Action("登录", url),
        ),
    )


def _registration_refused(payload: Mapping[str, Any], language: str, settings: Settings) -> Letter:
    url = public_address(settings, "/register")
    if language == "en":
        return Letter(
            subject="Your registration was not approved",
            blocks=(
                f"Hello {payload['name']},",
                f"the office could not approve your registration for {payload['organisation']}:",
                payload["reason"],
                Action("Register again", url),
            ),
        )
    return Letter(
        subject="您的注册申请未通过",
        blocks=(
            f"{payload['name']}，您好：",
            f"主管部门未能通过您为「{payload['organisation']}」提出的注册申请，原因是：",
            payload["reason"],
            Action("修改后重新申请", url),
        ),
    )


def _reset_password(payload: Mapping[str, Any], language: str, settings: Settings) -> Letter:
    url = link_address(settings, "reset", payload["link_id"])
    if language == "en":
        return Letter(
            subject="Choose a new password",
            blocks=(
                "Hello,",
                "somebody, probably you, asked for a new password for this address.",
                Action("Choose a new password (works once, within one hour)", url),
                "If it was not you, ignore this mail: the password stays as it is.",
            ),
        )
    return Letter(
        subject="重设密码",
        blocks=(
            "您好：",
            "有人（应该是您）要重设这个邮箱对应账号的密码。",
            Action("重设密码（1 小时内有效，只能用一次）", url),
            "如果不是您本人操作，请不必理会：密码不会改变。",
        ),
    )


def _password_changed(_payload: Mapping[str, Any], language: str, settings: Settings) -> Letter:
    url = public_address(settings, "/password/forgotten")
    if language == "en":
        return Letter(
            subject="Your password was changed",
            blocks=(
                "Hello,",
                "the password of your account was just changed, and every other sign-in was ended.",
                "If it was not you, choose a new password at once and tell the office.",
                Action("Choose a new password", url),
            ),
        )
    return Letter(
        subject="您的密码已修改",
        blocks=(
            "您好：",
            "您账号的密码刚刚修改，其他设备上的登录都已结束。",
            "如果不是您本人操作，请立即重设密码并告知主管部门。",
            Action("重设密码", url),
        ),
    )


def _invitation(payload: Mapping[str, Any], language: str, settings: Settings) -> Letter:
    url = link_address(settings, "invite", payload["link_id"])
    if language == "en":
        return Letter(
            subject=f"{payload['organisation']} invites you",
            blocks=(
                "Hello,",
                f"{payload['inviter']} invites you to work for {payload['organisation']} on this platform.",
                Action("Accept the invitation (works once, within 14 days)", url),
                "If you do not know what this is about, ignore this mail.",
            ),
        )
    return Letter(
        subject=f"{payload['organisation']}邀请您加入",
        blocks=(
            "您好：",
            f"{payload['inviter']}邀请您在本平台加入「{payload['organisation']}」。",
            Action("接受邀请（14 天内有效，只能用一次）", url),
            "如果您不清楚此事，请不必理会。",
        ),
    )


def _message(payload: Mapping[str, Any], language: str, settings: Settings) -> Letter:
    other = "zh" if language == "en" else "en"

    def chosen(name: str) -> str:
        texts = payload[name]
        return str(texts.get(language) or texts.get(other) or "")

    blocks: list[Block] = [part for part in chosen("text").split("\n\n") if part.strip()]
    if payload.get("path"):
        label = chosen("label") if payload.get("label") else ("Open the page" if language == "en" else "打开页面")
        blocks.append(Action(label, public_address(settings, payload["path"])))
    return Letter(subject=chosen("subject"), blocks=tuple(blocks))


_LETTERS: Mapping[str, Callable[[Mapping[str, Any], str, Settings], Letter]] = {
    "confirm_registration": _confirm_registration,
    "already_registered": _already_registered,
    "registration_waiting": _registration_waiting,
    "registration_approved": _registration_approved,
    "registration_refused": _registration_refused,
    "reset_password": _reset_password,
    "password_changed": _password_changed,
    "invitation": _invitation,
    "message": _message,
}

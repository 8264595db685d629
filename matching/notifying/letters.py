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

from matching.notifying.texts import SHIPPED_TEXTS, TEXT_FORMS, Texts, link_of, put_in
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


def write_letter(
    kind: str, payload: Mapping[str, Any], language: str, settings: Settings, texts: Texts = SHIPPED_TEXTS
) -> Letter:
    """The letter of that kind, in the words in force. Raises KeyError for a kind that is none."""
    written = _LETTERS[kind](payload, "en" if language == "en" else "zh", settings, texts)
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


def _from_text(
    kind: str,
    links: Callable[[Mapping[str, Any], Settings], Mapping[str, str]],
    *named: str,
) -> Callable[[Mapping[str, Any], str, Settings, Texts], Letter]:
    """Writes a letter of the kind from the text in force. `named` are the values that it takes from the payload.

    Letters to an address that nobody confirmed yet take none: otherwise anybody could have us mail their text to
    anybody.
    """

    def write(payload: Mapping[str, Any], language: str, settings: Settings, texts: Texts) -> Letter:
        values = {name: str(payload[name]) for name in named}
        addresses = links(payload, settings)
        form = TEXT_FORMS[kind]
        blocks: list[Block] = []
        # Links are put in last, and by themselves: what people typed must never become a button.
        for paragraph in texts.templates(kind, language):
            link = link_of(paragraph, form)
            if link is None:
                blocks.append(put_in(paragraph, values))
            else:
                name, label = link
                blocks.append(Action(put_in(label, values) or addresses[name], addresses[name]))
        return Letter(subject=texts.line(kind, language, "subject", **values), blocks=tuple(blocks))

    return write


def _no_link(_payload: Mapping[str, Any], _settings: Settings) -> Mapping[str, str]:
    return {}


def _once(purpose: str) -> Callable[[Mapping[str, Any], Settings], Mapping[str, str]]:
    return lambda payload, settings: {"link": link_address(settings, purpose, payload["link_id"])}


def _page(path: str) -> Callable[[Mapping[str, Any], Settings], Mapping[str, str]]:
    return lambda _payload, settings: {"link": public_address(settings, path)}


def _sign_in_or_forgotten(_payload: Mapping[str, Any], settings: Settings) -> Mapping[str, str]:
    return {
        "sign_in": public_address(settings, "/sign-in"),
        "forgotten": public_address(settings, "/password/forgotten"),
    }


def _message(payload: Mapping[str, Any], language: str, settings: Settings, _texts: Texts) -> Letter:
    other = "zh" if language == "en" else "en"

    def chosen(name: str) -> str:
        texts = payload[name]
        return str(texts.get(language) or texts.get(other) or "")

    blocks: list[Block] = [part for part in chosen("text").split("\n\n") if part.strip()]
    if payload.get("path"):
        label = chosen("label") if payload.get("label") else ("Open the page" if language == "en" else "打开页面")
        blocks.append(Action(label, public_address(settings, payload["path"])))
    return Letter(subject=chosen("subject"), blocks=tuple(blocks))


_LETTERS: Mapping[str, Callable[[Mapping[str, Any], str, Settings, Texts], Letter]] = {
    "confirm_registration": _from_text("confirm_registration", _once("confirm")),
    "already_registered": _from_text("already_registered", _sign_in_or_forgotten),
    "registration_waiting": _from_text("registration_waiting", _no_link),
    "registration_approved": _from_text("registration_approved", _page("/sign-in"), "name", "organisation"),
    "registration_refused": _from_text("registration_refused", _page("/register"), "name", "organisation", "reason"),
    "reset_password": _from_text("reset_password", _once("reset")),
    "password_changed": _from_text("password_changed", _page("/password/forgotten")),
    "confirm_new_address": _from_text("confirm_new_address", _once("email")),
    "address_change_asked": _from_text("address_change_asked", _page("/account/address")),
    "address_changed": _from_text("address_changed", _no_link),
    "invitation": _from_text("invitation", _once("invite"), "organisation", "inviter"),
    "message": _message,
}

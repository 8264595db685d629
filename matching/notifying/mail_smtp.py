"""Mail over SMTP, in the form that Chinese providers accept too.

They refuse a From that is not the account, encoded words anywhere but in display names and subjects, and greetings that
change or name no host; so the envelope's sender and From are the account, answers go to the office by Reply-To, and the
EHLO name is one and the same.
"""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from urllib.parse import urlsplit

from matching.clock import to_shanghai, utc_now
from matching.errors import InvalidInput
from matching.notifying.mailer import Mail, Mailer, MailNotSent, NullMailer, one_line
from matching.settings import Settings

_LONGEST_SUBJECT = 300
_SHORT = 60
_LONGEST_NAME = 70
_STATUS = re.compile(rb"\s*([245]\.\d{1,3}\.\d{1,3})\b")


def open_mailer(settings: Settings) -> Mailer:
    """What the settings name. Raises InvalidInput for settings that do not fit together."""
    if not settings.smtp_host:
        return NullMailer()
    account = settings.mail_from or settings.smtp_user
    if "@" not in account:
        raise InvalidInput(
            "settings.mail_from",
            "请设置发件邮箱 DUIJIE_MAIL_FROM",
            where="DUIJIE_MAIL_FROM",
            message_en="Set the address that mails come from, DUIJIE_MAIL_FROM",
        )
    return SmtpMailer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        security=settings.smtp_security,
        user=settings.smtp_user,
        password=settings.smtp_password.get_secret_value(),
        account=account,
        sender_name=settings.mail_from_name,
        reply_to=settings.mail_reply_to,
        ehlo_name=settings.smtp_ehlo_name or _public_host(settings),
        timeout=settings.smtp_timeout_seconds,
    )


class SmtpMailer:
    """One connection a mail: a server that hangs or refuses spoils no other mail."""

    available = True

    def __init__(
        self,
        *,
        host: str,
        port: int,
        security: str,
        user: str,
        password: str,
        account: str,
        sender_name: str,
        reply_to: str,
        ehlo_name: str,
        timeout: float,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._host = host
        self._port = port
        self._security = security
        self._user = user
        self._password = password
        self._account = account
        self._sender_name = sender_name
        self._reply_to = reply_to
        self._ehlo_name = ehlo_name
        self._timeout = timeout
        self._trust = trust

    def send(self, mail: Mail) -> str:
        """As the port says."""
        message = self._write(mail)
        with _as_mail_errors(), self._connect() as server:
            server.send_message(message, from_addr=self._account, to_addrs=[mail.address])
        return str(message["Message-ID"])

    def check(self) -> None:
        """As the port says."""
        with _as_mail_errors(), self._connect() as server:
            server.noop()

    def _write(self, mail: Mail) -> EmailMessage:
        message = EmailMessage(policy=SMTP)
        message["From"] = _address(self._account, self._sender_name)
        message["To"] = _address(mail.address, mail.name)
        if self._reply_to:
            message["Reply-To"] = _address(self._reply_to, "")
        message.set_raw("Subject", _subject(mail.subject))
        message["Date"] = format_datetime(to_shanghai(utc_now()))
        message["Message-ID"] = mail.message_id or make_msgid(domain=self._account.rpartition("@")[2])
        message["Auto-Submitted"] = "auto-generated"
        for name, value in mail.headers.items():
            message[name] = one_line(value)
        message.set_content(mail.text, cte="base64")
        if mail.html is not None:
            message.add_alternative(mail.html, subtype="html", cte="base64")
        if mail.calendar is not None:
            # The last alternative is the one preferred: programs with a calendar show the invitation.
            message.add_alternative(
                mail.calendar.text, subtype="calendar", cte="base64", params={"method": mail.calendar.method}
            )
            message.add_attachment(
                mail.calendar.text.encode(), maintype="application", subtype="ics", filename="invite.ics"
            )
        for attachment in mail.attachments:
            main, _, sub = attachment.media_type.partition("/")
            message.add_attachment(
                attachment.content,
                maintype=main or "application",
                subtype=sub or "octet-stream",
                filename=one_line(attachment.name) or "file",
            )
        # Content headers set before there are parts would move into the first of them.
        message["Content-Language"] = "en" if mail.language == "en" else "zh-CN"
        return message

    @contextmanager
    def _connect(self) -> Iterator[smtplib.SMTP]:
        trust = self._trust or ssl.create_default_context()
        server: smtplib.SMTP
        if self._security == "ssl":
            server = smtplib.SMTP_SSL(
                self._host, self._port, local_hostname=self._ehlo_name, timeout=self._timeout, context=trust
            )
        else:
            server = smtplib.SMTP(self._host, self._port, local_hostname=self._ehlo_name, timeout=self._timeout)
        try:
            if self._security == "starttls":
                server.starttls(context=trust)
            if self._user:
                server.login(self._user, self._password)
            yield server
        finally:
            try:
                server.quit()
            except (smtplib.SMTPException, OSError):
                server.close()


def _subject(text: str) -> str:
    """A subject as encoded words of whole characters, in lines as short as the standard wants.

    Python's own folding leaves the first line empty where a text is long, which some programs show as no subject.
    """
    line = one_line(text)[:_LONGEST_SUBJECT]
    if line.isascii() and len(line) <= _SHORT:
        return line
    return Header(line, "utf-8", header_name="Subject").encode(linesep="\r\n")


def _address(address: str, name: str) -> Address:
    """An address header's value; only the display name is ever encoded. Raises MailNotSent for an address that a
    header cannot carry.
    """
    if not address.isascii():
        raise MailNotSent(
            "mail.address_not_ascii",
            "收件地址含有非英文字符，多数邮件服务器不接受",
            message_en="The address has letters that few mail servers accept",
            permanent=True,
        )
    try:
        return Address(display_name=one_line(name)[:_LONGEST_NAME], addr_spec=address)
    except ValueError as error:
        raise MailNotSent(
            "mail.address_invalid", "收件地址无效", message_en="The address is invalid", permanent=True
        ) from error
    except Exception as error:  # the parser's own errors are no ValueErrors
        raise MailNotSent(
            "mail.address_invalid", "收件地址无效", message_en="The address is invalid", permanent=True
        ) from error


@contextmanager
def _as_mail_errors() -> Iterator[None]:
    """Server answers become MailNotSent with what the staff can act on; the server's own words may name people and are
    left out, its codes are kept.
    """
    try:
        yield
    except (smtplib.SMTPAuthenticationError, UnicodeEncodeError) as error:
        # smtplib can send neither user nor password beyond ASCII; nothing else is encoded while connected.
        status = error.smtp_code if isinstance(error, smtplib.SMTPAuthenticationError) else 535
        raise MailNotSent(
            "mail.authentication",
            f"邮件服务器不接受账号或密码（{status}），请检查 DUIJIE_SMTP_USER 与密码；多数邮箱要用授权码",
            message_en=f"The mail server refuses user or password ({status}); many providers want a special "
            "authorisation code",
            detail=str(status),
            server_wide=True,
        ) from error
    except smtplib.SMTPRecipientsRefused as error:
        code, text = next(iter(error.recipients.values()))
        raise _answer(
            "mail.recipient_refused", "服务器不接受收件地址", "The server refuses the recipient", code, text
        ) from error
    except smtplib.SMTPSenderRefused as error:
        raise MailNotSent(
            "mail.sender_refused",
            f"服务器不接受发件地址（{_codes(error.smtp_code, error.smtp_error)}），请检查 DUIJIE_MAIL_FROM",
            message_en=f"The server refuses the sender ({_codes(error.smtp_code, error.smtp_error)}); check "
            "DUIJIE_MAIL_FROM",
            detail=_codes(error.smtp_code, error.smtp_error),
            server_wide=True,
        ) from error
    except smtplib.SMTPDataError as error:
        raise _answer("mail.content_refused", "服务器不接受邮件内容", "The server refuses the content", error.smtp_code,
                      error.smtp_error) from error  # fmt: skip
    except smtplib.SMTPNotSupportedError as error:
        raise MailNotSent(
            "mail.not_supported",
            "服务器不支持所设的加密或登录方式，请检查 DUIJIE_SMTP_SECURITY",
            message_en="The server supports neither this encryption nor this sign-in; check DUIJIE_SMTP_SECURITY",
            server_wide=True,
        ) from error
    except ssl.SSLError as error:
        raise MailNotSent(
            "mail.tls",
            "与邮件服务器的加密连接没有建立，请检查证书、端口与 DUIJIE_SMTP_SECURITY",
            message_en="No secure connection to the mail server; check certificate, port and DUIJIE_SMTP_SECURITY",
            server_wide=True,
        ) from error
    except (smtplib.SMTPException, OSError) as error:
        raise MailNotSent(
            "mail.server_unreachable",
            "邮件服务器没有应答，请检查 DUIJIE_SMTP_HOST 与端口",
            message_en="The mail server does not answer; check DUIJIE_SMTP_HOST and its port",
            server_wide=True,
        ) from error


def _answer(code: str, zh: str, en: str, status: int, text: bytes | str) -> MailNotSent:
    """What the server said about this one mail: 5xx is for ever, the rest for now."""
    return MailNotSent(
        code,
        f"{zh}（{_codes(status, text)}）",
        message_en=f"{en} ({_codes(status, text)})",
        detail=_codes(status, text),
        permanent=status >= 500,
    )


def _codes(status: int, text: bytes | str) -> str:
    found = _STATUS.match(text.encode() if isinstance(text, str) else text)
    return f"{status} {found[1].decode()}" if found else str(status)


def _public_host(settings: Settings) -> str:
    """The name under which users reach the pages, if it is a name; a bare address is no EHLO name."""
    host = urlsplit(settings.public_url).hostname or ""
    return host if re.search(r"[a-z]", host) and "." in host and ":" not in host else "localhost"

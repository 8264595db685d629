"""The Mailer contract over a real SMTP server, plain and encrypted; what a person reads is what was written."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from email.utils import getaddresses
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from matching.errors import InvalidInput
from matching.notifying.mail_smtp import SmtpMailer, open_mailer
from matching.notifying.mailer import Attachment, CalendarPart, Mail, MailNotSent, NullMailer, one_line
from matching.settings import Settings
from matching.store.redis_server import free_port
from tests.servers.smtp import SmtpServer, start_smtp

CALENDAR = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nSUMMARY:对接会\r\nEND:VCALENDAR\r\n"
MAIL = Mail(address="li@example.cn", name="李工", subject="涂层起泡", text="您好\n第二行\n", html="<p>您好</p>")


@pytest.fixture(scope="module")
def server() -> Iterator[SmtpServer]:
    with start_smtp(user="office@example.cn", password="sixteen-letters") as started:
        yield started


@pytest.fixture(autouse=True)
def _as_new(server: SmtpServer) -> None:
    server.taken.clear()
    server.refuse_recipients.clear()
    server.answer_to_data = server.answer_to_sender = None


def make_mailer(server: SmtpServer, **changes: Any) -> SmtpMailer:
    arguments: dict[str, Any] = {
        "host": server.host,
        "port": server.port,
        "security": "none",
        "user": "office@example.cn",
        "password": "sixteen-letters",
        "account": "office@example.cn",
        "sender_name": "鹤山对接平台",
        "reply_to": "bureau@example.cn",
        "ehlo_name": "duijie.example",
        "timeout": 5,
    }
    return SmtpMailer(**(arguments | changes))


def test_what_arrives_is_what_was_written(server: SmtpServer) -> None:
    message_id = make_mailer(server).send(MAIL)
    [taken] = server.taken
    assert taken.sender == "office@example.cn"
    assert taken.recipients == ["li@example.cn"]
    assert taken.greeting == "duijie.example"
    message = taken.message
    assert message["Message-ID"] == message_id
    assert getaddresses([str(message["From"])]) == [("鹤山对接平台", "office@example.cn")]
    assert getaddresses([str(message["To"])]) == [("李工", "li@example.cn")]
    assert message["Reply-To"] == "bureau@example.cn"
    assert message["Subject"] == "涂层起泡"
    assert message["Content-Language"] == "zh-CN"
    assert message["Auto-Submitted"] == "auto-generated"
    assert str(message["Date"]).endswith("+0800")
    assert taken.text == "您好\n第二行\n"
    html = message.get_body(("html",))
    assert html is not None
    assert html.get_content().strip() == "<p>您好</p>"


def test_only_names_and_subjects_are_encoded_and_all_is_ascii(server: SmtpServer) -> None:
    make_mailer(server).send(MAIL)
    [taken] = server.taken
    assert taken.content.isascii()
    head = taken.content.split(b"\r\n\r\n", 1)[0].decode().replace("\r\n ", " ")
    lines = dict(line.split(": ", 1) for line in head.split("\r\n"))
    assert lines["From"].endswith("?= <office@example.cn>")
    assert lines["To"].endswith("?= <li@example.cn>")
    assert [name for name, value in lines.items() if "=?" in value] == ["From", "To", "Subject"]


def test_a_given_message_id_and_further_headers_are_kept(server: SmtpServer) -> None:
    mail = replace(
        MAIL,
        message_id="<d-1@example.cn>",
        headers={
            "List-Unsubscribe": "<https://duijie.example/unsubscribe/x>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
    )
    assert make_mailer(server).send(mail) == "<d-1@example.cn>"
    message = server.taken[0].message
    assert message["Message-ID"] == "<d-1@example.cn>"
    assert message["List-Unsubscribe"] == "<https://duijie.example/unsubscribe/x>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_an_invitation_is_an_alternative_with_its_method_and_a_file(server: SmtpServer) -> None:
    plan = Attachment(name="议程 1.pdf", content=b"%PDF-1.7", media_type="application/pdf")
    make_mailer(server).send(replace(MAIL, calendar=CalendarPart(text=CALENDAR, method="REQUEST"), attachments=(plan,)))
    message = server.taken[0].message
    kinds = [part.get_content_type() for part in message.walk()]
    assert kinds == [
        "multipart/mixed", "multipart/alternative", "text/plain", "text/html", "text/calendar", "application/ics",
        "application/pdf",
    ]  # fmt: skip
    [calendar] = [part for part in message.walk() if part.get_content_type() == "text/calendar"]
    assert calendar["Content-Type"].params["method"] == "REQUEST"
    assert calendar.get_payload(decode=True) == CALENDAR.encode()
    files = {part.get_filename(): part.get_payload(decode=True) for part in message.iter_attachments()}
    assert files == {"invite.ics": CALENDAR.encode(), "议程 1.pdf": b"%PDF-1.7"}


@pytest.mark.parametrize(
    "title",
    [
        "x\r\nBcc: thief@example.cn",
        "x\nBcc: thief@example.cn",
        "x\rBcc: thief@example.cn",
        "x\u2028Bcc: thief@example.cn",
        "x\x00\x0b\x0cy",
        "=?utf-8?q?x=0d=0aBcc:_thief=40example.cn?=",
        "䶮𬭎🙂" * 66,
        "a" * 200,
        '=cmd|"/c calc"!A1',
        "\ud800 half a character",
    ],
)
def test_no_title_or_name_makes_a_header(server: SmtpServer, title: str) -> None:
    make_mailer(server, sender_name=title).send(replace(MAIL, subject=title, name=title))
    [taken] = server.taken
    assert taken.recipients == ["li@example.cn"]
    message = taken.message
    assert "Bcc" not in message
    assert [name for name in set(message) if name not in {
        "From", "To", "Reply-To", "Subject", "Date", "Message-ID", "Content-Language", "Auto-Submitted", "MIME-Version",
        "Content-Type",
    }] == []  # fmt: skip
    assert message["Subject"] == one_line(title)
    head = taken.content.split(b"\r\n\r\n", 1)[0].split(b"\r\n")
    assert [line for line in head if len(line) > 78 or line.strip() in (b"", b"Subject:")] == []
    assert [address for _, address in getaddresses([str(message["To"])])] == ["li@example.cn"]


@hypothesis_settings(deadline=None)
@given(st.text())
def test_one_line_is_one_line_and_no_encoded_word(text: str) -> None:
    line = one_line(text)
    assert line == one_line(line)
    assert line.splitlines() in ([line], [])
    assert "=?" not in line


@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(max_size=120) | st.text(alphabet="=?utf-8qQbB\r\n: @_a0dD", max_size=60),
    st.text(max_size=60) | st.text(alphabet='=?utf-8qQbB\r\n:,;<>"()@_a0dD', max_size=60),
)
def test_any_text_makes_one_mail_to_one_person(server: SmtpServer, subject: str, name: str) -> None:
    server.taken.clear()
    make_mailer(server).send(replace(MAIL, subject=subject, name=name, text=subject))
    [taken] = server.taken
    assert taken.recipients == ["li@example.cn"]
    assert [address for _, address in getaddresses([str(taken.message["To"])])] == ["li@example.cn"]
    assert taken.message["From"].addresses[0].addr_spec == "office@example.cn"
    assert not taken.message.defects


@pytest.mark.parametrize(
    ("answer", "code", "permanent"),
    [
        ("550 5.1.1 no such user li@example.cn", "mail.recipient_refused", True),
        ("450 4.2.1 mailbox of li@example.cn busy", "mail.recipient_refused", False),
    ],
)
def test_a_refused_recipient_is_for_ever_or_for_now(
    server: SmtpServer, answer: str, code: str, permanent: bool
) -> None:
    server.refuse_recipients["li@example.cn"] = answer
    with pytest.raises(MailNotSent) as caught:
        make_mailer(server).send(MAIL)
    assert (caught.value.code, caught.value.permanent, caught.value.server_wide) == (code, permanent, False)
    assert answer[:9] in caught.value.message
    assert "li@example.cn" not in caught.value.message + caught.value.message_en
    server.refuse_recipients.clear()
    make_mailer(server).send(MAIL)


@pytest.mark.parametrize(("answer", "permanent"), [("554 5.7.1 spam", True), ("452 4.3.1 too many", False)])
def test_refused_content(server: SmtpServer, answer: str, permanent: bool) -> None:
    server.answer_to_data = answer
    with pytest.raises(MailNotSent) as caught:
        make_mailer(server).send(MAIL)
    assert (caught.value.code, caught.value.permanent) == ("mail.content_refused", permanent)


def test_a_refused_sender_concerns_every_mail(server: SmtpServer) -> None:
    server.answer_to_sender = "501 mail from address must be same as authorization user"
    with pytest.raises(MailNotSent) as caught:
        make_mailer(server).send(MAIL)
    assert (caught.value.code, caught.value.permanent, caught.value.server_wide) == ("mail.sender_refused", False, True)


@pytest.mark.parametrize("password", ["wrong-password", "密码"])
def test_a_wrong_password_concerns_every_mail_and_is_not_repeated(server: SmtpServer, password: str) -> None:
    with pytest.raises(MailNotSent) as caught:
        make_mailer(server, password=password).send(MAIL)
    assert (caught.value.code, caught.value.permanent, caught.value.server_wide) == ("mail.authentication", False, True)
    assert "wrong-password" not in str(caught.value)


def test_a_server_that_is_away_is_for_now(server: SmtpServer) -> None:
    with pytest.raises(MailNotSent) as caught:
        make_mailer(server, port=free_port()).send(MAIL)
    assert caught.value.code == "mail.server_unreachable"
    assert (caught.value.permanent, caught.value.server_wide) == (False, True)


@pytest.mark.parametrize("address", ["李@example.cn", "a@b@c", "li@example.cn\r\nBcc: x@example.cn", ""])
def test_an_address_that_no_header_can_carry_is_refused_for_ever(server: SmtpServer, address: str) -> None:
    with pytest.raises(MailNotSent) as caught:
        make_mailer(server).send(replace(MAIL, address=address))
    assert caught.value.permanent
    assert server.taken == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's certificate for 127.0.0.1, and a client's trust in it."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("openssl is not installed")
    folder: Path = tmp_path_factory.mktemp("certificate")
    subprocess.run(
        [program, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(folder / "key"), "-out", str(folder / "crt")],
        check=True,
        capture_output=True,
    )  # fmt: skip
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.load_cert_chain(folder / "crt", folder / "key")
    return own, ssl.create_default_context(cafile=str(folder / "crt"))


@pytest.mark.parametrize("security", ["ssl", "starttls"])
def test_encrypted_and_only_with_a_server_that_is_trusted(
    certificate: tuple[ssl.SSLContext, ssl.SSLContext], security: str
) -> None:
    own, trust = certificate
    with start_smtp(user="office@example.cn", password="p", certificate=own, starttls=security == "starttls") as server:
        make_mailer(server, password="p", security=security, trust=trust).send(MAIL)
        assert len(server.taken) == 1
        with pytest.raises(MailNotSent) as caught:
            make_mailer(server, password="p", security=security).send(MAIL)
        assert (caught.value.code, caught.value.server_wide) == ("mail.tls", True)
        assert len(server.taken) == 1


def test_starttls_is_not_given_up_where_the_server_has_none(server: SmtpServer) -> None:
    with pytest.raises(MailNotSent) as caught:
        make_mailer(server, security="starttls").send(MAIL)
    assert caught.value.code == "mail.not_supported"
    assert server.taken == []


def test_settings_choose_the_mailer(tmp_path: Path) -> None:
    without = open_mailer(Settings(data_dir=tmp_path))
    assert isinstance(without, NullMailer)
    assert not without.available
    with pytest.raises(MailNotSent):
        without.send(MAIL)
    with pytest.raises(InvalidInput) as caught:
        open_mailer(Settings(data_dir=tmp_path, smtp_host="smtp.example.cn", smtp_user="office"))
    assert caught.value.where == "DUIJIE_MAIL_FROM"


def test_the_password_comes_from_a_file(server: SmtpServer, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("sixteen-letters\n", encoding="utf-8")
    chosen = Settings(
        data_dir=tmp_path,
        smtp_host=server.host,
        smtp_port=server.port,
        smtp_security="none",
        smtp_user="office@example.cn",
        smtp_password_file=tmp_path / "password",
        public_url="https://duijie.example/",
    )
    open_mailer(chosen).send(MAIL)
    assert server.taken[0].greeting == "duijie.example"


def test_checking_signs_in_and_sends_nothing(server: SmtpServer) -> None:
    make_mailer(server).check()
    assert server.taken == []
    with pytest.raises(MailNotSent) as caught:
        make_mailer(server, password="wrong-password").check()
    assert caught.value.code == "mail.authentication"
    NullMailer().check()

"""Accounts in a real browser, with mails that really arrive: registering to posting, a forgotten password, the second
factor; each page at two widths.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

import pytest
from playwright.sync_api import Browser, Page

from matching.clock import utc_now
from matching.organisation_code import check_digit
from matching.services.two_factor import code_at, step_at
from matching.store.redis_server import free_port
from tests.e2e.conftest import Product, Visit
from tests.e2e.pages import find_barriers, find_overflow
from tests.servers.smtp import SmtpServer, Taken, start_smtp

pytestmark = pytest.mark.e2e

CODE = "91440784MA4UK0000" + check_digit("91440784MA4UK0000")
STAFF, STAFF_PASSWORD = "office@example.cn", "正确的马 电池 订书机"
PASSWORD, NEW_PASSWORD = "三只猫和一把伞 2026", "一把伞和三只猫 2027"


@dataclass
class Mailing:
    """A product of its own that mails to a server of its own; nobody and nothing is in it but one of the staff."""

    product: Product
    smtp: SmtpServer

    def wait_for_mail(self, address: str, subject: str) -> Taken:
        """The mail with that subject, once the workers have sent it."""
        for _ in range(480):
            for taken in self.smtp.to(address):
                if taken.message["Subject"] == subject:
                    return taken
            time.sleep(0.25)
        raise AssertionError(f"no mail {subject!r} to {address}: {[t.message['Subject'] for t in self.smtp.taken]}")


@pytest.fixture(scope="module")
def mailing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mailing]:
    """Started with `duijie up` on a free port, stopped as Ctrl-C does."""
    folder = tmp_path_factory.mktemp("mailing")
    port = free_port()
    with start_smtp(user="office", password="sixteen-letters") as smtp:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("DUIJIE_")}
        environment |= {
            "DUIJIE_DATA_DIR": str(folder / "data"),
            "DUIJIE_SECRET_KEY": "only-for-this-test-" * 3,
            "DUIJIE_PUBLIC_URL": f"http://127.0.0.1:{port}",
            "DUIJIE_SMTP_HOST": smtp.host,
            "DUIJIE_SMTP_PORT": str(smtp.port),
            "DUIJIE_SMTP_SECURITY": "none",
            "DUIJIE_SMTP_USER": "office",
            "DUIJIE_SMTP_PASSWORD": "sixteen-letters",
            "DUIJIE_MAIL_FROM": "platform@example.cn",
            "DUIJIE_MAIL_REPLY_TO": "office@example.cn",
            "DUIJIE_REVIEW_BEFORE_PUBLICATION": "false",
        }
        log = folder / "up.log"
        duijie = [sys.executable, "-m", "web.cli"]
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*duijie, "up", "--port", str(port)], env=environment, stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip
        try:
            product = Product(f"http://127.0.0.1:{port}")
            _wait_until_ready(product, process, log)
            subprocess.run(
                [*duijie, "user", "add", STAFF, "--name", "工作人员", "--role", "staff", "--region", "440784"],
                env=environment | {"DUIJIE_PASSWORD": STAFF_PASSWORD}, check=True, capture_output=True,
            )  # fmt: skip
            yield Mailing(product, smtp)
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _wait_until_ready(product: Product, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        if process.poll() is not None:
            break
        try:
            if '"ready":true}' in product.read("/readyz"):
                return
        except (URLError, OSError):
            pass
        time.sleep(0.5)
    pytest.fail(f"the product did not start:\n{log.read_text(encoding='utf-8')[-3000:]}")


@pytest.fixture
def window(chromium: Browser, mailing: Mailing) -> Iterator[Callable[..., Visit]]:
    """Opens windows of the product that mails."""
    opened: list[Visit] = []

    def start(language: str = "zh-CN") -> Visit:
        page = chromium.new_context(viewport={"width": 1280, "height": 900}, locale=language).new_page()
        page.set_default_timeout(30_000)
        visit = Visit(page, mailing.product, [])
        page.on("pageerror", lambda error: visit.problems.append(f"script: {error}"))
        page.on(
            "console",
            lambda message: visit.problems.append(message.text) if "Content Security Policy" in message.text else None,
        )
        opened.append(visit)
        return visit

    yield start
    for visit in opened:
        visit.page.context.close()
    assert [problem for visit in opened for problem in visit.problems] == []


def look(visit: Visit, name: str) -> None:
    """A picture at both widths; nothing is wider than the window, and axe finds nothing serious."""
    for width in (1280, 390):
        visit.page.set_viewport_size({"width": width, "height": 900})
        assert find_overflow(visit) == 0, name
        visit.keep_picture(f"accounts-{name}-{width}")
    visit.page.set_viewport_size({"width": 1280, "height": 900})
    assert find_barriers(visit) == [], name


def send(page: Page, **fields: str) -> None:
    """Fill in the form of the page and send it."""
    for name, text in fields.items():
        page.fill(f"#{name}", text)
    with page.expect_navigation():
        page.click("main form button[type=submit] >> nth=0")


def sign_in(visit: Visit, email: str, password: str) -> None:
    visit.open("/sign-in")
    send(visit.page, email=email, password=password)


def link_in(taken: Taken, purpose: str) -> str:
    """The path of the link in a mail."""
    found = re.search(rf"http://127\.0\.0\.1:\d+(/links/{purpose}/\S+)", taken.text)
    assert found is not None
    return found[1]


def test_from_registering_to_posting_a_forgotten_password_and_the_second_factor(
    window: Callable[..., Visit], mailing: Mailing
) -> None:
    office = window()
    sign_in(office, STAFF, STAFF_PASSWORD)
    office.open("/account/notifications")  # the test may run by night, too
    office.page.uncheck("#quiet_hours")
    send(office.page)

    person = window()
    person.open("/register")
    look(person, "register")
    person.page.click("text=发布技术需求，看到谁可能解决、为什么")
    person.page.click("main form button[type=submit]")
    look(person, "register-wrong")
    person.page.select_option("#region_code", "440784")
    person.page.check("#agreed")
    send(
        person.page, name="林晓工", email="lin@example.cn", uscc=CODE,
        organisation_name="鹤山市新线路板有限公司\u2028Bcc: thief@example.cn",
    )  # fmt: skip
    look(person, "register-sent")
    asked = mailing.wait_for_mail("lin@example.cn", "请确认您的邮箱")
    assert asked.sender == "platform@example.cn"
    assert asked.message["Reply-To"] == "office@example.cn"
    person.open(link_in(asked, "confirm"))
    look(person, "confirm")
    send(person.page, password=PASSWORD, password_again=PASSWORD)
    look(person, "confirmed")

    told = mailing.wait_for_mail(STAFF, "有新的注册申请等待审核")
    assert told.message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    office.open("/registrations/")
    look(office, "registrations")
    office.page.click("main tbody a")
    look(office, "registration")
    with office.page.expect_navigation():
        office.page.click("text=通过并开通账号")
    mailing.wait_for_mail("lin@example.cn", "您的账号已经开通")

    sign_in(person, "lin@example.cn", PASSWORD)
    person.open("/needs/new")
    person.page.fill("#title", "高频线路板翘曲控制")
    person.page.fill("#problem", "层压后翘曲 0.9%，要求不超过 0.5%。")
    person.page.click(".dj-stepper button[value='step:check']")
    person.page.click("button[name=then][value=send]")
    person.page.wait_for_url(re.compile(r"/posts/[0-9a-f-]{36}$"))
    assert "高频线路板翘曲控制" in person.page.inner_text("h1")
    for path, name in (
        ("/account/", "account"),
        ("/account/password", "password"),
        ("/account/sign-ins", "sign-ins"),
        ("/account/notifications", "notifications"),
        ("/account/channels/", "channels"),
    ):
        assert person.open(path) == 200
        look(person, name)
    person.page.goto(mailing.product.address("/account/"))
    person.page.click("main >> text=成员")
    look(person, "members")

    forgetful = window("en")
    forgetful.open("/password/forgotten")
    look(forgetful, "forgotten")
    send(forgetful.page, email="lin@example.cn")
    reset = mailing.wait_for_mail("lin@example.cn", "重设密码")
    forgetful.open(link_in(reset, "reset"))
    look(forgetful, "reset")
    send(forgetful.page, password=NEW_PASSWORD, password_again=NEW_PASSWORD)
    person.open("/account/")
    assert person.page.url.endswith("/sign-in?next=/account/")  # the reset ended this sign-in
    sign_in(person, "lin@example.cn", NEW_PASSWORD)

    person.open("/account/two-factor")
    look(person, "two-factor")
    key = person.page.inner_text(".dj-key").replace(" ", "")
    used = step_at(utc_now())
    send(person.page, one_time_code=code_at(key, used))
    look(person, "recovery-codes")
    recovery = person.page.locator(".dj-codes code").all_inner_texts()
    assert len(recovery) == 10
    other = window()
    sign_in(other, "lin@example.cn", NEW_PASSWORD)
    look(other, "second-factor")
    send(other.page, one_time_code=code_at(key, used))
    assert "验证码不正确或已经用过" in other.page.inner_text("main")  # a code that somebody saw opens nothing
    while step_at(utc_now()) == used:
        time.sleep(0.5)
    send(other.page, one_time_code=code_at(key, step_at(utc_now())))
    assert other.open("/account/") == 200
    last = window()
    sign_in(last, "lin@example.cn", NEW_PASSWORD)
    send(last.page, one_time_code=recovery[0])
    assert last.open("/account/sign-ins") == 200
    assert last.page.locator("main li h2").count() == 3
    assert [taken.recipients for taken in mailing.smtp.taken if taken.recipients not in (
        ["lin@example.cn"], [STAFF],
    )] == []  # fmt: skip


def test_what_a_mail_server_refuses_is_seen_by_the_staff(window: Callable[..., Visit], mailing: Mailing) -> None:
    mailing.smtp.refuse_recipients["gone@example.cn"] = "550 5.1.1 no such user gone@example.cn"
    person = window()
    person.open("/register/broker")
    person.page.select_option("#region_code", "440784")
    person.page.check("#agreed")
    send(person.page, name="甲", email="gone@example.cn", organisation_name="示例科技中介", uscc=CODE)
    office = window()
    sign_in(office, STAFF, STAFF_PASSWORD)
    for _ in range(120):
        office.open("/deliveries/")
        if office.page.locator("main tbody tr").count():
            break
        time.sleep(0.5)
    text = office.page.inner_text("main")
    assert "对方服务器不接受这个收件地址" in text
    assert "550 5.1.1" in text
    assert "gone@example.cn" not in text
    look(office, "deliveries")

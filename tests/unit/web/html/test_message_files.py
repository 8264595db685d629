"""Files of messages: sent whole or not at all, downloaded intact by those who take part and by nobody else."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from flask import Flask
from sqlalchemy import select

from matching.bootstrap import Platform
from matching.models import AuditEntry, EngagementFile, EngagementMessage
from matching.services.attachments import attachments_folder, forget_files
from matching.services.engagements import agree_to_participant, propose_participant
from tests.factories.interests import engage
from tests.factories.people import Member, make_expert, make_member, make_staff
from tests.factories.posts import make_capability, make_need
from tests.unit.web.conftest import Browser, Clock

FIRM, PROFESSOR, BROKER = "firm@example.cn", "prof@example.edu.cn", "broker@example.cn"
STAFF, OTHER = "staff@example.cn", "other@example.cn"
PDF = b"%PDF-1.7\n" + bytes(range(256))


@dataclass(frozen=True)
class Scene:
    id: str
    firm: Member
    professor: Member
    broker: Member


@pytest.fixture
def scene(app: Flask, platform: Platform, clock: Clock) -> Scene:
    now = clock.moment
    firm = make_member(platform, now, email=FIRM, organisation="鹤山市示例电子有限公司")
    professor = make_member(platform, now, email=PROFESSOR, organisation="示例大学", kind="university")
    broker = make_member(platform, now, email=BROKER, organisation="技术转移中心", kind="intermediary")
    make_member(platform, now, email=OTHER, organisation="别的企业")
    make_staff(platform, now, email=STAFF)
    need = make_need(platform, firm, now)
    expert = make_expert(platform, now, professor)
    capability = make_capability(platform, professor, now, expert_ids=(expert,))
    made = engage(platform, firm.actor, capability, professor.actor, now, own_id=need)
    return Scene(made, firm, professor, broker)


def send(browser: Browser, scene: Scene, *files: tuple[bytes, str], text: str = "图纸见附件", once: str = "") -> int:
    sent = {"text": text, "message_id": once, "file": [(io.BytesIO(content), name) for content, name in files]}
    return browser.post(f"/engagements/{scene.id}/messages", sent, content_type="multipart/form-data").status_code


def stored(platform: Platform) -> list[EngagementFile]:
    with platform.reading() as reading:
        return list(reading.scalars(select(EngagementFile).order_by(EngagementFile.file_name)))


def test_parties_download_what_was_sent_and_nobody_else_does(
    scene: Scene, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    firm = open_browser(FIRM)
    firm.get(f"/engagements/{scene.id}")
    assert send(firm, scene, (PDF, "翘曲 报告（终版）.pdf"), ("铜厚 35 μm".encode(), "参数.txt")) == 302
    [one, _text] = sorted(stored(platform), key=lambda row: row.media_type)
    path = f"/engagements/{scene.id}/files/{one.id}"
    professor = open_browser(PROFESSOR)
    page = professor.get(f"/engagements/{scene.id}").text
    assert "翘曲 报告（终版）.pdf" in page
    answer = professor.get(path)
    assert (answer.status_code, answer.data) == (200, PDF)
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    for email, status in ((BROKER, 404), (OTHER, 404), (STAFF, 404), (None, 302)):
        assert open_browser(email).get(path).status_code == status
    staff = open_browser(STAFF).get(f"/engagements/{scene.id}").text
    assert "翘曲 报告（终版）.pdf" in staff
    assert path not in staff
    with platform.unit_of_work() as uow:
        propose_participant(uow, scene.firm.actor, scene.id, scene.broker.user_id, "broker", clock.moment)
    assert open_browser(BROKER).get(path).status_code == 404  # proposed, not agreed yet
    with platform.unit_of_work() as uow:
        agree_to_participant(uow, scene.professor.actor, scene.id, scene.broker.user_id, clock.moment)
    assert open_browser(BROKER).get(path).data == PDF
    with platform.reading() as reading:
        actions = reading.scalars(
            select(AuditEntry.action).where(AuditEntry.action.like("message_file.%")).order_by(AuditEntry.id)
        ).all()
    assert actions == ["message_file.add"] * 2 + ["message_file.download"] * 2
    assert forget_files(platform, clock.moment) == 0


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (b"<html>", "报告.pdf", "文件内容不是 .pdf"),
        (b"MZ\x90", "setup.exe", "不能上传"),
        (b"", "空.txt", "文件是空的"),
    ],
)
def test_a_file_that_is_not_taken_is_named_and_the_text_stays(
    scene: Scene, platform: Platform, open_browser: Callable[..., Browser], content: bytes, name: str, message: str
) -> None:
    firm = open_browser(FIRM)
    firm.get(f"/engagements/{scene.id}")
    answer = firm.post(
        f"/engagements/{scene.id}/messages",
        {"text": "写好的话", "file": [(io.BytesIO(PDF), "好.pdf"), (io.BytesIO(content), name)]},
        content_type="multipart/form-data",
    )
    assert answer.status_code == 422
    assert message in answer.text
    assert name in answer.text
    assert "写好的话" in answer.text
    assert stored(platform) == []
    with platform.reading() as reading:
        assert reading.scalars(select(EngagementMessage)).all() == []
    assert list(attachments_folder(platform.settings).glob("*.bin")) == []


def test_two_clicks_send_one_message_and_keep_one_file(
    scene: Scene, platform: Platform, open_browser: Callable[..., Browser]
) -> None:
    firm = open_browser(FIRM)
    page = firm.get(f"/engagements/{scene.id}").text
    once = re.search(r'name="message_id" value="(\w+)"', page)
    assert once
    for _ in range(2):
        assert send(firm, scene, (PDF, "报告.pdf"), text="", once=once[1]) == 302
    assert [row.file_name for row in stored(platform)] == ["报告.pdf"]
    assert len(list(attachments_folder(platform.settings).glob("*.bin"))) == 1
    with platform.reading() as reading:
        assert [row.text for row in reading.scalars(select(EngagementMessage))] == ["报告.pdf"]


def test_limits_and_roles(scene: Scene, platform: Platform, open_browser: Callable[..., Browser]) -> None:
    firm = open_browser(FIRM)
    firm.get(f"/engagements/{scene.id}")
    assert send(firm, scene, *[(PDF, f"{number}.pdf") for number in range(6)]) == 422
    staff = open_browser(STAFF)
    staff.get(f"/engagements/{scene.id}")
    assert send(staff, scene, (PDF, "a.pdf")) == 403
    other = open_browser(OTHER)
    other.get("/")
    assert send(other, scene, (PDF, "a.pdf")) == 404
    assert stored(platform) == []

"""A platform that sends mail to a real server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from matching.bootstrap import Platform
from tests.factories.platforms import make_platform
from tests.servers.smtp import SmtpServer, start_smtp


@pytest.fixture(scope="session")
def _smtp() -> Iterator[SmtpServer]:
    with start_smtp() as started:
        yield started


@pytest.fixture
def smtp(_smtp: SmtpServer) -> SmtpServer:
    """A server that has taken nothing yet and takes everything."""
    _smtp.taken.clear()
    _smtp.refuse_recipients.clear()
    _smtp.answer_to_data = _smtp.answer_to_sender = None
    return _smtp


@pytest.fixture
def mailing(tmp_path: Path, smtp: SmtpServer) -> Iterator[Platform]:
    """A platform whose mails arrive at `smtp`."""
    made = make_platform(
        tmp_path,
        smtp_host=smtp.host,
        smtp_port=smtp.port,
        smtp_security="none",
        mail_from="office@example.cn",
        mail_reply_to="bureau@example.cn",
        public_url="https://duijie.example",
    )
    yield made
    made.close()

"""Letters: complete in both languages, safe whatever people are called, with links that only we can have written."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from matching.notifying.letters import _LETTERS, Action, Entry, Letter, write_letter
from matching.notifying.mailer import one_line
from matching.services.signed_links import read_signed, sign
from matching.settings import Settings

HOSTILE = '<b>"&x\r\nBcc: thief@example.cn https://evil.example/'
PAYLOAD = {
    "link_id": "l-1",
    "name": HOSTILE,
    "organisation": HOSTILE,
    "reason": HOSTILE,
    "inviter": HOSTILE,
    "subject": {"zh": "甲", "en": "a"},
    "text": {"zh": "乙\n\n丙", "en": "b"},
    "path": "/events/1",
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        mode="demonstration", data_dir=tmp_path, public_url="https://duijie.example/", mail_from_name="Duijie",
        mail_reply_to="office@example.cn",
    )  # fmt: skip


@pytest.mark.parametrize("kind", _LETTERS)
def test_every_letter_is_there_in_both_languages_and_escapes_what_people_typed(kind: str, settings: Settings) -> None:
    zh, en = (write_letter(kind, PAYLOAD, language, settings) for language in ("zh", "en"))
    assert re.search(r"[\u3400-\u9fff]", zh.subject + zh.text())
    assert not re.search(r"[\u3400-\u9fff]", en.subject + en.text())
    for letter in (zh, en):
        assert len(one_line(letter.subject)) > 0
        assert "<b>" not in letter.html()
        assert letter.html().count("<html") == 1
        assert "office@example.cn" in letter.text()
        links = re.findall(r'href="([^"]+)"', letter.html())
        assert all(link.startswith("https://duijie.example/") for link in links)
        assert set(links) <= set(re.findall(r"https://\S+", letter.text()))


@pytest.mark.parametrize(
    "kind", ["confirm_registration", "already_registered", "registration_waiting", "reset_password"]
)
def test_what_a_stranger_typed_is_not_mailed_to_somebody(kind: str, settings: Settings) -> None:
    for language in ("zh", "en"):
        assert "evil" not in write_letter(kind, PAYLOAD, language, settings).text()


@pytest.mark.parametrize(
    ("kind", "purpose"), [("confirm_registration", "confirm"), ("reset_password", "reset"), ("invitation", "invite")]
)
def test_links_are_signed_for_one_purpose(kind: str, purpose: str, settings: Settings) -> None:
    found = re.search(
        rf"https://duijie\.example/links/{purpose}/(\S+)", write_letter(kind, PAYLOAD, "zh", settings).text()
    )
    assert found is not None
    token = unquote(found[1])
    assert read_signed(settings, purpose, token) == "l-1"
    assert read_signed(settings, "other", token) is None
    assert read_signed(settings, purpose, token + "x") is None
    assert read_signed(settings, purpose, "l-2" + token[3:]) is None
    other = settings.model_copy(update={"secret_key": Settings(mode="demonstration", secret_key="y" * 40).secret_key})
    assert read_signed(other, purpose, token) is None


@pytest.mark.parametrize("token", ["", ".", "x", "x.", ".x", "x.é", "x.\ud800"])
def test_what_is_no_signed_text(token: str, settings: Settings) -> None:
    assert read_signed(settings, "confirm", token) is None
    assert read_signed(settings, "confirm", sign(settings, "confirm", "a.b")) == "a.b"


def test_a_message_falls_back_to_the_language_it_has(settings: Settings) -> None:
    payload = {"subject": {"zh": "只有中文"}, "text": {"zh": "正文"}}
    assert write_letter("message", payload, "en", settings).subject == "只有中文"
    with pytest.raises(KeyError):
        write_letter("nix", payload, "zh", settings)


def test_the_form_of_a_letter() -> None:
    letter = Letter(
        subject="s & t", blocks=("a\nb", Action("go", "https://x/?a=1&b=2"), Entry("e", "https://y/", ("l",))),
        footer=("f",),
    )  # fmt: skip
    assert letter.text() == "a\nb\n\ngo\nhttps://x/?a=1&b=2\n\n· e\n  l\n  https://y/\n\n-- \nf\n"
    assert '<a href="https://x/?a=1&amp;b=2">go</a>' in letter.html()
    assert "<title>s &amp; t</title>" in letter.html()
    assert "<p>a<br>b</p>" in letter.html()

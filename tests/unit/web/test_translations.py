"""Every text a user sees is in the translations, and every translation is complete."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

WEB = Path(__file__).parents[3] / "web"
PAGES = [WEB / name for name in ("app.py", "display.py", "errors.py", "languages.py", "reader.py", "security.py")]
HAN = re.compile(r"[\u3400-\u9fff]")
_PLACES = re.compile(r"%\((\w+)\)s")


@pytest.fixture(scope="module")
def english() -> Catalog:
    with (WEB / "translations/en/LC_MESSAGES/messages.po").open("rb") as file:
        return read_po(file, locale="en")


@pytest.fixture(scope="module")
def extracted() -> set[str]:
    options = {"**/templates/**.html": {"trim_blocks": "true", "lstrip_blocks": "true"}}
    methods = [("**.py", "python"), ("**/templates/**.html", "jinja2"), ("templates/**.html", "jinja2")]
    keywords = {"_": None, "_l": None, "gettext": None, "lazy_gettext": None, "ngettext": (1, 2)}
    found = extract_from_dir(str(WEB), methods, options, keywords)
    return {message if isinstance(message, str) else message[0] for _, _, message, _, _ in found}


def test_every_text_has_its_english(english: Catalog, extracted: set[str]) -> None:
    assert len(extracted) > 250
    assert sorted(text for text in extracted if not (english.get(text) and english.get(text).string)) == []


def test_no_translation_is_left_over_or_uncertain(english: Catalog, extracted: set[str]) -> None:
    assert sorted(message.id for message in english if message.id and message.id not in extracted) == []
    assert [message.id for message in english if message.id and message.fuzzy] == []


def test_translations_are_english_and_keep_their_places(english: Catalog) -> None:
    for message in english:
        if message.id:
            assert not HAN.search(message.string), message.id
            assert set(_PLACES.findall(message.string)) == set(_PLACES.findall(message.id)), message.id
            assert [part for part in Formatter().parse(message.string) if part[1]] == [], message.id


def test_templates_have_no_text_outside_the_translations() -> None:
    marked = re.compile(r"_\((?:'[^']*'|\"[^\"]*\")")
    comments = re.compile(r"\{#.*?#\}", re.DOTALL)
    for template in (WEB / "templates").rglob("*.html"):
        text = marked.sub("", comments.sub("", template.read_text(encoding="utf-8")))
        left = [line.strip() for line in text.splitlines() if HAN.search(line)]
        assert left == [], template


_ERRORS = ("NotAllowed", "NotFound", "InvalidInput", "IllegalMove")


def test_python_has_no_text_outside_the_translations() -> None:
    files = [*PAGES, *(WEB / "html").glob("*.py"), *(WEB / "forms").glob("*.py"), WEB / "suggestion_cards.py"]
    for file in files:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        allowed: set[int] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                # Domain errors carry both languages; patterns are not shown.
                if name in (*_ERRORS, "_", "_l", "gettext", "compile", "fullmatch", "removesuffix"):
                    allowed |= {id(child) for argument in node.args for child in ast.walk(argument)}
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                allowed.add(id(node.value))  # docstrings
        left = [
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and HAN.search(node.value)
            and id(node) not in allowed
        ]
        assert [text for text in left if text not in ("中文", "，", "年", "月", "日")] == [], file


def test_english_counts_one_as_well_as_many(english: Catalog) -> None:
    """`Rows: 1` is right where `1 rows` is not; what is always many, or said of events only, may count its nouns."""
    counted = re.compile(r"%\((?:count|days|number|total)\)s (?:[a-z-]+ )?[a-z]+s\b")
    always_many = ("hours", "days", "meetings", "participants", "pairs", "values", "changes", "needs", "cancellations",
                   "invitations", "calendar", "seconds", "as")  # fmt: skip
    found = [
        message.string
        for message in english
        if isinstance(message.string, str)
        and (match := counted.search(message.string))
        and not match.group().split(" ", 1)[1].split()[-1].startswith(always_many)
    ]
    assert found == []

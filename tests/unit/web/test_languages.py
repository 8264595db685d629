"""Dates, amounts and numbers as people write them in either language."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from flask import Flask

from matching.documents import MoneyRange
from tests.unit.web.conftest import Browser
from web.languages import format_amount, format_day, format_moment, format_money, format_number, format_size

LATE = datetime(2026, 11, 24, 16, 30, tzinfo=UTC)


def in_page(app: Flask, language: str) -> object:
    return app.test_request_context("/", headers={"Accept-Language": language})


@pytest.mark.parametrize(
    ("language", "day", "moment"),
    [("zh", "2026年11月25日", "2026年11月25日 00:30"), ("en", "25 Nov 2026", "25 Nov 2026 00:30")],
)
def test_moments_are_on_the_clock_of_china(app: Flask, language: str, day: str, moment: str) -> None:
    with in_page(app, language):  # type: ignore[attr-defined]
        assert format_day(LATE) == day
        assert format_moment(LATE) == moment
        assert format_day(date(2026, 11, 25)) == day
        assert format_day(None) == ""


@pytest.mark.parametrize(
    ("money", "zh", "en"),
    [
        (None, "未说明", "Not stated"),
        (MoneyRange(minimum=Decimal(20), maximum=Decimal(30)), "20–30 万元", "CNY 200,000–300,000"),
        (MoneyRange(minimum=Decimal(20), maximum=Decimal(20)), "20 万元", "CNY 200,000"),
        (MoneyRange(minimum=Decimal("0.5")), "0.5 万元起", "from CNY 5,000"),
        (MoneyRange(maximum=Decimal(1200)), "不超过 1,200 万元", "up to CNY 12,000,000"),
        (MoneyRange(negotiable=True), "面议", "Negotiable"),
        (
            MoneyRange(minimum=Decimal(20), maximum=Decimal(30), negotiable=True),
            "20–30 万元（可面议）",
            "CNY 200,000–300,000 (negotiable)",
        ),
    ],
)
def test_amounts(app: Flask, money: MoneyRange | None, zh: str, en: str) -> None:
    with in_page(app, "zh"):  # type: ignore[attr-defined]
        assert format_money(money) == zh
    with in_page(app, "en"):  # type: ignore[attr-defined]
        assert format_money(money) == en


@pytest.mark.parametrize(("language", "shown"), [("zh", "1,878.6 万元"), ("en", "CNY 18,786,000")])
def test_an_amount_is_told_in_the_unit_of_its_reader(app: Flask, language: str, shown: str) -> None:
    with in_page(app, language):  # type: ignore[attr-defined]
        assert format_amount(Decimal("1878.6")) == shown


def test_numbers() -> None:
    assert format_number(1234567) == "1,234,567"
    assert format_number(Decimal("1234.50")) == "1,234.50"


def test_the_browsers_language_is_taken_and_can_be_changed(open_browser: Callable[..., Browser]) -> None:
    assert '<html lang="en">' in open_browser(language="en-GB,en;q=0.8,fr;q=0.5").get("/").text
    assert '<html lang="zh-CN">' in open_browser(language="fr").get("/").text
    browser = open_browser(language="zh-CN")
    answer = browser.get("/language/en", headers={"Referer": "http://localhost/search?type=capability"})
    assert answer.headers["Location"] == "/search?type=capability"
    assert '<html lang="en">' in browser.get("/").text
    assert browser.get("/language/fr").status_code == 404


@pytest.mark.parametrize("came_from", ["https://evil.example/x", "http://localhost//evil.example", ""])
def test_changing_the_language_leads_nowhere_else(open_browser: Callable[..., Browser], came_from: str) -> None:
    assert open_browser().get("/language/en", headers={"Referer": came_from}).headers["Location"] == "/"


@pytest.mark.parametrize(
    ("size", "shown"), [(11, "11 B"), (3_400, "3.4 KB"), (1_249_000, "1.2 MB"), (20_000_000, "20.0 MB")]
)
def test_sizes_of_files_are_written_as_file_managers_do(size: int, shown: str) -> None:
    assert format_size(size) == shown

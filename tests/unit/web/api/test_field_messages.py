"""Messages of the schemas have their Chinese, and places are named as callers wrote them."""

from __future__ import annotations

import pytest

from web.api.field_messages import FieldFault, chinese_of, faults_of


def test_places_are_flattened() -> None:
    assert faults_of(
        {"json": {"title": ["Missing data for required field."], "budget": {"minimum": ["Not a valid number."]}}}
    ) == [
        FieldFault("title", "必须填写", "Missing data for required field."),
        FieldFault("budget.minimum", "应为数字", "Not a valid number."),
    ]
    assert faults_of({"query": {"keywords": {2: ["Not a valid string."]}}}) == [
        FieldFault("keywords[2]", "应为文字", "Not a valid string.")
    ]
    assert faults_of({"json": {"_schema": ["Invalid input type."]}}) == [
        FieldFault(None, "应为对象", "Invalid input type.")
    ]
    assert faults_of({"json": {"budget": {"_schema": ["Invalid input type."]}}}) == [
        FieldFault("budget", "应为对象", "Invalid input type.")
    ]


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("Longer than maximum length 200.", "最多 200 个"),
        ("Length must be between 1 and 200.", "长度应为 1 到 200"),
        ("Must be one of: zh, en.", "只能是：zh, en"),
        (
            "Must be greater than or equal to 1 and less than or equal to 9.",
            "应在 1 到 9 之间",
        ),
        ("Never heard of.", None),
    ],
)
def test_chinese(english: str, chinese: str | None) -> None:
    assert chinese_of(english) == chinese

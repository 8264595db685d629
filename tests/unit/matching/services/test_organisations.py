"""Names by which duplicates are proposed."""

from __future__ import annotations

import pytest

from matching.services.organisations import name_key


@pytest.mark.parametrize(
    "names",
    [
        ("华鳌(集团)有限公司", "华鳌（集团）有限公司", "华鳌集团", "华鳌 集团 有限公司"),
        ("鹤山示例电路股份有限公司", "鹤山示例电路有限公司", "鹤山示例电路"),
        ("Example Optics Co., Ltd.", "EXAMPLE OPTICS", "Example Optics Limited"),
    ],
)
def test_spellings_of_one_name_share_a_key(names: tuple[str, ...]) -> None:
    assert len({name_key(name) for name in names}) == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("鹤山甲有限公司", "鹤山乙有限公司"),
        ("有限公司", "集团"),
        ("甲一分公司", "甲二分公司"),
        ("Example Optics Ltd", "Example Optical Ltd"),
    ],
)
def test_different_names_differ(first: str, second: str) -> None:
    assert name_key(first) != name_key(second)


@pytest.mark.parametrize("name", ["有限公司", "集团有限公司", "Co., Ltd."])
def test_a_bare_legal_form_keeps_a_key(name: str) -> None:
    assert name_key(name) != ""

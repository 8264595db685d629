"""Files of a new post in a browser: kept when they are chosen, and without a script with whatever button is pressed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import Visit
from tests.e2e.pages import find_barriers, find_overflow

pytestmark = pytest.mark.e2e

FIRM = "engineer@example.cn"


@pytest.mark.parametrize(("scripts", "width"), [(True, 390), (False, 1280)])
def test_files_are_there_from_the_first_step_on(
    visit: Callable[..., Visit], tmp_path: Path, scripts: bool, width: int
) -> None:
    drawing, wrong = tmp_path / "图 纸.pdf", tmp_path / "坏.pdf"
    drawing.write_bytes(b"%PDF-1.7\nx")
    wrong.write_bytes(b"MZ program")
    firm = visit(FIRM, width=width, scripts=scripts)
    firm.open("/needs/new")
    firm.page.fill("#title", "带附件的需求")
    firm.page.fill("#problem", "压合后翘曲")
    firm.page.set_input_files("#unsent-file", [drawing, wrong])
    if not scripts:
        firm.page.click("form#post-form .dj-buttons button[name=then][value='next:targets']")
    firm.page.wait_for_selector("#unsent-files li")
    assert "坏.pdf：文件内容不是 .pdf" in firm.page.inner_text("#unsent-files")
    assert firm.page.input_value("#title") == "带附件的需求"
    assert find_overflow(firm) == 0
    if scripts:
        assert find_barriers(firm) == []
    firm.page.click(".dj-stepper button[value='step:check']")
    firm.page.wait_for_selector("[data-step=check].dj-step--here")
    assert "图 纸.pdf" in firm.page.inner_text("[data-step=check]")
    firm.keep_picture(f"need-new-files-{width}")
    firm.page.click("button[name=then][value=draft]")
    firm.page.wait_for_selector("#attachments a[download]")
    assert firm.page.locator("#attachments a[download]").all_inner_texts() == ["图 纸.pdf"]

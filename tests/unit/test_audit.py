"""The audit of dependencies: every licence was looked at, and what was not checked is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import audit
from tests.audit import (
    LOCK,
    NPM_LOCK,
    Part,
    installed_parts,
    licences_of,
    locked_names,
    npm_parts,
    read_findings,
    unknown_licences,
)


def test_every_licence_of_the_lock_was_looked_at(tmp_path: Path) -> None:
    parts, _missing = installed_parts(locked_names(LOCK.read_text(encoding="utf-8")))
    assert len(parts) > 100
    parts += npm_parts(NPM_LOCK.read_text(encoding="utf-8"))
    assert unknown_licences(parts) == []
    audit.write_sbom(parts, tmp_path / "sbom.json")
    written = json.loads((tmp_path / "sbom.json").read_text(encoding="utf-8"))
    assert written["bomFormat"] == "CycloneDX"
    assert {one["name"] for one in written["components"]} == {part.name for part in parts}
    [flask] = [one for one in written["components"] if one["name"] == "flask"]
    assert flask["purl"].startswith("pkg:pypi/flask@")
    [popper] = [one for one in written["components"] if one["name"] == "@popperjs/core"]
    assert popper["purl"].startswith("pkg:npm/%40popperjs/core@")
    assert popper["licenses"] == [{"license": {"name": "MIT"}}]


@pytest.mark.parametrize(
    ("fields", "licences"),
    [
        ({"License-Expression": ["Apache-2.0 AND (MIT OR BSD-3-Clause)"]}, ("Apache-2.0", "BSD-3-Clause", "MIT")),
        ({"Classifier": ["License :: OSI Approved :: MIT License", "Framework :: Flask"]}, ("MIT",)),
        ({"License": ["GPLv3\nand a long text"]}, ("GPLv3",)),
        ({"Classifier": ["License :: OSI Approved"], "License": [" "]}, ()),
    ],
)
def test_licences_are_read_from_what_packages_say(fields: dict[str, list[str]], licences: tuple[str, ...]) -> None:
    assert licences_of(fields) == licences


def test_what_nobody_looked_at_is_named() -> None:
    parts = [Part("free", "1", ("MIT",)), Part("viral", "2", ("AGPL-3.0-only", "MIT")), Part("silent", "3", ())]
    assert unknown_licences(parts) == ["viral 2: AGPL-3.0-only, MIT", "silent 3: names no licence"]


def test_findings_and_silence_are_told_apart() -> None:
    output = {
        "dependencies": [
            {"name": "weak", "version": "1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2"]}]},
            {"name": "well", "version": "1", "vulns": []},
            {"name": "unheard", "skip_reason": "not found"},
        ]
    }
    assert read_findings(json.dumps(output)) == (["weak 1: PYSEC-1, repaired in 2"], ["unheard"])


def test_a_database_that_does_not_answer_is_no_success(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def away() -> tuple[list[str], list[str]]:
        raise ConnectionError("the vulnerability database does not answer")

    monkeypatch.setattr(audit, "SBOM", audit.ROOT / "build" / "sbom-of-test.cdx.json")
    monkeypatch.setattr(audit, "ask_for_vulnerabilities", away)
    monkeypatch.setattr(audit, "ask_for_npm_vulnerabilities", lambda: ["bootstrap <6: high (npm)"])
    assert audit.main() == 1
    assert "NOT CHECKED: the vulnerability database does not answer" in capsys.readouterr().err
    monkeypatch.setattr(audit, "ask_for_npm_vulnerabilities", list)
    monkeypatch.setattr(audit, "ask_for_vulnerabilities", lambda: ([], ["flask"]))
    assert audit.main() == 1
    assert "NOT CHECKED for 1 of" in capsys.readouterr().err
    assert audit.main(["--without-vulnerabilities"]) == 0
    assert "NOT CHECKED, as asked" in capsys.readouterr().out

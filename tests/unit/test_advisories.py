"""Vulnerabilities from OSV files: by range, by list, in both ecosystems, and never silent where nothing was checked."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import audit
from tests.advisories import (
    Affected,
    LockedPackage,
    UnreadableAdvisory,
    affecting,
    is_affected,
    locked_npm_packages,
    read_advisories,
)


def record(
    number: int, ecosystem: str = "PyPI", name: str = "Weak_Package", *events: dict[str, str], **more: Any
) -> dict[str, Any]:
    kind = "SEMVER" if ecosystem == "npm" else "ECOSYSTEM"
    about = {"package": {"ecosystem": ecosystem, "name": name}, "ranges": [{"type": kind, "events": list(events)}]}
    about |= {"versions": more.pop("versions")} if "versions" in more else {}
    return {"id": f"OSV-{number}", "modified": "2026-10-01T00:00:00Z", "affected": [about], **more}


RECORDS = [
    record(1, "PyPI", "Weak_Package", {"introduced": "0"}, {"fixed": "1.10"}, aliases=["CVE-2026-1"]),
    record(2, "PyPI", "Weak_Package", {"introduced": "2.0rc1"}, {"last_affected": "2.3"}),
    record(3, "PyPI", "Weak_Package", {"introduced": "0"}, withdrawn="2026-01-01T00:00:00Z"),
    record(4, "PyPI", "listed", versions=["1.0", "1.2"]),
    record(5, "npm", "@scope/widget", {"introduced": "1.0.0-beta.2"}, {"fixed": "1.0.0"}),
    record(6, "npm", "@scope/widget", {"introduced": "2.0.0"}, {"fixed": "2.1.0"}, {"introduced": "2.1.0"}),
    record(7, "PyPI", "never.repaired", {"introduced": "0"}),
    {"id": "OSV-8", "affected": [{"ranges": [{"type": "GIT", "repo": "r", "events": [{"introduced": "0"}]}]}]},
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a file a record and a zip that has one, as osv.dev offers them."""
    made = tmp_path / "osv"
    (made / "PyPI").mkdir(parents=True)
    for one in RECORDS[:-2]:
        (made / "PyPI" / f"{one['id']}.json").write_text(json.dumps(one), encoding="utf-8")
    with zipfile.ZipFile(made / "all.zip", "w") as archive:
        archive.writestr("OSV-7.json", json.dumps(RECORDS[-2]))
        archive.writestr("readme.txt", "no advisory")
    (made / "list.json").write_text(json.dumps([RECORDS[-1]]), encoding="utf-8")
    return made


@pytest.mark.parametrize(
    ("ecosystem", "name", "version", "ids"),
    [
        ("PyPI", "weak-package", "1.9", ["OSV-1"]),
        ("PyPI", "weak.package", "1.9", ["OSV-1"]),  # a name of PyPI in any spelling
        ("PyPI", "weak-package", "1.10", []),  # later than 1.9, though not by letters
        ("PyPI", "weak-package", "1.10rc1", ["OSV-1"]),  # before the version that repairs it
        ("PyPI", "weak-package", "2.0rc1", ["OSV-2"]),
        ("PyPI", "weak-package", "2.0b1", []),
        ("PyPI", "weak-package", "2.3", ["OSV-2"]),
        ("PyPI", "weak-package", "2.3.post1", []),
        ("PyPI", "listed", "1.0", ["OSV-4"]),
        ("PyPI", "listed", "1.0.0", ["OSV-4"]),  # the same version
        ("PyPI", "listed", "1.1", []),
        ("PyPI", "never-repaired", "99", ["OSV-7"]),
        ("PyPI", "@scope/widget", "1.0.0-rc.1", []),  # of another ecosystem
        ("npm", "@scope/widget", "1.0.0-beta.1", []),
        ("npm", "@scope/widget", "1.0.0-beta.11", ["OSV-5"]),
        ("npm", "@scope/widget", "1.0.0", []),
        ("npm", "@scope/widget", "2.1.0", ["OSV-6"]),  # repaired and broken again at once
        ("npm", "@Scope/widget", "2.1.0", []),
        ("npm", "@scope/widget", "not a version", ["OSV-5", "OSV-6"]),  # somebody has to look
    ],
)
def test_a_version_is_compared_as_its_ecosystem_does(
    folder: Path, ecosystem: str, name: str, version: str, ids: list[str]
) -> None:
    found = affecting(read_advisories([folder]), [LockedPackage(ecosystem, name, version)])
    assert [line.split(": ")[1].split(",")[0] for line in found] == ids


def test_a_finding_says_what_it_is_called_elsewhere_and_what_repairs_it(folder: Path) -> None:
    advisories = read_advisories([folder])
    assert affecting(advisories, [LockedPackage("PyPI", "weak-package", "1.0")]) == [
        "weak-package 1.0: OSV-1, CVE-2026-1, repaired in 1.10"
    ]
    [line] = affecting(advisories, [LockedPackage("PyPI", "never-repaired", "1")])
    assert line.endswith("repaired in no version yet")
    assert (advisories.counts, advisories.newest) == ({"PyPI": 4, "npm": 2}, "2026-10-01")


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=2, max_size=6, unique=True), st.integers(0, 30), st.randoms())
def test_ranges_hold_from_where_they_begin_to_where_they_end(bounds: list[int], mine: int, random: Any) -> None:
    """Against a plain walk over all versions; the order of the events in the file does not matter."""
    ordered = sorted(bounds)
    events = [{"fixed" if place % 2 else "introduced": f"1.{bound}.0"} for place, bound in enumerate(ordered)]
    inside = sum(bound <= mine for bound in ordered) % 2 == 1
    random.shuffle(events)
    affected = Affected("OSV-9", (), frozenset(), (tuple(events),))
    for ecosystem in ("PyPI", "npm"):
        assert is_affected(ecosystem, f"1.{mine}.0", affected) == inside


@pytest.mark.parametrize(
    "content",
    [b"{", b"[1]", b'{"no": "id"}', b'{"id": "x", "affected": [{"package": {}}]}', b'{"id": "x", "affected": 1}'],
)  # fmt: skip
def test_what_is_no_advisory_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "wrong.json").write_bytes(content)
    with pytest.raises(UnreadableAdvisory, match=r"wrong\.json"):
        read_advisories([tmp_path])
    (tmp_path / "wrong.json").rename(tmp_path / "wrong.zip")
    with pytest.raises(UnreadableAdvisory, match=r"wrong\.zip"):
        read_advisories([tmp_path / "wrong.zip"])
    with pytest.raises(UnreadableAdvisory, match="nothing"):
        read_advisories([tmp_path / "nothing.json"])


def test_packages_within_packages_are_locked_too() -> None:
    lock = {
        "packages": {
            "": {"name": "product", "version": "1.0.0"},
            "node_modules/@scope/widget": {"version": "1.0.0"},
            "node_modules/a/node_modules/@scope/widget": {"version": "2.0.0"},
            "node_modules/here": {"link": True, "version": "1.0.0"},
            "node_modules/alias": {"name": "real", "version": "3.0.0"},
        }
    }
    assert [(one.name, one.version) for one in locked_npm_packages(json.dumps(lock))] == [
        ("@scope/widget", "1.0.0"), ("@scope/widget", "2.0.0"), ("real", "3.0.0"),
    ]  # fmt: skip


def test_the_audit_reads_files_without_a_network(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse() -> Any:
        raise AssertionError("asked the network")

    monkeypatch.setattr(audit, "ask_for_vulnerabilities", refuse)
    monkeypatch.setattr(audit, "SBOM", audit.ROOT / "build" / "sbom-of-test.cdx.json")
    assert audit.main(["--osv", str(folder)]) == 0
    assert "none in" in capsys.readouterr().out
    weak = record(10, "npm", "bootstrap", {"introduced": "5.0.0"})
    (folder / "bootstrap.json").write_text(json.dumps(weak), encoding="utf-8")
    assert audit.main(["--osv", str(folder)]) == 1
    assert "bootstrap 5.3.9: OSV-10, repaired in no version yet" in capsys.readouterr().err
    assert audit.main(["--osv", str(folder / "PyPI" / "OSV-1.json")]) == 1
    assert "NOT CHECKED for npm, of which the files say nothing" in capsys.readouterr().err
    assert audit.main(["--osv", str(tmp_path / "nothing.json")]) == 1
    assert "NOT CHECKED" in capsys.readouterr().err

"""Known vulnerabilities from files in the OSV format (https://ossf.github.io/osv-schema/), without any network.

    advisories = read_advisories([Path("PyPI.zip"), Path("npm.zip")])
    affecting(advisories, [LockedPackage("PyPI", "flask", "3.1.0")])

The files are those that osv.dev offers as one zip an ecosystem, or any folder, zip or file of such records.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.version import InvalidVersion
from packaging.version import Version as PythonVersion
from semver import Version as NpmVersion


class UnreadableAdvisory(Exception):
    """A file that is no advisory; the text names it."""


@dataclass(frozen=True, slots=True)
class LockedPackage:
    """A package of a lock file; `ecosystem` is PyPI or npm, as OSV writes them."""

    ecosystem: str
    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Affected:
    """What one advisory says of one package."""

    advisory_id: str
    aliases: tuple[str, ...]
    versions: frozenset[str]
    ranges: tuple[tuple[Mapping[str, str], ...], ...]
    """Events of each range that is of versions; ranges of commits say nothing of a release."""

    @property
    def repaired_in(self) -> str:
        """Versions that no longer have the weakness."""
        fixed = dict.fromkeys(event["fixed"] for events in self.ranges for event in events if "fixed" in event)
        return ", ".join(fixed) or "no version yet"


@dataclass(frozen=True, slots=True)
class Advisories:
    """By ecosystem and normal name. `newest` is the day of the latest record, "" where there is none."""

    by_package: Mapping[tuple[str, str], Sequence[Affected]]
    counts: Mapping[str, int]
    newest: str


def read_advisories(places: Iterable[Path]) -> Advisories:
    """All records that were not withdrawn; raises UnreadableAdvisory naming a file that holds none."""
    by_package: dict[tuple[str, str], list[Affected]] = {}
    counts: dict[str, int] = {}
    newest = ""
    for place in places:
        for where, text in _files(place):
            for record in _records(where, text):
                newest = max(newest, str(record.get("modified", ""))[:10])
                if record.get("withdrawn"):
                    continue
                seen = set()
                for ecosystem, name, affected in _affected(where, record):
                    by_package.setdefault((ecosystem, name), []).append(affected)
                    seen.add(ecosystem)
                for ecosystem in seen:
                    counts[ecosystem] = counts.get(ecosystem, 0) + 1
    return Advisories(by_package, counts, newest)


def affecting(advisories: Advisories, packages: Iterable[LockedPackage]) -> list[str]:
    """One line for each package and advisory that is of its version."""
    found: list[str] = []
    for package in packages:
        known = advisories.by_package.get((package.ecosystem, normal_name(package.ecosystem, package.name)), ())
        lines: dict[str, str] = {}
        for one in known:
            if is_affected(package.ecosystem, package.version, one):
                names = ", ".join((one.advisory_id, *one.aliases))
                lines[one.advisory_id] = f"{package.name} {package.version}: {names}, repaired in {one.repaired_in}"
        found += lines.values()
    return found


def is_affected(ecosystem: str, version: str, affected: Affected) -> bool:
    """Whether a version is listed or lies in a range, as the format's evaluation says.

    A version or a bound that cannot be compared counts as affected: somebody has to look.
    """
    if version in affected.versions:
        return True
    try:
        mine = _order(ecosystem, version)
        if any(_same(ecosystem, mine, listed) for listed in affected.versions):
            return True
        return any(_is_in(ecosystem, mine, events) for events in affected.ranges)
    except (InvalidVersion, ValueError, TypeError):
        return True


def normal_name(ecosystem: str, name: str) -> str:
    """PyPI's names count without case and with `-` for `.` and `_`; npm's as they are."""
    return re.sub(r"[-_.]+", "-", name).lower() if ecosystem == "PyPI" else name


def locked_npm_packages(lock: str) -> list[LockedPackage]:
    """The packages of a package-lock.json, those of packages within packages too."""
    found = {
        (about.get("name") or place.rpartition("node_modules/")[2], about["version"])
        for place, about in json.loads(lock)["packages"].items()
        if place and "version" in about and not about.get("link")
    }
    return [LockedPackage("npm", name, version) for name, version in sorted(found)]


def _is_in(ecosystem: str, mine: Any, events: Sequence[Mapping[str, str]]) -> bool:
    limits = [event["limit"] for event in events if "limit" in event]
    if limits and not any(limit == "*" or mine < _order(ecosystem, limit) for limit in limits):
        return False
    bounds = [
        (None if bound == "0" else _order(ecosystem, bound), kind)
        for event in events
        for kind, bound in event.items()
        if kind in ("introduced", "fixed", "last_affected")
    ]
    # In the order of versions, the beginning of all first. What begins where something ended is there again.
    rank = {"last_affected": 0, "fixed": 1, "introduced": 2}
    first = [one for one in bounds if one[0] is None]
    later = sorted((one for one in bounds if one[0] is not None), key=lambda one: (one[0], rank[one[1]]))
    vulnerable = False
    for bound, kind in [*first, *later]:
        reached = bound is None or not mine < bound
        passed = bound is None or bound < mine
        if kind == "introduced" and reached:
            vulnerable = True
        elif (kind == "fixed" and reached) or (kind == "last_affected" and passed):
            vulnerable = False
    return vulnerable


def _same(ecosystem: str, mine: Any, listed: str) -> bool:
    try:
        return bool(mine == _order(ecosystem, listed))
    except (InvalidVersion, ValueError):
        return False  # an old version with a name of its own, which a lock would name the same


def _order(ecosystem: str, version: str) -> Any:
    return PythonVersion(version) if ecosystem == "PyPI" else NpmVersion.parse(version)


def _affected(where: str, record: Mapping[str, Any]) -> Iterator[tuple[str, str, Affected]]:
    try:
        for one in record.get("affected", ()):
            package = one.get("package")
            if package is None:
                continue  # of a repository, not of a package
            ecosystem = str(package["ecosystem"]).partition(":")[0]
            ranges = tuple(tuple(found["events"]) for found in one.get("ranges", ()) if found["type"] != "GIT")
            yield (
                ecosystem,
                normal_name(ecosystem, package["name"]),
                Affected(
                    str(record["id"]), tuple(record.get("aliases", ())), frozenset(one.get("versions", ())), ranges
                ),
            )
    except (KeyError, TypeError, AttributeError) as error:
        raise UnreadableAdvisory(f"{where}: no record of OSV ({error!r})") from error


def _records(where: str, text: bytes) -> Iterator[Mapping[str, Any]]:
    try:
        read = json.loads(text)
    except ValueError as error:
        raise UnreadableAdvisory(f"{where}: no JSON") from error
    for record in read if isinstance(read, list) else [read]:
        if not isinstance(record, dict) or "id" not in record:
            raise UnreadableAdvisory(f"{where}: no record of OSV")
        yield record


def _files(place: Path) -> Iterator[tuple[str, bytes]]:
    """(name, content) of every file of advisories at a place."""
    if place.is_dir():
        for path in sorted(place.rglob("*")):
            if path.suffix in (".json", ".zip") and path.is_file():
                yield from _files(path)
    elif place.suffix == ".zip":
        try:
            with zipfile.ZipFile(io.BytesIO(place.read_bytes())) as archive:
                for name in archive.namelist():
                    if name.endswith(".json"):
                        yield f"{place}:{name}", archive.read(name)
        except (OSError, zipfile.BadZipFile) as error:
            raise UnreadableAdvisory(f"{place}: cannot be read") from error
    else:
        try:
            yield str(place), place.read_bytes()
        except OSError as error:
            raise UnreadableAdvisory(f"{place}: cannot be read") from error

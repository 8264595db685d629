"""`make audit`: what the product is made of, under which licences, and whether weaknesses of it are known.

Writes `build/sbom.cdx.json` (CycloneDX), fails on a licence that nobody has looked at, and on a known vulnerability.
`--osv PATH` (a folder, zip or file in the OSV format, any number of them) says what is known, without a network;
without it pip-audit and npm ask their databases. Where nobody answers, or the files say nothing of an ecosystem, it
says so and fails too: not to know is not to be safe. With `--without-vulnerabilities` that part is left out, and the
output says that it was.
"""

from __future__ import annotations

import argparse
import importlib.metadata as metadata
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from tests.advisories import (
    LockedPackage,
    UnreadableAdvisory,
    affecting,
    locked_npm_packages,
    read_advisories,
)

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements.lock"
NPM_LOCK = ROOT / "package-lock.json"
SBOM = ROOT / "build" / "sbom.cdx.json"
_TIMEOUT_SECONDS = 300

ALLOWED = frozenset(
    {
        "0BSD", "Apache-2.0", "BSD", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "CNRI-Python", "ISC",
        "LLVM-exception", "MIT", "MIT-0", "MIT-CMU", "PSF-2.0", "Unlicense", "Zlib",
        # Weak copyleft: used unchanged as libraries, which asks only to say so and to keep them replaceable.
        "LGPL-3.0-only", "MPL-2.0",
    }
)  # fmt: skip
"""Licences under which a part may come, as SPDX names them."""

NAMES: Mapping[str, str] = {
    "3-clause bsd license": "BSD-3-Clause",
    "apache 2.0 license": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd license": "BSD",
    "isc license (iscl)": "ISC",
    "mit license": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "python software foundation license": "PSF-2.0",
    "the unlicense (unlicense)": "Unlicense",
}
"""What older packages write instead."""

LOOKED_AT: Mapping[str, str] = {
    "cuda-*": "NVIDIA's terms; torch brings it on Linux, we neither ship nor call it",
    "nvidia-*": "NVIDIA's terms; torch brings it on Linux, we neither ship nor call it",
    "pypdfium2": "BSD-3-Clause and Apache-2.0; its wheel holds PDFium, whose parts come under such licences too",
    "triton": "MIT; torch brings it on Linux",
    "torch": "BSD-3-Clause; its file names the licences of what it bundles",
}
"""Packages whose own words are no licence of the list, with what was found when somebody looked."""


@dataclass(frozen=True, slots=True)
class Part:
    """A package of a lock; `ecosystem` is PyPI or npm."""

    name: str
    version: str
    licences: tuple[str, ...]
    ecosystem: str = "PyPI"


def locked_names(lock: str) -> list[str]:
    """The packages of a lock file, in its order; what holds only on other systems too."""
    return re.findall(r"(?m)^([A-Za-z0-9._-]+)==", lock)


def licences_of(fields: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The licences that a package's metadata names: its expression, else its classifiers, else its own words."""
    for expression in fields.get("License-Expression", ()):
        return tuple(sorted(set(re.split(r"\s+(?:AND|OR|WITH)\s+|[()]", expression)) - {""}))
    named = [one.rpartition("::")[2].strip() for one in fields.get("Classifier", ()) if one.startswith("License ::")]
    named = [one for one in named if one not in ("OSI Approved", "DFSG approved")]
    if not named:
        words = [one.strip().splitlines()[0][:60] for one in fields.get("License", ()) if one.strip()]
        named = [part for one in words for part in one.split(" AND ")]
    return tuple(sorted({NAMES.get(one.lower(), one) for one in named}))


def locked_packages(lock: str) -> list[LockedPackage]:
    """The packages of a requirements.lock with their versions, what holds only on other systems too."""
    return [LockedPackage("PyPI", *found) for found in re.findall(r"(?m)^([A-Za-z0-9._-]+)==([^\s;]+)", lock)]


def npm_parts(lock: str) -> list[Part]:
    """The packages of a package-lock.json with the licences that it names."""
    licences = {
        (about.get("name") or place.rpartition("node_modules/")[2], about.get("version")): about.get("license", "")
        for place, about in json.loads(lock)["packages"].items()
    }
    parts = []
    for package in locked_npm_packages(lock):
        named = licences[package.name, package.version]
        words = tuple(sorted(set(re.split(r"\s+(?:AND|OR|WITH)\s+|[()]", named)) - {""}))
        parts.append(Part(package.name, package.version, words, "npm"))
    return parts


def installed_parts(names: Iterable[str]) -> tuple[list[Part], list[str]]:
    """The packages as installed, and the names of those that are not: they belong to another system."""
    parts, missing = [], []
    for name in names:
        try:
            found = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            missing.append(name)
            continue
        fields = {key: found.metadata.get_all(key) or [] for key in ("License-Expression", "Classifier", "License")}
        parts.append(Part(name, found.version, licences_of(fields)))
    return parts, missing


def unknown_licences(parts: Iterable[Part]) -> list[str]:
    """What nobody has looked at yet, one line a package."""
    return [
        f"{part.name} {part.version}: {', '.join(part.licences) or 'names no licence'}"
        for part in parts
        if not _was_looked_at(part.name) and (not part.licences or not set(part.licences) <= ALLOWED)
    ]


def _was_looked_at(name: str) -> bool:
    return any(re.fullmatch(pattern.replace("*", ".*"), name) for pattern in LOOKED_AT)


def write_sbom(parts: Iterable[Part], path: Path) -> None:
    """The bill of materials as CycloneDX JSON."""
    product = Component(
        name="duijie", version=metadata.version("duijie"), type=ComponentType.APPLICATION, bom_ref="duijie"
    )
    components = [
        Component(
            name=part.name,
            version=part.version,
            type=ComponentType.LIBRARY,
            purl=_purl(part),
            bom_ref=f"{part.ecosystem}:{part.name}=={part.version}",
            licenses=[DisjunctiveLicense(name=one) for one in part.licences],
        )
        for part in parts
    ]
    bom = Bom(components=components)
    bom.metadata.component = product
    bom.register_dependency(product, components)
    path.parent.mkdir(exist_ok=True)
    path.write_text(JsonV1Dot6(bom).output_as_string(indent=1), encoding="utf-8")


def _purl(part: Part) -> PackageURL:
    scope, _, name = part.name.rpartition("/")
    return PackageURL(part.ecosystem.lower(), namespace=scope or None, name=name, version=part.version)


def read_findings(output: str) -> tuple[list[str], list[str]]:
    """(known vulnerabilities, packages of which the database said nothing) of pip-audit's JSON."""
    weak, unknown = [], []
    for one in json.loads(output)["dependencies"]:
        if "skip_reason" in one:
            unknown.append(one["name"])
        for found in one.get("vulns", ()):
            fixed = ", ".join(found.get("fix_versions") or ()) or "no version yet"
            weak.append(f"{one['name']} {one['version']}: {found['id']}, repaired in {fixed}")
    return weak, unknown


def ask_for_vulnerabilities() -> tuple[list[str], list[str]]:
    """As `read_findings`, asked now; raises ConnectionError where no database answers."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(LOCK), "--no-deps", "--disable-pip"]
    command += ["--progress-spinner", "off", "--format", "json"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False)
        return read_findings(done.stdout)
    except (subprocess.TimeoutExpired, ValueError, KeyError) as error:
        raise ConnectionError("the vulnerability database does not answer") from error


def ask_for_npm_vulnerabilities() -> list[str]:
    """Known vulnerabilities of what package-lock.json has; raises ConnectionError where no database answers."""
    command = ["npm", "audit", "--package-lock-only", "--json"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False)
        found = json.loads(done.stdout)["vulnerabilities"]
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError) as error:
        raise ConnectionError("the database of npm does not answer") from error
    return [f"{name} {about['range']}: {about['severity']} (npm)" for name, about in sorted(found.items())]


def main(arguments: Sequence[str] = ()) -> int:
    """0 where all is known and well, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="make audit AUDIT=…", description="What the product is made of.")
    parser.add_argument("--osv", type=Path, action="append", metavar="PATH", help="vulnerabilities in the OSV format")
    parser.add_argument("--without-vulnerabilities", action="store_true", help="check licences only")
    chosen = parser.parse_args(arguments)
    lock, npm_lock = LOCK.read_text(encoding="utf-8"), NPM_LOCK.read_text(encoding="utf-8")
    installed, missing = installed_parts(locked_names(lock))
    parts = [*installed, *npm_parts(npm_lock)]
    write_sbom(parts, SBOM)
    elsewhere = f", {len(missing)} not for this system" if missing else ""
    print(f"{SBOM.relative_to(ROOT)}: {len(parts)} packages{elsewhere}")
    wrong = [f"licence not looked at: {line}" for line in unknown_licences(parts)]
    if not wrong:
        print("licences: all known")
    if chosen.without_vulnerabilities:
        print("known vulnerabilities: NOT CHECKED, as asked")
    elif chosen.osv:
        wrong += known_in_files(chosen.osv, [*locked_packages(lock), *locked_npm_packages(npm_lock)])
    else:
        wrong += _vulnerabilities(len(installed))
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


def known_in_files(places: Sequence[Path], packages: Sequence[LockedPackage]) -> list[str]:
    """What files of advisories say against these packages, and of which ecosystems they say nothing."""
    try:
        advisories = read_advisories(places)
    except UnreadableAdvisory as error:
        return [f"known vulnerabilities: NOT CHECKED: {error}"]
    silent = sorted({package.ecosystem for package in packages} - advisories.counts.keys())
    weak = [f"known vulnerabilities: NOT CHECKED for {one}, of which the files say nothing" for one in silent]
    weak += affecting(advisories, packages)
    counted = ", ".join(f"{count} of {name}" for name, count in sorted(advisories.counts.items()))
    if not weak:
        print(f"known vulnerabilities: none in {len(packages)} packages ({counted}, the latest of {advisories.newest})")
    return weak


def _vulnerabilities(parts: int) -> list[str]:
    try:
        weak, unknown = ask_for_vulnerabilities()
    except ConnectionError as error:
        return [f"known vulnerabilities: NOT CHECKED: {error}"]
    if unknown:
        weak.append(
            f"known vulnerabilities: NOT CHECKED for {len(unknown)} of {parts} packages, of which the database that"
            f" could be reached says nothing ({', '.join(unknown[:5])}, …)"
        )
    elif not weak:
        print(f"known vulnerabilities: none in {parts} packages of PyPI")
    try:
        weak += ask_for_npm_vulnerabilities()
    except ConnectionError as error:
        weak.append(f"known vulnerabilities: NOT CHECKED for npm: {error}")
    return weak


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

"""`make audit`: what the product is made of, under which licences, and whether weaknesses of it are known.

Writes `build/sbom.cdx.json` (CycloneDX), fails on a licence that nobody has looked at, and on a known vulnerability.
Where the vulnerability database does not answer it says so and fails too: not to know is not to be safe. With
`--without-vulnerabilities` that part is left out, and the output says that it was.
"""

from __future__ import annotations

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

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements.lock"
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
    """A package of the lock as it is installed."""

    name: str
    version: str
    licences: tuple[str, ...]


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
            purl=PackageURL("pypi", name=part.name, version=part.version),
            bom_ref=f"{part.name}=={part.version}",
            licenses=[DisjunctiveLicense(name=one) for one in part.licences],
        )
        for part in parts
    ]
    bom = Bom(components=components)
    bom.metadata.component = product
    bom.register_dependency(product, components)
    path.parent.mkdir(exist_ok=True)
    path.write_text(JsonV1Dot6(bom).output_as_string(indent=1), encoding="utf-8")


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


def main(arguments: Sequence[str] = ()) -> int:
    """0 where all is known and well, 1 otherwise."""
    names = locked_names(LOCK.read_text(encoding="utf-8"))
    parts, missing = installed_parts(names)
    write_sbom(parts, SBOM)
    elsewhere = f", {len(missing)} not for this system" if missing else ""
    print(f"{SBOM.relative_to(ROOT)}: {len(parts)} packages{elsewhere}")
    wrong = [f"licence not looked at: {line}" for line in unknown_licences(parts)]
    if "--without-vulnerabilities" in arguments:
        print("known vulnerabilities: NOT CHECKED, as asked")
    else:
        wrong += _vulnerabilities(len(parts))
    for line in wrong:
        print(line, file=sys.stderr)
    if not wrong:
        print("licences: all known")
    return 1 if wrong else 0


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
        print(f"known vulnerabilities: none in {parts} packages")
    return weak


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

"""Installs what the tests need besides Python packages: browser, fonts, servers. Says in one line what it could not.

Run by `make test`. Elasticsearch is fetched by `tests.servers.elasticsearch` when first started.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.servers.elasticsearch import fetch_elasticsearch

_POSTGRES = "/usr/lib/postgresql"


def _has_chinese_font() -> bool:
    listed = subprocess.run(["fc-list", ":lang=zh"], capture_output=True, text=True, check=False)
    return bool(listed.stdout.strip())


def _missing_packages() -> list[str]:
    packages = []
    if not shutil.which("chromium"):
        packages += ["chromium"]
    if not shutil.which("fc-list") or not _has_chinese_font():
        packages += ["fontconfig", "fonts-noto-cjk"]
    if not any(Path(_POSTGRES).glob("*/bin/postgres")):
        packages += ["postgresql"]
    return packages


def _install(packages: list[str]) -> bool:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return False
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    quiet = {"env": environment, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "check": False}
    subprocess.run(["apt-get", "update", "-qq"], **quiet)  # type: ignore[call-overload]
    done = subprocess.run(
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages],
        **quiet,  # type: ignore[call-overload]
    )
    return bool(done.returncode == 0)


def main() -> int:
    """0 also when something is missing: the tests that need it are skipped, or fail where CI=true."""
    missing = _missing_packages()
    if missing and not _install(missing):
        print(f"could not install: {' '.join(missing)} (tests that need them are skipped)", file=sys.stderr)
    try:
        fetch_elasticsearch()
    except Exception as error:
        print(f"could not fetch Elasticsearch: {error} (its tests are skipped)", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""The wheel has everything in it: installed into an empty environment, away from the checkout, it runs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = [pytest.mark.packaging, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]

_WEB_CHECK = """
from matching.bootstrap import build_platform
from matching.settings import load_settings
from web.app import create_app

client = create_app(build_platform(load_settings())).test_client()
chinese = client.get("/", headers={"Accept-Language": "zh"})
english = client.get("/", headers={"Accept-Language": "en"})
assert chinese.status_code == english.status_code == 200
assert "<html" in chinese.text and chinese.text != english.text
assert 'lang="en"' in english.text
assert client.get("/api/v1/openapi.json").status_code == 200
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    # A copy, so that what a build leaves behind does not get into the checkout.
    shutil.copytree(
        ROOT,
        source,
        ignore=shutil.ignore_patterns(
            ".git", ".venv", ".cache", "node_modules", "var", "build", "*.egg-info", "__pycache__", "tests"
        ),
    )
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(source)],
        check=True,
        capture_output=True,
    )
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter that has the wheel and the locked packages, and nothing of the checkout."""
    environment = tmp_path_factory.mktemp("environment") / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    interpreter = environment / "bin" / "python"
    lock = str(ROOT / "requirements.lock")
    if shutil.which("uv"):
        command = ["uv", "pip", "install", "--quiet", "--python", str(interpreter), "-c", lock, str(wheel)]
    else:
        command = [str(interpreter), "-m", "pip", "install", "--quiet", "-c", lock, str(wheel)]
    subprocess.run(command, check=True, capture_output=True)
    return interpreter


def test_all_package_data_is_in_the_wheel(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tracked = subprocess.run(
        ["git", "ls-files", "web", "matching", "workers", "seed_data"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split("\n")  # fmt: skip
    # Sources of what is compiled or copied at set-up, and notes for developers, stay behind.
    left_behind = (".mjs", ".po", ".pot", ".gitignore", ".cfg")
    expected = {name for name in tracked if name and not name.endswith(left_behind)}
    assert sorted(expected - set(names)) == []
    assert any(name.endswith("messages.mo") for name in names)
    assert any(name.startswith("web/static/vendor/") for name in names)
    assert "matching/embeddings/models/duijie-encoder/model.safetensors" in names


def test_the_installed_wheel_matches_two_files(python: Path, tmp_path: Path) -> None:
    needs = tmp_path / "needs.csv"
    needs.write_text(
        "需求名称,概述\n线路板翘曲,高频板压合后翘曲 0.9%\n红茶发酵,发酵程度靠经验判断\n", encoding="utf-8-sig"
    )
    capabilities = tmp_path / "capabilities.csv"
    capabilities.write_text(
        "成果名称,简介\n红茶发酵度在线检测,近红外\n多层板翘曲预测,层压残余应力\n", encoding="gb18030"
    )
    out = tmp_path / "matches.jsonl"
    subprocess.run(
        [str(python.parent / "duijie"), "match", str(needs), str(capabilities), "--top", "1", "--out", str(out)],
        check=True, cwd=tmp_path, env=_environment(tmp_path), capture_output=True,
    )  # fmt: skip
    lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert len(lines) == 2
    assert all(line["rank"] == 1 and line["reasons"] for line in lines)


def test_the_installed_wheel_migrates_loads_and_serves(python: Path, tmp_path: Path) -> None:
    environment = _environment(tmp_path)
    for command in (
        [str(python.parent / "duijie"), "database", "upgrade"],
        [str(python), "-m", "seed_data"],
        [str(python), "-c", _WEB_CHECK],
        [str(python), "-c", "import workers.celery_app"],
    ):
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def _environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DUIJIE_", "PYTHON"))}
    return kept | {"DUIJIE_MODE": "demonstration", "DUIJIE_DATA_DIR": str(folder / "data")}

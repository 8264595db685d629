"""Settings: read once, refused clearly, all of them documented."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from matching.errors import InvalidInput
from matching.settings import DEMONSTRATION_SECRET, SECRETS, Settings, load_settings

README = Path(__file__).parents[3] / "README.md"


def test_every_setting_is_in_the_readme_with_its_default_and_meaning() -> None:
    rows = dict(re.findall(r"^\| `DUIJIE_(\w+)` \| (.*) \|$", README.read_text(encoding="utf-8"), re.MULTILINE))
    expected = {}
    for name, field in Settings.model_fields.items():
        default = field.default
        if hasattr(default, "get_secret_value"):
            default = ""
        shown = str(default).lower() if isinstance(default, bool) else str(default if default is not None else "")
        expected[name.upper()] = f"{f'`{shown}`' if shown else ''} | {field.description}"
    assert rows == expected


def test_a_wrong_value_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUIJIE_WEEKLY_LOAD", "many")
    with pytest.raises(InvalidInput) as caught:
        load_settings()
    assert caught.value.where == "DUIJIE_WEEKLY_LOAD"


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_comes_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    secret, variable = tmp_path / "secret", f"DUIJIE_{name.upper()}_FILE"
    secret.write_text("x" * 40 + "\n", encoding="utf-8")
    monkeypatch.setenv(variable, str(secret))
    assert getattr(load_settings(), name).get_secret_value() == "x" * 40
    monkeypatch.setenv(variable, str(tmp_path / "none"))
    with pytest.raises(InvalidInput) as caught:
        load_settings()
    assert caught.value.where == variable


def test_what_is_secret_is_named_so() -> None:
    secret = {name for name, field in Settings.model_fields.items() if field.annotation is SecretStr}
    assert secret == set(SECRETS)


@pytest.mark.parametrize("secret", ["", "short", DEMONSTRATION_SECRET])
def test_production_refuses_a_weak_secret(monkeypatch: pytest.MonkeyPatch, secret: str) -> None:
    monkeypatch.setenv("DUIJIE_SECRET_KEY", secret)
    monkeypatch.delenv("DUIJIE_MODE", raising=False)
    with pytest.raises(InvalidInput) as caught:
        load_settings().require_secret()
    assert caught.value.code == "settings.secret_key"


def test_a_demonstration_needs_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUIJIE_MODE", "demonstration")
    assert load_settings().require_secret() == DEMONSTRATION_SECRET


def test_settings_are_frozen(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    with pytest.raises(ValueError, match="frozen"):
        settings.weekly_load = 3  # type: ignore[misc]
    assert settings.database_url == f"sqlite:///{tmp_path / 'duijie.db'}"
    assert settings.index_url == f"embedded://{tmp_path / 'index'}"

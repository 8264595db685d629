"""Options that would be passed over are refused, before anything is begun."""

from __future__ import annotations

from pathlib import Path

import pytest

from web.cli import main


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["train", "ranker", "--from-platform", "--seed", "1"], "--seed"),
        (["train", "ranker", "--from-platform", "--out", "ranker.json"], "--out"),
        (["train", "ranker", "--from-platform", "--encoder", "."], "--encoder"),
        (["train", "ranker", "--from-platform", "--fold-encoder", "."], "--fold-encoder"),
        (["train", "ranker", "--from-platform", "--learning-curve"], "--learning-curve"),
        (["train", "ranker", "--from-platform", "--resume"], "--resume"),
        (["train", "ranker", ".", "--out", "ranker.json", "--activate"], "--activate"),
        (["train", "encoder", ".", "--out", "model", "--keep-folds"], "--keep-folds"),
        (["train", "encoder", ".", "--out", "model", "--layer-steps", "5"], "--layer-steps"),
        (["import", "works", "works.bib", "--expert", "e1", "--drafts"], "--drafts"),
        (["import", "needs", "needs.xlsx", "--expert", "e1"], "--expert"),
        (["user", "add", "a@example.cn", "--name", "a", "--member-role", "editor"], "--member-role"),
    ],
)
def test_an_option_of_no_effect_is_refused(
    arguments: list[str],
    named: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DUIJIE_DATA_DIR", str(tmp_path / "data"))
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert named in capsys.readouterr().err
    assert not (tmp_path / "data").exists(), "nothing was begun"

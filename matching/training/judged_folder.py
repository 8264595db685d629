"""Judged folders: needs.jsonl, capabilities.jsonl or achievements.jsonl, qrels.tsv."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from matching.errors import InvalidInput

CAPABILITY_FILES = ("capabilities.jsonl", "achievements.jsonl")
_LEVELS = range(1, 5)
_COLUMNS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedText:
    """One post of a judged folder."""

    id: str
    title: str
    text: str

    @property
    def whole(self) -> str:
        """Title and text as one passage."""
        return "。".join(part for part in (self.title, self.text) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedFolder:
    """Needs, capabilities and judgements. `levels` maps need id → capability id → 1–4 (3 and 4 are matches)."""

    name: str
    needs: Mapping[str, JudgedText]
    capabilities: Mapping[str, JudgedText]
    levels: Mapping[str, Mapping[str, int]]

    @property
    def is_graded(self) -> bool:
        """Whether some need has pairs of different levels; else there are only positives."""
        return any(len(set(judged.values())) > 1 for judged in self.levels.values())


def read_judged_folder(path: Path) -> JudgedFolder:
    """Read one folder; raises InvalidInput naming file and line for anything that is missing, broken or unknown."""
    capability_file = next((path / name for name in CAPABILITY_FILES if (path / name).is_file()), None)
    if capability_file is None:
        names = " / ".join(CAPABILITY_FILES)
        raise _invalid("folder", f"缺少 {names}", f"{names} is missing", path)
    needs = {text.id: text for text in _read_texts(path / "needs.jsonl")}
    capabilities = {text.id: text for text in _read_texts(capability_file)}
    levels: dict[str, dict[str, int]] = {}
    file = path / "qrels.tsv"
    for number, line in _read_lines(file):
        columns = line.split("\t")
        if len(columns) != _COLUMNS:
            raise _invalid(
                "columns", f"应有 3 列，实为 {len(columns)}", f"3 columns wanted, not {len(columns)}", file, number
            )
        need_id, capability_id, level = columns
        for known, key in ((needs, need_id), (capabilities, capability_id)):
            if key not in known:
                raise _invalid("unknown_id", f"未知编号 {key}", f"unknown id {key}", file, number)
        if not level.isdigit() or int(level) not in _LEVELS:
            raise _invalid(
                "level", f"匹配等级须为 1–4，而不是 {level}", f"a level must be 1–4, not {level}", file, number
            )
        levels.setdefault(need_id, {})[capability_id] = int(level)
    return JudgedFolder(name=path.resolve().name, needs=needs, capabilities=capabilities, levels=levels)


def require_distinct_names(paths: Iterable[Path], *, taken: Collection[str] = ()) -> None:
    """Figures are kept by the folders' names: raises InvalidInput where two have one name, or one of `taken`."""
    found: dict[str, Path] = {}
    for path in paths:
        name = path.resolve().name
        if name in taken:
            raise _invalid(
                "name", f"评判目录不能叫 {name}，请改名", f"a judged folder cannot be named {name}: rename it", path
            )
        if name in found:
            raise _invalid(
                "name",
                f"与 {found[name]} 同名，指标会混在一起，请改名",
                f"has the same name as {found[name]}, so that their figures would be mixed up: rename one",
                path,
            )
        found[name] = path


def _read_texts(file: Path) -> Iterator[JudgedText]:
    for number, line in _read_lines(file):
        try:
            row = json.loads(line)
            yield JudgedText(id=str(row["id"]), title=str(row.get("title") or ""), text=str(row.get("text") or ""))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise _invalid("line", "不是带 id 的 JSON 对象", "not a JSON object with an id", file, number) from error


def _read_lines(file: Path) -> Iterator[tuple[int, str]]:
    """Numbered lines that are not blank."""
    try:
        with file.open(encoding="utf-8") as stream:
            for number, line in enumerate(stream, start=1):
                if line.strip():
                    yield number, line.rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise _invalid("unreadable", f"无法读取：{error}", f"cannot be read: {error}", file) from error


def _invalid(kind: str, chinese: str, english: str, file: Path, line: int | None = None) -> InvalidInput:
    where = f"{file}:{line}" if line else str(file)
    return InvalidInput(f"judged_folder.{kind}", chinese, where=where, message_en=english)

"""Pairs that need no judge, out of plain paragraphs: what the encoder's layers are tuned on.

A paragraph's `id` names its work up to the last hyphen. Nothing that a judged set measures may be learned here: works
with a paragraph that shares wording with a judged text are left out as a whole, and so are all abstracts.
"""

from __future__ import annotations

import gzip
import json
import random
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from matching.errors import InvalidInput
from matching.text.fingerprints import bare_letters
from matching.text.words import content_words, is_telling_word
from matching.training.judged_folder import JudgedFolder
from matching.training.tasks import ABSTRACT, REFERENCE, PairTask, Prompts, collect_terms

_SENTENCE = re.compile(r"[^。！？!?；;]{12,90}[。！？!?；;]")
_NEED = re.compile(
    r"问题|困难|难以|不足|缺乏|缺点|亟|需要|需求|瓶颈|制约|影响|无法|不能|为了|提高|降低|减少|避免|要求|挑战"
)
"""Words by which people say what is wanted: such a sentence resembles a need more than others do."""
_LEAST_LETTERS = 100
_LEAST_REST = 60
_MOST_LETTERS = 160
_PIECE = 13
_ONE_PIECE_IN = 4
_MOST_COMMON_PIECES = 2
_MOST_OF_A_WORK = 3
_KEYWORDS = (4, 9)


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One paragraph; `work` is empty where the file does not say."""

    text: str
    work: str = ""


def read_paragraphs(file: Path) -> Iterator[Paragraph]:
    """Paragraphs of a .jsonl or .jsonl.gz file of objects with `text` and perhaps `id`; raises InvalidInput naming
    the line."""
    try:
        with gzip.open(file, "rt", encoding="utf-8") if file.suffix == ".gz" else file.open(encoding="utf-8") as stream:
            for number, line in enumerate(stream, start=1):
                try:
                    row = json.loads(line)
                    yield Paragraph(str(row["text"]), str(row.get("id") or "").rpartition("-")[0])
                except (ValueError, KeyError, TypeError, AttributeError) as error:
                    raise InvalidInput(
                        "paragraphs.line",
                        "不是带 text 的 JSON 对象",
                        where=f"{file}:{number}",
                        message_en="not a JSON object with text",
                    ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(
            "paragraphs.unreadable", f"无法读取：{error}", where=str(file), message_en=f"cannot be read: {error}"
        ) from error


def leave_out_judged(paragraphs: Iterable[Paragraph], folders: Iterable[JudgedFolder]) -> list[Paragraph]:
    """The paragraphs of works that share no wording with a text of `folders`, nor an identifier."""
    judged: set[int] = set()
    judged_ids: set[str] = set()
    for folder in folders:
        for text in (*folder.needs.values(), *folder.capabilities.values()):
            judged |= _pieces(text.whole)
            # Sets that are drawn from such works put a letter for the side before the work's id.
            judged_ids |= {text.id, text.id[1:]}
    rows = list(paragraphs)
    touched = [len(_pieces(row.text) & judged) > _MOST_COMMON_PIECES for row in rows]
    works = {row.work for row, common in zip(rows, touched, strict=True) if common and row.work} | judged_ids
    return [row for row, common in zip(rows, touched, strict=True) if not common and row.work not in works]


def _pieces(text: str) -> set[int]:
    """Hashes of about a quarter of the runs of thirteen letters, the same quarter for every text."""
    letters = bare_letters(text)
    found = (hash_piece(letters[place : place + _PIECE]) for place in range(len(letters) - _PIECE + 1))
    return {number for number in found if number % _ONE_PIECE_IN == 0}


def hash_piece(piece: str) -> int:
    """Equal in every run, unlike hash()."""
    return int.from_bytes(piece.encode("utf-32-le", "replace"), "little") * 0x9E3779B97F4A7C15 % ((1 << 61) - 1)


def collect_paragraph_tasks(
    paragraphs: Sequence[Paragraph], prompts: Prompts, seed: int, kinds: Collection[str] = ("rests", "works", "words")
) -> list[PairTask]:
    """Rows of the `kinds`, each with the work it is from as its group:

    - `rests`: a sentence, best one that says what is wanted → the paragraph without it;
    - `works`: a sentence → another paragraph of the same work;
    - `words`: content words of a sentence → the paragraph without it, and the other way;
    - `terms`: a Chinese term → its English.
    """
    picker = random.Random(seed)  # noqa: S311 - repeatable on purpose
    kept = [row for row in paragraphs if is_prose(row.text)]
    by_work: dict[str, list[Paragraph]] = {}
    for number, row in enumerate(kept):
        by_work.setdefault(row.work or f"#{number}", []).append(row)
    tasks = {kind: PairTask(kind) for kind in ("rests", "works", "words")}
    for work, rows in sorted(by_work.items()):
        chosen = picker.sample(rows, min(_MOST_OF_A_WORK, len(rows)))
        for place, row in enumerate(chosen):
            sentence, rest = _part(row.text, picker)
            if not sentence:
                continue
            _add(tasks["rests"], work, prompts.query + sentence, prompts.passage + rest)
            if len(chosen) > 1:
                other = chosen[(place + 1) % len(chosen)].text[:_MOST_LETTERS]
                _add(tasks["works"], work, prompts.query + sentence, prompts.passage + other)
            words = list(dict.fromkeys(w.text for w in content_words(rest) if is_telling_word(w.text)))
            if len(words) >= _KEYWORDS[0]:
                few = " ".join(words[: picker.randint(*_KEYWORDS)])
                _add(tasks["words"], work, prompts.query + sentence, prompts.passage + few)
    found = [tasks[kind] for kind in tasks if kind in kinds]
    if "terms" in kinds:
        found.append(collect_terms((row.text for row in paragraphs), prompts))
    return found


def _add(task: PairTask, work: str, anchor: str, passage: str) -> None:
    task.rows.append((anchor, passage))
    task.groups.append(work)


def is_prose(text: str) -> bool:
    """Whether it is running text, long enough, and neither references nor an abstract."""
    return len(text) >= _LEAST_LETTERS and not REFERENCE.search(text) and not ABSTRACT.search(text)


def _part(text: str, picker: random.Random) -> tuple[str, str]:
    """A sentence and what is left of the paragraph; blank where it has no fitting sentence."""
    found = [match for match in _SENTENCE.finditer(text) if len(text) - len(match.group()) >= _LEAST_REST]
    if not found:
        return "", ""
    wanted = [match for match in found if _NEED.search(match.group())]
    match = picker.choice(wanted or found)
    return match.group().strip(), (text[: match.start()] + text[match.end() :]).strip()[:_MOST_LETTERS]

"""What an encoder learns from: pairs of texts drawn from judged folders and from plain paragraphs.

Every task is a list of rows of two texts, prompts included. Graded rows carry the level as score 0…1 and are learned
by order (CoSENT); the others are positives whose negatives are the other rows of the batch.
"""

from __future__ import annotations

import random
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from matching.training.judged_folder import JudgedFolder

_SENTENCE = re.compile(r"[^。！？!?；;]{12,80}[。！？!?；;]")
_TERM = re.compile(r"([\u4e00-\u9fff]{2,14})\s*[（(]\s*([A-Za-z][A-Za-z \-]{5,60}?)\s*(?:[,，;；][^)）]{0,16})?[)）]")
REFERENCE = re.compile(r"^\s*[\[［(（]?\d{1,3}[\]］)）]|\[[JMDCP]\]|\b\d{6}\b")
ABSTRACT = re.compile(r"^\s*(摘\s*要|本文(针对|提出)|为了?解决|针对)|针对[^。]{4,80}问题")
"""Abstracts are left out: paragraphs of a paper often hold its abstract, and with it the answer to a judged need."""
_LEAST_REST = 40
_NEED_LETTERS = 160


@dataclass(slots=True)
class PairTask:
    """Rows of one kind. `groups` (as long as `rows`) names the need of each graded row; empty for positives."""

    name: str
    rows: list[tuple[str, str]] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    distractors: list[str] = field(default_factory=list)
    """Passages that are nobody's match, prompts included."""
    both_ways: bool = False
    """Whether the passage must find the need too (translations), not only the need the passage."""

    is_judged: bool = False
    """Whether people judged the rows; else they were drawn from texts."""

    @property
    def is_graded(self) -> bool:
        return bool(self.scores)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompts:
    """What the encoder wants before each text."""

    query: str
    passage: str


def collect_judged(
    folder: JudgedFolder, needs: Collection[str], prompts: Prompts, seed: int, hidden: Collection[str] = ()
) -> PairTask:
    """The judgements of `needs`: graded where the folder is, else its matches as positives.

    A graded need is met by its title in two of three rows and by title and opening in the third, since people search
    with either. `hidden` capabilities are kept for judging and are no distractors.
    """
    chosen = [need_id for need_id in folder.levels if need_id in needs]
    task = PairTask(folder.name, is_judged=True)
    picker = random.Random(seed)  # noqa: S311 - repeatable on purpose
    for need_id in chosen:
        need = folder.needs[need_id]
        for capability_id, level in folder.levels[need_id].items():
            if folder.is_graded:
                asked = need.whole[:_NEED_LETTERS] if picker.random() < 1 / 3 else need.title or need.text
                task.scores.append((level - 1) / 3)
                task.groups.append(need_id)
            elif level >= 3:
                asked = need.whole
            else:
                continue
            task.rows.append((prompts.query + asked, prompts.passage + folder.capabilities[capability_id].whole))
    if not folder.is_graded:
        task.both_ways = True
        # Passages of needs that are not chosen stay out altogether: as negatives they would be taught to hide.
        judged = {capability_id for levels in folder.levels.values() for capability_id in levels}
        others = (
            text
            for capability_id, text in folder.capabilities.items()
            if capability_id not in judged and capability_id not in hidden
        )
        task.distractors = [prompts.passage + text.whole for text in others]
    return task


def collect_titles(folders: Iterable[JudgedFolder], prompts: Prompts) -> PairTask:
    """Title → text of every capability that has both: what a work is about, in few words, finds the work."""
    task = PairTask("titles")
    for folder in folders:
        for capability in folder.capabilities.values():
            if capability.title and len(capability.text) >= _LEAST_REST:
                task.rows.append((prompts.query + capability.title, prompts.passage + capability.text))
    return task


def collect_openings(paragraphs: Iterable[str], prompts: Prompts) -> PairTask:
    """Opening sentence → rest of a paragraph. Lists of references and abstracts are left out."""
    task = PairTask("openings")
    for paragraph in paragraphs:
        opening = _SENTENCE.match(paragraph)
        if not opening or REFERENCE.search(paragraph) or ABSTRACT.search(paragraph):
            continue
        rest = paragraph[opening.end() :].strip()
        if len(rest) >= _LEAST_REST:
            task.rows.append((prompts.query + opening.group(), prompts.passage + rest))
    return task


def collect_terms(paragraphs: Iterable[str], prompts: Prompts) -> PairTask:
    """Chinese terms and the English that authors give in brackets behind them, each pair once."""
    task = PairTask("terms", both_ways=True)
    seen: set[str] = set()
    for paragraph in paragraphs:
        for chinese, english in _find_terms(paragraph):
            if english.lower() not in seen:
                seen.add(english.lower())
                task.rows.append((prompts.query + chinese, prompts.passage + english))
    return task


def _find_terms(paragraph: str) -> Iterator[tuple[str, str]]:
    for found in _TERM.finditer(paragraph):
        english = " ".join(found.group(2).split())
        # Capitals alone are an abbreviation, which says little to an encoder.
        if sum(letter.islower() for letter in english) >= 5:
            yield found.group(1)[-10:], english


def thin(task: PairTask, most: int, seed: int) -> PairTask:
    """At most `most` rows, drawn at random; graded tasks are never thinned."""
    if task.is_graded or len(task.rows) <= most:
        return task
    kept = sorted(random.Random(seed).sample(range(len(task.rows)), most))  # noqa: S311 - repeatable on purpose
    return PairTask(task.name, [task.rows[place] for place in kept], both_ways=task.both_ways)

"""Posts of the demonstration, posted twice with small differences, are found among all its posts; others are not."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest

from matching.services.duplicates import pairs_among
from matching.text.fingerprints import fingerprint

pytestmark = pytest.mark.quality

RECORDS = Path(__file__).parents[2] / "seed_data" / "records"
_FIELDS = {"needs": ("problem", "expected_result"), "capabilities": ("abstract", "advantages", "applications")}


def read_posts(name: str) -> list[tuple[str, str]]:
    lines = (RECORDS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    rows: list[dict[str, Any]] = [json.loads(line) for line in lines if line.strip()]
    return [(row["title"], "\n".join(str(row.get(field) or "") for field in _FIELDS[name])) for row in rows]


def post_again(title: str, body: str, draws: random.Random) -> tuple[str, str]:
    """What people do to a text between two forms: other marks, a sentence less, an opening, words swapped."""
    sentences = [sentence for sentence in re.split(r"(?<=[。.；;\n])", body) if sentence.strip()]
    if len(sentences) > 3:
        sentences.pop(draws.randrange(len(sentences)))
    text = "".join(sentences)
    if draws.random() < 0.5:
        text = text.replace("，", ", ").replace("（", "(").replace("）", ")")
    if draws.random() < 0.5:
        text = f"现将有关情况说明如下：{text}"
    for word, other in (("需要", "希望"), ("采用", "使用"), ("提高", "提升"), ("问题", "难题")):
        if draws.random() < 0.5:
            text = text.replace(word, other)
    return (f"关于{title}" if draws.random() < 0.5 else title), text


@pytest.mark.parametrize("name", ["needs", "capabilities"])
def test_posts_sent_twice_are_found_among_all_others(name: str) -> None:
    posts = read_posts(name)
    draws = random.Random(3)
    printed = [(f"{number}-once", fingerprint(*post)) for number, post in enumerate(posts)]
    printed += [(f"{number}-twice", fingerprint(*post_again(*post, draws))) for number, post in enumerate(posts)]
    found = {tuple(post_id.split("-")[0] for post_id in pair) for pair in pairs_among(printed)}
    right = sum(first == second for first, second in found)
    precision, recall = right / max(len(found), 1), right / len(posts)
    assert 2 * precision * recall / (precision + recall) >= 0.95, [pair for pair in found if pair[0] != pair[1]]

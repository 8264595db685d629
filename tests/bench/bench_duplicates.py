"""How well works that were posted twice are found among thousands of others, and how long it takes.

    python -m tests.bench.bench_duplicates FOLDER [--others FILE] [--posts 20000]

FOLDER/groups.jsonl has one list of posts a line, the same work posted more than once. Groups whose common title is
a heading of a form (材料与方法, 表1 …) hold different works; they are left out, by name, and counted with them
beside. `--others`: posts of which none should be found, a JSON object with `title` and `text` a line, gzipped or not.

F1 is over pairs that a post of a group is part of. The threshold of resemblance is also chosen by five-fold
cross-validation over groups, each fold judged with what was best on the other four, and the spread is printed.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import re
import tempfile
import time
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

from matching.services.duplicates import pairs_among
from matching.text.fingerprints import LEAST_RESEMBLANCE, Fingerprint, compare, fingerprint

HEADING = re.compile(r"^\d\s*材料|中图分类号|自检报告|^表\s*\d")
FOLDS = 5


def main() -> None:
    """Print figures, then times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--others", type=Path, help="[default: capabilities of ../problem2solution]")
    parser.add_argument("--posts", type=int, default=20_000, help="posts in the database when times are taken")
    options = parser.parse_args()
    others_file = options.others or options.folder.parent / "problem2solution" / "capabilities.jsonl"
    with (options.folder / "groups.jsonl").open(encoding="utf-8") as stream:
        groups = [json.loads(line) for line in stream]
    others = [post for post, _ in zip(read_posts(others_file), range(5_000), strict=False)]
    real = [group for group in groups if not HEADING.search(group[0]["title"])]
    print(f"{len(real)} groups of {sum(map(len, real))} posts, {len(groups) - len(real)} left out for their titles")
    for name, chosen in (("works", real), ("first two of every group, headings too", [g[:2] for g in groups])):
        precision, recall, f1 = measure(chosen, others)
        print(f"{name}: precision {precision:.4f}  recall {recall:.4f}  F1 {f1:.4f}  (among {len(others)} others)")
    cross_validate(real, others)
    take_times(others_file, options.posts)


def read_posts(file: Path) -> Iterator[dict[str, Any]]:
    """Posts of a file of JSON lines."""
    opener = gzip.open if file.suffix == ".gz" else open
    with opener(file, "rt", encoding="utf-8") as stream:
        for number, line in enumerate(stream):
            row = json.loads(line)
            text = row if isinstance(row, str) else str(row.get("text") or "")
            yield {"id": f"other-{number}", "title": "" if isinstance(row, str) else row.get("title", ""), "text": text}


def prints_of(groups: list[list[dict[str, Any]]], others: list[dict[str, Any]]) -> dict[str, tuple[Fingerprint, int]]:
    """(fingerprint, number of the group or −1) by id."""
    found = {}
    for number, group in enumerate(groups):
        for place, post in enumerate(group):
            found[f"g{number}-{place}"] = (fingerprint(post["title"], post["text"]), number)
    for place, post in enumerate(others):
        found[f"o{place}"] = (fingerprint(post["title"], post["text"]), -1)
    return found


def measure(groups: list[list[dict[str, Any]]], others: list[dict[str, Any]]) -> tuple[float, float, float]:
    """Precision, recall and F1 of the product's own way."""
    prints = prints_of(groups, others)
    found = pairs_among([(post_id, of_post) for post_id, (of_post, _) in prints.items()])
    right = wrong = 0
    for first, second in found:
        numbers = (prints[first][1], prints[second][1])
        if max(numbers) < 0:
            continue  # others may well have duplicates among themselves: nobody has judged them
        if numbers[0] == numbers[1]:
            right += 1
        else:
            wrong += 1
    wanted = sum(len(group) * (len(group) - 1) // 2 for group in groups)
    precision = right / (right + wrong) if right + wrong else 1.0
    recall = right / wanted
    return precision, recall, 2 * precision * recall / (precision + recall) if right else 0.0


def cross_validate(groups: list[list[dict[str, Any]]], others: list[dict[str, Any]]) -> None:
    """F1 by resemblance alone with a threshold that was chosen on other groups; how little the choice matters."""
    prints = prints_of(groups, others)
    holders: dict[int, list[str]] = {}
    for post_id, (of_post, _) in prints.items():
        for value in of_post.values:
            holders.setdefault(value, []).append(post_id)
    candidates = {pair for ids in holders.values() if len(ids) < 200 for pair in combinations(sorted(ids), 2)}
    rows = []
    for first, second in candidates:
        numbers = (prints[first][1], prints[second][1])
        if max(numbers) >= 0:
            likeness = compare(prints[first][0], prints[second][0])
            rows.append((likeness.resemblance, numbers[0] == numbers[1], max(numbers)))
    order = list(range(len(groups)))
    random.Random(1).shuffle(order)
    fold_of = {number: place % FOLDS for place, number in enumerate(order)}
    thresholds = [step / 50 for step in range(5, 48)]
    wanted = [0] * FOLDS
    for number, group in enumerate(groups):
        wanted[fold_of[number]] += len(group) * (len(group) - 1) // 2

    def f1(threshold: float, folds: set[int]) -> float:
        hits = [same for resemblance, same, number in rows if resemblance >= threshold and fold_of[number] in folds]
        return 2 * sum(hits) / max(len(hits) + sum(wanted[fold] for fold in folds), 1)

    figures, chosen = [], []
    for fold in range(FOLDS):
        rest = set(range(FOLDS)) - {fold}
        scored = [(f1(threshold, rest), threshold) for threshold in thresholds]
        best = [threshold for value, threshold in scored if value == max(scored)[0]]
        chosen.append(best[len(best) // 2])
        figures.append(f1(chosen[-1], {fold}))
    print(
        f"resemblance alone, threshold of the other folds {min(chosen):.2f}–{max(chosen):.2f}: F1 "
        f"{sum(figures) / FOLDS:.4f} (least {min(figures):.4f}); at the shipped {LEAST_RESEMBLANCE}: "
        f"{f1(LEAST_RESEMBLANCE, set(range(FOLDS))):.4f}"
    )


def take_times(file: Path, count: int) -> None:
    """Fill a database and ask it."""
    from datetime import UTC, datetime

    from matching.documents import PostDocument
    from matching.models import Need
    from matching.policy import Audience
    from matching.services.duplicates import find_alike, keep_fingerprint
    from tests.factories.people import make_member
    from tests.factories.platforms import make_platform

    now = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)
    posts = list(read_posts(file))
    scale = file.parent.parent / "scale" / "paragraphs.jsonl.gz"
    if len(posts) < count and scale.is_file():
        posts += [post for post, _ in zip(read_posts(scale), range(count - len(posts)), strict=False)]
    posts = posts[:count]
    with tempfile.TemporaryDirectory() as folder:
        platform = make_platform(Path(folder))
        member = make_member(platform, now, email="bench@example.cn")
        started = time.perf_counter()
        with platform.unit_of_work() as uow:
            needs = [
                Need(
                    title=(post["title"] or post["text"][:40])[:200] or "–", problem=post["text"], expected_result="",
                    indicators=[], organisation_id=member.organisation_id, region_code="440784", status="published",
                    created_at=now, updated_at=now, published_at=now,
                )
                for post in posts
            ]  # fmt: skip
            uow.session.add_all(needs)
            uow.session.flush()
            written = time.perf_counter()
            for need in needs:
                keep_fingerprint(uow.session, need)
            uow.commit()
        kept = time.perf_counter()
        print(f"{len(posts)} posts written in {written - started:.1f} s, hashes kept at "
              f"{(kept - written) / len(posts) * 1000:.2f} ms a post")  # fmt: skip
        asked = random.Random(2).sample(posts, 200)
        with platform.reading() as session:
            took = []
            for post in asked:
                begun = time.perf_counter()
                document = PostDocument(
                    id="-", side="need", title=post["title"] or post["text"][:40], text=post["text"]
                )
                find_alike(session, document, Audience(administrator=True), now)
                took.append(time.perf_counter() - begun)
        took.sort()
        print(f"asked: median {took[100] * 1000:.1f} ms, 95th {took[190] * 1000:.1f} ms")
        platform.close()


if __name__ == "__main__":
    main()

"""Whether the reasons that are named are the ones the score hangs on.

    python -m tests.bench.bench_reasons FOLDER [--needs 150]

FOLDER is a judged set. For the first capability of each need the strongest named phrase is deleted from the need, and
beside that random runs of as many characters; printed is how often the phrase's deletion costs more score, the share of
pairs with a named phrase, and the phrases that are named most often, for a look at what they say.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

from matching.bootstrap import open_embedder
from matching.documents import PostDocument
from matching.ranking.evaluate import load_judged_set
from matching.ranking.learned import load_ranker
from matching.ranking.offline import prepare_offline, score_offline
from matching.ranking.phrases import find_shared_phrases
from matching.ranking.rank import rank_candidates
from matching.ranking.vectors import embed_posts
from matching.settings import load_settings

_OTHERS = 6


def delete(need: PostDocument, start: int, end: int, post_id: str) -> PostDocument:
    """`need`, whose text is title and prose only, without [start, end) of its full text."""
    body_at = len(need.title) + 1
    title = need.title[: min(start, body_at - 1)] + need.title[min(end, body_at - 1) :]
    text = need.text[: max(0, start - body_at)] + need.text[max(0, end - body_at) :]
    return replace(need, id=post_id, title=title, text=text)


def main() -> None:
    """Print the share over single comparisons and over needs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--needs", type=int, default=150)
    options = parser.parse_args()
    settings = load_settings()
    embedder = open_embedder(settings)
    ranker = load_ranker(settings.ranker_model, encoder_revision=embedder.model_revision)
    judged = load_judged_set(options.folder)
    plain = [replace(need, keywords=(), indicators=(), text=need.body) for need in judged.needs]
    pool = prepare_offline(plain, judged.capabilities, embedder)
    draws = random.Random(5)
    named: Counter[str] = Counter()
    larger = compared = without = 0
    of_needs = []
    for row, scores, *_ in score_offline(pool, ranker):
        need = pool.needs.documents[row]
        capability = pool.capabilities.documents[int(np.argmax(scores))]
        phrases = find_shared_phrases(need, capability, pool.statistics, limit=4)
        named.update(phrase.text for phrase in phrases)
        if not phrases:
            without += 1
            continue
        if len(of_needs) >= options.needs:
            continue
        start, end = phrases[0].need_span
        length = end - start
        last = len(need.full_text) - length
        places = [place for place in range(max(0, last)) if place + length <= start or place >= end]
        if len(places) < _OTHERS:
            continue
        others = draws.sample(places, _OTHERS)
        variants = [delete(need, start, end, "without")]
        variants += [delete(need, place, place + length, f"other-{place}") for place in others]
        vectors = {**embed_posts(variants, embedder), capability.id: pool.vectors[capability.id]}
        ranked = rank_candidates(capability, variants, vectors, pool.statistics, ranker)
        left = {pair.need_id: pair.score for pair in ranked}
        wins = [left["without"] < left[f"other-{place}"] for place in others]
        larger += sum(wins)
        compared += len(wins)
        of_needs.append(sum(wins) * 2 > len(wins))
    print(f"{len(judged.needs)} needs, {without} without a phrase shared with their first capability")
    print("deleting the strongest named phrase costs more than a random run as long:")
    print(f"{larger / compared:.3f} of {compared} comparisons")
    print(f"{sum(of_needs) / len(of_needs):.3f} of {len(of_needs)} needs, by most of their comparisons")
    print("named most often: " + ", ".join(f"{text} {count}" for text, count in named.most_common(40)))


if __name__ == "__main__":
    main()

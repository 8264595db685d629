"""The strongest named phrase matters: without it the need's score drops more than without any other phrase as long."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from matching.documents import PostDocument
from matching.embeddings.onnx_embedder import OnnxEmbedder
from matching.ranking.learned import load_ranker
from matching.ranking.offline import prepare_offline, score_offline
from matching.ranking.rank import rank_candidates
from matching.ranking.reasons import explain_pair
from matching.ranking.vectors import embed_posts
from matching.settings import packaged_encoder

RECORDS = Path(__file__).parents[4] / "seed_data" / "records"
NEEDS_TRIED = 24
OTHER_PHRASES = 4


def read_records(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (RECORDS / name).read_text(encoding="utf-8").splitlines() if line.strip()]


def delete(need: PostDocument, start: int, end: int, post_id: str) -> PostDocument:
    """`need` without [start, end) of its full text."""
    body_at = len(need.title) + 1
    title = need.title[: min(start, body_at - 1)] + need.title[min(end, body_at - 1) :]
    text = need.text[: max(0, start - body_at)] + need.text[max(0, end - body_at) :]
    return replace(need, id=post_id, title=title, text=text)


@pytest.mark.quality
def test_deleting_the_strongest_phrase_costs_more_than_deleting_another(tmp_path: Path) -> None:
    needs = [
        PostDocument(id=row["id"], side="need", title=row["title"], text=row["problem"], language=row["language"])
        for row in read_records("needs.jsonl")
    ]
    capabilities = [
        PostDocument(id=row["id"], side="capability", title=row["title"], text=row.get("abstract") or "")
        for row in read_records("capabilities.jsonl")
    ]
    embedder = OnnxEmbedder(packaged_encoder(), cache=tmp_path)
    ranker = load_ranker(encoder_revision=embedder.model_revision)
    pool = prepare_offline(needs, capabilities, embedder)
    draws = random.Random(5)
    scores = {row: of_need for row, of_need, *_ in score_offline(pool, ranker)}
    larger = compared = tried = 0
    for row in draws.sample(range(len(needs)), len(needs)):
        need, capability = pool.needs.documents[row], pool.capabilities.documents[int(scores[row].argmax())]
        reasons = explain_pair(need, capability, pool=pool.statistics, vectors=pool.vectors, nearness=0.0)
        phrase = next((reason for reason in reasons if reason.kind == "phrase"), None)
        if phrase is None or phrase.need_span is None or tried == NEEDS_TRIED:
            continue
        start, end = phrase.need_span
        length = end - start
        places = [
            place for place in range(max(0, len(need.full_text) - length)) if place + length <= start or place >= end
        ]
        if len(places) < OTHER_PHRASES:
            continue
        tried += 1
        others = draws.sample(places, OTHER_PHRASES)
        variants = [replace(need, id="whole"), delete(need, start, end, "without")]
        variants += [delete(need, place, place + length, f"other-{place}") for place in others]
        vectors = {**embed_posts(variants, embedder), capability.id: pool.vectors[capability.id]}
        ranked = rank_candidates(capability, variants, vectors, pool.statistics, ranker)
        score = {pair.need_id: pair.score for pair in ranked}
        for place in others:
            compared += 1
            larger += score["whole"] - score["without"] > score["whole"] - score[f"other-{place}"]
    assert tried == NEEDS_TRIED
    assert larger / compared >= 0.8

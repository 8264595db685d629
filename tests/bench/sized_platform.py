"""A platform of a given size from real paragraphs: organisations, members, published posts, an index, suggestions.

    python -m tests.bench.sized_platform PARAGRAPHS.jsonl.gz FOLDER [--posts 20000] [--ranked 200]

Vectors are drawn at random, with the shipped encoder's revision and size: what they mean changes no time, and embedding
is measured elsewhere. Not all posts are ranked, which is measured elsewhere too: `ranked` needs are, so that inboxes
and suggestion pages have rows.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import sys
import time
import zlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import select, update

from matching.bootstrap import Platform, build_platform
from matching.clock import utc_now
from matching.embeddings.port import Prompt, Vectors
from matching.models import Capability, Need, OutboxEntry, Post
from matching.services.accounts import add_user, join_organisation
from matching.services.actor import SYSTEM
from matching.services.organisations import OrganisationFields, add_organisation
from matching.services.rebuild import rebuild_index
from matching.services.suggestions import rank_post
from matching.settings import Settings
from matching.store.migrate import migrate_up
from matching.store.outbox import RANKING
from seed_data.loader import load_taxonomies

PASSWORD = "benchmark-only-password"
MEMBERS = 50
"""Accounts that ask at the same time; half of them of firms, half of universities."""
STAFF = "staff@bench.example"
POSTS_OF_ONE = 40
"""Posts of one organisation."""
_REGION = "440784"
_TOWNS = ("440784001", "440784101", "440784102")
_DOMAINS = ("electronics", "aerospace", "manufacturing")


def member_address(number: int) -> str:
    """The account's e-mail address."""
    return f"member{number}@bench.example"


def read_paragraphs(file: Path, count: int) -> list[str]:
    """Paragraphs of 60 to 800 characters from all over the file, the same in every run; repeated where too few."""
    with gzip.open(file, "rt", encoding="utf-8") as stream:
        texts = sorted({json.loads(line)["text"].strip() for line in stream})
    usable = [text for text in texts if 60 <= len(text) <= 800]
    random.Random(7).shuffle(usable)
    return [usable[number % len(usable)] for number in range(count)]


class DrawingEmbedder:
    """Vectors of norm 1 that depend on the text alone and mean nothing."""

    def __init__(self, model_revision: str, dimension: int) -> None:
        self.model_revision = model_revision
        self.dimension = dimension

    def embed(self, texts: Sequence[str], *, prompt: Prompt) -> Vectors:
        """As the port says."""
        rows = np.array(
            [np.random.default_rng(zlib.crc32(text.encode())).normal(size=self.dimension) for text in texts]
        )
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def make_sized_platform(folder: Path, paragraphs: list[str], *, ranked: int = 200) -> Platform:
    """Half of the paragraphs become needs, half capabilities; index and suggestions as after a quiet night."""
    platform = build_platform(Settings(mode="demonstration", data_dir=folder, review_before_publication=False))
    migrate_up(platform.engine)
    load_taxonomies(platform)
    shipped = platform.embedder
    platform.__dict__["_embedder"] = DrawingEmbedder(shipped.model_revision, shipped.dimension)
    now = utc_now()
    chance = random.Random(11)
    organisations = max(2, len(paragraphs) // POSTS_OF_ONE)
    for number in range(organisations):
        _fill_organisation(platform, number, paragraphs[number::organisations], chance, now)
    with platform.unit_of_work() as uow:
        add_user(uow, SYSTEM, email=STAFF, name="staff", password=PASSWORD, role="staff", region_code=_REGION, now=now)
    begun = time.perf_counter()
    written = rebuild_index(platform, utc_now).written
    print(f"index built at {written / (time.perf_counter() - begun):.0f} posts/s, without embedding", flush=True)
    with platform.unit_of_work() as uow:
        uow.session.execute(update(OutboxEntry).values(done_at=now, claimed_until=None))
        uow.commit()
    with platform.reading() as session:
        need_ids = list(session.scalars(select(Need.id).order_by(Need.id).limit(ranked)))
    for need_id in need_ids:
        with platform.unit_of_work() as uow:
            uow.owe(RANKING, need_id, now)
            uow.commit()
        rank_post(platform, need_id, utc_now())
    return platform


def _fill_organisation(
    platform: Platform, number: int, paragraphs: list[str], chance: random.Random, now: datetime
) -> None:
    side = "need" if number % 2 == 0 else "capability"
    fields = OrganisationFields(
        kind="enterprise" if side == "need" else "university",
        name=f"{'示例科技' if side == 'need' else '示例大学'}第{number}号{'有限公司' if side == 'need' else ''}",
        region_code=_REGION,
    )
    with platform.unit_of_work() as uow:
        organisation_id = add_organisation(uow, SYSTEM, fields, now, approved=True).id
    user_id = None
    if number < MEMBERS:
        with platform.unit_of_work() as uow:
            user_id = add_user(
                uow, SYSTEM, email=member_address(number), name=f"member {number}", password=PASSWORD, now=now
            ).id
        with platform.unit_of_work() as uow:
            join_organisation(uow, SYSTEM, user_id, organisation_id, "owner", now)
    with platform.unit_of_work() as uow:
        # Not through the services: with one commit for each step this would take most of an hour.
        for text in paragraphs:
            uow.session.add(_make_post(side, organisation_id, user_id, text, chance, now))
        uow.commit()


def _make_post(
    side: str, organisation_id: str, user_id: str | None, text: str, chance: random.Random, now: datetime
) -> Post:
    published = now - timedelta(days=chance.randrange(300), minutes=chance.randrange(1440))
    common: dict[str, Any] = {
        "organisation_id": organisation_id,
        "author_id": user_id,
        "region_code": _REGION,
        "title": text.partition("。")[0][:60],
        "domain": chance.choice(_DOMAINS),
        "town": chance.choice(_TOWNS),
        "keywords": [text[:4], text[10:14]],
        "money_minimum": Decimal(chance.randrange(10, 100)),
        "visibility": chance.choices(("public", "members", "matched", "staff"), (80, 12, 6, 2))[0],
        "status": "published",
        "created_at": published,
        "updated_at": published,
        "published_at": published,
        "expires_at": published + timedelta(days=365),
    }
    if side == "need":
        return Need(problem=text, **common)
    return Capability(kind="achievement", abstract=text, **common)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paragraphs", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--posts", type=int, default=20_000)
    parser.add_argument("--ranked", type=int, default=200)
    options = parser.parse_args()
    platform = make_sized_platform(
        options.folder, read_paragraphs(options.paragraphs, options.posts), ranked=options.ranked
    )
    platform.close()
    print(f"{options.posts} posts in {options.folder}", file=sys.stderr)


if __name__ == "__main__":
    main()

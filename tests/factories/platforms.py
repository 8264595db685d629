"""A platform on SQLite and the embedded index in a folder of its own, or on whatever URLs a test gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matching.bootstrap import Platform
from matching.embeddings.cache import CachingEmbedder
from matching.models import Region
from matching.settings import Settings
from matching.store.migrate import migrate_up
from tests.factories.embedder import WordEmbedder


def make_platform(folder: Path, **settings: Any) -> Platform:
    """Migrated and empty but for the regions; embeds with WordEmbedder."""
    chosen: dict[str, Any] = {"mode": "demonstration", "data_dir": folder, "review_before_publication": False}
    # A Redis that happens to run on the machine would count the requests of all tests together.
    chosen["rate_limits"] = False
    platform = Platform(Settings(**(chosen | settings)))
    platform.__dict__["_embedder"] = CachingEmbedder(WordEmbedder(), platform.engine)
    migrate_up(platform.engine)
    with platform.unit_of_work() as uow:
        for code, label in (("440000", "广东省"), ("440700", "江门市"), ("440784", "鹤山市"), ("440600", "佛山市")):
            if uow.session.get(Region, code) is None:
                uow.session.add(Region(code=code, label_zh=label, label_en=label))
        uow.commit()
    return platform

"""A platform on SQLite and the embedded index in a folder of its own, or on whatever URLs a test gives."""

from __future__ import annotations

import tempfile
from functools import cache
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
    url = platform.engine.url
    if url.get_backend_name() == "sqlite" and url.database and not Path(url.database).exists():
        # The same file for all tests of a process: migrating takes longer than most tests.
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        Path(url.database).write_bytes(_migrated_file())
    else:
        migrate_up(platform.engine)
        _add_regions(platform)
    return platform


@cache
def _migrated_file() -> bytes:
    """A database of this release that is empty but for the regions."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "template.db"
        platform = Platform(Settings(mode="demonstration", data_dir=Path(folder), database_url=f"sqlite:///{file}"))
        migrate_up(platform.engine)
        _add_regions(platform)
        platform.close()
        # The last to leave writes everything into the one file.
        assert not file.with_name("template.db-wal").exists()
        return file.read_bytes()


def _add_regions(platform: Platform) -> None:
    with platform.unit_of_work() as uow:
        for code, label in (("440000", "广东省"), ("440700", "江门市"), ("440784", "鹤山市"), ("440600", "佛山市")):
            if uow.session.get(Region, code) is None:
                uow.session.add(Region(code=code, label_zh=label, label_en=label))
        uow.commit()

"""Are the parts there? For `/readyz` and `duijie doctor`: each by name, with its version and the remedy."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from matching.bootstrap import Platform
from matching.errors import DuijieError
from matching.store.engine import database_version
from matching.store.migrate import schema_revision

_log = logging.getLogger(__name__)

QUEUES = ("matching", "upkeep", "mail", "timetables")
PRIORITY_LISTS = ("", "\x06\x166")
"""Suffixes of the Redis lists of a queue: the first priority has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of the running product. `needed`: without it no page can be served."""

    name: str
    ready: bool
    needed: bool
    version: str = ""
    detail: str = ""
    remedy: str = ""


def check_parts(platform: Platform, *, thorough: bool = False) -> list[Part]:
    """Ask every part; `thorough` also loads the model. Never raises; takes a few seconds at most when parts hang."""
    parts = [_check_database(platform), _check_index(platform), *_check_redis(platform)]
    parts.append(_check_model(platform, thorough))
    parts.append(_check_mail(platform, thorough))
    return parts


def say_what_is_wrong(platform: Platform) -> None:
    """Log each part that does not answer or is of a version this release is not for, with the remedy. For the start of
    a process, which goes on nevertheless: what can be done without the part is done.
    """
    for part in check_parts(platform):
        if not part.ready:
            name = f"{part.name} {part.version}".strip()
            _log.warning("%s is not usable: %s → %s", name, part.detail, part.remedy)


def _check_database(platform: Platform) -> Part:
    try:
        found = database_version(platform.engine)
        present, wanted = schema_revision(platform.engine)
    except Exception as error:  # whatever keeps it from answering is the finding
        return Part(
            name="database", ready=False, needed=True, detail=_short(error),
            remedy="启动数据库并检查 DUIJIE_DATABASE_URL / start it and check DUIJIE_DATABASE_URL",
        )  # fmt: skip
    if present != wanted:
        return Part(
            name="database", ready=False, needed=True, version=found, detail=f"schema {present}, this release {wanted}",
            remedy="运行 duijie database upgrade / run duijie database upgrade",
        )  # fmt: skip
    return Part(name="database", ready=True, needed=True, version=found, detail=f"schema {present}")


def _check_index(platform: Platform) -> Part:
    try:
        status = platform.index.status()
    except Exception as error:  # a model that cannot be loaded tells no dimension
        return Part(
            name="index", ready=False, needed=False, detail=_short(error),
            remedy="检查 DUIJIE_INDEX_URL / check DUIJIE_INDEX_URL",
        )  # fmt: skip
    return Part(
        name="index",
        ready=status.ready,
        needed=False,
        version=f"{status.engine} {status.version}".strip(),
        detail=(f"{status.entries} entries " if status.ready else "") + status.detail,
        remedy=status.remedy,
    )


def _check_redis(platform: Platform) -> list[Part]:
    remedy = "启动 Redis 并检查 DUIJIE_REDIS_URL / start Redis and check DUIJIE_REDIS_URL"
    # redis-py types its answers for the asynchronous client too.
    client: Any = Redis.from_url(platform.settings.redis_url, socket_connect_timeout=1, socket_timeout=2)
    try:
        info = client.info("server")
        eviction = client.config_get("maxmemory-policy").get("maxmemory-policy", "noeviction")
        waiting = queue_depths(client)
    except RedisError as error:
        return [Part(name="redis", ready=False, needed=False, detail=_short(error), remedy=remedy)]
    finally:
        client.close()
    return [
        Part(
            name="redis",
            ready=eviction == "noeviction",
            needed=False,
            version=str(info.get("redis_version", "")),
            detail=", ".join(f"{queue} {count}" for queue, count in waiting.items()),
            remedy="" if eviction == "noeviction" else "设置 maxmemory-policy noeviction / set it to noeviction",
        )
    ]


def queue_depths(client: Any) -> dict[str, int]:
    """Tasks waiting in each queue, over all its priorities (Celery keeps one Redis list for each)."""
    return {queue: sum(client.llen(queue + step) for step in PRIORITY_LISTS) for queue in QUEUES}


def _check_mail(platform: Platform, thorough: bool) -> Part:
    """Whether the settings fit together; `thorough` also signs in at the mail server, without sending anything."""
    try:
        mailer = platform.mailer
        if thorough:
            mailer.check()
    except DuijieError as error:
        return Part(
            name="mail", ready=False, needed=False, detail=error.message,
            remedy="检查 DUIJIE_SMTP_… 与 DUIJIE_MAIL_FROM / check DUIJIE_SMTP_… and DUIJIE_MAIL_FROM",
        )  # fmt: skip
    return Part(name="mail", ready=True, needed=False, detail="on" if mailer.available else "off")


def _check_model(platform: Platform, thorough: bool) -> Part:
    name = Path(platform.settings.encoder_model).name
    try:
        revision = platform.embedder.model_revision
        if thorough:
            platform.embedder.embed(["试"], prompt="query")
    except Exception as error:
        return Part(
            name="model", ready=False, needed=False, version=name, detail=_short(error),
            remedy="运行 make setup，或检查 DUIJIE_ENCODER_MODEL / run make setup or check DUIJIE_ENCODER_MODEL",
        )  # fmt: skip
    return Part(name="model", ready=True, needed=False, version=name, detail=revision)


def _short(error: Exception) -> str:
    """What went wrong, without the address and credentials that drivers put into their messages."""
    return error.message if isinstance(error, DuijieError) else type(error).__name__


def product_version() -> str:
    """Of the installed package."""
    return version("duijie")

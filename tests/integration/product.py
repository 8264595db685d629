"""The product's own worker processes over real servers, for tests that start, kill and watch them."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import func, select, update

from matching.bootstrap import Platform, build_platform
from matching.clock import utc_now
from matching.models import OutboxEntry, Region
from matching.settings import load_settings
from matching.store.migrate import migrate_up
from web.commands.up import program_commands
from web.nudge import make_nudge

PATIENCE_SECONDS = 180.0
"""How long a test waits for what should come at once; machines that run other things are slow."""


@dataclass
class Product:
    """Environment, platform and processes. `environment` holds the DUIJIE_ variables that the processes get."""

    folder: Path
    environment: dict[str, str]
    platform: Platform
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, **environment: str) -> None:
        """Start a program of `duijie up`: `matching`, `upkeep` or `beat`; `matching-2` is one more of its kind."""
        kind, _, number = name.partition("-")
        command = program_commands("127.0.0.1", 8000 + int(number or 0), 1)[kind]
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                command, env={**self.clean_environment(), **environment}, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def clean_environment(self) -> dict[str, str]:
        """The present environment with only our own DUIJIE_ variables."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("DUIJIE_")}
        return {**kept, **self.environment}

    def kill(self, name: str) -> None:
        """SIGKILL, as when memory runs out."""
        process = self.running.pop(name)
        process.kill()
        process.wait(60)

    def stop(self) -> None:
        """Kill everything that still runs."""
        for name in list(self.running):
            self.kill(name)
        self.platform.close()

    def log(self, name: str) -> str:
        """What a program wrote."""
        return (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def wait_until(self, holds: Callable[[], bool], what: str) -> None:
        """Return once it holds; fails with the end of the logs when it does not within PATIENCE_SECONDS."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not holds():
            if time.monotonic() > deadline:
                logs = "\n".join(f"--- {name}\n{self.log(name)[-1500:]}" for name in self.running)
                raise AssertionError(f"not within {PATIENCE_SECONDS:.0f} s: {what}\n{logs}")
            time.sleep(0.1)

    def open_rows(self) -> int:
        """Rows of the outbox that are not settled."""
        with self.platform.reading() as session:
            return (
                session.scalar(select(func.count()).select_from(OutboxEntry).where(OutboxEntry.done_at.is_(None))) or 0
            )

    def let_claims_run_out(self) -> None:
        """As if the lease of everything that is claimed had passed: tasks that died with it are due again."""
        with self.platform.unit_of_work() as uow:
            uow.session.execute(
                update(OutboxEntry).where(OutboxEntry.done_at.is_(None)).values(claimed_until=utc_now())
            )
            uow.commit()


def make_product(folder: Path, monkeypatched: Callable[[str, str], None], **settings: str) -> Product:
    """Migrated and empty but for a region, with the shipped encoder. `settings` are DUIJIE_ variables without prefix;
    `monkeypatched` sets variables of this process for the test."""
    environment = {
        "DUIJIE_DATA_DIR": str(folder / "data"),
        "DUIJIE_MODE": "demonstration",
        "DUIJIE_REVIEW_BEFORE_PUBLICATION": "false",
        "OMP_NUM_THREADS": "1",
        **{f"DUIJIE_{name.upper()}": value for name, value in settings.items()},
    }
    for name, value in environment.items():
        monkeypatched(name, value)
    chosen = load_settings()
    chosen.data_dir.mkdir(parents=True, exist_ok=True)
    platform = build_platform(chosen, make_nudge(chosen))
    migrate_up(platform.engine)
    with platform.unit_of_work() as uow:
        uow.session.add(Region(code="440784", label_zh="鹤山市", label_en="Heshan"))
        uow.commit()
    return Product(folder, environment, platform)

"""Files brought in as a person does: uploaded, read, confirmed."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import datetime

from matching.bootstrap import Platform
from matching.models import ImportJob
from matching.services.actor import Actor
from matching.services.import_jobs import bring_import_on, confirm_import, start_import


def read_upload(
    platform: Platform,
    actor: Actor,
    kind: str,
    content: bytes,
    clock: Callable[[], datetime],
    *,
    name: str = "表.csv",
    organisation_id: str | None = None,
) -> ImportJob:
    """The job after its file was read."""
    job = start_import(platform, actor, kind, name, io.BytesIO(content), clock(), organisation_id=organisation_id)
    assert bring_import_on(platform, job.id, clock)
    return load_job(platform, job.id)


def finish_upload(
    platform: Platform, actor: Actor, job: ImportJob, clock: Callable[[], datetime], *, then: str = "publish"
) -> ImportJob:
    """The job after its rows were put in."""
    with platform.unit_of_work() as uow:
        confirm_import(uow, actor, job.id, clock(), then=then)
    assert bring_import_on(platform, job.id, clock)
    return load_job(platform, job.id)


def load_job(platform: Platform, job_id: str) -> ImportJob:
    """The job as it stands."""
    with platform.reading() as session:
        job = session.get(ImportJob, job_id)
        assert job is not None
        return job

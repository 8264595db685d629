"""An uploaded file through real workers over a real Redis: read, put in, gone on with after its worker was killed."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from matching.clock import utc_now
from matching.models import ImportJob, Post
from matching.services.import_jobs import confirm_import, start_import
from tests.factories.people import make_staff
from tests.integration.product import Product, make_product
from tests.servers.redis import RedisServer

pytestmark = pytest.mark.integration
ROWS = 1200


@pytest.fixture
def product(tmp_path: Path, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Product]:
    made = make_product(tmp_path, monkeypatch.setenv, redis_url=redis_server.url)
    yield made
    made.stop()


def test_a_file_survives_the_death_of_its_worker(product: Product) -> None:
    product.start("upkeep")
    product.start("imports")
    staff = make_staff(product.platform, utc_now(), email="staff@example.cn")
    lines = "".join(f"厂{number},需求 {number},压合后翘曲 {number} %\n" for number in range(ROWS))
    content = io.BytesIO(("单位名称,需求名称,现状与问题\n" + lines).encode())
    job_id = start_import(product.platform, staff, "needs", "需求.csv", content, utc_now()).id

    def job() -> ImportJob:
        with product.platform.reading() as session:
            found = session.get(ImportJob, job_id)
            assert found is not None
            return found

    product.wait_until(lambda: job().status == "read", "the file is read")
    assert (job().rows_total, job().rows_refused) == (ROWS, 0)
    with product.platform.unit_of_work() as uow:
        confirm_import(uow, staff, job_id, utc_now(), then="draft")
    product.wait_until(lambda: job().rows_done > 0, "some rows are in")
    product.kill("imports")
    with product.platform.unit_of_work() as uow:
        stopped = uow.session.get(ImportJob, job_id)
        assert stopped is not None
        # What time would do: the dead task's lease runs out.
        stopped.working_until = None
        uow.commit()
    product.let_claims_run_out()
    product.start("imports")
    product.start("beat")  # no commit nudges any more
    product.wait_until(lambda: job().status == "done" and product.open_rows() == 0, "the rest is in")
    assert (job().added, job().changed, job().unchanged, job().refused) == (ROWS, 0, 0, 0)
    with product.platform.reading() as session:
        assert session.scalar(select(func.count()).select_from(Post)) == ROWS

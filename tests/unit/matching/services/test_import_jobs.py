"""Uploaded files: read, mapped, put in once whatever dies on the way, with the rights of the one who brought them."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from matching.bootstrap import Platform
from matching.errors import IllegalMove, InvalidInput, NotAllowed, NotFound
from matching.models import ErasedPerson, Expert, ImportJob, ImportRow, Organisation, OutboxEntry, Post, PostRevision
from matching.services import imports as imports_module
from matching.services.import_jobs import (
    bring_import_on,
    cancel_import,
    change_import,
    clean_file_name,
    confirm_import,
    find_import,
    forget_columns,
    imports_folder,
    load_refused,
    needs_title,
    start_import,
)
from matching.services.imports import SELF, erasure_hashes
from matching.services.posts import close_post
from matching.services.retention import apply_retention
from tests.factories.imports import finish_upload, load_job, read_upload
from tests.factories.people import make_member, make_staff
from tests.factories.posts import make_need

HEADER = "单位名称,需求名称,现状与问题\n"


@pytest.fixture
def clock(now: datetime) -> Callable[[], datetime]:
    return lambda: now


def needs_csv(*rows: tuple[str, str]) -> bytes:
    return (HEADER + "".join(f"{firm},{title},压合后翘曲严重需要控制\n" for firm, title in rows)).encode()


def counts(job: ImportJob) -> tuple[int, int, int, int]:
    return job.added, job.changed, job.unchanged, job.refused


def test_a_file_is_read_shown_and_put_in_and_a_second_time_changes_nothing(
    platform: Platform, clock: Callable[[], datetime]
) -> None:
    staff = make_staff(platform, clock(), email="s@example.cn")
    content = needs_csv(("甲厂", "翘曲控制"), ("乙厂", "红茶发酵"), ("", "没有单位"), ("丙厂", ""))
    job = read_upload(platform, staff, "needs", content, clock)
    assert (job.status, job.rows_total, job.rows_refused) == ("read", 4, 1)
    with platform.reading() as session:
        assert session.scalars(select(Post)).all() == []
    job = finish_upload(platform, staff, job, clock)
    assert (job.status, job.rows_done, job.organisations_added) == ("done", 3, 2)
    assert counts(job) == (2, 0, 0, 2)
    with platform.reading() as session:
        assert session.scalars(select(Post.status).order_by(Post.title)).all() == ["published", "published"]
        refused = load_refused(session, job)
        rows = dict(session.execute(select(ImportRow.number, ImportRow.outcome)).tuples().all())
        owed = session.scalar(
            select(func.count()).where(OutboxEntry.topic == "import.owed", OutboxEntry.done_at.is_(None))
        )
    assert rows == {1: "added", 2: "added", 3: None, 4: None}
    assert [row.findings[-1].code for row in refused] == ["import.organisation_missing", "import.title_missing"]
    assert refused[0].values["需求名称"] == "没有单位"
    assert owed == 0
    again = finish_upload(platform, staff, read_upload(platform, staff, "needs", content, clock), clock)
    assert counts(again) == (0, 0, 2, 2)


def test_an_import_goes_on_where_a_dead_task_left_it(platform: Platform, now: datetime) -> None:
    staff = make_staff(platform, now, email="s@example.cn")
    moment = [now]
    content = needs_csv(*((f"厂{number}", f"需求{number}") for number in range(7)))
    job = read_upload(platform, staff, "needs", content, lambda: moment[0])
    with platform.unit_of_work() as uow:
        confirm_import(uow, staff, job.id, now)

    class Died(BaseException):
        """What a killed process leaves: nothing is caught, nothing is cleaned up."""

    put = imports_module._import_row

    def dying(importer, number, row, report):  # type: ignore[no-untyped-def]
        if number == 6:
            raise Died
        return put(importer, number, row, report)

    with (
        patch.object(imports_module, "ROWS_PER_COMMIT", 2),
        patch.object(imports_module, "_import_row", dying),
        pytest.raises(Died),
    ):
        bring_import_on(platform, job.id, lambda: moment[0])
    stopped = load_job(platform, job.id)
    assert (stopped.status, stopped.rows_done, stopped.added) == ("importing", 4, 4)
    assert not bring_import_on(platform, job.id, lambda: moment[0])  # for all one knows the task is alive
    moment[0] += timedelta(minutes=5)
    with patch.object(imports_module, "ROWS_PER_COMMIT", 2):
        assert bring_import_on(platform, job.id, lambda: moment[0])
    done = load_job(platform, job.id)
    assert (done.status, done.rows_done, counts(done)) == ("done", 7, (7, 0, 0, 0))


def test_cancelling_keeps_what_is_in(platform: Platform, clock: Callable[[], datetime]) -> None:
    staff = make_staff(platform, clock(), email="s@example.cn")
    job = read_upload(platform, staff, "needs", needs_csv(*((f"厂{n}", f"需求{n}") for n in range(6))), clock)
    with platform.unit_of_work() as uow:
        confirm_import(uow, staff, job.id, clock())
    put = imports_module._import_row

    def asked_meanwhile(importer, number, row, report):  # type: ignore[no-untyped-def]
        if number == 3:
            importer.uow.session.get(ImportJob, job.id).cancel_asked = True
        return put(importer, number, row, report)

    with (
        patch.object(imports_module, "ROWS_PER_COMMIT", 2),
        patch.object(imports_module, "_import_row", asked_meanwhile),
    ):
        assert bring_import_on(platform, job.id, clock)
    stopped = load_job(platform, job.id)
    assert (stopped.status, stopped.rows_done, stopped.added) == ("cancelled", 2, 2)
    with platform.reading() as session:
        assert session.scalar(select(func.count()).select_from(Post)) == 2
    waiting = read_upload(platform, staff, "needs", needs_csv(("厂", "需求")), clock)
    with platform.unit_of_work() as uow:
        assert cancel_import(uow, staff, waiting.id, clock()).status == "cancelled"
    with platform.unit_of_work() as uow, pytest.raises(IllegalMove):
        confirm_import(uow, staff, waiting.id, clock())


def test_columns_that_a_person_chose_are_remembered_for_their_office_only(
    platform: Platform, clock: Callable[[], datetime]
) -> None:
    staff = make_staff(platform, clock(), email="s@example.cn")
    content = "题,说的话,谁家\n翘曲控制,压合后翘曲严重,甲厂\n".encode()
    job = read_upload(platform, staff, "needs", content, clock)
    assert (job.status, job.rows_total, needs_title(job)) == ("read", 0, True)
    chosen: dict[str, str | None] = {"题": "title", "说的话": "problem", "谁家": "organisation_name"}
    with platform.unit_of_work() as uow, pytest.raises(InvalidInput) as caught:
        change_import(uow, staff, job.id, clock(), column_map={"题": "no_such_field"})
    assert caught.value.code == "import.no_such_field"
    with platform.unit_of_work() as uow:
        change_import(uow, staff, job.id, clock(), column_map=chosen)
    assert bring_import_on(platform, job.id, clock)
    job = load_job(platform, job.id)
    assert (job.rows_total, job.rows_refused, job.remembered, needs_title(job)) == (1, 0, False, False)
    again = read_upload(platform, staff, "needs", content, clock)
    assert (again.rows_total, again.remembered) == (1, True)
    elsewhere = make_staff(platform, clock(), email="other@example.cn", region_code="440600")
    assert read_upload(platform, elsewhere, "needs", content, clock).rows_total == 0
    with platform.unit_of_work() as uow:
        forget_columns(uow, staff, again.id, clock())
    assert bring_import_on(platform, again.id, clock)
    assert load_job(platform, again.id).rows_total == 0


def test_a_person_says_which_row_is_the_header(platform: Platform, clock: Callable[[], datetime]) -> None:
    staff = make_staff(platform, clock(), email="s@example.cn")
    content = "需求名称,单位名称\n甲,乙\n题目,单位\n翘曲控制,甲厂\n".encode()
    job = read_upload(platform, staff, "needs", content, clock)
    assert job.sheets[0]["header_rows"] == [1]
    with platform.unit_of_work() as uow:
        change_import(uow, staff, job.id, clock(), column_map={"题目": "title"}, header_rows={"": 3})
    assert bring_import_on(platform, job.id, clock)
    with platform.reading() as session:
        assert session.scalars(select(ImportRow.name)).all() == ["翘曲控制"]


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("表.xlsx", b"PK\x03\x04 broken", "import.damaged"),
        ("表.csv", b"%PDF-1.7", "import.not_a_table"),
        ("表.csv", b"\x00\x00\x00", "import.empty"),
        ("表.csv", b"\n\n", "import.empty"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(
    platform: Platform, clock: Callable[[], datetime], name: str, content: bytes, code: str
) -> None:
    staff = make_staff(platform, clock(), email="s@example.cn")
    job = read_upload(platform, staff, "needs", content, clock, name=name)
    assert (job.status, job.error["code"]) == ("failed", code)
    assert "tmp" not in str(job.error)  # nothing of where it lies on the server


def test_uploads_are_refused_before_anything_is_stored(platform: Platform, clock: Callable[[], datetime]) -> None:
    staff = make_staff(platform, clock(), email="s@example.cn")
    reader = make_member(platform, clock(), email="r@example.cn", role="reader")

    def upload(actor=staff, kind="needs", name="表.csv", content=b"x"):  # type: ignore[no-untyped-def]
        return start_import(platform, actor, kind, name, io.BytesIO(content), clock())

    for options, error, code in (
        ({"kind": "rockets"}, InvalidInput, "import.kind"),
        ({"name": "表.pdf"}, InvalidInput, "import.wrong_suffix"),
        ({"content": b""}, InvalidInput, "import.empty"),
        ({"actor": reader.actor}, NotAllowed, "import.not_allowed"),
    ):
        with pytest.raises(error) as caught:
            upload(**options)
        assert caught.value.code == code
    for _ in range(5):
        upload()
    with pytest.raises(InvalidInput) as full:
        upload()
    assert full.value.code == "import.too_many_underway"
    assert len(list(imports_folder(platform.settings).iterdir())) == 5


def test_nobody_sees_anothers_file(platform: Platform, clock: Callable[[], datetime]) -> None:
    staff = make_staff(platform, clock(), email="s@example.cn")
    other = make_staff(platform, clock(), email="t@example.cn")
    job = read_upload(platform, staff, "needs", needs_csv(("甲厂", "翘曲")), clock)
    with platform.reading() as session, pytest.raises(NotFound):
        find_import(session, other, job.id)
    with platform.unit_of_work() as uow, pytest.raises(NotFound):
        cancel_import(uow, other, job.id, clock())


def test_a_member_imports_for_their_own_organisation_only(platform: Platform, clock: Callable[[], datetime]) -> None:
    own = make_member(platform, clock(), email="t@example.edu.cn", organisation="示例大学", kind="university")
    make_member(platform, clock(), email="f@example.cn", organisation="别家大学", kind="university")
    content = (
        "单位名称,成果名称,简介\n,没写单位的成果,简介甲简介甲\n示例大学,本校的成果,简介乙简介乙\n示例大学材料学院,学院的成果,简介丙简介丙\n"
        "别家大学,别校的成果,简介丁简介丁\n没有的研究所,外面的成果,简介戊简介戊\n"
    ).encode()
    job = finish_upload(
        platform, own.actor, read_upload(platform, own.actor, "capabilities", content, clock), clock, then="draft"
    )
    assert counts(job) == (3, 0, 0, 2)
    with platform.reading() as session:
        posts = session.execute(select(Post.title, Post.status, Post.organisation_id).order_by(Post.title)).all()
        assert {row.organisation_id for row in posts} == {own.organisation_id}
        assert {row.status for row in posts} == {"draft"}
        assert session.scalar(select(func.count()).select_from(Organisation)) == 2
        codes = {row.findings[-1].code for row in load_refused(session, job)}
    assert codes == {"import.not_your_organisation"}
    with pytest.raises(NotAllowed):
        start_import(platform, own.actor, "organisations", "单位.csv", io.BytesIO("单位名称\n甲\n".encode()), clock())


def test_an_expert_is_changed_only_by_those_who_keep_the_entry(
    platform: Platform, clock: Callable[[], datetime]
) -> None:
    own = make_member(platform, clock(), email="t@example.edu.cn", organisation="示例大学", kind="university")
    other = make_member(platform, clock(), email="o@example.edu.cn", organisation="别家大学", kind="university")
    content = "姓名,单位名称,职称,电子邮箱,ORCID\n丘老师,示例大学,教授,q@example.edu.cn,0000-0001-2345-6789\n".encode()
    job = finish_upload(platform, own.actor, read_upload(platform, own.actor, "experts", content, clock), clock)
    assert counts(job) == (1, 0, 0, 0)
    with platform.reading() as session:
        expert = session.scalars(select(Expert)).one()
        assert expert.source == "导入：表.csv"
        assert expert.extra["fields"]["orcid"] == "0000-0001-2345-6789"
    stolen = f"编号,姓名,职称\n{expert.id},丘老师,讲师\n".encode()
    job = finish_upload(platform, other.actor, read_upload(platform, other.actor, "experts", stolen, clock), clock)
    assert counts(job) == (0, 0, 0, 1)
    changed = content.replace("教授".encode(), "研究员".encode())
    job = finish_upload(platform, own.actor, read_upload(platform, own.actor, "experts", changed, clock), clock)
    assert counts(job) == (0, 1, 0, 0)
    with platform.unit_of_work() as uow:
        expert = uow.session.scalars(select(Expert)).one()
        assert (expert.title, expert.field_sources["title"]["source"]) == ("研究员", "导入：表.csv")
        expert.title = "首席"
        expert.field_sources = {**expert.field_sources, "title": {"source": SELF}}
        uow.commit()
    job = finish_upload(platform, own.actor, read_upload(platform, own.actor, "experts", content, clock), clock)
    with platform.reading() as session:
        assert session.scalars(select(Expert.title)).one() == "首席"


def test_a_person_who_had_themselves_deleted_is_not_imported_again(
    platform: Platform, clock: Callable[[], datetime]
) -> None:
    own = make_member(platform, clock(), email="t@example.edu.cn", organisation="示例大学", kind="university")
    with platform.unit_of_work() as uow:
        for key in erasure_hashes("丘老师", "示例大学", (), "none"):
            uow.session.add(ErasedPerson(key_hash=key, erased_at=clock()))
        uow.commit()
    content = "姓名,单位名称\n丘老师,示例大学\n林老师,示例大学\n".encode()
    job = finish_upload(platform, own.actor, read_upload(platform, own.actor, "experts", content, clock), clock)
    assert counts(job) == (1, 0, 0, 1)
    with platform.reading() as session:
        assert session.scalars(select(Expert.name)).all() == ["林老师"]


def test_a_change_keeps_what_the_post_said_and_silence_changes_nothing(
    platform: Platform, clock: Callable[[], datetime]
) -> None:
    firm = make_member(platform, clock(), email="f@example.cn", organisation="甲厂")
    header = "单位名称,需求名称,现状与问题,关键词,主管处室\n"
    first = (header + "甲厂,翘曲控制,压合后翘曲严重,翘曲；压合,技改科\n").encode()
    job = finish_upload(platform, firm.actor, read_upload(platform, firm.actor, "needs", first, clock), clock)
    assert counts(job) == (1, 0, 0, 0)
    with platform.reading() as session:
        post = session.scalars(select(Post)).one()
        assert post.extra["columns"] == {"主管处室": "技改科"}
    second = (header + "甲厂,翘曲控制,压合后翘曲 1.2%,,\n").encode()
    job = finish_upload(platform, firm.actor, read_upload(platform, firm.actor, "needs", second, clock), clock)
    assert counts(job) == (0, 1, 0, 0)
    with platform.reading() as session:
        post = session.scalars(select(Post)).one()
        assert (post.prose(), post.keywords, post.extra["columns"]) == (
            "压合后翘曲 1.2%",
            ["翘曲", "压合"],
            {"主管处室": "技改科"},
        )
        [revision] = session.scalars(select(PostRevision)).all()
        assert revision.fields["problem"] == "压合后翘曲严重"
    with platform.unit_of_work() as uow:
        close_post(uow, firm.actor, post.id, "dropped", clock())
    job = finish_upload(platform, firm.actor, read_upload(platform, firm.actor, "needs", second, clock), clock)
    assert counts(job) == (0, 0, 1, 0)
    job = finish_upload(platform, firm.actor, read_upload(platform, firm.actor, "needs", first, clock), clock)
    assert counts(job) == (0, 0, 0, 1)  # a closed post is not changed behind its back


def test_posts_wait_for_review_where_the_staff_reviews(tmp_path: Path, now: datetime) -> None:
    from tests.factories.platforms import make_platform

    platform = make_platform(tmp_path / "reviewed", review_before_publication=True)
    firm = make_member(platform, now, email="f@example.cn", organisation="甲厂")
    content = needs_csv(("甲厂", "翘曲控制"))
    finish_upload(platform, firm.actor, read_upload(platform, firm.actor, "needs", content, lambda: now), lambda: now)
    with platform.reading() as session:
        assert session.scalars(select(Post.status)).all() == ["submitted"]
    platform.close()


def test_files_are_forgotten_after_a_month(platform: Platform, now: datetime) -> None:
    firm = make_member(platform, now, email="f@example.cn", organisation="甲厂")
    make_need(platform, firm, now)
    job = read_upload(platform, firm.actor, "needs", needs_csv(("甲厂", "翘曲")), lambda: now)
    assert apply_retention(platform, now + timedelta(days=30, hours=-1))["imports"] == 0
    assert apply_retention(platform, now + timedelta(days=30))["imports"] == 1
    with platform.reading() as session:
        assert session.get(ImportJob, job.id) is None
        assert session.scalars(select(ImportRow)).all() == []
        assert session.scalar(select(func.count()).select_from(Post)) == 1


@given(st.text(max_size=400))
def test_a_shown_name_has_neither_folders_nor_what_turns_or_hides(name: str) -> None:
    shown = clean_file_name(name)
    assert 1 <= len(shown) <= 255
    assert not set(shown) & set("/\\\r\n\x00\u202e\u200b\ufeff")
    assert clean_file_name(shown) == shown

"""Imports through the services: what a file brings once, a second time changes nothing; exports come back unchanged."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from sqlalchemy import select

from matching.bootstrap import Platform
from matching.exporting.posts_workbook import write_records
from matching.importing.fields import RecordKind
from matching.importing.records import read_records
from matching.models import Organisation, Post
from matching.services.actor import SYSTEM
from matching.services.exports import export_records
from matching.services.imports import ImportReport, import_records
from tests.factories.people import make_member
from tests.factories.posts import make_need

HEADER = "单位名称,需求名称,概述,拟投入资金（万元）\n"


def import_file(
    platform: Platform, file: Path, kind: RecordKind, now: datetime, *, dry_run: bool = False
) -> ImportReport:
    reading = read_records(file, kind)
    return import_records(platform, SYSTEM, reading, now, region_code="440784", dry_run=dry_run)


def counts(report: ImportReport) -> tuple[int, int, int, int]:
    return report.added, report.changed, report.unchanged, len(report.refused)


def test_a_second_import_changes_nothing_and_an_edited_row_changes_itself(
    platform: Platform, now: datetime, tmp_path: Path
) -> None:
    file = tmp_path / "needs.csv"
    file.write_text(HEADER + "甲厂,线路板翘曲控制,高频板翘曲,20-30\n乙厂,红茶发酵检测,凭经验,面议\n", encoding="utf-8")
    assert counts(import_file(platform, file, "needs", now, dry_run=True)) == (2, 0, 0, 0)
    with platform.reading() as session:
        assert session.scalars(select(Post)).all() == []
    assert counts(import_file(platform, file, "needs", now)) == (2, 0, 0, 0)
    with platform.reading() as session:
        versions = dict(session.execute(select(Post.title, Post.version)).tuples().all())
        assert sorted(session.scalars(select(Organisation.name))) == ["乙厂", "甲厂"]
    assert counts(import_file(platform, file, "needs", now)) == (0, 0, 2, 0)
    with platform.reading() as session:
        assert dict(session.execute(select(Post.title, Post.version)).tuples().all()) == versions
    file.write_text(HEADER + "甲厂,线路板翘曲控制,高频板翘曲,40\n乙厂,红茶发酵检测,凭经验,面议\n", encoding="utf-8")
    assert counts(import_file(platform, file, "needs", now)) == (0, 1, 1, 0)


def test_a_row_without_an_organisation_is_refused_and_loses_nothing(
    platform: Platform, now: datetime, tmp_path: Path
) -> None:
    file = tmp_path / "needs.csv"
    file.write_text(HEADER + "甲厂,线路板翘曲控制,高频板翘曲,20\n,红茶发酵检测,凭经验,\n", encoding="utf-8")
    report = import_file(platform, file, "needs", now)
    assert counts(report) == (1, 0, 0, 1)
    assert report.refused[0].findings[-1].code == "import.organisation_missing"
    assert report.refused[0].values["需求名称"] == "红茶发酵检测"


def test_an_export_comes_back_unchanged_with_phones_as_they_were_written(
    platform: Platform, now: datetime, tmp_path: Path
) -> None:
    firm = make_member(platform, now, email="f@example.cn", organisation="甲厂")
    contact = {"name": "林工", "phone": "138-0000-0001", "email": "a@example.cn"}
    need_id = make_need(platform, firm, now, problem="高频板翘曲 0.9%", contact=contact)
    file = tmp_path / "needs.xlsx"
    with platform.reading() as session:
        write_records(export_records(session, "needs"), "needs", file, vocabularies={})
    assert counts(import_file(platform, file, "needs", now)) == (0, 0, 1, 0)
    with platform.reading() as session:
        post = session.get(Post, need_id)
        assert post is not None
        assert post.contact == contact

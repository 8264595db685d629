"""What the bureau hands up: the funnel, answers, unmet demand, contracts and the plan's indicators; each figure opens
its rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as WerkzeugResponse

from matching.clock import shanghai_day
from matching.errors import InvalidInput
from matching.exporting.report_workbook import Cell, Sheet, write_report
from matching.models import Indicator, Post, Region
from matching.queries.reports import (
    GROUPINGS,
    MOST_ROWS,
    NO_GROUP,
    STAGES,
    Funnel,
    Period,
    answer_time,
    answers_by_revision,
    contracts,
    events_of,
    funnel,
    list_indicators,
    list_needs,
    list_special_days,
    organisation_names,
    progress_of,
    sort_groups,
    unasked_capabilities,
    unmet_needs,
)
from matching.queries.vocabularies import Vocabularies, load_vocabularies
from matching.services.indicators import (
    IndicatorFields,
    add_indicator,
    edit_indicator,
    remove_indicator,
    set_indicator_value,
    set_special_day,
)
from web.languages import in_language, label_of, term_label
from web.reader import actor, now, platform, staff_only

reports = Blueprint("reports", __name__, url_prefix="/reports")

STAGE_LABELS: dict[str, Any] = {
    "posts": _l("发布的需求"),
    "suggested": _l("有匹配建议"),
    "seen": _l("建议被查看"),
    "interest": _l("有人表示意向"),
    "mutual": _l("双方有意"),
    "met": _l("对接会洽谈"),
    "contract": _l("签订合同"),
}
GROUPING_LABELS: dict[str, Any] = {
    "month": _l("按月"),
    "industry": _l("按行业"),
    "town": _l("按镇街"),
    "institution": _l("按供给单位"),
}
_SHOWN_GROUPS = 60


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of a chart: its words, its number, its width in the chart's units (0–400), and the rows behind it."""

    label: str
    value: int
    width: int
    url: str


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A row of the funnel by group."""

    key: str
    label: str
    counts: list[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class ShownIndicator:
    """An indicator with how far it came."""

    indicator: Indicator
    progress: float | None

    @property
    def share(self) -> float:
        """For the bar."""
        return min(max(self.progress or 0.0, 0.0), 1.0)


@reports.get("/")
@staff_only
def show_report() -> str:
    """All tables and charts of a period."""
    period, by = _period(), _grouping()
    with platform().reading() as reading:
        found = funnel(reading, actor(), period, institutions=by == "institution")
        vocabularies = load_vocabularies(reading)
        waited = answer_time(reading, actor(), period)
        return render_template(
            "reports/show.html",
            period=period,
            by=by,
            bars=_bars(found, period),
            group_rows=_group_rows(reading, found, by, vocabularies),
            revisions=answers_by_revision(reading, actor(), period),
            unmet=len(unmet_needs(reading, actor(), now())),
            unasked=len(unasked_capabilities(reading, actor(), now())),
            contracts=contracts(reading, actor(), period),
            events=events_of(reading, actor(), period),
            answer_days=None if waited is None else round(waited / timedelta(days=1), 1),
            indicators=[ShownIndicator(one, progress_of(one)) for one in list_indicators(reading, actor())],
            STAGE_LABELS=STAGE_LABELS,
            GROUPING_LABELS=GROUPING_LABELS,
            most_rows=MOST_ROWS,
        )


@reports.get("/needs")
@staff_only
def list_rows() -> str:
    """The needs behind a figure of the funnel."""
    period = _period()
    stage = request.args.get("stage", "posts")
    by, group = request.args.get("by"), request.args.get("group")
    if stage not in STAGES or (by is not None and by not in GROUPINGS):
        raise InvalidInput("report.figure", "没有这个数字", where="stage", message_en="There is no such figure")
    with platform().reading() as reading:
        vocabularies = load_vocabularies(reading)
        ids = funnel(reading, actor(), period, institutions=by == "institution").ids(stage, by, group)
        label = _group_label(reading, by or "", group, vocabularies) if by and group is not None else ""
        return render_template(
            "reports/rows.html",
            title=f"{STAGE_LABELS[stage]}{' · ' if label else ''}{label}",
            period=period,
            total=len(ids),
            posts=list_needs(reading, actor(), ids),
            vocabularies=vocabularies,
            hint="",
        )


@reports.get("/unmet")
@staff_only
def list_unmet() -> str:
    """Live needs without a good match."""
    with platform().reading() as reading:
        return _show_gap(
            reading,
            unmet_needs(reading, actor(), now()),
            title=_("没有好匹配的需求"),
            hint=_("这些需求在平台上找不到合适的供给，可以有针对性地征集专家和成果。"),
        )


@reports.get("/unasked")
@staff_only
def list_unasked() -> str:
    """Live capabilities that match no need well."""
    with platform().reading() as reading:
        return _show_gap(
            reading,
            unasked_capabilities(reading, actor(), now()),
            title=_("没有对应需求的供给"),
            hint=_("这些供给目前没有企业需要，可以向相关行业推介。"),
        )


def _show_gap(reading: Session, posts: Sequence[Post], *, title: str, hint: str) -> str:
    return render_template(
        "reports/rows.html",
        title=title,
        period=None,
        total=len(posts),
        posts=posts,
        vocabularies=load_vocabularies(reading),
        hint=hint,
    )


@reports.get("/report.xlsx")
@staff_only
def download() -> Response:
    """The whole report as a workbook."""
    period = _period()
    with platform().reading() as reading:
        content = write_report(_sheets(reading, period))
    name = f"report-{period.first:%Y%m%d}-{period.last:%Y%m%d}.xlsx"
    return Response(
        content,
        mimetype="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


@reports.get("/indicators")
@staff_only
def show_indicators() -> str:
    """The plan's indicators, to enter and to correct."""
    return _render_indicators()


@reports.post("/indicators")
@staff_only
def enter_indicator() -> WerkzeugResponse | tuple[str, int]:
    """Add one, or replace the fields of one."""
    indicator_id = request.form.get("indicator_id")
    try:
        entered = IndicatorFields(
            name=request.form.get("name", ""),
            name_en=request.form.get("name_en", ""),
            unit=request.form.get("unit", ""),
            base_year=_whole("base_year"),
            base_value=_number("base_value"),
            target_year=_whole("target_year"),
            target_value=_number("target_value"),
        )
        with platform().unit_of_work() as uow:
            if indicator_id:
                edit_indicator(uow, actor(), indicator_id, entered, now())
            else:
                add_indicator(uow, actor(), request.form.get("region_code", ""), entered, now())
    except InvalidInput as error:
        return _render_indicators(error=error), 422
    flash(_("已保存。"), "info")
    return redirect(url_for("reports.show_indicators"))


@reports.post("/indicators/<indicator_id>/values")
@staff_only
def enter_value(indicator_id: str) -> WerkzeugResponse | tuple[str, int]:
    """Enter a year's value; an empty one takes the year out."""
    try:
        with platform().unit_of_work() as uow:
            set_indicator_value(
                uow,
                actor(),
                indicator_id,
                _whole("year"),
                _number("value"),
                now(),
                source=request.form.get("source", ""),
            )
    except InvalidInput as error:
        return _render_indicators(error=error), 422
    return redirect(url_for("reports.show_indicators", _anchor=f"i-{indicator_id}"))


@reports.post("/indicators/<indicator_id>/remove")
@staff_only
def take_off(indicator_id: str) -> WerkzeugResponse:
    """Take an indicator off."""
    with platform().unit_of_work() as uow:
        remove_indicator(uow, actor(), indicator_id, now())
    flash(_("已删除，操作记入日志。"), "info")
    return redirect(url_for("reports.show_indicators"))


@reports.route("/special-days", methods=["GET", "POST"])
@staff_only
def edit_special_days() -> str | WerkzeugResponse | tuple[str, int]:
    """Holidays and worked weekend days, which the clock of a contract's registration follows."""
    error = ""
    if request.method == "POST":
        works = {"y": True, "n": False}.get(request.form.get("works", ""))
        try:
            day = date.fromisoformat(request.form.get("day", ""))
            with platform().unit_of_work() as uow:
                set_special_day(uow, actor(), day, works, now(), label=request.form.get("label", ""))
            return redirect(url_for("reports.edit_special_days"))
        except ValueError:
            error = _("请填写日期，例如 2027-06-30")
    with platform().reading() as reading:
        page = render_template(
            "reports/special_days.html", days=list_special_days(reading), error=error, form=request.form
        )
    return (page, 422) if error else page


def _period() -> Period:
    """The period asked for; the present year by default."""
    today = shanghai_day(now())

    def day(name: str, fallback: date) -> date:
        text = request.args.get(name, "").strip()
        if not text:
            return fallback
        try:
            return date.fromisoformat(text)
        except ValueError as wrong:
            raise InvalidInput(
                "report.day", "请填写日期，例如 2026-01-01", where=name, message_en="Please give a date"
            ) from wrong

    return Period(day("from", date(today.year, 1, 1)), day("to", today))


def _grouping() -> str:
    by = request.args.get("by", "month")
    return by if by in GROUPINGS else "month"


def _bars(found: Funnel, period: Period) -> list[Bar]:
    most = max((found.total(stage) for stage in STAGES), default=0)
    return [
        Bar(
            str(STAGE_LABELS[stage]),
            found.total(stage),
            round(400 * found.total(stage) / most) if most else 0,
            url_for("reports.list_rows", stage=stage, **_dates(period)),
        )
        for stage in STAGES
    ]


def _dates(period: Period) -> dict[str, Any]:
    return {"from": period.first.isoformat(), "to": period.last.isoformat()}


def _group_rows(reading: Session, found: Funnel, by: str, vocabularies: Vocabularies) -> list[GroupRow]:
    table = found.table(by)
    keys = sort_groups(by, table)
    names = organisation_names(reading, set(keys)) if by == "institution" else {}
    return [
        GroupRow(
            key,
            names.get(key, key) if by == "institution" else _label(by, key, vocabularies),
            [(stage, table[key][stage]) for stage in STAGES],
        )
        for key in keys[:_SHOWN_GROUPS]
    ]


def _label(by: str, key: str, vocabularies: Vocabularies) -> str:
    if key == NO_GROUP:
        return str(_("未说明"))
    if by == "industry":
        return f"{key} {label_of(vocabularies.find('industry', key))}".strip()
    if by == "town":
        return term_label(vocabularies, "town", key)
    return key


def _group_label(reading: Session, by: str, key: str, vocabularies: Vocabularies) -> str:
    if by == "institution":
        return organisation_names(reading, {key}).get(key, "")
    return _label(by, key, vocabularies)


def _sheets(reading: Session, period: Period) -> list[Sheet]:
    found = funnel(reading, actor(), period)
    vocabularies = load_vocabularies(reading)
    stages = [str(STAGE_LABELS[stage]) for stage in STAGES]
    totals: list[list[Cell]] = [[str(STAGE_LABELS[one]), found.total(one)] for one in STAGES]
    sheets = [Sheet(_("转化漏斗"), [_("阶段"), _("需求数")], totals)]
    for by in GROUPINGS:
        rows: list[list[Cell]] = [
            [row.label, *(count for _stage, count in row.counts)]
            for row in _group_rows(reading, found, by, vocabularies)
        ]
        sheets.append(Sheet(str(GROUPING_LABELS[by]), [str(GROUPING_LABELS[by]), *stages], rows))
    sheets.append(
        Sheet(
            _("匹配建议的答复"),
            [_("模型版本"), _("建议"), _("接受"), _("不合适"), _("以后再说"), _("接受率")],
            [
                [row.revision, row.suggestions, row.accepted, row.declined, row.later, row.acceptance]
                for row in answers_by_revision(reading, actor(), period)
            ],
        )
    )
    sums = contracts(reading, actor(), period)
    sheets.append(
        Sheet(
            _("技术合同"),
            [
                _("名称"),
                _("需求单位"),
                _("供给单位"),
                _("签订日期"),
                _("成交额（万元）"),
                _("技术交易额（万元）"),
                _("登记编号"),
            ],
            [
                [
                    row.title,
                    row.need_organisation.name,
                    row.capability_organisation.name,
                    row.signed_on,
                    row.contract_amount,
                    row.technology_amount,
                    row.registration_number,
                ]
                for row in sums.rows
            ],
        )
    )
    sheets.append(
        Sheet(
            _("对接会"),
            [_("名称"), _("日期"), _("安排洽谈"), _("实际洽谈"), _("缺席")],
            [
                [row.event.title, row.event.held_on, row.planned, row.held, row.absent]
                for row in events_of(reading, actor(), period)
            ],
        )
    )
    for title, posts in (
        (_("没有好匹配的需求"), unmet_needs(reading, actor(), now())),
        (_("没有对应需求的供给"), unasked_capabilities(reading, actor(), now())),
    ):
        sheets.append(
            Sheet(
                title,
                [_("标题"), _("单位"), _("发布日期")],
                [
                    [
                        post.title,
                        post.organisation.name if _may_name(post.visibility, post.region_code) else "",
                        shanghai_day(post.published_at) if post.published_at else None,
                    ]
                    for post in posts
                ],
            )
        )
    indicators = list_indicators(reading, actor())
    years = sorted({value.year for one in indicators for value in one.values})
    sheets.append(
        Sheet(
            _("规划指标"),
            [_("指标"), _("单位"), _("基期年"), _("基期值"), _("目标年"), _("目标值"), *map(str, years), _("进度")],
            [
                [
                    in_language(one.name, one.name_en),
                    one.unit,
                    one.base_year,
                    one.base_value,
                    one.target_year,
                    one.target_value,
                    *({value.year: value.value for value in one.values}.get(year) for year in years),
                    progress_of(one),
                ]
                for one in indicators
            ],
        )
    )
    return sheets


def _may_name(visibility: str, region_code: str) -> bool:
    """Whether these staff are told whose post it is, as on its page."""
    return visibility != "matched" or actor().is_staff_for(region_code)


def _whole(name: str) -> int:
    text = request.form.get(name, "").strip()
    if not text.isdecimal() or len(text) > 4:
        raise InvalidInput("indicator.year", "请填写年份，例如 2025", where=name, message_en="Please give a year")
    return int(text)


def _number(name: str) -> float | None:
    text = request.form.get(name, "").strip().replace(",", "").replace("，", "")
    if not text:
        return None
    try:
        return float(text)
    except ValueError as wrong:
        raise InvalidInput("indicator.number", "请填写数字", where=name, message_en="Please enter a number") from wrong


def _render_indicators(*, error: InvalidInput | None = None) -> str:
    with platform().reading() as reading:
        scope = actor().region_scope or ""
        region = reading.scalar(
            select(Region).where(Region.code.startswith(scope, autoescape=True)).order_by(Region.code).limit(1)
        )
        return render_template(
            "reports/indicators.html",
            indicators=[ShownIndicator(one, progress_of(one)) for one in list_indicators(reading, actor())],
            region_code=region.code if region is not None else "",
            error=in_language(error.message, error.message_en) if error is not None else "",
            where=error.where if error is not None else "",
            form=request.form,
            this_year=shanghai_day(now()).year,
        )

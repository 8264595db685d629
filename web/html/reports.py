"""What the bureau hands up: the funnel, answers, unmet demand, contracts and the plan's indicators; each figure opens
its rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.blueprints import BlueprintSetupState
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as WerkzeugResponse

from matching.clock import shanghai_day
from matching.errors import InvalidInput
from matching.exporting.report_workbook import Cell, Sheet, write_report
from matching.importing.indicators import read_indicators, write_indicator_template
from matching.models import Indicator, Post, Region
from matching.queries.cooperation import HIDDEN, OTHERS, ROWS_BY, cooperation_grid, list_cooperations
from matching.queries.cooperation import STAGES as COOPERATION_STAGES
from matching.queries.posts import load_posts
from matching.queries.registration_clock import read_registration_times
from matching.queries.reports import (
    GROUPINGS,
    INTEREST_STATES,
    NO_GROUP,
    STAGES,
    Period,
    answer_times,
    answers_by_revision,
    contracts,
    count_gaps,
    count_groups,
    events_of,
    funnel,
    list_answered_pairs,
    list_indicators,
    list_interests,
    list_special_days,
    load_needs,
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
    set_indicator_values,
    set_special_day,
)
from web.languages import in_language, label_of, page_language, term_label
from web.reader import actor, audience, now, platform, staff_only
from web.uploads import send_bytes

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
INTEREST_STATE_LABELS: dict[str, Any] = {
    "all": _l("表示的意向"),
    "answered": _l("得到答复"),
    "lapsed": _l("到期没人答复"),
    "open": _l("等待答复"),
}
INTEREST_STATUS_LABELS: dict[str, Any] = {
    "open": _l("等待答复"),
    "accepted": _l("双方有意"),
    "declined": _l("婉拒"),
    "lapsed": _l("已失效"),
    "withdrawn": _l("已撤回"),
}
ANSWER_LABELS: dict[str, Any] = {
    "made": _l("建议"),
    "accept": _l("接受"),
    "decline": _l("不合适"),
    "later": _l("以后再说"),
}
COOPERATION_LABELS: dict[str, Any] = {"interest": _l("意向"), "mutual": _l("双方有意"), "contract": _l("签订合同")}
ROWS_BY_LABELS: dict[str, Any] = {"town": _l("按镇街"), "organisation": _l("按企业")}
_SHOWN_GROUPS = 60
PAGE_SIZE = 100
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


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


@reports.record_once
def _give_figures(state: BlueprintSetupState) -> None:
    state.app.jinja_env.globals.update(exact=exact, figure=figure)


def exact(value: float) -> str:
    """All digits of an indicator's value, so that saving what a form shows changes nothing."""
    return f"{value:.15g}"


def figure(value: float) -> str:
    """The same for eyes: 1,234,567.5."""
    return f"{value:,.15g}"


@reports.get("/")
@staff_only
def show_report() -> str:
    """All tables and charts of a period."""
    period, by = _period(), _grouping()
    with platform().reading() as reading:
        found = count_groups(reading, actor(), period, by)
        vocabularies = load_vocabularies(reading)
        unmet, unasked = count_gaps(reading, actor(), now(), good=_good(reading))
        return render_template(
            "reports/show.html",
            period=period,
            by=by,
            bars=_bars(found.totals, period),
            counted_at=found.counted_at,
            group_rows=_group_rows(reading, found.table, by, vocabularies),
            revisions=answers_by_revision(reading, actor(), period),
            unmet=unmet,
            unasked=unasked,
            contracts=contracts(reading, actor(), period, limit=20),
            events=events_of(reading, actor(), period),
            answers=answer_times(reading, actor(), period),
            in_days=_in_days,
            indicators=[ShownIndicator(one, progress_of(one)) for one in list_indicators(reading, actor())],
            STAGE_LABELS=STAGE_LABELS,
            GROUPING_LABELS=GROUPING_LABELS,
            INTEREST_STATE_LABELS=INTEREST_STATE_LABELS,
        )


@reports.get("/interests")
@staff_only
def list_asked() -> str:
    """The interests behind the figures of answers."""
    period, state, page = _period(), request.args.get("state", "all"), _page()
    if state not in INTEREST_STATES:
        raise _no_figure()
    with platform().reading() as reading:
        total = answer_times(reading, actor(), period).counts[state]
        rows = list_interests(reading, actor(), period, state, offset=(page - 1) * PAGE_SIZE, limit=PAGE_SIZE)
        return render_template(
            "reports/interests.html",
            title=INTEREST_STATE_LABELS[state],
            period=period,
            total=total,
            rows=rows,
            state=state,
            page=page,
            more=total > page * PAGE_SIZE,
            in_days=_in_days,
            INTEREST_STATUS_LABELS=INTEREST_STATUS_LABELS,
        )


@reports.get("/answers")
@staff_only
def list_answered() -> str:
    """The suggestions or answers behind a figure of a model revision."""
    period, page = _period(), _page()
    revision, kind = request.args.get("revision", ""), request.args.get("kind", "made")
    if kind not in ANSWER_LABELS:
        raise _no_figure()
    with platform().reading() as reading:
        counted = next((row for row in answers_by_revision(reading, actor(), period) if row.revision == revision), None)
        total = counted.figure(kind) if counted is not None else 0
        pairs = list_answered_pairs(
            reading, actor(), period, revision, kind, offset=(page - 1) * PAGE_SIZE, limit=PAGE_SIZE
        )
        ids = [post_id for need_id, capability_id, _moment in pairs for post_id in (need_id, capability_id)]
        seen = load_posts(reading, ids, audience(), now())
        return render_template(
            "reports/answers.html",
            title=ANSWER_LABELS[kind],
            revision=revision,
            kind=kind,
            period=period,
            total=total,
            rows=[(seen.get(need_id), seen.get(capability_id), moment) for need_id, capability_id, moment in pairs],
            page=page,
            more=total > page * PAGE_SIZE,
        )


@reports.get("/contracts")
@staff_only
def list_contracts() -> str:
    """The contracts behind the sums."""
    period, page = _period(), _page()
    with platform().reading() as reading:
        found = contracts(reading, actor(), period, offset=(page - 1) * PAGE_SIZE, limit=PAGE_SIZE)
        return render_template(
            "reports/contracts.html",
            period=period,
            times=read_registration_times(reading, platform().rules(reading).settings, now()),
            contracts=found,
            page=page,
            more=found.count > page * PAGE_SIZE,
        )


@reports.get("/cooperation")
@staff_only
def show_cooperation() -> str:
    """Who cooperates with whom, as a grid."""
    period, stage, by = _period(), *_cooperation_choice()
    with platform().reading() as reading:
        grid = cooperation_grid(reading, actor(), period, stage, by)
        names = _cooperation_names(reading, by, grid.lines, grid.columns)
        return render_template(
            "reports/cooperation.html",
            period=period,
            stage=stage,
            by=by,
            grid=grid,
            names=names,
            COOPERATION_LABELS=COOPERATION_LABELS,
            ROWS_BY_LABELS=ROWS_BY_LABELS,
        )


@reports.get("/cooperation/rows")
@staff_only
def list_cooperation() -> str:
    """The rows behind a cell of the grid."""
    period, stage, by = _period(), *_cooperation_choice()
    line, column, page = request.args.get("line"), request.args.get("column"), _page()
    with platform().reading() as reading:
        total, rows = list_cooperations(
            reading, actor(), period, stage, by,
            line=line, column=column, offset=(page - 1) * PAGE_SIZE, limit=PAGE_SIZE,
        )  # fmt: skip
        names = _cooperation_names(reading, by, [line] if line else [], [column] if column else [])
        return render_template(
            "reports/cooperations.html",
            period=period,
            stage=stage,
            by=by,
            title=" × ".join(names[key] for key in (line, column) if key),
            line_key=line,
            column_key=column,
            total=total,
            rows=rows,
            page=page,
            more=total > page * PAGE_SIZE,
            COOPERATION_LABELS=COOPERATION_LABELS,
        )


@reports.get("/needs")
@staff_only
def list_rows() -> str:
    """The needs behind a figure of the funnel."""
    period = _period()
    stage = request.args.get("stage", "posts")
    by, group = request.args.get("by"), request.args.get("group")
    if stage not in STAGES or (by is not None and by not in GROUPINGS):
        raise _no_figure()
    with platform().reading() as reading:
        vocabularies = load_vocabularies(reading)
        found = funnel(reading, actor(), period, institutions=by == "institution", partner=group)
        ids = found.list_ids(stage, by, group)
        page = _page()
        label = _group_label(reading, by or "", group, vocabularies) if by and group is not None else ""
        return render_template(
            "reports/rows.html",
            title=f"{STAGE_LABELS[stage]}{' · ' if label else ''}{label}",
            period=period,
            total=len(ids),
            posts=load_needs(reading, actor(), ids[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]),
            page=page,
            more=len(ids) > page * PAGE_SIZE,
            vocabularies=vocabularies,
            hint="",
        )


@reports.get("/unmet")
@staff_only
def list_unmet() -> str:
    """Live needs without a good match."""
    page = _page()
    with platform().reading() as reading:
        good = _good(reading)
        return _show_gap(
            reading,
            unmet_needs(reading, actor(), now(), good=good, offset=(page - 1) * PAGE_SIZE, limit=PAGE_SIZE),
            total=count_gaps(reading, actor(), now(), good=good)[0],
            page=page,
            title=_("没有好匹配的需求"),
            hint=_("这些需求在平台上找不到合适的供给，可以有针对性地征集专家和成果。"),
        )


@reports.get("/unasked")
@staff_only
def list_unasked() -> str:
    """Live capabilities that match no need well."""
    page = _page()
    with platform().reading() as reading:
        good = _good(reading)
        return _show_gap(
            reading,
            unasked_capabilities(reading, actor(), now(), good=good, offset=(page - 1) * PAGE_SIZE, limit=PAGE_SIZE),
            total=count_gaps(reading, actor(), now(), good=good)[1],
            page=page,
            title=_("没有对应需求的供给"),
            hint=_("这些供给目前没有企业需要，可以向相关行业推介。"),
        )


def _show_gap(reading: Session, posts: Sequence[Post], *, total: int, page: int, title: str, hint: str) -> str:
    return render_template(
        "reports/rows.html",
        title=title,
        period=None,
        total=total,
        posts=posts,
        page=page,
        more=total > page * PAGE_SIZE,
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


@reports.get("/indicators/template.xlsx")
@staff_only
def send_template() -> Response:
    """A workbook with the indicators of the region, to fill in."""
    with platform().reading() as reading:
        listed = list_indicators(reading, actor())
    english = page_language() == "en"
    names = [(in_language(one.name, one.name_en), one.unit) for one in listed]
    this_year = shanghai_day(now()).year
    first = min((one.base_year for one in listed), default=this_year - 5)
    years = range(max(first, this_year - 9), this_year + 1)
    return send_bytes(write_indicator_template(names, list(years), english=english), _("指标填报模板.xlsx"), XLSX)


@reports.post("/indicators/import")
@staff_only
def read_import() -> str | tuple[str, int]:
    """Show what a file holds and what of it cannot be taken, before anything is entered."""
    sent = request.files.get("file")
    try:
        if sent is None or not sent.filename:
            raise InvalidInput("indicator.file", "请选择文件", where="file", message_en="Please choose a file")
        with platform().reading() as reading:
            listed = list_indicators(reading, actor())
            found = read_indicators(sent.read(), sent.filename, _known_names(listed))
    except InvalidInput as error:
        return _render_indicators(error=error), 422
    by_id = {one.id: one for one in listed}
    present = {(one.id, value.year): value for one in listed for value in one.values}
    rows = [(row, by_id[row.indicator_id], present.get((row.indicator_id, row.year))) for row in found.rows]
    return render_template(
        "reports/indicator_import.html", file_name=sent.filename, rows=rows, errors=found.errors,
        new=sum(1 for row, _one, old in rows if old is None or old.value != row.value),
    )  # fmt: skip


@reports.post("/indicators/import/enter")
@staff_only
def enter_import() -> WerkzeugResponse | tuple[str, int]:
    """Enter the values that were shown."""
    try:
        values = [_sent_value(text) for text in request.form.getlist("value")]
        with platform().unit_of_work() as uow:
            changed = set_indicator_values(uow, actor(), values, now())
    except InvalidInput as error:
        return _render_indicators(error=error), 422
    flash(_("已填报 %(count)s 个数值，与原来相同的没有改动。", count=changed), "info")
    return redirect(url_for("reports.show_indicators"))


def _known_names(listed: Sequence[Indicator]) -> dict[str, str]:
    return {name: one.id for one in listed for name in (one.name, one.name_en)}


def _sent_value(text: str) -> tuple[str, int, float, str]:
    """What the preview's form carries: indicator, year, value and source."""
    parts = text.split("|", 3)
    try:
        indicator_id, year, value, source = parts
        return indicator_id, int(year), float(value), source
    except ValueError as error:
        raise InvalidInput(
            "indicator.values", "请重新上传文件", where="file", message_en="Please send the file again"
        ) from error


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


def _no_figure() -> InvalidInput:
    return InvalidInput("report.figure", "没有这个数字", where="stage", message_en="There is no such figure")


def _good(reading: Session) -> float:
    """From which probability on the bureau calls a match good."""
    return platform().rules(reading).settings.good_probability


def _in_days(span: timedelta | None) -> str:
    return "—" if span is None else f"{span / timedelta(days=1):.1f}"


def _page() -> int:
    text = request.args.get("page", "1")
    return max(int(text), 1) if text.isdecimal() and len(text) < 6 else 1


def _cooperation_choice() -> tuple[str, str]:
    stage, by = request.args.get("stage", "interest"), request.args.get("by", "town")
    if stage not in COOPERATION_STAGES or by not in ROWS_BY:
        raise _no_figure()
    return stage, by


def _cooperation_names(reading: Session, by: str, lines: Sequence[str], columns: Sequence[str]) -> dict[str, str]:
    """What stands at the head of lines and columns."""
    ids = set(columns) | (set(lines) if by == "organisation" else set())
    names = dict.fromkeys((*lines, *columns), "") | organisation_names(reading, ids - {HIDDEN, OTHERS})
    if by == "town":
        vocabularies = load_vocabularies(reading)
        names |= {line: term_label(vocabularies, "town", line) for line in lines}
    special = {HIDDEN: str(_("未列名")), OTHERS: str(_("其他"))}
    return names | {key: special[key] for key in special if key in names}


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


def _bars(totals: Mapping[str, int], period: Period) -> list[Bar]:
    most = max(totals.values(), default=0)
    return [
        Bar(
            str(STAGE_LABELS[stage]),
            totals[stage],
            round(400 * totals[stage] / most) if most else 0,
            url_for("reports.list_rows", stage=stage, **_dates(period)),
        )
        for stage in STAGES
    ]


def _dates(period: Period) -> dict[str, Any]:
    return {"from": period.first.isoformat(), "to": period.last.isoformat()}


def _group_rows(
    reading: Session, table: Mapping[str, Mapping[str, int]], by: str, vocabularies: Vocabularies
) -> list[GroupRow]:
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
    counted = {by: count_groups(reading, actor(), period, by) for by in GROUPINGS}
    vocabularies = load_vocabularies(reading)
    stages = [str(STAGE_LABELS[stage]) for stage in STAGES]
    totals: list[list[Cell]] = [[str(STAGE_LABELS[one]), counted["month"].totals[one]] for one in STAGES]
    sheets = [Sheet(_("转化漏斗"), [_("阶段"), _("需求数")], totals)]
    for by in GROUPINGS:
        rows: list[list[Cell]] = [
            [row.label, *(count for _stage, count in row.counts)]
            for row in _group_rows(reading, counted[by].table, by, vocabularies)
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
        (_("没有好匹配的需求"), unmet_needs(reading, actor(), now(), good=_good(reading))),
        (_("没有对应需求的供给"), unasked_capabilities(reading, actor(), now(), good=_good(reading))),
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
    for stage in COOPERATION_STAGES:
        grid = cooperation_grid(reading, actor(), period, stage, "organisation")
        names = _cooperation_names(reading, "organisation", grid.lines, grid.columns)
        sheets.append(
            Sheet(
                _("合作矩阵：%(stage)s", stage=COOPERATION_LABELS[stage]),
                [_("企业"), *(names[column] for column in grid.columns), _("合计")],
                [
                    [
                        names[line],
                        *(grid.counts.get((line, column), 0) for column in grid.columns),
                        grid.line_total(line),
                    ]
                    for line in grid.lines
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

"""What is held of the reader: to see, correct, hide, take along and have deleted."""

from __future__ import annotations

import io
import json
from typing import Any

import xlsxwriter
from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response as WerkzeugResponse

from matching.errors import IllegalMove, InvalidInput, NotAllowed
from matching.exporting.cells import cell_text
from matching.services.experts import (
    CONTACT_FIELDS,
    PERSONAL_FIELDS,
    agree_to_open_data,
    claim_expert,
    claimable_entries,
    describe_person,
    empty_field,
    erase_expert,
    hide_fields,
    own_entry,
    source_of,
    want_suggestions,
)
from matching.services.privacy_erasure import close_account, keep_erasures
from web.html.imports import XLSX
from web.languages import in_language
from web.reader import actor, now, platform, sign_out, signed_in_only
from web.uploads import send_bytes

own_data = Blueprint("own_data", __name__, url_prefix="/me/data")

FIELD_LABELS: dict[str, Any] = {
    "name_en": _l("英文名"),
    "title": _l("职称"),
    "fields": _l("研究方向"),
    "intro": _l("简介"),
    "email": _l("电子邮箱"),
    "phone": _l("联系电话"),
}


@own_data.get("/")
@signed_in_only
def show_own_data() -> str:
    """Everything on one page, each field with where it comes from."""
    return _render()


@own_data.post("/visibility")
@signed_in_only
def hide() -> WerkzeugResponse:
    """Which fields others see, and whether the entry is listed at all."""
    shown = set(request.form.getlist("shown"))
    with platform().unit_of_work() as uow:
        hide_fields(
            uow,
            actor(),
            request.form.get("expert_id", ""),
            set(PERSONAL_FIELDS) - shown - set(CONTACT_FIELDS),
            now(),
            all_=request.form.get("listed") != "y",
        )
    return _done(_("已保存，马上生效。"))


@own_data.post("/suggestions")
@signed_in_only
def choose_suggestions() -> WerkzeugResponse:
    """Pushed suggestions on or off."""
    wanted = request.form.get("wanted") == "y"
    with platform().unit_of_work() as uow:
        want_suggestions(uow, actor(), request.form.get("expert_id", ""), wanted, now())
    return _done(_("已打开推荐。") if wanted else _("已关闭推荐。浏览和搜索不受影响，也不会个性化。"))


@own_data.post("/open")
@signed_in_only
def choose_open_data() -> WerkzeugResponse:
    """Whether programs may collect the entry; asked apart from everything else."""
    agreed = request.form.get("agreed") == "y"
    with platform().unit_of_work() as uow:
        agree_to_open_data(uow, actor(), request.form.get("expert_id", ""), agreed, now())
    return _done(_("已同意开放，随时可以撤回。") if agreed else _("已撤回，您的资料已从开放数据中移除。"))


@own_data.post("/empty")
@signed_in_only
def empty() -> WerkzeugResponse:
    """Delete one field."""
    with platform().unit_of_work() as uow:
        empty_field(uow, actor(), request.form.get("expert_id", ""), request.form.get("field", ""), now())
    return _done(_("已删除这一项，导入也不会再填上。"))


@own_data.post("/claim")
@signed_in_only
def claim() -> WerkzeugResponse:
    """Say that an entry with the account's address is about oneself."""
    with platform().unit_of_work() as uow:
        claim_expert(uow, actor(), request.form.get("expert_id", ""), now())
    return _done(_("这份资料现在由您管理。"))


@own_data.post("/erase")
@signed_in_only
def erase() -> WerkzeugResponse | tuple[str, int]:
    """Delete the entry; asked for twice."""
    if request.form.get("sure") != "y":
        return _render(error=_("请勾选确认后再删除。")), 422
    with platform().unit_of_work() as uow:
        erase_expert(uow, actor(), request.form.get("expert_id", ""), now())
    keep_erasures(platform())
    return _done(_("您的专家资料已删除，以后的导入也不会再带回来。"))


@own_data.post("/close")
@signed_in_only
def close() -> WerkzeugResponse | tuple[str, int]:
    """Close the account; asked for twice."""
    if request.form.get("sure") != "y":
        return _render(error=_("请勾选确认后再注销。")), 422
    try:
        with platform().unit_of_work() as uow:
            close_account(uow, actor(), now())
    except (IllegalMove, NotAllowed) as error:
        return _render(error=in_language(error.message, error.message_en)), 422
    keep_erasures(platform())
    sign_out()
    flash(_("账号已注销，与您有关的信息已删除。"), "info")
    return redirect(url_for("home.show_home"))


@own_data.get("/export.<any(json,xlsx):suffix>")
@signed_in_only
def export(suffix: str) -> Response:
    """Everything in a file."""
    with platform().reading() as reading:
        held = describe_person(reading, actor())
    name = _("我的个人信息-%(day)s", day=f"{now():%Y%m%d}")
    if suffix == "json":
        content = json.dumps(held, ensure_ascii=False, indent=1).encode()
        return send_bytes(content, f"{name}.json", "application/json")
    return send_bytes(_workbook(held), f"{name}.xlsx", XLSX)


def _workbook(held: dict[str, Any]) -> bytes:
    """One sheet a part; lists have a row each, everything else a row a value."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False}) as book:
        for part, value in held.items():
            sheet = book.add_worksheet(part[:31])
            sheet.set_column(0, 6, 30)
            if isinstance(value, list):
                headers = list(dict.fromkeys(key for row in value for key in row))
                for column, header in enumerate(headers):
                    sheet.write_string(0, column, header)
                for number, row in enumerate(value, start=1):
                    for column, header in enumerate(headers):
                        sheet.write_string(number, column, cell_text(_plain(row.get(header))))
            elif isinstance(value, dict):
                for number, (key, one) in enumerate(value.items()):
                    sheet.write_string(number, 0, key)
                    sheet.write_string(number, 1, cell_text(_plain(one)))
    return out.getvalue()


def _plain(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _done(message: str) -> WerkzeugResponse:
    flash(message, "info")
    return redirect(url_for("own_data.show_own_data"))


def _render(*, error: str = "") -> str:
    with platform().reading() as reading:
        expert = own_entry(reading, actor())
        return render_template(
            "experts/own_data.html",
            expert=expert,
            claimable=claimable_entries(reading, actor()),
            held=describe_person(reading, actor()),
            fields=PERSONAL_FIELDS,
            contacts=CONTACT_FIELDS,
            labels=FIELD_LABELS,
            sources={name: source_of(expert, name) for name in PERSONAL_FIELDS} if expert else {},
            error=error,
        )


@own_data.errorhandler(InvalidInput)
def _refused(error: InvalidInput) -> tuple[str, int]:
    return _render(error=in_language(error.message, error.message_en)), 422

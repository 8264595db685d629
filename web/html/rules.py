"""The bureau's rules: values, texts, lists and the history of what was changed. For the staff; each change is logged
and can be taken back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from matching.errors import EditConflict, InvalidInput, NotAllowed, NotFound
from matching.notifying.texts import (
    LANGUAGES,
    LONGEST_BODY,
    LONGEST_LINE,
    TEXT_FORMS,
    TextForm,
    Texts,
    link_of,
    put_in,
    sample_values,
)
from matching.queries.rules import ShownChange, list_changes, rules_revision
from matching.queries.vocabularies import Term, Vocabularies, load_vocabularies
from matching.rulebook import RULE_FORMS, TEXT_PREFIX, RuleForm, Rules, check_text
from matching.services.rules import (
    EDITABLE_VOCABULARIES,
    VOCABULARIES,
    add_term,
    change_rules,
    change_text,
    edit_term,
    move_term,
    revert_change,
)
from web.languages import in_language, label_of, page_language
from web.reader import actor, now, platform, rules_now, staff_only

rules = Blueprint("rules", __name__, url_prefix="/rules")

TERMS_A_PAGE = 50

GROUP_LABELS: dict[str, Any] = {
    "matching": _l("匹配与推送"),
    "posts": _l("供需信息"),
    "interests": _l("意向"),
    "engagements": _l("对接"),
    "contracts": _l("技术合同登记"),
    "events": _l("对接会提醒"),
    "desk": _l("工作台"),
}
RULE_LABELS: dict[str, tuple[Any, Any, Any]] = {
    "least_probability": (_l("推送的最低匹配概率"), _l("低于它的建议仍可查看，但不主动推送"), ""),
    "good_probability": (_l("算作好匹配的概率"), _l("报告按它统计没有好匹配的需求和供给"), ""),
    "weekly_load": (_l("专家每周最多收到的建议"), _l("七天内，先推送最合适的；0 表示不推送"), _l("条")),
    "suggestions_per_post": (_l("每条信息保留的建议"), _l("下次匹配时起作用"), _l("条")),
    "review_before_publication": (_l("会员发布前要审核"), "", ""),
    "review_checks_required": (_l("发布前必须勾完审核清单"), _l("清单在“词表与清单”里修改"), ""),
    "post_lifetime_days": (_l("信息有效期"), _l("从发布或续期那天算起"), _l("天")),
    "expiry_notice_days": (_l("到期前多久提醒"), "", _l("天")),
    "renew_within_days": (_l("到期前多久可以续期"), "", _l("天")),
    "interest_days": (_l("答复意向的期限"), _l("到期没有答复，意向自动失效"), _l("天")),
    "interest_reminder_days": (_l("到期前几天催答复"), _l("几次之间用逗号，例如 7,2；空则不催"), _l("天")),
    "lapse_shown_days": (_l("意向到期前多久列入待办"), "", _l("天")),
    "stalled_days": (_l("对接多久没有进展算停滞"), _l("停滞的对接列入待办"), _l("天")),
    "task_reminder_days": (_l("任务、下一步到期前多久提醒"), "", _l("天")),
    "contract_days": (_l("合同登记期限"), _l("从签订那天起"), _l("个工作日")),
    "contract_long_days": (_l("大额或有争议的合同登记期限"), "", _l("个工作日")),
    "contract_large_amount": (_l("多少算大额"), "", _l("万元")),
    "register_reminder_days": (_l("登记到期前多久提醒"), _l("提醒合同的卖方去登记"), _l("个工作日")),
    "event_reminder_hours": (_l("首次提醒在第一场洽谈前"), "", _l("小时")),
    "event_last_reminder_minutes": (_l("末次提醒在第一场洽谈前"), "", _l("分钟")),
    "undo_minutes": (_l("批量操作多久内可以撤回"), "", _l("分钟")),
}
"""Name, hint and unit."""

TEXT_GROUP_LABELS: dict[str, Any] = {
    "notice": _l("消息的一句话"),
    "account": _l("账号邮件"),
    "event": _l("对接会邮件"),
}
TEXT_LABELS: dict[str, Any] = {
    "confirm_registration": _l("请确认邮箱"),
    "already_registered": _l("邮箱已有账号"),
    "registration_waiting": _l("注册正在审核"),
    "registration_approved": _l("注册通过"),
    "registration_refused": _l("注册未通过"),
    "reset_password": _l("重设密码"),
    "password_changed": _l("密码已修改"),
    "confirm_new_address": _l("确认新邮箱"),
    "address_change_asked": _l("申请更换邮箱"),
    "address_changed": _l("邮箱已更换"),
    "invitation": _l("邀请加入单位"),
    "event_invitation": _l("邀请参加对接会"),
    "meeting_invitation": _l("洽谈安排"),
    "meeting_changed": _l("洽谈时间地点有变"),
    "meeting_cancelled": _l("洽谈取消"),
    "event_reminder": _l("对接会提醒"),
}
PART_LABELS: dict[str, Any] = {"subject": _l("主题"), "body": _l("正文"), "line": _l("文字")}
LIST_LABELS: dict[str, Any] = {
    "industry": _l("行业"),
    "domain": _l("技术领域"),
    "town": _l("镇街"),
    "cooperation_mode": _l("合作方式（含合同类型）"),
    "capability_kind": _l("供给类型"),
    "maturity_level": _l("成熟度"),
    "close_reason": _l("关闭原因"),
    "decline_reason": _l("不合适的原因"),
    "outcome_reason": _l("对接未成的原因"),
    "return_reason": _l("退回原因"),
    "review_check": _l("审核清单"),
    "ip_arrangement": _l("利益分配意愿"),
    "organisation_stage": _l("企业阶段"),
    "organisation_kind": _l("单位类型"),
    "discipline": _l("学科"),
}


@dataclass(frozen=True, slots=True)
class ShownRule:
    """A rule with what is in its field."""

    form: RuleForm
    label: str
    hint: str
    unit: str
    text: str
    usual: str
    changed: bool
    error: str = ""


@rules.app_context_processor
def _give_notices() -> dict[str, Any]:
    return {"changed_notice": changed_notice}


def changed_notice(kind: str) -> str:
    """The bureau's own line for a kind of message, for the inbox; empty where it keeps to the shipped one."""
    texts = rules_now().texts
    key = f"notice_{kind}"
    return texts.of(key, page_language(), "line") if key in texts.changed else ""


@rules.get("/")
@staff_only
def show_values() -> str:
    """All rules that are values, by group."""
    return _render_values()


@rules.post("/values/<group>")
@staff_only
def save_values(group: str) -> Response | tuple[str, int]:
    """Save a group's values, or put one back."""
    keys = [form.key for form in RULE_FORMS.values() if form.group == group]
    if not keys:
        raise NotFound("rule.not_found", _("没有这条规则"), message_en="There is no such rule")
    reset = request.form.get("reset")
    sent: dict[str, object]
    if reset is not None:
        sent = {reset: None}
    else:
        sent = {
            key: ("y" if request.form.get(key) else "n")
            if RULE_FORMS[key].kind == "switch"
            else request.form.get(key, "")
            for key in keys
        }
        # What stands as it was is not sent: operations may have set it beyond the office's bounds.
        present = rules_now().settings
        sent = {key: value for key, value in sent.items() if value != _plain(getattr(present, key))}
    try:
        with platform().unit_of_work() as uow:
            change_rules(
                uow,
                actor(),
                sent,
                now(),
                settings=platform().settings,
                reason=request.form.get("reason", ""),
                expected_revision=_revision(),
            )
    except (InvalidInput, EditConflict) as error:
        return _render_values(group=group, error=error), 422 if isinstance(error, InvalidInput) else 409
    flash(_("已保存，立即生效，操作记入日志。"), "info")
    return redirect(url_for("rules.show_values", _anchor=group))


@rules.get("/texts")
@staff_only
def list_texts() -> str:
    """All texts by group."""
    with platform().reading() as reading:
        in_force = platform().rules(reading)
    changed = in_force.changed
    groups = [
        (
            label,
            [
                (form.key, _text_label(form), _first_line(in_force.texts, form), TEXT_PREFIX + form.key in changed)
                for form in TEXT_FORMS.values()
                if form.group == group
            ],
        )
        for group, label in TEXT_GROUP_LABELS.items()
    ]
    return render_template("rules/texts.html", text_groups=groups, here="texts")


@rules.get("/texts/<key>")
@staff_only
def show_text(key: str) -> str:
    """One text in both languages, with what it may name and how it looks."""
    return _render_text(_form_of(key))


@rules.post("/texts/<key>")
@staff_only
def save_text(key: str) -> Response | str | tuple[str, int]:
    """Save it, show what it would look like, or put the shipped one back."""
    form = _form_of(key)
    written: dict[str, dict[str, str]] = {
        str(language): {part: request.form.get(f"{part}_{language}", "") for part in form.parts}
        for language in LANGUAGES
    }
    action = request.form.get("action", "save")
    try:
        if action == "preview":
            return _render_text(form, written=check_text(form, written))
        with platform().unit_of_work() as uow:
            change_text(
                uow,
                actor(),
                key,
                None if action == "reset" else written,
                now(),
                reason=request.form.get("reason", ""),
                expected_revision=_revision(),
            )
    except (InvalidInput, EditConflict) as error:
        return _render_text(form, written=written, error=error), 422 if isinstance(error, InvalidInput) else 409
    flash(_("已恢复原文。") if action == "reset" else _("已保存，立即生效，操作记入日志。"), "info")
    return redirect(url_for("rules.show_text", key=key))


@rules.get("/lists")
@staff_only
def list_lists() -> str:
    """The editable lists, with how many entries each has."""
    with platform().reading() as reading:
        vocabularies = load_vocabularies(reading)
    rows = [
        (name, LIST_LABELS[name], len(vocabularies.active(name)), len(vocabularies.terms.get(name, {})))
        for name in LIST_LABELS
    ]
    return render_template("rules/lists.html", rows=rows, here="lists")


@rules.get("/lists/<vocabulary>")
@staff_only
def show_list(vocabulary: str) -> str:
    """The entries of one list."""
    return _render_list(vocabulary)


@rules.post("/lists/<vocabulary>")
@staff_only
def enter_term(vocabulary: str) -> Response | tuple[str, int]:
    """Add an entry."""
    try:
        with platform().unit_of_work() as uow:
            add_term(
                uow,
                actor(),
                vocabulary,
                request.form.get("code", "").strip(),
                request.form.get("label_zh", ""),
                request.form.get("label_en", ""),
                now(),
                parent_code=request.form.get("parent_code", "").strip() or None,
                reason=request.form.get("reason", ""),
            )
    except (InvalidInput, NotAllowed) as error:
        return _render_list(vocabulary, error=error), 422 if isinstance(error, InvalidInput) else 403
    flash(_("已添加，排在最后。"), "info")
    return redirect(url_for("rules.show_list", vocabulary=vocabulary, **_place_in_list()))


@rules.post("/lists/<vocabulary>/<code>")
@staff_only
def change_term(vocabulary: str, code: str) -> Response | tuple[str, int]:
    """Rename, retire, bring back or move an entry."""
    action = request.form.get("action", "rename")
    try:
        with platform().unit_of_work() as uow:
            if action in ("up", "down"):
                move_term(uow, actor(), vocabulary, code, -1 if action == "up" else 1, now())
            elif action in ("retire", "restore"):
                edit_term(uow, actor(), vocabulary, code, now(), active=action == "restore")
            else:
                edit_term(
                    uow,
                    actor(),
                    vocabulary,
                    code,
                    now(),
                    label_zh=request.form.get("label_zh", ""),
                    label_en=request.form.get("label_en", ""),
                    reason=request.form.get("reason", ""),
                )
    except (InvalidInput, NotAllowed) as error:
        return _render_list(vocabulary, error=error, code=code), 422 if isinstance(error, InvalidInput) else 403
    flash(_("已保存，立即生效，操作记入日志。"), "info")
    return redirect(url_for("rules.show_list", vocabulary=vocabulary, _anchor=f"t-{code}", **_place_in_list()))


@rules.get("/history")
@staff_only
def show_history() -> str:
    """What was changed, by whom and why, the latest first."""
    key = request.args.get("key") or None
    page = _page()
    with platform().reading() as reading:
        changes, more = list_changes(reading, key=key, page=page)
        vocabularies = load_vocabularies(reading)
        rows = [_show_change(one, vocabularies) for one in changes]
    return render_template(
        "rules/history.html", rows=rows, page=page, more=more, key=key, here="history",
        of=_key_label(key, vocabularies) if key else "",
    )  # fmt: skip


@rules.post("/history/<int:change_id>/revert")
@staff_only
def revert(change_id: int) -> Response:
    """Take a change back."""
    with platform().unit_of_work() as uow:
        revert_change(uow, actor(), change_id, now(), settings=platform().settings)
    flash(_("已撤回，立即生效。"), "info")
    return redirect(url_for("rules.show_history"))


def _render_values(*, group: str = "", error: InvalidInput | EditConflict | None = None) -> str:
    with platform().reading() as reading:
        in_force = platform().rules(reading)
        revision = rules_revision(reading)
    shown = [
        (name, label, [_show_rule(form, in_force, sent=name == group and error is not None, error=error)
                       for form in RULE_FORMS.values() if form.group == name])
        for name, label in GROUP_LABELS.items()
    ]  # fmt: skip
    return render_template(
        "rules/values.html", rule_groups=shown, wrong_group=group, error=error, revision=revision, here="values",
        reason=request.form.get("reason", "") if error else "",
    )  # fmt: skip


def _show_rule(form: RuleForm, in_force: Rules, *, sent: bool, error: InvalidInput | EditConflict | None) -> ShownRule:
    label, hint, unit = RULE_LABELS[form.key]
    present = getattr(in_force.settings, form.key)
    text = _plain(present)
    if sent:
        text = ("y" if request.form.get(form.key) else "n") if form.kind == "switch" else request.form.get(form.key, "")
    message = in_language(error.message, error.message_en) if error is not None and error.where == form.key else ""
    return ShownRule(
        form,
        str(label),
        str(hint),
        str(unit),
        text,
        _value_words(form, getattr(platform().settings, form.key)),
        form.key in in_force.changed,
        message if sent else "",
    )


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "y" if value else "n"
    return f"{value:g}" if isinstance(value, float) else f"{value:f}" if isinstance(value, Decimal) else str(value)


def _value_words(form: RuleForm, value: object) -> str:
    if isinstance(value, bool):
        return str(_("是") if value else _("否"))
    unit = str(RULE_LABELS[form.key][2])
    text = _plain(value) or str(_("无"))
    return f"{text} {unit}".strip()


def _form_of(key: str) -> TextForm:
    form = TEXT_FORMS.get(key)
    if form is None:
        raise NotFound("rule.not_found", "没有这条规则", message_en="There is no such rule")
    return form


def _text_label(form: TextForm) -> str:
    if form.group == "notice":
        return form.shipped["en" if page_language() == "en" else "zh"]["line"]
    return str(TEXT_LABELS[form.key])


def _first_line(texts: Texts, form: TextForm) -> str:
    return texts.of(form.key, page_language(), form.parts[0])


def _render_text(
    form: TextForm,
    *,
    written: Mapping[str, Mapping[str, str]] | None = None,
    error: InvalidInput | EditConflict | None = None,
) -> str:
    with platform().reading() as reading:
        in_force = platform().rules(reading)
        revision = rules_revision(reading)
    shown = written or {
        language: {part: in_force.texts.of(form.key, language, part) for part in form.parts} for language in LANGUAGES
    }
    return render_template(
        "rules/text.html",
        form=form,
        label=_text_label(form),
        shown=shown,
        previews=[(language, _preview(form, language, shown)) for language in LANGUAGES] if error is None else [],
        languages=LANGUAGES,
        part_labels=PART_LABELS,
        longest={part: LONGEST_BODY if part == "body" else LONGEST_LINE for part in form.parts},
        changed=TEXT_PREFIX + form.key in in_force.changed,
        key=TEXT_PREFIX + form.key,
        revision=_revision() if written is not None and _revision() is not None else revision,
        error=error,
        unsaved=written is not None and error is None,
        reason=request.form.get("reason", ""),
        here="texts",
    )


def _preview(form: TextForm, language: str, shown: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    texts = Texts({form.key: shown})
    values = sample_values(form, language)
    if "line" in form.parts:
        return {"subject": texts.line(form.key, language, "line", **values), "blocks": []}
    blocks: list[tuple[bool, str]] = []
    for paragraph in texts.templates(form.key, language):
        link = link_of(paragraph, form)
        blocks.append((link is not None, put_in(link[1] if link else paragraph, values)))
    return {"subject": texts.line(form.key, language, "subject", **values), "blocks": blocks}


def _render_list(vocabulary: str, *, error: InvalidInput | NotAllowed | None = None, code: str | None = None) -> str:
    if vocabulary not in VOCABULARIES:
        raise NotFound("rule.not_found", "没有这条规则", message_en="There is no such rule")
    words = request.values.get("q", "").strip()[:40]
    page = _page()
    with platform().reading() as reading:
        terms = list(load_vocabularies(reading).terms.get(vocabulary, {}).values())
    wanted = [term for term in terms if _says(term, words)]
    begin = (page - 1) * TERMS_A_PAGE
    return render_template(
        "rules/list.html",
        vocabulary=vocabulary,
        label=LIST_LABELS[vocabulary],
        terms=wanted[begin : begin + TERMS_A_PAGE],
        total=len(wanted),
        page=page,
        more=len(wanted) > begin + TERMS_A_PAGE,
        q=words,
        editable=vocabulary in EDITABLE_VOCABULARIES,
        first=terms[0].code if terms else "",
        last=terms[-1].code if terms else "",
        error=error,
        wrong_code=code,
        sent=request.form if error is not None else {},
        here="lists",
    )


def _says(term: Term, words: str) -> bool:
    return words.lower() in f"{term.code} {term.label_zh} {term.label_en}".lower()


def _place_in_list() -> dict[str, Any]:
    return {name: value for name in ("q", "page") if (value := request.form.get(name, ""))}


@dataclass(frozen=True, slots=True)
class _Row:
    shown: ShownChange
    label: str
    before: str
    after: str


def _show_change(one: ShownChange, vocabularies: Vocabularies) -> _Row:
    change = one.change
    return _Row(
        one,
        _key_label(change.key, vocabularies),
        _stored_words(change.key, change.before),
        _stored_words(change.key, change.after),
    )


def _key_label(key: str, vocabularies: Vocabularies) -> str:
    if key in RULE_LABELS:
        return str(RULE_LABELS[key][0])
    if key.startswith(TEXT_PREFIX) and key.removeprefix(TEXT_PREFIX) in TEXT_FORMS:
        return str(_("文字：%(name)s", name=_text_label(TEXT_FORMS[key.removeprefix(TEXT_PREFIX)])))
    parts = key.split(":", 2)
    if len(parts) == 3 and parts[1] in LIST_LABELS:
        term = vocabularies.find(parts[1], parts[2])
        return f"{LIST_LABELS[parts[1]]} {parts[2]} {label_of(term)}".strip()
    return key


def _stored_words(key: str, stored: Mapping[str, Any] | None) -> str:
    """What a change replaced or set, in words."""
    if key in RULE_FORMS:
        if stored is None:
            return str(_("初始值 %(value)s", value=_value_words(RULE_FORMS[key], getattr(platform().settings, key))))
        value = stored.get("value")
        return _value_words(RULE_FORMS[key], value)
    if stored is None:
        return str(_("原文") if key.startswith(TEXT_PREFIX) else _("没有"))
    if "label_zh" in stored:
        name = in_language(stored["label_zh"], stored["label_en"])
        state = "" if stored["active"] else _("（已停用）")
        return str(_("%(name)s%(state)s，第 %(place)s 位", name=name, state=state, place=stored["position"] + 1))
    parts = stored.get("en" if page_language() == "en" else "zh", {})
    return "\n".join(str(text) for text in parts.values())


def _revision() -> int | None:
    text = request.form.get("revision", "")
    return int(text) if text.isdecimal() and len(text) < 10 else None


def _page() -> int:
    text = request.values.get("page", "1")
    return max(int(text), 1) if text.isdecimal() and len(text) < 7 else 1

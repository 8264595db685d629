"""How one is told outside the inbox, unsubscribing without signing in, and the count of unread messages."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from werkzeug.wrappers import Response

from matching.errors import NotFound
from matching.notifying.notices import GROUPS, WAYS
from matching.notifying.preferences import DIGEST_SCOPE, load_preferences, read_unsubscribe
from matching.services.preferences import choose_preferences, unsubscribe
from web.html.registrations import mails_leave
from web.reader import actor, now, platform, signed_in_only

preferences = Blueprint("preferences", __name__)

GROUP_LABELS: dict[str, Any] = {
    "suggestions": _l("匹配建议"),
    "interests": _l("意向"),
    "engagements": _l("对接进展"),
    "events": _l("对接会"),
    "posts": _l("我的供需信息"),
    "account": _l("账号与单位"),
}
GROUP_HINTS: dict[str, Any] = {
    "suggestions": _l("有新的需求或供给适合您"),
    "interests": _l("有人有意向，或您的意向得到答复"),
    "engagements": _l("留言、任务和阶段的变化"),
    "events": _l("邀请、洽谈时间和变动"),
    "posts": _l("发布、退回、快要过期"),
    "account": _l("成员变动、注册审核"),
}
WAY_LABELS: dict[str, Any] = {"at_once": _l("立即"), "digest": _l("每天 9 点汇总"), "off": _l("不发邮件")}


@preferences.route("/account/notifications", methods=["GET", "POST"])
@signed_in_only
def show() -> str | Response:
    """Each group of notifications: at once, in the morning, or not by mail."""
    if request.method == "POST":
        ways = {group: request.form.get(f"way-{group}", "") for group in GROUPS if f"way-{group}" in request.form}
        with platform().unit_of_work() as uow:
            choose_preferences(uow, actor(), ways, "quiet_hours" in request.form, now())
        flash(_("已保存。"), "info")
        return redirect(url_for("preferences.show"))
    with platform().reading() as reading:
        chosen = load_preferences(reading, str(actor().user_id))
    return render_template(
        "accounts/notifications.html",
        chosen=chosen,
        notice_groups=[(group, GROUP_LABELS[group], GROUP_HINTS[group]) for group in GROUPS],
        ways=[(way, WAY_LABELS[way]) for way in WAYS],
        mails_leave=mails_leave(),
    )


@preferences.route("/unsubscribe/<token>", methods=["GET", "POST"])
def stop(token: str) -> str:
    """The link of a mail. Opening it asks; sending it stops the mails, also when a mail program does so (RFC 8058)."""
    found = read_unsubscribe(platform().settings, token)
    if found is None:
        raise NotFound(
            "link.spent",
            "这个链接不完整，请登录后在通知设置里修改",
            message_en="This link is incomplete; please sign in and change it in the settings",
        )
    user_id, scope = found
    label = _("每日汇总") if scope == DIGEST_SCOPE else GROUP_LABELS[scope]
    if request.method == "POST":
        with platform().unit_of_work() as uow:
            unsubscribe(uow, user_id, scope, now())
    return render_template("accounts/unsubscribe.html", label=label, done=request.method == "POST", token=token)


@preferences.get("/inbox/unread")
def count_unread() -> tuple[str, int]:
    """The count beside the inbox, asked for once a minute. Does not count as using the sign-in; 286 ends the asking."""
    if not current_user.is_authenticated:
        return "", 286
    return render_template("inbox/unread.html"), 200

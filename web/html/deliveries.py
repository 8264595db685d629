"""The staff's view of what leaves the platform: what failed, why, and trying it again."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from matching.queries.deliveries import count_deliveries, list_failures
from matching.services.deliveries import retry_delivery
from web.html.registrations import mails_leave
from web.reader import actor, now, platform, staff_only

deliveries = Blueprint("deliveries", __name__, url_prefix="/deliveries")

STATE_LABELS: dict[str, Any] = {
    "given_up": _l("已放弃"),
    "failed": _l("稍后重试"),
    "owed": _l("待发送"),
    "sent": _l("已发送"),
    "dropped": _l("无须发送"),
}
CHANNEL_LABELS: dict[str, Any] = {"mail": _l("邮件"), "robot": _l("群机器人"), "webhook": _l("Webhook")}
KIND_LABELS: dict[str, Any] = {
    "notification": _l("通知"),
    "digest": _l("每日汇总"),
    "message": _l("消息"),
    "confirm_registration": _l("确认邮箱"),
    "already_registered": _l("已有账号"),
    "registration_waiting": _l("申请正在审核"),
    "registration_approved": _l("注册通过"),
    "registration_refused": _l("注册未通过"),
    "reset_password": _l("重设密码"),
    "password_changed": _l("密码已修改"),
    "confirm_new_address": _l("确认新邮箱"),
    "address_change_asked": _l("申请更换邮箱"),
    "address_changed": _l("邮箱已更换"),
    "invitation": _l("成员邀请"),
    "channel_test": _l("测试消息"),
}


ERROR_LABELS: dict[str, Any] = {
    "mail.not_set_up": _l("没有设置邮件服务器；设置后可以重试"),
    "mail.recipient_refused": _l("对方服务器不接受这个收件地址"),
    "mail.content_refused": _l("服务器不接受邮件内容，可能被当作垃圾邮件"),
    "mail.sender_refused": _l("服务器不接受发件地址，请检查 DUIJIE_MAIL_FROM 是否与账号一致"),
    "mail.authentication": _l("账号或密码不对，请检查；多数邮箱要用授权码而不是登录密码"),
    "mail.not_supported": _l("服务器不支持所设的加密方式，请检查 DUIJIE_SMTP_SECURITY"),
    "mail.tls": _l("加密连接没有建立，请检查证书、端口与 DUIJIE_SMTP_SECURITY"),
    "mail.server_unreachable": _l("邮件服务器没有应答，请检查 DUIJIE_SMTP_HOST 与端口"),
    "mail.address_not_ascii": _l("收件地址含有多数服务器不接受的字符"),
    "mail.address_invalid": _l("收件地址无效"),
    "channel.address_refused": _l("地址不允许访问：不是公网地址，或没有使用 https"),
    "channel.unreachable": _l("对方没有应答"),
    "channel.refused": _l("对方拒绝了消息"),
    "delivery.internal": _l("系统内部出错，请查看日志"),
    "delivery.interrupted": _l("多次发送中途中断"),
}


def explain(error: str | None) -> str:
    """What an error's code means and what to do, in words."""
    return str(ERROR_LABELS.get((error or "").partition(" ")[0].rstrip(":"), ""))


@deliveries.get("/")
@staff_only
def show() -> str:
    """By state; no address and no text is shown, the code of the error says what to do."""
    state = request.args.get("state", "given_up")
    if state not in STATE_LABELS:
        abort(404)
    with platform().reading() as reading:
        return render_template(
            "deliveries/list.html",
            rows=list_failures(reading, state),
            counts=count_deliveries(reading, now()),
            state=state,
            states=STATE_LABELS,
            channels=CHANNEL_LABELS,
            kinds=KIND_LABELS,
            mails_leave=mails_leave(),
            explain=explain,
        )


@deliveries.post("/<delivery_id>/retry")
@staff_only
def retry(delivery_id: str) -> Response:
    """Try one again."""
    with platform().unit_of_work() as uow:
        retry_delivery(uow, actor(), delivery_id, now())
    flash(_("已安排重新发送。"), "info")
    return redirect(url_for("deliveries.show", state=request.form.get("state") or None))

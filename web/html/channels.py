"""Group robots and webhooks to which one's notifications go too."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from matching.errors import InvalidInput
from matching.models.delivery import CHANNEL_KINDS
from matching.notifying.channels import webhook_secret
from matching.notifying.notices import GROUPS
from matching.services.channels import add_channel, list_channels, remove_channel, try_channel
from web.forms.accounts import ChannelForm
from web.html.deliveries import STATE_LABELS, explain
from web.html.preferences import GROUP_LABELS
from web.reader import actor, now, platform, signed_in_only

channels = Blueprint("channels", __name__, url_prefix="/account/channels")

KIND_LABELS: dict[str, Any] = {
    "wecom": _l("企业微信群机器人"),
    "dingtalk": _l("钉钉群机器人"),
    "feishu": _l("飞书群机器人"),
    "webhook": _l("Webhook（签名的 JSON）"),
}


@channels.get("/")
@signed_in_only
def show() -> str:
    """The channels, each with what became of its last message, and the form for another."""
    return _render(_form(formdata=False))


@channels.post("/")
@signed_in_only
def add() -> str | Response | tuple[str, int]:
    """Add one. Its address is not shown again: whoever has it can write to the group."""
    form = _form()
    if form.validate():
        try:
            with platform().unit_of_work() as uow:
                row = add_channel(
                    uow,
                    actor(),
                    kind=form.kind.data or "",
                    name=form.name.data or "",
                    url=form.url.data or "",
                    secret=form.secret.data or "",
                    groups=form.groups.data or [],
                    now=now(),
                )
        except InvalidInput as error:
            form.show(error)
        else:
            with platform().unit_of_work() as uow:
                try_channel(uow, actor(), row.id, now())
            flash(_("已添加，正在发送一条测试消息，稍后刷新可以看到结果。"), "info")
            return redirect(url_for("channels.show"))
    return _render(form), 422


@channels.post("/<channel_id>/try")
@signed_in_only
def try_out(channel_id: str) -> Response:
    """Send a message that says that it works."""
    with platform().unit_of_work() as uow:
        try_channel(uow, actor(), channel_id, now())
    flash(_("正在发送一条测试消息，稍后刷新可以看到结果。"), "info")
    return redirect(url_for("channels.show"))


@channels.post("/<channel_id>/remove")
@signed_in_only
def remove(channel_id: str) -> Response:
    """Remove one."""
    with platform().unit_of_work() as uow:
        remove_channel(uow, actor(), channel_id, now())
    flash(_("已删除这个渠道。"), "info")
    return redirect(url_for("channels.show"))


def _form(*, formdata: bool = True) -> ChannelForm:
    form = ChannelForm() if formdata else ChannelForm(formdata=None)
    form.kind.choices = [(kind, KIND_LABELS[kind]) for kind in CHANNEL_KINDS]
    form.groups.choices = [(group, GROUP_LABELS[group]) for group in GROUPS]
    return form


def _render(form: ChannelForm) -> str:
    settings = platform().settings
    with platform().reading() as reading:
        rows = list_channels(reading, str(actor().user_id))
    return render_template(
        "accounts/channels.html",
        form=form,
        rows=rows,
        kinds=KIND_LABELS,
        group_labels=GROUP_LABELS,
        states=STATE_LABELS,
        explain=explain,
        secrets={row.id: webhook_secret(settings, row.id) for row, _latest in rows if row.kind == "webhook"},
    )

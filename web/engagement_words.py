"""How interests and engagements are put into words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from matching.services.posts import told_language

TIMING_LABELS: dict[str, Any] = {
    "now": _l("越快越好"),
    "quarter": _l("三个月内"),
    "half_year": _l("半年内"),
    "exploring": _l("先了解，不急"),
}
INTEREST_STATUS_LABELS: dict[str, Any] = {
    "open": _l("等待答复"),
    "accepted": _l("双方有意向"),
    "declined": _l("已婉拒"),
    "lapsed": _l("逾期未答复"),
    "withdrawn": _l("已撤回"),
}
INTEREST_STATUS_TONES: Mapping[str, str] = {"open": "accent", "accepted": "accent", "lapsed": "warning"}
STAGE_LABELS: dict[str, Any] = {
    "contact": _l("建立联系"),
    "talk": _l("沟通交流"),
    "visit": _l("实地考察"),
    "terms": _l("商谈条款"),
    "contract": _l("签订合同"),
    "closed": _l("已结束"),
}
OUTCOME_LABELS: dict[str, Any] = {
    "none": _l("没有达成合作"),
    "follow_up": _l("暂时结束，以后再跟进"),
    "contract": _l("签订了合同"),
}
ROLE_LABELS: dict[str, Any] = {
    "need": _l("需求方"),
    "capability": _l("供给方"),
    "institution": _l("供给方单位"),
    "broker": _l("技术经理人"),
    "staff": _l("主管部门"),
}
NOTICE_TITLES: dict[str, Any] = {
    "interest_received": _l("有人对您的信息有意向，请在期限内答复"),
    "interest_reminder": _l("有一条意向还在等您答复"),
    "interest_accepted": _l("对方也有意向，可以联系了"),
    "interest_declined": _l("对方暂不考虑您的意向"),
    "interest_lapsed": _l("您的意向没有在期限内得到答复"),
    "interest_missed": _l("有一条意向已过答复期限"),
    "engagement_opened": _l("新的对接已开始"),
    "engagement_stage": _l("对接进入新阶段"),
    "engagement_message": _l("对接中有新留言"),
    "engagement_copy_proposed": _l("对方希望邀请一位参与人，请您同意"),
    "engagement_copied": _l("对接中增加了一位参与人"),
    "engagement_task_due": _l("对接中有任务快到期"),
    "engagement_next_due": _l("对接的下一步快到日子了"),
    "engagement_register_due": _l("有技术合同快到登记期限"),
}


def in_days_or_hours(span: timedelta) -> str:
    """A span as people say it: 3 天, 5 小时; less than an hour is that."""
    hours = span.total_seconds() / 3600
    if hours < 1:
        return str(_("不到 1 小时"))
    if hours < 1.5:
        return str(_("1 小时"))
    if hours < 36:
        return str(_("%(count)s 小时", count=round(hours)))
    return str(_("%(count)s 天", count=round(hours / 24)))


def waited(since: datetime | None, now: datetime) -> str:
    """How long something has waited; empty where nothing does, or not for an hour yet."""
    if since is None or now - since < timedelta(hours=1):
        return ""
    return in_days_or_hours(now - since)


def time_left(until: datetime, now: datetime) -> str:
    """How much time is left; empty when none is."""
    return in_days_or_hours(until - now) if until > now else ""


WORDS: dict[str, Any] = {
    "TIMING_LABELS": TIMING_LABELS,
    "INTEREST_STATUS_LABELS": INTEREST_STATUS_LABELS,
    "INTEREST_STATUS_TONES": INTEREST_STATUS_TONES,
    "STAGE_LABELS": STAGE_LABELS,
    "OUTCOME_LABELS": OUTCOME_LABELS,
    "ROLE_LABELS": ROLE_LABELS,
    "in_days_or_hours": in_days_or_hours,
    "waited": waited,
    "time_left": time_left,
    "language_of": told_language,
    "read_day": date.fromisoformat,
}
"""For the templates."""

"""What kinds of notification there are outside the inbox: their groups, how each group is told unless a person says
otherwise, and one line in words for each.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Literal, Protocol

from matching.clock import SHANGHAI, to_shanghai

Way = Literal["at_once", "digest", "off"]
WAYS: tuple[Way, ...] = ("at_once", "digest", "off")

GROUPS: tuple[str, ...] = ("suggestions", "interests", "engagements", "events", "posts", "account")
DEFAULT_WAYS: Mapping[str, Way] = {
    # Suggestions come in numbers; the rest waits for the person.
    "suggestions": "digest",
    "interests": "at_once",
    "engagements": "at_once",
    "events": "at_once",
    "posts": "at_once",
    "account": "at_once",
}
_GROUP_BY_BEGINNING: tuple[tuple[str, str], ...] = (
    ("suggestion", "suggestions"),
    ("interest", "interests"),
    ("engagement", "engagements"),
    ("event", "events"),
    ("meeting", "events"),
    ("post", "posts"),
)

NOTICES: Mapping[str, tuple[str, str]] = {
    "post_published": ("您的信息已发布", "Your post was published"),
    "post_returned": ("您的信息被退回，请修改", "Your post was returned for changes"),
    "post_decision_undone": (
        "主管部门撤回了对您信息的处理，请看现在的状态",
        "The office took back its decision on your post; please see its present state",
    ),
    "post_expires": ("您的信息快要过期，仍然有效请续期", "Your post is about to expire; renew it if it still holds"),
    "interest_received": (
        "有人对您的信息有意向，请在期限内答复",
        "Somebody is interested in your post; please answer",
    ),
    "interest_reminder": ("有一条意向还在等您答复", "An interest still waits for your answer"),
    "interest_accepted": ("您的意向得到了回应，可以联系对方了", "Your interest was accepted; you may get in touch"),
    "interest_declined": ("对方暂不考虑您的意向", "Your interest was declined"),
    "interest_lapsed": ("您的意向未在期限内得到答复", "Your interest was not answered in time"),
    "interest_missed": ("有一条意向已过答复期限", "The time to answer an interest has passed"),
    "engagement_opened": ("双方都有意向，可以开始对接了", "Both sides are interested; the engagement is open"),
    "engagement_stage": ("您的对接进入新阶段", "An engagement entered a new stage"),
    "engagement_message": ("对接中有新留言", "A new message in an engagement"),
    "engagement_copy_proposed": (
        "有人希望把对接抄送给第三方，请您同意",
        "Somebody wants to copy a third party; please agree",
    ),
    "engagement_copied": ("有一个对接抄送给您", "You are copied on an engagement"),
    "engagement_task_due": ("对接中有任务快到期", "A task of an engagement is due soon"),
    "engagement_next_due": ("对接的下一步快到日子了", "The next step of an engagement is due soon"),
    "engagement_register_due": ("有技术合同快到登记期限", "A technical contract should be registered soon"),
    "post_closed_duplicate": (
        "您的信息与另一条重复，已由主管部门关闭",
        "Your post repeats another one and was closed by the office",
    ),
    "event_invited": ("您受邀参加对接会，请回复", "You are invited to an event; please answer"),
    "event_agenda": ("您的对接会日程已发布", "Your agenda of an event is published"),
    "event_changed": ("您的对接会日程有变动", "Your agenda of an event has changed"),
    "event_called_off": ("您参加的对接会已取消", "An event you take part in was called off"),
    "event_host": ("您跟进的洽谈有新安排", "News of meetings that you look after"),
    "event_next_step": ("一场洽谈之后该做的事快到日子了", "What was agreed after a meeting is due soon"),
    "desk_assigned": ("有一件事交给您处理", "Something was given to you to deal with"),
    "import_finished": ("您的导入已完成", "Your import has finished"),
    "import_failed": ("您的导入没有完成", "Your import did not finish"),
    "member_joined": ("有同事加入了您的单位", "A colleague joined your organisation"),
    "registration_waiting": ("有新的注册申请等待审核", "A registration waits for approval"),
}
"""Kind → the line in Chinese and English. Kinds that are not here are told by the group's line."""

_GROUP_NOTICES: Mapping[str, tuple[str, str]] = {
    "suggestions": ("有新的匹配建议", "New suggestions for you"),
    "interests": ("您的意向有新进展", "News about an interest"),
    "engagements": ("您的对接有新进展", "News about an engagement"),
    "events": ("对接会有新消息", "News about an event"),
    "posts": ("您的供需信息有新消息", "News about your posts"),
    "account": ("您有新的消息", "You have a new message"),
}


class NoticeLines(Protocol):
    """The lines in force, see `matching.notifying.texts`."""

    def notice(self, kind: str, language: str) -> str | None: ...


_QUIET_FROM, _QUIET_UNTIL = time(22), time(8)
DIGEST_AT = time(9)


def group_of(kind: str) -> str:
    """The group in which a kind of notification is set."""
    return next((group for beginning, group in _GROUP_BY_BEGINNING if kind.startswith(beginning)), "account")


def notice(kind: str, language: str, texts: NoticeLines | None = None) -> str:
    """One line that says what a notification is about, without naming anything; in the bureau's words where it chose
    its own."""
    chosen = texts.notice(kind, language) if texts is not None else None
    if chosen is not None:
        return chosen
    zh, en = NOTICES.get(kind) or _GROUP_NOTICES[group_of(kind)]
    return en if language == "en" else zh


def next_digest(now: datetime) -> datetime:
    """The next 09:00 in China after `now`; at 09:00 sharp it is tomorrow's."""
    local = to_shanghai(now)
    today = datetime.combine(local.date(), DIGEST_AT, SHANGHAI)
    return today if local < today else today + timedelta(days=1)


def after_quiet_hours(now: datetime) -> datetime:
    """`now`, or the coming 08:00 in China where it lies between 22:00 and 08:00."""
    local = to_shanghai(now)
    if _QUIET_UNTIL <= local.time() < _QUIET_FROM:
        return now
    day = local.date() if local.time() < _QUIET_UNTIL else local.date() + timedelta(days=1)
    return datetime.combine(day, _QUIET_UNTIL, SHANGHAI)

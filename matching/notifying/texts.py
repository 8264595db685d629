"""The wording of mails and messages that the bureau may change: each text as shipped, what it may name, and how what it
names is put in.

A text names values in braces, `{organisation}`. What a text may name and must name is checked when it is saved, so that
a letter never leaves without its link.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from matching.notifying.notices import NOTICES

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")
LONGEST_LINE = 200
LONGEST_BODY = 4000

_NAMED = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A value that a text may name: what it is, and an example for the preview, in both languages."""

    zh: str
    en: str
    sample_zh: str
    sample_en: str
    link: bool = False
    """The paragraph that names it becomes a button."""


_NAME = Placeholder("收件人姓名", "The reader's name", "李工", "Ms Li")
_ORGANISATION = Placeholder("单位名称", "The organisation", "鹤山示例电路有限公司", "Heshan Example Circuits")
_CONFIRM = Placeholder("确认链接", "The link", "https://…/links/…", "https://…/links/…", link=True)
_SIGN_IN = Placeholder("登录页链接", "The page to sign in", "https://…/sign-in", "https://…/sign-in", link=True)
_PAGE = Placeholder("页面链接", "The page's address", "https://…/…", "https://…/…", link=True)
_REASON = Placeholder("审核人写的原因", "The reason the office gave", "单位名称与代码不符", "Name and code differ")
_EVENT = Placeholder("对接会名称", "The event", "线路板专场对接会", "Circuit board meeting")
_OTHER = Placeholder("洽谈对方", "The other side", "示例大学张老师", "Dr Zhang, Example University")
_TIME = Placeholder("起止时间", "From when to when", "2026-12-03 09:00–09:25", "2026-12-03 09:00–09:25")
_PLACE = Placeholder("地点", "The place", "会展中心 3 号桌", "Exhibition centre, table 3")
_SUMMARY = Placeholder("日历标题", "The title in the calendar", "与示例大学张老师洽谈", "Meeting Dr Zhang")
_MEETING = {"event": _EVENT, "other": _OTHER, "time": _TIME, "summary": _SUMMARY}

Written = Mapping[str, Mapping[str, str]]
"""Language → part → text."""


@dataclass(frozen=True, slots=True)
class TextForm:
    """A text as shipped. `parts` are `line`, or `subject` and `body`; empty lines part the paragraphs of a body."""

    key: str
    group: str
    shipped: Written
    placeholders: Mapping[str, Placeholder] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    """What the body must name in each language."""

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts of each language, in order."""
        return tuple(self.shipped["zh"])


def _letter(
    key: str,
    group: str,
    zh: tuple[str, str],
    en: tuple[str, str],
    placeholders: Mapping[str, Placeholder] | None = None,
    required: tuple[str, ...] = (),
) -> TextForm:
    shipped = {
        "zh": {"subject": zh[0], "body": zh[1]},
        "en": {"subject": en[0], "body": en[1]},
    }
    return TextForm(key, group, shipped, placeholders or {}, frozenset(required))


_LETTERS = (
    _letter(
        "confirm_registration",
        "account",
        (
            "请确认您的邮箱",
            "您好：\n\n"
            "有人（应该是您）用这个邮箱申请账号。请确认邮箱是您的并设置密码，随后主管部门会核实单位并邮件答复。\n\n"
            "确认邮箱并设置密码（48 小时内有效，只能用一次）{link}\n\n"
            "如果不是您本人申请，请不必理会：不确认就不会有任何改变。",
        ),
        (
            "Please confirm your e-mail address",
            "Hello,\n\n"
            "somebody, probably you, asked for an account with this address. Please confirm that it is yours and "
            "choose a password. The office then checks the organisation and answers by mail.\n\n"
            "Confirm and choose a password (works once, within 48 hours) {link}\n\n"
            "If it was not you, ignore this mail: without the confirmation nothing happens.",
        ),
        {"link": _CONFIRM},
        ("link",),
    ),
    _letter(
        "already_registered",
        "account",
        (
            "您已经有账号了",
            "您好：\n\n有人（应该是您）用这个邮箱申请账号，而这个邮箱已经有账号。\n\n"
            "登录 {sign_in}\n\n忘记密码 {forgotten}\n\n"
            "如果不是您本人操作，不必理会，您的账号没有任何改变。",
        ),
        (
            "You already have an account",
            "Hello,\n\n"
            "somebody, probably you, asked for an account with this address. There is one already.\n\n"
            "Sign in {sign_in}\n\nForgotten the password? {forgotten}\n\n"
            "If it was not you, you need do nothing; your account is unchanged.",
        ),
        {"sign_in": _SIGN_IN, "forgotten": _PAGE},
        ("sign_in",),
    ),
    _letter(
        "registration_waiting",
        "account",
        (
            "您的注册申请正在审核",
            "您好：\n\n"
            "有人（应该是您）用这个邮箱再次提交了注册申请。先前的申请还在等待主管部门审核，结果会邮件告知，不必重复提交。",
        ),
        (
            "Your registration is being checked",
            "Hello,\n\n"
            "somebody, probably you, registered with this address again. Your first registration is still waiting "
            "for the office, which answers by mail; you need do nothing.",
        ),
    ),
    _letter(
        "registration_approved",
        "account",
        (
            "您的账号已经开通",
            "{name}，您好：\n\n"
            "主管部门已通过您为「{organisation}」提出的注册申请。现在可以用这个邮箱和您设的密码登录。\n\n登录 {link}",
        ),
        (
            "Your account is ready",
            "Hello {name},\n\n"
            "the office has approved your account for {organisation}. You may sign in with this "
            "address and the password you chose.\n\nSign in {link}",
        ),
        {"name": _NAME, "organisation": _ORGANISATION, "link": _SIGN_IN},
        ("link",),
    ),
    _letter(
        "registration_refused",
        "account",
        (
            "您的注册申请未通过",
            "{name}，您好：\n\n主管部门未能通过您为「{organisation}」提出的注册申请，原因是：\n\n{reason}\n\n"
            "修改后重新申请 {link}",
        ),
        (
            "Your registration was not approved",
            "Hello {name},\n\nthe office could not approve your registration for {organisation}:\n\n{reason}\n\n"
            "Register again {link}",
        ),
        {"name": _NAME, "organisation": _ORGANISATION, "reason": _REASON, "link": _PAGE},
        ("reason",),
    ),
    _letter(
        "reset_password",
        "account",
        (
            "重设密码",
            "您好：\n\n有人（应该是您）要重设这个邮箱对应账号的密码。\n\n"
            "重设密码（1 小时内有效，只能用一次）{link}\n\n如果不是您本人操作，请不必理会：密码不会改变。",
        ),
        (
            "Choose a new password",
            "Hello,\n\nsomebody, probably you, asked for a new password for this address.\n\n"
            "Choose a new password (works once, within one hour) {link}\n\n"
            "If it was not you, ignore this mail: the password stays as it is.",
        ),
        {"link": _CONFIRM},
        ("link",),
    ),
    _letter(
        "password_changed",
        "account",
        (
            "您的密码已修改",
            "您好：\n\n您账号的密码刚刚修改，其他设备上的登录都已结束。\n\n"
            "如果不是您本人操作，请立即重设密码并告知主管部门。\n\n重设密码 {link}",
        ),
        (
            "Your password was changed",
            "Hello,\n\nthe password of your account was just changed, and every other sign-in was ended.\n\n"
            "If it was not you, choose a new password at once and tell the office.\n\nChoose a new password {link}",
        ),
        {"link": _PAGE},
        ("link",),
    ),
    _letter(
        "confirm_new_address",
        "account",
        (
            "请确认新邮箱",
            "您好：\n\n有人（应该是您）要把账号的邮箱换成这一个。\n\n确认更换（24 小时内有效，只能用一次）{link}\n\n"
            "如果不是您本人操作，请不必理会：不确认就不会有任何改变。",
        ),
        (
            "Please confirm your new e-mail address",
            "Hello,\n\nsomebody, probably you, wants an account to have this address from now on.\n\n"
            "Confirm the change (works once, within 24 hours) {link}\n\n"
            "If it was not you, ignore this mail: without the confirmation nothing changes.",
        ),
        {"link": _CONFIRM},
        ("link",),
    ),
    _letter(
        "address_change_asked",
        "account",
        (
            "有人要更换您账号的邮箱",
            "您好：\n\n有人（应该是您）登录后申请更换账号的邮箱。新邮箱确认之前，仍用这个邮箱登录。\n\n"
            "如果不是您本人操作，请立即修改密码，这次更换随即可以在账号页面取消。\n\n打开账号页面 {link}",
        ),
        (
            "The address of your account is to change",
            "Hello,\n\nsomebody, probably you, signed in and asked for another address for your account. "
            "Until the new one is confirmed you sign in with this one.\n\n"
            "If it was not you, change your password at once and stop the change on the page of your account.\n\n"
            "Open your account {link}",
        ),
        {"link": _PAGE},
        ("link",),
    ),
    _letter(
        "address_changed",
        "account",
        (
            "您账号的邮箱已更换",
            "您好：\n\n您账号的邮箱已经换成另一个，今后用新邮箱登录，这个邮箱不再收到通知。\n\n"
            "如果不是您本人操作，请立即联系主管部门。",
        ),
        (
            "The address of your account was changed",
            "Hello,\n\nyour account has another address now; sign in with the new one. "
            "This address receives no more notifications.\n\nIf it was not you, tell the office at once.",
        ),
    ),
    _letter(
        "invitation",
        "account",
        (
            "{organisation}邀请您加入",
            "您好：\n\n{inviter}邀请您在本平台加入「{organisation}」。\n\n接受邀请（14 天内有效，只能用一次）{link}\n\n"
            "如果您不清楚此事，请不必理会。",
        ),
        (
            "{organisation} invites you",
            "Hello,\n\n{inviter} invites you to work for {organisation} on this platform.\n\n"
            "Accept the invitation (works once, within 14 days) {link}\n\n"
            "If you do not know what this is about, ignore this mail.",
        ),
        {
            "organisation": _ORGANISATION,
            "inviter": Placeholder("邀请人", "Who invites", "王主任", "Mr Wang"),
            "link": _CONFIRM,
        },
        ("link",),
    ),
)

_EVENT_LETTERS = (
    _letter(
        "event_invitation",
        "event",
        (
            "邀请您参加：{event}",
            "{name}，您好：\n\n诚邀{participant}参加「{event}」。\n日期：{date}\n地点：{place}\n\n"
            "请打开下面的链接，告诉我们能否参加、哪些时段不方便、希望与谁洽谈。链接只属于您，请勿转发。",
        ),
        (
            "You are invited: {event}",
            "Dear {name},\n\n{participant} is invited to {event}.\nDate: {date}\nPlace: {place}\n\n"
            "Please open the link to tell us whether you come, when you cannot, and whom you would like to meet. "
            "The link is yours alone.",
        ),
        {
            "event": _EVENT,
            "name": _NAME,
            "participant": Placeholder("参会方", "Who takes part", "鹤山示例电路有限公司", "Heshan Example Circuits"),
            "date": Placeholder("日期", "The day", "2026年12月3日", "2026-12-03"),
            "place": _PLACE,
        },
        ("event", "date"),
    ),
    _letter(
        "meeting_invitation",
        "event",
        ("洽谈安排：{summary}", "{time}（北京时间）\n{place}\n对方：{other}\n议题：{topic}"),
        ("Meeting: {other} ({event})", "{time} (Beijing time)\n{place}\nWith: {other}\nAbout: {topic}"),
        _MEETING | {"place": _PLACE, "topic": Placeholder("议题", "The topic", "线路板翘曲", "Warpage of boards")},
        ("time", "other"),
    ),
    _letter(
        "meeting_changed",
        "event",
        ("时间地点有变：{summary}", "{time}（北京时间）\n{place}\n对方：{other}\n议题：{topic}"),
        ("Changed: {other} ({event})", "{time} (Beijing time)\n{place}\nWith: {other}\nAbout: {topic}"),
        _MEETING | {"place": _PLACE, "topic": Placeholder("议题", "The topic", "线路板翘曲", "Warpage of boards")},
        ("time", "other"),
    ),
    _letter(
        "meeting_cancelled",
        "event",
        ("已取消：{summary}", "原定 {time} 与{other}的洽谈已取消，您的这个时段空出来了。"),
        (
            "Cancelled: {other} ({event})",
            "Your meeting with {other} at {time} is cancelled; the time is yours again.",
        ),
        _MEETING,
        ("time", "other"),
    ),
    _letter(
        "event_reminder",
        "event",
        ("{when}：{event}", "您的第一场洽谈 {time} 开始{table}。\n地点：{place}"),
        ("{when}: {event}", "Your first meeting begins at {time}{table}.\nPlace: {place}"),
        {
            "event": _EVENT,
            "when": Placeholder("还有多久", "How soon", "明天", "Tomorrow"),
            "time": Placeholder("开始时间", "When it begins", "09:00", "09:00"),
            "table": Placeholder("桌位，前面带逗号", "The table, after a comma", "，3 号桌", ", table 3"),
            "place": _PLACE,
        },
        ("time",),
    ),
)

_LINES = tuple(
    TextForm(f"notice_{kind}", "notice", {"zh": {"line": zh}, "en": {"line": en}}) for kind, (zh, en) in NOTICES.items()
)

TEXT_FORMS: Mapping[str, TextForm] = {form.key: form for form in (*_LINES, *_LETTERS, *_EVENT_LETTERS)}
"""All texts that may be changed, by key."""


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts in force: those the bureau changed, the shipped ones otherwise."""

    changed: Mapping[str, Written] = field(default_factory=dict)

    def of(self, key: str, language: str, part: str) -> str:
        """A part as written, its placeholders not put in yet. Raises KeyError for a text that is none."""
        chosen = "en" if language == "en" else "zh"
        written = self.changed.get(key, {}).get(chosen, {}).get(part)
        return written if written else TEXT_FORMS[key].shipped[chosen][part]

    def line(self, key: str, language: str, part: str, **values: str) -> str:
        """A part on one line, with its values."""
        return " ".join(put_in(self.of(key, language, part), values).split())

    def templates(self, key: str, language: str) -> list[str]:
        """The body's paragraphs as written."""
        return _paragraphs(self.of(key, language, "body"))

    def paragraphs(self, key: str, language: str, **values: str) -> list[str]:
        """The body's paragraphs with their values. A line that names nothing but empty values is left out."""
        found = []
        for paragraph in _paragraphs(self.of(key, language, "body")):
            lines = [put_in(line, values) for line in paragraph.splitlines() if not _names_nothing(line, values)]
            if lines:
                found.append("\n".join(lines))
        return found

    def body(self, key: str, language: str, **values: str) -> str:
        """The whole body with its values."""
        return "\n\n".join(self.paragraphs(key, language, **values))

    def notice(self, kind: str, language: str) -> str | None:
        """The line of a kind of message; None for a kind that has none of its own."""
        key = f"notice_{kind}"
        return self.of(key, language, "line") if key in TEXT_FORMS else None


SHIPPED_TEXTS = Texts()


def put_in(text: str, values: Mapping[str, str]) -> str:
    """The text with its values. What a value says in braces is left as it is."""
    return _NAMED.sub(lambda found: values.get(found[1], found[0]), text)


def named_in(text: str) -> list[str]:
    """What the text names, in order, each once."""
    return list(dict.fromkeys(_NAMED.findall(text)))


def link_of(paragraph: str, form: TextForm) -> tuple[str, str] | None:
    """(placeholder, label) of a paragraph that names a link: it becomes a button with the other words on it."""
    for name in named_in(paragraph):
        if name in form.placeholders and form.placeholders[name].link:
            return name, " ".join(paragraph.replace("{" + name + "}", " ").split())
    return None


def sample_values(form: TextForm, language: str) -> dict[str, str]:
    """Examples to fill a text with."""
    return {name: one.sample_en if language == "en" else one.sample_zh for name, one in form.placeholders.items()}


def _paragraphs(text: str) -> list[str]:
    return [part.strip("\n") for part in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n")) if part.strip()]


def _names_nothing(line: str, values: Mapping[str, str]) -> bool:
    named = named_in(line)
    return bool(named) and all(name in values and not values[name] for name in named)

"""The register of personal data (个人信息处理清单): what is held of whom, why, who sees it, how long, where it flows.

It is the one place that says so: the page about privacy shows it, and a test compares it with the tables. Whoever adds
a column that may hold something of a person adds it here, or to IMPERSONAL with the reason why it holds none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import JSON, Column, MetaData, String, Text

Words = tuple[str, str]
"""Chinese and English."""

Basis = Literal["consent", "contract", "duty", "published", "security"]
Flow = Literal["database", "backup", "index", "vectors", "mail", "channels", "files", "feeds", "agenda"]

BASES: Mapping[Basis, Words] = {
    "consent": ("本人同意（第十三条第一款第一项）", "The person's consent (article 13, 1)"),
    "contract": ("为提供本人要求的服务所必需（第二项）", "Needed for the service that the person asks for (article 13, 2)"),
    "duty": ("履行法定职责、义务所必需（第三项）", "Needed for duties by law (article 13, 3)"),
    "published": ("本人或单位已公开，在合理范围内（第六项、第二十七条）", "Published already, within reason (articles 13, 6 and 27)"),
    "security": (
        "履行网络安全义务所必需（第三项、第五十一条）",
        "Needed to keep the service secure (articles 13, 3 and 51)",
    ),
}  # fmt: skip
FLOWS: Mapping[Flow, Words] = {
    "database": ("数据库", "database"),
    "backup": ("备份", "backups"),
    "index": ("检索索引", "search index"),
    "vectors": (
        "语义向量缓存（由文字计算，不能还原）",
        "cache of vectors (computed from texts, not to be turned back)",
    ),
    "mail": ("邮件", "mail"),
    "channels": ("本人设置的群机器人和 Webhook", "robots and webhooks that the person set up"),
    "files": ("服务器上的文件", "files on the server"),
    "feeds": ("开放数据（仅限本人另行同意）", "open data (only with separate consent)"),
    "agenda": ("参会链接和现场资料", "links and papers of an event"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldData:
    """One kind of personal data. `days` names the setting that says how long, `{days}` in `kept` stands for it."""

    code: str
    columns: tuple[str, ...]
    what: Words
    whom: Words
    why: Words
    basis: Basis
    source: Words
    seen_by: Words
    kept: Words
    flows: tuple[Flow, ...] = ("database", "backup")
    days: str | None = None


_WHILE_ACCOUNT: Words = ("账号存续期间；注销时删除", "While there is the account; deleted with it")
_SELF: Words = ("本人填写", "The person")
_ARISES: Words = ("使用平台时产生", "Arises from using the platform")
_MEMBERS: Words = ("用户", "Users")
_PERSON_ONLY: Words = ("仅本人", "The person alone")

REGISTER: tuple[HeldData, ...] = (
    HeldData(
        code="account",
        columns=("users.email", "users.new_email", "users.name", "users.password_hash"),
        what=("姓名、邮箱、密码的不可还原摘要、语言", "Name, e-mail, a hash of the password, language"),
        whom=_MEMBERS,
        why=("登录，署名，收取通知", "Signing in, being named, being told"),
        basis="contract",
        source=_SELF,
        seen_by=("本人；姓名给本单位成员和对接对方；系统管理员", "The person; colleagues and partners see the name; administrators"),
        kept=_WHILE_ACCOUNT,
        flows=("database", "backup", "mail"),
    ),
    HeldData(
        code="sign_in",
        columns=(
            "user_sessions.user_id", "user_sessions.device", "user_sessions.address", "two_factors.user_id",
            "recovery_codes.user_id", "linked_identities.subject", "linked_identities.user_id", "api_tokens.user_id",
            "api_tokens.name", "idempotency_keys.user_id", "idempotency_keys.answer", "attempt_counters.key",
        ),
        what=("登录的设备与网络地址、两步验证、令牌、尝试次数的摘要", "Devices and network addresses of sign-ins, second factor, tokens, hashed counts of attempts"),
        whom=_MEMBERS,
        why=("让本人看到并结束登录，防止盗号", "Letting the person see and end sign-ins, keeping others out"),
        basis="security",
        source=_ARISES,
        seen_by=_PERSON_ONLY,
        kept=(
            "登录结束后当晚删除；网络地址 {days} 天后只保留网段；尝试次数几分钟到一天",
            "Deleted the night after a sign-in ends; addresses are cut to their network after {days} days; counts for minutes to a day",
        ),
        flows=("database",),
        days="address_days",
    ),
    HeldData(
        code="membership",
        columns=("memberships.user_id", "invitations.email", "invitations.invited_by", "invitations.user_id"),
        what=("所在单位与角色；受邀同事的邮箱", "Organisation and role; e-mail of colleagues who are invited"),
        whom=("用户、受邀同事", "Users and invited colleagues"),
        why=("确定可以代表哪个单位", "Knowing for which organisation somebody acts"),
        basis="contract",
        source=("本人、单位负责人", "The person, owners of the organisation"),
        seen_by=("本单位成员、属地主管部门", "Members of the organisation, the staff of its region"),
        kept=("成员关系存续期间；未接受的邀请到期后 {days} 天", "While they belong; invitations not accepted, {days} days past their end"),
        flows=("database", "backup", "mail"),
        days="invitation_days",
    ),
    HeldData(
        code="registration",
        columns=(
            "registrations.email", "registrations.name", "registrations.title", "registrations.password_hash",
            "registrations.organisation_name", "registrations.note", "registrations.refusal", "registrations.decided_by",
            "registrations.user_id",
        ),
        what=("注册申请的姓名、职务、邮箱、单位、说明和审核结果", "Name, title, e-mail, organisation and note of a registration, and its decision"),
        whom=("申请人", "Those who register"),
        why=("核实身份，开通账号", "Checking who it is, making the account"),
        basis="contract",
        source=_SELF,
        seen_by=("属地主管部门", "The staff of the region"),
        kept=("未确认的 7 天；未通过的 {days} 天；通过的随账号", "Unconfirmed 7 days; refused {days} days; approved with the account"),
        flows=("database", "backup", "mail"),
        days="refused_registration_days",
    ),
    HeldData(
        code="expert",
        columns=(
            "experts.user_id", "experts.name", "experts.name_en", "experts.title", "experts.fields", "experts.intro",
            "experts.email", "experts.phone", "experts.source", "experts.consent", "experts.field_sources",
            "experts.hidden_fields", "experts.extra", "experts.external_id", "affiliations.expert_id",
            "capability_experts.expert_id", "event_participants.expert_id",
        ),
        what=("专家的姓名、职称、研究方向、简介、所在单位、邮箱、电话、ORCID，逐项注明来源和同意", "An expert's name, title, fields, introduction, organisation, e-mail, phone and ORCID, each with source and consent"),
        whom=("专家", "Experts"),
        why=("让企业找到能解决问题的人", "Letting firms find who can solve a problem"),
        basis="consent",
        source=("本人、所在单位、公开资料（每项注明）", "The person, their organisation, public sources (noted for each)"),
        seen_by=(
            "登录用户；访客只看到署名公开成果的专家；邮箱和电话仅在双方都有意向后显示；本人可逐项隐藏",
            "Users; visitors see only who stands behind a public post; e-mail and phone only after mutual interest; each can be hidden",
        ),
        kept=("本人或所在单位删除为止；本人可随时删除", "Until the person or their organisation deletes it; the person may at any time"),
        flows=("database", "backup", "feeds"),
    ),
    HeldData(
        code="works",
        columns=("works.authors", "works.abstract", "works.title", "expert_works.expert_id"),
        what=("论文、专利等成果的题名和作者", "Titles and authors of papers, patents and other works"),
        whom=("专家及其合作者", "Experts and their co-authors"),
        why=("按成果判断专长", "Judging expertise by works"),
        basis="published",
        source=("本人导入的 BibTeX、ORCID、OpenAlex 文件", "BibTeX, ORCID and OpenAlex files that the person imports"),
        seen_by=("所有人；本人可逐项隐藏", "Everybody; the person may hide each"),
        kept=("随专家资料", "As long as the entry"),
        flows=("database", "backup", "index", "vectors", "feeds"),
    ),
    HeldData(
        code="post",
        columns=(
            "posts.author_id", "posts.contact", "posts.return_reason", "posts.return_notes", "posts.extra",
            "posts.title", "needs.problem", "needs.expected_result", "needs.preferred_partners", "needs.indicators",
            "capabilities.abstract", "capabilities.advantages", "capabilities.applications", "post_revisions.fields",
            "post_revisions.replaced_by", "attachments.user_id", "attachments.file_name",
        ),
        what=("供需信息的撰写人、联系人（姓名、电话、邮箱），正文和附件里写到的人", "Writer and contact (name, phone, e-mail) of posts, and people named in texts and files"),
        whom=("撰写人、联系人、专家", "Writers, contacts, experts"),
        why=("发布和对接供需", "Publishing posts and bringing their sides together"),
        basis="contract",
        source=_SELF,
        seen_by=(
            "正文按公开范围；联系人仅本单位，双方都有意向后对方可见，主管部门查看时留痕",
            "Texts as their visibility says; contacts to their own organisation, after mutual interest to the other side, to staff with a line in the log",
        ),
        kept=("单位归档或删除为止；联系人注销时清除", "Until the organisation archives or deletes it; a contact goes with their account"),
        flows=("database", "backup", "index", "vectors", "mail", "channels", "files"),
    ),
    HeldData(
        code="engagement",
        columns=(
            "interests.from_user_id", "interests.from_contact", "interests.aim", "interests.reason_text",
            "interests.answered_by_id", "suggestion_answers.user_id", "suggestion_answers.reason_text",
            "engagements.need_contact", "engagements.capability_contact", "engagements.outcome_note",
            "engagements.benefit_terms", "engagements.ip_terms", "engagement_messages.user_id",
            "engagement_messages.text", "engagement_notes.user_id", "engagement_notes.text",
            "engagement_participants.user_id", "engagement_steps.user_id", "engagement_steps.note",
            "engagement_tasks.created_by_id", "engagement_tasks.done_by_id", "engagement_files.file_name",
        ),
        what=("意向、对接中的联系方式、消息、备注、任务和条款", "Interests, and contacts, messages, notes, tasks and terms of engagements"),
        whom=("对接双方的人员", "People of both sides"),
        why=("从第一次联系到合同", "From the first contact to a contract"),
        basis="contract",
        source=_SELF,
        seen_by=("对接的参与人；备注只有本方；主管部门查看联系方式时留痕", "Participants; notes their own side alone; staff see contacts with a line in the log"),
        kept=("随对接记录；本人注销时去除署名和联系方式", "As long as the engagement; names and contacts go with an account"),
        flows=("database", "backup", "mail", "channels", "files"),
    ),
    HeldData(
        code="event",
        columns=(
            "event_participants.contact_name", "event_participants.contact_email", "event_participants.contact_phone",
            "event_participants.note", "meeting_feedback.comment", "meetings.minutes", "meetings.next_step",
            "meetings.result", "meetings.host_id", "meetings.told_host_id", "events.author_id",
        ),
        what=("对接会参会人的姓名、联系方式、意愿、签到、洽谈记录和反馈", "Names, contacts, wishes, attendance, minutes and feedback of participants of events"),
        whom=("参会人", "Participants"),
        why=("安排日程，通知和接待", "Making the timetable, telling and receiving people"),
        basis="contract",
        source=("本人、主办方", "The person, the organisers"),
        seen_by=("主办的主管部门；洽谈双方互见姓名", "The organising staff; both sides of a meeting see names"),
        kept=("随对接会记录", "As long as the event"),
        flows=("database", "backup", "mail", "agenda"),
    ),
    HeldData(
        code="told",
        columns=(
            "notifications.user_id", "notifications.details", "notification_preferences.user_id",
            "notification_preferences.ways", "channels.user_id", "channels.url", "channels.secret", "channels.name",
            "channels.groups", "deliveries.user_id", "deliveries.address", "deliveries.payload",
        ),
        what=("通知、通知方式、发出的信的内容和收件地址", "Notifications, how somebody is told, texts and addresses of letters"),
        whom=_MEMBERS,
        why=("告知与本人有关的进展", "Telling people what concerns them"),
        basis="contract",
        source=_ARISES,
        seen_by=("仅本人；主管部门只看到是否送达，看不到内容和地址", "The person; staff see whether it arrived, neither text nor address"),
        kept=("通知读后一年；信的内容发出 {days} 天后清除", "Notifications a year after they were read; texts {days} days after they left"),
        flows=("database", "mail", "channels"),
        days="delivery_text_days",
    ),
    HeldData(
        code="suggestions",
        columns=(
            "suggestion_wishes.user_id", "suggestion_wishes.value", "suggestion_visits.user_id", "suggestion_visits.seen",
            "suggestion_visits.former", "suggestions.reasons",
        ),
        what=("想多看或少看什么、看到哪里；匹配建议及理由", "What somebody wants more or less of, how far they read; suggestions with reasons"),
        whom=_MEMBERS,
        why=("自动匹配（见影响评估），可随时关闭", "Automatic matching (see the assessment), which can be switched off"),
        basis="consent",
        source=("本人；由供需文字计算", "The person; computed from posts"),
        seen_by=("本人和建议双方", "The person, and both sides of a suggestion"),
        kept=("随账号；没有结果的建议 {days} 天", "With the account; suggestions that led to nothing {days} days"),
        days="suggestion_days",
    ),
    HeldData(
        code="own",
        columns=("unsent_texts.user_id", "unsent_texts.fields", "saved_filters.user_id", "saved_filters.query", "saved_filters.name", "unsent_files.user_id", "unsent_files.text_id", "unsent_files.file_name"),
        what=("没有提交的内容和附件、保存的筛选", "Text and files not sent yet, saved filters"),
        whom=_MEMBERS,
        why=("不丢失正在写的内容", "Losing nothing that is being written"),
        basis="contract",
        source=_SELF,
        seen_by=_PERSON_ONLY,
        kept=("{days} 天没有再打开就删除", "Deleted when nobody came back for {days} days"),
        days="unsent_text_days",
    ),
    HeldData(
        code="imports",
        columns=(
            "import_jobs.user_id", "import_jobs.file_name", "import_jobs.sheets", "import_jobs.notes",
            "import_jobs.column_map", "import_jobs.error", "import_rows.cells", "import_rows.name",
            "import_rows.findings",
        ),
        what=("导入的表格及其中的人员信息", "Imported tables and the people in them"),
        whom=("表格里的专家、联系人", "Experts and contacts in the tables"),
        why=("核对和更正导入的内容", "Checking and correcting what is brought in"),
        basis="contract",
        source=("上传表格的人", "Who uploads the table"),
        seen_by=("上传表格的人", "Who uploaded it"),
        kept=("{days} 天，连同文件", "{days} days, with the file"),
        flows=("database", "backup", "files"),
        days="import_days",
    ),
    HeldData(
        code="organisation",
        columns=("organisations.extra", "organisations.intro", "organisations.source"),
        what=("单位登记的法定代表人、联系人", "Legal representative and contact of an organisation's register"),
        whom=("法定代表人、联系人", "Legal representatives, contacts"),
        why=("核实单位", "Knowing the organisation"),
        basis="published",
        source=("单位、公开登记", "The organisation, public registers"),
        seen_by=("本单位成员", "Members of the organisation"),
        kept=("随单位资料", "As long as the organisation's entry"),
    ),
    HeldData(
        code="staff_work",
        columns=(
            "assignments.user_id", "assignments.assigned_by", "staff_notes.author_id", "staff_notes.text",
            "bulk_actions.user_id", "bulk_actions.items", "rule_changes.user_id", "rule_changes.reason",
            "duplicate_pairs.settled_by", "indicator_values.entered_by", "organisation_merges.decided_by",
            "organisation_merges.undone_by", "organisation_merges.former", "model_revisions.created_by",
            "timetable_runs.requested_by",
        ),
        what=("工作人员的分派、备注、批量处理和修改", "Assignments, notes, bulk actions and changes of the staff"),
        whom=("工作人员", "Staff"),
        why=("分工，查明谁做了什么", "Sharing work, knowing who did what"),
        basis="duty",
        source=_ARISES,
        seen_by=("属地主管部门", "The staff of the region"),
        kept=("随所处理的事项", "As long as what they dealt with"),
    ),
    HeldData(
        code="audit",
        columns=("audit_log.actor_id", "audit_log.details", "audit_log.subject_id"),
        what=("谁在何时查看联系方式、改变状态等的留痕（只记编号）", "Who saw contacts or changed what, and when (ids only)"),
        whom=_MEMBERS,
        why=("证明处理合法，查明泄露", "Proving lawful handling, tracing leaks"),
        basis="duty",
        source=_ARISES,
        seen_by=("本人（自己的操作）；系统管理员", "The person (their own actions); administrators"),
        kept=("至少 {days} 天，由运营人员另行删除；应用程序不能修改", "At least {days} days, then deleted by the operator; the application cannot change it"),
        days="audit_days",
    ),
    HeldData(
        code="erased",
        columns=("erased_people.key_hash",),
        what=("已删除者的不可还原摘要", "Hashes of those who were deleted"),
        whom=("要求删除的人", "Those who asked to be deleted"),
        why=("防止再次导入，恢复旧备份时再次删除", "Keeping imports and restored backups from bringing them back"),
        basis="duty",
        source=_ARISES,
        seen_by=("无人", "Nobody"),
        kept=("长期", "For good"),
        flows=("database", "backup", "files"),
    ),
)  # fmt: skip

IMPERSONAL: Mapping[str, str] = {
    "api_tokens.scopes": "codes",
    "events.day_plan": "hours",
    "events.intro": "about an event",
    "events.need_ids": "ids of posts",
    "events.tables": "names of tables",
    "import_jobs.header_rows": "numbers",
    "import_jobs.left_sheets": "names of sheets",
    "indicators.name": "about an indicator",
    "indicators.name_en": "about an indicator",
    "events.online_address": "where an event is",
    "posts.close_reason": "code",
    "meetings.after_ids": "ids of meetings",
    "meetings.override_reason": "why a place was taken in spite of what spoke against it",
    "meetings.dropped_reason": "what spoke against a place",
    "engagements.outcome_reason": "code",
    "model_revisions.figures": "measures",
    "organisation_merges.moved": "keys of rows",
    "organisations.industry_codes": "codes",
    "organisations.name": "of an organisation",
    "organisations.name_en": "of an organisation",
    "outbox.last_error": "kind of failure, without texts",
    "outbox.subject_id": "id of what is owed",
    "posts.keywords": "words",
    "remembered_columns.column_map": "headers",
    "rule_changes.before": "values of rules",
    "rule_changes.after": "values of rules",
    "rule_values.value": "values of rules",
    "stored_blobs.name": "name of a computed thing",
    "event_participants.unavailable": "ids of slots",
    "timetable_runs.conflict": "requirements of a timetable",
    "works.keywords": "words",
    "account_links.subject_id": "id of what the link is for",
    "assignments.subject_id": "id of a case",
    "idempotency_keys.subject_id": "id of what was made",
    "staff_notes.subject_id": "id of a case",
}
"""Columns that look as if they held something of a person, and why they do not."""

_NAMES = re.compile(
    r"(^|_)(e?mail|phone|mobile|tel|fax|wechat|address|name|contact|person|people|author|device|ip_address|gender|birth\w*|"
    r"id_card|passport|photo|avatar|password\w*|comment|note|notes|text|reason|subject|details|payload|query|secret)($|_)"
)

_OF_THINGS = ("_kind", "_code", "_hash", "_key", "_reason_en", "stored_name")
"""Endings of codes, digests and names that we give to files."""


def looks_personal(column: Column[object]) -> bool:
    """Whether a column may hold something of a person: it points at one, has free text or plain values, or its name
    says so.
    """
    if any(key.column.table.name in ("users", "experts") for key in column.foreign_keys):
        return True
    if column.foreign_keys:
        return False
    if isinstance(column.type, (Text, JSON)):
        return True
    if column.name.endswith(_OF_THINGS):
        return False
    return isinstance(column.type, String) and _NAMES.search(column.name) is not None


def registered_columns() -> frozenset[str]:
    """Every column that the register speaks of, `table.column`."""
    return frozenset(name for held in REGISTER for name in held.columns)


def find_unregistered(metadata: MetaData) -> Iterator[str]:
    """Columns that look personal and stand neither in the register nor among those that hold nothing personal."""
    known = registered_columns() | set(IMPERSONAL)
    for table in metadata.sorted_tables:
        for column in table.columns:
            name = f"{table.name}.{column.name}"
            if looks_personal(column) and name not in known:
                yield name

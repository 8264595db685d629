"""What people do with posts: draft, edit, submit, publish, return, pause, renew, close, archive.

Each function is one use case and one commit: it changes the post and owes `post.changed` in the same transaction.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from matching.documents import CAPABILITY_KINDS, MoneyRange
from matching.errors import EditConflict, InvalidInput, NotAllowed
from matching.models import Capability, Expert, Need, Organisation, Post, VocabularyTerm
from matching.notifying.posts import tell_writers
from matching.policy import VISIBILITIES
from matching.services.actor import Actor, post_not_found, require_editor, require_staff
from matching.services.entered_text import check_text
from matching.services.lifecycle import EDITABLE, Move, next_status
from matching.services.revisions import keep_revision, snapshot
from matching.settings import Settings
from matching.store.outbox import POST_CHANGED
from matching.store.unit_of_work import UnitOfWork, edit_conflict

TITLE_LENGTH = 200
TEXT_LENGTH = 20_000
MOST_KEYWORDS = 5
MOST_INDICATORS = 50

NOTE_LENGTH = 500
NOTED_FIELDS: Mapping[str, tuple[str, ...]] = {
    "need": (
        "title", "problem", "indicators", "expected_result", "ends_on", "money_minimum", "keywords", "domain",
        "preferred_partners",
    ),
    "capability": (
        "title", "abstract", "advantages", "applications", "maturity", "money_minimum", "keywords", "domain",
        "ip_number",
    ),
}  # fmt: skip
"""What a reviewer may say something to, by side."""
CLOSE_REASONS = ("solved_here", "solved_elsewhere", "dropped", "duplicate")


@dataclass(frozen=True, slots=True, kw_only=True)
class PostFields:
    """What both kinds of post are made of, as people enter it."""

    title: str
    organisation_id: str
    keywords: tuple[str, ...] = ()
    industry_codes: tuple[str, ...] = ()
    domain: str | None = None
    town: str | None = None
    region_code: str | None = None
    """None: that of the organisation."""
    language: str | None = None
    """None: told from the text."""
    cooperation_modes: tuple[str, ...] = ()
    money: MoneyRange | None = None
    visibility: str = "public"
    contact: dict[str, str] = field(default_factory=dict)
    external_id: str | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedFields(PostFields):
    """A need as entered; texts are plain, paragraphs on lines."""

    problem: str = ""
    indicators: tuple[str, ...] = ()
    expected_result: str = ""
    starts_on: date | None = None
    ends_on: date | None = None
    ip_arrangement: str | None = None
    preferred_partners: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CapabilityFields(PostFields):
    """A capability as entered."""

    kind: str = "achievement"
    abstract: str = ""
    advantages: str = ""
    applications: str = ""
    maturity: int | None = None
    ip_status: str | None = None
    ip_type: str | None = None
    ip_number: str | None = None
    discipline: str | None = None
    ipc: str | None = None
    expert_ids: tuple[str, ...] = ()


def draft_need(
    uow: UnitOfWork, actor: Actor, entered: NeedFields, now: datetime, *, post_id: str | None = None
) -> Need:
    """Write a draft; nothing is owed, since nobody but the owner sees it."""
    need = Need()
    _add_draft(uow, actor, need, entered, now, post_id)
    return need


def draft_capability(
    uow: UnitOfWork, actor: Actor, entered: CapabilityFields, now: datetime, *, post_id: str | None = None
) -> Capability:
    """Write a draft; nothing is owed, since nobody but the owner sees it."""
    capability = Capability()
    _add_draft(uow, actor, capability, entered, now, post_id)
    return capability


def edit_post(
    uow: UnitOfWork, actor: Actor, post_id: str, entered: PostFields, expected_version: int | None, now: datetime
) -> Post:
    """Replace a post's fields. Raises EditConflict when it is no longer at `expected_version`."""
    post = load_post(uow, post_id)
    require_editor(actor, post)
    _require_version(post, expected_version)
    if post.status not in EDITABLE:
        next_status(post.status, "submit")  # names the state in its error
    before, version = snapshot(post), post.version
    apply_fields(uow, post, entered)
    post.updated_at = now
    if post.status != "draft":  # of a draft nobody has seen what it said before
        keep_revision(uow, actor, post, before, version, now)
    uow.owe(POST_CHANGED, post.id, now)
    uow.record(now, actor.user_id, "post.edit", post.side, post.id)
    uow.commit()
    return post


def submit_post(
    uow: UnitOfWork, actor: Actor, post_id: str, now: datetime, *, expected_version: int | None = None
) -> Post:
    """Hand a draft or returned post to the staff."""
    post = load_post(uow, post_id)
    require_editor(actor, post)
    _require_version(post, expected_version)
    submit_directly(uow, actor, post, now)
    uow.commit()
    return post


def submit_directly(uow: UnitOfWork, actor: Actor, post: Post, now: datetime) -> None:
    """The move itself, within a use case that has checked the actor and commits."""
    _move(uow, actor, post, "submit", now)
    post.submitted_at = now
    post.return_reason, post.return_notes = None, {}


def publish_post(
    uow: UnitOfWork,
    actor: Actor,
    post_id: str,
    now: datetime,
    *,
    settings: Settings,
    expected_version: int | None = None,
    checked: Sequence[str] = (),
) -> Post:
    """Make a post visible to those it is meant for, for `settings.post_lifetime_days`.

    Staff of the region may always; the owner where `settings.review_before_publication` is off. `checked` are the
    entries of the review's checklist that the reviewer ticked, which the log keeps.
    """
    post = load_post(uow, post_id)
    require_editor(actor, post)
    _require_version(post, expected_version)
    if settings.review_before_publication and not actor.is_staff_for(post.region_code):
        raise NotAllowed(
            "post.review_first",
            "发布前需经主管部门审核，请先提交审核",
            message_en="Posts are reviewed before publication; please submit it for review",
        )
    if post.status == "submitted" and actor.is_staff_for(post.region_code):
        _note_checks(uow, actor, post, checked, now, required=settings.review_checks_required)
    publish_directly(uow, actor, post, now, settings)
    tell_published(uow, actor, post, now)
    uow.commit()
    return post


def tell_published(uow: UnitOfWork, actor: Actor, post: Post, now: datetime) -> None:
    """Tell those who write for the post's organisation."""
    tell_writers(uow.session, post, "post_published", now.isoformat(), now, actor_id=actor.user_id)


def review_checks(session: Session, side: str) -> list[str]:
    """What a reviewer goes through before posts of that side are published: codes of the editable list."""
    return list(
        session.scalars(
            select(VocabularyTerm.code)
            .where(
                VocabularyTerm.vocabulary == "review_check",
                VocabularyTerm.active,
                or_(VocabularyTerm.parent_code.is_(None), VocabularyTerm.parent_code == side),
            )
            .order_by(VocabularyTerm.position, VocabularyTerm.code)
        )
    )


def _note_checks(
    uow: UnitOfWork, actor: Actor, post: Post, checked: Sequence[str], now: datetime, *, required: bool
) -> None:
    listed = review_checks(uow.session, post.side)
    ticked = [code for code in listed if code in checked]
    if required and len(ticked) < len(listed):
        raise InvalidInput(
            "post.unchecked",
            "请逐项核对审核清单后再发布",
            where="check",
            message_en="Please go through the whole checklist before you publish",
        )
    if ticked:
        uow.record(now, actor.user_id, "post.check", post.side, post.id, ticked=ticked)


def publish_directly(uow: UnitOfWork, actor: Actor, post: Post, now: datetime, settings: Settings) -> None:
    """The move itself, within a use case that has checked the actor and commits."""
    _move(uow, actor, post, "publish", now)
    post.published_at = now
    post.return_reason, post.return_notes = None, {}
    _extend(post, now, settings)


def return_post(
    uow: UnitOfWork,
    actor: Actor,
    post_id: str,
    reason: str,
    now: datetime,
    *,
    notes: Mapping[str, str] | None = None,
    expected_version: int | None = None,
) -> Post:
    """Give a submitted post back to its owner with the reason, which must not be empty; `notes` are shown at the fields
    they name.
    """
    post = load_post(uow, post_id)
    require_staff(actor, post)
    _require_version(post, expected_version)
    if not reason.strip():
        raise InvalidInput("post.reason_missing", "请写明退回原因", where="reason", message_en="Please give a reason")
    post.return_notes = _notes_to(post, notes or {})
    return_directly(uow, actor, post, reason, now)
    uow.commit()
    return post


def _notes_to(post: Post, notes: Mapping[str, str]) -> dict[str, str]:
    kept: dict[str, str] = {}
    for name, text in notes.items():
        if not text.strip():
            continue
        if name not in NOTED_FIELDS[post.side]:
            raise InvalidInput("post.note", "没有这一栏", where=f"notes.{name}", message_en="There is no such field")
        check_text(text, f"notes.{name}", NOTE_LENGTH)
        kept[name] = text.strip()
    return kept


def return_directly(uow: UnitOfWork, actor: Actor, post: Post, reason: str, now: datetime) -> None:
    """The move and the message, within a use case that has checked the actor and commits."""
    _move(uow, actor, post, "return", now, reason=reason)
    post.return_reason = reason.strip()
    tell_writers(
        uow.session, post, "post_returned", now.isoformat(), now, actor_id=actor.user_id, reason=reason.strip()
    )


def withdraw_post(uow: UnitOfWork, actor: Actor, post_id: str, now: datetime) -> Post:
    """Take a submitted post back into a draft."""
    return _simple_move(uow, actor, post_id, "withdraw", now)


def pause_post(uow: UnitOfWork, actor: Actor, post_id: str, now: datetime) -> Post:
    """Hide a published post from others for a while; its suggestions are withdrawn."""
    return _simple_move(uow, actor, post_id, "pause", now)


def resume_post(uow: UnitOfWork, actor: Actor, post_id: str, now: datetime) -> Post:
    """Show a paused post again, with the time it had left."""
    return _simple_move(uow, actor, post_id, "resume", now)


def archive_post(uow: UnitOfWork, actor: Actor, post_id: str, now: datetime) -> Post:
    """Put a post away; it stays readable to its owner and staff."""
    return _simple_move(uow, actor, post_id, "archive", now)


def renew_post(uow: UnitOfWork, actor: Actor, post_id: str, now: datetime, *, settings: Settings) -> Post:
    """Give a published or expired post a new full lifetime from now."""
    post = load_post(uow, post_id)
    require_editor(actor, post)
    renew_directly(uow, actor, post, now, settings)
    uow.commit()
    return post


def renew_directly(uow: UnitOfWork, actor: Actor, post: Post, now: datetime, settings: Settings) -> None:
    """The move itself, within a use case that has checked the actor and commits."""
    _move(uow, actor, post, "renew", now)
    _extend(post, now, settings)


def close_post(uow: UnitOfWork, actor: Actor, post_id: str, reason: str, now: datetime) -> Post:
    """End a post with a reason of the vocabulary `close_reason`; its suggestions are withdrawn."""
    post = load_post(uow, post_id)
    require_editor(actor, post)
    if reason not in load_close_reasons(uow.session):
        raise InvalidInput(
            "post.close_reason", "请选择关闭原因", where="reason", message_en="Please choose why it is closed"
        )
    close_directly(uow, actor, post, reason, now)
    uow.commit()
    return post


def close_directly(uow: UnitOfWork, actor: Actor, post: Post, reason: str, now: datetime) -> None:
    """The move itself, within a use case that has checked the actor and commits."""
    _move(uow, actor, post, "close", now, reason=reason)
    post.close_reason = reason


def expire_posts(uow: UnitOfWork, now: datetime, limit: int = 500) -> list[str]:
    """Move posts whose date has passed to expired; returns their ids. Run by the beat."""
    due = uow.session.scalars(
        select(Post)
        .where(Post.status.in_(("published", "paused")), Post.expires_at <= now)
        .order_by(Post.expires_at)
        .limit(limit)
    ).all()
    system = Actor(user_id=None, role="administrator")
    for post in due:
        _move(uow, system, post, "expire", now)
    uow.commit()
    return [post.id for post in due]


def load_post(uow: UnitOfWork, post_id: str) -> Post:
    """The post, whoever may see it; raises NotFound."""
    post = uow.session.get(Post, post_id)
    if post is None:
        raise post_not_found()
    return post


def load_close_reasons(session: Session) -> frozenset[str]:
    """The codes of the editable list, CLOSE_REASONS where it was not loaded."""
    listed = session.scalars(
        select(VocabularyTerm.code).where(VocabularyTerm.vocabulary == "close_reason", VocabularyTerm.active)
    ).all()
    return frozenset(listed or CLOSE_REASONS)


def told_language(text: str) -> str:
    """zh where at least a tenth of the letters are Han, else en."""
    han = len(re.findall(r"[㐀-鿿豈-﫿\U00020000-\U000323af]", text))
    letters = len(re.findall(r"[^\W\d_]", text))
    return "zh" if letters == 0 or han * 10 >= letters else "en"


def _add_draft(
    uow: UnitOfWork, actor: Actor, post: Post, entered: PostFields, now: datetime, post_id: str | None
) -> None:
    if not actor.may_edit_for(entered.organisation_id):
        organisation = uow.session.get(Organisation, entered.organisation_id)
        if organisation is None or not actor.is_staff_for(organisation.region_code):
            raise NotAllowed(
                "post.not_yours", "您不能以该单位的名义发布", message_en="You do not post for this organisation"
            )
    if post_id is not None:
        post.id = post_id
    post.status = "draft"
    post.author_id = actor.user_id
    post.created_at = post.updated_at = now
    apply_fields(uow, post, entered)
    uow.session.add(post)
    uow.session.flush()
    uow.record(now, actor.user_id, "post.draft", post.side, post.id)
    uow.commit()


def _require_version(post: Post, expected_version: int | None) -> None:
    if expected_version is not None and post.version != expected_version:
        conflict: EditConflict = edit_conflict()
        raise conflict


def _move(uow: UnitOfWork, actor: Actor, post: Post, move: Move, now: datetime, **details: Any) -> None:
    before = post.status
    post.status = next_status(before, move)
    post.updated_at = now
    uow.owe(POST_CHANGED, post.id, now)
    uow.record(now, actor.user_id, f"post.{move}", post.side, post.id, before=before, **details)


def _simple_move(uow: UnitOfWork, actor: Actor, post_id: str, move: Move, now: datetime) -> Post:
    post = load_post(uow, post_id)
    require_editor(actor, post)
    _move(uow, actor, post, move, now)
    uow.commit()
    return post


def _extend(post: Post, now: datetime, settings: Settings) -> None:
    post.expires_at = now + timedelta(days=settings.post_lifetime_days)
    post.expiry_notice_at = None


def apply_fields(uow: UnitOfWork, post: Post, entered: PostFields) -> None:
    """Check what was entered and put it into the row; raises InvalidInput with the field's name."""
    title = " ".join(entered.title.split())
    if not title:
        raise InvalidInput("post.title_missing", "请填写标题", where="title", message_en="Please give a title")
    if len(title) > TITLE_LENGTH:
        raise InvalidInput(
            "post.title_too_long",
            f"标题不能超过 {TITLE_LENGTH} 字（现有 {len(title)} 字）",
            where="title",
            message_en=f"A title has at most {TITLE_LENGTH} characters (this has {len(title)})",
        )
    for name in fields(entered):
        value = getattr(entered, name.name)
        if isinstance(value, str) and len(value) > TEXT_LENGTH:
            raise InvalidInput(
                "post.text_too_long",
                f"文字不能超过 {TEXT_LENGTH} 字",
                where=name.name,
                message_en=f"A text has at most {TEXT_LENGTH} characters",
            )
    organisation = uow.session.get(Organisation, entered.organisation_id)
    if organisation is None:
        raise InvalidInput(
            "post.organisation", "没有这个单位", where="organisation_id", message_en="No such organisation"
        )
    if entered.visibility not in VISIBILITIES:
        raise InvalidInput("post.visibility", "可见范围无效", where="visibility", message_en="Invalid visibility")
    keywords = tuple(dict.fromkeys(word for word in (" ".join(k.split()) for k in entered.keywords) if word))
    if len(keywords) > MOST_KEYWORDS:
        raise InvalidInput(
            "post.keywords",
            f"关键词最多 {MOST_KEYWORDS} 个",
            where="keywords",
            message_en=f"At most {MOST_KEYWORDS} keywords",
        )
    _check_money(entered.money)
    post.title = title
    post.organisation = organisation
    post.organisation_id = organisation.id
    post.keywords = list(keywords)
    post.domain = entered.domain or None
    post.town = entered.town or organisation.town
    post.region_code = entered.region_code or organisation.region_code
    post.visibility = entered.visibility
    post.money = entered.money
    post.contact = {key: value.strip() for key, value in entered.contact.items() if value and value.strip()}
    post.external_id = entered.external_id or post.external_id
    post.source = entered.source or post.source
    post.set_codes("industry", list(entered.industry_codes))
    post.set_codes("cooperation_mode", list(entered.cooperation_modes))
    if isinstance(post, Need) and isinstance(entered, NeedFields):
        _fill_need(post, entered)
    elif isinstance(post, Capability) and isinstance(entered, CapabilityFields):
        _fill_capability(uow, post, entered)
    else:
        raise InvalidInput("post.side", "供需类型不能更改", where="side", message_en="The side cannot be changed")
    post.language = entered.language or told_language(f"{title}\n{post.prose()}")


def _fill_need(need: Need, entered: NeedFields) -> None:
    if entered.starts_on and entered.ends_on and entered.ends_on < entered.starts_on:
        raise InvalidInput("need.dates", "结束日期早于开始日期", where="ends_on", message_en="It ends before it begins")
    indicators = [line.strip() for line in entered.indicators if line.strip()]
    if len(indicators) > MOST_INDICATORS:
        raise InvalidInput(
            "need.indicators",
            f"技术指标最多 {MOST_INDICATORS} 条",
            where="indicators",
            message_en=f"At most {MOST_INDICATORS} indicators",
        )
    need.problem = entered.problem.strip()
    need.indicators = indicators
    need.expected_result = entered.expected_result.strip()
    need.starts_on = entered.starts_on
    need.ends_on = entered.ends_on
    need.ip_arrangement = entered.ip_arrangement or None
    need.preferred_partners = entered.preferred_partners.strip()


def _fill_capability(uow: UnitOfWork, capability: Capability, entered: CapabilityFields) -> None:
    if entered.kind not in CAPABILITY_KINDS:
        raise InvalidInput("capability.kind", "供给类型无效", where="kind", message_en="Invalid kind")
    if entered.maturity is not None and not 1 <= entered.maturity <= 9:
        raise InvalidInput(
            "capability.maturity", "技术就绪度为 1–9 级", where="maturity", message_en="TRL is between 1 and 9"
        )
    capability.kind = entered.kind
    capability.abstract = entered.abstract.strip()
    capability.advantages = entered.advantages.strip()
    capability.applications = entered.applications.strip()
    capability.maturity = entered.maturity
    capability.ip_status = entered.ip_status or None
    capability.ip_type = entered.ip_type or None
    capability.ip_number = entered.ip_number or None
    capability.discipline = entered.discipline or None
    capability.ipc = entered.ipc or None
    experts = list(uow.session.scalars(select(Expert).where(Expert.id.in_(entered.expert_ids))))
    if len(experts) != len(set(entered.expert_ids)):
        raise InvalidInput("capability.experts", "没有这位专家", where="expert_ids", message_en="No such expert")
    capability.experts = experts


def _check_money(money: MoneyRange | None) -> None:
    if money is None:
        return
    for amount in (money.minimum, money.maximum):
        if amount is None:
            continue
        if not amount.is_finite() or amount < 0 or amount > 10_000_000:
            raise InvalidInput(
                "post.money",
                "金额应在 0 到 10000000 万元之间",
                where="money",
                message_en="An amount lies between 0 and 10,000,000 (in 10,000 CNY)",
            )
        if (amount * 1_000_000) % 1:
            raise InvalidInput(
                "post.money_too_fine", "金额最多精确到分", where="money", message_en="Amounts are exact to 0.01 CNY"
            )
    if money.minimum is not None and money.maximum is not None and money.minimum > money.maximum:
        raise InvalidInput(
            "post.money_order", "金额下限大于上限", where="money", message_en="The least amount exceeds the greatest"
        )

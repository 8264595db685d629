"""How states, kinds and fit are put into words, and how shared phrases are marked in a text."""

from __future__ import annotations

import math
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Flask, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup, escape

from matching.models import Post
from matching.queries.vocabularies import Vocabularies
from web.languages import HTML_LANGUAGE, in_language, label_of

STATUS_LABELS: dict[str, Any] = {
    "draft": _l("草稿"),
    "submitted": _l("待审核"),
    "returned": _l("已退回"),
    "published": _l("已发布"),
    "paused": _l("已暂停"),
    "expired": _l("已过期"),
    "closed": _l("已关闭"),
    "archived": _l("已归档"),
}
STATUS_TONES: Mapping[str, str] = {
    "published": "accent",
    "submitted": "accent",
    "returned": "danger",
    "expired": "warning",
}

SIDE_LABELS: dict[str, Any] = {"need": _l("技术需求"), "capability": _l("技术供给")}
"""What the lists are called; one post is a `side_name`, since English counts."""


def side_name(side: str) -> str:
    """What one post of that side is called."""
    return in_language(str(SIDE_LABELS[side]), {"need": "Need", "capability": "Capability"}[side])


CAPABILITY_KIND_LABELS: dict[str, Any] = {
    "achievement": _l("成果"),
    "patent": _l("专利"),
    "expertise": _l("专家能力"),
    "facility": _l("仪器设备"),
    "service": _l("服务"),
}


def capability_kind_label(vocabularies: Vocabularies | None, kind: str) -> str:
    """What the bureau calls a kind of capability; the usual word where no list was loaded."""
    found = vocabularies.find("capability_kind", kind) if vocabularies is not None else None
    return label_of(found) or str(CAPABILITY_KIND_LABELS[kind])


VISIBILITY_LABELS: dict[str, Any] = {
    "public": _l("所有人"),
    "members": _l("登录用户"),
    "matched": _l("仅匹配到的对方（隐藏单位名称，双方都有意向后显示）"),
    "staff": _l("仅主管部门"),
}
VISIBILITY_SHORT: dict[str, Any] = {
    "public": _l("公开"),
    "members": _l("登录可见"),
    "matched": _l("匹配可见"),
    "staff": _l("仅主管部门"),
}

IP_STATUS_LABELS: dict[str, Any] = {
    "none": _l("未申请"),
    "filed": _l("已申请"),
    "granted": _l("已授权"),
    "expired": _l("已失效"),
}
IP_TYPE_LABELS: dict[str, Any] = {
    "invention": _l("发明专利"),
    "utility_model": _l("实用新型"),
    "design": _l("外观设计"),
    "software": _l("软件著作权"),
    "circuit_layout": _l("集成电路布图设计"),
    "plant_variety": _l("植物新品种"),
    "know_how": _l("技术秘密"),
}

FIELD_LABELS: dict[str, Any] = {
    "title": _l("标题"),
    "keywords": _l("关键词"),
    "domain": _l("技术领域"),
    "town": _l("镇街"),
    "region_code": _l("行政区划"),
    "visibility": _l("公开范围"),
    "contact": _l("联系人"),
    "problem": _l("现状与问题"),
    "indicators": _l("技术指标"),
    "expected_result": _l("预期成果"),
    "starts_on": _l("开始日期"),
    "ends_on": _l("截止日期"),
    "ip_arrangement": _l("利益分配意愿"),
    "preferred_partners": _l("希望合作的单位或专家"),
    "kind": _l("类型"),
    "abstract": _l("简介"),
    "advantages": _l("优势与效益"),
    "applications": _l("应用场景"),
    "maturity": _l("成熟度"),
    "ip_status": _l("知识产权状态"),
    "ip_type": _l("知识产权类型"),
    "ip_number": _l("知识产权编号"),
    "discipline": _l("学科"),
    "ipc": "IPC",
    "industry_codes": _l("行业"),
    "cooperation_modes": _l("合作方式"),
    "money": _l("金额"),
    "experts": _l("专家"),
}
"""The fields of a post by their names in the database."""

MOVE_LABELS: dict[str, Any] = {
    "submit": _l("提交审核"),
    "withdraw": _l("撤回修改"),
    "publish": _l("发布"),
    "pause": _l("暂停"),
    "resume": _l("恢复发布"),
    "renew": _l("续期"),
    "close": _l("关闭"),
    "archive": _l("归档"),
}

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Fit:
    """How well a pair fits: the words, and the part of the bar beside them (0–1). `percent` is the chance that a
    professional would call the pair a match, shown when asked for; None where scores are not calibrated."""

    words: str
    share: float
    percent: int | None = None


def share_of_score(score: float) -> float:
    """A fusion score (standard deviations above an average pair) as a share of 1.

    On the judged pairs of the demonstration nine in ten with 5 or more fit, three in four with 4 or more, and pairs
    below 3 are seldom more than related; the curve puts these at 0.75, 0.5 and 0.25.
    """
    return 1 / (1 + math.exp(-1.1 * (min(max(score, -50.0), 50.0) - 4)))


_LIKELY_PROBABILITIES = (0.5, 0.25, 0.1)
"""One pair in eight of those that professionals were shown was a match: half is much."""
_LIKELY_SHARES = (0.75, 0.5, 0.25)


def fit_in_words(score: float, probability: float | None) -> Fit:
    """Words for the calibrated probability, or for the score where there is none. A bar never stands alone."""
    share = probability if probability is not None else share_of_score(score)
    share = min(max(share, 0.0), 1.0)
    steps = _LIKELY_SHARES if probability is None else _LIKELY_PROBABILITIES
    words = (_("很可能"), _("可能"), _("值得一看"), _("仅供参考"))
    chosen = next((word for word, step in zip(words, steps, strict=False) if share >= step), words[-1])
    return Fit(chosen, share, None if probability is None else round(100 * share))


def merge_spans(spans: Iterable[Span], length: int) -> list[Span]:
    """Spans within [0, length), sorted, those that touch or overlap joined."""
    merged: list[Span] = []
    for start, end in sorted((max(start, 0), min(end, length)) for start, end in spans):
        if start >= end:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def mark_text(text: str, spans: Iterable[Span]) -> Markup:
    """The text, escaped, with <mark> around the spans."""
    parts: list[Markup] = []
    place = 0
    for start, end in merge_spans(spans, len(text)):
        parts += [escape(text[place:start]), Markup("<mark>"), escape(text[start:end]), Markup("</mark>")]
        place = end
    parts.append(escape(text[place:]))
    return Markup("").join(parts)


_AROUND = 28
_LONGEST_EXCERPT = 240


def mark_excerpt(text: str, spans: Sequence[Span]) -> Markup:
    """The surroundings of the marked phrases, with … where something was left out; the beginning where none is."""
    merged = merge_spans(spans, len(text))
    if len(text) <= _LONGEST_EXCERPT:
        return mark_text(text, merged)
    if not merged:
        return escape(text[:_LONGEST_EXCERPT]) + Markup("…")
    windows = merge_spans(((start - _AROUND, end + _AROUND) for start, end in merged), len(text))
    parts: list[Markup] = []
    shown = 0
    for start, end in windows:
        if shown >= _LONGEST_EXCERPT:
            break
        inside = [(a - start, b - start) for a, b in merged if a < end and b > start]
        parts.append(Markup("…") if start > 0 else Markup(""))
        parts.append(mark_text(text[start:end], inside))
        shown += end - start
    if windows[-1][1] < len(text) or shown >= _LONGEST_EXCERPT:
        parts.append(Markup("…"))
    return Markup("").join(parts).replace("\n", " ")


def days_left(post: Post, now: datetime) -> int | None:
    """Whole days until the post expires; None where it does not, or is past."""
    if post.expires_at is None or post.expires_at <= now:
        return None
    return (post.expires_at - now).days


_IMPORTED = re.compile("导入：")


def shown_source(source: str | None, *, insider: bool) -> str:
    """Where something comes from; the name of an imported file is for those who keep the entry."""
    if source and not insider and _IMPORTED.match(source):
        return str(_("单位或主管部门导入"))
    return source or ""


def content_language(language: str) -> str:
    """The `lang` attribute of a text that somebody wrote."""
    return HTML_LANGUAGE.get(language, language)


def with_arguments(**changes: str | None) -> str:
    """The address of this page with some of its query arguments changed; None takes one out."""
    arguments: dict[str, Any] = {**request.args.to_dict(flat=False), **changes}
    kept = {key: value for key, value in arguments.items() if value is not None}
    return url_for(request.endpoint or "home.show_home", **{**(request.view_args or {}), **kept})


def install_display(app: Flask) -> None:
    """Give the words to the templates."""
    app.jinja_env.globals.update(
        STATUS_LABELS=STATUS_LABELS,
        STATUS_TONES=STATUS_TONES,
        SIDE_LABELS=SIDE_LABELS,
        side_name=side_name,
        capability_kind_label=capability_kind_label,
        VISIBILITY_SHORT=VISIBILITY_SHORT,
        VISIBILITY_LABELS=VISIBILITY_LABELS,
        IP_STATUS_LABELS=IP_STATUS_LABELS,
        IP_TYPE_LABELS=IP_TYPE_LABELS,
        MOVE_LABELS=MOVE_LABELS,
        FIELD_LABELS=FIELD_LABELS,
        days_left=days_left,
        content_language=content_language,
        shown_source=shown_source,
        with_arguments=with_arguments,
        one_time_id=lambda: secrets.token_hex(6),
    )
    app.jinja_env.filters.update(mark_text=mark_text, mark_excerpt=mark_excerpt)

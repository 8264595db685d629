"""The rows behind the figures of the report, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matching.models import Post
from matching.queries.cooperation import list_cooperations
from matching.queries.posts import load_posts
from matching.queries.reports import (
    answer_times,
    answers_by_revision,
    contracts,
    count_gaps,
    funnel,
    list_answered_pairs,
    list_interests,
    load_needs,
    unasked_capabilities,
    unmet_needs,
)
from matching.services.desk import require_desk
from web.api.access import caller
from web.api.schemas import reports as schemas
from web.api.v1.reports import period_of, reports
from web.reader import now, platform

PAGE_SIZE = 100


@reports.operation(
    "GET",
    "/needs",
    name="list_report_needs",
    zh="统计报告里的需求",
    en="List the needs behind a figure",
    access="read",
    answers=schemas.ReportPostPage,
    query=schemas.ReportNeedQuery,
)
def list_needs_behind(query: dict[str, Any]) -> dict[str, Any]:
    """List the needs behind a figure

    Of a stage, and with `by` and `group` of one group of it. The latest first.
    """
    actor = caller().actor
    require_desk(actor)
    by, group = query["by"], query["group"]
    with platform().reading() as session:
        found = funnel(session, actor, period_of(query), institutions=by == "institution", partner=group)
        ids = found.list_ids(query["stage"], by if group is not None else None, group)
        start = _start(query)
        return _posts(load_needs(session, actor, ids[start : start + PAGE_SIZE]), len(ids), query["page"])


@reports.operation(
    "GET",
    "/unmet",
    name="list_unmet_needs",
    zh="没有好匹配的需求",
    en="List unmet needs",
    access="read",
    answers=schemas.ReportPostPage,
    query=schemas.PageQuery,
)
def list_unmet(query: dict[str, Any]) -> dict[str, Any]:
    """List unmet needs

    Live needs of the region without a good match, the longest waiting first: what experts should be sought for.
    """
    actor = caller().actor
    require_desk(actor)
    with platform().reading() as session:
        good = platform().rules(session).settings.good_probability
        rows = unmet_needs(session, actor, now(), good=good, offset=_start(query), limit=PAGE_SIZE)
        return _posts(rows, count_gaps(session, actor, now(), good=good)[0], query["page"])


@reports.operation(
    "GET",
    "/unasked",
    name="list_unasked_capabilities",
    zh="没有对应需求的供给",
    en="List capabilities without demand",
    access="read",
    answers=schemas.ReportPostPage,
    query=schemas.PageQuery,
)
def list_unasked(query: dict[str, Any]) -> dict[str, Any]:
    """List capabilities without demand

    Live ones that match no need well, the longest waiting first.
    """
    actor = caller().actor
    require_desk(actor)
    with platform().reading() as session:
        good = platform().rules(session).settings.good_probability
        rows = unasked_capabilities(session, actor, now(), good=good, offset=_start(query), limit=PAGE_SIZE)
        return _posts(rows, count_gaps(session, actor, now(), good=good)[1], query["page"])


@reports.operation(
    "GET",
    "/interests",
    name="list_report_interests",
    zh="统计报告里的意向",
    en="List the interests behind a figure",
    access="read",
    answers=schemas.ReportInterestPage,
    query=schemas.ReportInterestQuery,
)
def list_asked(query: dict[str, Any]) -> dict[str, Any]:
    """List the interests behind a figure

    Those that began in the period. A side of another region has no name before it accepted.
    """
    actor = caller().actor
    require_desk(actor)
    with platform().reading() as session:
        period, state = period_of(query), query["state"]
        total = answer_times(session, actor, period).counts[state]
        rows = list_interests(session, actor, period, state, offset=_start(query), limit=PAGE_SIZE)
        return _page(rows, total, query["page"])


@reports.operation(
    "GET",
    "/answers",
    name="list_report_answers",
    zh="统计报告里的答复",
    en="List the answers behind a figure",
    access="read",
    answers=schemas.ReportAnswerPage,
    query=schemas.ReportAnswerQuery,
)
def list_answered(query: dict[str, Any]) -> dict[str, Any]:
    """List the answers behind a figure

    Of one model revision: suggestions made in the period, or present answers of a kind. Titles only of posts that the
    caller may see.
    """
    me = caller()
    require_desk(me.actor)
    with platform().reading() as session:
        period, revision, kind = period_of(query), query["revision"], query["kind"]
        counted = next(
            (one for one in answers_by_revision(session, me.actor, period) if one.revision == revision), None
        )
        pairs = list_answered_pairs(session, me.actor, period, revision, kind, offset=_start(query), limit=PAGE_SIZE)
        ids = [post_id for need_id, capability_id, _moment in pairs for post_id in (need_id, capability_id)]
        seen = load_posts(session, ids, me.audience, now())
        rows = [
            {"need": _titled(seen.get(need_id)), "capability": _titled(seen.get(capability_id)), "at": moment}
            for need_id, capability_id, moment in pairs
        ]
        return _page(rows, counted.figure(kind) if counted is not None else 0, query["page"])


@reports.operation(
    "GET",
    "/contracts",
    name="list_report_contracts",
    zh="统计报告里的合同",
    en="List the contracts of a period",
    access="read",
    answers=schemas.ReportContractPage,
    query=schemas.PeriodPageQuery,
)
def list_signed(query: dict[str, Any]) -> dict[str, Any]:
    """List the contracts of a period

    In order of signing, with their sums in 万元 over all pages.
    """
    actor = caller().actor
    require_desk(actor)
    with platform().reading() as session:
        found = contracts(session, actor, period_of(query), offset=_start(query), limit=PAGE_SIZE)
        rows = [
            {
                "engagement_id": row.id,
                "title": row.title,
                "need_organisation": row.need_organisation.name,
                "capability_organisation": row.capability_organisation.name,
                "signed_on": row.signed_on,
                "amount": row.contract_amount,
                "technology_amount": row.technology_amount,
                "registration_number": row.registration_number,
            }
            for row in found.rows
        ]
        return {
            **_page(rows, found.count, query["page"]),
            "amount": found.amount,
            "technology_amount": found.technology_amount,
        }


@reports.operation(
    "GET",
    "/cooperation/rows",
    name="list_cooperations",
    zh="谁与谁合作的记录",
    en="List who cooperates with whom",
    access="read",
    answers=schemas.CooperationPage,
    query=schemas.CooperationQuery,
)
def list_pairs(query: dict[str, Any]) -> dict[str, Any]:
    """List who cooperates with whom

    The rows behind a cell, a line or a column of the grid. Names are empty where they are not told.
    """
    actor = caller().actor
    require_desk(actor)
    with platform().reading() as session:
        total, rows = list_cooperations(
            session, actor, period_of(query), query["stage"], query["by"],
            line=query["line"], column=query["column"], offset=_start(query), limit=PAGE_SIZE,
        )  # fmt: skip
        return _page(rows, total, query["page"])


def _start(query: dict[str, Any]) -> int:
    start: int = (query["page"] - 1) * PAGE_SIZE
    return start


def _page(rows: Sequence[Any], total: int, page: int) -> dict[str, Any]:
    return {"items": rows, "total": total, "page": page, "pages": max(1, -(-total // PAGE_SIZE))}


def _posts(posts: Sequence[Post], total: int, page: int) -> dict[str, Any]:
    rows = [
        {
            "id": post.id,
            "title": post.title,
            "status": post.status,
            "town": post.town,
            "published_at": post.published_at,
            "organisation": _named(post),
        }
        for post in posts
    ]
    return _page(rows, total, page)


def _named(post: Post) -> str:
    """As on the page: whose a `matched` post of another region is, nobody is told."""
    told = post.visibility != "matched" or caller().actor.is_staff_for(post.region_code)
    return post.organisation.name if told else ""


def _titled(post: Post | None) -> dict[str, str] | None:
    return {"id": post.id, "title": post.title} if post is not None else None

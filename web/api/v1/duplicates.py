"""重复信息, for the staff."""

from __future__ import annotations

from typing import Any

from matching.errors import NotAllowed
from matching.models import DuplicatePair
from matching.queries.duplicates import list_duplicate_pairs
from matching.services.duplicates import choose_richer, settle_duplicate
from web.api.access import Caller, caller
from web.api.document import Noun
from web.api.representation import summary_of
from web.api.schemas import duplicates as schemas
from web.reader import now, platform

duplicates = Noun("duplicates", "/duplicates", "重复信息: posts that say nearly the same, for the staff to settle.")


@duplicates.operation(
    "GET",
    "",
    name="list_duplicates",
    zh="重复信息列表",
    en="List duplicates",
    access="read",
    answers=schemas.DuplicateList,
)
def list_all() -> dict[str, Any]:
    """List duplicates

    For the staff: pairs that wait, of which the caller may see both posts and one is of their region.
    """
    me = caller()
    if not (me.actor.is_administrator or me.actor.region_scope is not None):
        raise NotAllowed("page.staff_only", "此操作需由主管部门进行", message_en="Only the staff may do this")
    with platform().reading() as session:
        return {"items": [_pair(pair, me) for pair in list_duplicate_pairs(session, me.actor, now())]}


@duplicates.operation(
    "POST",
    "/<id:pair_id>/settle",
    name="settle_duplicate",
    zh="处理重复信息",
    en="Settle a duplicate",
    access="write",
    answers=schemas.DuplicatePair,
    body=schemas.DuplicateDecision,
    problems=(409,),
)
def settle(entry: dict[str, Any], pair_id: str) -> dict[str, Any]:
    """Settle a duplicate

    Close one of the two (a post that waits for review is returned), or say that they are none. For the staff.
    """
    me = caller()
    with platform().unit_of_work() as uow:
        settle_duplicate(uow, me.actor, pair_id, entry["decision"], now())
    with platform().reading() as session:
        pair = session.get(DuplicatePair, pair_id)
        assert pair is not None  # it was settled a moment ago, and pairs go only with their posts
        return _pair(pair, me)


def _pair(pair: DuplicatePair, me: Caller) -> dict[str, Any]:
    return {
        "id": pair.id,
        "shared": round(pair.similarity, 4),
        "state": pair.state,
        "found_at": pair.found_at,
        "proposed_to_stay": choose_richer(pair.first, pair.second).id,
        "first": summary_of(pair.first, me),
        "second": summary_of(pair.second, me),
    }

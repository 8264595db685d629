"""Organisations that may be one, for the staff."""

from __future__ import annotations

from typing import Any

from matching.models import OrganisationMerge
from matching.services.merges import call_different, list_merges, merge_organisations, propose_duplicates, undo_merge
from web.api.access import caller
from web.api.document import Noun
from web.api.schemas import users as schemas
from web.reader import now, platform

organisation_merges = Noun(
    "organisation-merges", "/organisation-merges", "重复单位: organisations that are one, for the staff to decide."
)

_ORGANISATION = tuple(name for name in schemas.AlikeOrganisation._declared_fields if name != "posts")
_MERGE = tuple(schemas.OrganisationMerge._declared_fields)


@organisation_merges.operation(
    "GET",
    "/proposals",
    name="list_alike_organisations",
    zh="可能重复的单位",
    en="List organisations that may be one",
    access="read",
    answers=schemas.AlikeOrganisationsList,
)
def list_alike() -> dict[str, Any]:
    """List organisations that may be one

    By name, within the caller's region. Pairs that were called different are not proposed again.
    """
    with platform().reading() as session:
        return {
            "items": [
                {
                    "organisations": [
                        {**{name: getattr(one, name) for name in _ORGANISATION}, "posts": proposal.posts[one.id]}
                        for one in proposal.organisations
                    ]
                }
                for proposal in propose_duplicates(session, caller().actor)
            ]
        }


@organisation_merges.operation(
    "GET",
    "",
    name="list_organisation_merges",
    zh="合并记录",
    en="List decisions about organisations",
    access="read",
    answers=schemas.OrganisationMergeList,
)
def list_all() -> dict[str, Any]:
    """List decisions about organisations"""
    with platform().reading() as session:
        return {"items": [_shown(row) for row, _kept, _merged in list_merges(session, caller().actor)]}


@organisation_merges.operation(
    "POST",
    "/<id:organisation_id>",
    name="decide_on_organisations",
    zh="合并或区分单位",
    en="Merge two organisations, or call them different",
    access="write",
    answers=schemas.OrganisationMerge,
    status=201,
    body=schemas.OrganisationDecision,
    problems=(409,),
)
def decide(entry: dict[str, Any], organisation_id: str) -> tuple[dict[str, Any], int]:
    """Merge two organisations, or call them different

    Whatever belongs to the other one moves to the one that is named in the address, and can be moved back.
    """
    do = merge_organisations if entry["decision"] == "merged" else call_different
    with platform().unit_of_work() as uow:
        return _shown(do(uow, caller().actor, organisation_id, entry["other_id"], now())), 201


@organisation_merges.operation(
    "POST",
    "/<id:merge_id>/undo",
    name="undo_organisation_merge",
    zh="撤销合并",
    en="Take a decision about organisations back",
    access="write",
    answers=schemas.OrganisationMerge,
    problems=(409,),
)
def undo(merge_id: str) -> dict[str, Any]:
    """Take a decision about organisations back"""
    with platform().unit_of_work() as uow:
        return _shown(undo_merge(uow, caller().actor, merge_id, now()))


def _shown(row: OrganisationMerge) -> dict[str, Any]:
    return {name: getattr(row, name) for name in _MERGE}

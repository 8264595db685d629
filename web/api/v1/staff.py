"""What the staff and administrators look after: registrations, deliveries, rankers."""

from __future__ import annotations

from typing import Any

from flask import Response

from matching.errors import NotAllowed
from matching.models import Delivery, ModelRevision
from matching.queries.deliveries import count_deliveries, list_failures
from matching.queries.model_revisions import list_revisions
from matching.queries.registrations import list_registrations
from matching.services.deliveries import retry_delivery
from matching.services.model_revisions import activate_revision, may_activate, roll_back
from matching.services.registrations import Approval, approve_registration, find_registration, refuse_registration
from web.api.access import caller
from web.api.answers import nothing_more
from web.api.document import Noun
from web.api.schemas import staff as schemas
from web.reader import now, platform

registrations = Noun("registrations", "/registrations", "注册审核: who asks for an account, for the staff to decide.")
deliveries = Noun("deliveries", "/deliveries", "投递: what leaves the platform and what became of it, for the staff.")
model_revisions = Noun("model-revisions", "/model-revisions", "模型版本: rankers trained on this platform.")

_REGISTRATION = tuple(schemas.Registration._declared_fields)
_DELIVERY = tuple(schemas.Delivery._declared_fields)


@registrations.operation(
    "GET",
    "",
    name="list_registrations",
    zh="注册申请列表",
    en="List registrations",
    access="read",
    answers=schemas.RegistrationList,
    query=schemas.RegistrationQuery,
)
def list_all_registrations(query: dict[str, Any]) -> dict[str, Any]:
    """List registrations"""
    _require_staff()
    with platform().reading() as session:
        rows = list_registrations(session, caller().actor, query["state"])
        return {"items": [_picked(row, _REGISTRATION) for row in rows]}


@registrations.operation(
    "GET",
    "/<id:registration_id>",
    name="show_registration",
    zh="注册申请",
    en="Show a registration",
    access="read",
    answers=schemas.Registration,
)
def show_registration(registration_id: str) -> dict[str, Any]:
    """Show a registration"""
    _require_staff()
    with platform().reading() as session:
        return _picked(find_registration(session, caller().actor, registration_id), _REGISTRATION)


@registrations.operation(
    "POST",
    "/<id:registration_id>/approve",
    name="approve_registration",
    zh="通过注册",
    en="Approve a registration",
    access="write",
    answers=None,
    status=204,
    body=schemas.ApprovalEntry,
    problems=(409,),
)
def approve(entry: dict[str, Any], registration_id: str) -> Response:
    """Approve a registration

    Makes the account, and the organisation where it is new; the person is told by mail.
    """
    _require_staff()
    decided = Approval(
        organisation_id=entry["organisation_id"], member_role=entry["member_role"], expert_id=entry.get("expert_id")
    )
    with platform().unit_of_work() as uow:
        approve_registration(uow, caller().actor, registration_id, decided, now())
    return nothing_more()


@registrations.operation(
    "POST",
    "/<id:registration_id>/refuse",
    name="refuse_registration",
    zh="不通过注册",
    en="Refuse a registration",
    access="write",
    answers=None,
    status=204,
    body=schemas.RefusalEntry,
    problems=(409,),
)
def refuse(entry: dict[str, Any], registration_id: str) -> Response:
    """Refuse a registration

    The reason is mailed.
    """
    _require_staff()
    with platform().unit_of_work() as uow:
        refuse_registration(uow, caller().actor, registration_id, entry["reason"], now())
    return nothing_more()


@deliveries.operation(
    "GET",
    "",
    name="list_deliveries",
    zh="投递列表",
    en="List deliveries",
    access="read",
    answers=schemas.DeliveryList,
    query=schemas.DeliveryQuery,
)
def list_all_deliveries(query: dict[str, Any]) -> dict[str, Any]:
    """List deliveries"""
    _require_staff()
    with platform().reading() as session:
        counts = count_deliveries(session, now())
        return {
            "items": [_picked(row, _DELIVERY) for row in list_failures(session, query["state"])],
            "owed": counts.owed,
            "failed": counts.failed,
            "given_up": counts.given_up,
            "sent_lately": counts.sent_lately,
        }


@deliveries.operation(
    "POST",
    "/<id:delivery_id>/retry",
    name="retry_delivery",
    zh="重新投递",
    en="Retry a delivery",
    access="write",
    answers=schemas.Delivery,
    problems=(409,),
)
def retry(delivery_id: str) -> dict[str, Any]:
    """Retry a delivery"""
    _require_staff()
    with platform().unit_of_work() as uow:
        retry_delivery(uow, caller().actor, delivery_id, now())
    with platform().reading() as session:
        return _picked(session.get_one(Delivery, delivery_id), _DELIVERY)


@model_revisions.operation(
    "GET",
    "",
    name="list_model_revisions",
    zh="模型版本列表",
    en="List model revisions",
    access="read",
    answers=schemas.ModelRevisionList,
)
def list_all_revisions() -> dict[str, Any]:
    """List model revisions"""
    _require_staff()
    with platform().reading() as session:
        rows = [_revision(row) for row in list_revisions(session)]
    return {"items": rows, "present": platform().ranker.revision}


@model_revisions.operation(
    "POST",
    "/<id:revision_id>/activate",
    name="activate_model_revision",
    zh="启用模型版本",
    en="Activate a model revision",
    access="write",
    answers=schemas.PresentRanker,
    problems=(409,),
)
def activate(revision_id: str) -> dict[str, Any]:
    """Activate a model revision

    For administrators. All suggestions are ranked anew.
    """
    activate_revision(platform(), caller().actor, revision_id, now())
    return {"present": platform().ranker.revision}


@model_revisions.operation(
    "POST",
    "/rollback",
    name="roll_back_model",
    zh="退回上一版本",
    en="Go back a revision",
    access="write",
    answers=schemas.PresentRanker,
    problems=(409,),
)
def go_back() -> dict[str, Any]:
    """Go back a revision

    To what the active one was compared with. For administrators.
    """
    roll_back(platform(), caller().actor, now())
    return {"present": platform().ranker.revision}


def _require_staff() -> None:
    actor = caller().actor
    if not (actor.is_administrator or actor.region_scope is not None):
        raise NotAllowed("page.staff_only", "此操作需由主管部门进行", message_en="Only the staff may do this")


def _picked(row: Any, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


def _revision(row: ModelRevision) -> dict[str, Any]:
    return {
        "id": row.id,
        "state": row.state,
        "compared_with": row.compared_with,
        "may_be_activated": may_activate(row.figures),
        "created_at": row.created_at,
        "activated_at": row.activated_at,
    }

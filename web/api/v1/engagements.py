"""对接."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from flask import Response

from matching.models import Engagement
from matching.queries.engagements import list_engagements, show_engagement
from matching.services.actor import Actor
from matching.services.attachments import open_attachment
from matching.services.engagements import (
    ContractTerms,
    add_task,
    agree_to_participant,
    close_engagement,
    engagement_not_found,
    finish_task,
    move_engagement,
    propose_participant,
    record_terms,
    remove_participant,
    reveal_contacts,
    send_message,
    set_next_step,
    write_note,
)
from matching.services.message_files import fetch_message_file, list_message_files
from matching.store.unit_of_work import UnitOfWork
from web.api.access import caller
from web.api.answers import nothing_more
from web.api.cursors import read_offset, write_offset
from web.api.document import Noun
from web.api.fields import ApiSchema
from web.api.schemas import engagements as schemas
from web.reader import now, platform

engagements = Noun("engagements", "/engagements", "对接: what follows mutual interest.")

_FILE = tuple(schemas.MessageFile._declared_fields)
_TERMS = tuple(ContractTerms.__slots__)


@engagements.operation(
    "GET",
    "",
    name="list_engagements",
    zh="对接列表",
    en="List engagements",
    access="read",
    answers=schemas.EngagementPage,
    query=schemas.EngagementQuery,
)
def list_all(query: dict[str, Any]) -> dict[str, Any]:
    """List engagements

    Those the caller takes part in; for staff also those of their region.
    """
    with platform().reading() as session:
        page = list_engagements(
            session,
            caller().actor,
            stages=(query["stage"],) if query.get("stage") else (),
            offset=read_offset(query.get("cursor")),
            limit=query["limit"],
        )
        return {"items": [_summary(one) for one in page.items], "next": write_offset(page.next_offset)}


@engagements.operation(
    "GET",
    "/<id:engagement_id>",
    name="show_engagement",
    zh="对接详情",
    en="Show an engagement",
    access="read",
    answers=schemas.Engagement,
)
def show(engagement_id: str) -> dict[str, Any]:
    """Show an engagement"""
    return engagement_of(engagement_id)


@engagements.operation(
    "POST",
    "/<id:engagement_id>/contacts",
    name="reveal_engagement_contacts",
    zh="显示联系方式",
    en="Reveal contacts",
    access="write",
    answers=schemas.Contacts,
)
def contacts(engagement_id: str) -> dict[str, Any]:
    """Reveal contacts

    For staff, whose reading is logged; those who take part find them in the engagement, too.
    """
    with platform().unit_of_work() as uow:
        return reveal_contacts(uow, caller().actor, engagement_id, now(), through="api")


Change = Callable[[UnitOfWork, Actor, str, dict[str, Any]], object]


@engagements.operation(
    "GET",
    "/<id:engagement_id>/files/<id:file_id>",
    name="read_engagement_file",
    zh="下载对接文件",
    en="Read a file of a message",
    access="read",
    answers=schemas.MessageFileContent,
)
def read_file(engagement_id: str, file_id: str) -> dict[str, Any]:
    """Read a file of a message

    For those who take part; each reading is in the audit log.
    """
    with platform().unit_of_work() as uow:
        row = fetch_message_file(uow, caller().actor, engagement_id, file_id, now())
        shown = {name: getattr(row, name) for name in _FILE}
        path = open_attachment(platform().settings, row)
    return {**shown, "content": base64.b64encode(path.read_bytes()).decode()}


def _declare(path: str, name: str, zh: str, en: str, description: str, body: type[ApiSchema], change: Change) -> None:
    """Declare a change that answers with the engagement as it is afterwards."""

    def view(entry: dict[str, Any], engagement_id: str) -> dict[str, Any]:
        with platform().unit_of_work() as uow:
            change(uow, caller().actor, engagement_id, entry)
        return engagement_of(engagement_id)

    view.__doc__ = f"{en}\n\n{description}"
    engagements.operation(
        "POST",
        f"/<id:engagement_id>/{path}",
        name=name,
        zh=zh,
        en=en,
        access="write",
        answers=schemas.Engagement,
        body=body,
        problems=(409,),
    )(view)


_declare(
    "stage",
    "move_engagement",
    "更改阶段",
    "Change the stage",
    "On, or back where talks fell back; 409 where no such move exists.",
    schemas.StageEntry,
    lambda uow, actor, engagement_id, entry: move_engagement(
        uow, actor, engagement_id, entry["stage"], now(), note=entry["note"]
    ),
)
_declare(
    "close",
    "close_engagement",
    "结束对接",
    "Close an engagement",
    "With its outcome.",
    schemas.CloseEngagementEntry,
    lambda uow, actor, engagement_id, entry: close_engagement(
        uow,
        actor,
        engagement_id,
        entry["outcome"],
        now(),
        reason_code=entry["reason_code"],
        note=entry["note"],
        follow_up_on=entry["follow_up_on"],
    ),
)
_declare(
    "next-step",
    "set_engagement_next_step",
    "下一步",
    "Set the next step",
    "What comes next, by when, and whose turn it is.",
    schemas.NextStepEntry,
    lambda uow, actor, engagement_id, entry: set_next_step(
        uow, actor, engagement_id, entry["next_step"], entry["next_step_on"], entry["waits_for"], now()
    ),
)
_declare(
    "terms",
    "record_engagement_terms",
    "记录条款",
    "Record terms",
    "Replaces all terms; 409 where the engagement is no longer at `version`.",
    schemas.TermsEntry,
    lambda uow, actor, engagement_id, entry: record_terms(
        uow,
        actor,
        engagement_id,
        ContractTerms(**{name: entry[name] for name in _TERMS}),
        now(),
        expected_version=entry["version"],
    ),
)
_declare(
    "messages",
    "send_engagement_message",
    "留言",
    "Send a message",
    "To all who take part.",
    schemas.MessageEntry,
    lambda uow, actor, engagement_id, entry: send_message(uow, actor, engagement_id, entry["text"], now()),
)
_declare(
    "notes",
    "write_engagement_note",
    "写备注",
    "Write a note",
    "Seen by one's own side only.",
    schemas.MessageEntry,
    lambda uow, actor, engagement_id, entry: write_note(uow, actor, engagement_id, entry["text"], now()),
)
_declare(
    "tasks",
    "add_engagement_task",
    "添加任务",
    "Add a task",
    "For one side, with or without a day.",
    schemas.TaskEntry,
    lambda uow, actor, engagement_id, entry: add_task(
        uow, actor, engagement_id, entry["title"], entry["due_on"], entry["role"], now()
    ),
)
_declare(
    "participants",
    "propose_engagement_participant",
    "邀请参与人",
    "Ask to copy somebody in",
    "A broker or the institution's manager; they take part once the other side agrees.",
    schemas.ParticipantEntry,
    lambda uow, actor, engagement_id, entry: propose_participant(
        uow, actor, engagement_id, entry["user_id"], entry["role"], now()
    ),
)


@engagements.operation(
    "POST",
    "/<id:engagement_id>/tasks/<id:task_id>",
    name="mark_engagement_task",
    zh="完成任务",
    en="Mark a task",
    access="write",
    answers=schemas.Engagement,
    body=schemas.TaskChange,
)
def mark_task(entry: dict[str, Any], engagement_id: str, task_id: str) -> dict[str, Any]:
    """Mark a task

    Done, or open again.
    """
    with platform().unit_of_work() as uow:
        finish_task(uow, caller().actor, engagement_id, task_id, entry["done"], now())
    return engagement_of(engagement_id)


@engagements.operation(
    "POST",
    "/<id:engagement_id>/participants/<id:user_id>/agree",
    name="agree_to_engagement_participant",
    zh="同意参与人",
    en="Agree to a participant",
    access="write",
    answers=schemas.Engagement,
    problems=(409,),
)
def agree(engagement_id: str, user_id: str) -> dict[str, Any]:
    """Agree to a participant

    From then on they see contacts and messages.
    """
    with platform().unit_of_work() as uow:
        agree_to_participant(uow, caller().actor, engagement_id, user_id, now())
    return engagement_of(engagement_id)


@engagements.operation(
    "DELETE",
    "/<id:engagement_id>/participants/<id:user_id>",
    name="remove_engagement_participant",
    zh="移除参与人",
    en="Remove a participant",
    access="write",
    answers=None,
    status=204,
)
def remove(engagement_id: str, user_id: str) -> Response:
    """Remove a participant

    Somebody who was copied in, by either side or by themselves.
    """
    with platform().unit_of_work() as uow:
        remove_participant(uow, caller().actor, engagement_id, user_id, now())
    return nothing_more()


def engagement_of(engagement_id: str) -> dict[str, Any]:
    """The engagement for this caller; raises NotFound."""
    with platform().reading() as session:
        view = show_engagement(session, caller().actor, engagement_id)
        if view is None:
            raise engagement_not_found()
        engagement, names = view.engagement, view.names
        files: dict[str, list[dict[str, Any]]] = {}
        for file in list_message_files(session, engagement.id):
            files.setdefault(file.message_id, []).append({name: getattr(file, name) for name in _FILE})
        return {
            **_summary(engagement),
            "role": view.role,
            "contacts": None
            if view.role == "staff"
            else {"need": engagement.need_contact, "capability": engagement.capability_contact},
            "outcome_reason": engagement.outcome_reason,
            "outcome_note": engagement.outcome_note,
            "terms": {name: getattr(engagement, name) for name in _TERMS},
            "steps": [
                {
                    "from_stage": one.from_stage,
                    "to_stage": one.to_stage,
                    "at": one.at,
                    "by": names.get(one.user_id or ""),
                    "role": one.role,
                    "note": one.note,
                }
                for one in view.steps
            ],
            "messages": [
                {
                    "id": one.id,
                    "by": names.get(one.user_id or ""),
                    "role": one.role,
                    "text": one.text,
                    "sent_at": one.sent_at,
                    "files": files.get(one.id, []),
                }
                for one in view.messages
            ],
            "notes": [
                {"id": one.id, "by": names.get(one.user_id or ""), "text": one.text, "written_at": one.written_at}
                for one in view.notes
            ],
            "tasks": view.tasks,
            "participants": [
                {"user_id": one.user_id, "name": one.user.name, "role": one.role, "takes_part": one.takes_part}
                for one in view.participants
            ],
        }


def _summary(engagement: Engagement) -> dict[str, Any]:
    need, capability = engagement.need_organisation, engagement.capability_organisation
    return {
        "id": engagement.id,
        "version": engagement.version,
        "title": engagement.title,
        "stage": engagement.stage,
        "stage_since": engagement.stage_since,
        "need_id": engagement.need_id,
        "capability_id": engagement.capability_id,
        "suggestion_id": engagement.suggestion_id,
        "need_organisation": {"id": need.id, "name": need.name},
        "capability_organisation": {"id": capability.id, "name": capability.name},
        "waits_for": engagement.waits_for,
        "waiting_since": engagement.waiting_since,
        "next_step": engagement.next_step,
        "next_step_on": engagement.next_step_on,
        "outcome": engagement.outcome,
        "created_at": engagement.created_at,
        "updated_at": engagement.updated_at,
        "closed_at": engagement.closed_at,
    }

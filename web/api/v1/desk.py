"""工作台: what waits for the staff, and what they do to many at once."""

from __future__ import annotations

from typing import Any

from matching.errors import InvalidInput
from matching.queries.desk import SUBJECTS, list_desk, list_notes
from matching.queries.desk_search import search_desk
from matching.queries.posts import audience_for
from matching.services.desk import (
    act_on_posts,
    assign_subjects,
    require_desk,
    require_noted,
    undo_bulk,
    withdraw_note,
    write_note,
)
from web.api.access import caller
from web.api.document import Noun
from web.api.problems import in_language
from web.api.schemas import rules as schemas
from web.reader import now, platform

desk = Noun("desk", "/desk", "工作台: what waits in a region, for its staff.")


@desk.operation(
    "GET",
    "",
    name="show_desk",
    zh="待办",
    en="Show what waits",
    access="read",
    answers=schemas.Desk,
    query=schemas.DeskQuery,
)
def show(query: dict[str, Any]) -> dict[str, Any]:
    """Show what waits

    Block by block, the oldest first; all, what is given to the caller, or what is nobody's yet.
    """
    me = caller()
    require_desk(me.actor)
    with platform().reading() as session:
        blocks = list_desk(session, me.actor, now(), platform().rules(session).settings, query["who"])
    return {
        "blocks": [
            {
                "key": block.key,
                "subject_kind": SUBJECTS.get(block.key),
                "count": block.count,
                "rows": [
                    {
                        "id": row.id,
                        "title": row.title,
                        "note": row.note,
                        "moment": row.moment.isoformat() if row.moment is not None else None,
                        "assignee_id": row.assignee_id,
                    }
                    for row in block.rows
                ],
            }
            for block in blocks
        ]
    }


@desk.operation(
    "POST",
    "/actions",
    name="act_on_desk",
    zh="批量处理",
    en="Act on several",
    access="write",
    answers=schemas.DeskReport,
    body=schemas.DeskAction,
    problems=(409,),
)
def act(entry: dict[str, Any]) -> dict[str, Any]:
    """Act on several

    What a state does not permit is left and named; the rest is done, and can be taken back for some minutes.
    """
    actor = caller().actor
    subjects = [(one["kind"], one["id"]) for one in entry["subjects"]]
    with platform().unit_of_work() as uow:
        if entry["action"] == "assign":
            report = assign_subjects(uow, actor, subjects, entry["user_id"], now())
        else:
            require_desk(actor)
            if any(kind != "post" for kind, _id in subjects):
                raise InvalidInput(
                    "desk.posts_only", "这项操作只用于供需信息", where="subjects", message_en="This is for posts only"
                )
            settings = platform().rules(uow.session).settings
            ids = [subject_id for _kind, subject_id in subjects]
            report = act_on_posts(uow, actor, entry["action"], ids, now(), settings=settings, reason=entry["reason"])
    return {
        "action_id": report.action_id,
        "done": report.done,
        "refused": [
            {"title": title, "code": error.code, "message": in_language(error.message, error.message_en)}
            for title, error in report.refused
        ],
    }


@desk.operation(
    "POST",
    "/actions/<id:bulk_action_id>/undo",
    name="undo_desk_action",
    zh="撤回批量处理",
    en="Take an action back",
    access="write",
    answers=schemas.Undone,
    problems=(409,),
)
def undo(bulk_action_id: str) -> dict[str, Any]:
    """Take an action back

    One's own, while it is recent: what nobody changed since is as it was.
    """
    with platform().unit_of_work() as uow:
        settings = platform().rules(uow.session).settings
        report = undo_bulk(uow, caller().actor, bulk_action_id, now(), settings=settings)
    return {"restored": report.restored, "kept": list(report.kept)}


@desk.operation(
    "GET",
    "/search",
    name="search_desk",
    zh="全部查找",
    en="Search everything",
    access="read",
    answers=schemas.FoundList,
    query=schemas.DeskWords,
)
def search(query: dict[str, Any]) -> dict[str, Any]:
    """Search everything

    Posts, organisations, experts, members, engagements and events by names and titles, within the region.
    """
    actor = caller().actor
    require_desk(actor)
    with platform().reading() as session:
        groups = search_desk(session, actor, audience_for(session, actor), now(), query["q"])
    return {
        "items": [
            {"kind": group.kind, "id": row.id, "title": row.title, "note": row.note, "state": row.state}
            for group in groups
            for row in group.rows
        ]
    }


@desk.operation(
    "GET",
    "/notes/<id:subject_kind>/<id:subject_id>",
    name="list_staff_notes",
    zh="备注",
    en="List notes",
    access="read",
    answers=schemas.NoteList,
)
def list_written(subject_kind: str, subject_id: str) -> dict[str, Any]:
    """List notes

    Of the staff on a post or an organisation of their region.
    """
    with platform().reading() as session:
        require_noted(session, caller().actor, subject_kind, subject_id)
        return {
            "items": [
                {
                    "id": note.id,
                    "author": author,
                    "text": note.text,
                    "created_at": note.created_at,
                    "withdrawn_at": note.withdrawn_at,
                }
                for note, author in list_notes(session, subject_kind, subject_id)
            ]
        }


@desk.operation(
    "POST",
    "/notes/<id:subject_kind>/<id:subject_id>",
    name="write_staff_note",
    zh="写备注",
    en="Write a note",
    access="write",
    answers=schemas.StaffNote,
    status=201,
    body=schemas.NoteEntry,
)
def write(entry: dict[str, Any], subject_kind: str, subject_id: str) -> dict[str, Any]:
    """Write a note

    For colleagues; it is not changed later, only withdrawn.
    """
    with platform().unit_of_work() as uow:
        note = write_note(uow, caller().actor, subject_kind, subject_id, entry["text"], now())
        return {
            "id": note.id, "author": "", "text": note.text, "created_at": note.created_at, "withdrawn_at": None
        }  # fmt: skip


@desk.operation(
    "POST",
    "/notes/<id:staff_note_id>/withdraw",
    name="withdraw_staff_note",
    zh="撤回备注",
    en="Withdraw a note",
    access="write",
    answers=schemas.StaffNote,
)
def withdraw(staff_note_id: str) -> dict[str, Any]:
    """Withdraw a note

    One's own; it stays in the history, crossed out.
    """
    with platform().unit_of_work() as uow:
        note = withdraw_note(uow, caller().actor, staff_note_id, now())
        return {
            "id": note.id, "author": "", "text": note.text, "created_at": note.created_at,
            "withdrawn_at": note.withdrawn_at,
        }  # fmt: skip

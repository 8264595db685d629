"""What a post said before, and what each change made of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from difflib import SequenceMatcher
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from matching.models import Post, PostRevision, User
from matching.services.revisions import snapshot

PieceKind = Literal["same", "added", "removed"]
_MOST_PIECES = 1_500
_WORDS = re.compile(r"[A-Za-z0-9.]+|\s+|.", re.DOTALL)
_SENTENCES = re.compile(r"[^。；！？\n]+[。；！？\n]*|[。；！？\n]+")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text that stayed, came or went."""

    kind: PieceKind
    text: str


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that a change touched; `pieces` for prose, otherwise `before` and `after`."""

    name: str
    before: Any
    after: Any
    pieces: list[Piece]


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a post: when, by whom (None where the account is gone), and what."""

    at: datetime
    by: str | None
    fields: list[FieldChange]


def list_changes(session: Session, post: Post, *, with_contact: bool, limit: int = 50) -> list[Change]:
    """The post's changes, the latest first. Contacts only `with_contact`: they are the owner's to see."""
    rows = session.execute(
        select(PostRevision, User.name)
        .outerjoin(User, User.id == PostRevision.replaced_by)
        .where(PostRevision.post_id == post.id)
        .order_by(PostRevision.version.desc())
        .limit(limit)
    ).tuples()
    after = snapshot(post)
    changes = []
    for revision, name in rows:
        fields = compare(revision.fields, after)
        if not with_contact:
            fields = [one for one in fields if one.name != "contact"]
        changes.append(Change(revision.replaced_at, name, fields))
        after = revision.fields
    return [change for change in changes if change.fields]


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[FieldChange]:
    """The fields that differ, in the order of the later ones."""
    return [
        FieldChange(name, before.get(name), value, compare_texts(before.get(name), value))
        for name, value in after.items()
        if before.get(name) != value
    ]


def compare_texts(before: Any, after: Any) -> list[Piece]:
    """Where two texts differ: by words, in long ones by sentences, else as a whole; [] for what is no text."""
    if not isinstance(before, str) or not isinstance(after, str):
        return []
    for parts in (_WORDS, _SENTENCES):
        old, new = parts.findall(before), parts.findall(after)
        if len(old) <= _MOST_PIECES and len(new) <= _MOST_PIECES:
            break
    else:
        old, new = [before], [after]
    pieces: list[Piece] = []

    def add(kind: PieceKind, text: str) -> None:
        if text:
            pieces.append(Piece(kind, text))

    for tag, old_from, old_to, new_from, new_to in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            add("same", "".join(old[old_from:old_to]))
        else:
            add("removed", "".join(old[old_from:old_to]))
            add("added", "".join(new[new_from:new_to]))
    return pieces

"""Files of posts: looked at before they are taken, kept under random names, given back intact to who sees the post.

What a file is, its first bytes say; what a browser would run (HTML, SVG, scripts, programs) is not taken, and nothing
is ever shown in place: a file leaves only as a download.
"""

from __future__ import annotations

import hashlib
import secrets
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from matching.bootstrap import Platform
from matching.errors import InvalidInput, NotFound
from matching.models import Attachment, EngagementFile, Post, UnsentFile
from matching.policy import Audience
from matching.queries.posts import find_post, may_see_organisation
from matching.services.actor import Actor, require_editor
from matching.services.import_jobs import clean_file_name
from matching.services.posts import load_post
from matching.settings import Settings

MOST_BYTES = 20_000_000
MOST_PER_POST = 10
FileRow = TypeVar("FileRow", Attachment, UnsentFile)

_OOXML = {
    ".docx": ("word/", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ".xlsx": ("xl/", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ".pptx": ("ppt/", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
}
_SIGNATURES: dict[str, tuple[tuple[bytes, ...], str]] = {
    ".pdf": ((b"%PDF-",), "application/pdf"),
    ".png": ((b"\x89PNG\r\n\x1a\n",), "image/png"),
    ".jpg": ((b"\xff\xd8\xff",), "image/jpeg"),
    ".jpeg": ((b"\xff\xd8\xff",), "image/jpeg"),
    ".gif": ((b"GIF87a", b"GIF89a"), "image/gif"),
    ".webp": ((b"RIFF",), "image/webp"),
    ".doc": ((b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",), "application/msword"),
    ".xls": ((b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",), "application/vnd.ms-excel"),
    ".ppt": ((b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",), "application/vnd.ms-powerpoint"),
    ".wps": ((b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",), "application/vnd.ms-works"),
    ".zip": ((b"PK\x03\x04",), "application/zip"),
}
_TEXTS = {".txt": "text/plain", ".csv": "text/csv"}
SUFFIXES = (*_SIGNATURES, *_OOXML, *_TEXTS)


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file on disk, not yet anybody's."""

    name: str
    stored_name: str
    media_type: str
    size: int
    sha256: str

    @property
    def columns(self) -> dict[str, Any]:
        """What a row says of it, whoever's file it becomes."""
        return {
            "file_name": self.name,
            "stored_name": self.stored_name,
            "media_type": self.media_type,
            "size": self.size,
            "sha256": self.sha256,
        }


def attachments_folder(settings: Settings) -> Path:
    """Where the files lie; a part of every backup."""
    return settings.data_dir / "attachments"


def store_file(settings: Settings, file_name: str, content: IO[bytes]) -> StoredFile:
    """Write a file into the folder under a random name.

    Raises InvalidInput for what is too large, empty, of a kind that is not taken, or not what its name says; nothing is
    left then.
    """
    name = clean_file_name(file_name)
    suffix = Path(name).suffix.lower()
    if suffix not in SUFFIXES:
        raise InvalidInput(
            "attachment.kind",
            f"不能上传“{suffix or name}”文件；可用：{' '.join(SUFFIXES)}",
            where="file",
            message_en=f"{suffix or name} files are not taken; these are: {' '.join(SUFFIXES)}",
        )
    folder = attachments_folder(settings)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{secrets.token_hex(16)}.bin"
    digest = hashlib.sha256()
    size = 0
    try:
        with path.open("xb") as out:
            while piece := content.read(1 << 18):
                size += len(piece)
                if size > MOST_BYTES:
                    raise InvalidInput(
                        "attachment.too_large",
                        f"文件超过 {MOST_BYTES // 1_000_000} MB",
                        where="file",
                        message_en=f"The file is larger than {MOST_BYTES // 1_000_000} MB",
                    )
                digest.update(piece)
                out.write(piece)
        if size == 0:
            raise InvalidInput("attachment.empty", "文件是空的", where="file", message_en="The file is empty")
        media_type = _media_type(path, suffix)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return StoredFile(name, path.name, media_type, size, digest.hexdigest())


def _media_type(path: Path, suffix: str) -> str:
    """What the content is; raises InvalidInput where that is not what the name says."""
    with path.open("rb") as content:
        head = content.read(4096)
    if suffix in _OOXML:
        folder, media_type = _OOXML[suffix]
        if head.startswith(b"PK\x03\x04") and _has_folder(path, folder):
            return media_type
    elif suffix in _TEXTS:
        if b"\x00" not in head and not head.lstrip().lower().startswith((b"<!doctype", b"<html", b"<svg", b"<script")):
            return _TEXTS[suffix]
        if head.startswith((b"\xff\xfe", b"\xfe\xff")):
            return _TEXTS[suffix]
    else:
        signatures, media_type = _SIGNATURES[suffix]
        if head.startswith(signatures) and (suffix != ".webp" or head[8:12] == b"WEBP"):
            return media_type
    raise InvalidInput(
        "attachment.not_what_it_says",
        f"文件内容不是 {suffix}，可能改过扩展名或已损坏",
        where="file",
        message_en=f"The content is not {suffix}; it was renamed or is damaged",
    )


def _has_folder(path: Path, folder: str) -> bool:
    try:
        with zipfile.ZipFile(path) as package:
            return any(name.startswith(folder) for name in package.namelist()[:5000])
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False


def find_same_file(present: Sequence[FileRow], stored: StoredFile) -> FileRow | None:
    """The one of a post's files that this is again; raises InvalidInput where there is no room for another."""
    for one in present:
        if (one.sha256, one.file_name) == (stored.sha256, stored.name):
            return one
    if len(present) >= MOST_PER_POST:
        raise InvalidInput(
            "attachment.too_many",
            f"一条信息最多 {MOST_PER_POST} 个附件",
            where="file",
            message_en=f"A post has at most {MOST_PER_POST} files",
        )
    return None


def attach_file(
    platform: Platform, actor: Actor, post_id: str, file_name: str, content: IO[bytes], now: datetime
) -> Attachment:
    """Add a file to a post that the actor edits. The same file twice is one."""
    with platform.reading() as session:
        post = session.get(Post, post_id)
        if post is not None:
            require_editor(actor, post)
    stored = store_file(platform.settings, file_name, content)
    path = attachments_folder(platform.settings) / stored.stored_name
    try:
        with platform.unit_of_work() as uow:
            post = load_post(uow, post_id)
            require_editor(actor, post)
            known = find_same_file(list_attachments(uow.session, post.id), stored)
            if known is not None:
                path.unlink(missing_ok=True)
                return known
            row = Attachment(post_id=post.id, user_id=actor.user_id, created_at=now, **stored.columns)
            uow.session.add(row)
            uow.session.flush()
            uow.record(now, actor.user_id, "attachment.add", "post", post.id, attachment=row.id)
            uow.commit()
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return row


def remove_attachment(platform: Platform, actor: Actor, post_id: str, attachment_id: str, now: datetime) -> None:
    """Take a file off a post that the actor edits."""
    with platform.unit_of_work() as uow:
        post = load_post(uow, post_id)
        require_editor(actor, post)
        row = uow.session.get(Attachment, attachment_id)
        if row is None or row.post_id != post.id:
            raise attachment_not_found()
        stored_name = row.stored_name
        uow.session.delete(row)
        uow.record(now, actor.user_id, "attachment.remove", "post", post.id, attachment=attachment_id)
        uow.commit()
    (attachments_folder(platform.settings) / stored_name).unlink(missing_ok=True)


def list_attachments(session: Session, post_id: str) -> list[Attachment]:
    """A post's files in the order they were added. The caller has made sure that the reader sees the post."""
    return list(
        session.scalars(
            select(Attachment).where(Attachment.post_id == post_id).order_by(Attachment.created_at, Attachment.id)
        )
    )


def may_see_attachments(audience: Audience, post: Post) -> bool:
    """Files name their makers: those of a `matched` post are for its own side and the staff until both sides agreed."""
    return may_see_organisation(audience, post)


def find_attachment(
    session: Session, post_id: str, attachment_id: str, audience: Audience, now: datetime
) -> Attachment:
    """The file's row; raises NotFound where the reader does not see the post, or not its files."""
    post = find_post(session, post_id, audience, now)
    row = session.get(Attachment, attachment_id)
    if row is None or row.post_id != post.id or not may_see_attachments(audience, post):
        raise attachment_not_found()
    return row


def open_attachment(settings: Settings, row: Attachment | EngagementFile) -> Path:
    """Where the bytes are; raises NotFound when they are gone."""
    path = attachments_folder(settings) / row.stored_name
    if not path.is_file():
        raise attachment_not_found()
    return path


def attachment_not_found() -> NotFound:
    """The error for a file that is not there, or not for this reader."""
    return NotFound("attachment.not_found", "没有找到这个附件", message_en="There is no such file")


def forget_files(platform: Platform, now: datetime) -> int:
    """Delete files that no row knows any more, once they are a day old; returns how many."""
    folder = attachments_folder(platform.settings)
    if not folder.is_dir():
        return 0
    with platform.reading() as session:
        known = set(session.scalars(select(Attachment.stored_name)))
        known |= set(session.scalars(select(EngagementFile.stored_name)))
        known |= set(session.scalars(select(UnsentFile.stored_name)))
    forgotten = 0
    for path in folder.glob("*.bin"):
        if path.name not in known and path.stat().st_mtime < now.timestamp() - 86_400:
            path.unlink(missing_ok=True)
            forgotten += 1
    return forgotten

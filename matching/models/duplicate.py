"""重复信息: posts that say nearly the same, and what the staff made of it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from matching.models.base import Base, Id, new_id
from matching.models.post import Post

DUPLICATE_STATES = ("open", "closed", "returned", "not_duplicate", "obsolete")


class PostFingerprint(Base):
    """One hash of a post's text; posts that share one are worth comparing (`matching.text.fingerprints`)."""

    __tablename__ = "post_fingerprints"

    value: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    post_id: Mapped[str] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True, index=True)


class DuplicatePair(Base):
    """Two posts of one side whose texts nearly agree. `first_id` < `second_id`, so that a pair has one row.

    `open` until the staff decide: `closed` or `returned` (one of them, `kept_id` stayed), or `not_duplicate`, which is
    remembered while the texts stay alike. `obsolete`: the texts no longer agree, or one is no longer to be seen.
    """

    __tablename__ = "duplicate_pairs"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    first_id: Mapped[str] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"))
    second_id: Mapped[str] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"))
    similarity: Mapped[float]
    state: Mapped[str] = mapped_column(String(16), default="open")
    found_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    settled_by: Mapped[str | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    kept_id: Mapped[str | None] = mapped_column(Id)

    first: Mapped[Post] = relationship(foreign_keys=[first_id])
    second: Mapped[Post] = relationship(foreign_keys=[second_id])

    __table_args__ = (
        UniqueConstraint("first_id", "second_id"),
        Index("ix_duplicate_pairs_second_id", "second_id"),
        Index("ix_duplicate_pairs_state_found_at", "state", "found_at"),
    )

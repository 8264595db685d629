"""What anybody, and any program, may collect: public live posts, approved organisations, experts who agreed to it.

Everything is asked as a visitor, whoever asks. An expert's page that visitors may open is not enough for lists that
programs carry away: for these the person agreed separately (`open_data_at`, 个人信息保护法 第二十五条).
Rows come by id, a bounded piece at a time, so that a download of everything holds little at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, and_, exists, func, literal, or_, select
from sqlalchemy.orm import Session

from matching.clock import shanghai_day
from matching.models import Affiliation, Capability, Expert, ExpertWork, OpenRecord, Organisation, Post, PostTag, Work
from matching.policy import Audience
from matching.queries.posts import visible_posts
from matching.queries.profiles import visible_experts, visible_organisations

VISITOR = Audience()

OpenKind = Literal["organisations", "persons", "publications", "patents", "products", "equipments"]
OPEN_KINDS: tuple[OpenKind, ...] = ("organisations", "persons", "publications", "patents", "products", "equipments")

PUBLICATION_KINDS = ("paper", "book", "thesis", "other")
_WORKS: dict[OpenKind, tuple[str, ...]] = {
    "publications": PUBLICATION_KINDS,
    "patents": ("patent",),
    "products": ("software", "achievement"),
}
_CAPABILITIES: dict[OpenKind, str] = {"patents": "patent", "products": "achievement", "equipments": "facility"}

LinkedKind = Literal["posts", "organisations", "experts"]
LINKED_KINDS: tuple[LinkedKind, ...] = ("posts", "organisations", "experts")
PAGES_AT_ONCE = 10_000
"""Addresses in one site map; the protocol takes 50,000, and a page of it should be quick."""
FEED_LENGTH = 50
_ROWS_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class OpenPerson:
    """An expert who agreed, with the approved organisations they belong to today."""

    expert: Expert
    organisations: list[Organisation] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class OpenWork:
    """A work with those of its authors who agreed and do not hide that it is theirs.

    `authors` are the names as published, without those of people known here who did not agree.
    """

    work: Work
    experts: list[Expert] = field(default_factory=list)
    authors: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class OpenCapability:
    """A public capability with those behind it who agreed."""

    capability: Capability
    experts: list[Expert] = field(default_factory=list)


OpenRow = Organisation | Expert | Capability | Work
OpenItem = Organisation | OpenPerson | OpenWork | OpenCapability


def open_posts(now: datetime) -> ColumnElement[bool]:
    """Posts that a visitor sees."""
    return visible_posts(VISITOR, now)


def open_experts(now: datetime) -> ColumnElement[bool]:
    """Experts whom a visitor sees and who agreed that programs collect their entry."""
    return and_(visible_experts(VISITOR, now), Expert.open_data_at.is_not(None))


def is_open_expert(session: Session, expert_id: str, now: datetime) -> bool:
    """Whether programs may collect this expert's entry."""
    return session.scalar(select(Expert.id).where(Expert.id == expert_id, open_experts(now))) is not None


def list_newest(
    session: Session, side: str, now: datetime, *, industry: str | None = None, domain: str | None = None
) -> list[Post]:
    """The newest public posts of one side, by when they were published; `industry` is a code or its beginning."""
    statement = select(Post).where(Post.side == side, open_posts(now))
    if domain:
        statement = statement.where(Post.domain == domain)
    if industry:
        statement = statement.where(
            exists().where(
                PostTag.post_id == Post.id,
                PostTag.vocabulary == "industry",
                PostTag.code.startswith(industry, autoescape=True),
            )
        )
    return list(session.scalars(statement.order_by(Post.published_at.desc(), Post.id.desc()).limit(FEED_LENGTH)))


def count_linked(session: Session, kind: LinkedKind, now: datetime) -> tuple[int, datetime | None]:
    """How many pages of the kind belong in the site map, and when the last of them changed."""
    model, condition = _linked(kind, now)
    count, changed = session.execute(select(func.count(), func.max(model.updated_at)).where(condition)).one()
    return count, changed


def list_linked(session: Session, kind: LinkedKind, now: datetime, page: int) -> list[tuple[str, datetime]]:
    """(id, last change) of the pages in one site map, the first page being 1."""
    model, condition = _linked(kind, now)
    statement = select(model.id, model.updated_at).where(condition).order_by(model.id)
    return list(session.execute(statement.offset((page - 1) * PAGES_AT_ONCE).limit(PAGES_AT_ONCE)).tuples())


def list_open(
    session: Session,
    kind: OpenKind,
    now: datetime,
    *,
    after: str = "",
    limit: int = _ROWS_AT_ONCE,
    since: datetime | None = None,
    until: datetime | None = None,
    only: Sequence[str] | None = None,
) -> list[tuple[str, datetime, OpenItem]]:
    """(key, last change, item) of one kind with keys beyond `after`, in the order of the keys.

    Patents and products are works and capabilities alike: keys are `capability:<id>` and `work:<id>`, so the former
    come first. `since` and `until` restrict the last change, `only` the keys. The last change is the row's own or a
    later one that was noted of the record (`OpenRecord`): it changes with other rows too.
    """
    found: list[tuple[str, datetime, OpenItem]] = []
    for prefix in _prefixes(kind):
        passed = bool(prefix) and bool(after) and not after.startswith(prefix) and after > prefix
        wanted = _ids(prefix, only) if only is not None else None
        if passed or len(found) >= limit or wanted == []:
            continue
        beyond = after.removeprefix(prefix) if after.startswith(prefix) else ""
        rows = _rows(session, kind, prefix, now, beyond, limit - len(found), since, until, wanted)
        found += [(f"{prefix}{item_id}", changed, item) for item_id, changed, item in rows]
    return found


def list_gone(
    session: Session,
    kind: OpenKind,
    now: datetime,
    *,
    after: str = "",
    limit: int = _ROWS_AT_ONCE,
    since: datetime | None = None,
    until: datetime | None = None,
    only: Sequence[str] | None = None,
) -> list[tuple[str, datetime]]:
    """(key, since when) of records that were open and are noted as gone, in the order of the keys."""
    statement = _not_open(kind, now, only).where(OpenRecord.gone.is_(True))
    if after:
        statement = statement.where(OpenRecord.item_key > after)
    if since is not None:
        statement = statement.where(OpenRecord.changed_at >= since)
    if until is not None:
        statement = statement.where(OpenRecord.changed_at <= until)
    return list(session.execute(statement.limit(limit)).tuples())


def list_closed(
    session: Session, kind: OpenKind, now: datetime, *, limit: int, only: Sequence[str] | None = None
) -> list[str]:
    """Keys of records that are no longer open, though not noted as gone yet."""
    return list(session.scalars(_not_open(kind, now, only).where(OpenRecord.gone.is_(False)).limit(limit)))


def _not_open(kind: OpenKind, now: datetime, only: Sequence[str] | None) -> Select[tuple[str, datetime]]:
    """(key, last change) of records that were noted and are not open now, in the order of the keys."""
    statement = select(OpenRecord.item_key, OpenRecord.changed_at).where(OpenRecord.kind == kind, ~_is_open(kind, now))
    if only is not None:
        statement = statement.where(OpenRecord.item_key.in_(only))
    return statement.order_by(OpenRecord.item_key)


def each_open(session: Session, kind: OpenKind, now: datetime) -> Iterator[OpenItem]:
    """Everything of one kind, read a piece at a time."""
    after = ""
    while rows := list_open(session, kind, now, after=after):
        yield from (item for _key, _changed, item in rows)
        after = rows[-1][0]
        session.expunge_all()


def count_open(session: Session, kind: OpenKind, now: datetime) -> int:
    """How many there are of one kind."""
    total = 0
    for prefix in _prefixes(kind):
        model, condition = _selected(kind, prefix, now)
        total += session.scalar(select(func.count()).select_from(model).where(condition)) or 0
    return total


def _ids(prefix: str, keys: Sequence[str]) -> list[str]:
    """The ids of those keys that begin with the prefix; without one, of those that have none."""
    if prefix:
        return [key.removeprefix(prefix) for key in keys if key.startswith(prefix)]
    return [key for key in keys if ":" not in key]


def _is_open(kind: OpenKind, now: datetime) -> ColumnElement[bool]:
    """Whether the item that an OpenRecord is of is open data now."""
    found = []
    for prefix in _prefixes(kind):
        model, condition = _selected(kind, prefix, now)
        identity = Post.id if model is Capability else model.id
        # By the id, which the item's table has an index of, not by a key put together for each of its rows.
        one = (
            select(identity)
            .select_from(model)
            .where(condition, identity == func.substr(OpenRecord.item_key, len(prefix) + 1))
        )
        found.append(and_(OpenRecord.item_key.startswith(prefix), one.correlate(OpenRecord).exists()))
    return or_(*found)


def _prefixes(kind: OpenKind) -> tuple[str, ...]:
    match kind:
        case "organisations" | "persons":
            return ("",)
        case "publications":
            return ("work:",)
        case "equipments":
            return ("capability:",)
        case _:
            return ("capability:", "work:")


def _selected(
    kind: OpenKind, prefix: str, now: datetime
) -> tuple[type[Organisation] | type[Expert] | type[Capability] | type[Work], ColumnElement[bool]]:
    if kind == "organisations":
        return Organisation, visible_organisations(VISITOR)
    if kind == "persons":
        return Expert, open_experts(now)
    if prefix == "capability:":
        return Capability, and_(Capability.kind == _CAPABILITIES[kind], open_posts(now))
    return Work, and_(Work.kind.in_(_WORKS[kind]), Work.id.in_(_open_works(now)))


def _open_works(now: datetime) -> Select[tuple[str]]:
    return (
        select(ExpertWork.work_id)
        .join(Expert, Expert.id == ExpertWork.expert_id)
        .where(ExpertWork.hidden.is_(False), open_experts(now))
    )


def _rows(
    session: Session,
    kind: OpenKind,
    prefix: str,
    now: datetime,
    beyond: str,
    limit: int,
    since: datetime | None,
    until: datetime | None,
    only: Sequence[str] | None,
) -> list[tuple[str, datetime, OpenItem]]:
    model, condition = _selected(kind, prefix, now)
    # A capability's own table has no time of change: it is its post's, which mapping by inheritance joins.
    identity = Post.id if model is Capability else model.id
    changed = Post.updated_at if model is Capability else model.updated_at
    key = literal(prefix).concat(identity)
    noted = OpenRecord.changed_at
    statement = (
        select(model, noted)
        .outerjoin(OpenRecord, and_(OpenRecord.kind == kind, OpenRecord.item_key == key))
        .where(condition)
    )
    if beyond:
        statement = statement.where(identity > beyond)
    if since is not None:
        statement = statement.where(or_(changed >= since, noted >= since))
    if until is not None:
        statement = statement.where(changed <= until, or_(noted.is_(None), noted <= until))
    if only is not None:
        statement = statement.where(identity.in_(only))
    # One of four classes, of which a checker sees only what they have in common.
    rows: list[tuple[Any, datetime | None]] = list(session.execute(statement.order_by(identity).limit(limit)).tuples())
    found: list[OpenRow] = [one for one, _noted in rows]
    moments = {one.id: max(one.updated_at, later or one.updated_at) for one, later in rows}
    organisations = [one for one in found if isinstance(one, Organisation)]
    people = [one for one in found if isinstance(one, Expert)]
    works = [one for one in found if isinstance(one, Work)]
    capabilities = [one for one in found if isinstance(one, Capability)]
    places = _places(session, people, now)
    authors = _authors(session, works, now)
    withheld = _withheld(session, works, now)
    agreed = _agreed(session, [expert.id for one in capabilities for expert in one.experts], now)
    return [
        *((one.id, moments[one.id], one) for one in organisations),
        *((one.id, moments[one.id], OpenPerson(one, places.get(one.id, []))) for one in people),
        *(
            (one.id, moments[one.id], OpenWork(one, authors.get(one.id, []), _published_authors(one, withheld)))
            for one in works
        ),
        *(
            (one.id, moments[one.id], OpenCapability(one, [person for person in one.experts if person.id in agreed]))
            for one in capabilities
        ),
    ]


def _places(session: Session, people: Sequence[Expert], now: datetime) -> dict[str, list[Organisation]]:
    if not people:
        return {}
    today = shanghai_day(now)
    rows = session.execute(
        select(Affiliation.expert_id, Organisation)
        .join(Organisation, Organisation.id == Affiliation.organisation_id)
        .where(
            Affiliation.expert_id.in_([one.id for one in people]),
            or_(Affiliation.starts_on.is_(None), Affiliation.starts_on <= today),
            or_(Affiliation.ends_on.is_(None), Affiliation.ends_on >= today),
            visible_organisations(VISITOR),
        )
        .order_by(Organisation.id)
    ).tuples()
    found: dict[str, list[Organisation]] = {}
    for expert_id, organisation in rows:
        found.setdefault(expert_id, []).append(organisation)
    return found


def _authors(session: Session, works: Sequence[Work], now: datetime) -> dict[str, list[Expert]]:
    if not works:
        return {}
    rows = session.execute(
        select(ExpertWork.work_id, Expert)
        .join(Expert, Expert.id == ExpertWork.expert_id)
        .where(ExpertWork.work_id.in_([one.id for one in works]), ExpertWork.hidden.is_(False), open_experts(now))
        .order_by(Expert.id)
    ).tuples()
    found: dict[str, list[Expert]] = {}
    for work_id, expert in rows:
        found.setdefault(work_id, []).append(expert)
    return found


def _withheld(session: Session, works: Sequence[Work], now: datetime) -> dict[str, set[str]]:
    """Names by work of authors who are known here and did not agree, or hide that the work is theirs."""
    if not works:
        return {}
    open_ids = select(Expert.id).where(open_experts(now))
    rows = session.execute(
        select(ExpertWork.work_id, Expert.name, Expert.name_en)
        .join(Expert, Expert.id == ExpertWork.expert_id)
        .where(
            ExpertWork.work_id.in_([one.id for one in works]),
            or_(ExpertWork.hidden.is_(True), Expert.id.not_in(open_ids)),
        )
    ).tuples()
    found: dict[str, set[str]] = {}
    for work_id, name, name_en in rows:
        found.setdefault(work_id, set()).update({_folded(name), _folded(name_en or name)})
    return found


def _published_authors(work: Work, withheld: dict[str, set[str]]) -> list[str]:
    return [name for name in work.authors if _folded(name) not in withheld.get(work.id, ())]


def _folded(name: str) -> str:
    return "".join(name.split()).casefold()


def _agreed(session: Session, expert_ids: Sequence[str], now: datetime) -> frozenset[str]:
    if not expert_ids:
        return frozenset()
    return frozenset(session.scalars(select(Expert.id).where(Expert.id.in_(expert_ids), open_experts(now))))


def _linked(
    kind: LinkedKind, now: datetime
) -> tuple[type[Post] | type[Organisation] | type[Expert], ColumnElement[bool]]:
    match kind:
        case "posts":
            return Post, open_posts(now)
        case "organisations":
            return Organisation, visible_organisations(VISITOR)
        case "experts":
            return Expert, open_experts(now)

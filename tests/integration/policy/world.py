"""A small world with secrets in it: organisations, people of every role, and what a drawn plan has them do.

Each secret is a word of its own that occurs nowhere else (`mk0012q`), so that wherever it turns up it was let out. The
world is made through the services that make it in life; what is kept here beside it are the plain facts from which
`rules` says who may know what.
"""

from __future__ import annotations

import contextlib
import io
import re
import shutil
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import select

from matching.bootstrap import Platform
from matching.errors import DuijieError
from matching.models import (
    EventParticipant,
    Expert,
    Organisation,
    Registration,
    Suggestion,
    User,
    VocabularyTerm,
)
from matching.notifying.mailer import Mail
from matching.services.accounts import add_user
from matching.services.actor import SYSTEM, Actor
from matching.services.api_tokens import make_api_token
from matching.services.attachments import attach_file
from matching.services.desk import write_note as write_staff_note
from matching.services.engagements import (
    add_task,
    agree_to_participant,
    close_engagement,
    propose_participant,
    write_note,
)
from matching.services.event_participants import ParticipantFields, add_pairs, add_participant, edit_participant
from matching.services.event_publication import agenda_token
from matching.services.events import EventFields, announce_event, create_event
from matching.services.experts import hide_fields
from matching.services.import_jobs import start_import
from matching.services.interests import (
    InterestEntry,
    accept_interest,
    decline_interest,
    express_interest,
    withdraw_interest,
)
from matching.services.meetings import add_meeting
from matching.services.message_files import list_message_files, send_message_with_files
from matching.services.organisations import ExpertFields, OrganisationFields, add_expert, add_organisation
from matching.services.posts import (
    CapabilityFields,
    NeedFields,
    archive_post,
    close_post,
    draft_capability,
    draft_need,
    edit_post,
    expire_posts,
    pause_post,
    publish_post,
    return_post,
    submit_post,
)
from matching.services.saved_filters import save_filter
from matching.services.unsent import keep_text
from tests.factories.deliveries import deliver_everything
from tests.factories.people import PASSWORD, find_actor, make_member, make_staff
from tests.factories.platforms import make_platform
from tests.factories.work import settle_everything

MARK = re.compile(r"mk\d{4}q")

Visibility = Literal["public", "members", "matched", "staff"]
VISIBILITIES: tuple[Visibility, ...] = ("public", "members", "matched", "staff")
STATES = ("draft", "submitted", "returned", "published", "paused", "expired", "closed", "archived")
ANSWERS = ("none", "accept", "decline", "withdraw")

HESHAN, CITY, FOSHAN = "440784", "440700", "440600"
REGION_OF = {"firm": HESHAN, "rival": FOSHAN, "university": FOSHAN, "broker": HESHAN}
KIND_OF = {"firm": "enterprise", "rival": "enterprise", "university": "university", "broker": "intermediary"}

PEOPLE: dict[str, tuple[str, str]] = {
    "firm_owner": ("firm", "owner"),
    "firm_reader": ("firm", "reader"),
    "rival_editor": ("rival", "editor"),
    "manager": ("university", "owner"),
    "professor": ("university", "editor"),
    "lecturer": ("university", "editor"),
    "broker": ("broker", "owner"),
}
"""Name → (organisation, role in it). Professor and lecturer have entries in the library of experts."""
STAFF = {"staff_heshan": HESHAN, "staff_city": CITY, "staff_foshan": FOSHAN}
READERS = ("visitor", *PEOPLE, *STAFF, "administrator")


@dataclass(frozen=True, slots=True, kw_only=True)
class PostPlan:
    """What becomes of one post. `expert`: who stands behind a capability of the university, if anybody."""

    side: Literal["need", "capability"]
    owner: str
    visibility: Visibility
    state: str
    expert: str | None = None
    attached: bool = False
    edited: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class InterestPlan:
    """Somebody asks about the post `target`, on behalf of `own` if it is set; what is not possible does not happen."""

    asking: str
    target: int
    own: int | None
    answer: str
    copied: bool = False
    closed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldPlan:
    """All that is drawn."""

    posts: tuple[PostPlan, ...]
    interests: tuple[InterestPlan, ...] = ()
    event_region: str = HESHAN
    event_public: bool = True
    event_announced: bool = True
    professor_hidden: bool = False
    professor_hides_intro: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """What a marker stands for: its kind, and the id or name of what it belongs to."""

    kind: str
    of: str


@dataclass(frozen=True, slots=True)
class PostFact:
    """A post as it was planned."""

    id: str
    plan: PostPlan
    region: str
    title: str
    author: str
    town: str


@dataclass(frozen=True, slots=True)
class InterestFact:
    """An interest that came about."""

    id: str
    asking: str
    target: PostFact
    own: PostFact | None
    status: str
    answered_by: str | None
    engagement_id: str | None
    copied: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class EventFact:
    """An event with its participants by the name of the organisation or person."""

    id: str
    region: str
    public: bool
    announced: bool
    participants: dict[str, str]
    tokens: dict[str, str]
    attending: frozenset[str]
    """Organisations and people who take part, those of the chosen pairs too."""


class KeptMails:
    """A mailer that keeps what it is given."""

    available = True

    def __init__(self) -> None:
        self.mails: list[Mail] = []

    def send(self, mail: Mail) -> str:
        """As the port says."""
        self.mails.append(mail)
        return "kept"

    def check(self) -> None:
        """As the port says."""


@dataclass
class World:
    """What came of a plan."""

    platform: Platform
    now: datetime
    plan: WorldPlan
    organisations: dict[str, str]
    users: dict[str, str]
    experts: dict[str, str]
    tokens: dict[str, str] = field(default_factory=dict)
    """Secrets of API tokens by reader."""
    secrets: dict[str, Secret] = field(default_factory=dict)
    posts: list[PostFact] = field(default_factory=list)
    interests: list[InterestFact] = field(default_factory=list)
    events: list[EventFact] = field(default_factory=list)
    ids: dict[str, list[str]] = field(default_factory=dict)
    """Further ids by the name of the argument that takes them."""
    mails: list[Mail] = field(default_factory=list)

    def actor(self, name: str) -> Actor:
        """The person as they are now."""
        return find_actor(self.platform, self.users[name])

    def mark(self, kind: str, of: str) -> str:
        """A fresh word that nothing else contains."""
        marker = f"mk{len(self.secrets):04d}q"
        self.secrets[marker] = Secret(kind=kind, of=of)
        return marker

    def post(self, post_id: str) -> PostFact:
        """By id."""
        return next(one for one in self.posts if one.id == post_id)

    def suggested(self) -> set[tuple[str, str]]:
        """(need id, capability id) of the pairs that stand."""
        with self.platform.reading() as session:
            rows = session.execute(
                select(Suggestion.need_id, Suggestion.capability_id).where(Suggestion.status == "active")
            )
            return {(need, capability) for need, capability in rows}


def build_world(plan: WorldPlan, folder: Path, now: datetime) -> World:
    """Make the plan come true in a folder of its own."""
    base, users, organisations, experts, tokens = _base(now)
    shutil.copytree(base, folder, dirs_exist_ok=True)
    platform = make_platform(folder, smtp_host="mail.example.cn", mail_from="office@example.cn")
    mailer = KeptMails()
    platform.__dict__["mailer"] = mailer
    world = World(platform, now, plan, dict(organisations), dict(users), dict(experts), dict(tokens))
    _mark_people(world)
    for number, one in enumerate(plan.posts):
        _add_post(world, number, one)
    settle_everything(platform, now)
    for asked in plan.interests:
        _add_interest(world, asked)
    _add_notes(world)
    _add_event(world)
    _add_private_things(world)
    settle_everything(platform, now)
    deliver_everything(platform, now)
    deliver_everything(platform, now + timedelta(days=1, hours=1))
    world.mails = mailer.mails
    return world


@cache
def _base(now: datetime) -> tuple[Path, dict[str, str], dict[str, str], dict[str, str], dict[str, str]]:
    """People and organisations, made once: hashing a dozen passwords takes longer than all the rest of a world."""
    import atexit
    import tempfile

    folder = Path(tempfile.mkdtemp(prefix="duijie-policy-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    platform = make_platform(folder)
    organisations: dict[str, str] = {}
    users: dict[str, str] = {}
    for name, (organisation, role) in PEOPLE.items():
        member = make_member(
            platform,
            now,
            email=f"{name}@example.cn",
            organisation=f"{organisation}示例单位",
            kind=KIND_OF[organisation],
            region_code=REGION_OF[organisation],
            role=role,
            organisation_id=organisations.get(organisation),
        )
        organisations[organisation] = member.organisation_id
        users[name] = member.user_id
    for name, region in STAFF.items():
        users[name] = str(make_staff(platform, now, email=f"{name}@example.cn", region_code=region).user_id)
    with platform.unit_of_work() as uow:
        users["administrator"] = add_user(
            uow,
            SYSTEM,
            email="administrator@example.cn",
            name="admin",
            password=PASSWORD,
            role="administrator",
            now=now,
        ).id
    experts: dict[str, str] = {}
    for name in ("professor", "lecturer"):
        with platform.unit_of_work() as uow:
            experts[name] = add_expert(
                uow,
                SYSTEM,
                ExpertFields(
                    name=name,
                    region_code=FOSHAN,
                    organisation_id=organisations["university"],
                    user_id=users[name],
                    fields=("线路板",),
                ),
                now,
            ).id
    with platform.unit_of_work() as uow:
        for vocabulary, code in (
            ("domain", "electronics"),
            ("industry", "C"),
            ("industry", "C39"),
            ("close_reason", "dropped"),
            ("return_reason", "too_vague"),
            ("decline_reason", "other"),
            ("outcome_reason", "other"),
            *(("town", f"town{number}") for number in range(12)),
        ):
            uow.session.add(VocabularyTerm(vocabulary=vocabulary, code=code, label_zh=code, label_en=code))
        uow.commit()
    tokens: dict[str, str] = {}
    for name, user_id in users.items():
        with platform.unit_of_work() as uow:
            until = now + timedelta(days=30)
            tokens[name] = make_api_token(uow, SYSTEM, user_id, "reads", ("read", "write"), until, now)[1]
    platform.close()
    return folder, users, organisations, experts, tokens


def _mark_people(world: World) -> None:
    """Put secrets into what is held of people and organisations."""
    hide: set[str] = {"intro"} if world.plan.professor_hides_intro else set()
    with world.platform.unit_of_work() as uow:
        for name, expert_id in world.experts.items():
            expert = uow.session.get_one(Expert, expert_id)
            expert.name = world.mark("expert.name", name)
            expert.intro = f"研究{world.mark('expert.intro', name)}"
            expert.email = f"{world.mark('expert.contact', name)}@example.cn"
            expert.phone = world.mark("expert.contact", name)
        for name, user_id in world.users.items():
            uow.session.get_one(User, user_id).name = world.mark("user.name", name)
        for name, organisation_id in world.organisations.items():
            organisation = uow.session.get_one(Organisation, organisation_id)
            organisation.name = world.mark("organisation.name", name)
            organisation.extra = {
                "contact_name": world.mark("organisation.contact", name),
                "contact_phones": [world.mark("organisation.contact", name)],
                "columns": {"备注": world.mark("organisation.contact", name)},
            }
        uow.commit()
    with world.platform.unit_of_work() as uow:
        hidden = world.plan.professor_hidden
        hide_fields(uow, world.actor("professor"), world.experts["professor"], hide, world.now, all_=hidden)
    with world.platform.unit_of_work() as uow:
        fields = OrganisationFields(
            kind="enterprise", name=world.mark("organisation.unapproved", HESHAN), region_code=HESHAN
        )
        waiting = add_organisation(uow, SYSTEM, fields, world.now)
        world.ids.setdefault("organisation_id", []).append(waiting.id)


def _add_post(world: World, number: int, plan: PostPlan) -> None:
    key = f"post{number}"
    author = _author_of(plan)
    actor = world.actor(author)
    common: dict[str, Any] = {
        "title": f"高频线路板翘曲控制 {world.mark('post.old_title' if plan.edited else 'post.text', key)}",
        "organisation_id": world.organisations[plan.owner],
        "visibility": plan.visibility,
        "domain": "electronics",
        "industry_codes": ("C39",),
        "town": f"town{number}",
        "contact": {
            "name": world.mark("post.contact", key),
            "phone": world.mark("post.contact", key),
            "email": f"{world.mark('post.contact', key)}@example.cn",
        },
    }
    text = f"层压后翘曲超过千分之五，需要预测与控制 {world.mark('post.text', key)}"
    began = world.now - timedelta(days=400) if plan.state == "expired" else world.now - timedelta(days=1)

    def fields(title: str) -> NeedFields | CapabilityFields:
        if plan.side == "need":
            return NeedFields(**(common | {"title": title}), problem=text)
        return CapabilityFields(
            **(common | {"title": title}),
            abstract=text,
            ip_number=world.mark("post.identity", key),
            expert_ids=(world.experts[plan.expert],) if plan.expert else (),
        )

    entered = fields(common["title"])
    with world.platform.unit_of_work() as uow:
        if isinstance(entered, NeedFields):
            post_id = draft_need(uow, actor, entered, began).id
        else:
            post_id = draft_capability(uow, actor, entered, began).id
    title = common["title"]
    if plan.state != "draft":
        _submit(world, actor, post_id, began)
    if plan.edited and plan.state != "draft":
        title = f"高频线路板翘曲控制 {world.mark('post.text', key)}"
        with world.platform.unit_of_work() as uow:
            edit_post(uow, actor, post_id, fields(title), None, began)
    elif plan.edited:
        world.secrets[title.split()[-1]] = Secret(kind="post.text", of=key)
    fact = PostFact(post_id, plan, REGION_OF[plan.owner], title, author, f"town{number}")
    world.posts.append(fact)
    if plan.attached:
        name = f"{world.mark('post.attachment', key)}.txt"
        content = world.mark("post.attachment", key).encode()
        row = attach_file(world.platform, actor, post_id, name, io.BytesIO(content), began)
        world.ids.setdefault("attachment_id", []).append(row.id)
    _bring_to_state(world, actor, fact, key, began)


def _author_of(plan: PostPlan) -> str:
    if plan.owner == "university":
        return plan.expert or "manager"
    return {"firm": "firm_owner", "rival": "rival_editor", "broker": "broker"}[plan.owner]


def _submit(world: World, actor: Actor, post_id: str, now: datetime) -> None:
    with world.platform.unit_of_work() as uow:
        submit_post(uow, actor, post_id, now)


def _bring_to_state(world: World, actor: Actor, fact: PostFact, key: str, now: datetime) -> None:
    platform, state = world.platform, fact.plan.state
    if state in ("draft", "submitted"):
        return
    staff = world.actor("administrator")
    if state in ("returned", "archived"):
        with platform.unit_of_work() as uow:
            return_post(uow, staff, fact.id, f"too_vague {world.mark('post.return', key)}", now)
        if state == "archived":
            with platform.unit_of_work() as uow:
                archive_post(uow, actor, fact.id, now)
        return
    with platform.unit_of_work() as uow:
        publish_post(uow, actor, fact.id, now, settings=platform.settings)
    with platform.unit_of_work() as uow:
        if state == "paused":
            pause_post(uow, actor, fact.id, now)
        elif state == "closed":
            close_post(uow, actor, fact.id, "dropped", now)
        elif state == "expired":
            expire_posts(uow, world.now)


def _add_interest(world: World, plan: InterestPlan) -> None:
    """Ask and answer as planned, as far as the product lets them."""
    target = world.posts[plan.target % len(world.posts)]
    own = world.posts[plan.own % len(world.posts)] if plan.own is not None else None
    key = f"interest{len(world.interests)}"
    words = {kind: world.mark(f"interest.{kind}", key) for kind in ("aim", "asking_contact", "asked_contact", "reason")}
    entry = InterestEntry(
        aim=f"希望 {words['aim']}",
        timing="now",
        contact={"name": words["asking_contact"], "email": f"{words['asking_contact']}@example.cn"},
    )
    platform, now = world.platform, world.now
    try:
        with platform.unit_of_work() as uow:
            interest = express_interest(
                uow,
                world.actor(plan.asking),
                target.id,
                entry,
                now,
                platform.settings,
                own_id=own.id if own is not None else None,
            )
            interest_id, status = interest.id, interest.status
    except DuijieError:
        interest_id, status = "", "refused"
    if status != "open" or any(one.id == interest_id for one in world.interests):
        # Not possible, or both sides asked and the first interest was taken up: these words are nobody's.
        world.secrets |= {marker: Secret(kind="nowhere", of=key) for marker in words.values()}
        return
    answered_by: str | None = None
    engagement_id: str | None = None
    if plan.answer == "withdraw":
        with platform.unit_of_work() as uow:
            withdraw_interest(uow, world.actor(plan.asking), interest_id, now)
        status = "withdrawn"
    elif plan.answer != "none":
        answered_by = target.author
        with platform.unit_of_work() as uow:
            if plan.answer == "accept":
                contact = {"name": words["asked_contact"], "phone": words["asked_contact"]}
                engagement_id = accept_interest(uow, world.actor(answered_by), interest_id, contact, now).id
                status = "accepted"
            else:
                decline_interest(uow, world.actor(answered_by), interest_id, "other", words["reason"], now)
                status = "declined"
    copied: frozenset[str] = frozenset()
    if engagement_id is not None:
        copied = _cooperate(world, key, plan, target, engagement_id)
    world.interests.append(
        InterestFact(interest_id, plan.asking, target, own, status, answered_by, engagement_id, copied)
    )


def _cooperate(world: World, key: str, plan: InterestPlan, target: PostFact, engagement_id: str) -> frozenset[str]:
    platform, now = world.platform, world.now
    asking, asked = world.actor(plan.asking), world.actor(target.author)
    file = (f"{world.mark('engagement.inside', key)}.txt", io.BytesIO(world.mark("engagement.file", key).encode()))
    send_message_with_files(platform, asking, engagement_id, world.mark("engagement.inside", key), [file], now)
    with platform.reading() as session:
        files = list_message_files(session, engagement_id)
        world.ids.setdefault("file_id", []).extend(one.id for one in files)
    with platform.unit_of_work() as uow:
        add_task(uow, asked, engagement_id, world.mark("engagement.inside", key), None, target.plan.side, now)
    asking_side = "need" if target.plan.side == "capability" else "capability"
    for side, actor in ((asking_side, asking), (target.plan.side, asked)):
        with platform.unit_of_work() as uow:
            write_note(uow, actor, engagement_id, world.mark(f"engagement.note.{side}", key), now)
    with platform.unit_of_work() as uow:
        write_note(uow, world.actor("administrator"), engagement_id, world.mark("engagement.note.staff", key), now)
    copied: frozenset[str] = frozenset()
    if plan.copied:
        with contextlib.suppress(DuijieError):
            with platform.unit_of_work() as uow:
                propose_participant(uow, asking, engagement_id, world.users["broker"], "broker", now)
            with platform.unit_of_work() as uow:
                agree_to_participant(uow, asked, engagement_id, world.users["broker"], now)
            copied = frozenset({"broker"})
    if plan.closed:
        with platform.unit_of_work() as uow:
            close_engagement(uow, asking, engagement_id, "follow_up", now, note=world.mark("engagement.inside", key))
    return copied


def _add_notes(world: World) -> None:
    """What the staff writes for colleagues about a post and an organisation."""
    staff = {HESHAN: "staff_heshan", FOSHAN: "staff_foshan"}
    for number, fact in enumerate(world.posts):
        if fact.plan.state != "draft":
            with world.platform.unit_of_work() as uow:
                text = world.mark("post.note", f"post{number}")
                write_staff_note(uow, world.actor(staff[fact.region]), "post", fact.id, text, world.now)
    for name, organisation_id in world.organisations.items():
        with world.platform.unit_of_work() as uow:
            text = world.mark("organisation.note", name)
            actor = world.actor(staff[REGION_OF[name]])
            write_staff_note(uow, actor, "organisation", organisation_id, text, world.now)


def _add_event(world: World) -> None:
    """An event with a firm and an expert, contacts that only the staff may know, and the pairs of its theme."""
    plan, platform, now = world.plan, world.platform, world.now
    staff = world.actor("staff_heshan" if plan.event_region == HESHAN else "staff_foshan")
    with platform.unit_of_work() as uow:
        entered = EventFields(
            title=world.mark("event.title", "event"),
            held_on=(now + timedelta(days=15)).date(),
            region_code=plan.event_region,
            venue="会议中心",
            rooms="2",
            sessions="上午 09:00-12:00",
            public=plan.event_public,
        )
        event_id = create_event(uow, staff, entered, now).id
    participants: dict[str, str] = {}
    for name in ("firm", "professor"):
        with platform.unit_of_work() as uow:
            chosen = (
                {"expert_id": world.experts[name]}
                if name in world.experts
                else {"organisation_id": world.organisations[name]}
            )
            participants[name] = add_participant(uow, staff, event_id, now, **chosen).id
        with platform.unit_of_work() as uow:
            edit_participant(
                uow,
                staff,
                participants[name],
                ParticipantFields(
                    status="confirmed",
                    contact_name=world.mark("event.contact", name),
                    contact_email=f"{world.mark('event.contact', name)}@example.cn",
                    contact_phone=world.mark("event.contact", name),
                    note=world.mark("event.note", "event"),
                ),
                now,
            )
    with platform.unit_of_work() as uow:
        meeting = add_meeting(uow, staff, event_id, participants["firm"], participants["professor"], now)
        world.ids.setdefault("meeting_id", []).append(meeting.id)
    with platform.reading() as session:
        suggestion_ids = list(session.scalars(select(Suggestion.id).order_by(Suggestion.id)))
    with platform.unit_of_work() as uow:
        add_pairs(uow, staff, event_id, suggestion_ids, now)
    if plan.event_announced:
        with platform.unit_of_work() as uow:
            announce_event(uow, staff, event_id, now)
    with platform.reading() as session:
        rows = session.scalars(select(EventParticipant).where(EventParticipant.event_id == event_id)).all()
        tokens = {row.id: agenda_token(row, platform.settings) for row in rows}
        world.ids.setdefault("participant_id", []).extend(tokens)
        names = {value: name for found in (world.organisations, world.experts) for name, value in found.items()}
        attending = frozenset(names[row.organisation_id or row.expert_id or ""] for row in rows)
    world.events.append(
        EventFact(event_id, plan.event_region, plan.event_public, plan.event_announced, participants, tokens, attending)
    )


def _add_private_things(world: World) -> None:
    """What each member keeps for themselves, and what waits for the staff."""
    platform, now = world.platform, world.now
    for name in PEOPLE:
        actor = world.actor(name)
        with platform.unit_of_work() as uow:
            save_filter(uow, actor, "experts", world.mark("private", name), "q=x", now)
        with platform.unit_of_work() as uow:
            keep_text(uow, actor, f"text-{name}-0001", "need", [("title", world.mark("private", name))], now)
    content = f"需求名称,单位名称\n{world.mark('import', 'firm_owner')},示例\n".encode()
    job = start_import(
        platform,
        world.actor("firm_owner"),
        "needs",
        f"{world.mark('import', 'firm_owner')}.csv",
        io.BytesIO(content),
        now,
        organisation_id=world.organisations["firm"],
    )
    world.ids.setdefault("job_id", []).append(job.id)
    with platform.unit_of_work() as uow:
        row = Registration(
            role="enterprise",
            email=f"{world.mark('registration', HESHAN)}@example.cn",
            name=world.mark("registration", HESHAN),
            password_hash="x",
            organisation_kind="enterprise",
            organisation_name=world.mark("registration", HESHAN),
            region_code=HESHAN,
            note=world.mark("registration", HESHAN),
            state="waiting",
            confirmed_at=now,
            created_at=now,
        )
        uow.session.add(row)
        uow.commit()
        world.ids.setdefault("registration_id", []).append(row.id)

"""Every way out, compared with an independent model of the rules: nothing leaks, what is meant for somebody arrives.

The worlds are drawn; `--hypothesis-seed=N` draws others, `--policy-examples=N` more of them.
"""

from __future__ import annotations

import atexit
import logging
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from difflib import unified_diff
from functools import cache
from pathlib import Path

import lxml.html
import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from jinja2 import FileSystemBytecodeCache

from matching.models import Post
from matching.services.statistics import refresh_statistics
from matching.store.outbox import POST_CHANGED
from tests.factories.work import settle_everything
from tests.integration.policy.crawler import NOWHERE, Reader, Seen, addresses, items_in, unknown_arguments
from tests.integration.policy.rules import Rules
from tests.integration.policy.world import (
    ANSWERS,
    FOSHAN,
    HESHAN,
    MARK,
    PEOPLE,
    READERS,
    STATES,
    VISIBILITIES,
    InterestPlan,
    PostPlan,
    World,
    WorldPlan,
    build_world,
)
from web.app import create_app

NOW = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)
FEW = 2
"""Worlds in an ordinary run; each takes some twenty seconds."""
READERS_A_WORLD = 2
"""Who walk everything."""
LOOKERS_A_WORLD = 2
"""Who look at the posts only."""

IN_TURN = tuple(dict.fromkeys(("staff_foshan", "visitor", "rival_editor", *READERS)))
"""Who walks first where nothing else was drawn."""

CORE = (("need", "firm"), ("capability", "university"))
"""Two posts that fit each other are in every world; what else there is, is drawn."""


@st.composite
def post_plans(draw: st.DrawFn, side: str | None = None, owner: str | None = None) -> PostPlan:
    # The first of each choice is the one most worth a look: the first world that is drawn is made of them.
    owner = owner or draw(st.sampled_from(("rival", "university", "firm")))
    side = side or draw(st.sampled_from(("need", "capability")))
    by_expert = owner == "university" and side == "capability"
    return PostPlan(
        side="need" if side == "need" else "capability",
        owner=owner,
        visibility=draw(st.sampled_from(("matched", "matched", *VISIBILITIES))),
        # Half of them live: what is not is refused everywhere for one and the same reason.
        state=draw(st.sampled_from((*["published"] * 7, *STATES))),
        expert=draw(st.sampled_from(("professor", "lecturer", None))) if by_expert else None,
        attached=not draw(st.booleans()),
        edited=not draw(st.booleans()),
    )


@st.composite
def world_plans(draw: st.DrawFn) -> WorldPlan:
    core = [draw(post_plans(side, owner)) for side, owner in CORE]
    posts = (*core, *draw(st.lists(post_plans(), min_size=2, max_size=5)))
    interests = st.builds(
        InterestPlan,
        asking=st.sampled_from(tuple(PEOPLE)),
        target=st.integers(0, len(posts) - 1),
        own=st.none() | st.integers(0, len(posts) - 1),
        answer=st.sampled_from(("accept", "accept", *ANSWERS)),
        copied=st.booleans(),
        closed=st.booleans(),
    )
    first = InterestPlan(
        asking="firm_owner",
        target=1,
        own=draw(st.sampled_from((0, None))),
        answer=draw(st.sampled_from(("accept", *ANSWERS))),
        copied=not draw(st.booleans()),
    )
    return WorldPlan(
        posts=posts,
        interests=(first, *draw(st.lists(interests, max_size=6))),
        event_region=draw(st.sampled_from((HESHAN, FOSHAN))),
        event_public=draw(st.booleans()),
        event_announced=draw(st.booleans()),
        professor_hidden=draw(st.booleans()),
        professor_hides_intro=draw(st.booleans()),
    )


def test_nothing_leaks_by_any_way_out(request: pytest.FixtureRequest) -> None:
    """Drawn worlds, walked by readers of every role."""
    seeded = request.config.getoption("--hypothesis-seed") is not None
    examples = request.config.getoption("--policy-examples", None) or FEW

    @settings(
        max_examples=examples,
        derandomize=not seeded,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    @given(plan=world_plans(), readers=st.permutations(IN_TURN))
    def walk(plan: WorldPlan, readers: list[str]) -> None:
        with tempfile.TemporaryDirectory() as folder, keep_logs() as logs:
            world = build_world(plan, Path(folder), NOW)
            try:
                check_world(world, readers)
                check_logs(world, logs)
            finally:
                world.platform.close()

    walk()


# What is checked


def check_world(world: World, readers: list[str]) -> None:
    """The first readers open everything, the next look at the posts; then mails, links, and what changes nothing."""
    app = create_app(world.platform, clock=lambda: world.now)
    app.jinja_env.bytecode_cache = _templates()
    rules = Rules(world)
    assert unknown_arguments(app, world) == [], "name ids or values of these in crawler.py"
    for name in readers[:READERS_A_WORLD]:
        reader = Reader(world, app, name)
        answers = list(reader.read_everything())
        check_secrets(world, rules, name, answers)
        check_hidden_posts(world, rules, name, answers)
        check_unnamed_owners(world, rules, name, answers)
        check_posts_arrive(world, rules, reader)
        check_engagements_arrive(world, rules, reader)
    for name in readers[READERS_A_WORLD:][:LOOKERS_A_WORLD]:
        check_posts_arrive(world, rules, Reader(world, app, name))
    check_links(world, rules, app)
    check_mails(world, rules)
    outsider = next(name for name in readers if name == "visitor" or name in PEOPLE)
    check_hidden_posts_count_nowhere(world, rules, Reader(world, app, outsider))


@cache
def _templates() -> FileSystemBytecodeCache:
    folder = tempfile.mkdtemp(prefix="duijie-templates-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return FileSystemBytecodeCache(folder)


def check_secrets(world: World, rules: Rules, name: str, answers: Iterable[Seen]) -> None:
    """No answer holds what its reader may not know, and none failed."""
    leaks: dict[str, list[str]] = {}
    for seen in answers:
        assert seen.status < 500 or seen.endpoint == "ops.readyz", f"{name}: {seen.address} answered {seen.status}"
        for marker in seen.marks:
            secret = world.secrets[marker]
            only = rules.only_at(name, secret)
            if not rules.may_know(name, secret) or (only and not any(part in seen.address for part in only)):
                leaks.setdefault(f"{secret.kind} of {secret.of}", []).append(seen.address)
    assert leaks == {}, f"{name} reads {leaks} in {world.plan}"


def check_hidden_posts(world: World, rules: Rules, name: str, answers: Iterable[Seen]) -> None:
    """A post that the reader may not see is like none: its id is nowhere, and asking for it answers as for no post."""
    hidden = {post.id for post in world.posts if not rules.sees_post(name, post)}
    known = {
        post_id
        for fact in world.interests
        if rules.on_a_side(name, fact) or rules.side_of(name, fact)
        for post_id in (fact.target.id, fact.own.id if fact.own is not None else "")
    }
    by_address = {seen.address: seen for seen in answers}
    for seen in by_address.values():
        asked = next((post_id for post_id in hidden if post_id in seen.address), None)
        named = [post_id for post_id in hidden - known if post_id in seen.text and post_id != asked]
        assert named == [], f"{name} is told of the posts {named} by {seen.address}"
        if asked is not None:
            nothing = by_address.get(seen.address.replace(asked, NOWHERE))
            assert nothing is not None
            assert (seen.status, plain(seen, asked)) == (nothing.status, plain(nothing, NOWHERE)), (
                f"{name} can tell that {asked} exists by {seen.address}"
            )


def check_unnamed_owners(world: World, rules: Rules, name: str, answers: Iterable[Seen]) -> None:
    """Where the reader sees a `matched` post but not whose it is, nothing beside it tells."""
    secrets = world.secrets.items()
    for post in world.posts:
        if not rules.sees_post(name, post) or rules.knows_owner(name, post):
            continue
        key = f"post{world.posts.index(post)}"
        telling = {
            marker
            for marker, secret in secrets
            if (secret.kind == "organisation.name" and secret.of == post.plan.owner)
            or (secret.kind == "expert.name" and secret.of == post.plan.expert)
            or (secret.kind in ("post.identity", "post.attachment") and secret.of == key)
        } | {world.organisations[post.plan.owner], post.town}
        title = post.title.split()[-1]
        for seen in answers:
            told = {word for word in telling if any(word in part for part in parts_about(seen, post.id, title))}
            assert told == set(), f"{name} is told at {seen.address} whose {post} is: {told}"


def parts_about(seen: Seen, post_id: str, title: str) -> Iterator[str]:
    """The parts of an answer that speak of one post: its own pages, its row in a table, its item or card in a list."""
    if seen.json is not None:
        for item in items_in(seen.json):
            if item.get("id") == post_id:
                yield str(item)
        return
    if seen.rows:
        yield from (str(row) for row in seen.rows if any(title in cell for cell in row))
        return
    if post_id in seen.address and seen.status == 200 and "/attachments/" not in seen.address:
        yield seen.text.partition("<main")[2].partition('id="town"')[0]
    elif title in seen.text and "<main" in seen.text:
        page = lxml.html.fromstring("<main" + seen.text.partition("<main")[2])
        for element in page.iter():
            if title in (element.text or "") or title in (element.tail or ""):
                around = (element, *element.iterancestors())
                card = next((one for one in around if one.tag in ("li", "tr", "article")), None)
                if card is not None:
                    yield lxml.html.tostring(card, encoding="unicode")


def check_posts_arrive(world: World, rules: Rules, reader: Reader) -> None:
    """Each post is read by whom it is for and by nobody else: page, API, lists and search agree, and so do filters."""
    name = reader.name
    visible = {post.id for post in world.posts if rules.sees_post(name, post)}
    for post in world.posts:
        noun = "needs" if post.plan.side == "need" else "capabilities"
        for address in (f"/posts/{post.id}", f"/api/v1/{noun}/{post.id}"):
            seen = reader.get(address)
            assert seen.status == (200 if post.id in visible else 404), f"{name}: {address} of {post}"
            if post.id in visible:
                assert post.title in seen.text
                organisation = next(
                    m for m, s in world.secrets.items() if s.kind == "organisation.name" and s.of == post.plan.owner
                )
                assert (organisation in seen.text.partition('id="suggestions"')[0]) == (
                    rules.knows_owner(name, post) or rules.belongs(name, post.plan.owner)
                ), f"{name}: owner at {address}"
    for side, noun in (("need", "needs"), ("capability", "capabilities")):
        of_side = {post.id for post in world.posts if post.plan.side == side} & visible
        live = {one for one in of_side if world.post(one).plan.state == "published"}
        for state, expected in (("", live), *((f"&status={one}", _in_state(world, of_side, one)) for one in STATES)):
            listed = reader.get(f"/api/v1/{noun}?limit=100{state}")
            ids = {item["id"] for item in listed.json["items"]}
            assert ids == expected, f"{name}: list of {noun}{state}: {[world.post(one) for one in ids ^ expected]}"
        found = reader.get(f"/api/v1/search?type={side}&limit=50")
        assert {item["id"] for item in found.json["items"]} == live, f"{name}: search for every {side}"
        page = reader.get(f"/search?type={side}")
        assert {one.id for one in world.posts if f"/posts/{one.id}" in page.text} == live, (
            f"{name}: page of every {side}"
        )
        for post in world.posts:
            if post.plan.side != side:
                continue
            by_word = reader.get(f"/api/v1/search?type={side}&q={post.title.split()[-1]}")
            assert (post.id in by_word.text) == (post.id in live), f"{name}: search for {post}"
            # What is not told of a post cannot be found out by asking for it.
            told = rules.knows_owner(name, post)
            if post.id not in live or (told and post.plan.visibility != "matched"):
                continue
            for address in (
                f"/api/v1/search?type={side}&town={post.town}",
                f"/api/v1/{noun}?status=published&town={post.town}",
                f"/search?type={side}&town={post.town}",
            ):
                assert (post.id in reader.get(address).text) == told, f"{name}: {address} for {post}"


def _in_state(world: World, post_ids: set[str], state: str) -> set[str]:
    return {one for one in post_ids if world.post(one).plan.state == state}


def check_engagements_arrive(world: World, rules: Rules, reader: Reader) -> None:
    """An interest is read by its two sides, what follows by those who take part and the staff."""
    for number, fact in enumerate(world.interests):
        on_a_side = rules.on_a_side(reader.name, fact)
        expected = 200 if on_a_side else 404 if reader.name != "visitor" else 302
        assert reader.get(f"/interests/{fact.id}").status == expected, f"{reader.name}: {fact}"
        if fact.engagement_id is None:
            continue
        side = rules.side_of(reader.name, fact)
        page = reader.get(f"/engagements/{fact.engagement_id}")
        assert page.status == (200 if side else 404 if reader.name != "visitor" else 302), f"{reader.name}: {fact}"
        for kind in ("interest.asking_contact", "interest.asked_contact", "engagement.inside"):
            expected_marks = {
                marker
                for marker, secret in world.secrets.items()
                if secret.of == f"interest{number}"
                and secret.kind == kind
                and side
                and (kind == "engagement.inside" or side != "staff")
            }
            assert expected_marks <= page.marks, f"{reader.name} misses {kind} of {fact}"


def check_links(world: World, rules: Rules, app: Flask) -> None:
    """Who holds a participant's link reads what that participant may know, and nobody's contact."""
    for event in world.events:
        for participant, token in event.tokens.items():
            holder = Reader(world, app, "visitor")
            name = next((one for one, known in event.participants.items() if known == participant), None)
            person = {"firm": "firm_owner", "professor": "professor"}.get(name or "")
            for address in (f"/agenda/{token}", f"/agenda/{token}/calendar.ics"):
                seen = holder.get(address)
                assert seen.status == 200, address
                for marker in seen.marks:
                    secret = world.secrets[marker]
                    assert secret.kind in ("event.title", "organisation.name", "expert.name", "post.text"), (
                        address,
                        secret,
                    )
                    if secret.kind == "post.text" and person is not None:
                        assert rules.may_know(person, secret), f"{person}'s link tells {secret}"


def check_mails(world: World, rules: Rules) -> None:
    """Each mail holds what the person it goes to may know."""
    assert world.mails or not world.interests
    people = {f"{name}@example.cn": name for name in world.users}
    for mail in world.mails:
        calendar = mail.calendar.text.replace("\r\n ", "") if mail.calendar is not None else ""
        files = b"".join(one.content for one in mail.attachments).decode(errors="replace")
        text = " ".join((mail.subject, mail.text, mail.html or "", calendar, files, *mail.headers.values()))
        marks = set(MARK.findall(text))
        reader = people.get(mail.address)
        for marker in marks:
            secret = world.secrets[marker]
            if reader is None:
                assert secret.kind in ("event.title", "organisation.name", "expert.name", "event.contact"), (
                    mail,
                    secret,
                )
                assert (
                    secret.kind != "event.contact"
                    or marker in mail.address
                    or secret.of in world.events[0].participants
                )
            else:
                only = rules.only_at(reader, secret)
                assert rules.may_know(reader, secret), f"a mail tells {reader} {secret}: {mail}"
                assert only == (), f"a mail tells {reader} {secret}: {mail}"


def check_logs(world: World, logs: list[str]) -> None:
    """No title, name, contact or address got into a log line."""
    marked = [line for line in logs if MARK.search(line)]
    assert marked == [], f"logged: {[world.secrets[m] for line in marked for m in MARK.findall(line)]} {marked[:3]}"


LISTS = (
    "home.", "search.", "organisations.", "experts.list", "experts.show", "posts.list_mine", "inbox.", "exports.",
    "api-search.", "api-needs.list_needs", "api-capabilities.list_capabilities", "api-organisations.", "api-experts.",
    "api-notifications.", "events.show_list", "interests.list", "engagements.list", "open_data.", "ops.",
)  # fmt: skip
"""Beginnings of the endpoints that list or count."""


def check_hidden_posts_count_nowhere(world: World, rules: Rules, reader: Reader) -> None:
    """All lists, counts and orders stay as they are to the letter when posts that the reader may not see change
    altogether: what makes no difference cannot be told. The background of scores is counted anew before and after."""
    touched = {
        post.id
        for fact in world.interests
        if rules.on_a_side(reader.name, fact) or rules.side_of(reader.name, fact)
        for post in (fact.target, fact.own)
        if post is not None
    }
    hidden = [post for post in world.posts if not rules.sees_post(reader.name, post) and post.id not in touched]
    if not hidden:
        return
    refresh_statistics(world.platform, world.now)
    settle_everything(world.platform, world.now)
    before = _read_lists(world, reader)
    with world.platform.unit_of_work() as uow:
        for post in hidden:
            row = uow.session.get_one(Post, post.id)
            row.title, row.domain, row.town, row.status = "完全不同的内容", None, None, "archived"
            row.set_codes("industry", [])
            uow.owe(POST_CHANGED, post.id, world.now)
        uow.commit()
    refresh_statistics(world.platform, world.now)
    settle_everything(world.platform, world.now)
    after = _read_lists(world, reader)
    differ = [address for address in before if before[address] != after[address]]
    lines = [line for one in differ[:1] for line in unified_diff(*(x[one].splitlines() for x in (before, after)), n=0)]
    assert differ == [], f"{reader.name} can tell by {differ} that something changed: {lines[:12]} in {hidden}"


def _read_lists(world: World, reader: Reader) -> dict[str, str]:
    found = {}
    for endpoint, address in addresses(reader.app, world):
        if endpoint.startswith(LISTS):
            seen = reader.get(address, endpoint)
            found[address] = f"{seen.status} {seen.rows or plain(seen, NOWHERE)}"
    return found


_CHANGING = re.compile(
    r'(X-Request-ID: |name="csrf_token" value="|content="|ETag: |Last-Modified: |"request_id": ?")[^\s"]*'
    r"|(?:请求号|Request) [0-9a-f]+|Date: [^\n]*|Expires: [^\n]*"
)


def plain(seen: Seen, asked: str) -> str:
    """The answer without what differs between any two answers, and without the id that was asked for."""
    return _CHANGING.sub("", seen.text).replace(asked, "ID").replace(NOWHERE, "ID")


@contextmanager
def keep_logs() -> Iterator[list[str]]:
    """Everything that is logged, as it would be written."""
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(f"{record.getMessage()} {record.__dict__} {record.exc_info}")

    root, keep = logging.getLogger(), Keep(level=logging.INFO)
    level = root.level
    root.addHandler(keep)
    root.setLevel(logging.INFO)
    try:
        yield lines
    finally:
        root.removeHandler(keep)
        root.setLevel(level)

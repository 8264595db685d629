"""Who may know what, in the words of the product: an independent model of the rules.

It reads nothing of the product's code: what is written here was taken from the description of the product, and speaks
only of the facts of a `World`. A reader is named as in `world.READERS`.
"""

from __future__ import annotations

from tests.integration.policy.world import (
    FOSHAN,
    PEOPLE,
    REGION_OF,
    STAFF,
    EventFact,
    InterestFact,
    PostFact,
    Secret,
    World,
)


def significant(region: str) -> str:
    """440700 governs all that begins with 4407."""
    code = region
    while code.endswith("00"):
        code = code[:-2]
    return code


class Rules:
    """The rules over one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.suggested = world.suggested()

    # Who somebody is

    def is_administrator(self, reader: str) -> bool:
        """Whether they may do everything."""
        return reader == "administrator"

    def belongs(self, reader: str, organisation: str) -> bool:
        """Whether they are members, in whatever role."""
        return reader in PEOPLE and PEOPLE[reader][0] == organisation

    def writes(self, reader: str, organisation: str) -> bool:
        """Whether they write in the organisation's name."""
        return self.belongs(reader, organisation) and PEOPLE[reader][1] in ("owner", "editor")

    def governs(self, reader: str, region: str) -> bool:
        """Whether they are the staff of the region, or administrators."""
        if self.is_administrator(reader):
            return True
        return reader in STAFF and region.startswith(significant(STAFF[reader]))

    # Posts

    def sees_post(self, reader: str, post: PostFact) -> bool:
        """Owners see theirs in every state, the staff all of their region but drafts, others what is live and meant
        for them."""
        plan = post.plan
        if self.is_administrator(reader) or self.belongs(reader, plan.owner):
            return True
        if plan.state != "draft" and self.governs(reader, post.region):
            return True
        if plan.state != "published":
            return False
        if plan.visibility == "public":
            return True
        if reader == "visitor" or plan.visibility == "staff":
            return False
        return plan.visibility == "members" or self.was_brought_to(reader, post)

    def was_brought_to(self, reader: str, post: PostFact) -> bool:
        """Whether a `matched` post was suggested to the reader's organisation, or shown to them by an interest."""
        for need_id, capability_id in self.suggested:
            if post.id in (need_id, capability_id):
                other = self.world.post(capability_id if post.id == need_id else need_id)
                if self.belongs(reader, other.plan.owner):
                    return True
        for fact in self.world.interests:
            if post not in (fact.target, fact.own):
                continue
            if fact.status == "open" and (self.asks(reader, fact) or self.is_asked(reader, fact)):
                return True
            if self.takes_part(reader, fact):
                return True
        return False

    def knows_owner(self, reader: str, post: PostFact) -> bool:
        """Whether a reader who sees the post is told whose it is."""
        if post.plan.visibility != "matched" or self.belongs(reader, post.plan.owner):
            return True
        if self.governs(reader, post.region):
            return True
        return any(post in (fact.target, fact.own) and self.takes_part(reader, fact) for fact in self.world.interests)

    # Interests and what follows

    def asks(self, reader: str, fact: InterestFact) -> bool:
        """Whether they are on the side that asks: those behind the own post, else who asked and, in a firm, all who
        write for it."""
        if reader == fact.asking:
            return True
        organisation = PEOPLE[fact.asking][0]
        if fact.own is not None and fact.own.plan.expert is not None:
            return reader == fact.own.plan.expert
        if fact.own is None and organisation == "university":
            return False
        return self.writes(reader, organisation)

    def is_asked(self, reader: str, fact: InterestFact) -> bool:
        """Whether they are on the side that is asked: the expert behind the post and its author, else its writers."""
        if fact.target.plan.expert is not None:
            return reader == fact.target.plan.expert or (
                reader == fact.target.author and self.writes(reader, fact.target.plan.owner)
            )
        return self.writes(reader, fact.target.plan.owner)

    def side_of(self, reader: str, fact: InterestFact) -> str | None:
        """need, capability or broker for those who take part in what followed; staff for those who look on."""
        if fact.engagement_id is None:
            return None
        target_side = fact.target.plan.side
        if self.asks(reader, fact):
            return "need" if target_side == "capability" else "capability"
        if self.is_asked(reader, fact) or reader == fact.answered_by:
            return target_side
        if reader in fact.copied:
            return "broker"
        return "staff" if any(self.governs(reader, region) for region in self.regions_of(fact)) else None

    def takes_part(self, reader: str, fact: InterestFact) -> bool:
        """Whether they are among those who know each other."""
        return self.side_of(reader, fact) in ("need", "capability", "broker")

    def regions_of(self, fact: InterestFact) -> tuple[str, str]:
        """Of the two sides."""
        own = fact.own.region if fact.own is not None else REGION_OF[PEOPLE[fact.asking][0]]
        return own, fact.target.region

    def on_a_side(self, reader: str, fact: InterestFact) -> bool:
        """Whether they see the interest itself."""
        return self.asks(reader, fact) or self.is_asked(reader, fact)

    # Secrets

    def only_at(self, reader: str, secret: Secret) -> tuple[str, ...]:
        """Parts of the only addresses at which the staff may read what is logged when it does; none where it does not
        matter."""
        if secret.kind == "post.contact":
            owner = self.world.posts[int(secret.of.removeprefix("post"))].plan.owner
            return () if self.belongs(reader, owner) else ("/contact", "/edit", "/events/")
        if secret.kind == "expert.contact" and (reader in STAFF or self.is_administrator(reader)):
            return ("/edit", "/events/")
        if secret.kind in ("interest.asking_contact", "interest.asked_contact"):
            fact = self.world.interests[int(secret.of.removeprefix("interest"))]
            looks_on = self.side_of(reader, fact) == "staff" and not self.on_a_side(reader, fact)
            return ("/contacts",) if looks_on else ()
        return ()

    def may_know(self, reader: str, secret: Secret) -> bool:
        """Whether the secret may reach the reader by any way at all."""
        kind, of = secret.kind, secret.of
        noun = kind.split(".")[0]
        if noun == "post":
            return self._of_post(reader, kind, self.world.posts[int(of.removeprefix("post"))])
        if noun in ("interest", "engagement"):
            number = int(of.removeprefix("interest"))
            facts = self.world.interests
            return number < len(facts) and self._of_interest(reader, kind, facts[number])
        if noun == "expert":
            return self._of_expert(reader, kind, of)
        if noun == "event":
            return self._of_event(reader, kind)
        if noun == "organisation":
            return self._of_organisation(reader, kind, of)
        if kind == "user.name":
            return self._knows_name(reader, of)
        if kind in ("private", "import"):
            return reader == of
        if kind == "registration":
            return self.governs(reader, of)
        if kind == "nowhere":
            return False
        raise AssertionError(f"no rule for {kind}")

    def _of_post(self, reader: str, kind: str, post: PostFact) -> bool:
        owner = self.belongs(reader, post.plan.owner)
        # Administrators look into drafts too, as `sees_post` has it.
        drafted = post.plan.state == "draft" and not self.is_administrator(reader)
        office = not drafted and self.governs(reader, post.region)
        if kind == "post.text":
            if self.sees_post(reader, post):
                return True
            # The title of an engagement is that of the post it began with.
            return any(fact.target == post and self.side_of(reader, fact) for fact in self.world.interests)
        if kind == "post.note":
            return office
        if kind == "post.old_title":
            return owner or office
        if kind == "post.contact":
            # To the office, and to that which invites the owner to its event, only where it is logged: see `only_at`.
            invited = any(
                self.organises(reader, one.region) and post.plan.owner in one.attending for one in self.world.events
            )
            return owner or office or (invited and post.plan.state == "published")
        if kind == "post.return":
            return owner or office
        return self.sees_post(reader, post) and self.knows_owner(reader, post)

    def _of_interest(self, reader: str, kind: str, fact: InterestFact) -> bool:
        if kind.startswith("engagement.note."):
            return self.side_of(reader, fact) == kind.rpartition(".")[2]
        if kind == "engagement.file":
            return self.takes_part(reader, fact)
        if kind == "engagement.inside":
            return self.side_of(reader, fact) is not None
        if kind in ("interest.aim", "interest.reason"):
            return self.on_a_side(reader, fact)
        if kind == "interest.asking_contact" and self.asks(reader, fact):
            return True  # their own
        return self.side_of(reader, fact) is not None

    def _of_expert(self, reader: str, kind: str, name: str) -> bool:
        # The staff of the region keeps the entry too; that it reads the contact there is logged.
        keeps = reader == name or self.writes(reader, "university") or self.governs(reader, FOSHAN)
        if kind == "expert.contact":
            invites = any(self.organises(reader, one.region) and name in one.attending for one in self.world.events)
            return keeps or invites
        if not self.sees_expert(reader, name):
            return self._meets_at_event(reader, name) if kind == "expert.name" else False
        if kind == "expert.intro" and name == "professor" and self.world.plan.professor_hides_intro:
            return keeps
        return True

    def sees_expert(self, reader: str, name: str) -> bool:
        """Members see all but the hidden; visitors those who stand by name behind something that visitors see."""
        if name == "professor" and self.world.plan.professor_hidden:
            return self.belongs(reader, "university") or self.governs(reader, FOSHAN)
        if reader != "visitor":
            return True
        return any(
            post.plan.expert == name and post.plan.state == "published" and post.plan.visibility == "public"
            for post in self.world.posts
        )

    def _meets_at_event(self, reader: str, name: str) -> bool:
        """Who takes part in an event with them, or organises it, knows the name."""
        return any(
            name in event.attending and (self.organises(reader, event.region) or self.attends(reader, event))
            for event in self.world.events
        )

    def attends(self, reader: str, event: EventFact) -> bool:
        """Whether they take part themselves, or write for an organisation that does."""
        return reader in event.attending or any(self.writes(reader, one) for one in event.attending)

    def organises(self, reader: str, region: str) -> bool:
        """Whether the event is theirs."""
        return self.governs(reader, region)

    def _of_event(self, reader: str, kind: str) -> bool:
        event = self.world.events[0]
        if self.organises(reader, event.region):
            return True
        if kind != "event.title":
            return False
        announced = event.public and event.announced
        return announced or self.attends(reader, event)

    def _of_organisation(self, reader: str, kind: str, of: str) -> bool:
        if kind == "organisation.unapproved":
            return self.governs(reader, of)
        if kind == "organisation.note":
            return self.governs(reader, REGION_OF[of])
        if kind == "organisation.contact":
            return self.belongs(reader, of)
        return True

    def _knows_name(self, reader: str, name: str) -> bool:
        """The name of an account is for its person, colleagues, and those whom they work with."""
        if reader == name or self.is_administrator(reader) or reader in STAFF:
            return True
        if name in PEOPLE and self.belongs(reader, PEOPLE[name][0]):
            return True
        working = [fact for fact in self.world.interests if self.side_of(reader, fact) is not None]
        # Managers of the institution and brokers are whom the two sides may ask in.
        if any(self.side_of(name, fact) is not None or name in ("broker", "manager") for fact in working):
            return True
        return name in STAFF or name == "administrator" if working or reader in PEOPLE else False

"""What programs collect without an account: whole, in forms that others read, nothing that a visitor may not see."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import feedparser
import pytest
from lxml import etree
from pyld import jsonld
from sqlalchemy import event, select

from matching.bootstrap import Platform
from matching.documents import MoneyRange
from matching.models import CapabilityExpert, Expert, ExpertWork, OpenRecord, Organisation, VocabularyTerm, Work
from matching.queries import open_data as open_queries
from matching.services.experts import agree_to_open_data, erase_expert, hide_fields
from matching.services.open_records import note_open_records
from matching.services.posts import pause_post
from matching.services.retention import apply_retention
from matching.services.works import hide_work
from tests.factories.people import Member, make_expert, make_member
from tests.factories.platforms import make_platform
from tests.factories.posts import make_capability, make_need
from tests.unit.web.conftest import Browser, Clock
from web.app import create_app

PROFILE = etree.RelaxNG(etree.parse(Path(__file__).parents[2] / "matching" / "exporting" / "cerif_profile.rng"))
SITEMAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
OAI = "{http://www.openarchives.org/OAI/2.0/}"
CERIF = "{https://www.openaire.eu/cerif-profile/1.1/}"
KINDS = ("organisations", "persons", "publications", "patents", "products", "equipments")
NOW = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)
BASE = "http://127.0.0.1:8000"


@dataclass(frozen=True)
class Scene:
    """A firm and a university with an expert who agreed, one who did not, and posts of every visibility."""

    firm: Member
    university: Member
    agreed_id: str
    silent_id: str
    need_id: str
    members_id: str
    """A need for members only."""


class House:
    """An application of its own over a filled platform; most tests only read it, so they share one."""

    def __init__(self, folder: Path) -> None:
        self.platform = make_platform(folder)
        self.clock = Clock(NOW)
        with self.platform.unit_of_work() as uow:
            for vocabulary, code in (("industry", "C39"), ("domain", "electronics"), ("domain", "materials")):
                uow.session.add(
                    VocabularyTerm(vocabulary=vocabulary, code=code, label_zh=f"标签 {code}", label_en=code, position=0)
                )
            uow.commit()
        self.app = create_app(self.platform, clock=self.clock)
        self.app.testing = True
        self.scene = make_scene(self.platform, NOW)

    def browse(self, email: str | None = None) -> Browser:
        """A visitor's browser, or a member's."""
        browser = Browser(self.app.test_client())
        if email is not None:
            assert browser.sign_in(email).status_code == 302
        return browser


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("open"))
    yield made
    made.platform.close()


@pytest.fixture
def own_house(tmp_path: Path) -> Iterator[House]:
    """For tests that change something."""
    made = House(tmp_path)
    yield made
    made.platform.close()


@pytest.fixture
def scene(house: House) -> Scene:
    return house.scene


@pytest.fixture
def visitor(house: House) -> Browser:
    return house.browse()


def make_scene(platform: Platform, now: datetime) -> Scene:
    firm = make_member(platform, now, email="firm@example.cn", organisation="鹤山市示例电路有限公司")
    university = make_member(platform, now, email="uni@example.cn", organisation="示例大学", kind="university")
    other = make_member(platform, now, email="silent@example.cn", organisation_id=university.organisation_id)
    agreed_id = make_expert(platform, now, university, name="欧阳明德")
    silent_id = make_expert(platform, now, other, name="沉默者")
    with platform.unit_of_work() as uow:
        agree_to_open_data(uow, university.actor, agreed_id, True, now)
    need_id = make_need(
        platform,
        firm,
        now,
        title="公开需求 </script><b>&",
        problem="翘曲 0.7%\x0b以上",
        industry_codes=("C39",),
        domain="electronics",
        money=MoneyRange(minimum=Decimal("20"), maximum=Decimal("30.5")),
        contact={"name": "秘密联系人", "phone": "13800000000", "email": "secret@example.cn"},
    )
    members_id = make_need(platform, firm, now, title="秘密需求 members", visibility="members")
    for visibility in ("members", "matched", "staff"):
        make_need(platform, firm, now, title=f"秘密需求 {visibility}", visibility=visibility)
        make_capability(platform, university, now, title=f"秘密供给 {visibility}", visibility=visibility, kind="patent")
    make_need(platform, firm, now, title="秘密需求 draft", publish=False)
    paused = make_need(platform, firm, now, title="秘密需求 paused")
    with platform.unit_of_work() as uow:
        pause_post(uow, firm.actor, paused, now)
    kinds = ("achievement", "patent", "facility", "service", "expertise")
    public = {
        kind: make_capability(
            platform, university, now, title=f"公开供给 {kind}", kind=kind, abstract="=SUM(A1)", ip_number="ZL1"
        )
        for kind in kinds
    }
    with platform.unit_of_work() as uow:
        for kind in kinds:
            for expert_id in (agreed_id, silent_id):
                uow.session.add(CapabilityExpert(capability_id=public[kind], expert_id=expert_id))
        uow.session.get_one(Expert, agreed_id).extra = {"fields": {"orcid": "0000-0002-1825-0097"}}
        for kind in ("paper", "book", "thesis", "other", "patent", "software", "achievement"):
            for owner in (agreed_id, silent_id):
                name = "公开著作" if owner == agreed_id else "秘密著作"
                work = Work(
                    kind=kind,
                    title=f"{name} {kind}",
                    title_key=f"{owner}{kind}"[:64],
                    doi=f"10.1000/{owner[:8]}.{kind}" if kind != "patent" else None,
                    year=2024,
                    venue="示例学报",
                    authors=["欧阳明德", "Other Author", "沉默者"],
                    keywords=["翘曲"],
                    abstract="摘要",
                    created_at=now,
                    updated_at=now,
                )
                uow.session.add(work)
                uow.session.flush()
                uow.session.add(ExpertWork(expert_id=owner, work_id=work.id, hidden=False, created_at=now))
                if owner == agreed_id:
                    uow.session.add(ExpertWork(expert_id=silent_id, work_id=work.id, hidden=False, created_at=now))
        hidden = Work(
            kind="paper",
            title="秘密著作 hidden",
            title_key="h",
            authors=[],
            keywords=[],
            created_at=now,
            updated_at=now,
        )
        uow.session.add(hidden)
        uow.session.flush()
        uow.session.add(ExpertWork(expert_id=agreed_id, work_id=hidden.id, hidden=True, created_at=now))
        waiting = Organisation(
            kind="enterprise", name="秘密单位", name_key="k", region_code="440784", industry_codes=[], extra={},
            approved=False, created_at=now, updated_at=now,
        )  # fmt: skip
        uow.session.add(waiting)
        uow.commit()
    return Scene(firm, university, agreed_id, silent_id, need_id, members_id)


def outputs(browser: Browser) -> Iterator[tuple[str, str]]:
    """Everything there is to collect."""
    maps = [place.removeprefix(BASE) for place in locations(browser.get("/sitemap.xml").data)]
    for path in (
        "/sitemap.xml",
        *maps,
        "/feeds/needs.atom",
        "/feeds/capabilities.atom",
        "/feeds/needs.atom?industry=C39&domain=electronics",
        *(f"/open-data/{kind}.{suffix}" for kind in KINDS for suffix in ("xml", "csv")),
        "/oai?verb=ListRecords&metadataPrefix=oai_cerif_openaire",
        "/open-data",
    ):
        answer = browser.get(path)
        assert answer.status_code == 200, path
        yield path, answer.text


def locations(document: bytes) -> list[str]:
    return [node.text for node in etree.fromstring(document).iter(f"{SITEMAP}loc")]


def head_of(browser: Browser, path: str) -> str:
    return browser.get(path).text.split("</head>")[0]


def linked_data(browser: Browser, path: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/ld\+json">(.*?)</script>', browser.get(path).text, re.DOTALL)
    assert found is not None, path
    data: dict[str, Any] = json.loads(found[1])
    return data


@pytest.mark.parametrize("email", [None, "firm@example.cn", "uni@example.cn"])
def test_nothing_but_what_a_visitor_sees_is_collected_whoever_asks(
    house: House, scene: Scene, email: str | None
) -> None:
    seen = "".join(text for _path, text in outputs(house.browse(email)))
    assert "公开需求" in seen
    assert "欧阳明德" in seen
    for word in ("秘密", "沉默者", scene.silent_id, "13800000000", "secret@example.cn", "uni@example.cn"):
        assert word not in seen, word


def test_who_withdraws_hides_or_erases_is_gone_at_once(own_house: House) -> None:
    scene, platform, clock, visitor = own_house.scene, own_house.platform, own_house.clock, own_house.browse()
    steps: list[Callable[[Any], Any]] = [
        lambda uow: agree_to_open_data(uow, scene.university.actor, scene.agreed_id, False, clock.moment),
        lambda uow: hide_fields(uow, scene.university.actor, scene.agreed_id, set(), clock.moment, all_=True),
        lambda uow: erase_expert(uow, scene.university.actor, scene.agreed_id, clock.moment),
    ]
    for number, step in enumerate(steps):
        assert "欧阳明德" in visitor.get("/open-data/persons.csv").text
        with platform.unit_of_work() as uow:
            step(uow)
        seen = "".join(text for _path, text in outputs(visitor))
        for word in ("欧阳明德", "公开著作", "0000-0002-1825-0097"):
            assert word not in seen, (number, word)
        if number < 2:
            with platform.unit_of_work() as uow:
                hide_fields(uow, scene.university.actor, scene.agreed_id, set(), clock.moment, all_=False)
            with platform.unit_of_work() as uow:
                agree_to_open_data(uow, scene.university.actor, scene.agreed_id, True, clock.moment)


def test_a_post_past_its_date_is_gone_before_anything_expires_it(house: House, visitor: Browser) -> None:
    house.clock.advance(days=400)
    try:
        seen = "".join(text for _path, text in outputs(visitor))
    finally:
        house.clock.advance(days=-400)
    assert "鹤山市示例电路有限公司" in seen
    assert "公开需求" not in seen
    assert "公开供给" not in seen


def test_cerif_is_of_the_profile_and_complete(scene: Scene, visitor: Browser) -> None:
    found: dict[str, list[str]] = {}
    for kind in KINDS:
        document = etree.fromstring(visitor.get(f"/open-data/{kind}.xml").data)
        PROFILE.assertValid(document)
        found[kind] = sorted(node.tag.removeprefix(CERIF) for node in document)
    assert found == {
        "organisations": ["OrgUnit"] * 2,
        "persons": ["Person"],
        "publications": ["Publication"] * 4,
        "patents": ["Patent"] * 2,
        "products": ["Product"] * 3,
        "equipments": ["Equipment"],
    }
    person = etree.fromstring(visitor.get("/open-data/persons.xml").data)
    assert person.findtext(f".//{CERIF}FamilyNames") == "欧阳"
    assert person.findtext(f".//{CERIF}FirstNames") == "明德"
    assert person.findtext(f".//{CERIF}ORCID") == "https://orcid.org/0000-0002-1825-0097"
    authors = etree.fromstring(visitor.get("/open-data/publications.xml").data).findall(f".//{CERIF}Authors")
    assert {tuple(node.text for node in one.iter(f"{CERIF}DisplayName")) for one in authors} == {
        ("欧阳明德", "Other Author")
    }


def test_the_profile_of_the_test_refuses_what_is_wrong(scene: Scene, visitor: Browser) -> None:
    document = etree.fromstring(visitor.get("/open-data/publications.xml").data)
    publication = document[0]
    publication.append(publication[0])  # the type belongs first
    assert not PROFILE.validate(document)


def test_tables_have_the_same_rows_and_no_formulas(scene: Scene, visitor: Browser) -> None:
    for kind in KINDS:
        text = visitor.get(f"/open-data/{kind}.csv").data.decode("utf-8-sig")
        rows = list(csv.DictReader(io.StringIO(text)))
        entities = etree.fromstring(visitor.get(f"/open-data/{kind}.xml").data)
        assert [row["id"] for row in rows] == [node.get("id") for node in entities]
        assert not any(value.startswith("=") for row in rows for value in row.values())
    assert visitor.get("/open-data/persons.pdf").status_code == 404
    assert visitor.get("/open-data/secrets.csv").status_code == 404


def test_long_lists_come_in_pieces_and_nothing_is_lost(house: House, visitor: Browser) -> None:
    whole = visitor.get("/open-data/patents.csv").text
    with house.platform.reading() as reading:
        for limit in (1, 2, 3):
            after, keys = "", []
            while rows := open_queries.list_open(reading, "patents", NOW, after=after, limit=limit):
                keys += [row[0] for row in rows]
                after = rows[-1][0]
            assert keys == [line.split(",")[0] for line in whole.splitlines()[1:]]


def test_feeds_are_read_by_an_independent_reader(scene: Scene, visitor: Browser) -> None:
    answer = visitor.get("/feeds/needs.atom?industry=C3&domain=electronics")
    assert answer.status_code == 404  # no term of that code
    answer = visitor.get("/feeds/needs.atom?industry=C39")
    assert answer.content_type == "application/atom+xml; charset=utf-8"
    feed = feedparser.parse(answer.data)
    assert (feed.bozo, feed.version) == (False, "atom10")
    assert [entry.title for entry in feed.entries] == ["公开需求 </script><b>&"]
    entry = feed.entries[0]
    assert entry.id == f"tag:127.0.0.1,2026:posts/{scene.need_id}"
    assert entry.link == f"{BASE}/posts/{scene.need_id}"
    assert entry.author == "鹤山市示例电路有限公司"
    assert {tag.term for tag in entry.tags} == {"C39", "electronics"}
    assert entry.summary == "翘曲 0.7% 以上"
    assert feedparser.parse(visitor.get("/feeds/needs.atom?domain=materials").data).entries == []
    assert len(feedparser.parse(visitor.get("/feeds/capabilities.atom").data).entries) == 5
    again = visitor.get("/feeds/needs.atom?industry=C39", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    later = visitor.get(
        "/feeds/needs.atom?industry=C39", headers={"If-Modified-Since": answer.headers["Last-Modified"]}
    )
    assert later.status_code == 304


def test_the_site_map_lists_each_public_page_once_and_all_open(scene: Scene, visitor: Browser) -> None:
    assert f"Sitemap: {BASE}/sitemap.xml" in visitor.get("/robots.txt").text
    pages = [
        page
        for place in locations(visitor.get("/sitemap.xml").data)
        for page in locations(visitor.get(place.removeprefix(BASE)).data)
    ]
    assert len(pages) == len(set(pages)) == 6 + 2 + 1
    for page in pages:
        assert visitor.get(page.removeprefix(BASE)).status_code == 200
    assert visitor.get("/sitemaps/posts-2.xml").status_code == 404


def test_linked_data_survives_a_round_trip_and_ends_no_script(scene: Scene, visitor: Browser) -> None:
    data = linked_data(visitor, f"/posts/{scene.need_id}")
    context = {"@context": {"@vocab": "https://schema.org/", "url": {"@type": "@id"}}}
    expanded = jsonld.expand({**data, "@context": context["@context"]})
    assert jsonld.expand(jsonld.compact(expanded, context)) == expanded
    demand = next(node for node in data["@graph"] if node["@type"] == "Demand")
    assert demand["name"] == "公开需求 </script><b>&"
    assert demand["priceSpecification"] == {
        "@type": "PriceSpecification", "priceCurrency": "CNY", "minPrice": 200_000, "maxPrice": 305_000,
    }  # fmt: skip
    owner = next(node for node in data["@graph"] if node["@type"] == "Corporation")
    assert owner["seeks"] == {"@id": demand["@id"]}
    triples = jsonld.to_rdf({**data, "@context": context["@context"]})["@default"]
    assert any(
        one["predicate"]["value"] == "https://schema.org/seeks" and one["object"]["value"] == demand["@id"]
        for one in triples
    )


def test_heads_say_where_the_page_is_and_who_is_not_to_be_indexed(house: House, scene: Scene, visitor: Browser) -> None:
    head = head_of(visitor, f"/posts/{scene.need_id}")
    assert f'<link rel="canonical" href="{BASE}/posts/{scene.need_id}">' in head
    assert '<meta property="og:title" content="公开需求 &lt;/script&gt;&lt;b&gt;&amp;">' in head
    assert 'type="application/atom+xml"' in head
    assert linked_data(visitor, f"/experts/{scene.agreed_id}")["@type"] == "Person"
    assert "noindex" not in head_of(visitor, f"/experts/{scene.agreed_id}")
    silent = head_of(visitor, f"/experts/{scene.silent_id}")
    assert "noindex" in silent
    assert "ld+json" not in silent
    assert linked_data(visitor, f"/organisations/{scene.university.organisation_id}")["name"] == "示例大学"
    mine = head_of(house.browse("firm@example.cn"), f"/posts/{scene.members_id}")
    assert "noindex" in mine
    assert "ld+json" not in mine


def test_programs_harvest_by_the_protocol(scene: Scene, visitor: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("matching.exporting.harvesting.RECORDS_AT_ONCE", 4)

    def ask(**arguments: str) -> Any:
        return etree.fromstring(visitor.get("/oai", query_string=arguments).data)

    assert ask(verb="Identify").findtext(f".//{OAI}protocolVersion") == "2.0"
    assert len(ask(verb="ListSets").findall(f".//{OAI}setSpec")) == 6
    assert ask(verb="ListMetadataFormats").findtext(f".//{OAI}metadataPrefix") == "oai_cerif_openaire"
    found: list[str] = []
    page = ask(verb="ListRecords", metadataPrefix="oai_cerif_openaire")
    while True:
        for record in page.iter(f"{OAI}record"):
            PROFILE.assertValid(record.find(f"{OAI}metadata")[0])
            found.append(record.findtext(f".//{OAI}identifier"))
        token = page.findtext(f".//{OAI}resumptionToken")
        if not token:
            break
        page = ask(verb="ListRecords", resumptionToken=token)
    assert len(found) == len(set(found)) == 2 + 1 + 4 + 2 + 3 + 1
    for identifier in found:
        one = ask(verb="GetRecord", metadataPrefix="oai_cerif_openaire", identifier=identifier)
        assert one.findtext(f".//{OAI}identifier") == identifier
    posted = visitor.client.post("/oai", data={"verb": "ListIdentifiers", "metadataPrefix": "oai_cerif_openaire",
                                              "set": "openaire_cris_persons", "from": "2026-11-25"})  # fmt: skip
    assert len(etree.fromstring(posted.data).findall(f".//{OAI}header")) == 1
    faults = {
        "badVerb": {"verb": "Nothing"},
        "badArgument": {"verb": "ListRecords"},
        "cannotDisseminateFormat": {"verb": "ListRecords", "metadataPrefix": "oai_dc"},
        "idDoesNotExist": {
            "verb": "GetRecord", "metadataPrefix": "oai_cerif_openaire",
            "identifier": f"oai:127.0.0.1:Persons/{scene.silent_id}",
        },
        "badResumptionToken": {"verb": "ListRecords", "resumptionToken": "W10"},
        "noRecordsMatch": {"verb": "ListRecords", "metadataPrefix": "oai_cerif_openaire", "until": "2026-11-24"},
    }  # fmt: skip
    for code, arguments in faults.items():
        assert ask(**arguments).find(f"{OAI}error").get("code") == code


def test_the_number_of_statements_does_not_follow_the_number_of_rows(own_house: House) -> None:
    visitor = own_house.browse()
    noted: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        noted.append(statement)

    def count(path: str) -> int:
        noted.clear()
        assert visitor.get(path).status_code == 200
        return len(noted)

    event.listen(own_house.platform.engine, "before_cursor_execute", note)
    paths = (
        "/feeds/capabilities.atom",
        "/open-data/products.xml",
        "/open-data/publications.csv",
        "/sitemaps/posts-1.xml",
    )
    for path in paths:
        count(path)  # what a process reads once and keeps
    before = {path: count(path) for path in paths}
    for number in range(3):
        make_capability(own_house.platform, own_house.scene.university, NOW, title=f"更多 {number}", kind="achievement")
    assert {path: count(path) for path in paths} == before


class Harvester:
    """A program that keeps what it collected and asks only for what changed since the last time."""

    def __init__(self, house: House) -> None:
        self.house, self.visitor = house, house.browse()
        self.kept: dict[str, str] = {}
        self.since = ""

    def collect(self) -> dict[str, str]:
        """What it has now: identifier → the record, without its header."""
        arguments = {"verb": "ListRecords", "metadataPrefix": "oai_cerif_openaire"}
        if self.since:
            arguments["from"] = self.since
        while True:
            page = etree.fromstring(self.visitor.get("/oai", query_string=arguments).data)
            for record in page.iter(f"{OAI}record"):
                identifier = record.findtext(f".//{OAI}identifier")
                if record.find(f"{OAI}header").get("status") == "deleted":
                    assert record.find(f"{OAI}metadata") is None
                    self.kept.pop(identifier, None)
                else:
                    self.kept[identifier] = etree.tostring(record.find(f"{OAI}metadata")[0], encoding="unicode")
            if not (token := page.findtext(f".//{OAI}resumptionToken")):
                break
            arguments = {"verb": "ListRecords", "resumptionToken": token}
        self.since = self.house.clock.moment.strftime("%Y-%m-%dT%H:%M:%SZ")
        return self.kept


def collect_all(house: House) -> dict[str, str]:
    return Harvester(house).collect()


def test_who_harvests_only_what_changed_has_what_is_there(own_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the change is in: a consent, another row, the time."""
    monkeypatch.setattr("matching.exporting.harvesting.RECORDS_AT_ONCE", 3)
    scene, platform, clock = own_house.scene, own_house.platform, own_house.clock
    actor, agreed = scene.university.actor, scene.agreed_id
    note_open_records(platform, clock.moment)
    harvester = Harvester(own_house)
    first = dict(harvester.collect())
    assert len(first) == 13

    def rename(uow: Any) -> None:
        uow.session.get_one(Organisation, scene.university.organisation_id).name = "改名大学"
        uow.commit()

    def leave(uow: Any) -> None:
        for affiliation in uow.session.get_one(Expert, agreed).affiliations:
            affiliation.ends_on = clock.moment.date()
        uow.commit()

    def work_of(uow: Any) -> str:
        return str(uow.session.scalar(select(Work.id).where(Work.title == "公开著作 book")))

    steps: dict[str, Callable[[Any], Any]] = {
        "withdraws": lambda uow: agree_to_open_data(uow, actor, agreed, False, clock.moment),
        "agrees": lambda uow: agree_to_open_data(uow, actor, agreed, True, clock.moment),
        "hides a work": lambda uow: hide_work(uow, actor, agreed, work_of(uow), True, clock.moment),
        "shows it": lambda uow: hide_work(uow, actor, agreed, work_of(uow), False, clock.moment),
        "hides everything": lambda uow: hide_fields(uow, actor, agreed, set(), clock.moment, all_=True),
        "hides a field": lambda uow: hide_fields(uow, actor, agreed, {"name_en"}, clock.moment, all_=False),
        "another row": rename,
        "time": leave,
        "erases": lambda uow: erase_expert(uow, actor, agreed, clock.moment),
    }
    for name, step in steps.items():
        clock.advance(days=1)
        with platform.unit_of_work() as uow:
            step(uow)
        if name in ("another row", "time"):
            clock.advance(days=1)
            note_open_records(platform, clock.moment)  # as the beat does every hour
        assert harvester.collect() == collect_all(own_house), name
    assert not any("Persons/" in identifier for identifier in harvester.kept)
    clock.advance(days=400)
    note_open_records(platform, clock.moment)
    assert harvester.collect() == collect_all(own_house)
    assert sorted(one.partition("/")[0].rpartition(":")[2] for one in harvester.kept) == ["OrgUnits", "OrgUnits"]
    assert note_open_records(platform, clock.moment) == 0


def test_of_a_deleted_record_nothing_is_kept_but_that_it_was(own_house: House) -> None:
    scene, platform, clock = own_house.scene, own_house.platform, own_house.clock
    note_open_records(platform, clock.moment)
    with platform.unit_of_work() as uow:
        erase_expert(uow, scene.university.actor, scene.agreed_id, clock.moment)
    arguments = {"verb": "GetRecord", "metadataPrefix": "oai_cerif_openaire"}
    identifier = f"oai:127.0.0.1:Persons/{scene.agreed_id}"
    answer = own_house.browse().get("/oai", query_string={**arguments, "identifier": identifier}).data
    record = etree.fromstring(answer).find(f".//{OAI}record")
    assert record.find(f"{OAI}header").get("status") == "deleted"
    assert [node.tag for node in record] == [f"{OAI}header"]
    # Of whom nobody ever collected anything, nothing is told.
    silent = {**arguments, "identifier": f"oai:127.0.0.1:Persons/{scene.silent_id}"}
    assert b"idDoesNotExist" in own_house.browse().get("/oai", query_string=silent).data
    with platform.reading() as reading:
        rows = reading.scalars(select(OpenRecord).where(OpenRecord.gone.is_(True))).all()
        assert scene.agreed_id in {row.item_key for row in rows}
        assert {row.digest for row in rows} == {""}
    apply_retention(platform, clock.moment + timedelta(days=401))
    with platform.reading() as reading:
        assert reading.scalars(select(OpenRecord).where(OpenRecord.gone.is_(True))).all() == []

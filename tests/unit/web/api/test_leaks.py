"""Who may read what through the API, compared with a small table of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from matching.bootstrap import Platform
from matching.models import Organisation, Post, Suggestion
from matching.services.accounts import add_user
from matching.services.actor import SYSTEM
from matching.services.organisations import ExpertFields, add_expert
from tests.factories.people import PASSWORD, make_expert, make_member, make_staff
from tests.factories.posts import make_capability, make_need
from tests.factories.work import settle_everything
from tests.unit.web.api.conftest import Api

MakeApi = Callable[..., Api]

PHONE = "0750-8888888"
FIRM = "无名铝业"
STATES = ("draft", "published", "paused", "submitted", "closed", "out of date")
VISIBILITIES = ("public", "members", "matched", "staff")


@dataclass(frozen=True)
class Scene:
    """A firm's posts, one for each visibility and state, and readers of every role."""

    posts: dict[tuple[str, str], str]
    readers: dict[str, Api]
    firm_id: str


def may_read(reader: str, visibility: str, state: str) -> bool:
    """The rules of the product in words of one line each."""
    if reader in ("owner", "colleague who reads", "administrator"):
        return True
    if reader == "staff here":
        return state != "draft"
    if state != "published":
        return False
    if visibility == "public":
        return True
    if visibility == "members":
        return reader != "visitor"
    return visibility == "matched" and reader == "partner"


def is_named(reader: str, visibility: str) -> bool:
    """Whether whoever may read the post is told whose it is."""
    return visibility != "matched" or reader in ("owner", "colleague who reads", "administrator", "staff here")


@pytest.fixture
def scene(api: MakeApi, platform: Platform, now: datetime) -> Scene:
    firm = make_member(platform, now, email="owner@example.cn", organisation=FIRM)
    colleague = make_member(
        platform, now, email="reads@example.cn", organisation_id=firm.organisation_id, role="reader"
    )
    partner = make_member(platform, now, email="partner@example.cn", organisation="乙大学", kind="university")
    stranger = make_member(platform, now, email="stranger@example.cn", organisation="丙大学", kind="university")
    here = make_staff(platform, now, email="here@example.cn", region_code="440700")
    elsewhere = make_staff(platform, now, email="elsewhere@example.cn", region_code="440600")
    with platform.unit_of_work() as uow:
        administrator = add_user(
            uow, SYSTEM, email="admin@example.cn", name="admin", password=PASSWORD, role="administrator", now=now
        ).id
    capability = make_capability(platform, partner, now, title="压铸件检测")
    posts = {}
    for visibility in VISIBILITIES:
        for state in STATES:
            posts[visibility, state] = make_need(
                platform,
                firm,
                now,
                publish=state not in ("draft", "submitted"),
                title=f"翘曲控制 {visibility} {state}",
                visibility=visibility,
                town="雅瑶镇",
                contact={"name": "林工", "phone": PHONE},
            )
    settle_everything(platform, now)
    with platform.unit_of_work() as uow:
        for (_, state), post_id in posts.items():
            # The index still holds all of them: the database has to decide.
            post = uow.session.get_one(Post, post_id)
            if state == "out of date":
                post.expires_at = now - timedelta(seconds=1)
            else:
                post.status = state
            uow.session.query(Suggestion).filter_by(need_id=post_id).delete()
            uow.session.add(
                Suggestion(
                    need_id=post_id, capability_id=capability, model_revision="m", need_rank=1, need_score=0.5,
                    capability_rank=1, capability_score=0.5, reasons=[], need_version=1, capability_version=1,
                    created_at=now, updated_at=now,
                )
            )  # fmt: skip
        uow.commit()
    readers = {
        "visitor": api(),
        "owner": api(firm.user_id),
        "colleague who reads": api(colleague.user_id),
        "partner": api(partner.user_id),
        "stranger": api(stranger.user_id),
        "staff here": api(here.user_id),
        "staff elsewhere": api(elsewhere.user_id),
        "administrator": api(administrator),
    }
    return Scene(posts, readers, firm.organisation_id)


STATUSES = ("draft", "submitted", "returned", "published", "paused", "expired", "closed", "archived")


def test_every_way_out_follows_the_rules(scene: Scene) -> None:
    for name, reader in scene.readers.items():
        allowed = {key for key in scene.posts if may_read(name, *key)}
        ids = {scene.posts[key] for key in allowed}
        answers = []
        for key, post_id in scene.posts.items():
            shown = reader.get(f"/needs/{post_id}")
            assert shown.status_code == (200 if key in allowed else 404), (name, key)
            if key in allowed:
                answers.append(shown)
                organisation = {"id": scene.firm_id, "name": FIRM} if is_named(name, key[0]) else None
                assert shown.json["organisation"] == organisation, (name, key)
                assert shown.json["town"] == ("雅瑶镇" if is_named(name, key[0]) else None), (name, key)
                assert ("contact" in shown.json) == (name in ("owner", "colleague who reads")), (name, key)
                assert ("return_reason" in shown.json) == (
                    name in ("owner", "colleague who reads", "staff here", "administrator")
                )
            assert reader.get(f"/capabilities/{post_id}").status_code == 404
            for address in ("suggestions", "contact"):
                answer = reader.get(f"/needs/{post_id}/{address}")
                if name == "visitor":
                    assert answer.status_code == 401
                elif key not in allowed:
                    assert answer.status_code == 404, (name, key, address)
                elif address == "contact":
                    revealed = name in ("owner", "colleague who reads", "staff here", "administrator")
                    assert answer.status_code == (200 if revealed else 403), (name, key)
        live = {scene.posts[key] for key in allowed if key[1] in ("published", "out of date")}
        listed = reader.get("/needs", query={"limit": 100})
        assert {one["id"] for one in listed.json["items"]} == live, name
        pages = [reader.get("/needs", query={"limit": 100, "status": status}) for status in STATUSES]
        assert {one["id"] for page in pages for one in page.json["items"]} == ids, name
        latest = reader.get("/search", query={"limit": 100})
        assert {one["id"] for one in latest.json["items"]} == live, name
        found = reader.get("/search", query={"q": "翘曲控制", "limit": 100})
        assert {one["id"] for one in found.json["items"]} <= live, name
        answers += [listed, latest, found]
        if name != "visitor":
            answers.append(reader.get("/notifications", query={"limit": 100}))
        for answer in answers:
            if name not in ("owner", "colleague who reads"):
                assert PHONE not in answer.text, name
                assert "林工" not in answer.text, name
        if name in ("partner", "stranger", "visitor", "staff elsewhere"):
            for answer in answers:
                for post in answer.json.get("items", [answer.json]):
                    if post.get("visibility") == "matched":
                        assert FIRM not in str(post)
                        assert scene.firm_id not in str(post)


def test_the_partner_reads_what_is_suggested_and_only_while_it_is(
    scene: Scene, platform: Platform, now: datetime
) -> None:
    post_id = scene.posts["matched", "published"]
    assert scene.readers["partner"].get(f"/needs/{post_id}").status_code == 200
    with platform.unit_of_work() as uow:
        uow.session.query(Suggestion).filter_by(need_id=post_id).update({"status": "withdrawn"})
        uow.commit()
    assert scene.readers["partner"].get(f"/needs/{post_id}").status_code == 404


def test_nobody_else_moves_a_post_or_learns_of_it(scene: Scene) -> None:
    for name in ("partner", "stranger", "staff elsewhere", "colleague who reads"):
        for (visibility, state), post_id in scene.posts.items():
            answer = scene.readers[name].post(f"/needs/{post_id}/close", {"reason": "dropped"})
            open_to_all = visibility == "public" and state == "published"
            assert answer.status_code in ((403,) if open_to_all else (403, 404)), (name, visibility, state)
            if not may_read(name, visibility, state) and not open_to_all:
                assert answer.status_code == 404, (name, visibility, state)


def test_a_capability_of_a_hidden_organisation_tells_nothing_of_it(
    api: MakeApi, platform: Platform, now: datetime
) -> None:
    school = make_member(platform, now, email="s@example.cn", organisation="乙大学", kind="university")
    firm = make_member(platform, now, email="f@example.cn", organisation="甲厂")
    expert_id = make_expert(platform, now, school, name="丘研究员")
    post_id = make_capability(
        platform, school, now, visibility="matched", expert_ids=(expert_id,), ip_number="ZL202110000001.0", town="桂城"
    )
    make_need(platform, firm, now)
    settle_everything(platform, now)
    shown = api(firm.user_id).get(f"/capabilities/{post_id}")
    hidden = ("organisation", "experts", "ip_number", "town")
    assert [shown.json[key] for key in hidden] == [None, [], None, None]
    for secret in ("乙大学", "丘研究员", "ZL2021", school.organisation_id, expert_id):
        assert secret not in shown.text
    own = api(school.user_id).get(f"/capabilities/{post_id}").json
    assert [own[key] for key in hidden] == [
        {"id": school.organisation_id, "name": "乙大学"},
        [{"id": expert_id, "name": "丘研究员", "title": None}],
        "ZL202110000001.0",
        "桂城",
    ]
    # An expert who stands behind nothing public is no visitor's business.
    assert api().get(f"/experts/{expert_id}").status_code == 404


def test_experts_are_shown_without_contact_data(api: MakeApi, platform: Platform, now: datetime) -> None:
    school = make_member(platform, now, email="s@example.cn", organisation="乙大学", kind="university")
    with platform.unit_of_work() as uow:
        fields = ExpertFields(
            name="丘研究员", title="研究员", fields=("线路板",), intro="热力学", region_code="440600",
            organisation_id=school.organisation_id, email="private@example.cn", phone=PHONE, source="名录",
        )  # fmt: skip
        expert_id = add_expert(uow, SYSTEM, fields, now).id
    member = api(make_member(platform, now, email="m@example.cn").user_id)
    expected = {
        "id": expert_id,
        "name": "丘研究员",
        "name_en": None,
        "title": "研究员",
        "fields_of_work": ["线路板"],
        "intro": "热力学",
        "language": "zh",
        "region_code": "440600",
        "organisations": [{"id": school.organisation_id, "name": "乙大学", "relation": "employed"}],
    }
    assert member.get(f"/experts/{expert_id}").json == expected
    assert api().get(f"/experts/{expert_id}").status_code == 404
    make_capability(platform, school, now, expert_ids=(expert_id,))
    assert api().get(f"/experts/{expert_id}").json == expected


def test_organisations_are_shown_once_approved(api: MakeApi, platform: Platform, now: datetime) -> None:
    member = make_member(platform, now, email="m@example.cn", organisation="甲厂")
    path = f"/organisations/{member.organisation_id}"
    assert api().get(path).json == {
        "id": member.organisation_id,
        "kind": "enterprise",
        "name": "甲厂",
        "name_en": None,
        "uscc": None,
        "region_code": "440784",
        "town": None,
        "language": "zh",
        "intro": "",
        "stage": None,
        "website": None,
        "industry_codes": [],
    }
    with platform.unit_of_work() as uow:
        uow.session.get_one(Organisation, member.organisation_id).approved = False
        uow.commit()
    statuses = [
        client.get(path).status_code
        for client in (
            api(),
            api(make_member(platform, now, email="o@example.cn").user_id),
            api(member.user_id),
            api(make_staff(platform, now, email="h@example.cn").user_id),
            api(make_staff(platform, now, email="e@example.cn", region_code="440600").user_id),
        )
    ]
    assert statuses == [404, 404, 200, 200, 404]


def test_vocabularies_are_complete_and_in_both_languages(api: MakeApi) -> None:
    answer = api().get("/vocabularies", headers={"Accept-Language": "en"}).json
    assert answer["vocabularies"]["domain"] == [
        {
            "code": "electronics",
            "parent_code": None,
            "label": "Electronics and information",
            "label_zh": "电子信息",
            "label_en": "Electronics and information",
        },
        {
            "code": "materials",
            "parent_code": None,
            "label": "New materials",
            "label_zh": "新材料及其应用",
            "label_en": "New materials",
        },
    ]
    assert [region["code"] for region in answer["regions"]] == ["440000", "440600", "440700", "440784"]

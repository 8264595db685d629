"""Who has themselves deleted is gone from everything that is kept, and does not come back."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from matching.bootstrap import Platform
from matching.errors import IllegalMove, InvalidInput, NotAllowed
from matching.models import (
    Base,
    Capability,
    CapabilityExpert,
    Delivery,
    Engagement,
    ErasedPerson,
    EventParticipant,
    Expert,
    IdempotencyKey,
    Interest,
    Notification,
    Post,
    Suggestion,
    UnsentText,
    User,
)
from matching.services.actor import SYSTEM
from matching.services.experts import erase_expert
from matching.services.organisations import ExpertFields, add_expert
from matching.services.posts import edit_post
from matching.services.privacy_erasure import close_account, keep_erasures, read_erasures
from matching.services.revisions import snapshot
from matching.store.backup import restore_backup, write_backup
from tests.factories.events import make_event
from tests.factories.imports import read_upload
from tests.factories.interests import engage
from tests.factories.people import Member, make_expert, make_member, make_staff
from tests.factories.platforms import make_platform
from tests.factories.posts import make_capability, make_need

KEYS_OF_TEST = {"notifications.once_key", "idempotency_keys.key", "unsent_texts.id", "deliveries.once_key"}
"""Which the test below made of the texts; the product makes them of ids."""
NAME, EMAIL = "独一无二的丘老师", "qiu.unique@example.edu.cn"


@pytest.fixture
def person(platform: Platform, now: datetime) -> Member:
    return make_member(platform, now, email=EMAIL, organisation="示例大学", kind="university")


@pytest.fixture
def expert_id(platform: Platform, person: Member, now: datetime) -> str:
    return make_expert(platform, now, person, name=NAME)


def rows_that_hold(platform: Platform, *texts: str) -> list[str]:
    """Tables and columns in which one of the texts stands, whatever their type."""
    found = []
    wanted = [form for text in texts for form in (text, json.dumps(text)[1:-1])]
    with platform.engine.connect() as connection:
        for table in Base.metadata.sorted_tables:
            for row in connection.execute(select(table)).mappings():
                for column, value in row.items():
                    written = json.dumps(value, default=str) + str(value)
                    if any(text in written for text in wanted):
                        found.append(f"{table.name}.{column}")
    return sorted(set(found))


def test_an_erased_expert_is_named_nowhere_any_more(
    platform: Platform, person: Member, expert_id: str, now: datetime
) -> None:
    capability_id = make_capability(platform, person, now, title="翘曲预测")
    with platform.unit_of_work() as uow:
        uow.session.add(CapabilityExpert(capability_id=capability_id, expert_id=expert_id))
        uow.session.get_one(Capability, capability_id).extra = {"fields": {"experts": [NAME, "别人"]}}
        uow.commit()
    with platform.unit_of_work() as uow:
        post = uow.session.get_one(Capability, capability_id)
        edit_post(uow, person.actor, capability_id, _with_title(post, "翘曲预测二"), post.version, now)
    with platform.unit_of_work() as uow:
        uow.session.add(
            Delivery(
                channel="mail",
                kind="notification",
                once_key="k",
                payload={"text": f"{NAME} 适合您"},
                state="sent",
                next_attempt_at=now,
                created_at=now,
            )
        )
        uow.commit()
    staff = make_staff(platform, now, email="staff@example.cn")
    content = f"姓名,单位\n{NAME},示例大学\n别人,示例大学\n".encode()
    read_upload(platform, staff, "experts", content, lambda: now)
    assert {"capabilities.experts", "experts.name"} & set(rows_that_hold(platform, NAME))
    assert "import_rows.cells" in rows_that_hold(platform, NAME)
    assert "post_revisions.fields" in rows_that_hold(platform, NAME)
    with platform.unit_of_work() as uow:
        erase_expert(uow, person.actor, expert_id, now)
    assert rows_that_hold(platform, NAME) == []
    with platform.reading() as session:
        assert session.get_one(Capability, capability_id).extra == {"fields": {"experts": ["别人"]}}


def _with_title(post: Capability, title: str) -> object:
    from matching.services.posts import CapabilityFields

    held = snapshot(post)
    return CapabilityFields(
        organisation_id=post.organisation_id, title=title, kind=held["kind"],
        expert_ids=tuple(expert.id for expert in post.experts),
    )  # fmt: skip


def test_a_closed_account_is_gone_with_its_contacts(
    platform: Platform, person: Member, expert_id: str, now: datetime
) -> None:
    firm = make_member(platform, now, email="firm@example.cn")
    contact = {"name": NAME, "phone": "13900000001", "email": EMAIL}
    capability_id = make_capability(platform, person, now, contact=contact)
    engagement_id = engage(platform, firm.actor, capability_id, person.actor, now)
    with platform.unit_of_work() as uow:
        uow.session.get_one(Engagement, engagement_id).capability_contact = contact
        uow.commit()
    event = make_event(platform, now, pairs=())
    with platform.unit_of_work() as uow:
        row = uow.session.scalars(select(EventParticipant)).first()
        assert row is not None
        row.contact_email, row.contact_name, row.contact_phone = EMAIL, NAME, "13900000001"
        uow.commit()
    assert event.id
    with platform.unit_of_work() as uow:
        close_account(uow, person.actor, now)
    left = rows_that_hold(platform, NAME, EMAIL, "13900000001")
    assert left == []
    with platform.reading() as session:
        assert session.get(User, person.user_id) is None
        assert session.get_one(Post, capability_id).status == "published"
        assert session.get_one(Engagement, engagement_id).need_contact["email"] == "lin@example.cn"
        assert session.scalars(select(Interest)).one().from_contact["email"] == "lin@example.cn"


def make_copies(platform: Platform, owner: Member, capability_id: str, now: datetime, *texts: str) -> None:
    """What machines write down elsewhere of whoever has these texts."""
    need_id = make_need(platform, owner, now, title="别人的需求")
    with platform.unit_of_work() as uow:
        for text in texts:
            uow.session.add_all(
                [
                    Notification(
                        user_id=owner.user_id, kind="k", once_key=text, details={"names": [text, "别人"]},
                        created_at=now,
                    ),
                    IdempotencyKey(
                        user_id=owner.user_id, key=text, request_hash="0", subject_id="s",
                        answer=json.dumps({"name": text, "id": "s"}, ensure_ascii=False), created_at=now,
                    ),
                    UnsentText(
                        id=text, user_id=owner.user_id, side="need",
                        fields=[["contact_name", f" {text}"], ["problem", "问题"]], updated_at=now,
                    ),
                    Delivery(
                        channel="mail", kind="notification", once_key=text, payload={"text": f"{text} 愿意"},
                        state="sent", next_attempt_at=now, created_at=now,
                    ),
                ]
            )  # fmt: skip
        uow.session.get_one(Post, need_id).extra = {"columns": {"对接人": " ".join(texts), "备注": "留下"}}
        uow.session.add(
            Suggestion(
                need_id=need_id, capability_id=capability_id, need_version=1, capability_version=1, status="withdrawn",
                model_revision="m",
                reasons=[
                    {"kind": "work", "text_zh": f"做过相近的工作：《{texts[0]}传》", "text_en": "", "weight": 1.0},
                    {"kind": "phrase", "text_zh": "翘曲", "text_en": "", "weight": 1.0},
                ],
                created_at=now, updated_at=now,
            )
        )  # fmt: skip
        uow.commit()


def test_copies_that_machines_made_elsewhere_go_too(
    platform: Platform, person: Member, expert_id: str, now: datetime
) -> None:
    firm = make_member(platform, now, email="firm@example.cn")
    capability_id = make_capability(platform, person, now, title="翘曲预测")
    with platform.unit_of_work() as uow:
        uow.session.add(CapabilityExpert(capability_id=capability_id, expert_id=expert_id))
        uow.commit()
    make_copies(platform, firm, capability_id, now, NAME, EMAIL)
    staff = make_staff(platform, now, email="staff@example.cn")
    read_upload(platform, staff, "needs", f"需求名称,联系邮箱\n翘曲控制,{EMAIL}\n".encode(), lambda: now)
    assert {
        "notifications.details", "idempotency_keys.answer", "unsent_texts.fields", "posts.extra", "suggestions.reasons",
        "import_rows.cells", "deliveries.payload",
    } <= set(rows_that_hold(platform, NAME, EMAIL))  # fmt: skip
    with platform.unit_of_work() as uow:
        close_account(uow, person.actor, now)
    left = [name for name in rows_that_hold(platform, NAME, EMAIL) if name not in KEYS_OF_TEST]
    assert left == []
    with platform.reading() as session:
        assert session.scalars(select(UnsentText.fields)).all() == [[["contact_name", ""], ["problem", "问题"]]] * 2
        assert [one["kind"] for one in session.scalars(select(Suggestion)).one().reasons] == ["phrase"]
        assert {json.loads(one or "")["id"] for one in session.scalars(select(IdempotencyKey.answer))} == {"s"}
        assert [one["columns"]["备注"] for one in session.scalars(select(Post.extra)) if "columns" in one] == ["留下"]


def test_staff_and_last_owners_do_not_just_leave(platform: Platform, now: datetime) -> None:
    staff = make_staff(platform, now, email="staff@example.cn")
    with pytest.raises(NotAllowed), platform.unit_of_work() as uow:
        close_account(uow, staff, now)
    owner = make_member(platform, now, email="owner@example.cn", role="owner")
    colleague = make_member(platform, now, email="two@example.cn", organisation_id=owner.organisation_id)
    with pytest.raises(IllegalMove, match="唯一的负责人"), platform.unit_of_work() as uow:
        close_account(uow, owner.actor, now)
    with platform.unit_of_work() as uow:
        close_account(uow, colleague.actor, now)
    with platform.unit_of_work() as uow:
        close_account(uow, owner.actor, now)


@pytest.mark.parametrize("how", ["over the present data", "on an empty machine with the list beside it"])
def test_a_restored_backup_does_not_bring_them_back(
    platform: Platform, person: Member, expert_id: str, now: datetime, tmp_path: Path, how: str
) -> None:
    other = make_member(platform, now, email="stays@example.cn", organisation="别的大学", kind="university")
    other_expert = make_expert(platform, now, other, name="留下的人")
    backup = tmp_path / "backup.tar.gz"
    write_backup(platform, backup)
    later = now + timedelta(days=1)
    with platform.unit_of_work() as uow:
        close_account(uow, person.actor, later)
    assert keep_erasures(platform) > 0
    target = platform
    if how != "over the present data":
        target = make_platform(tmp_path / "new")
        kept = (platform.settings.data_dir / "erasures.jsonl").read_text(encoding="utf-8")
        (target.settings.data_dir / "erasures.jsonl").write_text(kept, encoding="utf-8")
    restore_backup(target, backup, replace=True)
    with target.reading() as session:
        assert [one.id for one in session.scalars(select(Expert))] == [other_expert]
        assert [one.email for one in session.scalars(select(User))] == ["stays@example.cn"]
        assert len(session.scalars(select(ErasedPerson)).all()) > 0
    assert rows_that_hold(target, NAME, EMAIL) == []
    if target is not platform:
        target.close()


def test_who_comes_anew_after_an_erasure_stays(
    platform: Platform, person: Member, expert_id: str, now: datetime, tmp_path: Path
) -> None:
    with platform.unit_of_work() as uow:
        erase_expert(uow, person.actor, expert_id, now)
    with platform.unit_of_work() as uow:
        fields = ExpertFields(name=NAME, region_code="440600", organisation_id=person.organisation_id)
        again = add_expert(uow, SYSTEM, fields, now + timedelta(days=2)).id
    backup = tmp_path / "backup.tar.gz"
    write_backup(platform, backup)
    restore_backup(platform, backup, replace=True)
    with platform.reading() as session:
        assert [one.id for one in session.scalars(select(Expert))] == [again]


def test_the_list_beside_the_database_only_grows(
    platform: Platform, person: Member, expert_id: str, now: datetime, tmp_path: Path
) -> None:
    assert keep_erasures(platform) == 0
    path = platform.settings.data_dir / "erasures.jsonl"
    path.write_text(json.dumps({"key": "0" * 64, "at": now.isoformat()}) + "\n", encoding="utf-8")
    with platform.unit_of_work() as uow:
        erase_expert(uow, person.actor, expert_id, now)
    count = keep_erasures(platform)
    kept = read_erasures(path)
    assert len(kept) == count > 1
    assert kept["0" * 64] == now
    assert NAME not in path.read_text(encoding="utf-8")
    path.write_text('{"key": 1}\n', encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"erasures\.jsonl:1"):
        read_erasures(path)

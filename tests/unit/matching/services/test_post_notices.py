"""Owners are told what the staff did with their posts, and before they expire; each thing once."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select

from matching.bootstrap import Platform
from matching.models import Notification, Post
from matching.notifying.expiry import notify_expiry
from matching.services.posts import publish_post, renew_post, return_post, submit_post
from tests.factories.people import make_member, make_staff
from tests.factories.posts import make_need


def notices(platform: Platform) -> list[tuple[str, str]]:
    with platform.reading() as session:
        rows = session.scalars(select(Notification).order_by(Notification.created_at, Notification.kind))
        return [(row.user_id, row.kind) for row in rows]


def test_the_owner_is_told_of_return_and_publication_but_not_of_their_own_doing(
    platform: Platform, now: datetime
) -> None:
    firm = make_member(platform, now, email="f@example.cn")
    reader = make_member(platform, now, email="r@example.cn", organisation_id=firm.organisation_id, role="reader")
    staff = make_staff(platform, now, email="s@example.cn")
    need_id = make_need(platform, firm, now, publish=False)
    with platform.unit_of_work() as uow:
        submit_post(uow, firm.actor, need_id, now)
    with platform.unit_of_work() as uow:
        return_post(uow, staff, need_id, "请补充技术指标", now)
    assert notices(platform) == [(firm.user_id, "post_returned")]
    with platform.reading() as session:
        assert session.scalars(select(Notification)).one().details == {"reason": "请补充技术指标"}
    later = now + timedelta(hours=1)
    with platform.unit_of_work() as uow:
        submit_post(uow, firm.actor, need_id, later)
    with platform.unit_of_work() as uow:
        publish_post(uow, staff, need_id, later, settings=platform.settings)
    assert notices(platform) == [(firm.user_id, "post_returned"), (firm.user_id, "post_published")]
    assert reader.user_id not in {user_id for user_id, _ in notices(platform)}
    make_need(platform, firm, later, title="另一条需求的标题")
    assert len(notices(platform)) == 2


def test_the_owner_is_told_once_before_a_post_expires_and_again_after_a_renewal(
    platform: Platform, now: datetime
) -> None:
    firm = make_member(platform, now, email="f@example.cn")
    need_id = make_need(platform, firm, now)
    lifetime = timedelta(days=platform.settings.post_lifetime_days)
    notice = timedelta(days=platform.settings.expiry_notice_days)

    def tell(moment: datetime) -> int:
        with platform.unit_of_work() as uow:
            return notify_expiry(uow, moment, platform.settings)

    assert tell(now + lifetime - notice - timedelta(seconds=1)) == 0
    assert tell(now + lifetime - notice) == 1
    assert tell(now + lifetime - notice + timedelta(days=1)) == 0
    assert notices(platform) == [(firm.user_id, "post_expires")]
    renewed = now + lifetime - timedelta(days=1)
    with platform.unit_of_work() as uow:
        renew_post(uow, firm.actor, need_id, renewed, settings=platform.settings)
    with platform.reading() as session:
        post = session.get(Post, need_id)
        assert post is not None
        assert post.expires_at == renewed + lifetime
    assert tell(renewed + lifetime - notice) == 1
    assert notices(platform) == [(firm.user_id, "post_expires")] * 2

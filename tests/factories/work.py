"""Settles what commits owe, in this process, as the workers do."""

from __future__ import annotations

from datetime import datetime

from matching.bootstrap import Platform
from matching.services.suggestions import rank_post, refresh_post
from matching.services.timetables import compute_timetable
from matching.store.outbox import POST_CHANGED, TIMETABLE, claim_due, last_open_id, settle


def settle_everything(platform: Platform, now: datetime) -> int:
    """Drain the outbox until nothing is due; returns how many claims were settled."""
    settled = 0
    while True:
        with platform.unit_of_work() as uow:
            claims = claim_due(uow.session, now)
            uow.commit()
        if not claims:
            return settled
        for claim in claims:
            if claim.topic == TIMETABLE:
                compute_timetable(platform, claim.subject_id, lambda: now)
                with platform.unit_of_work() as uow:
                    last_id = last_open_id(uow.session, TIMETABLE, claim.subject_id)
                    settle(uow.session, TIMETABLE, claim.subject_id, last_id, now)
                    uow.commit()
                settled += 1
                continue
            work = refresh_post if claim.topic == POST_CHANGED else rank_post
            work(platform, claim.subject_id, now)
            settled += 1

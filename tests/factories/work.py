"""Settles what commits owe, in this process, as the workers do."""

from __future__ import annotations

from datetime import datetime

from matching.bootstrap import Platform
from matching.services.suggestions import rank_post, refresh_post
from matching.store.outbox import POST_CHANGED, claim_due


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
            work = refresh_post if claim.topic == POST_CHANGED else rank_post
            work(platform, claim.subject_id, now)
            settled += 1

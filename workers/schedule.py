"""What the beat sends, in Asia/Shanghai. Far dates are rows that these look for, never tasks with an ETA."""

from __future__ import annotations

from typing import Any

from celery.schedules import crontab

from matching.store.outbox import DRAIN_TASK

BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    # A nudge comes with each commit; this catches those that were lost.
    "drain the outbox": {"task": DRAIN_TASK, "schedule": 5.0, "options": {"expires": 5}},
    "hand over what leaves": {"task": "duijie.send_deliveries", "schedule": 5.0, "options": {"expires": 5}},
    "expire posts": {"task": "duijie.expire_posts", "schedule": crontab(minute="*/5")},
    "tell owners of posts about to expire": {"task": "duijie.notify_expiry", "schedule": crontab(hour="9", minute="0")},
    "end interests that were not answered": {"task": "duijie.lapse_interests", "schedule": crontab(minute="*/10")},
    "remind of what waits": {"task": "duijie.remind", "schedule": crontab(hour="9", minute="5")},
    "tell what was held back": {"task": "duijie.push_held_suggestions", "schedule": crontab(minute="15")},
    "count terms anew": {"task": "duijie.refresh_statistics", "schedule": crontab(hour="3", minute="10")},
    "count what reports show": {"task": "duijie.count_reports", "schedule": crontab(minute="*/5")},
    "heal what differs": {"task": "duijie.reconcile", "schedule": crontab(minute="40")},
    "remind participants of events": {"task": "duijie.remind_participants", "schedule": crontab(minute="*/5")},
    "read answers to invitations": {"task": "duijie.read_mailbox", "schedule": crontab(minute="*/5")},
    "note what open data has become": {"task": "duijie.note_open_records", "schedule": crontab(minute="25")},
    "forget what is over": {"task": "duijie.forget", "schedule": crontab(hour="3", minute="40")},
}

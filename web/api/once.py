"""Creations that are safe to repeat: with an Idempotency-Key the same request gets the answer of the first time.

The key is claimed before anything is made and the answer kept after it was, each in a commit of its own. A process that
dies in between leaves a key whose outcome nobody knows; the answer then says so rather than making a second thing.
"""

from __future__ import annotations

from collections.abc import Callable

from flask import Response

from matching.services.api_tokens import claim_answer, keep_answer, release_key
from web.api.access import caller
from web.api.body import idempotency_key, request_hash
from web.reader import now, platform


def answer_once(make: Callable[[], Response]) -> Response:
    """What `make` answers with 201, or what it answered when the request came first."""
    key, user_id = idempotency_key(), caller().user_id
    if key is None:
        return make()
    with platform().unit_of_work() as uow:
        former = claim_answer(uow, user_id, key, request_hash(), now())
    if former is not None:
        return Response(former, status=201, content_type="application/json")
    try:
        response = make()
    except BaseException:
        with platform().unit_of_work() as uow:
            release_key(uow, user_id, key)
        raise
    with platform().unit_of_work() as uow:
        keep_answer(uow, user_id, key, response.get_data(as_text=True))
    return response

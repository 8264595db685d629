"""Streams of the unread count: few, short, one a sign-in, and told only what concerns them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from matching.bootstrap import Platform
from matching.notifying.interests import tell
from matching.services.notifications import mark_all_read
from tests.factories.people import make_member
from tests.unit.web.conftest import Browser, Clock
from web.live_streams import LiveStream, LiveStreams, events_of


class Announcements:
    """What would come from Redis."""

    def __init__(self) -> None:
        self._said: queue.Queue[frozenset[str]] = queue.Queue()

    def say(self, *user_ids: str) -> None:
        self._said.put(frozenset(user_ids))

    def hear(self, _url: str, stopped: threading.Event) -> Iterator[frozenset[str] | None]:
        while not stopped.is_set():
            try:
                yield self._said.get(timeout=0.05)
            except queue.Empty:
                yield None


def test_places_are_few_and_a_sign_in_has_one() -> None:
    streams = LiveStreams("", 2, hear=Announcements().hear)
    first, second = streams.open("a", "ann"), streams.open("b", "ben")
    assert first is not None
    assert second is not None
    assert streams.open("c", "eve") is None
    again = streams.open("a", "ann")  # the same sign-in on another page
    assert again is not None
    assert (first.ended, again.ended, streams.count()) == (True, False, 2)
    streams.close("a", first)  # the former one ends late: the place is not its own any more
    assert streams.count() == 2
    streams.close("a", again)
    assert streams.open("c", "eve") is not None
    streams.stop()
    assert second.ended


def test_only_those_whose_count_changed_are_told() -> None:
    said = Announcements()
    streams = LiveStreams("", 5, hear=said.hear)
    ann, ben = streams.open("a", "ann"), streams.open("b", "ben")
    assert ann is not None
    assert ben is not None
    said.say("ann")
    assert ann.wait(10)
    assert not ben.wait(0.01)
    said.say("*")
    assert (ann.wait(10), ben.wait(10)) == (True, True)
    streams.stop()


def test_no_place_at_all_turns_it_off() -> None:
    assert LiveStreams("", 0, hear=Announcements().hear).open("a", "ann") is None


def test_what_a_reader_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.live_streams.HEARTBEAT_SECONDS", 0.01)
    stream = LiveStream("ann")
    counts = iter((3, 3, 4, None))
    written = events_of(stream, lambda: next(counts), lifetime=600)
    assert next(written) == "retry: 3000\n\n"
    assert next(written) == "event: unread\ndata: 3\n\n"
    stream.tell()  # something changed, but not the count
    assert next(written) == ": \n\n"
    stream.tell()
    assert next(written) == "event: unread\ndata: 4\n\n"
    stream.tell()
    assert next(written, "end") == "end"  # the sign-in has ended


def test_a_stream_ends_by_itself() -> None:
    assert list(events_of(LiveStream("ann"), lambda: 0, lifetime=0)) == [
        "retry: 3000\n\n",
        "event: unread\ndata: 0\n\n",
    ]


def test_the_view_gives_a_count_and_gives_the_place_back(
    app: Flask, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    announced: list[frozenset[str]] = []
    platform.announce = announced.append
    member = make_member(platform, clock.moment, email="ann@example.cn")
    app.extensions["duijie.streams"] = streams = LiveStreams("", 1, hear=Announcements().hear)
    assert open_browser().get("/inbox/live").status_code == 204
    reader = open_browser("ann@example.cn")
    assert 'data-live="/inbox/live"' in reader.get("/").text
    with platform.unit_of_work() as uow:
        tell(uow.session, [member.user_id], "interest_received", "x", clock.moment)
        uow.commit()
    assert announced == [frozenset((member.user_id,))]
    answer = reader.client.get("/inbox/live", buffered=False)
    assert (answer.status_code, answer.mimetype) == (200, "text/event-stream")
    written = iter(answer.response)
    assert [next(written), next(written)] == [b"retry: 3000\n\n", b"event: unread\ndata: 1\n\n"]
    other = open_browser("ann@example.cn")
    assert other.client.get("/inbox/live").status_code == 204  # no place: it goes on asking
    answer.close()
    assert streams.count() == 0
    with platform.unit_of_work() as uow:
        mark_all_read(uow, member.actor, clock.moment)
    assert announced[1:] == [frozenset((member.user_id,))]
    streams.stop()

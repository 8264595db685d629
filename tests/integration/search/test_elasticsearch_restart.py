"""Elasticsearch goes away and comes back under an index that stays open."""

from __future__ import annotations

import uuid

import pytest

from matching.errors import PartUnavailable
from matching.search.factory import open_index
from tests.servers.elasticsearch import ElasticsearchServer
from tests.unit.matching.search.index_entries import DIMENSION, direction, make_entry, vector_query, word_query

pytestmark = pytest.mark.integration


def test_nothing_confirmed_is_lost_when_the_server_is_killed(elasticsearch_server: ElasticsearchServer) -> None:
    index = open_index(elasticsearch_server.url, prefix=f"restart-{uuid.uuid4().hex[:12]}", dimension=DIMENSION)
    report = index.write(make_entry(f"p{number}", "酱油", full_vector=direction(1)) for number in range(20))
    assert report.written == 20
    elasticsearch_server.stop(kill=True)
    with pytest.raises(PartUnavailable) as raised:
        index.find_by_words([word_query("酱油")])
    assert raised.value.part == "index"
    with pytest.raises(PartUnavailable):
        index.write([make_entry("late", "酱油")])
    assert index.status().ready is False
    elasticsearch_server.start()
    index.refresh()
    assert index.status().entries == 20
    assert index.write([make_entry("late", "酱油")]).written == 1
    index.refresh()
    (hits,) = index.find_by_words([word_query("酱油", limit=100)])
    (near,) = index.find_by_vector([vector_query(direction(1), limit=100)])
    assert len(hits) == 21
    assert len(near) == 20
    index.close()

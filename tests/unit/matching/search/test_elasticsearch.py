"""The Elasticsearch index against a server that misbehaves on purpose.

What a sound server does is tested against a real one (tests/integration/search); here a small HTTP server plays the
faults a real one shows only under load or when the wrong one was installed.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.errors import PartUnavailable
from matching.search import elasticsearch as module
from matching.search.elasticsearch import ElasticsearchIndex, encode_word, read_mapping
from tests.unit.matching.search.index_entries import DIMENSION, direction, make_entry, vector_query, word_query

Answer = tuple[int, dict[str, Any]]


class FaultyServer(ThreadingHTTPServer):
    """Answers as the test's function says; remembers what was asked."""

    def __init__(self, answer: Callable[[str, str, str], Answer], *, product: str | None = "Elasticsearch") -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.product = product
        self.asked: list[tuple[str, str, str]] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FaultyServer

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
        asked = (self.command, self.path.split("?")[0], body)
        self.server.asked.append(asked)
        status, content = self.server.answer(*asked)
        payload = json.dumps(content).encode()
        self.send_response(status)
        if self.server.product:
            self.send_header("X-Elastic-Product", self.server.product)
        self.send_header("content-type", "application/vnd.elasticsearch+json;compatible-with=9")
        self.send_header("content-length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _handle  # noqa: N815 -- the names http.server calls

    def log_message(self, *_: object) -> None:
        pass


ONE_ACTIVE = {
    "duijie-posts-v1-000001": {
        "aliases": {"duijie-posts": {}, "duijie-posts-v1-000001.write": {}},
        "mappings": {"_meta": {"dimension": DIMENSION, "model_revision": ""}},
    }
}


@pytest.fixture
def serve() -> Iterator[Callable[..., FaultyServer]]:
    servers: list[FaultyServer] = []

    def start(answer: Callable[[str, str, str], Answer], **options: Any) -> FaultyServer:
        servers.append(FaultyServer(answer, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def open_server(server: FaultyServer) -> ElasticsearchIndex:
    return ElasticsearchIndex(server.url, dimension=DIMENSION)


def bulk_ids(body: str) -> list[str]:
    return [line["index"]["_id"] for line in map(json.loads, body.splitlines()) if "index" in line]


class TestWords:
    @given(st.text(min_size=0, max_size=300))
    def test_a_word_becomes_one_token(self, word: str) -> None:
        encoded = encode_word(word)
        assert encoded
        assert not any(character.isspace() for character in encoded)
        assert len(encoded.encode("utf-16-le", "surrogatepass")) // 2 <= 255

    @given(st.text(alphabet=" \\ab;20\t\u3000甲", max_size=12), st.text(alphabet=" \\ab;20\t\u3000甲", max_size=12))
    def test_different_words_become_different_tokens(self, first: str, second: str) -> None:
        assert (encode_word(first) == encode_word(second)) == (first == second)

    def test_long_words_differ_where_only_their_ends_do(self) -> None:
        assert encode_word("甲" * 500 + "乙") != encode_word("甲" * 500 + "丙")
        assert encode_word("御品蚝油") == "御品蚝油"


class TestMapping:
    def test_it_is_strict_and_has_the_dimension_of_the_model(self) -> None:
        body = read_mapping(768, "model-x")
        assert body["mappings"]["dynamic"] == "strict"
        vectors = {name: field for name, field in body["mappings"]["properties"].items() if "dims" in field}
        assert sorted(vectors) == ["full_vector", "title_vector"]
        assert [field["dims"] for field in vectors.values()] == [768, 768]
        assert (body["mappings"]["_meta"]["dimension"], body["mappings"]["_meta"]["model_revision"]) == (768, "model-x")

    def test_every_field_of_a_full_document_is_mapped(self) -> None:
        entry = make_entry(
            "a",
            title_vector=direction(1),
            full_vector=direction(1),
            organisation_id="o",
            town="沙坪",
            kind="patent",
            domain="D01",
            maturity=3,
        )
        document = module._to_document(entry, with_vectors=True)
        assert set(document) <= set(read_mapping(DIMENSION, "")["mappings"]["properties"])

    def test_an_index_that_is_loaded_differs_only_in_its_graphs_and_in_being_hidden(self) -> None:
        lasting, loading = read_mapping(8, "m"), read_mapping(8, "m", loading=True)
        assert loading["settings"].pop("refresh_interval") == "-1"
        assert lasting["settings"].pop("refresh_interval") == "1s"
        for name in ("title_vector", "full_vector"):
            assert loading["mappings"]["properties"][name].pop("index_options") == {"type": "int8_flat"}
            assert lasting["mappings"]["properties"][name].pop("index_options")["type"] == "int8_hnsw"
        assert loading == lasting


class TestDocuments:
    @given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
    def test_every_number_of_a_vector_is_written_so_that_it_is_read_back(self, numbers: list[float]) -> None:
        vector = np.array(numbers, dtype=np.float32)
        source = {"post_id": '甲"\\', "title_vector": vector, "full_vector": vector, "language": "zh"}
        heading, line = module._to_bulk_lines({"_id": "a", "version": 3, "_source": source})
        read = json.loads(line)
        assert heading == {"index": {"_id": "a", "version": 3}}
        assert read.keys() == source.keys()
        assert b"\n" not in line
        assert (read["post_id"], read["language"]) == (source["post_id"], "zh")
        assert np.array_equal(np.array(read["title_vector"], dtype=np.float32), vector)
        assert np.array_equal(np.array(read["full_vector"], dtype=np.float32), vector)

    def test_a_tombstone_is_written_as_it_is(self) -> None:
        removed = {"post_id": "a", "removed": True}
        assert json.loads(module._to_bulk_lines({"_id": "a", "_source": removed})[1]) == removed


class TestBulk:
    def test_items_refused_for_load_are_sent_again_and_only_those(
        self, serve: Callable[..., FaultyServer], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("elasticsearch.helpers.actions.time.sleep", lambda seconds: None)
        rounds: list[list[str]] = []

        def answer(method: str, path: str, body: str) -> Answer:
            if path != "/_bulk":
                return 200, ONE_ACTIVE
            ids = bulk_ids(body)
            rounds.append(ids)
            busy = {"b", "c"} if len(rounds) == 1 else {"c"} if len(rounds) == 2 else set()
            items = [
                {"index": {"_id": each, "status": 429, "error": {"type": "es_rejected_execution_exception"}}}
                if each in busy
                else {"index": {"_id": each, "status": 201}}
                for each in ids
            ]
            return 200, {"errors": bool(busy), "items": items}

        report = open_server(serve(answer)).write([make_entry(each) for each in "abc"])
        assert rounds == [["a", "b", "c"], ["b", "c"], ["c"]]
        assert (report.written, report.failed) == (3, ())

    def test_a_server_that_stays_busy_is_unavailable(
        self, serve: Callable[..., FaultyServer], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("elasticsearch.helpers.actions.time.sleep", lambda seconds: None)

        def answer(method: str, path: str, body: str) -> Answer:
            if path != "/_bulk":
                return 200, ONE_ACTIVE
            busy = {"type": "es_rejected_execution_exception", "reason": "queue is full"}
            return 200, {
                "errors": True,
                "items": [{"index": {"_id": each, "status": 429, "error": busy}} for each in bulk_ids(body)],
            }

        server = serve(answer)
        with pytest.raises(PartUnavailable) as raised:
            open_server(server).write([make_entry("a")])
        assert "queue is full" in raised.value.message
        assert sum(path == "/_bulk" for _, path, _ in server.asked) == 1 + module.BULK_RETRIES

    def test_every_item_is_looked_at(self, serve: Callable[..., FaultyServer]) -> None:
        def answer(method: str, path: str, body: str) -> Answer:
            if path != "/_bulk":
                return 200, ONE_ACTIVE
            outcomes = {
                "new": {"status": 201},
                "again": {"status": 200},
                "late": {"status": 409, "error": {"type": "version_conflict_engine_exception", "reason": "newer"}},
                "bad": {
                    "status": 400,
                    "error": {
                        "type": "document_parsing_exception",
                        "reason": "failed to parse",
                        "caused_by": {"type": "x", "reason": "field too long"},
                    },
                },
            }
            return 200, {
                "errors": True,
                "items": [{"index": {"_id": each, **outcomes[each]}} for each in bulk_ids(body)],
            }

        report = open_server(serve(answer)).write([make_entry(each) for each in ("new", "late", "bad", "again")])
        assert (report.written, report.superseded) == (2, 1)
        assert report.failed == (("bad", "document_parsing_exception: failed to parse (field too long)"),)

    def test_an_index_that_appears_while_writing_is_written_as_well(self, serve: Callable[..., FaultyServer]) -> None:
        second = {
            "duijie-posts-v1-000002-0badcafe": {
                "aliases": {"duijie-posts-building": {}, "duijie-posts-v1-000002-0badcafe.write": {}},
                "mappings": {"_meta": {"dimension": DIMENSION, "model_revision": "model-a"}},
            }
        }
        bulks: list[str] = []

        def answer(method: str, path: str, body: str) -> Answer:
            if path != "/_bulk":
                return 200, {**ONE_ACTIVE, **second} if bulks else ONE_ACTIVE
            bulks.append(json.loads(body.splitlines()[0])["index"]["_index"])
            return 200, {"errors": False, "items": [{"index": {"_id": "a", "status": 201}}]}

        report = open_server(serve(answer)).write([make_entry("a")])
        assert report.written == 1
        assert bulks == ["duijie-posts-v1-000001.write", "duijie-posts-v1-000002-0badcafe.write"]


class TestUnavailable:
    def test_nobody_listening_is_said_by_every_call(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        index = ElasticsearchIndex(f"http://user:secret@127.0.0.1:{port}", dimension=DIMENSION)
        for call in (
            lambda: index.find_by_words([word_query("a")]),
            lambda: index.find_by_vector([vector_query(direction(1))]),
            lambda: index.fetch_vectors(["a"]),
            lambda: index.write([make_entry("a")]),
            lambda: index.remove([("a", 1)]),
            lambda: list(index.entry_versions()),
            lambda: index.begin_rebuild("m", DIMENSION),
            lambda: index.refresh(),
        ):
            with pytest.raises(PartUnavailable) as raised:
                call()
            assert raised.value.part == "index"
        status = index.status()
        assert (status.ready, status.entries) == (False, 0)
        assert "start Elasticsearch" in status.remedy
        assert "secret" not in status.detail + status.remedy

    def test_a_server_that_does_not_answer_in_time(
        self, serve: Callable[..., FaultyServer], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "REQUEST_SECONDS", 0.2)
        release = threading.Event()

        def answer(method: str, path: str, body: str) -> Answer:
            release.wait(10)
            return 200, {}

        index = open_server(serve(answer))
        with pytest.raises(PartUnavailable):
            index.find_by_words([word_query("a")])
        release.set()

    def test_a_server_of_another_major_version_is_said(self, serve: Callable[..., FaultyServer]) -> None:
        status = open_server(serve(lambda *_: (200, {"nodes": {"x": {"version": "10.1.0"}}}))).status()
        assert (status.ready, status.version) == (False, "10.1.0")
        assert "9.x" in status.remedy

    def test_an_older_server_that_refuses_the_clients_dialect_is_said(self, serve: Callable[..., FaultyServer]) -> None:
        reason = "Accept version must be either version 8 or 7, but found 9"
        refusal = {"error": {"type": "media_type_header_exception", "reason": reason}, "status": 400}
        status = open_server(serve(lambda *_: (400, refusal))).status()
        assert status.ready is False
        assert "9.x" in status.remedy

    def test_another_product_at_the_address_is_said(self, serve: Callable[..., FaultyServer]) -> None:
        index = open_server(serve(lambda *_: (200, {}), product=None))
        with pytest.raises(PartUnavailable) as raised:
            index.find_by_words([word_query("a")])
        assert "not Elasticsearch" in raised.value.message
        assert index.status().ready is False

    def test_a_shard_that_fails_twice_is_unavailable_and_never_a_short_list(
        self, serve: Callable[..., FaultyServer]
    ) -> None:
        broken = {
            "status": 200,
            "_shards": {"total": 1, "successful": 0, "failed": 1, "failures": [{"reason": "disk"}]},
            "hits": {"hits": []},
        }
        server = serve(lambda *_: (200, {"responses": [broken]}))
        with pytest.raises(PartUnavailable) as raised:
            open_server(server).find_by_words([word_query("a")])
        assert "disk" in raised.value.message
        assert len(server.asked) == 2

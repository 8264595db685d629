"""The index on an Elasticsearch 9 server, for installations of more than one machine.

Only what the server's core can do is used: no scripting, no paid feature, no plugin. Each generation is an index
`{prefix}-posts-v1-000001` from the mapping file; searches go to the alias `{prefix}-posts`, writes to the alias
`{index}.write` of each index that lives, with `require_alias`, so that a late write can never create an index by
accident. Removed posts stay as tombstones with their version: the server itself forgets a deletion after a minute.
See docs/decisions/0004.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import secrets
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from typing import Any, TypeVar

import elastic_transport
import elasticsearch
import numpy as np
from elasticsearch import Elasticsearch, helpers

from matching.errors import IllegalMove, InvalidInput, PartUnavailable
from matching.search.batches import in_batches
from matching.search.bm25 import BODY_WEIGHT, QUERY_WORD_LIMIT, TITLE_WEIGHT, select_query_words
from matching.search.checks import check_limits, check_query_vectors, find_entry_fault, find_vector_fault
from matching.search.filling import fill_up_by_words
from matching.search.filters import filter_clause
from matching.search.port import (
    MOST_HITS,
    CandidateQuery,
    Hit,
    IndexEntry,
    IndexStatus,
    Vector,
    VectorQuery,
    WordQuery,
    WriteReport,
)
from matching.search.rank_fusion import fuse_hits
from matching.search.visibility import to_microseconds

logger = logging.getLogger(__name__)

MAPPING_FILE = "posts-v1.json"
SERVER_MAJOR = 9
"""The major version of server and client this code is written for."""

REQUEST_SECONDS = 10.0
BULK_SECONDS = 60.0
WRITE_BATCH = 500
BULK_BYTES = 10 * 1024 * 1024
BULK_RETRIES = 6
"""How often items refused with 429 are sent again, after 0.5 s, 1 s, 2 s … 8 s."""

LEAST_CANDIDATES = 400
OVERSAMPLE = 2.0
"""Nearest neighbours are found on int8 vectors; so many times as many as wanted are compared again in float32."""

_BATCHES_AT_ONCE = 2
"""Batches a rebuild has under way: one the server works on, one that is put into words."""
_MERGE_SECONDS = 4 * 3600.0
_POSTS_OF_A_SEGMENT = 1_000_000
"""About 4 GB: the server merges no segment above 5 GB by itself, so removed posts would stay in it."""
_QUERIES_AT_ONCE = 50
_SECONDS_PER_QUERY = 1.0  # of a batch, on top of REQUEST_SECONDS: a batch may wait for a busy server, a page may not
_IDS_AT_ONCE = 500
_PAGE = 1000
_LONGEST_WORD = 200  # the whitespace analyser cuts at 255
_ROUNDS = 10

Item = TypeVar("Item")


@dataclass(frozen=True)
class _Target:
    """One index of ours on the server."""

    name: str
    active: bool
    building: bool
    model_revision: str
    dimension: int

    @property
    def write_alias(self) -> str:
        return f"{self.name}.write"


def encode_word(word: str) -> str:
    """A word as one token of the whitespace analyser, different for different words.

    Whitespace and the backslash are escaped; of a very long word a beginning and the SHA-256 stand for the whole.
    """
    escaped = "".join(
        f"\\{ord(character):x};" if character.isspace() or character == "\\" else character for character in word
    )
    if len(escaped) > _LONGEST_WORD:
        return f"{escaped[:32]}\\…{hashlib.sha256(escaped.encode()).hexdigest()}"
    return escaped or "\\0;"


def read_mapping(dimension: int, model_revision: str, *, loading: bool = False) -> dict[str, Any]:
    """Settings and mappings of a new index, from the mapping file, for vectors of this dimension.

    While `loading`, as a rebuild does, vectors have no graph yet and nothing is made visible by itself: graphs of small
    segments are thrown away by every merge. `ElasticsearchRebuild.activate` makes one graph of all.
    """
    text = resources.files("matching.search").joinpath("mappings", MAPPING_FILE).read_text(encoding="utf-8")
    body: dict[str, Any] = json.loads(text)
    for field in body["mappings"]["properties"].values():
        if field["type"] == "dense_vector":
            field["dims"] = dimension
            if loading:
                field["index_options"] = {"type": "int8_flat"}
    if loading:
        body["settings"]["refresh_interval"] = "-1"
    body["mappings"]["_meta"] |= {"dimension": dimension, "model_revision": model_revision}
    return body


class ElasticsearchIndex:
    """SearchIndex on a server; any number of processes on any number of machines may use it at once."""

    def __init__(self, url: str, *, prefix: str = "duijie", dimension: int = 384) -> None:
        """`dimension` is that of the first index; later ones have what their rebuild was given."""
        self.url = url
        self.prefix = prefix
        self.dimension = dimension
        self.read_alias = f"{prefix}-posts"
        self.building_alias = f"{prefix}-posts-building"
        self._name = re.compile(re.escape(f"{prefix}-posts-v") + r"\d+-(\d{6,})(?:-[0-9a-f]{8})?")
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._opened: Elasticsearch | None = None

    # -- writing ------------------------------------------------------------------------------------------------

    def write(self, entries: Iterable[IndexEntry]) -> WriteReport:
        """See SearchIndex.write; every item's outcome is looked at, items refused for load are sent again."""
        report = WriteReport()
        for batch in in_batches(entries, WRITE_BATCH):
            report += self._write_everywhere(self._store, batch)
        return report

    def remove(self, removals: Iterable[tuple[str, int]]) -> WriteReport:
        """See SearchIndex.remove."""
        report = WriteReport()
        for batch in in_batches(removals, WRITE_BATCH):
            report += self._write_everywhere(self._bury, batch)
        return report

    def refresh(self) -> None:
        """See SearchIndex.refresh."""
        with self._speaking() as client:
            client.indices.refresh(index=[target.name for target in self._targets()] or f"{self.prefix}-posts-v*")

    def begin_rebuild(self, model_revision: str, dimension: int) -> ElasticsearchRebuild:
        """See SearchIndex.begin_rebuild."""
        with self._speaking() as client:
            self._require_active()
            for target in self._survey():
                if not target.active:
                    self._drop(target)
            building = self._create(model_revision, dimension, active=False)
            # Writers see the new index from here on; what was removed before has to be taken along.
            client.indices.refresh(index=self.read_alias)
            self._bury(building, self._tombstones())
        return ElasticsearchRebuild(self, building)

    def _write_everywhere(
        self, send: Callable[[_Target, list[Item]], WriteReport | None], items: list[Item]
    ) -> WriteReport:
        """Send to every index that lives, until none appeared while sending; report about the active one.

        Looking again afterwards closes the gap in which a rebuild began unseen: it reads its rows from the database
        after its index is there, and a row that changed since then is either in what it reads or in this write.
        """
        outcomes: dict[str, WriteReport] = {}
        with self._speaking():
            for _ in range(_ROUNDS):
                targets = self._require_active()
                missing = [target for target in targets if target.name not in outcomes]
                if not missing:
                    return next(outcomes[target.name] for target in targets if target.active)
                for target in missing:
                    outcome = send(target, items)
                    if outcome is not None:  # None: the index went away meanwhile
                        outcomes[target.name] = outcome
        raise PartUnavailable(
            "index",
            "索引不断更换，写入没有完成",
            message_en="The index kept being replaced, the write was given up.",
        )

    def _store(self, target: _Target, entries: Sequence[IndexEntry]) -> WriteReport | None:
        """Write entries to one index; None when it is gone."""
        actions: list[dict[str, Any]] = []
        faults: list[tuple[str, str]] = []
        for entry in entries:
            # Vectors of another model are left out of a rebuild and must not push out those that belong there,
            # hence `external`, which an equal version does not pass.
            foreign = target.building and entry.model_revision != target.model_revision
            fault = find_entry_fault(entry)
            if fault is None and not foreign:
                fault = find_vector_fault(entry.title_vector, target.dimension) or find_vector_fault(
                    entry.full_vector, target.dimension
                )
            if fault:
                faults.append((entry.post_id, fault))
                continue
            actions.append(
                {
                    "_index": target.write_alias,
                    "_id": entry.post_id,
                    "version": entry.version,
                    "version_type": "external" if foreign else "external_gte",
                    "_source": _to_document(entry, with_vectors=not foreign),
                }
            )
        report = self._send(actions)
        return None if report is None else WriteReport(failed=tuple(faults)) + report

    def _bury(self, target: _Target, removals: Iterable[tuple[str, int]]) -> WriteReport | None:
        """Write tombstones to one index; None when it is gone."""
        return self._send(
            {
                "_index": target.write_alias,
                "_id": post_id,
                "version": version,
                "version_type": "external_gte",
                "_source": {"post_id": post_id, "removed": True},
            }
            for post_id, version in removals
        )

    def _send(self, actions: Iterable[dict[str, Any]]) -> WriteReport | None:
        written = superseded = 0
        failed: list[tuple[str, str]] = []
        for _, item in helpers.streaming_bulk(
            self._client().options(request_timeout=BULK_SECONDS),
            actions,
            expand_action_callback=_to_bulk_lines,
            chunk_size=WRITE_BATCH,
            max_chunk_bytes=BULK_BYTES,
            raise_on_error=False,
            max_retries=BULK_RETRIES,
            initial_backoff=0.5,
            max_backoff=8,
            require_alias=True,
        ):
            outcome = item["index"]
            status = outcome.get("status")
            if status in (200, 201):
                written += 1
            elif status == 409:
                superseded += 1
            elif status == 404:
                return None
            elif status == 429 or (isinstance(status, int) and status >= 500):
                raise PartUnavailable(
                    "index",
                    f"Elasticsearch 暂时不接受写入：{_reason(outcome)}",
                    message_en=f"Elasticsearch does not accept writes at present: {_reason(outcome)}",
                )
            else:
                failed.append((outcome.get("_id", ""), _reason(outcome)))
        return WriteReport(written=written, superseded=superseded, failed=tuple(failed))

    # -- reading ------------------------------------------------------------------------------------------------

    def find_by_words(self, queries: Sequence[WordQuery]) -> list[list[Hit]]:
        """See SearchIndex.find_by_words; one round trip for up to fifty queries."""
        check_limits(queries)
        with self._speaking():
            selected = self._select_words([query.words for query in queries])
            bodies: list[dict[str, Any] | None] = []
            for query, words in zip(queries, selected, strict=True):
                text = " ".join(encode_word(word) for word in words)
                bodies.append(
                    {
                        "query": {
                            "bool": {
                                "filter": [filter_clause(query.filters, query.audience, query.now)],
                                "should": [
                                    {"match": {"title_words": {"query": text, "boost": TITLE_WEIGHT}}},
                                    {"match": {"body_words": {"query": text, "boost": BODY_WEIGHT}}},
                                ],
                                "minimum_should_match": 1,
                            }
                        },
                        "size": query.limit,
                        "sort": [{"_score": "desc"}, {"post_id": "asc"}],
                    }
                    if words
                    else None
                )
            return self._search(bodies, lambda score: round(score, 5))

    def find_by_vector(self, queries: Sequence[VectorQuery]) -> list[list[Hit]]:
        """See SearchIndex.find_by_vector; approximate (HNSW on int8), the found compared again in float32."""
        check_limits(queries)
        for query in queries:
            if query.vector.ndim == 1:
                check_query_vectors([query], len(query.vector))
        bodies: list[dict[str, Any] | None] = []
        for query in queries:
            candidates = min(MOST_HITS, max(LEAST_CANDIDATES, 2 * query.limit))
            bodies.append(
                {
                    "knn": {
                        "field": query.field,
                        "query_vector": query.vector.tolist(),
                        "k": query.limit,
                        "num_candidates": candidates,
                        "filter": filter_clause(query.filters, query.audience, query.now),
                        "rescore_vector": {"oversample": min(OVERSAMPLE, max(1.0, MOST_HITS / query.limit))},
                    },
                    "size": query.limit,
                }
            )
        with self._speaking():
            try:
                # The score of a cosine field is (1 + cosine) / 2.
                found = self._search(bodies, lambda score: round(2 * score - 1, 6))
            except InvalidInput:
                for target in self._targets():
                    if target.active:
                        check_query_vectors(queries, target.dimension)
                raise
        return fill_up_by_words(queries, found, self.find_by_words)

    def find_candidates(self, queries: Sequence[CandidateQuery]) -> list[list[str]]:
        """See SearchIndex.find_candidates; fused here, since the server's own fusion is a paid feature."""
        return fuse_hits(queries, self.find_by_vector, self.find_by_words)

    def fetch_vectors(self, post_ids: Sequence[str]) -> dict[str, tuple[Vector | None, Vector | None]]:
        """See SearchIndex.fetch_vectors."""
        found: dict[str, tuple[Vector | None, Vector | None]] = {}
        with self._speaking() as client:
            for part in in_batches(dict.fromkeys(post_ids), _IDS_AT_ONCE):
                answer = client.search(
                    index=self.read_alias,
                    ignore_unavailable=True,
                    query={"bool": {"filter": [{"ids": {"values": part}}], "must_not": [{"term": {"removed": True}}]}},
                    fields=[{"field": "title_vector"}, {"field": "full_vector"}],
                    source=False,
                    size=len(part),
                )
                for hit in answer["hits"]["hits"]:
                    fields = hit.get("fields", {})
                    found[hit["_id"]] = (_to_vector(fields.get("title_vector")), _to_vector(fields.get("full_vector")))
        return found

    def entry_versions(self) -> Iterator[tuple[str, int, str]]:
        """See SearchIndex.entry_versions; read by a cursor over one point in time."""
        alive = {"bool": {"must_not": [{"term": {"removed": True}}]}}
        for hit in self._scan(self.read_alias, alive):
            yield hit["_id"], int(hit["_version"]), hit["fields"]["model_revision"][0]

    def status(self) -> IndexStatus:
        """See SearchIndex.status."""
        client_version = ".".join(map(str, elasticsearch.VERSION))
        engine = "elasticsearch"
        server_version = ""
        try:
            with self._speaking() as client:
                nodes = client.nodes.info(node_id="_local", filter_path="nodes.*.version")["nodes"]
                server_version = next(iter(nodes.values()))["version"]
                client_major = int(client_version.split(".")[0])
                if int(server_version.split(".")[0]) != SERVER_MAJOR or client_major != SERVER_MAJOR:
                    return IndexStatus(
                        ready=False,
                        engine=engine,
                        version=server_version,
                        entries=0,
                        detail=f"server {server_version}, client {client_version}",
                        remedy=f"run Elasticsearch {SERVER_MAJOR}.x with the Python client {SERVER_MAJOR}.x",
                    )
                return self._describe(client, server_version, client_version)
        except PartUnavailable as error:
            return IndexStatus(
                ready=False,
                engine=engine,
                version=server_version,
                entries=0,
                detail=f"{_without_password(self.url)}: {error.message_en}; client {client_version}",
                remedy=(
                    f"start Elasticsearch {SERVER_MAJOR}.x there or correct the index URL in the settings; "
                    "user and password belong in the URL"
                ),
            )

    def _describe(self, client: Elasticsearch, server_version: str, client_version: str) -> IndexStatus:
        targets = self._targets()
        active = next((target for target in targets if target.active), None)
        entries, detail, remedy = 0, f"client {client_version}", ""
        if active is None:
            detail += "; no index yet, the first write creates it"
        else:
            answer = client.search(
                index=self.read_alias,
                query={"bool": {"must_not": [{"term": {"removed": True}}]}},
                size=0,
                track_total_hits=True,
            )
            entries = int(answer["hits"]["total"]["value"])
            health = client.cluster.health(index=active.name)["status"]
            detail += f"; {active.name}, {active.dimension} dimensions, health {health}"
            if health == "red":
                remedy = (
                    "the index has a shard without a copy: look at `GET _cluster/allocation/explain` and disk space"
                )
            elif active.dimension != self.dimension:
                remedy = f"the model in the settings has {self.dimension} dimensions: run `duijie index rebuild`"
        for target in targets:
            if target.building:
                detail += f"; rebuilding {target.name} for {target.model_revision or 'an unnamed model'}"
        return IndexStatus(
            ready=not remedy,
            engine="elasticsearch",
            version=server_version,
            entries=entries,
            detail=detail,
            remedy=remedy,
        )

    def close(self) -> None:
        """See SearchIndex.close."""
        with self._lock:
            opened, self._opened = self._opened, None
        if opened is not None and self._process == os.getpid():
            opened.close()

    def _select_words(self, texts: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
        """The words each query searches with; the server is asked for frequencies only where a text is long."""
        long = [words for words in texts if len(set(words)) > QUERY_WORD_LIMIT]
        frequencies: dict[str, int] = {}
        documents = 0
        distinct = list(dict.fromkeys(word for words in long for word in words))
        for part in in_batches(distinct, 20_000):
            documents = self._read_frequencies(part, frequencies)
        selected: list[tuple[str, ...]] = []
        for words in texts:
            if len(set(words)) > QUERY_WORD_LIMIT:
                selected.append(select_query_words(words, frequencies, documents))
            else:
                selected.append(tuple(dict.fromkeys(words)))
        return selected

    def _read_frequencies(self, words: Sequence[str], frequencies: dict[str, int]) -> int:
        """Put the number of posts with each word into `frequencies`; return the number of posts with words."""
        decoded = {encode_word(word): word for word in words}
        text = " ".join(decoded)
        try:
            answer = self._client().mtermvectors(
                index=self.read_alias,
                docs=[
                    {
                        "doc": {"title_words": text, "body_words": text},
                        "term_statistics": True,
                        "field_statistics": True,
                        "positions": False,
                        "offsets": False,
                        "payloads": False,
                    }
                ],
            )
        except elasticsearch.NotFoundError:
            return 0
        documents = 0
        for field in answer["docs"][0].get("term_vectors", {}).values():
            documents = max(documents, int(field["field_statistics"]["doc_count"]))
            for term, statistics in field["terms"].items():
                word = decoded[term]
                frequencies[word] = max(frequencies.get(word, 0), int(statistics.get("doc_freq", 0)))
        return documents

    def _search(self, bodies: Sequence[dict[str, Any] | None], to_score: Callable[[float], float]) -> list[list[Hit]]:
        """Run the searches; None stands for one that finds nothing."""
        results: list[list[Hit]] = [[] for _ in bodies]
        waiting = [place for place, body in enumerate(bodies) if body is not None]
        for part in in_batches(waiting, _QUERIES_AT_ONCE):
            answers = self._search_once([bodies[place] or {} for place in part])
            for place, answer in zip(part, answers, strict=True):
                hits = [Hit(hit["_id"], to_score(float(hit["_score"]))) for hit in answer["hits"]["hits"]]
                results[place] = sorted(hits, key=lambda hit: (-hit.score, hit.post_id))
        return results

    def _search_once(self, bodies: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """One `_msearch`; asked a second time when the index was swapped under it."""
        for attempt in (1, 2):
            searches: list[dict[str, Any]] = []
            for body in bodies:
                searches.append({"index": self.read_alias, "ignore_unavailable": True})
                searches.append({**body, "_source": False, "track_total_hits": False})
            client = self._client().options(request_timeout=REQUEST_SECONDS + _SECONDS_PER_QUERY * (len(bodies) - 1))
            answers: list[dict[str, Any]] = client.msearch(searches=searches)["responses"]
            fault = next((found for found in map(_search_fault, answers) if found), None)
            if fault is None:
                return answers
            status, reason = fault
            if status == 400:
                raise InvalidInput(
                    "index.query_refused",
                    f"Elasticsearch 拒绝了查询：{reason}",
                    message_en=f"Elasticsearch refused the query: {reason}",
                )
            if attempt == 2:
                raise PartUnavailable(
                    "index", f"Elasticsearch 没有完整回答：{reason}", message_en=f"Elasticsearch failed: {reason}"
                )
        raise AssertionError("unreachable")

    def _scan(self, index: str, query: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """All hits of a query with version and model revision, in pages over one point in time."""
        with self._speaking() as client:
            try:
                point = client.open_point_in_time(index=index, keep_alive="5m")["id"]
            except elasticsearch.NotFoundError:
                return
        try:
            after: list[Any] | None = None
            while True:
                with self._speaking() as client:
                    answer = client.search(
                        pit={"id": point, "keep_alive": "5m"},
                        query=query,
                        sort=[{"_shard_doc": "asc"}],
                        search_after=after,
                        size=_PAGE,
                        source=False,
                        fields=[{"field": "model_revision"}],
                        version=True,
                        track_total_hits=False,
                    )
                point = answer["pit_id"]
                hits = answer["hits"]["hits"]
                if not hits:
                    return
                yield from hits
                after = hits[-1]["sort"]
        finally:
            # The server lets go of it by itself after five minutes.
            with suppress(PartUnavailable), self._speaking() as client:
                client.options(ignore_status=404).close_point_in_time(id=point)

    # -- indices ------------------------------------------------------------------------------------------------

    def _targets(self) -> list[_Target]:
        """Our indices that are active or being built, the active one first, as the server has them now."""
        living = [target for target in self._survey() if target.active or target.building]
        return sorted(living, key=lambda target: (not target.active, target.name))

    def _survey(self) -> list[_Target]:
        """All our indices; one that is neither active nor being built is what an ended or killed rebuild left."""
        answer = self._client().indices.get(
            index=f"{self.prefix}-posts-v*", filter_path="*.aliases,*.mappings._meta", expand_wildcards="open"
        )
        targets: list[_Target] = []
        for name, found in answer.body.items():
            if self._name.fullmatch(name):
                aliases = found.get("aliases", {})
                meta = found.get("mappings", {}).get("_meta", {})
                targets.append(
                    _Target(
                        name,
                        active=self.read_alias in aliases,
                        building=self.building_alias in aliases,
                        model_revision=meta.get("model_revision", ""),
                        dimension=int(meta.get("dimension", 0)),
                    )
                )
        return targets

    def _drop(self, target: _Target) -> None:
        """Delete an index that is not active; one that became active since it was looked at stays."""
        client = self._client()
        if target.building:
            try:
                # Whoever takes the alias away decides: activating needs it as well.
                client.indices.update_aliases(
                    actions=[{"remove": {"index": target.name, "alias": self.building_alias, "must_exist": True}}]
                )
            except elasticsearch.NotFoundError:
                return
        client.indices.delete(index=target.name, ignore_unavailable=True)

    def _require_active(self) -> list[_Target]:
        """The living indices as `_targets`; the first one is created where there is none."""
        for _ in range(_ROUNDS):
            targets = self._targets()
            if any(target.active for target in targets):
                return targets
            try:
                self._create("", self.dimension, active=True)
            except elasticsearch.BadRequestError as error:
                if error.error != "resource_already_exists_exception":  # another process was quicker
                    raise
        raise PartUnavailable("index", "无法创建索引", message_en="The index could not be created.")

    def _create(self, model_revision: str, dimension: int, *, active: bool) -> _Target:
        """Make an index with its aliases, in one request.

        The first one has a fixed name, so that only one of two quick processes can make it; the name of a rebuild's
        is never used twice, so that the handle of a replaced rebuild cannot reach its successor.
        """
        body = read_mapping(dimension, model_revision, loading=not active)
        stem = f"{self.prefix}-posts-v{body['mappings']['_meta']['mapping_version']}"
        if active:
            name = f"{stem}-000001"
        else:
            found = [self._name.fullmatch(target.name) for target in self._survey()]
            number = max((int(match.group(1)) for match in found if match), default=1) + 1
            name = f"{stem}-{number:06}-{secrets.token_hex(4)}"
        self._client().indices.create(
            index=name,
            settings=body["settings"],
            mappings=body["mappings"],
            aliases={(self.read_alias if active else self.building_alias): {}, f"{name}.write": {}},
        )
        return _Target(name, active, not active, model_revision, dimension)

    def _tombstones(self) -> Iterator[tuple[str, int]]:
        for hit in self._scan(self.read_alias, {"term": {"removed": True}}):
            yield hit["_id"], int(hit["_version"])

    # -- the server ---------------------------------------------------------------------------------------------

    def _client(self) -> Elasticsearch:
        """This process's client; a child of a fork makes its own, for connections must not be shared."""
        if self._process != os.getpid():
            self._process = os.getpid()
            self._lock = threading.Lock()
            self._opened = None
        with self._lock:
            if self._opened is None:
                self._opened = Elasticsearch(
                    self.url, request_timeout=REQUEST_SECONDS, max_retries=2, retry_on_timeout=False
                )
            return self._opened

    @contextmanager
    def _speaking(self) -> Iterator[Elasticsearch]:
        """Turn failures of server and connection into PartUnavailable."""
        try:
            yield self._client()
        except elasticsearch.ApiError as error:
            if error.status_code == 400 and error.error != "media_type_header_exception":
                raise
            raise _unavailable(str(error)) from error
        except elasticsearch.UnsupportedProductError as error:
            raise _unavailable(f"the server at that address is not Elasticsearch ({error})") from error
        except elastic_transport.TransportError as error:
            raise _unavailable(str(error)) from error


class ElasticsearchRebuild:
    """Rebuild of an ElasticsearchIndex: a second index that writers already write to."""

    def __init__(self, index: ElasticsearchIndex, target: _Target) -> None:
        self._index = index
        self._target = target

    @property
    def model_revision(self) -> str:
        """The embedder's revision this index is built for."""
        return self._target.model_revision

    @property
    def dimension(self) -> int:
        """Numbers per vector."""
        return self._target.dimension

    def write(self, entries: Iterable[IndexEntry]) -> WriteReport:
        """See Rebuild.write."""
        report = WriteReport()
        with self._index._speaking(), ThreadPoolExecutor(_BATCHES_AT_ONCE) as pool:
            # The next batch is put into words while the server works on this one.
            sent: deque[Future[WriteReport | None]] = deque()
            for batch in in_batches(entries, WRITE_BATCH):
                self._require_building()
                sent.append(pool.submit(self._index._store, self._target, batch))
                if len(sent) > _BATCHES_AT_ONCE:
                    report += _outcome(sent.popleft())
            for each in sent:
                report += _outcome(each)
        return report

    def catch_up(self) -> tuple[str, ...]:
        """See Rebuild.catch_up; writers write to both indices, so only vectors of another model are wanting."""
        with self._index._speaking() as client:
            self._require_building()
            client.indices.refresh(index=self._target.name)
            foreign = {
                "bool": {
                    "must_not": [
                        {"term": {"removed": True}},
                        {"term": {"model_revision": self._target.model_revision}},
                    ]
                }
            }
            return tuple(hit["_id"] for hit in self._index._scan(self._target.name, foreign))

    def activate(self) -> None:
        """See Rebuild.activate."""
        with self._index._speaking() as client:
            self._require_building()
            try:
                self._build_graphs(client)
            except elasticsearch.NotFoundError:
                raise _replaced() from None
            self._require_building()
            client.indices.refresh(index=self._target.name)
            name, read, building = self._target.name, self._index.read_alias, self._index.building_alias
            old = [target.name for target in self._index._targets() if target.active]
            try:
                client.indices.update_aliases(
                    actions=[
                        {"remove": {"index": name, "alias": building, "must_exist": True}},
                        {"add": {"index": name, "alias": read}},
                        *({"remove": {"index": each, "alias": read, "must_exist": True}} for each in old),
                    ]
                )
            except elasticsearch.NotFoundError:
                raise _replaced() from None
            # After the swap, so that searches change over at once; a kill in between leaves it to the next rebuild.
            for each in old:
                client.indices.delete(index=each, ignore_unavailable=True)

    def abort(self) -> None:
        """See Rebuild.abort."""
        with self._index._speaking():
            self._index._drop(self._target)

    def _build_graphs(self, client: Elasticsearch) -> None:
        """Turn the loaded index into one that is searched: one graph per vector field, made by one merge.

        What stays in a single segment keeps no graph and is compared vector by vector, which at that size is quick;
        the server makes its graph with the first merge.
        """
        name = self._target.name
        lasting = read_mapping(self._target.dimension, self._target.model_revision)
        vectors = {
            field: options
            for field, options in lasting["mappings"]["properties"].items()
            if options["type"] == "dense_vector"
        }
        client.indices.put_mapping(index=name, properties=vectors)
        client.indices.put_settings(index=name, settings={"refresh_interval": lasting["settings"]["refresh_interval"]})
        posts = int(client.count(index=name)["count"])
        try:
            client.options(request_timeout=_MERGE_SECONDS, max_retries=0).indices.forcemerge(
                index=name, max_num_segments=1 + posts // _POSTS_OF_A_SEGMENT
            )
        except (elastic_transport.ConnectionError, elastic_transport.ConnectionTimeout) as error:
            # Such as a proxy that cuts off long answers. The server goes on, and every search finds all meanwhile.
            logger.warning("the new index is used while its graphs are still being made: %s", error)

    def _is_building(self) -> bool:
        return any(target.building and target.name == self._target.name for target in self._index._targets())

    def _require_building(self) -> None:
        if not self._is_building():
            raise _replaced()


def _outcome(sent: Future[WriteReport | None]) -> WriteReport:
    report = sent.result()
    if report is None:
        raise _replaced()
    return report


def _replaced() -> IllegalMove:
    return IllegalMove(
        "index.rebuild_replaced",
        "这次重建已结束，或已被另一次重建取代",
        message_en="This rebuild has ended or another one has replaced it.",
    )


def _unavailable(reason: str) -> PartUnavailable:
    return PartUnavailable(
        "index",
        f"搜索服务 Elasticsearch 没有应答：{reason}",
        message_en=f"Elasticsearch does not answer: {reason}",
    )


def _without_password(url: str) -> str:
    return re.sub(r"//[^/@]*@", "//", url)


def _search_fault(answer: dict[str, Any]) -> tuple[int, str] | None:
    """(status, reason) of a search that failed as a whole or on a shard."""
    if "error" in answer:
        return int(answer.get("status", 500)), str(answer["error"].get("root_cause", answer["error"]))
    shards = answer.get("_shards", {})
    if shards.get("failed"):
        return 503, str(shards.get("failures", "a shard failed"))
    return None


def _reason(outcome: dict[str, Any]) -> str:
    error = outcome.get("error")
    if not isinstance(error, dict):
        return str(error or outcome.get("exception") or "no reason given")
    cause = error.get("caused_by", {}).get("reason")
    return f"{error.get('type')}: {error.get('reason')}" + (f" ({cause})" if cause else "")


def _to_document(entry: IndexEntry, *, with_vectors: bool) -> dict[str, Any]:
    document: dict[str, Any] = {
        "post_id": entry.post_id,
        "model_revision": entry.model_revision,
        "side": entry.side,
        "region_code": entry.region_code,
        "visibility": entry.visibility,
        "language": entry.language,
        "title_words": " ".join(map(encode_word, entry.title_words)),
        "body_words": " ".join(map(encode_word, entry.body_words)),
        "industry_codes": list(entry.industry_codes),
        "cooperation_modes": list(entry.cooperation_modes),
        "organisation_id": entry.organisation_id,
        "town": entry.town,
        "kind": entry.kind,
        "domain": entry.domain,
        "maturity": entry.maturity,
        "expires_at": None if entry.expires_at is None else to_microseconds(entry.expires_at),
        "published_at": None if entry.published_at is None else _to_date(entry.published_at),
    }
    if with_vectors:
        document["title_vector"] = entry.title_vector
        document["full_vector"] = entry.full_vector
    return {name: value for name, value in document.items() if value is not None}


def _to_bulk_lines(action: bytes | str | dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """What is to be done, and the document as JSON.

    Vectors are most of it. Nine digits give each float32 back as it was, in half the time and bytes of the
    seventeen that a float64 of the same value is written with.
    """
    assert isinstance(action, dict)  # the client would take lines that are ready as well
    heading = {name: value for name, value in action.items() if name != "_source"}
    source: dict[str, Any] = action["_source"]
    vectors = {name: value for name, value in source.items() if isinstance(value, np.ndarray)}
    rest = {name: value for name, value in source.items() if name not in vectors}
    text = json.dumps(rest, ensure_ascii=False, separators=(",", ":"))
    written = [
        f'"{name}":[{",".join(["%.9g"] * len(vector)) % tuple(vector.tolist())}]' for name, vector in vectors.items()
    ]
    return {"index": heading}, (",".join([text[:-1], *written]) + "}").encode()


def _to_date(moment: datetime) -> str:
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()


def _to_vector(numbers: list[float] | None) -> Vector | None:
    return None if numbers is None else np.array(numbers, dtype=np.float32)

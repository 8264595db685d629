"""What is peculiar to the embedded index: processes, threads, forks and the file itself."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from matching.errors import PartUnavailable
from matching.search import embedded_memory, embedded_rows
from matching.search.embedded import FILE_NAME, EmbeddedIndex
from matching.search.port import Hit, IndexEntry
from tests.unit.matching.search.generated_posts import generate_posts
from tests.unit.matching.search.index_entries import DIMENSION, direction, make_entry, vector_query, word_query

SPAWN = multiprocessing.get_context("spawn")


def open_folder(folder: Path) -> EmbeddedIndex:
    return EmbeddedIndex(folder, dimension=DIMENSION)


def publish_many(folder: Path, writer: int, count: int) -> None:
    index = open_folder(folder)
    for number in range(count):
        index.write([make_entry(f"w{writer}-{number}", "酱油", full_vector=direction(1, writer, number))])
        if number % 3 == 0:
            index.remove([(f"w{writer}-{number}", 2)])


def publish_for_ever(folder: Path, started: Any) -> None:
    index = open_folder(folder)
    version = 0
    while True:
        version += 1
        index.write([make_entry(f"p{number}", f"版{version} 词", version=version) for number in range(20)])
        started.set()


def rebuild_for_ever(folder: Path, started: Any) -> None:
    index = open_folder(folder)
    while True:
        rebuild = index.begin_rebuild("model-a", DIMENSION)
        rebuild.write([make_entry("a", "酱油", full_vector=direction(1))])
        started.set()
        rebuild.activate()


def test_processes_write_and_read_at_once(tmp_path: Path) -> None:
    processes = [SPAWN.Process(target=publish_many, args=(tmp_path, writer, 30)) for writer in range(3)]
    index = open_folder(tmp_path)
    for process in processes:
        process.start()
    seen = 0
    while any(process.is_alive() for process in processes):
        (hits,) = index.find_by_words([word_query("酱油", limit=1000)])
        (near,) = index.find_by_vector([vector_query(direction(1), limit=1000)])
        seen = max(seen, len(hits), len(near))
        time.sleep(0.02)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    expected = sorted(f"w{writer}-{number}" for writer in range(3) for number in range(30) if number % 3)
    (hits,) = index.find_by_words([word_query("酱油", limit=1000)])
    (near,) = index.find_by_vector([vector_query(direction(1), limit=1000)])
    assert sorted(hit.post_id for hit in hits) == expected
    assert sorted(hit.post_id for hit in near) == expected
    assert sorted(post_id for post_id, _, _ in index.entry_versions()) == expected
    assert 0 < seen <= 90


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_writer_killed_at_any_moment_leaves_whole_batches(tmp_path: Path, seed: int) -> None:
    started = SPAWN.Event()
    process = SPAWN.Process(target=publish_for_ever, args=(tmp_path, started))
    process.start()
    assert started.wait(60)
    time.sleep(random.Random(seed).uniform(0.0, 0.3))
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()
    index = open_folder(tmp_path)
    versions = {version for _, version, _ in index.entry_versions()}
    assert len(versions) == 1
    (hits,) = index.find_by_words([word_query(f"版{versions.pop()}", limit=100)])
    assert len(hits) == 20
    assert index.write([make_entry("p0", "词", version=10**6)]).written == 1


@pytest.mark.parametrize("seed", [1, 2])
def test_a_rebuild_killed_at_any_moment_leaves_a_working_index(tmp_path: Path, seed: int) -> None:
    open_folder(tmp_path).write([make_entry("a", "酱油", full_vector=direction(1))])
    started = SPAWN.Event()
    process = SPAWN.Process(target=rebuild_for_ever, args=(tmp_path, started))
    process.start()
    assert started.wait(60)
    time.sleep(random.Random(seed).uniform(0.0, 0.2))
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()
    index = open_folder(tmp_path)
    (hits,) = index.find_by_words([word_query("酱油")])
    assert [hit.post_id for hit in hits] == ["a"]
    index.write([make_entry("b", "酱油")])
    rebuild = index.begin_rebuild("model-a", DIMENSION)
    rebuild.write([make_entry("a", "酱油"), make_entry("b", "酱油")])
    rebuild.activate()
    assert sorted(index.entry_versions()) == [("a", 1, "model-a"), ("b", 1, "model-a")]
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE name LIKE 'entry%'")]
    connection.close()
    assert len(tables) == 1


def test_threads_share_one_index(tmp_path: Path) -> None:
    index = open_folder(tmp_path)
    index.write(make_entry(f"p{number}", "酱油", full_vector=direction(1)) for number in range(50))
    faults: list[BaseException] = []

    def search(thread: int) -> None:
        try:
            for number in range(20):
                index.write([make_entry(f"t{thread}-{number}", "酱油", full_vector=direction(1))])
                (hits,) = index.find_by_words([word_query("酱油", limit=1000)])
                (near,) = index.find_by_vector([vector_query(direction(1), limit=1000)])
                for found in (hits, near):
                    ids = {hit.post_id for hit in found}
                    assert {f"t{thread}-{earlier}" for earlier in range(number + 1)} <= ids
                    assert len(ids) == len(found) >= 50
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=search, args=(thread,)) for thread in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert index.status().entries == 130


def test_a_forked_child_uses_connections_of_its_own(tmp_path: Path) -> None:
    index = open_folder(tmp_path)
    index.write([make_entry("a", "酱油", full_vector=direction(1))])
    assert len(index.find_by_words([word_query("酱油")])[0]) == 1
    child = os.fork()
    if child == 0:
        try:
            index.write([make_entry("child", "酱油", full_vector=direction(1))])
            found = {hit.post_id for hit in index.find_by_words([word_query("酱油")])[0]}
            os._exit(0 if found in ({"a", "child"}, {"a", "child", "parent"}) else 1)
        except BaseException:
            os._exit(2)
    index.write([make_entry("parent", "酱油", full_vector=direction(1))])
    _, outcome = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(outcome) == 0
    (hits,) = index.find_by_words([word_query("酱油")])
    assert [hit.post_id for hit in hits] == ["a", "child", "parent"]


def test_what_a_process_remembers_equals_reading_afresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Random writes and removals of two processes; a third that searched all along answers as a new one does."""
    monkeypatch.setattr(embedded_memory, "_FEW_NEW_ROWS", 5)
    monkeypatch.setattr(embedded_rows, "_LEAST_DROPS_KEPT", 20)
    chance = random.Random(11)
    writers, reader = [open_folder(tmp_path), open_folder(tmp_path)], open_folder(tmp_path)
    words = ["酱油", "机床", "电池", "风机", "茶叶"]
    for round_number in range(40):
        for _ in range(chance.choice([1, 3, 30])):
            writer, post_id = chance.choice(writers), f"p{chance.randrange(25)}"
            version = round_number + chance.randrange(3)
            if chance.random() < 0.3:
                writer.remove([(post_id, version)])
            else:
                title, body = chance.choices(words, k=2), chance.choices(words, k=chance.randrange(30))
                vector = direction(*(chance.uniform(-1, 1) for _ in range(4)))
                writer.write(
                    [
                        make_entry(
                            post_id,
                            version=version,
                            side=chance.choice(["need", "capability"]),
                            title_words=tuple(title),
                            body_words=tuple(body),
                            full_vector=chance.choice([None, vector]),
                        )
                    ]
                )
        if chance.random() < 0.8:
            assert answer(reader) == answer(open_folder(tmp_path))


def answer(index: EmbeddedIndex) -> tuple[list[list[Hit]], list[list[Hit]]]:
    sides = ("need", "capability")
    return (
        index.find_by_words([word_query(word, side=side) for side in sides for word in ("酱油", "酱油 茶叶", "电池")]),
        index.find_by_vector([vector_query(direction(1, 2), side=side) for side in sides]),
    )


def test_word_scores_are_bm25_over_title_and_body(tmp_path: Path) -> None:
    """Against a plain restatement of the formula."""
    generated = generate_posts(300, seed=3, dimension=DIMENSION)
    index = open_folder(tmp_path)
    index.write(generated.entries)
    query = ("酱油", "电路板", "清洗", "提高")
    expected = sorted(
        (-round(score, 5), entry.post_id)
        for entry in generated.entries
        if entry.side == "capability"
        if (score := score_plainly(entry, generated.entries, query)) > 0
    )[:50]
    (hits,) = index.find_by_words([word_query(" ".join(query), limit=50)])
    assert [(hit.post_id, hit.score) for hit in hits] == [
        (post_id, pytest.approx(-score)) for score, post_id in expected
    ]


def score_plainly(entry: IndexEntry, entries: list[IndexEntry], query: tuple[str, ...]) -> float:
    total = 0.0
    for name, weight in (("title_words", 2.0), ("body_words", 1.0)):
        texts = [getattr(other, name) for other in entries]
        average = sum(map(len, texts)) / len(texts)
        own = getattr(entry, name)
        length = len(own) if len(own) < 40 else 24 + _four_bits(len(own) - 24)
        for word in query:
            times = own.count(word)
            having = sum(word in text for text in texts)
            idf = np.log(1 + (len(texts) - having + 0.5) / (having + 0.5))
            total += weight * idf * times / (times + 1.2 * (0.25 + 0.75 * length / average))
    return float(total)


def _four_bits(number: int) -> int:
    shift = max(number.bit_length() - 4, 0)
    return number >> shift << shift


def test_a_damaged_file_is_said_and_not_touched(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"this is no database" * 1000)
    index = open_folder(tmp_path)
    for call in (
        lambda: index.find_by_words([word_query("a")]),
        lambda: index.find_by_vector([vector_query(direction(1))]),
        lambda: index.write([make_entry("a")]),
        lambda: index.remove([("a", 1)]),
        lambda: list(index.entry_versions()),
    ):
        with pytest.raises(PartUnavailable) as raised:
            call()
        assert raised.value.part == "index"
    status = index.status()
    assert (status.ready, status.entries) == (False, 0)
    assert status.remedy
    assert (tmp_path / FILE_NAME).read_bytes() == b"this is no database" * 1000


def test_a_file_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    open_folder(tmp_path).write([make_entry("a")])
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    index = open_folder(tmp_path)
    with pytest.raises(PartUnavailable) as raised:
        index.write([make_entry("b")])
    assert "99" in raised.value.message
    assert index.status().ready is False


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    index = open_folder(tmp_path / "file" / "index")
    with pytest.raises(PartUnavailable):
        index.write([make_entry("a")])
    assert index.status().ready is False


def test_a_writer_waits_for_another_instead_of_failing(tmp_path: Path) -> None:
    index = open_folder(tmp_path)
    index.write([make_entry("a", "酱油")])
    blocker = sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None, check_same_thread=False)
    blocker.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(0.3, blocker.rollback)
    timer.start()
    assert len(index.find_by_words([word_query("酱油")])[0]) == 1
    assert index.write([make_entry("b", "酱油")]).written == 1
    timer.join()
    blocker.close()


def test_the_status_names_a_rebuild_that_is_due(tmp_path: Path) -> None:
    open_folder(tmp_path).write([make_entry("a", "酱油")])
    status = EmbeddedIndex(tmp_path, dimension=8).status()
    assert (status.ready, status.entries) == (False, 1)
    assert "rebuild" in status.remedy

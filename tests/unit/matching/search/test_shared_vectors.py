"""The file of vectors that processes share: never believed where it might be wrong, and never missed."""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from matching.search import embedded, shared_vectors
from matching.search.embedded import FILE_NAME, EmbeddedIndex
from matching.search.shared_vectors import FOLDER_NAME, Chunk, OwnVectors, SharedVectors, Snapshot, SnapshotBehind
from tests.unit.matching.search.index_entries import DIMENSION, direction, make_entry, vector_query

SPAWN = multiprocessing.get_context("spawn")


def open_folder(folder: Path) -> EmbeddedIndex:
    return EmbeddedIndex(folder, dimension=DIMENSION)


def found(index: EmbeddedIndex) -> list[tuple[str, float]]:
    (hits,) = index.find_by_vector([vector_query(direction(1), limit=1000)])
    return [(hit.post_id, hit.score) for hit in hits]


def files(folder: Path) -> list[Path]:
    return sorted((folder / FOLDER_NAME).glob("*.f32"))


def shared_with(index: EmbeddedIndex) -> SharedVectors:
    assert index._memory is not None
    (block,) = index._memory.blocks.values()
    assert isinstance(block.source, SharedVectors)
    return block.source


def test_a_second_process_reads_no_vector_of_the_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = open_folder(tmp_path), open_folder(tmp_path)
    first.write([make_entry(f"p{number}", full_vector=direction(1, number)) for number in range(50)])
    expected = found(first)
    rows: list[int] = []
    write_rows = shared_vectors._write_rows

    def note_rows(*given: Any) -> int:
        rows.append(write_rows(*given))
        return rows[-1]

    monkeypatch.setattr(shared_vectors, "_write_rows", note_rows)
    assert found(second) == expected
    assert (len(expected), rows, len(files(tmp_path))) == (50, [], 1)
    second.write([make_entry("late", full_vector=direction(1, 60))])
    assert len(found(first)) == len(found(second)) == 51
    assert rows == [51]  # only who looked first added the one row


def test_the_file_may_be_thrown_away_at_any_time(tmp_path: Path) -> None:
    index = open_folder(tmp_path)
    index.write([make_entry("a", full_vector=direction(1))])
    before = found(index)
    shutil.rmtree(tmp_path / FOLDER_NAME)
    assert found(index) == before
    index.write([make_entry("b", full_vector=direction(1, 2))])
    assert [post_id for post_id, _ in found(index)] == ["a", "b"]
    assert found(open_folder(tmp_path)) == found(index)


def test_the_file_of_another_database_is_not_believed(tmp_path: Path) -> None:
    """Deleting a damaged index file and filling another is what the status advises; inodes are used again."""
    former = open_folder(tmp_path)
    former.write([make_entry("a", full_vector=direction(1)), make_entry("b", full_vector=direction(0, 1))])
    found(former)
    former.close()
    for path in tmp_path.glob(f"{FILE_NAME}*"):
        path.unlink()
    index = open_folder(tmp_path)
    index.write([make_entry("a", full_vector=direction(0, 1)), make_entry("b", full_vector=direction(1))])
    assert [post_id for post_id, _ in found(index)] == ["b", "a"]


def test_an_older_state_of_the_database_put_back_in_its_place_is_noticed(tmp_path: Path) -> None:
    index = open_folder(tmp_path)
    index.write([make_entry("a", full_vector=direction(1))])
    index.close()
    older = (tmp_path / FILE_NAME).read_bytes()
    index.write([make_entry("b", full_vector=direction(0, 1))])
    assert [post_id for post_id, _ in found(index)] == ["a", "b"]
    index.close()
    (tmp_path / FILE_NAME).write_bytes(older)  # the same inode, the same numbers
    for path in tmp_path.glob(f"{FILE_NAME}-*"):
        path.unlink()
    index = open_folder(tmp_path)
    index.write([make_entry("c", full_vector=direction(1))])
    assert [post_id for post_id, score in found(index) if score > 0.9] == ["a", "c"]


def test_without_a_place_for_files_each_process_keeps_its_own(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / FOLDER_NAME).write_text("a file stands where the folder would be made")
    index = open_folder(tmp_path)
    index.write([make_entry("a", full_vector=direction(1))])
    assert [post_id for post_id, _ in found(index)] == ["a"]
    index.write([make_entry("b", full_vector=direction(1))])
    assert [post_id for post_id, _ in found(index)] == ["a", "b"]
    assert "vectors are kept by each process" in caplog.text
    assert index._memory is not None
    assert [type(block.source) for block in index._memory.blocks.values()] == [OwnVectors]


def test_a_rebuild_takes_the_former_files_away(tmp_path: Path) -> None:
    index = open_folder(tmp_path)
    index.write([make_entry("a", full_vector=direction(1))])
    found(index)
    rebuild = index.begin_rebuild("model-a", DIMENSION)
    rebuild.write([make_entry("a", full_vector=direction(0, 1))])
    rebuild.activate()
    assert files(tmp_path) == []
    assert [score for _, score in found(index)] == [0.0]
    assert [path.name for path in files(tmp_path)] == ["2-full-1.f32"]


def test_files_that_are_full_or_mostly_dropped_are_replaced_and_readers_keep_what_they_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_vectors, "_SPARE_ROWS", 4)
    index, other = open_folder(tmp_path), open_folder(tmp_path)
    for version in range(1, 12):
        index.write(
            [make_entry(f"p{number}", version=version, full_vector=direction(1, version)) for number in range(9)]
        )
        seqs, matrix = shared_with(index).read() if index._memory else (np.empty(0), np.empty(0))
        kept = seqs.copy(), matrix.copy()
        assert len(found(index)) == 9
        if version % 3 == 0:
            assert found(other) == found(index)
        assert np.array_equal(seqs, kept[0])
        assert np.array_equal(matrix, kept[1])
    made = shared_with(index)
    assert made.made > 3
    assert len(made.read()[0]) < 9 * 11


def test_vectors_of_removed_posts_are_overwritten(tmp_path: Path) -> None:
    index = open_folder(tmp_path)
    erased = direction(3, 1, 4, 1, 5, 9)
    index.write([make_entry("a", full_vector=direction(1)), make_entry("b", full_vector=erased, version=5)])
    found(index)
    (path,) = files(tmp_path)
    assert erased.tobytes() in path.read_bytes()
    index.remove([("b", 4)])  # too old to remove anything
    assert erased.tobytes() in path.read_bytes()
    index.remove([("b", 5), ("unknown", 1)])
    assert erased.tobytes() not in path.read_bytes()
    assert direction(1).tobytes() in path.read_bytes()
    assert found(index) == found(open_folder(tmp_path)) == [("a", 1.0)]


def rows_of(*seqs: int) -> list[Chunk]:
    return [(np.array([seq]), np.full((1, 2), seq, dtype=np.float32)) for seq in seqs]


def reading(chunks: list[Chunk]) -> shared_vectors.ReadRows:
    def read_rows(after: int) -> Iterator[Chunk]:
        return (chunk for chunk in chunks if chunk[0][0] > after)

    return read_rows


def test_a_snapshot_older_than_the_file_is_sent_back(tmp_path: Path) -> None:
    """Row 1 was dropped before the file was made; a reader that still has it would miss it."""
    newer = SharedVectors(tmp_path / "1-full-1.f32", identity=b"one", dimension=2)
    newer.bring_up_to_date(Snapshot(3, 7), reading(rows_of(2, 3)), np.array([2, 3]))
    older = SharedVectors(tmp_path / "1-full-1.f32", identity=b"one", dimension=2)
    with pytest.raises(SnapshotBehind):
        older.bring_up_to_date(Snapshot(2, 6), reading(rows_of(1, 2)), np.array([1, 2]))
    older.bring_up_to_date(Snapshot(2, 6), reading(rows_of(1, 2)), np.array([1, 2]), renew=True)
    assert older.read()[0].tolist() == [1, 2]
    newer.bring_up_to_date(Snapshot(4, 7), reading(rows_of(2, 3, 4)), np.array([2, 3, 4]))
    assert newer.read()[0].tolist() == [1, 2, 3, 4]  # what was dropped stays until the file is replaced


def test_rows_that_a_killed_process_did_not_count_are_written_over(tmp_path: Path) -> None:
    path = tmp_path / "1-full-1.f32"
    first = SharedVectors(path, identity=b"one", dimension=2)
    first.bring_up_to_date(Snapshot(1, 0), reading(rows_of(1)), np.array([1]))
    counted = path.read_bytes()[:4096]
    first.bring_up_to_date(Snapshot(3, 0), reading(rows_of(1, 2, 3)), np.array([1, 2, 3]))
    with path.open("r+b") as file:
        file.write(counted)  # as if the process had died before it counted rows 2 and 3
    second = SharedVectors(path, identity=b"one", dimension=2)
    second.bring_up_to_date(Snapshot(4, 0), reading(rows_of(1, 4)), np.array([1, 4]))
    assert second.read()[0].tolist() == [1, 4]
    assert second.read()[1].tolist() == [[1, 1], [4, 4]]


@pytest.mark.parametrize("damage", [b"", b"DJVEC001", b"other"])
def test_a_damaged_file_is_made_anew(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "1-full-1.f32"
    path.write_bytes(damage)
    vectors = SharedVectors(path, identity=b"one", dimension=2)
    vectors.bring_up_to_date(Snapshot(2, 0), reading(rows_of(1, 2)), np.array([1, 2]))
    assert vectors.read()[1].tolist() == [[1, 1], [2, 2]]


def search_for_ever(folder: Path) -> None:
    index = open_folder(folder)
    number = 0
    while True:
        number += 1
        index.write([make_entry(f"x{number % 40}", version=number, full_vector=direction(1, number % 9))])
        found(index)
        if number % 7 == 0:
            index = open_folder(folder)


def test_processes_killed_at_any_moment_leave_true_vectors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    processes = [SPAWN.Process(target=search_for_ever, args=(tmp_path,)) for _ in range(2)]
    for process in processes:
        process.start()
    index = open_folder(tmp_path)
    deadline = time.monotonic() + 20
    while not found(index) and time.monotonic() < deadline:
        time.sleep(0.05)
    chance = random.Random(1)
    for process in processes:
        time.sleep(chance.uniform(0.2, 0.6))
        assert process.is_alive()
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
    shared = found(index)
    monkeypatch.setattr(embedded, "machine_start", lambda: "")
    assert shared == found(open_folder(tmp_path)) != []

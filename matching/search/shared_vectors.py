"""The vectors of the embedded index in files that all processes of a machine map, so that they are in memory once.

A file is a cache of what the SQLite file holds: it may be thrown away at any time, is made anew by whoever misses it,
and is believed only where it was made from this very SQLite file since the machine was started. Its rows are in the
order of `seq`, which is never used twice, so what is written once never changes; it only grows, and one that is full
or mostly of dropped rows is replaced by another, by renaming. Whoever still reads the former one keeps it.

Order of writing: rows first, then the header that counts them; one process at a time, under a lock on a file beside
it. A process killed in between leaves rows that nobody counts. A machine that stops in between is started again, and
nothing from before is believed.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from matching.search.growing_array import GrowingArray

FOLDER_NAME = "vectors"
_MAGIC = b"DJVEC001"
_HEADER = struct.Struct("<8s48sqqqqqq")
_HEADER_BYTES = 4096
_SPARE_ROWS = 1024

Chunk = tuple[NDArray[np.int64], NDArray[np.float32]]
"""seqs, ascending, and their vectors."""
ReadRows = Callable[[int], Iterator[Chunk]]
"""What the caller's snapshot has after a seq, in order."""


class SnapshotBehind(Exception):
    """The file was brought up to date from a newer snapshot than the caller's and may lack rows that it still has."""


@dataclass(frozen=True)
class Snapshot:
    """How far a read transaction sees: the largest seq, and the number of the last change that dropped one."""

    last_seq: int
    last_change: int


@dataclass(frozen=True)
class _Header:
    identity: bytes
    dimension: int
    room: int
    count: int
    last_seq: int
    last_change: int
    dead: int

    def pack(self) -> bytes:
        return _HEADER.pack(
            _MAGIC, self.identity, self.dimension, self.room, self.count, self.last_seq, self.last_change, self.dead
        )


@dataclass(frozen=True)
class _Mapped:
    """One file, mapped for reading; arrays made from it keep the mapping alive."""

    inode: tuple[int, int]
    seqs: NDArray[np.int64]
    matrix: NDArray[np.float32]


class OwnVectors:
    """The same in memory of this process alone, where files cannot be shared."""

    def __init__(self, dimension: int) -> None:
        self._seqs: GrowingArray[np.int64] = GrowingArray(np.int64)
        self._matrix: GrowingArray[np.float32] = GrowingArray(np.float32, dimension)
        self.last_seq = -1

    @property
    def made(self) -> int:
        """See SharedVectors.made."""
        return 0

    def read(self) -> Chunk:
        """See SharedVectors.read."""
        return self._seqs.filled, self._matrix.filled

    def bring_up_to_date(self, snapshot: Snapshot, read_rows: ReadRows) -> None:
        """Have every row of the snapshot."""
        for seqs, matrix in read_rows(self.last_seq):
            self._seqs.append(seqs)
            self._matrix.append(matrix)
        self.last_seq = snapshot.last_seq


class SharedVectors:
    """The vectors of one generation, field and side. Used under the index's lock, by one thread at a time.

    `identity` names the SQLite file and the machine's start: a file with another one is not believed. Methods raise
    OSError where files cannot be made, locked or filled; the caller then keeps vectors in memory of its own.
    """

    def __init__(self, path: Path, *, identity: bytes, dimension: int) -> None:
        self._path = path
        self._identity = identity.ljust(48, b"\0")[:48]
        self._dimension = dimension
        self._mapped: _Mapped | None = None
        self._count = 0
        self.made = 0
        """Grows when `read` goes over to another file, whose rows have other places."""
        self.last_seq = -1
        """Up to which seq `read` has everything."""
        self._agreed = 0

    def read(self) -> Chunk:
        """seqs and vectors as of the last `bring_up_to_date`, dropped ones among them; never to be written to."""
        if self._mapped is None:
            return np.empty(0, dtype=np.int64), np.empty((0, self._dimension), dtype=np.float32)
        return self._mapped.seqs[: self._count], self._mapped.matrix[: self._count]

    def bring_up_to_date(
        self, snapshot: Snapshot, read_rows: ReadRows, live_seqs: NDArray[np.int64], *, renew: bool = False
    ) -> None:
        """Have every row of the snapshot, from the file or, where it lacks them, by adding them to it.

        `live_seqs`: those of the snapshot that may have a vector here, ascending. `renew`: leave aside what is there
        and make a new file. Raises SnapshotBehind where the caller should look with a newer snapshot.
        """
        with _locked(self._path):
            header = None if renew else self._attach()
            if header is not None and header.last_change > snapshot.last_change:
                raise SnapshotBehind
            if header is None or (self._mapped is not None and not self._agrees(header, read_rows)):
                header = self._make(len(live_seqs), read_rows, snapshot)
            elif header.last_seq < snapshot.last_seq:
                header = self._extend(header, read_rows, snapshot, live_seqs)
            self._count, self.last_seq = header.count, header.last_seq

    def _agrees(self, header: _Header, read_rows: ReadRows) -> bool:
        """Whether the file's last row is the database's: an older state of the SQLite file may have been put back."""
        if self._agreed == self.made or not header.count or self._mapped is None:
            return True
        last = int(self._mapped.seqs[header.count - 1])
        for seqs, matrix in read_rows(last - 1):
            if int(seqs[0]) != last:
                break  # dropped since
            if not np.array_equal(matrix[0], self._mapped.matrix[header.count - 1]):
                return False
            break
        self._agreed = self.made
        return True

    def _attach(self) -> _Header | None:
        """The header of the file that is there now, mapped; None where there is none that can be believed."""
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            header = self._read_header(descriptor)
            if header is not None:
                self._map(descriptor, header.room)
            return header
        finally:
            os.close(descriptor)

    def _read_header(self, descriptor: int) -> _Header | None:
        raw = os.pread(descriptor, _HEADER.size, 0)
        if len(raw) < _HEADER.size:
            return None
        magic, identity, *numbers = _HEADER.unpack(raw)
        header = _Header(identity, *numbers)
        if magic != _MAGIC or identity != self._identity or header.dimension != self._dimension:
            return None
        if os.fstat(descriptor).st_size < self._size(header.room):
            return None
        return header

    def _map(self, descriptor: int, room: int) -> None:
        status = os.fstat(descriptor)
        inode = (status.st_dev, status.st_ino)
        if self._mapped is not None and self._mapped.inode == inode:
            return
        view = mmap.mmap(descriptor, self._size(room), flags=mmap.MAP_SHARED, prot=mmap.PROT_READ)
        seqs = np.frombuffer(view, dtype="<i8", count=room, offset=_HEADER_BYTES)
        matrix = np.frombuffer(view, dtype="<f4", count=room * self._dimension, offset=_place_of_matrix(room)).reshape(
            room, self._dimension
        )
        self._mapped = _Mapped(inode, seqs, matrix)
        self.made += 1

    def _extend(
        self, header: _Header, read_rows: ReadRows, snapshot: Snapshot, live_seqs: NDArray[np.int64]
    ) -> _Header:
        """Add what came since; into a new file where this one is full or half of it was dropped."""
        assert self._mapped is not None
        chunks = list(read_rows(header.last_seq))
        count = header.count + sum(len(seqs) for seqs, _ in chunks)
        dead = header.dead
        if snapshot.last_change != header.last_change:
            dead = int(np.isin(self._mapped.seqs[: header.count], live_seqs, invert=True, assume_unique=True).sum())
        if count > header.room or dead > max(_SPARE_ROWS, count // 2):
            return self._make(len(live_seqs), read_rows, snapshot)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        try:
            _write_rows(descriptor, iter(chunks), header.count, _HEADER_BYTES, _place_of_matrix(header.room))
            grown = _Header(
                self._identity, self._dimension, header.room, count, snapshot.last_seq, snapshot.last_change, dead
            )
            _write_all(descriptor, grown.pack(), 0)
        finally:
            os.close(descriptor)
        return grown

    def _make(self, expected: int, read_rows: ReadRows, snapshot: Snapshot) -> _Header:
        """A new file with the rows of the snapshot alone, at most `expected`, put in the place of what is there."""
        for left in self._path.parent.glob(f".{self._path.stem}-*.part"):  # by a killed process
            with suppress(OSError):
                left.unlink()
        room = expected + expected // 4 + _SPARE_ROWS
        descriptor, name = tempfile.mkstemp(prefix=f".{self._path.stem}-", suffix=".part", dir=self._path.parent)
        try:
            # Room that is not used takes no disk: the file has a hole there.
            os.ftruncate(descriptor, self._size(room))
            count = _write_rows(descriptor, read_rows(0), 0, _HEADER_BYTES, _place_of_matrix(room))
            header = _Header(
                self._identity, self._dimension, room, count, snapshot.last_seq, snapshot.last_change, dead=0
            )
            _write_all(descriptor, header.pack(), 0)
            Path(name).replace(self._path)
            self._map(descriptor, room)
        except BaseException:
            with suppress(OSError):
                Path(name).unlink()
            raise
        finally:
            os.close(descriptor)
        return header

    def _size(self, room: int) -> int:
        return _place_of_matrix(room) + 4 * room * self._dimension


def machine_start() -> str:
    """What differs after each start of the machine; empty where the system does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def drop_files(folder: Path, *, keep: frozenset[int]) -> None:
    """Delete the files of all generations but these, and what killed processes left."""
    for path in folder.glob("*"):
        generation = path.name.partition("-")[0]
        if path.suffix in (".f32", ".lock") and generation.isdecimal() and int(generation) not in keep:
            with suppress(OSError):
                path.unlink()


def erase_rows(folder: Path, generation_id: int, seqs: Sequence[int]) -> None:
    """Overwrite the vectors of removed posts with zeros, in all files of a generation; OSError where that fails.

    A search that is under way with an older snapshot finds such a post far from everything instead of not at all.
    """
    wanted = np.array(sorted(seqs), dtype=np.int64)
    for path in sorted(folder.glob(f"{generation_id}-*.f32")):
        with _locked(path):
            try:
                descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            except FileNotFoundError:
                continue
            try:
                magic, _, dimension, room, count, *_ = _HEADER.unpack(os.pread(descriptor, _HEADER.size, 0))
                there = np.frombuffer(os.pread(descriptor, 8 * count, _HEADER_BYTES), dtype="<i8")
                if magic == _MAGIC and len(there) == count:
                    for row in np.flatnonzero(np.isin(there, wanted)).tolist():
                        _write_all(descriptor, bytes(4 * dimension), _place_of_matrix(room) + 4 * dimension * row)
            except struct.error:
                continue  # nobody believes it either
            finally:
                os.close(descriptor)


def _place_of_matrix(room: int) -> int:
    """Behind the seqs, at a multiple of a page."""
    return -(-(_HEADER_BYTES + 8 * room) // _HEADER_BYTES) * _HEADER_BYTES


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Let nobody else bring the file up to date; the lock goes with the process that holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.with_suffix(".lock")
    while True:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            try:
                same = os.path.samestat(os.fstat(descriptor), lock.stat())
            except FileNotFoundError:
                same = False
            if same:  # else somebody deleted it meanwhile, and others lock another
                yield
                return
        finally:
            os.close(descriptor)


def _write_rows(descriptor: int, chunks: Iterator[Chunk], first: int, seqs_at: int, matrix_at: int) -> int:
    """Write behind the `first` rows; returns how many rows there are then."""
    count = first
    for seqs, matrix in chunks:
        _write_all(descriptor, seqs.astype("<i8").tobytes(), seqs_at + 8 * count)
        _write_all(descriptor, matrix.astype("<f4").tobytes(), matrix_at + 4 * matrix.shape[1] * count)
        count += len(seqs)
    return count


def _write_all(descriptor: int, data: bytes, place: int) -> None:
    """Not through the mapping: a full disk is an error here and would be a killed process there."""
    view = memoryview(data)
    while len(view):
        written = os.pwrite(descriptor, view, place)
        view, place = view[written:], place + written

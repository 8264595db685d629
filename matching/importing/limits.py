"""Limits against hostile and oversized files, and the budget that holds a reading to them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from matching.importing.places import Place, refuse


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportLimits:
    """What one file may cost. Rows and columns count only where there is text, so formatting costs nothing."""

    max_bytes: int = 50_000_000
    max_unpacked_bytes: int = 400_000_000
    """Of all parts of a packed file (.xlsx, .docx) together: the guard against zip bombs."""
    max_rows: int = 100_000
    max_columns: int = 300
    max_sheets: int = 100
    max_cells: int = 5_000_000
    max_cell_characters: int = 100_000
    max_seconds: float = 120.0


DEFAULT_LIMITS = ImportLimits()


@dataclass(slots=True)
class Budget:
    """Counts what a reading has used and stops it (InvalidInput) at the first limit it passes.

    `clock` is monotonic, in seconds.
    """

    limits: ImportLimits
    place: Place
    clock: Callable[[], float] = time.monotonic
    cells: int = 0
    unpacked: int = 0
    started: float = field(init=False)

    def __post_init__(self) -> None:
        self.started = self.clock()

    def check_time(self) -> None:
        """Raises `import.too_slow` when the time is used up."""
        if self.clock() - self.started > self.limits.max_seconds:
            seconds = self.limits.max_seconds
            raise refuse(
                "import.too_slow",
                f"读取超过 {seconds:g} 秒，已停止；请拆分文件后再导入",
                f"reading took more than {seconds:g} s and was stopped; split the file",
                self.place,
            )

    def count_cell(self, text: str, place: Place) -> None:
        """Raises `import.too_many_cells` or `import.cell_too_long`; looks at the clock now and then."""
        self.cells += 1
        if self.cells > self.limits.max_cells:
            raise refuse(
                "import.too_many_cells",
                f"单元格超过 {self.limits.max_cells} 个，请拆分文件",
                f"more than {self.limits.max_cells} cells; split the file",
                self.place,
            )
        if len(text) > self.limits.max_cell_characters:
            raise refuse(
                "import.cell_too_long",
                f"单元格文字超过 {self.limits.max_cell_characters} 个字符",
                f"a cell of more than {self.limits.max_cell_characters} characters",
                place,
            )
        if self.cells % 4096 == 0:
            self.check_time()

    def count_unpacked(self, size: int) -> None:
        """Raises `import.unpacks_too_large`."""
        self.unpacked += size
        if self.unpacked > self.limits.max_unpacked_bytes:
            raise refuse(
                "import.unpacks_too_large",
                f"解压后超过 {self.limits.max_unpacked_bytes // 1_000_000} MB，可能是恶意文件，已停止读取",
                f"unpacks to more than {self.limits.max_unpacked_bytes // 1_000_000} MB; refused",
                self.place,
            )

    def check_extent(self, rows: int, columns: int, place: Place) -> None:
        """Raises `import.too_many_rows` or `import.too_many_columns`."""
        if rows > self.limits.max_rows:
            raise refuse(
                "import.too_many_rows",
                f"数据超过 {self.limits.max_rows} 行，请拆分文件",
                f"more than {self.limits.max_rows} rows; split the file",
                place,
            )
        if columns > self.limits.max_columns:
            raise refuse(
                "import.too_many_columns",
                f"数据超过 {self.limits.max_columns} 列",
                f"more than {self.limits.max_columns} columns",
                place,
            )


def read_bytes(path: Path, limits: ImportLimits, place: Place) -> bytes:
    """The file's bytes. Raises InvalidInput when it does not exist, cannot be read, is empty or too large."""
    try:
        if path.is_dir():
            raise refuse("import.is_folder", "这是文件夹，不是文件", "this is a folder, not a file", place)
        size = path.stat().st_size
        if size > limits.max_bytes:
            megabytes = limits.max_bytes / 1_000_000
            raise refuse(
                "import.too_large",
                f"文件超过 {megabytes:g} MB，请拆分后再导入",
                f"the file is larger than {megabytes:g} MB; split it",
                place,
            )
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise refuse("import.no_file", "没有这个文件", "there is no such file", place) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise refuse("import.unreadable", f"文件无法读取：{reason}", f"cannot be read: {reason}", place) from error
    if not content.strip(b"\x00 \t\r\n"):
        raise refuse("import.empty", "文件是空的", "the file is empty", place)
    return content

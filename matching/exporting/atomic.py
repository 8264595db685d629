"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from matching.errors import InvalidInput


@contextmanager
def replacing(path: Path | str) -> Iterator[Path]:
    """Give a temporary path beside `path`, and move it there when the block ends well.

    After an error nothing is left and an older file stays as it was. Raises InvalidInput where the folder is missing or
    cannot be written, or the file is held open by another program.
    """
    path = Path(path)
    if path.is_dir():
        raise InvalidInput("export.is_folder", "这是文件夹", where=str(path), message_en="this is a folder")
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.stem[:40]}-", suffix=path.suffix, dir=path.parent)
    except OSError as error:
        raise _unwritable(path, error) from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _unwritable(path: Path, error: OSError) -> InvalidInput:
    reason = error.strerror or str(error)
    return InvalidInput(
        "export.unwritable", f"无法写入：{reason}", where=str(path), message_en=f"cannot be written: {reason}"
    )

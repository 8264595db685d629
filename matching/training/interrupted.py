"""Work that was interrupted and is gone on with: a folder beside the result that goes when the result is there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matching.errors import InvalidInput

ARGUMENTS_FILE = "training-arguments.json"


def open_work_folder(out: Path, call: Mapping[str, Any], *, resume: bool) -> Path:
    """The folder `<out>.work`: a new one, or with `resume` what an interrupted call left there.

    `call` is what must be equal to go on; raises InvalidInput where it is not.
    """
    work = out.parent / f"{out.name}.work"
    arguments = json.loads(json.dumps(call))
    file = work / ARGUMENTS_FILE
    if resume and file.is_file():
        if json.loads(file.read_text("utf-8")) != arguments:
            raise InvalidInput(
                "training.other_arguments",
                "中断的训练使用了不同的参数，无法继续",
                where=str(work),
                message_en="the interrupted training had other arguments and cannot go on",
            )
        return work
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    file.write_text(json.dumps(arguments), encoding="utf-8")
    return work


def keep_arrays(
    file: Path, compute: Callable[[], Mapping[str, NDArray[np.float32]]]
) -> Mapping[str, NDArray[np.float32]]:
    """What is in the file (.npz), or else what is computed, which is in the file afterwards, whole or not at all."""
    if file.is_file():
        with np.load(file) as kept:
            return {name: kept[name] for name in kept.files}
    arrays = compute()
    half = file.with_suffix(".half")
    with half.open("wb") as opened:
        np.savez(opened, **arrays)  # type: ignore[arg-type]  # the stub takes allow_pickle for any of the names
    half.replace(file)
    return arrays

"""ONNX Runtime, which multiplies matrices of bytes for the encoder and for searches of many queries at once."""

from __future__ import annotations

import os
from typing import Any


def import_onnxruntime() -> Any:
    """The module; imported nowhere else."""
    # As it is imported it would start a thread and a database in the user's home that report to its makers.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    return onnxruntime

"""Products of many queries with many rows on eight bits: several times as fast as float32 and near enough to choose by.

Rows are moved by their mean, which changes every product of a query by the same and leaves smaller numbers to round,
and scaled one by one to −127…127; so are queries, but to −63…63 where the processor adds two products of bytes in
sixteen bits (x86 without VNNI), in which 2 · 255 · 127 would not fit. The kernel is ONNX Runtime's, as for the encoder.

How far a product is from the one of the numbers as they were is a sum of as many small errors as there are components:
`deviation` is its standard deviation where each number is rounded evenly, and `Neighbours` allows several of them
and looks whether they were enough.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from matching.onnx_runtime import import_onnxruntime

if TYPE_CHECKING:
    from onnx import ValueInfoProto

Matrix = NDArray[np.float32]

_LARGEST_OF_ROW = 127
_ROWS_AT_ONCE = 1024
"""Scaled together: they stay in the processor's cache from step to step."""
_SPREAD_OF_ROUNDING = 1 / np.sqrt(12)
_SMALLEST = np.float32(1e-30)


class CoarseBlock:
    """Rows of a matrix on eight bits. `deviation_of_codes` and `longest` are of the worst row."""

    def __init__(self, rows: Matrix, centre: Matrix) -> None:
        """`rows`: (n, d); `centre`: (d,), the same for all blocks that are compared with each other."""
        count, dimension = rows.shape
        self.codes = np.empty((dimension, count), dtype=np.int8)
        self.scales = np.empty(count, dtype=np.float32)
        longest = np.float32(0)
        for start in range(0, count, _ROWS_AT_ONCE):
            part = slice(start, min(start + _ROWS_AT_ONCE, count))
            moved = rows[part] - centre
            longest = max(longest, np.vecdot(moved, moved).max())
            scales = np.maximum(np.maximum(moved.max(axis=1), -moved.min(axis=1)), _SMALLEST) / _LARGEST_OF_ROW
            moved /= scales[:, None]
            np.rint(moved, out=moved)
            self.codes[:, part] = moved.astype(np.int8).T
            self.scales[part] = scales
        self.longest = float(np.sqrt(longest))
        self.deviation_of_codes = float(self.scales.max(initial=0)) * _SPREAD_OF_ROUNDING


class CoarseQueries:
    """Queries on eight bits, or on seven, to be multiplied with blocks."""

    def __init__(self, queries: Matrix) -> None:
        """`queries`: (n, d)."""
        largest = np.maximum(np.abs(queries).max(axis=1), _SMALLEST)
        self._zero = _choose_zero()
        self.scales: Matrix = (largest / (self._zero - 1)).astype(np.float32)
        self._codes = (np.rint(queries / self.scales[:, None]) + self._zero).astype(np.uint8)
        self._lengths = np.linalg.norm(queries, axis=1)

    def multiply(self, block: CoarseBlock, part: slice) -> Matrix:
        """Products of the queries of `part` with the rows moved by their centre, each divided by its query's scale:
        (queries, rows)."""
        return _multiply(self._codes[part], block.codes, block.scales, self._zero)

    def deviation(self, block: CoarseBlock, part: slice) -> Matrix:
        """Standard deviation of what rounding does to a query's products, in their unit: (queries,)."""
        of_rows = self._lengths[part] * block.deviation_of_codes
        of_query = self.scales[part] * (_SPREAD_OF_ROUNDING * block.longest)
        return np.asarray(np.hypot(of_rows, of_query) / self.scales[part], dtype=np.float32)


def _multiply(queries: NDArray[np.uint8], rows: NDArray[np.int8], row_scales: Matrix, query_zero: int) -> Matrix:
    (products,) = _open_kernel().run(
        None,
        {
            "queries": queries,
            "rows": rows,
            "row_scales": row_scales,
            "query_scale": np.array(1, dtype=np.float32),
            "query_zero": np.array(query_zero, dtype=np.uint8),
        },
    )
    return np.asarray(products, dtype=np.float32)


@cache
def _choose_zero() -> int:
    """What stands for 0 in a query: the largest code is one less than twice that."""
    queries, rows = np.full((16, 64), 255, dtype=np.uint8), np.full((64, 32), _LARGEST_OF_ROW, dtype=np.int8)
    products = _multiply(queries, rows, np.ones(32, dtype=np.float32), 128)
    return 128 if (products == (255 - 128) * _LARGEST_OF_ROW * 64).all() else 64


@cache
def _open_kernel() -> Any:
    from onnx import TensorProto, helper

    def value(name: str, kind: int, *shape: str) -> ValueInfoProto:
        return helper.make_tensor_value_info(name, kind, list(shape))

    multiplied = helper.make_node(
        "MatMulIntegerToFloat",
        ["queries", "rows", "query_scale", "row_scales", "query_zero"],
        ["products"],
        domain="com.microsoft",
    )
    graph = helper.make_graph(
        [multiplied],
        "products",
        [
            value("queries", TensorProto.UINT8, "q", "d"),
            value("rows", TensorProto.INT8, "d", "n"),
            value("query_scale", TensorProto.FLOAT),
            value("row_scales", TensorProto.FLOAT, "n"),
            value("query_zero", TensorProto.UINT8),
        ],
        [value("products", TensorProto.FLOAT, "q", "n")],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)], ir_version=10
    )
    onnxruntime = import_onnxruntime()
    options = onnxruntime.SessionOptions()
    # Words are weighed beside it, and threads that wait for work would take the processor from them.
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])

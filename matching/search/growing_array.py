"""An array that is appended to while others read what it had before."""

from __future__ import annotations

from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Scalar = TypeVar("Scalar", bound=np.generic)


class GrowingArray(Generic[Scalar]):
    """An array that is appended to; slices handed out earlier stay valid, for what they show never changes."""

    def __init__(self, dtype: type[Scalar], width: int | None = None) -> None:
        self._width = width
        self._room: NDArray[Scalar] = np.empty(self._shape(256), dtype=dtype)
        self.size = 0

    def _shape(self, rows: int) -> tuple[int, ...]:
        return (rows,) if self._width is None else (rows, self._width)

    def append(self, values: NDArray[Scalar]) -> None:
        needed = self.size + len(values)
        if needed > len(self._room):
            room = np.empty(self._shape(max(needed, 2 * len(self._room))), dtype=self._room.dtype)
            room[: self.size] = self.filled
            self._room = room
        self._room[self.size : needed] = values
        self.size = needed

    @property
    def filled(self) -> NDArray[Scalar]:
        return self._room[: self.size]

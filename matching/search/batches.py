"""Work cut into batches, so that no transaction or request grows with the size of the whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")


def in_batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Lists of `size` items in order, the last one shorter; items are taken as needed."""
    source = iter(items)
    while batch := list(islice(source, size)):
        yield batch

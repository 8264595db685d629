from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest

from matching.scheduling.formula import Formula
from matching.scheduling.search import is_satisfiable


def allowed_counts(size: int, build: Callable[[Formula, list[int]], None]) -> set[tuple[bool, ...]]:
    """Return the assignments of `size` literals that the built constraint allows (some of the literals are negated)."""
    found = set()
    for values in product([False, True], repeat=size):
        formula = Formula()
        literals = [formula.new_variable() * (-1 if index % 3 == 2 else 1) for index in range(size)]
        build(formula, literals)
        for literal, value in zip(literals, values, strict=True):
            formula.add(literal if value else -literal)
        if is_satisfiable(formula, 10):
            found.add(values)
    return found


def all_with(size: int, accept: Callable[[tuple[bool, ...]], bool]) -> set[tuple[bool, ...]]:
    return {values for values in product([False, True], repeat=size) if accept(values)}


@pytest.mark.parametrize("limit", range(6))
def test_at_most(limit: int) -> None:
    def build(formula: Formula, literals: list[int]) -> None:
        formula.at_most(literals, limit)

    assert allowed_counts(5, build) == all_with(5, lambda values: sum(values) <= limit)


@pytest.mark.parametrize("total", range(-1, 7))
def test_exactly(total: int) -> None:
    def build(formula: Formula, literals: list[int]) -> None:
        formula.exactly(literals, total)

    assert allowed_counts(5, build) == all_with(5, lambda values: sum(values) == total)


@pytest.mark.parametrize("total", [1, 2, 3])
def test_exactly_with_bounds_of_prefixes(total: int) -> None:
    within = [(0, 1), (0, 1), (1, 2), (1, 3), (0, 3)]

    def build(formula: Formula, literals: list[int]) -> None:
        formula.exactly(literals, total, [(min(low, total), min(high, total)) for low, high in within])

    def accept(values: tuple[bool, ...]) -> bool:
        return sum(values) == total and all(
            min(low, total) <= sum(values[: index + 1]) <= high for index, (low, high) in enumerate(within)
        )

    assert allowed_counts(5, build) == all_with(5, accept)


def test_outputs_of_a_count_hold_once_enough_literals_do() -> None:
    for values in product([False, True], repeat=5):
        formula = Formula()
        literals = [formula.new_variable() for _ in values]
        outputs = formula.count_up_to(literals, 3)
        for literal, value in zip(literals, values, strict=True):
            formula.add(literal if value else -literal)
        assert len(outputs) == 3
        for k, output in enumerate(outputs, start=1):
            denied = Formula(formula.variables)
            denied.clauses = [*formula.clauses, [-output]]
            assert is_satisfiable(denied, 10) is (sum(values) < k)

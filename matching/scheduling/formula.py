"""A propositional formula in clauses, with the few counting constraints a timetable needs.

Literals are non-zero integers as SAT solvers take them: `v` for the variable, `-v` for its negation.
"""

from __future__ import annotations

from collections.abc import Sequence


class Formula:
    """Clauses and sets of literals that exclude each other, built once and handed to a solver.

    `variables` is the number of variables so far (they are 1..variables), `clauses` are the clauses so far, and of each
    list in `exclusive` at most one literal holds (kept apart because CP-SAT propagates such sets better than clauses).
    """

    def __init__(self, variables: int = 0) -> None:
        self.variables = variables
        self.clauses: list[list[int]] = []
        self.exclusive: list[list[int]] = []

    def new_variable(self) -> int:
        """Return a fresh variable."""
        self.variables += 1
        return self.variables

    def add(self, *literals: int) -> None:
        """Require that at least one of the literals holds."""
        self.clauses.append(list(literals))

    def at_most_one(self, literals: Sequence[int]) -> None:
        """Require at most one of the literals."""
        if len(literals) > 1:
            self.exclusive.append(list(literals))

    def count_up_to(self, literals: Sequence[int], limit: int) -> list[int]:
        """Return outputs `o` (at most `limit` of them) where o[k] must hold once k + 1 of the literals hold.

        A totalizer (Bailleux and Boufkhad 2003) cut off at `limit`, in the one direction that upper bounds need.
        """
        if limit <= 0 or not literals:
            return []
        layer: list[list[int]] = [[literal] for literal in literals]
        while len(layer) > 1:
            merged = [self._merge(layer[i], layer[i + 1], limit) for i in range(0, len(layer) - 1, 2)]
            if len(layer) % 2:
                merged.append(layer[-1])
            layer = merged
        return layer[0]

    def _merge(self, left: list[int], right: list[int], limit: int) -> list[int]:
        size = min(limit, len(left) + len(right))
        outputs = [self.new_variable() for _ in range(size)]
        for i in range(len(left) + 1):
            for j in range(len(right) + 1):
                total = min(i + j, size)
                if total == 0 or (i + j > size and i and j and i + j - 1 >= size):
                    # Sums beyond the cut-off follow from the smaller sums that already reach it.
                    continue
                condition = ([-left[i - 1]] if i else []) + ([-right[j - 1]] if j else [])
                self.add(*condition, outputs[total - 1])
        for k in range(size - 1):
            self.add(-outputs[k + 1], outputs[k])
        return outputs

    def at_most(self, literals: Sequence[int], limit: int) -> None:
        """Require that at most `limit` (0 or more) of the literals hold."""
        if len(literals) <= limit:
            return
        if limit == 0:
            for literal in literals:
                self.add(-literal)
        elif limit == 1:
            self.at_most_one(literals)
        else:
            self.add(-self.count_up_to(literals, limit + 1)[limit])

    def exactly(self, literals: Sequence[int], total: int, within: Sequence[tuple[int, int]] | None = None) -> None:
        """Require that exactly `total` of the literals hold (a sequential counter, propagating both ways).

        `within[i]`, where given, is the least and the most that hold among the first i + 1 literals.
        """
        size = len(literals)
        if total < 0 or total > size:
            self.clauses.append([])
            return
        # reached[j]: at least j among the literals seen so far; a number where it must be decided, a bool where it is
        # certain.
        nothing: list[int | bool] = [True, *([False] * (total + 1))]
        reached = nothing
        for seen, literal in enumerate(literals, start=1):
            before = reached
            reached = nothing.copy()
            least, most = within[seen - 1] if within is not None else (0, total)
            for j in range(1, min(seen, total + 1) + 1):
                if j == total + 1:
                    # One more than allowed: forbid the literal when the total was reached before it.
                    self._add_mixed((-literal, True), (before[total], False))
                    continue
                if j > most:
                    self._add_mixed((before[j], False))
                    self._add_mixed((before[j - 1], False), (-literal, True))
                    continue
                if j <= max(least, total - (size - seen)):
                    reached[j] = True
                    # `at least j` must hold already: either it held before or this literal makes it.
                    self._add_mixed((before[j], True), (literal, True))
                    self._add_mixed((before[j], True), (before[j - 1], True))
                    continue
                output = self.new_variable()
                reached[j] = output
                self._add_mixed((before[j], False), (output, True))
                self._add_mixed((before[j - 1], False), (-literal, True), (output, True))
                self._add_mixed((output, False), (before[j], True), (literal, True))
                self._add_mixed((output, False), (before[j], True), (before[j - 1], True))

    def _add_mixed(self, *terms: tuple[int | bool, bool]) -> None:
        """Add a clause of (literal or truth value, wanted sign) terms."""
        clause: list[int] = []
        for term, wanted in terms:
            if isinstance(term, bool):
                if term == wanted:
                    return
                continue
            clause.append(term if wanted else -term)
        self.clauses.append(clause)

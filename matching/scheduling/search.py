"""Minimising one objective over a formula with CP-SAT, in two threads that see each other's bounds.

The first thread lets CP-SAT raise the lower bound by unsatisfiable cores; timetables have few breaks, so the bound is
usually reached within a few cores and the rest is one satisfiability problem. The second starts later, wants any
timetable first and then asks for ever better ones, so that there is something to show when the time is short.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from matching.scheduling.formula import Formula

Terms = Sequence[tuple[int, int]]
"""A linear expression: (literal, weight of 1 or more) pairs; its value is the weights of the literals that hold."""

Outcome = Literal["optimal", "feasible", "infeasible", "unknown"]

_DELAY_OF_SECOND_SECONDS = 1.0
_POLL_SECONDS = 0.05
_FIRST_ROUND_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class Cap:
    """The value of `terms` must lie between `least` and `most` (None: no bound)."""

    terms: Terms
    most: int | None = None
    least: int | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """The end of a search: `model` is None unless feasible or optimal; `bound` is a proven lower bound."""

    outcome: Outcome
    value: int
    bound: int
    model: tuple[int, ...] | None


@dataclass(slots=True)
class _Board:
    """What the threads know, guarded by `lock`."""

    bound: int
    value: int | None = None
    model: tuple[int, ...] | None = None
    infeasible: bool = False
    failure: BaseException | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def offer(self, value: int, model: tuple[int, ...]) -> None:
        with self.lock:
            if self.value is None or value < self.value:
                self.value, self.model = value, model

    def raise_bound(self, bound: int) -> None:
        with self.lock:
            self.bound = max(self.bound, bound)

    def is_closed(self) -> bool:
        with self.lock:
            return self.infeasible or (self.value is not None and self.value <= self.bound)


def evaluate(terms: Terms, model: Sequence[int]) -> int:
    """Return the value of a linear expression in a model."""
    return sum(weight for literal, weight in terms if (model[abs(literal) - 1] > 0) == (literal > 0))


def _report_models(cp_model: Any, variables: Sequence[Any], on_model: Callable[[tuple[int, ...]], None]) -> Any:
    """Return a CP-SAT callback that hands every model on."""

    class Report(cp_model.CpSolverSolutionCallback):  # type: ignore[misc]
        def on_solution_callback(self) -> None:
            on_model(tuple(v if self.boolean_value(x) else -v for v, x in enumerate(variables, start=1)))

    return Report()


class _Solve:
    """One CP-SAT solve that can be stopped from another thread."""

    def __init__(
        self, formula: Formula, caps: Sequence[Cap], objective: Terms | None, hint: Sequence[int] | None
    ) -> None:
        from ortools.sat import sat_parameters_pb2
        from ortools.sat.python import cp_model

        self._cp_model = cp_model
        self._luby = sat_parameters_pb2.SatParameters.LUBY_RESTART
        model = cp_model.CpModel()
        self._variables = [model.new_bool_var("") for _ in range(formula.variables)]
        negated = [~variable for variable in self._variables]

        def literal_of(literal: int) -> Any:
            return self._variables[literal - 1] if literal > 0 else negated[-literal - 1]

        for clause in formula.clauses:
            model.add_bool_or([literal_of(literal) for literal in clause])
        for literals in formula.exclusive:
            model.add_at_most_one([literal_of(literal) for literal in literals])
        for cap in caps:
            if not cap.terms:
                if (cap.least or 0) > 0:
                    model.add_bool_or([])
                continue
            expression = cp_model.LinearExpr.weighted_sum(
                [literal_of(literal) for literal, _ in cap.terms], [weight for _, weight in cap.terms]
            )
            if cap.most is not None:
                model.add(expression <= cap.most)
            if cap.least is not None:
                model.add(expression >= cap.least)
        if objective:
            model.minimize(
                cp_model.LinearExpr.weighted_sum(
                    [literal_of(literal) for literal, _ in objective], [weight for _, weight in objective]
                )
            )
        if hint is not None:
            for variable, literal in zip(self._variables, hint, strict=True):
                model.add_hint(variable, literal > 0)
        self._model = model
        self._solver = cp_model.CpSolver()

    def stop(self) -> None:
        self._solver.stop_search()

    def run(
        self,
        seconds: float,
        *,
        seed: int,
        by_cores: bool,
        on_model: Callable[[tuple[int, ...]], None] | None = None,
        on_bound: Callable[[float], None] | None = None,
    ) -> tuple[Outcome, tuple[int, ...] | None, float]:
        solver, variables = self._solver, self._variables
        parameters = solver.parameters
        parameters.num_workers = 1
        parameters.random_seed = seed
        parameters.max_time_in_seconds = max(0.01, seconds)
        parameters.linearization_level = 0
        parameters.symmetry_level = 0
        parameters.optimize_with_core = by_cores
        # Frequent restarts halve the time of the hardest instances and make it much steadier; probing only costs.
        parameters.cp_model_probing_level = 0
        parameters.restart_algorithms.append(self._luby)
        callback = None if on_model is None else _report_models(self._cp_model, variables, on_model)
        if on_bound is not None:
            solver.best_bound_callback = on_bound
        status = solver.solve(self._model, callback)
        cp_model = self._cp_model
        if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            model = tuple(v if solver.boolean_value(x) else -v for v, x in enumerate(variables, start=1))
            return ("optimal" if status == cp_model.OPTIMAL else "feasible"), model, solver.best_objective_bound
        if status == cp_model.INFEASIBLE:
            return "infeasible", None, 0.0
        if status == cp_model.MODEL_INVALID:
            raise RuntimeError(f"the timetable model is not valid: {self._model.validate()}")
        return "unknown", None, 0.0


def is_satisfiable(formula: Formula, seconds: float) -> bool | None:
    """Return whether the formula has a model; None when the time did not suffice."""
    outcome, _, _ = _Solve(formula, (), None, None).run(seconds, seed=1, by_cores=False)
    return None if outcome == "unknown" else outcome != "infeasible"


def complete_model(formula: Formula, literals: Sequence[int], seconds: float) -> tuple[int, ...] | None:
    """Return a model of the formula in which these literals hold; None where none was found in the time."""
    pinned = Formula(formula.variables)
    pinned.exclusive = formula.exclusive
    pinned.clauses = [*formula.clauses, *([literal] for literal in literals)]
    _, model, _ = _Solve(pinned, (), None, None).run(seconds, seed=1, by_cores=False)
    return model


def _round_up(bound: float) -> int:
    return int(-(-(bound - 1e-6) // 1))


def minimise(
    formula: Formula,
    objective: Terms,
    *,
    seconds: float,
    caps: Sequence[Cap] = (),
    bound: int = 0,
    start: tuple[int, ...] | None = None,
    on_progress: Callable[[int | None, int, tuple[int, ...] | None], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Found:
    """Minimise a linear objective over the models of a formula within the caps.

    `bound` is a lower bound known beforehand, `start` a model known beforehand. `on_progress(value, bound, model)` is
    called from the calling thread whenever one of them improved. The search ends when the optimum is proven, the time
    is over or `should_stop()` is true, and returns the best it has. An exception from either callback stops the
    search and is raised.
    """
    board = _Board(bound)
    if start is not None:
        board.offer(evaluate(objective, start), start)
    if board.is_closed() or seconds <= 0 or (should_stop is not None and should_stop()):
        return _conclude(board)
    deadline = time.monotonic() + seconds
    ended = threading.Event()
    running: list[_Solve] = []
    running_lock = threading.Lock()

    def run(solve: _Solve, limit: float, **arguments: Any) -> tuple[Outcome, tuple[int, ...] | None, float]:
        with running_lock:
            running.append(solve)
        try:
            return solve.run(limit, **arguments)
        finally:
            with running_lock:
                running.remove(solve)

    def offer(model: tuple[int, ...]) -> None:
        board.offer(evaluate(objective, model), model)

    def by_cores() -> None:
        least = [Cap(objective, least=bound)] if bound else []
        solve = _Solve(formula, [*caps, *least], objective, board.model)
        if ended.is_set():
            return
        outcome, _, proven = run(
            solve,
            deadline - time.monotonic(),
            seed=1,
            by_cores=True,
            on_model=offer,
            on_bound=lambda value: board.raise_bound(_round_up(value)),
        )
        if outcome == "infeasible":
            # With a model at hand there is one; the bound alone can then be what is too high, and it is proven.
            with board.lock:
                board.infeasible = board.value is None
        elif outcome == "optimal":
            with board.lock:
                value = board.value
            if value is not None:
                board.raise_bound(value)
        elif outcome == "feasible":
            board.raise_bound(_round_up(proven))
        ended.set()

    def by_descent() -> None:
        if ended.wait(_DELAY_OF_SECOND_SECONDS):
            return
        target: int | None = None
        round_seconds = _FIRST_ROUND_SECONDS
        seed = 2
        while not ended.is_set() and not board.is_closed():
            with board.lock:
                value, low, model = board.value, board.bound, board.model
            if value is None:
                target = None
            elif target is None or target >= value:
                target = low + (value - low) // 4
            else:
                # The last target was not met in its time: ask for less, until only the next better value is left.
                target = target + max(1, (value - target) // 2)
                if target >= value:
                    target, round_seconds = low, round_seconds * 2
            target_caps = [] if target is None else [Cap(objective, most=target, least=low)]
            limit = deadline - time.monotonic()
            if target is not None:
                limit = min(limit, round_seconds)
            if limit <= 0:
                return
            solve = _Solve(formula, [*caps, *target_caps], None, model)
            if ended.is_set():
                return
            outcome, better, _ = run(solve, limit, seed=seed, by_cores=False)
            seed += 1
            if better is not None:
                offer(better)
                round_seconds = _FIRST_ROUND_SECONDS
            elif outcome == "infeasible":
                if target is None:
                    with board.lock:
                        board.infeasible = True
                    return
                board.raise_bound(target + 1)
                target = None

    def guard(work: Callable[[], None]) -> Callable[[], None]:
        def guarded() -> None:
            try:
                work()
            except BaseException as failure:
                # Handed to the calling thread, which raises it.
                board.failure = failure
                ended.set()

        return guarded

    threads = [threading.Thread(target=guard(work), daemon=True) for work in (by_cores, by_descent)]
    for thread in threads:
        thread.start()
    shown: tuple[int | None, int] = (None, bound - 1)

    def report() -> None:
        nonlocal shown
        with board.lock:
            value, low, model = board.value, board.bound, board.model
        if on_progress is not None and (value, low) != shown:
            shown = (value, low)
            on_progress(value, low if value is None else min(low, value), model)

    try:
        while threads[0].is_alive() or threads[1].is_alive():
            threads[0 if threads[0].is_alive() else 1].join(_POLL_SECONDS)
            report()
            if (
                ended.is_set()
                or board.is_closed()
                or time.monotonic() >= deadline
                or (should_stop is not None and should_stop())
            ):
                ended.set()
                with running_lock:
                    for solve in running:
                        solve.stop()
    finally:
        ended.set()
        while threads[0].is_alive() or threads[1].is_alive():
            with running_lock:
                for solve in running:
                    solve.stop()
            for thread in threads:
                thread.join(_POLL_SECONDS)
    if board.failure is not None:
        raise board.failure
    report()
    return _conclude(board)


def _conclude(board: _Board) -> Found:
    if board.value is None or board.model is None:
        return Found("infeasible" if board.infeasible else "unknown", 0, board.bound, None)
    low = min(board.bound, board.value)
    return Found("optimal" if low == board.value else "feasible", board.value, low, board.model)

"""No expression of ours takes a hostile text to grind: each is tried on long repetitions of what it looks for.

Texts of people reach them with up to 32,000 characters. Time that grows with the square of that, or worse, is a way to
stop the service with one form; such an expression runs into the limit of the test, others need a fraction of a second.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import itertools
import pkgutil
import re
import re._constants as codes  # type: ignore[import-not-found]
import re._parser as parser  # type: ignore[import-not-found]
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

LENGTH = 30_000
_SEARCHING = ("search", "sub", "subn", "split", "findall", "finditer")
_FROM_THE_START = ("match", "fullmatch")
_OF_CATEGORY = {codes.CATEGORY_DIGIT: "1", codes.CATEGORY_SPACE: " ", codes.CATEGORY_WORD: "a"}

BOUNDED = {
    r"(.*?)[\s,，;；×x*:：]*(\d{1,3})\s*(?:张|桌|个|tables?)?\s*": "a line of a form that takes 2,000 characters",
}
"""Expressions that grow with the square, of texts that are short, with the reason."""


def modules() -> Iterator[ModuleType]:
    for name in ("matching", "web", "workers"):
        package = importlib.import_module(name)
        for found in pkgutil.walk_packages(package.__path__, f"{name}."):
            # Migrations and training see no text that somebody sends, and the last starts an application.
            if not re.search(r"\.(migrations|training|wsgi)\b", found.name):
                yield importlib.import_module(found.name)


@pytest.fixture(scope="module")
def found() -> dict[tuple[str, int, bool], str]:
    """Of all modules; importing them takes a while."""
    return expressions()


def expressions() -> dict[tuple[str, int, bool], str]:
    """(pattern, flags, whether it is searched for anywhere in a text) → where it stands."""
    found: dict[tuple[str, int, bool], str] = {}
    sources: dict[ModuleType, str] = {}
    for module in modules():
        try:
            sources[module] = inspect.getsource(module)
        except OSError:
            continue
    methods: dict[str, set[str]] = {}
    for name, method in re.findall(r"\b(_?[A-Z]\w*)(?:\[\w+\])?\.(\w+)\(", "\n".join(sources.values())):
        methods.setdefault(name, set()).add(method)
    for module, source in sources.items():
        for name, value in vars(module).items():
            for one in _patterns(value):
                searched = not methods.get(name, set()) & {*_FROM_THE_START} or bool(methods[name] & {*_SEARCHING})
                found.setdefault((one.pattern, one.flags, searched), f"{module.__name__}.{name}")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _is_name(node.func.value, "re"):
                method = node.func.attr
                if method in (*_SEARCHING, *_FROM_THE_START) and node.args:
                    try:
                        pattern = eval(compile(ast.Expression(node.args[0]), "", "eval"), vars(module))
                    except NameError:
                        continue  # put together from an argument
                    if isinstance(pattern, str):
                        key = (pattern, re.compile(pattern).flags, method in _SEARCHING)
                        found.setdefault(key, f"{module.__name__}:{node.lineno}")
    return found


def _patterns(value: Any) -> Iterator[re.Pattern[str]]:
    if isinstance(value, re.Pattern) and isinstance(value.pattern, str):
        yield value
    elif isinstance(value, dict):
        yield from (found for one in value.values() for found in _patterns(one))
    elif isinstance(value, tuple | list):
        yield from (found for one in value for found in _patterns(one))


def _is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def letters(tree: Any) -> Iterator[str]:
    """A character for each place of an expression."""
    for code, value in tree:
        if code is codes.LITERAL:
            yield chr(value)
        elif code is codes.NOT_LITERAL:
            yield "b" if value == ord("a") else "a"
        elif code is codes.ANY:
            yield "a"
        elif code is codes.IN:
            if value[0][0] is codes.NEGATE:
                yield "x"
            else:
                for kind, one in value:
                    if kind is codes.CATEGORY:
                        yield _OF_CATEGORY.get(one, "!")
                    else:
                        yield chr(one[0] if kind is codes.RANGE else one)
        elif code in (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT):
            yield from letters(value[2])
        elif code is codes.SUBPATTERN:
            yield from letters(value[3])
        elif code is codes.BRANCH:
            for branch in value[1]:
                yield from letters(branch)
        elif code is codes.ATOMIC_GROUP:
            yield from letters(value)


def hostile(pattern: str, flags: int) -> Iterator[str]:
    """Long texts of what the expression looks for, each with an end that fits nothing."""
    chosen = list(dict.fromkeys(letters(parser.parse(pattern, flags))))[:8]
    for one in chosen:
        yield one * LENGTH + "\x00"
    for one, other in itertools.islice(itertools.permutations(chosen, 2), 20):
        yield (one + other) * (LENGTH // 2) + "\x00"


@pytest.mark.timeout(40, func_only=True)
@pytest.mark.parametrize("part", range(8))
def test_no_expression_grinds(found: dict[tuple[str, int, bool], str], part: int) -> None:
    tried = 0
    for (pattern, flags, searched), where in sorted(found.items(), key=lambda one: one[1])[part::8]:
        if pattern in BOUNDED:
            continue
        compiled = re.compile(pattern, flags)
        print(where, pattern)  # the last line before the limit names it
        for text in hostile(pattern, flags):
            (compiled.search if searched else compiled.fullmatch)(text)
        tried += 1
    assert tried > 15


def test_units_are_read_in_one_way_only() -> None:
    from matching.text.words import is_measure

    assert is_measure("/".join(["g"] * 5000))
    assert not is_measure("g/" * 5000 + "x")
    for word, expected in (("w/(m·k)", True), ("mg/l", True), ("g/", False), ("/g", False), ("g//g", False)):
        assert is_measure(word) == expected, word

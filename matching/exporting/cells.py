"""Texts that are safe and whole in a spreadsheet cell."""

from __future__ import annotations

import re

CELL_LIMIT = 32_767
"""Characters (UTF-16 units) that a cell of a spreadsheet program holds."""

_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
# `=` and `@` start a formula whatever follows. `+` and `-` do so too, but most texts that start with them are values
# (-5℃, +86 138…, -0.1/+0.2 mm) or dashes: they are formulas where they name something (a cell, a function, a program)
# or go on calculating.
_FORMULA = re.compile(
    r"""[\s\u200b\ufeff]*[=＝@＠]
      | [\t\r]
      | [\s\u200b\ufeff]*[+\-＋－] (?:
            \s* [A-Za-z_$"\\]
          | .* (?: [|=＝!！]
                 | (?<![\w.]) (?:[\w.](?<![A-Za-z_]))*+ [A-Za-z_][\w.]*+ \s*+ [(（]
                 | [\d)%]\s*[+*^&＋＊]\s*[\w(] )
        )""",
    re.VERBOSE | re.DOTALL,
)
_QUOTED_FORMULA = re.compile(f"'+(?:{_FORMULA.pattern})", re.VERBOSE | re.DOTALL)


def starts_formula(text: str) -> bool:
    """Whether a spreadsheet program might calculate or run this text."""
    return _FORMULA.match(text) is not None


def neutralise(text: str) -> str:
    """The text with an apostrophe before it where it starts a formula; `restore` takes it off again."""
    return f"'{text}" if _FORMULA.match(text) or _QUOTED_FORMULA.match(text) else text


def restore(text: str) -> str:
    """The text that `neutralise` was given."""
    return text[1:] if text.startswith("'") and _QUOTED_FORMULA.match(text) else text


def fit(text: str) -> str:
    """The text without characters that XML forbids, cut with a visible note where a cell cannot hold it."""
    text = _ILLEGAL.sub("", text)
    if len(text) <= CELL_LIMIT // 2 or len(text.encode("utf-16-le")) // 2 <= CELL_LIMIT:
        return text
    note = f"……（已截断，全文 {len(text)} 字 / cut, {len(text)} characters in all）"
    head = text.encode("utf-16-le")[: (CELL_LIMIT - len(note)) * 2].decode("utf-16-le", "ignore")
    return head + note


def cell_text(text: str) -> str:
    """What goes into a cell: `fit` and `neutralise`."""
    return fit(neutralise(_ILLEGAL.sub("", text)))

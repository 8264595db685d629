"""What is wrong with which field, in both languages, from what the schemas find."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class FieldFault:
    """One thing that is wrong. `where` is a path such as `budget.minimum` or `keywords[0]`, None for the whole body."""

    where: str | None
    zh: str
    en: str


# marshmallow speaks English only; these are the messages that our schemas can produce.
_CHINESE: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), chinese)
    for pattern, chinese in (
        (r"Missing data for required field\.", "必须填写"),
        (r"Field may not be null\.", "不能为空（null）"),
        (r"Unknown field\.", "没有这一项"),
        (r"Not a valid string\.", "应为文字"),
        (r"Not a valid integer\.", "应为整数"),
        (r"Not a valid number\.", "应为数字"),
        (r"Not a valid boolean\.", "应为 true 或 false"),
        (r"Not a valid date\.", "应为日期，例如 2027-06-30"),
        (r"Not a valid list\.", "应为列表"),
        (r"Not a valid mapping type\.", "应为对象"),
        (r"Invalid input type\.", "应为对象"),
        (r"Longer than maximum length (\d+)\.", r"最多 \1 个"),
        (r"Shorter than minimum length (\d+)\.", r"至少 \1 个"),
        (r"Length must be between (\d+) and (\d+)\.", r"长度应为 \1 到 \2"),
        (r"Must be one of: (.*)\.", r"只能是：\1"),
        (r"String does not match expected pattern\.", "格式不对"),
        (
            r"Must be greater than or equal to (\S+) and less than or equal to (\S+)\.",
            r"应在 \1 到 \2 之间",
        ),
        (r"Not base64\.", "不是有效的 base64"),
        (r"Contains characters that cannot be stored\.", "含有无法保存的字符"),
        (r"Amounts are exact to 0\.01 CNY \(0\.000001 of the unit\)\.", "金额最多精确到分（小数点后 6 位）"),
    )
)


def faults_of(messages: Mapping[Any, Any]) -> list[FieldFault]:
    """Flatten what marshmallow and webargs found; the request's part (json, query) is left out of the path."""
    return list(_walk(messages, "", top=True))


def whole_body_fault() -> FieldFault:
    """What is said when nothing more precise is known."""
    return FieldFault(None, "内容有误", "The content is wrong.")


def chinese_of(message: str) -> str | None:
    """The Chinese text of a message of the schemas, None for one that has none."""
    for pattern, chinese in _CHINESE:
        found = pattern.fullmatch(message)
        if found:
            return found.expand(chinese)
    return None


def _walk(messages: Any, path: str, *, top: bool = False) -> Iterator[FieldFault]:
    if isinstance(messages, Mapping):
        for key, inner in messages.items():
            if top or key == "_schema":
                yield from _walk(inner, path)
            elif isinstance(key, int):
                yield from _walk(inner, f"{path}[{key}]")
            else:
                yield from _walk(inner, f"{path}.{key}" if path else _shortened(str(key)))
    elif isinstance(messages, (list, tuple)):
        for inner in messages:
            yield from _walk(inner, path)
    else:
        text = str(messages)
        yield FieldFault(path or None, chinese_of(text) or text, text)


def _shortened(key: str) -> str:
    """An unknown field's name comes from the request; it is repeated, but not at any length."""
    return key if len(key) <= 60 else key[:59] + "…"

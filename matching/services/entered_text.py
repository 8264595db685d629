"""Checks of text that people enter into interests and engagements."""

from __future__ import annotations

from matching.errors import InvalidInput


def check_text(text: str, where: str, most: int) -> None:
    """Raises InvalidInput for a text that is too long, or holds what PostgreSQL cannot store."""
    if len(text) > most:
        raise InvalidInput(
            "text.too_long",
            f"不能超过 {most} 字（现有 {len(text)} 字）",
            where=where,
            message_en=f"At most {most} characters (this has {len(text)})",
        )
    if "\x00" in text:
        raise InvalidInput(
            "text.unstorable",
            "文字里有无法保存的字符，请重新输入",
            where=where,
            message_en="The text contains characters that cannot be stored; please enter it again",
        )

"""A post as matching sees it, independent of where it is stored.

`PostDocument` is built from a database row (`matching.services`), or from a line of a file
(`matching.importing`), so that the command line and the platform rank with the same code.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

Side = Literal["need", "capability"]

CAPABILITY_KINDS = ("achievement", "patent", "expertise", "facility", "service")


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyRange:
    """An amount in 万元 (10,000 CNY), exact. `minimum == maximum` for one number.

    Both None with `negotiable` means 面议; a one-sided range leaves the other bound None.
    """

    minimum: Decimal | None = None
    maximum: Decimal | None = None
    negotiable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkText:
    """A paper, patent or achievement of the expert whom a capability offers. `age` in years, None where unknown."""

    id: str
    title: str
    text: str = ""
    year: int | None = None
    age: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PostDocument:
    """Everything of a need or a capability that ranking and reasons may use.

    Missing fields are None or empty and mean "unknown", never "does not match".
    """

    id: str
    side: Side
    title: str
    text: str = ""
    """All prose below the title, paragraphs separated by newlines."""
    keywords: tuple[str, ...] = ()
    indicators: tuple[str, ...] = ()
    """Technical indicators, one a line, as written (`盐雾 ≥ 1000 h`)."""
    language: str = "zh"
    kind: str | None = None
    """One of CAPABILITY_KINDS for a capability, None for a need."""
    industry_codes: tuple[str, ...] = ()
    """GB/T 4754 codes: a section letter (`C`), a division (`C39`) or finer."""
    domain: str | None = None
    """Code of one of the 12 技术领域."""
    discipline: str | None = None
    """GB/T 13745 code."""
    cooperation_modes: tuple[str, ...] = ()
    money: MoneyRange | None = None
    """A need's budget or a capability's price."""
    maturity: int | None = None
    """TRL 1–9 of a capability; for a need the least TRL wanted."""
    starts_on: date | None = None
    ends_on: date | None = None
    """The time span in which a need wants its solution."""
    organisation_id: str | None = None
    organisation_name: str | None = None
    region_code: str | None = None
    town: str | None = None
    version: int = 1
    works: tuple[WorkText, ...] = ()
    """What the experts of an `expertise` wrote and did, the latest first. No part of `full_text`: spans do not refer to
    it, but it is searched and ranked by."""

    @property
    def full_text(self) -> str:
        """Title, keywords, indicators and prose, one part a line; spans of reasons refer to `title` or `body`."""
        return "\n".join(part for part in (self.title, self.body) if part)

    @property
    def body(self) -> str:
        """Keywords, indicators and prose without the title."""
        parts = ["，".join(self.keywords), "\n".join(self.indicators), self.text]
        return "\n".join(part for part in parts if part)

"""Order by what people asked for: told in one sentence, and never by a name the reader does not know."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from matching.ranking.wishes import Traits, Wish, fulfilled, lean, order_by_wishes

TRAITS = Traits(
    text="ＰＣＢ 翘曲控制", domain="electronics", industry_codes=("C398",), cooperation_modes=("development",)
)


def test_what_a_wish_is_about() -> None:
    met = [
        Wish("more", "domain", "electronics"),
        Wish("less", "industry", "C39"),
        Wish("more", "keyword", "pcb"),
        Wish("less", "cooperation_mode", "development"),
    ]
    other = [
        Wish("more", "domain", "materials"),
        Wish("more", "industry", "C3981"),
        Wish("more", "keyword", "涂层"),
        Wish("less", "cooperation_mode", "licence"),
        Wish("less", "organisation", "o"),
    ]
    assert fulfilled(TRAITS, [*met, *other]) == met


def test_a_hidden_organisation_cannot_be_asked_for() -> None:
    assert fulfilled(Traits(text="", organisation_id=None), [Wish("less", "organisation", "o")]) == []
    assert fulfilled(Traits(text="", organisation_id="o"), [Wish("less", "organisation", "o")]) != []


@given(st.lists(st.lists(st.sampled_from(("more", "less")), max_size=3), max_size=12))
def test_the_order_is_by_wish_and_then_as_it_came(directions: list[list[str]]) -> None:
    items = [(place, [Wish(one, "keyword", "x") for one in met]) for place, met in enumerate(directions)]
    ordered = order_by_wishes(items, lambda item: item[1])
    assert sorted(ordered, key=lambda item: item[0]) == items
    assert ordered == sorted(items, key=lambda item: (-lean(item[1]), item[0]))

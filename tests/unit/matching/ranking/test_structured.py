"""What a need demands and what it only tells of the present."""

from __future__ import annotations

from matching.documents import PostDocument
from matching.ranking.structured import compare_indicators, quantities_of
from matching.text.quantities import Fulfilment


def test_figures_of_the_present_state_are_no_demands() -> None:
    need = PostDocument(
        id="n",
        side="need",
        title="高频线路板翘曲控制",
        text="高频板翘曲达 0.9%，要求≤0.5%。目前盐雾 200 h。",
        indicators=("盐雾 1000 h",),
    )
    assert [quantity.text for quantity in quantities_of(need)] == ["1000 h", "≤0.5%"]
    capability = PostDocument(id="c", side="capability", title="线路板翘曲", text="翘曲可控制在 0.4% 以内")
    assert [(match.need.text, match.fulfilment) for match in compare_indicators(need, capability)] == [
        ("≤0.5%", Fulfilment.MET)
    ]

"""An expertise is as good as the best few of its works; recent work counts more, and many works alone count nothing."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from matching.documents import PostDocument, WorkText
from matching.ranking.offline import prepare_offline
from matching.ranking.rank import rank_candidates
from matching.ranking.vectors import embed_posts
from matching.ranking.works import (
    combine_works,
    lose_by_age,
    texts_in_background,
    works_as_documents,
)
from tests.unit.matching.ranking.posts import CAPABILITIES, NEEDS, HashedEmbedder, make_capability, make_need, pool_of


def work(number: int, title: str, age: float | None = 1.0) -> WorkText:
    return WorkText(id=f"w{number}", title=title, age=age)


def rank_for(need: PostDocument, *candidates: PostDocument) -> list[str]:
    everything = [*NEEDS, *CAPABILITIES, need, *candidates]
    pool, vectors = pool_of(everything)
    works = [document for candidate in candidates for document in works_as_documents(candidate)]
    vectors |= embed_posts(works, HashedEmbedder())
    return [pair.candidate_id for pair in rank_candidates(need, candidates, vectors, pool)]


def test_the_expert_with_works_on_the_matter_comes_first() -> None:
    need = make_need("n", "含铜电镀废水中铜的回收")
    on_it = make_capability("a", "环境工程专家", works=(work(1, "电镀废水中铜的膜法回收"), work(2, "含铜废水电沉积")))
    not_on_it = make_capability("b", "环境工程专家", works=(work(3, "茶叶发酵"), work(4, "生猪舍通风")))
    assert rank_for(need, not_on_it, on_it) == ["a", "b"]


def test_of_equal_works_the_recent_one_counts_more() -> None:
    need = make_need("n", "含铜电镀废水中铜的回收")
    old, new = (
        make_capability(name, "环境工程专家", works=(work(1, "电镀废水中铜的膜法回收", age),))
        for name, age in (("a", 15.0), ("b", 1.0))
    )
    assert rank_for(need, old, new) == ["b", "a"]
    assert lose_by_age(work(1, "", 1.0)) == 0
    assert lose_by_age(work(1, "", None)) == lose_by_age(work(1, "", 10.0)) < lose_by_age(work(1, "", 60.0)) <= 0.5


def test_five_works_on_the_matter_say_more_than_one_that_happens_to_use_its_words() -> None:
    own = np.zeros((1, 1), dtype=np.float32)[0]
    texts = [work(number, "", 1.0) for number in range(5)]
    by_chance, on_it = (
        combine_works(own, np.array([scores], dtype=np.float32), texts)[0][0]
        for scores in ([3.0, 0.0, 0.0, 0.0, 0.0], [2.0, 2.0, 2.0, 1.0, 1.0])
    )
    assert on_it > by_chance > 0
    # 0.3 · 3 and 0.25 · 2 + …, less half of what six passages reach by chance
    np.testing.assert_allclose(by_chance, 0.9 - (0.3 * np.log(6) - 0.45), rtol=1e-5)


def test_a_name_stands_in_the_background_by_its_works() -> None:
    works = (work(1, "电镀废水中铜的膜法回收"), work(2, "含铜废水电沉积"))
    name = make_capability("a", "张工 环境学院", works=works)
    assert [text.title for text in texts_in_background(name)] == [one.title for one in works]
    for told in (
        make_capability("b", "电镀废水、印染废水与制药废水的处理，膜分离、电沉积与生物法的设计和调试", works=works),
        make_capability("c", "李工"),
    ):
        assert texts_in_background(told) == [told]
    pool = prepare_offline(NEEDS, [*CAPABILITIES, name], HashedEmbedder()).statistics
    assert pool.full_lengths["capability"].count == len(CAPABILITIES) + len(works)
    assert pool.embedded == len(NEEDS) + len(CAPABILITIES) + len(works)


def test_works_take_little_from_an_expertise_whose_own_text_fits() -> None:
    need = make_need("n", "含铜电镀废水中铜的回收")
    plain = make_capability("a", "含铜电镀废水中铜的回收")
    with_others = make_capability("b", "含铜电镀废水中铜的回收", works=(work(1, "茶叶发酵"),))
    other = make_capability("c", "茶叶发酵")
    assert rank_for(need, plain, with_others, other)[-1] == "c"


@given(
    arrays(np.float32, 3, elements=st.floats(-3, 3, width=32)),
    arrays(np.float32, (3, 5), elements=st.floats(-3, 3, width=32)),
    st.lists(st.none() | st.floats(0, 80), min_size=5, max_size=5),
)
def test_combining_is_bounded_by_the_best_passage(own: np.ndarray, works: np.ndarray, ages: list[float | None]) -> None:
    texts = [work(number, "", age) for number, age in enumerate(ages)]
    combined, aged = combine_works(own, works, texts)
    assert (combined >= own - 0.5).all()
    assert (combined <= np.maximum(own, works.max(axis=1)) + 1e-5).all()
    assert (aged <= works).all()
    reverse, _ = combine_works(own, works[:, ::-1], texts[::-1])
    np.testing.assert_allclose(reverse, combined, rtol=1e-5, atol=1e-5)

"""What every SearchIndex does, whichever engine is behind it."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from matching.errors import IllegalMove, InvalidInput, PartUnavailable
from matching.policy import Audience
from matching.search.port import IndexEntry, SearchFilters, SearchIndex, VectorQuery, WordQuery
from tests.unit.matching.search.index_entries import (
    DIMENSION,
    NOW,
    direction,
    make_entry,
    vector_query,
    word_query,
)


def load(index: SearchIndex, *entries: IndexEntry) -> None:
    report = index.write(entries)
    assert report.failed == ()
    index.refresh()


def ids_by_words(index: SearchIndex, words: str, **options: Any) -> list[str]:
    return [hit.post_id for hit in index.find_by_words([word_query(words, **options)])[0]]


def ids_by_vector(index: SearchIndex, vector: Any, **options: Any) -> list[str]:
    return [hit.post_id for hit in index.find_by_vector([vector_query(vector, **options)])[0]]


class TestWords:
    def test_an_empty_index_finds_nothing(self, index: SearchIndex) -> None:
        assert index.find_by_words([word_query("酱油")]) == [[]]
        assert index.find_by_vector([vector_query(direction(1))]) == [[]]
        assert index.fetch_vectors(["a"]) == {}
        assert list(index.entry_versions()) == []
        assert index.find_by_words([]) == []
        assert index.find_by_vector([]) == []

    def test_more_and_rarer_words_rank_higher(self, index: SearchIndex) -> None:
        load(
            index,
            make_entry("common", "印制 电路板 清洗"),
            make_entry("rare", "酱油 电路板 检测"),
            make_entry("both", "酱油 印制 电路板"),
            make_entry("none", "水产 养殖 投喂"),
            make_entry("filler", "印制 电路板 钻孔"),
        )
        assert ids_by_words(index, "酱油 印制") == ["both", "rare", "common", "filler"]

    def test_title_counts_more_than_body(self, index: SearchIndex) -> None:
        load(
            index,
            make_entry("body", "酱油", title_words=("机床",)),
            make_entry("title", "机床", title_words=("酱油",)),
        )
        assert ids_by_words(index, "酱油") == ["title", "body"]

    @pytest.mark.parametrize(
        ("word", "part"),
        [
            ("珠江桥牌", "珠江桥"),
            ("3.5mm", "3.5"),
            ("C++", "C"),
            ("HDI板", "hdi板"),
            ("≤0.05μm", "0.05μm"),
            ("-5℃", "5℃"),
            ("e-mail", "mail"),
            ("naïve", "naive"),
            ("a\\b", "a"),
            ('"引号"', "引号"),
            ("𠮷野", "野"),
            ("AND", "and"),
            ("*", "星"),
        ],
    )
    def test_a_word_is_found_whole_and_exactly_as_given(self, index: SearchIndex, word: str, part: str) -> None:
        load(index, make_entry("a", body_words=(word, "其他")), make_entry("b", "其他"))
        assert ids_by_words(index, word) == ["a"]
        assert ids_by_words(index, part) == []

    def test_words_with_spaces_and_very_long_words_stay_one_word(self, index: SearchIndex) -> None:
        long_word = "甲" * 400
        load(index, make_entry("a", body_words=("HDI 板", "x\u3000y", long_word)))
        for words, found in (
            (("HDI 板",), ["a"]),
            (("HDI",), []),
            (("板",), []),
            (("x\u3000y",), ["a"]),
            ((long_word,), ["a"]),
            (("甲" * 255,), []),
            (("甲" * 401,), []),
        ):
            query = WordQuery(words=words, filters=word_query("").filters, audience=Audience(), now=NOW)
            assert [hit.post_id for hit in index.find_by_words([query])[0]] == found

    def test_equal_scores_are_ordered_by_post_id(self, index: SearchIndex) -> None:
        load(index, *(make_entry(post_id, "酱油 发酵") for post_id in ("c", "a", "d", "b")))
        assert ids_by_words(index, "酱油") == ["a", "b", "c", "d"]
        assert ids_by_words(index, "酱油", limit=2) == ["a", "b"]

    def test_several_queries_are_answered_in_order(self, index: SearchIndex) -> None:
        load(index, make_entry("a", "酱油"), make_entry("b", "机床", side="need"), make_entry("c", "机床 铣削"))
        found = index.find_by_words(
            [
                word_query("机床"),
                word_query("酱油"),
                word_query("机床", side="need"),
                word_query("没有"),
                word_query(""),
            ]
        )
        assert [[hit.post_id for hit in hits] for hits in found] == [["c"], ["a"], ["b"], [], []]

    def test_a_long_query_finds_by_its_telling_words(self, index: SearchIndex) -> None:
        common = [f"通用{number}" for number in range(300)]
        load(
            index,
            *(make_entry(f"c{number}", body_words=tuple(common)) for number in range(5)),
            make_entry("z", body_words=("御品蚝油",)),
        )
        query = WordQuery(
            words=(*common, "御品蚝油"), filters=word_query("").filters, audience=Audience(), now=NOW, limit=10
        )
        (hits,) = index.find_by_words([query])
        assert sorted(hit.post_id for hit in hits) == ["c0", "c1", "c2", "c3", "c4", "z"]


class TestVectors:
    def test_nearest_first_with_cosines(self, index: SearchIndex) -> None:
        load(
            index,
            make_entry("east", full_vector=direction(1, 0)),
            make_entry("north", full_vector=direction(0, 1)),
            make_entry("west", full_vector=direction(-1, 0)),
            make_entry("northeast", full_vector=direction(1, 1)),
            make_entry("nowhere", "只有 词"),
        )
        (hits,) = index.find_by_vector([vector_query(direction(1, 0))])
        assert [hit.post_id for hit in hits] == ["east", "northeast", "north", "west"]
        assert [hit.score for hit in hits] == pytest.approx([1, 0.5**0.5, 0, -1], abs=2e-5)

    def test_the_two_fields_are_apart(self, index: SearchIndex) -> None:
        load(index, make_entry("a", title_vector=direction(1), full_vector=direction(0, 1)))
        for field, score in (("title_vector", 1.0), ("full_vector", 0.0)):
            (hits,) = index.find_by_vector([vector_query(direction(1), field=field)])
            assert hits[0].score == pytest.approx(score, abs=2e-5)

    def test_equal_cosines_are_ordered_by_post_id(self, index: SearchIndex) -> None:
        load(index, *(make_entry(post_id, full_vector=direction(1, 2, 3)) for post_id in ("c", "a", "d", "b")))
        assert ids_by_vector(index, direction(1)) == ["a", "b", "c", "d"]

    def test_vectors_come_back_as_stored(self, index: SearchIndex) -> None:
        title, full = direction(1, 2, 3), direction(3, 2, 1)
        load(index, make_entry("a", title_vector=title, full_vector=full), make_entry("b", full_vector=full))
        found = index.fetch_vectors(["a", "b", "missing"])
        assert sorted(found) == ["a", "b"]
        assert found["a"][0] == pytest.approx(title, abs=1e-6)
        assert found["a"][1] == pytest.approx(full, abs=1e-6)
        assert found["b"][0] is None
        assert found["b"][1] == pytest.approx(full, abs=1e-6)

    def test_filters_leave_the_nearest_of_what_remains(self, index: SearchIndex) -> None:
        """Few of many posts pass, so they are not among the nearest of all."""
        generator = np.random.default_rng(5)
        vectors = generator.normal(size=(300, DIMENSION)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        load(
            index,
            *(
                make_entry(
                    f"p{number:03}",
                    "词",
                    full_vector=vectors[number],
                    town=f"镇{number % 50}",
                    industry_codes=("C", f"C{number % 50}"),
                    cooperation_modes=("joint", f"mode-{number % 50}"),
                    organisation_id=f"org-{number % 50}",
                )
                for number in range(300)
            ),
        )
        query = vectors[0]
        places = sorted(range(7, 300, 50), key=lambda number: -float(vectors[number] @ query))
        nearest = [f"p{number:03}" for number in places]
        for filters in (
            {"towns": frozenset({"镇7"})},
            {"industry_codes": frozenset({"C7", "C999"})},
            {"cooperation_modes": frozenset({"mode-7"})},
            {"organisation_ids": frozenset({"org-7"})},
            {"exclude_organisation_ids": frozenset(f"org-{number}" for number in range(50) if number != 7)},
            {"industry_codes": frozenset({"C"}), "cooperation_modes": frozenset({"mode-7"})},
        ):
            assert ids_by_vector(index, query, **filters) == nearest
            assert ids_by_words(index, "词", **filters) == sorted(nearest)

    def test_a_short_list_is_filled_up_by_words(self, index: SearchIndex) -> None:
        load(
            index,
            make_entry("near", "发酵 酱油", full_vector=direction(1)),
            make_entry("thin", "酱油"),
            make_entry("other", "机床"),
            make_entry("need", "酱油", side="need"),
        )
        (hits,) = index.find_by_vector([vector_query(direction(1), fill_words="酱油")])
        assert [(hit.post_id, hit.by_words) for hit in hits] == [("near", False), ("thin", True)]
        assert ids_by_vector(index, direction(1), fill_words="酱油", limit=1) == ["near"]
        assert ids_by_vector(index, direction(1)) == ["near"]


class TestVersions:
    def test_an_older_write_never_overwrites(self, index: SearchIndex) -> None:
        load(index, make_entry("a", "新", version=5))
        report = index.write([make_entry("a", "旧", version=4)])
        index.refresh()
        assert (report.written, report.superseded, report.failed) == (0, 1, ())
        assert ids_by_words(index, "新") == ["a"]
        assert ids_by_words(index, "旧") == []

    def test_the_same_version_may_be_written_again(self, index: SearchIndex) -> None:
        load(index, make_entry("a", "一", version=5))
        report = index.write([make_entry("a", "二", version=5)])
        index.refresh()
        assert (report.written, report.superseded) == (1, 0)
        assert (ids_by_words(index, "一"), ids_by_words(index, "二")) == ([], ["a"])
        assert list(index.entry_versions()) == [("a", 5, "model-a")]

    def test_a_late_write_does_not_bring_a_removed_post_back(self, index: SearchIndex) -> None:
        load(index, make_entry("a", "酱油", version=3))
        assert index.remove([("a", 4)]).written == 1
        late = index.write([make_entry("a", "酱油", version=3)])
        index.refresh()
        assert (late.written, late.superseded) == (0, 1)
        assert ids_by_words(index, "酱油") == []
        assert index.fetch_vectors(["a"]) == {}
        assert list(index.entry_versions()) == []
        load(index, make_entry("a", "酱油", version=5))
        assert ids_by_words(index, "酱油") == ["a"]

    def test_a_late_removal_does_not_take_a_newer_post_away(self, index: SearchIndex) -> None:
        load(index, make_entry("a", "酱油", version=3))
        report = index.remove([("a", 2)])
        index.refresh()
        assert (report.written, report.superseded) == (0, 1)
        assert ids_by_words(index, "酱油") == ["a"]

    def test_removing_what_was_never_there_holds_for_later_writes(self, index: SearchIndex) -> None:
        assert index.remove([("a", 7)]).failed == ()
        assert index.write([make_entry("a", "酱油", version=6)]).superseded == 1
        assert index.remove([("a", 7)]).failed == ()

    def test_a_post_written_twice_in_one_call_keeps_the_newer(self, index: SearchIndex) -> None:
        report = index.write(
            [
                make_entry("a", "一", version=1),
                make_entry("a", "三", version=3),
                make_entry("a", "二", version=2),
                make_entry("b", "一", version=1),
            ]
        )
        index.refresh()
        assert (report.written, report.superseded, report.failed) == (3, 1, ())
        assert [ids_by_words(index, word) for word in ("一", "二", "三")] == [["b"], [], ["a"]]
        assert sorted(index.entry_versions()) == [("a", 3, "model-a"), ("b", 1, "model-a")]

    def test_an_entry_replaced_keeps_nothing_of_the_old_one(self, index: SearchIndex) -> None:
        load(
            index,
            make_entry("a", "酱油", version=1, full_vector=direction(1), industry_codes=("C", "C14"), town="沙坪"),
        )
        load(index, make_entry("a", "机床", version=2, industry_codes=("C", "C34")))
        assert ids_by_words(index, "酱油") == []
        assert ids_by_vector(index, direction(1)) == []
        assert ids_by_words(index, "机床", industry_codes=frozenset({"C14"})) == []
        assert ids_by_words(index, "机床", industry_codes=frozenset({"C34"})) == ["a"]
        assert ids_by_words(index, "机床", towns=frozenset({"沙坪"})) == []
        assert index.fetch_vectors(["a"]) == {"a": (None, None)}


class TestRefusals:
    def test_bad_items_are_named_and_the_others_written(self, index: SearchIndex) -> None:
        report = index.write(
            [
                make_entry("good", "酱油", full_vector=direction(1)),
                make_entry("short", "酱油", full_vector=direction(1, dimension=3)),
                make_entry("zero", "酱油", full_vector=np.zeros(DIMENSION, dtype=np.float32)),
                make_entry("nan", "酱油", title_vector=np.full(DIMENSION, np.nan, dtype=np.float32)),
                make_entry("long", "酱油", full_vector=direction(1) * np.float32(2)),
                make_entry("half", body_words=("\ud800",)),
                make_entry("", "酱油"),
                make_entry("negative", "酱油", version=-1),
                make_entry("fine", "酱油"),
            ]
        )
        index.refresh()
        assert [post_id for post_id, _ in report.failed] == ["short", "zero", "nan", "long", "half", "", "negative"]
        assert all(reason for _, reason in report.failed)
        assert report.written == 2
        assert sorted(ids_by_words(index, "酱油")) == ["fine", "good"]

    @pytest.mark.parametrize("limit", [0, -1, 10_001])
    def test_a_limit_out_of_reach_is_invalid_input(self, index: SearchIndex, limit: int) -> None:
        with pytest.raises(InvalidInput) as by_words:
            index.find_by_words([word_query("a"), word_query("a", limit=limit)])
        assert by_words.value.code == "index.limit"
        assert by_words.value.where == "queries[1].limit"
        with pytest.raises(InvalidInput):
            index.find_by_vector([vector_query(direction(1), limit=limit)])

    def test_the_largest_limit_works(self, index: SearchIndex) -> None:
        load(index, *(make_entry(f"p{number:02}", "酱油", full_vector=direction(1)) for number in range(30)))
        assert len(ids_by_words(index, "酱油", limit=10_000)) == 30
        assert len(ids_by_vector(index, direction(1), limit=10_000)) == 30

    def test_a_query_vector_of_another_model_is_said(self, index: SearchIndex) -> None:
        load(index, make_entry("a", full_vector=direction(1)))
        with pytest.raises(PartUnavailable) as raised:
            index.find_by_vector([vector_query(direction(1, dimension=3))])
        assert raised.value.part == "index"
        with pytest.raises(InvalidInput):
            index.find_by_vector([vector_query(np.zeros(DIMENSION, dtype=np.float32))])


class TestFilters:
    POSTS = (
        make_entry(
            "full",
            "词",
            full_vector=direction(1),
            kind="patent",
            domain="D01",
            town="沙坪",
            industry_codes=("C", "C39", "C398"),
            cooperation_modes=("transfer", "joint"),
            maturity=6,
            organisation_id="org-1",
            region_code="440784",
            language="zh",
        ),
        make_entry(
            "second",
            "词",
            full_vector=direction(1),
            kind="service",
            domain="D02",
            town="古劳",
            industry_codes=("C", "C14"),
            cooperation_modes=("consulting",),
            maturity=3,
            organisation_id="org-2",
            region_code="440300",
            language="en",
        ),
        make_entry("bare", "词", full_vector=direction(1), region_code=""),
    )

    @pytest.mark.parametrize(
        ("filters", "expected"),
        [
            ({}, ["bare", "full", "second"]),
            ({"kinds": {"patent"}}, ["full"]),
            ({"kinds": {"patent", "service", "facility"}}, ["full", "second"]),
            ({"domains": {"D02"}}, ["second"]),
            ({"towns": {"沙坪", "址山"}}, ["full"]),
            ({"industry_codes": {"C39"}}, ["full"]),
            ({"industry_codes": {"C"}}, ["full", "second"]),
            ({"industry_codes": {"C398", "C14"}}, ["full", "second"]),
            ({"cooperation_modes": {"joint", "consulting"}}, ["full", "second"]),
            ({"cooperation_modes": {"joint"}}, ["full"]),
            ({"least_maturity": 3}, ["full", "second"]),
            ({"least_maturity": 4}, ["full"]),
            ({"languages": {"en"}}, ["second"]),
            ({"region_scope": "44"}, ["full", "second"]),
            ({"region_scope": "4407"}, ["full"]),
            ({"region_scope": "440784"}, ["full"]),
            ({"region_scope": "45"}, []),
            ({"organisation_ids": {"org-2"}}, ["second"]),
            ({"exclude_organisation_ids": {"org-2"}}, ["bare", "full"]),
            ({"exclude_post_ids": {"full", "unknown"}}, ["bare", "second"]),
            ({"kinds": {"patent"}, "towns": {"古劳"}}, []),
            ({"side": "need"}, []),
        ],
    )
    def test_each_filter(self, index: SearchIndex, filters: dict[str, Any], expected: list[str]) -> None:
        load(index, *self.POSTS)
        chosen = {name: frozenset(value) if isinstance(value, set) else value for name, value in filters.items()}
        assert ids_by_words(index, "词", **chosen) == expected
        assert ids_by_vector(index, direction(1), **chosen) == expected


class TestVisibility:
    POSTS = (
        make_entry("public", "词", full_vector=direction(1)),
        make_entry("members", "词", full_vector=direction(1), visibility="members"),
        make_entry("matched", "词", full_vector=direction(1), visibility="matched", organisation_id="org-1"),
        make_entry("staff", "词", full_vector=direction(1), visibility="staff", region_code="440783"),
        make_entry("expired", "词", full_vector=direction(1), expires_at=NOW, organisation_id="org-2"),
        make_entry("soon", "词", full_vector=direction(1), expires_at=NOW + timedelta(microseconds=1)),
    )

    @pytest.mark.parametrize(
        ("audience", "expected"),
        [
            (Audience(), ["public", "soon"]),
            (Audience(user_id="u"), ["members", "public", "soon"]),
            (Audience(matcher=True), ["matched", "members", "public", "soon"]),
            (Audience(user_id="u", organisation_ids=frozenset({"org-1"})), ["matched", "members", "public", "soon"]),
            (Audience(user_id="u", organisation_ids=frozenset({"org-2"})), ["expired", "members", "public", "soon"]),
            (
                Audience(user_id="u", suggested_post_ids=frozenset({"matched"})),
                ["matched", "members", "public", "soon"],
            ),
            (Audience(user_id="u", suggested_post_ids=frozenset({"staff"})), ["members", "public", "soon"]),
            (Audience(user_id="u", region_scope="440783"), ["members", "public", "soon", "staff"]),
            (Audience(user_id="u", region_scope=""), ["expired", "matched", "members", "public", "soon", "staff"]),
            (Audience(administrator=True), ["expired", "matched", "members", "public", "soon", "staff"]),
        ],
    )
    def test_each_reader_sees_what_the_policy_says(
        self, index: SearchIndex, audience: Audience, expected: list[str]
    ) -> None:
        load(index, *self.POSTS)
        assert ids_by_words(index, "词", audience=audience) == expected
        assert ids_by_vector(index, direction(1), audience=audience) == expected


class TestRebuild:
    def test_a_new_index_takes_over_in_one_step(self, index: SearchIndex) -> None:
        load(index, make_entry("kept", "酱油", version=2), make_entry("forgotten", "酱油"))
        rebuild = index.begin_rebuild("model-b", 4)
        vector = direction(1, dimension=4)
        report = rebuild.write([make_entry("kept", "酱油", version=2, model_revision="model-b", full_vector=vector)])
        assert report.written == 1
        index.refresh()
        assert ids_by_words(index, "酱油") == ["forgotten", "kept"]
        assert rebuild.catch_up() == ()
        rebuild.activate()
        assert ids_by_words(index, "酱油") == ["kept"]
        assert ids_by_vector(index, vector) == ["kept"]
        assert list(index.entry_versions()) == [("kept", 2, "model-b")]

    def test_writes_and_removals_meanwhile_are_in_the_new_index(self, index: SearchIndex) -> None:
        load(index, make_entry("a", "一", version=1), make_entry("b", "一", version=1), make_entry("c", "一"))
        rebuild = index.begin_rebuild("model-a", DIMENSION)
        index.write([make_entry("a", "二", version=2, full_vector=direction(1))])
        index.remove([("b", 2)])
        index.write([make_entry("d", "二", version=1)])
        report = rebuild.write(
            [make_entry("a", "一", version=1), make_entry("b", "一", version=1), make_entry("c", "一", version=1)]
        )
        assert (report.written, report.superseded) == (1, 2)
        assert rebuild.catch_up() == ()
        rebuild.activate()
        index.refresh()
        assert sorted(index.entry_versions()) == [
            ("a", 2, "model-a"),
            ("c", 1, "model-a"),
            ("d", 1, "model-a"),
        ]
        assert ids_by_words(index, "二") == ["a", "d"]
        assert ids_by_vector(index, direction(1)) == ["a"]

    def test_writers_with_the_old_model_are_asked_for_again(self, index: SearchIndex) -> None:
        new, old = direction(0, 1, dimension=4), direction(1)
        load(index, make_entry("a", "一", full_vector=old), make_entry("b", "一", full_vector=old))
        rebuild = index.begin_rebuild("model-b", 4)
        rebuild.write([make_entry("a", "一", model_revision="model-b", full_vector=new)])
        index.write([make_entry("a", "一", full_vector=old)])
        index.write([make_entry("b", "二", version=2, full_vector=old)])
        index.refresh()
        assert ids_by_vector(index, old) == ["a", "b"]
        assert rebuild.catch_up() == ("b",)
        rebuild.write([make_entry("b", "二", version=2, model_revision="model-b", full_vector=new)])
        assert rebuild.catch_up() == ()
        rebuild.activate()
        assert ids_by_vector(index, new) == ["a", "b"]
        assert ids_by_words(index, "二") == ["b"]

    def test_a_removal_before_the_rebuild_still_holds_after_it(self, index: SearchIndex) -> None:
        index.remove([("a", 9)])
        rebuild = index.begin_rebuild("model-a", DIMENSION)
        rebuild.activate()
        assert index.write([make_entry("a", "酱油", version=8)]).superseded == 1

    def test_a_killed_rebuild_is_cleaned_up_by_the_next(self, index: SearchIndex) -> None:
        load(index, make_entry("a", "酱油"))
        killed = index.begin_rebuild("model-b", 4)
        killed.write([make_entry("a", "酱油", model_revision="model-b")])
        second = index.begin_rebuild("model-c", DIMENSION)
        with pytest.raises(IllegalMove) as raised:
            killed.write([make_entry("b", "酱油", model_revision="model-b")])
        assert raised.value.code == "index.rebuild_replaced"
        for late_step in (killed.activate, killed.catch_up):
            with pytest.raises(IllegalMove):
                late_step()
        killed.abort()
        second.write([make_entry("a", "酱油", model_revision="model-c", full_vector=direction(1))])
        second.activate()
        assert list(index.entry_versions()) == [("a", 1, "model-c")]
        with pytest.raises(IllegalMove):
            second.activate()

    def test_an_aborted_rebuild_leaves_no_trace(self, index: SearchIndex) -> None:
        load(index, make_entry("a", "酱油"))
        rebuild = index.begin_rebuild("model-b", 4)
        rebuild.abort()
        rebuild.abort()
        load(index, make_entry("b", "酱油", full_vector=direction(1)))
        assert ids_by_words(index, "酱油") == ["a", "b"]
        with pytest.raises(IllegalMove):
            rebuild.activate()

    def test_another_long_lived_process_notices_the_swap(self, index: SearchIndex, other_index: SearchIndex) -> None:
        load(index, make_entry("a", "一", full_vector=direction(1)))
        assert ids_by_words(other_index, "一") == ["a"]
        assert ids_by_vector(other_index, direction(1)) == ["a"]
        rebuild = index.begin_rebuild("model-a", DIMENSION)
        rebuild.write([make_entry("a", "二", full_vector=direction(0, 1))])
        rebuild.activate()
        assert ids_by_words(other_index, "一") == []
        assert ids_by_words(other_index, "二") == ["a"]
        other_index.write([make_entry("b", "二")])
        other_index.refresh()
        assert ids_by_words(index, "二") == ["a", "b"]

    def test_nothing_is_lost_while_writers_run(self, index: SearchIndex, other_index: SearchIndex) -> None:
        """Rebuilds under four writers that publish, edit and close; every search meanwhile answers."""
        database: dict[str, tuple[int, bool]] = {}
        guard, stop = threading.Lock(), threading.Event()
        faults: list[BaseException] = []

        def write_posts(writer: int, into: SearchIndex) -> None:
            generator = np.random.default_rng(writer)
            try:
                while not stop.is_set():
                    post_id = f"w{writer}-{int(generator.integers(25))}"
                    with guard:  # the database commits first, as the services do
                        version = database.get(post_id, (0, False))[0] + 1
                        live = bool(generator.random() < 0.8)
                        database[post_id] = (version, live)
                    if live:
                        vector = direction(1, version)
                        report = into.write(
                            [make_entry(post_id, f"词 版{version}", version=version, full_vector=vector)]
                        )
                    else:
                        report = into.remove([(post_id, version)])
                    assert report.failed == ()
                    stop.wait(0.005)
            except BaseException as error:  # a thread's failure has to reach the test
                faults.append(error)

        def search() -> None:
            try:
                while not stop.is_set():
                    assert ids_by_words(other_index, "固定") == ["fixed"]
                    stop.wait(0.01)
            except BaseException as error:
                faults.append(error)

        load(index, make_entry("fixed", "固定"))
        database["fixed"] = (1, True)
        threads = [
            threading.Thread(target=write_posts, args=(writer, index if writer % 2 else other_index))
            for writer in range(4)
        ]
        threads.append(threading.Thread(target=search))
        for thread in threads:
            thread.start()
        try:
            rebuilds = 0
            while rebuilds < 3 or len(database) < 50:
                rebuilds += 1
                rebuild = index.begin_rebuild("model-a", DIMENSION)
                with guard:
                    rows = dict(database)
                for post_id, (version, live) in rows.items():
                    if live:
                        words = "固定" if post_id == "fixed" else f"词 版{version}"
                        rebuild.write([make_entry(post_id, words, version=version, full_vector=direction(1, version))])
                index.refresh()
                assert rebuild.catch_up() == ()
                rebuild.activate()
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        assert faults == []
        index.refresh()
        expected = sorted((post_id, version, "model-a") for post_id, (version, live) in database.items() if live)
        assert sorted(index.entry_versions()) == expected
        assert sorted(other_index.entry_versions()) == expected
        assert len(expected) > 20


class TestTwoProcesses:
    def test_each_sees_what_the_other_writes(self, index: SearchIndex, other_index: SearchIndex) -> None:
        load(index, make_entry("a", "酱油", full_vector=direction(1)))
        assert ids_by_words(other_index, "酱油") == ["a"]
        assert ids_by_vector(other_index, direction(1)) == ["a"]
        load(other_index, make_entry("b", "酱油", full_vector=direction(1, 1)), make_entry("a", "机床", version=2))
        assert ids_by_words(index, "酱油") == ["b"]
        assert ids_by_vector(index, direction(1)) == ["b"]
        other_index.remove([("b", 2)])
        other_index.refresh()
        assert ids_by_words(index, "酱油") == []
        assert ids_by_vector(index, direction(1)) == []
        assert ids_by_words(index, "机床") == ["a"]


class TestStatus:
    def test_a_working_index_is_ready_and_counts(self, index: SearchIndex) -> None:
        load(index, make_entry("a", "酱油"), make_entry("b", "酱油"))
        index.remove([("b", 2)])
        index.refresh()
        status = index.status()
        assert (status.ready, status.entries, status.remedy) == (True, 1, "")
        assert status.engine in ("embedded", "elasticsearch")
        assert status.version

    def test_it_opens_again_after_close(self, index: SearchIndex) -> None:
        load(index, make_entry("a", "酱油"))
        index.close()
        assert ids_by_words(index, "酱油") == ["a"]


def test_random_readers_and_filters_agree_with_the_policy(index: SearchIndex, policy_cases: Any) -> None:
    """The engine itself, not only the translated filter, gives each reader what `may_see_post` allows."""
    load(index, *(make_entry(**case) for case in policy_cases.entries))
    queries = [
        WordQuery(words=("词",), filters=SearchFilters(side="capability"), audience=audience, now=NOW, limit=1000)
        for audience in policy_cases.audiences
    ]
    found = [sorted(hit.post_id for hit in hits) for hits in index.find_by_words(queries)]
    assert found == [policy_cases.visible_to(audience) for audience in policy_cases.audiences]
    nearest = index.find_by_vector(
        [
            VectorQuery(
                vector=direction(1),
                field="full_vector",
                filters=SearchFilters(side="capability"),
                audience=audience,
                now=NOW,
                limit=1000,
            )
            for audience in policy_cases.audiences
        ]
    )
    assert [sorted(hit.post_id for hit in hits) for hits in nearest] == found

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.errors import InvalidInput
from matching.text.words import (
    cut_words,
    index_words,
    is_domain_term,
    query_words,
    read_terms,
    use_extra_dictionary,
)

TITLE_CHARACTERS = st.one_of(
    st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF),
    st.characters(min_codepoint=0x3400, max_codepoint=0x4DBF),
    st.characters(min_codepoint=0x20000, max_codepoint=0x2CEAF),
    st.sampled_from("abcXYZ0189 -./%±≥℃μαé（）：，+#😀的技术研究"),
)
TITLES = st.text(TITLE_CHARACTERS, min_size=1, max_size=30).filter(lambda text: bool(text.strip()))


@pytest.fixture
def shipped_dictionary() -> Iterator[None]:
    yield
    use_extra_dictionary(None)


def texts_of(text: str) -> list[str]:
    return [word.text for word in cut_words(text)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("HDI 板", ["hdi板"]),
        ("5G通讯线路板", ["5g通讯线路板"]),
        ("AZ91D镁合金", ["az91d", "镁合金"]),
        ("PEEK-CF30齿轮", ["peek-cf30", "齿轮"]),
        ("≥1000h 盐雾", ["≥1000h", "盐雾"]),
        ("±5 %", ["±5%"]),
        ("25℃，100 g/L", ["25°c", "100g/l"]),
        ("0.1~0.5 mm", ["0.1~0.5mm"]),
        ("C++、C#、.NET", ["c++", "c#", ".net"]),
        ("微弧氧化与无铬钝化", ["微弧氧化", "与", "无铬钝化"]),
    ],
)
def test_words_of_technical_text(text: str, words: list[str]) -> None:
    assert texts_of(text) == words


def test_spans_are_those_of_the_text_as_written() -> None:
    written = "新的 ＨＤＩ　板，耐 ±5 % 波动"
    spans = [written[word.start : word.end] for word in cut_words(written)]
    assert spans == ["新", "的", "ＨＤＩ　板", "耐", "±5 %", "波动"]


def test_brand_is_found_by_its_first_part() -> None:
    assert {"珠江", "江桥"} <= set(query_words("珠江桥")) & set(index_words("珠江桥牌御品蚝油"))


def test_board_is_found_by_its_last_part_and_its_letters() -> None:
    words = set(index_words("5G通讯线路板"))
    assert {"5g", "线路板", "通讯"} <= words


@given(TITLES)
@settings(max_examples=300)
def test_every_title_is_found_by_its_own_text(title: str) -> None:
    assert query_words(title)
    assert set(query_words(title)) <= set(index_words(title))


@given(TITLES)
@settings(max_examples=200)
def test_index_words_have_only_letters_that_no_tokenizer_parts(title: str) -> None:
    for word in index_words(title):
        assert re.fullmatch("[0-9a-z\u3400-\u4db5\u4e00-\u9fcc]+", word), word


@given(st.lists(TITLES, min_size=1, max_size=5))
@settings(max_examples=60, deadline=None)
def test_full_text_index_keeps_the_words_apart_as_they_were(titles: list[str]) -> None:
    with sqlite3.connect(":memory:") as database:
        database.execute("CREATE VIRTUAL TABLE posts USING fts5(words, tokenize='unicode61')")
        database.execute("CREATE VIRTUAL TABLE seen USING fts5vocab(posts, 'row')")
        for title in titles:
            database.execute("INSERT INTO posts VALUES (?)", (" ".join(index_words(title)),))
        stored = {term for (term,) in database.execute("SELECT term FROM seen")}
        for number, title in enumerate(titles, start=1):
            query = " OR ".join(f'"{word}"' for word in query_words(title))
            found = {row for (row,) in database.execute("SELECT rowid FROM posts WHERE posts MATCH ?", (query,))}
            assert number in found
    assert stored == {word for title in titles for word in index_words(title)}


@given(st.text())
@settings(max_examples=200)
def test_any_text_can_be_cut(text: str) -> None:
    for word in cut_words(text):
        assert 0 <= word.start < word.end <= len(text)


@pytest.mark.usefixtures("shipped_dictionary")
def test_extra_dictionary_keeps_its_terms_whole(tmp_path: Path) -> None:
    assert texts_of("鹤城X7型粉葛破壁机") != ["鹤城x7型粉葛破壁机"]
    path = tmp_path / "terms.txt"
    path.write_text("# ours\n鹤城 X7 型粉葛破壁机\n", encoding="utf-8")
    use_extra_dictionary(path)
    assert texts_of("鹤城X7型粉葛破壁机") == ["鹤城x7型粉葛破壁机"]
    assert is_domain_term("鹤城x7型粉葛破壁机")


def test_dictionary_with_a_bad_line_names_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "terms.txt"
    path.write_text("好词\n" + "长" * 41 + "\n", encoding="utf-8")
    with pytest.raises(InvalidInput) as caught:
        read_terms(path)
    assert caught.value.where == f"{path}:2"


def test_dictionary_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "terms.txt"
    path.write_bytes("电镀".encode("gb18030"))
    with pytest.raises(InvalidInput):
        use_extra_dictionary(path)

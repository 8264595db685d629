"""Works from BibTeX, ORCID and OpenAlex: read alike, each once, and one broken entry costs no other."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.errors import InvalidInput
from matching.importing.works import WorksReading, normalise_doi, read_works_content

NOW = datetime(2026, 11, 25, tzinfo=UTC)

BIBTEX = r"""
% 个人成果
@string{jmp = "Journal of Materials Processing"}
@article{wear, title = {Wear of {AZ91D} alloys {\"u}ber $\alpha$ phases \& more},
  author = {M{\"u}ller, J. and 张, 三}, journal = jmp, year = 2021, doi = {https://doi.org/10.1000/ABC.1},
  keywords = {wear, magnesium}}
@article{broken, title = {Never closed, year = 2020}
@patent{warp, title = {一种线路板翘曲控制方法}, number = {CN1234567A}, year = {2022}, author = {李四}}
@misc{nameless, year = {2019}}
@inproceedings{future, title = {Warpage prediction for HDI boards by surrogate models}, year = {2199}, doi = {nonsense}}
@comment{not a work}
"""

ORCID: dict[str, Any] = {
    "activities-summary": {
        "works": {
            "group": [
                {
                    "work-summary": [
                        {
                            "put-code": 1,
                            "title": {"title": {"value": "Wear of AZ91D alloys über α phases & more"}},
                            "type": "journal-article",
                            "publication-date": {"year": {"value": "2021"}},
                            "journal-title": {"value": "Journal of Materials Processing"},
                            "external-ids": {
                                "external-id": [
                                    {
                                        "external-id-type": "doi",
                                        "external-id-value": "10.1000/abc.1",
                                        "external-id-relationship": "self",
                                    }
                                ]
                            },
                        },
                        {"put-code": 2, "title": {"title": {"value": "WEAR of AZ91D alloys über α-phases & more"}}},
                    ]
                },
                {"work-summary": [{"put-code": 3, "title": {"title": {"value": "Cutting fluids"}}, "type": "patent"}]},
                {"work-summary": [{"put-code": 4, "title": None}]},
            ]
        }
    }
}

OPENALEX: dict[str, Any] = {
    "results": [
        {
            "id": "https://openalex.org/W1",
            "title": "Wear of <i>AZ91D</i> alloys über α phases &amp; more",
            "doi": "https://doi.org/10.1000/abc.1",
            "publication_year": 2021,
            "type": "article",
            "authorships": [{"author": {"display_name": "J. Müller"}}],
            "abstract_inverted_index": {"Wear": [0], "falls": [1], "with": [2], "load": [3]},
            "primary_location": {"source": {"display_name": "J. Mater. Process."}},
            "keywords": [{"display_name": "Wear"}],
        },
        {"id": "https://openalex.org/W2", "title": None},
        {"id": "https://openalex.org/W3", "title": "Odd one", "authorships": 7},
    ]
}


def read(content: object, name: str = "works.json") -> WorksReading:
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    return read_works_content(text.encode(), name, NOW)


def test_bibtex_with_broken_entries() -> None:
    reading = read(BIBTEX, "works.bib")
    assert reading.format == "bibtex"
    wear, warp, future = reading.works
    assert wear.title == "Wear of AZ91D alloys über α phases & more"
    assert (wear.doi, wear.year, wear.venue) == ("10.1000/abc.1", 2021, "Journal of Materials Processing")
    assert wear.authors == ("Müller, J.", "张, 三")
    assert wear.keywords == ("wear", "magnesium")
    assert (warp.kind, warp.title, warp.year, warp.language) == ("patent", "一种线路板翘曲控制方法", 2022, "zh")
    assert (future.kind, future.year, future.doi) == ("paper", None, None)
    assert [(finding.code, finding.place.row) for finding in reading.findings] == [
        ("work.bibtex", 7),
        ("work.title_missing", 9),
        ("work.doi", 10),
        ("work.year", 10),
    ]


def test_orcid_groups_are_one_work_each() -> None:
    reading = read(ORCID)
    assert reading.format == "orcid"
    assert [(work.title, work.kind, work.doi, work.year) for work in reading.works] == [
        ("Wear of AZ91D alloys über α phases & more", "paper", "10.1000/abc.1", 2021),
        ("Cutting fluids", "patent", None, None),
    ]
    assert reading.repeated == 1
    assert [finding.code for finding in reading.findings] == ["work.title_missing"]


def test_openalex_with_abstracts_and_markup() -> None:
    reading = read(OPENALEX)
    assert reading.format == "openalex"
    [wear] = reading.works
    assert wear.title == "Wear of AZ91D alloys über α phases & more"
    assert (wear.abstract, wear.venue, wear.authors) == ("Wear falls with load", "J. Mater. Process.", ("J. Müller",))
    assert [finding.code for finding in reading.findings] == ["work.title_missing", "work.shape"]


def test_lines_of_json() -> None:
    lines = "\n".join(json.dumps(work) for work in OPENALEX["results"][:2])
    assert [work.doi for work in read(lines, "works.jsonl").works] == ["10.1000/abc.1"]


def test_the_three_formats_tell_of_the_same_work() -> None:
    titles = {read(content).works[0].title_letters for content in (BIBTEX, ORCID, OPENALEX)}
    assert len(titles) == 1


def test_headings_and_distant_years_are_not_one_work() -> None:
    short = "\n".join(f"@article{{a{year}, title={{Editorial}}, year={year}}}" for year in (2020, 2021))
    assert len(read(short, "a.bib").works) == 2
    far = "\n".join(
        f"@article{{a{year}, title={{Annual survey of casting defects}}, year={year}}}" for year in (2010, 2020, 2021)
    )
    assert [work.year for work in read(far, "a.bib").works] == [2010, 2021]


@pytest.mark.parametrize("content", ["", "hello", "{", "[]", "{}", "[1]", '{"a": {"b": []}}', "[" * 5000])
def test_what_is_no_list_of_works_is_refused(content: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(content)
    assert refused.value.where is not None
    assert "works.json" in refused.value.where


@pytest.mark.parametrize(
    ("text", "doi"),
    [
        ("10.1000/ABC", "10.1000/abc"),
        ("https://dx.doi.org/10.1000/abc.", "10.1000/abc"),
        ("doi: 10.1000/abc", "10.1000/abc"),
        ("10.1/abc", None),
        ("CN1234567A", None),
        ("10.1000/a b", None),
    ],
)
def test_dois(text: str, doi: str | None) -> None:
    assert normalise_doi(text) == doi


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused_with_its_file(text: str) -> None:
    for opening in ("", "@article{", "{", "["):
        try:
            reading = read_works_content((opening + text).encode("utf-8", "replace"), "any.txt", NOW)
        except InvalidInput as refused:
            told = "any.txt" in (refused.where or "")
        else:
            told = bool(reading.works or reading.findings)
        assert told


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["title", "doi", "results", "group", "work-summary", "authorships", "put-code", "value", "id"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(_JSON)
def test_any_json_is_read_or_refused(value: object) -> None:
    try:
        reading = read(value)
    except InvalidInput as refused:
        told = "works.json" in (refused.where or "")
    else:
        told = bool(reading.works or reading.findings)
    assert told

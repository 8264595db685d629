"""Works of an expert from BibTeX, ORCID and OpenAlex: each entry is taken, with or without a finding, or left out.

    reading = read_works(Path("publications.bib"))
    reading.works        # WorkRecord, one for each work of the file, however often the file has it
    reading.findings     # what was left out or not understood, and where

BibTeX is read by pybtex, entry by entry, so that one broken entry costs no other. JSON may be what the two services
answer with (one work, a list, or their usual envelopes), or one work a line.
"""

from __future__ import annotations

import codecs
import html
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from matching.importing.places import Finding, Place, refuse
from matching.text.fingerprints import bare_letters
from matching.text.normalise import is_han

MOST_BYTES = 30_000_000
MOST_WORKS = 5_000
TITLE_LENGTH = 500
ABSTRACT_LENGTH = 10_000
_EARLIEST = 1800

_KINDS = {
    name: kind
    for kind, names in {
        "paper": "article inproceedings conference incollection journal-article conference-paper proceedings-article "
        "preprint review letter editorial unpublished working-paper conference-abstract",
        "patent": "patent invention",
        "book": "book inbook book-chapter edited-book monograph proceedings",
        "thesis": "phdthesis mastersthesis thesis dissertation dissertation-thesis",
        "software": "software",
        "achievement": "techreport report standards-and-policy",
    }.items()
    for name in names.split()
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkRecord:
    """A work as a file tells of it. `doi` in lower case without a resolver's address."""

    kind: str
    title: str
    place: Place
    doi: str | None = None
    year: int | None = None
    venue: str | None = None
    abstract: str = ""
    authors: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    url: str | None = None

    @property
    def title_letters(self) -> str:
        """Letters and digits of the title in normal form: equal for spellings of one title."""
        return bare_letters(self.title)

    @property
    def language(self) -> str:
        """zh where the title has Han characters, else en."""
        return "zh" if any(is_han(character) for character in self.title) else "en"


@dataclass(slots=True)
class WorksReading:
    """Works of a file, each once, and what is to be told about the file."""

    format: str
    works: list[WorkRecord] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    repeated: int = 0
    """Entries that told of a work the file had told of before."""


def read_works(path: Path, now: datetime) -> WorksReading:
    """Read a .bib or .json file. Raises InvalidInput naming the file where nothing of it can be read.

    Years after next year are taken for mistakes, which is what `now` is for.
    """
    place = Place(file=path.name)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise refuse(
            "import.unreadable", "文件无法打开", f"the file cannot be opened ({error.strerror})", place
        ) from error
    return read_works_content(content, path.name, now)


def read_works_content(content: bytes, name: str, now: datetime) -> WorksReading:
    """As `read_works`, for a file that was uploaded."""
    place = Place(file=name)
    if len(content) > MOST_BYTES:
        megabytes = MOST_BYTES // 1_000_000
        raise refuse("import.too_large", f"文件超过 {megabytes} MB", f"the file exceeds {megabytes} MB", place)
    text = _decode(content, place)
    opening = text.lstrip()[:1]
    if opening in ("{", "["):
        reading, entries = _read_json(text, place)
    elif re.search(r"^\s*@\s*\w+\s*[{(]", text, re.MULTILINE):
        reading = WorksReading("bibtex")
        entries = _read_bibtex(text, place, reading)
    else:
        raise refuse(
            "import.works_format",
            "不是 BibTeX，也不是 ORCID 或 OpenAlex 的 JSON",
            "this is neither BibTeX nor JSON of ORCID or OpenAlex",
            place,
        )
    _collect(entries, reading, now)
    if not reading.works and not reading.findings:
        raise refuse("import.no_works", "文件里没有成果", "the file has no works", place)
    return reading


def normalise_doi(text: str) -> str | None:
    """The DOI in lower case without a resolver's address; None for anything that is none."""
    bare = re.sub(r"^(https?://(dx\.)?doi\.org/|doi:\s*)", "", text.strip(), flags=re.IGNORECASE).lower()
    bare = bare.rstrip(" .,;")
    return bare if re.fullmatch(r"10\.\d{4,9}/[^\s\x00-\x1f]{1,180}", bare) else None


def _decode(content: bytes, place: Place) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise refuse("import.encoding", "文字编码无法识别，请存为 UTF-8", "unknown encoding; please save as UTF-8", place)


def _collect(entries: Iterator[WorkRecord], reading: WorksReading, now: datetime) -> None:
    """Each work once; years that cannot be are dropped with a finding."""
    by_doi: dict[str, int] = {}
    by_title: dict[str, list[int]] = {}
    for entry in entries:
        record = entry
        if record.year is not None and not _EARLIEST <= record.year <= now.year + 1:
            reading.findings.append(
                _finding(
                    "work.year",
                    f"年份 {record.year} 不可信，未采用",
                    f"the year {record.year} is not used",
                    record.place,
                )
            )
            record = replace(record, year=None)
        known = by_doi.get(record.doi or "")
        if known is None:
            places = by_title.get(record.title_letters, [])
            known = next((place for place in places if may_be_same(record, reading.works[place])), None)
        if known is not None:
            reading.works[known] = merge_records(reading.works[known], record)
            reading.repeated += 1
        elif len(reading.works) >= MOST_WORKS:
            raise refuse(
                "import.too_many_works",
                f"一个文件最多 {MOST_WORKS} 项成果",
                f"a file has at most {MOST_WORKS} works",
                record.place,
            )
        else:
            known = len(reading.works)
            reading.works.append(record)
            by_title.setdefault(record.title_letters, []).append(known)
        merged = reading.works[known]
        if merged.doi:
            by_doi[merged.doi] = known


def may_be_same(first: WorkRecord, second: WorkRecord) -> bool:
    """Whether two records with the same title can be one work: years at most two apart (a preprint and its paper), and
    a title that is not a mere heading (序言, Editorial)."""
    if first.doi and first.doi == second.doi:
        return True
    han = any(is_han(character) for character in first.title_letters)
    if len(first.title_letters) < (6 if han else 15):
        return False
    return first.year is None or second.year is None or abs(first.year - second.year) <= 2


def merge_records(first: WorkRecord, second: WorkRecord) -> WorkRecord:
    """What both say, the first where they differ; the later year, since a preprint comes before its paper."""
    years = [year for year in (first.year, second.year) if year is not None]
    return replace(
        first,
        doi=first.doi or second.doi,
        year=max(years, default=None),
        venue=first.venue or second.venue,
        abstract=max(first.abstract, second.abstract, key=len),
        authors=first.authors or second.authors,
        keywords=first.keywords or second.keywords,
        url=first.url or second.url,
    )


def _finding(code: str, zh: str, en: str, place: Place) -> Finding:
    return Finding(code=code, zh=zh, en=en, place=place)


def _plain(text: str) -> str:
    """One line without markup: tags, entities and control characters out, blanks squeezed."""
    bare = re.sub(r"</?[A-Za-z][^<>]{0,80}>", "", text)
    bare = html.unescape(bare)
    return " ".join("".join(" " if ord(character) < 32 else character for character in bare).split())


def _year(text: str) -> int | None:
    found = re.search(r"(?<!\d)(\d{4})(?!\d)", text)
    return int(found[1]) if found else None


def _make(
    place: Place,
    reading: WorksReading,
    *,
    title: str,
    kind: str,
    doi: str = "",
    year: int | None = None,
    venue: str = "",
    abstract: str = "",
    authors: Sequence[str] = (),
    keywords: Sequence[str] = (),
    url: str = "",
) -> WorkRecord | None:
    plain = _plain(title)[:TITLE_LENGTH]
    if not bare_letters(plain):
        reading.findings.append(
            _finding("work.title_missing", "没有题名，未导入", "it has no title and is left out", place)
        )
        return None
    if doi and normalise_doi(doi) is None:
        reading.findings.append(
            _finding("work.doi", f"DOI “{doi[:60]}” 无效，未采用", f"“{doi[:60]}” is no DOI", place)
        )
    address = url.strip()
    return WorkRecord(
        kind=_KINDS.get(kind.strip().lower().replace("_", "-"), "other"),
        title=plain,
        place=place,
        doi=normalise_doi(doi) if doi else None,
        year=year,
        venue=_plain(venue)[:300] or None,
        abstract=_plain(abstract)[:ABSTRACT_LENGTH],
        authors=tuple(dict.fromkeys(name for name in (_plain(author)[:120] for author in authors) if name))[:200],
        keywords=tuple(dict.fromkeys(word for word in (_plain(word)[:60] for word in keywords) if word))[:20],
        url=address[:500] if re.match(r"https?://", address, re.IGNORECASE) else None,
    )


# BibTeX


_VENUES = ("journal", "journaltitle", "booktitle", "school", "institution", "publisher")
_ENTRY = re.compile(r"^[ \t]*@\s*(\w+)\s*[{(]", re.MULTILINE)


def _read_bibtex(text: str, place: Place, reading: WorksReading) -> Iterator[WorkRecord]:
    import latexcodec  # noqa: F401 - registers the codec
    from pybtex.database.input.bibtex import Parser
    from pybtex.errors import capture
    from pybtex.exceptions import PybtexError

    starts = list(_ENTRY.finditer(text))
    strings = ""
    line, counted_to = 1, 0
    for number, start in enumerate(starts):
        end = starts[number + 1].start() if number + 1 < len(starts) else len(text)
        chunk = text[start.start() : end]
        line, counted_to = line + text.count("\n", counted_to, start.start()), start.start()
        at = place.at(row=line)
        kind = start[1].lower()
        if kind in ("comment", "preamble"):
            continue
        if kind == "string":
            strings += chunk + "\n"
            continue
        try:
            with capture() as errors:
                entries = Parser().parse_string(strings + chunk).entries
        except PybtexError as error:
            errors, entries = [error], {}
        if errors or len(entries) != 1:
            detail = str(errors[0]) if errors else "no entry"
            detail = re.sub(r"(?<!\s)\s*+in line \d+", "", detail)
            reading.findings.append(
                _finding(
                    "work.bibtex", f"这一条 BibTeX 有语法错误，未导入（{detail}）", f"broken BibTeX ({detail})", at
                )
            )
            continue
        [(_, entry)] = entries.items()
        fields = {name.lower(): _from_latex(value) for name, value in entry.fields.items()}
        record = _make(
            at,
            reading,
            title=fields.get("title", ""),
            kind="patent" if fields.get("type", "").lower() == "patent" else entry.type,
            doi=fields.get("doi", ""),
            year=_year(fields.get("year", "") or fields.get("date", "")),
            venue=fields.get("journal")
            or fields.get("journaltitle")
            or fields.get("booktitle")
            or fields.get("school")
            or "",
            abstract=fields.get("abstract", ""),
            authors=[_from_latex(str(person)) for person in entry.persons.get("author", [])],
            keywords=re.split(r"(?<!\s)\s*+[,;；，]\s*", fields.get("keywords", "")),
            url=fields.get("url", ""),
        )
        if record is not None:
            yield record


_MARKUP = re.compile(r"[{}]|(?<!\\)\$|\\(?:textbf|textit|emph|textsubscript|textsuperscript|mathrm)\b")


def _from_latex(text: str) -> str:
    try:
        decoded = str(codecs.lookup("ulatex").decode(cast(Any, text))[0])
    except ValueError:
        decoded = text
    return _MARKUP.sub("", decoded)


# JSON


def _read_json(text: str, place: Place) -> tuple[WorksReading, Iterator[WorkRecord]]:
    values = _json_values(text, place)
    works = [found for place_of, value in values for found in _works_within(value, place_of, 0)]
    if not works:
        raise refuse("import.no_works", "文件里没有成果", "the file has no works", place)
    orcid = sum("title" in work and isinstance(work.get("title"), Mapping) for _, work in works)
    reading = WorksReading("orcid" if orcid * 2 > len(works) else "openalex")
    return reading, _json_records(works, reading)


def _json_values(text: str, place: Place) -> list[tuple[Place, Any]]:
    try:
        return [(place, json.loads(text))]
    except RecursionError as error:
        raise refuse("import.bad_json", "JSON 嵌套过深", "the JSON is nested too deeply", place) from error
    except ValueError as whole:
        values = []
        for number, line in enumerate(text.splitlines(), start=1):
            if line.strip():
                try:
                    values.append((place.at(row=number), json.loads(line)))
                except (ValueError, RecursionError) as error:
                    at = place.at(row=getattr(whole, "lineno", number) if number == 1 else number)
                    raise refuse("import.bad_json", "不是有效的 JSON", "this is not valid JSON", at) from error
        return values


_ENVELOPES = ("activities-summary", "works", "group", "bulk", "results", "work-summary", "work")


def _works_within(value: Any, place: Place, depth: int) -> Iterator[tuple[Place, Mapping[str, Any]]]:
    """The works in what a service answered with, in order; of a group of ORCID the summaries follow each other."""
    if depth > 6:
        return
    if isinstance(value, list):
        for number, item in enumerate(value, start=1):
            yield from _works_within(item, place if place.row else place.at(row=number), depth + 1)
    elif isinstance(value, Mapping):
        if value.get("title") or value.get("display_name"):
            yield place, value
            return
        inner = [value[name] for name in _ENVELOPES if isinstance(value.get(name), list | Mapping)]
        for item in inner:
            yield from _works_within(item, place, depth + 1)
        if not inner and ("put-code" in value or str(value.get("id", "")).startswith("https://openalex.org/W")):
            yield place, value  # a work without a title: to be told of


def _json_records(works: Sequence[tuple[Place, Mapping[str, Any]]], reading: WorksReading) -> Iterator[WorkRecord]:
    for place, work in works:
        try:
            record = _orcid_record(place, work, reading) if _is_orcid(work) else _openalex_record(place, work, reading)
        except (TypeError, ValueError, AttributeError, KeyError) as error:
            reading.findings.append(
                _finding("work.shape", f"这一项的结构不符，未导入（{error}）", f"unexpected structure ({error})", place)
            )
            continue
        if record is not None:
            yield record


def _is_orcid(work: Mapping[str, Any]) -> bool:
    return isinstance(work.get("title"), Mapping) or "put-code" in work


def _value(node: Any, *path: str) -> str:
    for name in path:
        if not isinstance(node, Mapping):
            return ""
        node = node.get(name)
    return str(node) if isinstance(node, str | int | float) else ""


def _orcid_record(place: Place, work: Mapping[str, Any], reading: WorksReading) -> WorkRecord | None:
    title = _value(work, "title", "title", "value")
    subtitle = _value(work, "title", "subtitle", "value")
    identifiers = (work.get("external-ids") or {}).get("external-id") or []
    dois = [
        _value(identifier, "external-id-value")
        for identifier in identifiers
        if _value(identifier, "external-id-type").lower() == "doi"
        and _value(identifier, "external-id-relationship").lower() in ("self", "")
    ]
    contributors = (work.get("contributors") or {}).get("contributor") or []
    return _make(
        place,
        reading,
        title=f"{title}: {subtitle}" if subtitle and subtitle.lower() not in title.lower() else title,
        kind=_value(work, "type"),
        doi=next(iter(dois), ""),
        year=_year(_value(work, "publication-date", "year", "value")),
        venue=_value(work, "journal-title", "value"),
        abstract=_value(work, "short-description"),
        authors=[_value(contributor, "credit-name", "value") for contributor in contributors],
        url=_value(work, "url", "value"),
    )


def _openalex_record(place: Place, work: Mapping[str, Any], reading: WorksReading) -> WorkRecord | None:
    location = work.get("primary_location") or {}
    words = [*(work.get("keywords") or []), *(work.get("concepts") or [])][:10]
    return _make(
        place,
        reading,
        title=_value(work, "title") or _value(work, "display_name"),
        kind=_value(work, "type_crossref") or _value(work, "type"),
        doi=_value(work, "doi"),
        year=_year(_value(work, "publication_year") or _value(work, "publication_date")),
        venue=_value(location, "source", "display_name") or _value(work, "host_venue", "display_name"),
        abstract=_from_inverted(work.get("abstract_inverted_index")) or _value(work, "abstract"),
        authors=[
            _value(authorship, "author", "display_name") or _value(authorship, "raw_author_name")
            for authorship in work.get("authorships") or []
        ],
        keywords=[_value(word, "display_name") if isinstance(word, Mapping) else str(word) for word in words],
        url=_value(location, "landing_page_url"),
    )


def _from_inverted(index: Any) -> str:
    """The abstract that an inverted index (word → places) was made from."""
    if not isinstance(index, Mapping):
        return ""
    places = [(int(place), str(word)) for word, found in index.items() for place in (found or [])]
    return " ".join(word for _, word in sorted(places)[:3000])

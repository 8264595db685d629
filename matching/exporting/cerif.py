"""CERIF XML by the profile of the OpenAIRE Guidelines for CRIS Managers 1.1.

Organisations are `OrgUnit`, experts `Person`, papers, books and theses `Publication`, patents (offered or listed as
works) `Patent`, achievements and software `Product`, instruments that are offered `Equipment`. Expertise and services
have no entity in the profile and are left out. The order of the elements is the profile's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from lxml import etree

from matching.exporting.xml_text import xml_text
from matching.models import Capability, Expert, Organisation, Work
from matching.queries.open_data import OpenCapability, OpenItem, OpenPerson, OpenWork

PROFILE = "https://www.openaire.eu/cerif-profile/1.1/"
PROFILE_SCHEMA = "https://www.openaire.eu/schema/cris/1.1/openaire-cerif-profile.xsd"
XML = "{http://www.w3.org/XML/1998/namespace}"
_VOCABULARY = "https://www.openaire.eu/cerif-profile/vocab/"
_RESOURCE_TYPE = "http://purl.org/coar/resource_type/"
_USCC_SCHEME = "urn:oid:1.2.156.2.32100"
_KIND_SCHEME = "https://w3id.org/cerif/vocab/OrganisationTypes"
_KIND_TERMS = {
    "enterprise": "Company",
    "university": "HigherEducation",
    "institute": "ResearchInstitute",
    "intermediary": "Intermediary",
    "financier": "Funder",
    "government": "Government",
}
_TYPES = {"paper": "c_6501", "book": "c_2f33", "thesis": "c_46ec", "other": "c_18cf", "software": "c_5ce6"}
_OTHER_PRODUCT = "c_1843"
_PATENT = "c_15cd"
# Two characters each.
_LONG_SURNAMES = (
    "欧阳司马上官诸葛夏侯东方皇甫尉迟公孙慕容令狐司徒司空长孙宇文鲜于端木南宫澹台公冶宗政濮阳淳于单于太叔申屠轩辕钟离闾丘司寇赫连"
    "万俟闻人独孤"
)
_TWO_CHARACTER_SURNAMES = frozenset(_LONG_SURNAMES[at : at + 2] for at in range(0, len(_LONG_SURNAMES), 2))

Element = Any
"""lxml has no types of its own."""


def cerif_document(items: Iterable[OpenItem], public_url: str) -> Iterator[bytes]:
    """One document with a `CERIF` root, a piece at a time."""
    yield f'<?xml version="1.0" encoding="UTF-8"?>\n<CERIF xmlns="{PROFILE}">\n'.encode()
    for item in items:
        yield etree.tostring(cerif_entity(item, public_url), encoding="utf-8") + b"\n"
    yield b"</CERIF>\n"


def cerif_entity(item: OpenItem, public_url: str) -> Element:
    """The item as an element of the profile, with what it is linked to by id and name."""
    match item:
        case Organisation():
            return _organisation(item)
        case OpenPerson():
            return _person(item)
        case OpenWork():
            return _work(item)
        case OpenCapability():
            return _capability(item, public_url)


def split_name(name: str) -> tuple[str, str]:
    """(family, given). Chinese names by their usual surnames, others by the last word."""
    name = " ".join(name.split())
    if " " in name:
        given, _, family = name.rpartition(" ")
        return family, given
    if 2 <= len(name) <= 4 and all("一" <= character <= "鿿" for character in name):
        length = 2 if len(name) > 2 and name[:2] in _TWO_CHARACTER_SURNAMES else 1
        return name[:length], name[length:]
    return name, ""


def _element(name: str, **attributes: str) -> Element:
    return etree.Element(f"{{{PROFILE}}}{name}", attributes, nsmap={None: PROFILE})


def _add(parent: Element, name: str, text: str | None = None, *, lang: str | None = None, **attributes: str) -> Element:
    child = etree.SubElement(parent, f"{{{PROFILE}}}{name}", attributes)
    if lang is not None:
        child.set(f"{XML}lang", lang)
    if text is not None:
        child.text = xml_text(text)
    return child


def _add_type(parent: Element, vocabulary: str, code: str) -> None:
    namespace = f"{_VOCABULARY}{vocabulary}"
    child = etree.SubElement(parent, f"{{{namespace}}}Type", nsmap={None: namespace})
    child.text = f"{_RESOURCE_TYPE}{code}"


def _organisation(organisation: Organisation) -> Element:
    unit = _element("OrgUnit", id=organisation.id)
    _add(unit, "Type", f"{_KIND_SCHEME}#{_KIND_TERMS[organisation.kind]}", scheme=_KIND_SCHEME)
    _add(unit, "Name", organisation.name, lang=organisation.language)
    if organisation.name_en:
        _add(unit, "Name", organisation.name_en, lang="en")
    if organisation.uscc:
        _add(unit, "Identifier", organisation.uscc, type=_USCC_SCHEME)
    if organisation.website and organisation.website.startswith(("http://", "https://")):
        _add(unit, "ElectronicAddress", organisation.website)
    return unit


def _named_unit(parent: Element, organisation: Organisation) -> None:
    unit = _add(parent, "OrgUnit", id=organisation.id)
    _add(unit, "Name", organisation.name, lang=organisation.language)


def _add_name(person: Element, expert: Expert) -> None:
    family, given = split_name(expert.name)
    name = _add(person, "PersonName")
    _add(name, "FamilyNames", family)
    if given:
        _add(name, "FirstNames", given)
    if expert.shown("name_en"):
        _add(name, "OtherNames", expert.shown("name_en"))


def _person(one: OpenPerson) -> Element:
    person = _element("Person", id=one.expert.id)
    _add_name(person, one.expert)
    orcid = orcid_of(one.expert)
    if orcid:
        _add(person, "ORCID", f"https://orcid.org/{orcid}")
    for organisation in one.organisations:
        _named_unit(_add(person, "Affiliation"), organisation)
    return person


def orcid_of(expert: Expert) -> str:
    """The bare ORCID of an entry, empty where it has none."""
    noted = str(expert.extra.get("fields", {}).get("orcid") or "")
    return noted.rstrip("/").rpartition("/")[2].upper()


def _add_people(
    parent: Element, container: str, name: str, listed: Iterable[str], experts: Iterable[Expert], owner: Any = None
) -> None:
    """The people in the order they are listed; those who have an entry here with its id, and the owner at the end."""
    known = {expert.name: expert for expert in experts}
    rows: list[tuple[str, Expert | None]] = [(shown, known.pop(shown, None)) for shown in listed if shown.strip()]
    rows += list(known.items())
    if not rows and owner is None:
        return
    holder = _add(parent, container)
    for shown, expert in rows:
        link = _add(holder, name)
        _add(link, "DisplayName", shown)
        person = _add(link, "Person", **({"id": expert.id} if expert is not None else {}))
        if expert is not None:
            _add_name(person, expert)
    if owner is not None:
        link = _add(holder, name)
        _add(link, "DisplayName", owner.name)
        _named_unit(link, owner)


def _work(one: OpenWork) -> Element:
    work = one.work
    if work.kind == "patent":
        return _patent_work(one)
    if work.kind in ("software", "achievement"):
        return _product_work(one)
    publication = _element("Publication", id=f"work:{work.id}")
    _add_type(publication, "COAR_Publication_Types", _TYPES[work.kind])
    _add(publication, "Language", work.language)
    _add(publication, "Title", work.title, lang=work.language)
    if work.venue:
        channel = _add(_add(publication, "PublishedIn"), "Publication")
        _add_type(channel, "COAR_Publication_Types", "c_0640" if work.kind == "paper" else "c_18cf")
        _add(channel, "Title", work.venue, lang=work.language)
    if work.year:
        _add(publication, "PublicationDate", f"{work.year:04d}")
    _add_addresses(publication, work)
    _add_people(publication, "Authors", "Author", one.authors, one.experts)
    _add_keywords(publication, work.keywords, work.language)
    if work.abstract:
        _add(publication, "Abstract", work.abstract, lang=work.language)
    return publication


def _add_addresses(parent: Element, work: Work) -> None:
    if work.doi:
        _add(parent, "DOI", work.doi)
    if work.url and work.url.startswith(("http://", "https://")):
        _add(parent, "URL", work.url)


def _add_keywords(parent: Element, keywords: Iterable[str], language: str) -> None:
    for word in keywords:
        _add(parent, "Keyword", word, lang=language)


def _patent_work(one: OpenWork) -> Element:
    patent = _element("Patent", id=f"work:{one.work.id}")
    _add_type(patent, "COAR_Patent_Types", _PATENT)
    _add(patent, "Title", one.work.title, lang=one.work.language)
    _add_people(patent, "Inventors", "Inventor", one.authors, one.experts)
    if one.work.abstract:
        _add(patent, "Abstract", one.work.abstract, lang=one.work.language)
    _add_keywords(patent, one.work.keywords, one.work.language)
    return patent


def _product_work(one: OpenWork) -> Element:
    work = one.work
    product = _element("Product", id=f"work:{work.id}")
    _add_type(product, "COAR_Product_Types", _TYPES.get(work.kind, _OTHER_PRODUCT))
    _add(product, "Language", work.language)
    _add(product, "Name", work.title, lang=work.language)
    _add_addresses(product, work)
    _add_people(product, "Creators", "Creator", one.authors, one.experts)
    if work.abstract:
        _add(product, "Description", work.abstract, lang=work.language)
    _add_keywords(product, work.keywords, work.language)
    return product


def _capability(one: OpenCapability, public_url: str) -> Element:
    capability = one.capability
    match capability.kind:
        case "patent":
            return _offered_patent(one)
        case "facility":
            return _equipment(capability)
        case _:
            return _offered_product(one, public_url)


def _offered_patent(one: OpenCapability) -> Element:
    capability = one.capability
    patent = _element("Patent", id=f"capability:{capability.id}")
    _add_type(patent, "COAR_Patent_Types", _PATENT)
    _add(patent, "Title", capability.title, lang=capability.language)
    if capability.ip_number:
        _add(patent, "PatentNumber", capability.ip_number)
    _add_people(patent, "Inventors", "Inventor", (), one.experts)
    holder = _add(_add(patent, "Holders"), "Holder")
    _named_unit(holder, capability.organisation)
    if capability.prose():
        _add(patent, "Abstract", capability.prose(), lang=capability.language)
    _add_keywords(patent, capability.keywords, capability.language)
    return patent


def _offered_product(one: OpenCapability, public_url: str) -> Element:
    capability = one.capability
    product = _element("Product", id=f"capability:{capability.id}")
    _add_type(product, "COAR_Product_Types", _OTHER_PRODUCT)
    _add(product, "Language", capability.language)
    _add(product, "Name", capability.title, lang=capability.language)
    _add(product, "URL", f"{public_url}/posts/{capability.id}")
    _add_people(product, "Creators", "Creator", (), one.experts, owner=capability.organisation)
    if capability.prose():
        _add(product, "Description", capability.prose(), lang=capability.language)
    _add_keywords(product, capability.keywords, capability.language)
    return product


def _equipment(capability: Capability) -> Element:
    equipment = _element("Equipment", id=f"capability:{capability.id}")
    _add(equipment, "Name", capability.title, lang=capability.language)
    if capability.prose():
        _add(equipment, "Description", capability.prose(), lang=capability.language)
    _named_unit(_add(equipment, "Owner"), capability.organisation)
    return equipment

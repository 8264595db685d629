"""Public posts, organisations and experts in the words of schema.org, as JSON-LD.

A need is a `Demand`, a capability an `Offer`: both say what is sought or offered (`itemOffered`), for how much and
until when. Contacts are in none of them.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from matching.exporting.atom import summary_of
from matching.models import Capability, Expert, Organisation, Post
from matching.queries.vocabularies import Vocabularies

CONTEXT = "https://schema.org"
_YUAN_PER_WAN = 10_000
_ITEM_TYPES = {"achievement": "Product", "patent": "CreativeWork"}
_ORGANISATION_TYPES = {"university": "CollegeOrUniversity", "institute": "ResearchOrganization"}
_ORGANISATION_TYPES |= {"enterprise": "Corporation", "government": "GovernmentOrganization"}
_DESCRIPTION_LENGTH = 2000


def describe_post(post: Post, vocabularies: Vocabularies, public_url: str) -> dict[str, Any]:
    """A public post as a graph: the demand or offer, and whose it is."""
    address = f"{public_url}/posts/{post.id}"
    owner = _organisation_node(post.organisation, public_url)
    item: dict[str, Any] = {"@type": "Service", "name": post.title}
    if isinstance(post, Capability):
        item["@type"] = _ITEM_TYPES.get(post.kind, "Service")
    item["description"] = summary_of(post, _DESCRIPTION_LENGTH)
    categories = [
        term.label_zh
        for vocabulary, code in (
            *(("industry", code) for code in post.codes("industry")),
            ("domain", post.domain),
        )
        if (term := vocabularies.find(vocabulary, code)) is not None
    ]
    node: dict[str, Any] = {
        "@id": address,
        "@type": "Offer" if isinstance(post, Capability) else "Demand",
        "name": post.title,
        "description": summary_of(post),
        "url": address,
        "identifier": post.id,
        "itemOffered": item,
    }
    if categories:
        node["category"] = categories
    if post.published_at is not None:
        node["validFrom"] = post.published_at.isoformat()
    if post.expires_at is not None:
        node["validThrough"] = post.expires_at.isoformat()
    money = post.money
    if money is not None and (money.minimum is not None or money.maximum is not None):
        node["priceSpecification"] = {
            "@type": "PriceSpecification",
            "priceCurrency": "CNY",
            **({"minPrice": _yuan(money.minimum)} if money.minimum is not None else {}),
            **({"maxPrice": _yuan(money.maximum)} if money.maximum is not None else {}),
        }
    if isinstance(post, Capability):
        node["offeredBy"] = {"@id": owner["@id"]}
    else:
        owner["seeks"] = {"@id": address}
    return {"@context": CONTEXT, "@graph": [node, owner]}


def describe_organisation(organisation: Organisation, public_url: str) -> dict[str, Any]:
    """An approved organisation."""
    node = _organisation_node(organisation, public_url)
    if organisation.intro:
        node["description"] = organisation.intro[:_DESCRIPTION_LENGTH]
    if organisation.website and organisation.website.startswith(("http://", "https://")):
        node["sameAs"] = organisation.website
    return {"@context": CONTEXT, **node}


def describe_expert(expert: Expert, organisations: list[Organisation], public_url: str) -> dict[str, Any]:
    """An expert who agreed that programs collect the entry; what they hide is not in it."""
    address = f"{public_url}/experts/{expert.id}"
    node: dict[str, Any] = {
        "@context": CONTEXT,
        "@id": address,
        "@type": "Person",
        "name": expert.name,
        "url": address,
    }
    for name, value in (
        ("alternateName", expert.shown("name_en")),
        ("jobTitle", expert.shown("title")),
        ("knowsAbout", expert.shown("fields")),
        ("description", expert.shown("intro")),
    ):
        if value:
            node[name] = value
    if organisations:
        node["affiliation"] = [_organisation_node(one, public_url) for one in organisations]
    return node


def _organisation_node(organisation: Organisation, public_url: str) -> dict[str, Any]:
    address = f"{public_url}/organisations/{organisation.id}"
    node: dict[str, Any] = {
        "@id": address,
        "@type": _ORGANISATION_TYPES.get(organisation.kind, "Organization"),
        "name": organisation.name,
    }
    if organisation.approved:
        node["url"] = address
    if organisation.name_en:
        node["alternateName"] = organisation.name_en
    if organisation.uscc:
        node["taxID"] = organisation.uscc
    return node


def _yuan(amount: Decimal) -> int | str:
    yuan = amount * _YUAN_PER_WAN
    whole = yuan.to_integral_value()
    return int(whole) if whole == yuan else str(yuan.normalize())

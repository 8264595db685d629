"""Site maps (sitemaps.org 0.9): which pages there are for everybody."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from lxml import etree

from matching.exporting.xml_text import xml_moment

SITEMAP = "http://www.sitemaps.org/schemas/sitemap/0.9"


def write_sitemap(pages: Iterable[tuple[str, datetime | None]]) -> bytes:
    """A map of (address, last change)."""
    return _write("urlset", "url", pages)


def write_sitemap_index(maps: Iterable[tuple[str, datetime | None]]) -> bytes:
    """The list of maps, each with its (address, last change)."""
    return _write("sitemapindex", "sitemap", maps)


def _write(root_name: str, name: str, rows: Iterable[tuple[str, datetime | None]]) -> bytes:
    root = etree.Element(f"{{{SITEMAP}}}{root_name}", nsmap={None: SITEMAP})
    for address, changed in rows:
        row = etree.SubElement(root, f"{{{SITEMAP}}}{name}")
        etree.SubElement(row, f"{{{SITEMAP}}}loc").text = address
        if changed is not None:
            etree.SubElement(row, f"{{{SITEMAP}}}lastmod").text = xml_moment(changed)
    return etree.tostring(root, encoding="utf-8", xml_declaration=True)  # type: ignore[no-any-return]

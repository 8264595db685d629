from __future__ import annotations

from pathlib import Path

import pytest

from matching.errors import InvalidInput
from matching.search.elasticsearch import ElasticsearchIndex
from matching.search.embedded import EmbeddedIndex
from matching.search.factory import open_index


def test_the_address_chooses_the_engine(tmp_path: Path) -> None:
    embedded = open_index(f"embedded://{tmp_path}/a%20b", dimension=8)
    assert isinstance(embedded, EmbeddedIndex)
    assert (embedded.folder, embedded.dimension) == (tmp_path / "a b", 8)
    server = open_index("https://user:secret@search.example:9200", prefix="hs", dimension=8)
    assert isinstance(server, ElasticsearchIndex)
    assert (server.prefix, server.dimension, server.read_alias) == ("hs", 8, "hs-posts")


def test_opening_touches_nothing(tmp_path: Path) -> None:
    open_index(f"embedded://{tmp_path / 'index'}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("embedded://relative/folder", "index.url"),
        ("embedded:///", "index.url"),
        ("embedded:", "index.url"),
        ("ftp://host", "index.url"),
        ("http://", "index.url"),
        ("/var/index", "index.url"),
        ("", "index.url"),
    ],
)
def test_senseless_addresses_are_invalid_input(url: str, code: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        open_index(url)
    assert raised.value.code == code
    assert raised.value.where == "index_url"


@pytest.mark.parametrize("prefix", ["", "Duijie", "_x", "a b", "a*", "对接", "a/b"])
def test_prefixes_a_server_would_refuse_are_invalid_input(prefix: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        open_index("http://localhost:9200", prefix=prefix)
    assert raised.value.code == "index.prefix"

"""From an address in the settings to a search index."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from matching.errors import InvalidInput
from matching.search.port import SearchIndex

_PREFIX = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")


def open_index(url: str, *, prefix: str = "duijie", dimension: int = 384) -> SearchIndex:
    """The index at `url`; nothing is connected or created before its first use.

    `embedded:///path/to/folder` is the embedded index, `http://` and `https://` an Elasticsearch server (user and
    password may stand before the host). `prefix` begins the names of a server's indices and aliases, so that several
    installations may share it. `dimension` is the length of the embedder's vectors.

    Raises InvalidInput when the address or the prefix makes no sense.
    """
    parts = urlsplit(url)
    if dimension < 1:
        raise InvalidInput("index.dimension", f"向量维数必须是正数：{dimension}", where="dimension")
    if parts.scheme == "embedded":
        folder = unquote(parts.path)
        if parts.netloc or not folder.startswith("/") or folder == "/":
            raise InvalidInput(
                "index.url",
                f"内嵌索引的地址要写成 embedded:///绝对路径，收到的是 {url}",
                where="index_url",
                message_en=f"Write the embedded index as embedded:///absolute/folder, not {url}.",
            )
        from matching.search.embedded import EmbeddedIndex

        return EmbeddedIndex(Path(folder), dimension=dimension)
    if parts.scheme in ("http", "https") and parts.hostname:
        if not _PREFIX.fullmatch(prefix):
            raise InvalidInput(
                "index.prefix",
                f"索引前缀只能用小写字母、数字和 . _ -，并以字母或数字开头：{prefix}",
                where="index_prefix",
                message_en=f"An index prefix has lower-case letters, digits and . _ - only: {prefix}",
            )
        from matching.search.elasticsearch import ElasticsearchIndex

        return ElasticsearchIndex(url, prefix=prefix, dimension=dimension)
    raise InvalidInput(
        "index.url",
        "索引地址要以 embedded:///、http:// 或 https:// 开头",
        where="index_url",
        message_en="The address of the index starts with embedded:///, http:// or https://.",
    )

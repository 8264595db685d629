"""Posts and vectors for tests of ranking: words hashed into vectors, so that texts with common characters lie near."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

from matching.documents import PostDocument
from matching.embeddings.port import Prompt, Vectors
from matching.ranking.pool import PoolStatistics
from matching.ranking.vectors import PostVectors, embed_posts

NEED_TITLES = {
    "n1": "铝合金压铸件表面微弧氧化耐盐雾处理",
    "n2": "生猪养殖粪污资源化利用",
    "n3": "线路板电镀废水中铜的回收",
    "n4": "LED照明驱动电源散热设计",
}
CAPABILITY_TITLES = {
    "c1": "镁铝合金微弧氧化技术，盐雾性能优良",
    "c2": "畜禽粪污厌氧发酵制有机肥",
    "c3": "含铜电镀废水膜法回收",
    "c4": "大功率LED散热器与驱动电源",
    "c5": "制鞋用超临界发泡材料",
    "c6": "食品保鲜冷链包装",
    "c7": "茶叶加工自动化生产线",
    "c8": "Recovery of copper from plating waste water",
}


class HashedEmbedder:
    """Real vectors of a simple kind: characters and their pairs hashed into 512 components, mean taken, norm 1."""

    model_revision = "hashed-1"
    dimension = 512

    def embed(self, texts: Sequence[str], *, prompt: Prompt) -> Vectors:
        rows = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            folded = text.casefold()
            for size in (1, 2):
                for place in range(len(folded) - size + 1):
                    digest = zlib.crc32(folded[place : place + size].encode())
                    rows[row, digest % self.dimension] += 1 if digest & 1024 else -1
            norm = np.linalg.norm(rows[row])
            rows[row] /= norm if norm else 1
        return rows


def make_need(post_id: str, title: str, text: str = "", **fields: object) -> PostDocument:
    return PostDocument(id=post_id, side="need", title=title, text=text, **fields)  # type: ignore[arg-type]


def make_capability(post_id: str, title: str, text: str = "", **fields: object) -> PostDocument:
    return PostDocument(id=post_id, side="capability", title=title, text=text, **fields)  # type: ignore[arg-type]


NEEDS = [make_need(post_id, title) for post_id, title in NEED_TITLES.items()]
CAPABILITIES = [make_capability(post_id, title) for post_id, title in CAPABILITY_TITLES.items()]


def embed_all(documents: Sequence[PostDocument]) -> dict[str, PostVectors]:
    return embed_posts(documents, HashedEmbedder())


def pool_of(documents: Sequence[PostDocument]) -> tuple[PoolStatistics, dict[str, PostVectors]]:
    vectors = embed_all(documents)
    return PoolStatistics.of_posts(documents, vectors), vectors

"""Posts made up from technical words, as many as wanted, the same for the same seed.

Words are drawn from topics, common ones often and telling ones seldom, as in real texts. A vector is the normalised
sum of random directions of the words, so that posts sharing words are near each other, as with a real encoder.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from matching.documents import Side
from matching.search.port import IndexEntry, Vector
from tests.unit.matching.search.index_entries import make_entry

_WORDS = """
电路板 酱油 豆粕 机床 刀具 水龙头 阀芯 铝型材 锌合金 风机 电池 隔膜 灯珠 透镜 胶黏剂 涂料 织物 印染 皮革 鞋底
注塑件 模具 轴承 齿轮 减速器 传感器 热电偶 摄像头 无人机 机械臂 蒸发器 压缩机 换热器 锅炉 废水 污泥 烟气 粉尘
茶叶 花卉 鱼苗 饲料 腊肉 豆豉 面包 益生菌 疫苗 试剂 支架 石膏板 瓷砖 玻璃 光伏板 逆变器 充电桩 芯片 晶圆 光刻胶
银浆 铜箔

清洗 钻孔 电镀 蚀刻 焊接 铣削 抛光 打磨 挤压 压铸 淬火 时效 发酵 萃取 浓缩 干燥 灭菌 包装 分选 检测 标定 识别
定位 装配 喷涂 固化 脱硫 除尘 过滤 回收 降解 养殖 投喂 育苗 采摘 冷藏 运输 仿真 建模 优化

效率 良率 能耗 寿命 精度 噪声 温升 强度 韧性 硬度 光洁度 附着力 耐蚀性 盐雾 平整度 均匀性 稳定性 成本 周期 排放
回收率 产量 口感 色泽 香气 保质期 菌落 酸度 含水率 透光率

提高 降低 现有 工艺 设备 问题 希望 合作 开发 方案 改进 应用 产品 企业 要求 目前 采用 达到 以上 研究
"""
OBJECTS, ACTIONS, QUALITIES, GENERAL = (paragraph.split() for paragraph in _WORDS.strip().split("\n\n"))


@dataclass(frozen=True)
class GeneratedPosts:
    """Posts and the vector of any text made of the same words."""

    entries: list[IndexEntry]
    directions: dict[str, Vector]

    def vector_of(self, words: Sequence[str]) -> Vector:
        """Unit vector of a text; every word has a direction."""
        total = np.sum([self.directions[word] for word in words], axis=0, dtype=np.float32)
        return np.asarray(total / np.linalg.norm(total), dtype=np.float32)


def generate_posts(count: int, *, seed: int, dimension: int, body_words: int = 80) -> GeneratedPosts:
    """`count` posts, three capabilities to one need."""
    chance = random.Random(seed)
    models = [f"{chance.choice('ABCDEFGH')}{number}" for number in range(max(400, count // 10))]
    vocabulary = sorted({*OBJECTS, *ACTIONS, *QUALITIES, *GENERAL, *models})
    generator = np.random.default_rng(seed)
    drawn = generator.normal(size=(len(vocabulary), dimension)).astype(np.float32)
    posts = GeneratedPosts([], dict(zip(vocabulary, drawn, strict=True)))
    for number in range(count):
        title, body = _write_text(chance, models, body_words)
        side: Side = "need" if number % 4 == 0 else "capability"
        posts.entries.append(
            make_entry(
                f"post-{number:06}",
                side=side,
                title_words=title,
                body_words=body,
                title_vector=posts.vector_of(title),
                full_vector=posts.vector_of((*title, *body)),
                organisation_id=f"org-{number % (count // 5 + 1)}",
                region_code=chance.choice(("440784", "440783", "440300", "330100")),
                industry_codes=("C", f"C{13 + number % 30}"),
            )
        )
    return posts


def _write_text(
    chance: random.Random, models: Sequence[str], body_words: int
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    topic = chance.sample(OBJECTS, 2), chance.sample(ACTIONS, 3), chance.sample(QUALITIES, 3)
    title = (chance.choice(GENERAL), chance.choice(topic[0]), chance.choice(topic[1]), chance.choice(topic[2]))
    body: list[str] = []
    for _ in range(chance.randint(body_words // 2, body_words * 3 // 2)):
        kind = chance.random()
        if kind < 0.4:
            body.append(chance.choice(GENERAL))
        elif kind < 0.8:
            body.append(chance.choice(topic[chance.randrange(3)]))
        elif kind < 0.95:
            body.append(chance.choice((*OBJECTS, *ACTIONS, *QUALITIES)))
        else:
            body.append(chance.choice(models))
    return title, tuple(body)

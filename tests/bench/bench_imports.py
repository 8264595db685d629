"""How fast a table goes in: read, checked, and put in as posts, as the page of imports does it.

    python -m tests.bench.bench_imports [--rows 5000] [--rounds 3]

The rival is the same file read by Python's csv module and written into one table by one statement, which checks
nothing, knows no organisations and owes no matching: the ratio says what all of that costs.
"""

from __future__ import annotations

import argparse
import csv
import io
import random
import sqlite3
import statistics
import tempfile
import time
from pathlib import Path

from matching.clock import utc_now
from matching.garbage import collect_seldom
from matching.models import ImportJob
from matching.services.import_jobs import bring_import_on, confirm_import, start_import
from tests.factories.people import make_staff
from tests.factories.platforms import make_platform

HEADER = (
    "单位名称", "需求名称", "现状与问题", "技术指标", "关键词", "拟投入资金（万元）",
    "截止日期", "联系人", "联系电话", "行业",
)  # fmt: skip
SUBJECTS = (
    "高频线路板",
    "铝合金压铸",
    "粉末涂料",
    "锂电池隔膜",
    "生猪养殖",
    "水暖阀门",
    "制鞋胶粘",
    "导光板",
    "红茶发酵",
    "钢结构",
)
ASPECTS = (
    "翘曲控制",
    "盐雾腐蚀",
    "固化温度",
    "一致性检测",
    "余热回收",
    "自动上料",
    "缺陷识别",
    "粘接强度",
    "耐候寿命",
    "废水处理",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    collect_seldom()  # as the worker does
    content = make_table(options.rows)
    reading, putting, again, bare = [], [], [], []
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory() as folder:
            platform = make_platform(Path(folder))
            staff = make_staff(platform, utc_now(), email="staff@example.cn")
            for figures in (putting, again):
                begun = time.perf_counter()
                job = start_import(platform, staff, "needs", "需求.csv", io.BytesIO(content), utc_now())
                bring_import_on(platform, job.id, utc_now)
                between = time.perf_counter()
                with platform.unit_of_work() as uow:
                    confirm_import(uow, staff, job.id, utc_now())
                bring_import_on(platform, job.id, utc_now)
                figures.append(time.perf_counter() - between)
                if figures is putting:
                    reading.append(between - begun)
                with platform.reading() as session:
                    done = session.get_one(ImportJob, job.id)
                    expected = (options.rows, 0) if figures is putting else (0, options.rows)
                    if (done.added, done.unchanged) != expected:
                        raise SystemExit(f"added {done.added}, unchanged {done.unchanged}: not what was to come")
            platform.close()
        bare.append(read_barely(content))
    for name, seconds in (("read and check", reading), ("put in", putting), ("put in again, nothing new", again)):
        median = statistics.median(seconds)
        print(f"{name:28} {median:7.2f} s  {options.rows / median:8.0f} rows/s")
    ours, theirs = statistics.median(reading) + statistics.median(putting), statistics.median(bare)
    print(f"{'csv and one INSERT':28} {theirs:7.2f} s  {options.rows / theirs:8.0f} rows/s  ratio {ours / theirs:.0f}")


def make_table(rows: int) -> bytes:
    """A register of needs of 300 firms, each with a text of its own: near copies cost more, for they are compared."""
    text, chance = io.StringIO(), random.Random(3)
    subjects = [first + second for first in SUBJECTS for second in ASPECTS]
    writer = csv.writer(text)
    writer.writerow(HEADER)
    for row in range(rows):
        writer.writerow(
            [
                f"甲{row % 300}厂", f"{chance.choice(subjects)}{row}", "，".join(chance.sample(subjects, 14)),
                "翘曲 ≤0.7%；铜厚 35 μm",
                "翘曲；压合", "20-30", "2027-06-30", "林工", "13800000001", "C39",
            ]
        )  # fmt: skip
    return text.getvalue().encode()


def read_barely(content: bytes) -> float:
    """Seconds."""
    begun = time.perf_counter()
    rows = list(csv.reader(io.StringIO(content.decode())))[1:]
    with tempfile.TemporaryDirectory() as folder:
        connection = sqlite3.connect(Path(folder) / "bare.db")
        connection.execute(f"CREATE TABLE rows ({', '.join(f'c{place}' for place in range(len(HEADER)))})")
        connection.executemany(f"INSERT INTO rows VALUES ({', '.join('?' * len(HEADER))})", rows)
        connection.commit()
        connection.close()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()

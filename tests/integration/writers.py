"""A process that publishes, edits, pauses and closes posts as several people do at once, for the failure test.

    python -m tests.integration.writers '{"seed": 1, "posts": 20, "people": [[user_id, organisation_id, "need"], …]}'

Each thread acts for one of `people` and only for them. Prints how often it did what, as JSON.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from matching.bootstrap import Platform, build_platform
from matching.clock import utc_now
from matching.errors import EditConflict, IllegalMove, PartUnavailable
from matching.services.posts import CapabilityFields, NeedFields, close_post, edit_post, pause_post, resume_post
from matching.settings import load_settings
from tests.factories.people import Member, find_actor, make_member
from tests.factories.posts import make_capability, make_need
from tests.integration.product import Product
from web.nudge import make_nudge

SUBJECTS = (
    "高频线路板",
    "红茶",
    "生猪",
    "陶瓷釉料",
    "水泵",
    "铝合金门窗",
    "锂电池隔膜",
    "酱油",
    "制鞋材料",
    "印刷油墨",
)
MATTERS = ("翘曲", "发酵", "育种", "缺陷", "能耗", "腐蚀", "涂覆", "灭菌", "老化", "色差")
ACTIONS = ("的检测方法", "的控制技术", "的预测模型", "的设备改造", "的在线监测", "的材料配方")


WRITER_PROCESSES = 2
PEOPLE_PER_PROCESS = 2


def start_writers(product: Product, posts: int, seed: int) -> list[subprocess.Popen[str]]:
    """Processes that publish about so many posts together, half needs and half capabilities."""
    now = utc_now()
    writers = []
    for process in range(WRITER_PROCESSES):
        members: list[tuple[Member, str]] = []
        for number in range(PEOPLE_PER_PROCESS):
            side = ("need", "capability")[number % 2]
            kind = "enterprise" if side == "need" else "university"
            name = f"w{process}-{number}"
            members.append(
                (make_member(product.platform, now, email=f"{name}@example.cn", organisation=name, kind=kind), side)
            )
        plan = {
            "seed": seed * 100 + process,
            "posts": -(-posts // (WRITER_PROCESSES * PEOPLE_PER_PROCESS)),
            "people": [[member.user_id, member.organisation_id, side] for member, side in members],
        }
        writers.append(
            subprocess.Popen(
                [sys.executable, "-m", "tests.integration.writers", json.dumps(plan)],
                env=product.clean_environment(),
                cwd=Path(__file__).parents[2],
                stdout=subprocess.PIPE,
                text=True,
            )
        )
    return writers


def title_of(chance: random.Random) -> str:
    """Titles share their words with many others, so that every change moves places in lists."""
    return chance.choice(SUBJECTS) + chance.choice(MATTERS) + chance.choice(ACTIONS) + str(chance.randrange(1000))


def fields_of(side: str, member: Member, chance: random.Random) -> NeedFields | CapabilityFields:
    """What somebody might enter."""
    text = "，".join(title_of(chance) for _ in range(chance.randrange(1, 4)))
    if side == "need":
        return NeedFields(title=title_of(chance), organisation_id=member.organisation_id, problem=text)
    return CapabilityFields(title=title_of(chance), organisation_id=member.organisation_id, abstract=text)


def write(platform: Platform, member: Member, side: str, posts: int, chance: random.Random) -> Counter[str]:
    """Publish so many posts, and change those published so far in between."""
    done: Counter[str] = Counter()
    mine: list[str] = []
    paused: set[str] = set()
    while done["published"] < posts:
        make = make_need if side == "need" else make_capability
        entered = fields_of(side, member, chance)
        text = {"problem": entered.problem} if isinstance(entered, NeedFields) else {"abstract": entered.abstract}
        mine.append(make(platform, member, utc_now(), title=entered.title, **text))
        done["published"] += 1
        for _ in range(chance.randrange(3)):
            if not mine:
                break
            post_id = chance.choice(mine)
            move = chance.choices(("edited", "paused", "closed"), (6, 2, 1))[0]
            try:
                with platform.unit_of_work() as uow:
                    if post_id in paused:
                        resume_post(uow, member.actor, post_id, utc_now())
                        paused.discard(post_id)
                        move = "resumed"
                    elif move == "edited":
                        edit_post(uow, member.actor, post_id, fields_of(side, member, chance), None, utc_now())
                    elif move == "paused":
                        pause_post(uow, member.actor, post_id, utc_now())
                        paused.add(post_id)
                    else:
                        close_post(uow, member.actor, post_id, "dropped", utc_now())
                        mine.remove(post_id)
                done[move] += 1
            except (EditConflict, IllegalMove, PartUnavailable) as error:
                done[type(error).__name__] += 1
    return done


def main(plan: dict[str, object]) -> None:
    """Carry out the plan and print the figures."""
    settings = load_settings()
    platform = build_platform(settings, make_nudge(settings))
    total: Counter[str] = Counter()
    lock = threading.Lock()

    def act(number: int, user_id: str, organisation_id: str, side: str) -> None:
        member = Member(user_id, organisation_id, find_actor(platform, user_id))
        done = write(platform, member, side, int(str(plan["posts"])), random.Random(f"{plan['seed']}-{number}"))
        with lock:
            total.update(done)

    people = plan["people"]
    assert isinstance(people, list)
    with ThreadPoolExecutor(len(people)) as pool:
        for each in [pool.submit(act, number, *person) for number, person in enumerate(people)]:
            each.result()
    print(json.dumps(total))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))

"""The whole product at 20,000 posts: start-up, memory, from publishing to the message, and pages under 50 users.

    python -m tests.bench.bench_product FOLDER [--posts 20000] [--users 50] [--seconds 30] [--kept DIRECTORY]

FOLDER has paragraphs.jsonl.gz, from which the platform is made (see sized_platform.py; minutes). `--kept` names where
it is kept, and taken from when it is there already. `duijie up` runs as for users: two web processes, workers, beat,
Redis, SQLite and the embedded index.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

from sqlalchemy import select

from matching.bootstrap import build_platform
from matching.models import Need, Post
from matching.settings import Settings
from matching.store.redis_server import free_port
from tests.bench.load import Reader, Visit, run_load
from tests.bench.sized_platform import MEMBERS, PASSWORD, STAFF, make_sized_platform, member_address, read_paragraphs

PUBLISHED = 12
"""How many posts are published to measure how long their suggestions take."""
STAFF_PAGES = ("/desk/", "/engagements/board", "/reports/", "/review/", "/duplicates/")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--posts", type=int, default=20_000)
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--kept", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        data = options.kept or Path(temporary) / "data"
        if not (data / "duijie.db").exists():
            begun = time.perf_counter()
            texts = read_paragraphs(options.folder / "paragraphs.jsonl.gz", options.posts)
            make_sized_platform(data, texts).close()
            print(f"made {options.posts} posts in {time.perf_counter() - begun:.0f} s")
        measure(data, options.users, options.seconds)


def measure(data: Path, users: int, seconds: float) -> None:
    """Start the product over the data and print all figures."""
    need_ids, posts, words = look_around(data)
    base = f"http://127.0.0.1:{(port := free_port())}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DUIJIE_")}
    environment |= {
        "DUIJIE_MODE": "demonstration",
        "DUIJIE_REVIEW_BEFORE_PUBLICATION": "false",
        "DUIJIE_WEEKLY_LOAD": "500",
        # All users come from one address here.
        "DUIJIE_RATE_LIMITS": "false",
    }
    begun = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "web.cli", "up", "--port", str(port), "--data", str(data)], env=environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        wait_until(lambda: "对接" in read(f"{base}/"), 180)
        print(f"start-up to the first page: {time.perf_counter() - begun:.1f} s")
        wait_until(lambda: '"ready":true' in read(f"{base}/readyz"), 180)
        print(f"start-up until /readyz is true: {time.perf_counter() - begun:.1f} s")
        measure_push(base)
        readers = [Reader(base) for _ in range(users)]
        for number, reader in enumerate(readers):
            reader.sign_in(member_address(number % MEMBERS), PASSWORD)
        visits = pages(need_ids, posts, words)
        run_load(readers, visits, 5, 0)  # warm
        print(f"\n{users} members, a page every two seconds each")
        run_load(readers, visits, seconds, 2.0).show()
        print(f"\n{users} members, without a pause")
        run_load(readers, visits, seconds, 0).show()
        print("\none member of the staff")
        desk = Reader(base)
        desk.sign_in(STAFF, PASSWORD)
        run_load([desk], [Visit(page, lambda _, page=page: page) for page in STAFF_PAGES], 10, 0).show()  # type: ignore[misc]
        show_memory(process.pid)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def look_around(data: Path) -> tuple[list[str], list[str], list[str]]:
    """Ids of needs with suggestions, of public posts, and words to search for."""
    platform = build_platform(Settings(mode="demonstration", data_dir=data))
    with platform.reading() as session:
        public = list(session.scalars(select(Post.id).where(Post.visibility == "public").order_by(Post.id).limit(500)))
        needs = list(session.scalars(select(Need.id).where(Need.visibility == "public").order_by(Need.id).limit(100)))
        titles = session.scalars(select(Post.title).order_by(Post.id).limit(300)).all()
    platform.close()
    words = [part for title in titles for part in re.findall(r"[\u4e00-\u9fff]{4,8}", title)]
    return needs, public, words


def pages(need_ids: list[str], post_ids: list[str], words: list[str]) -> list[Visit]:
    """What people look at, in about the share they do."""
    searched = Visit("search", lambda chance: f"/search?q={quote(chance.choice(words))}")
    post = Visit("post", lambda chance: f"/posts/{chance.choice(post_ids)}")
    return [
        Visit("start", lambda _: "/"),
        searched, searched,
        Visit("search, filtered", lambda chance: f"/search?q={quote(chance.choice(words))}&domain=electronics"),
        Visit("browse", lambda chance: f"/search?type={chance.choice(('need', 'capability'))}"),
        post, post,
        Visit("inbox", lambda _: "/inbox/"),
        Visit("my posts", lambda _: "/posts/mine"),
        Visit("organisations", lambda _: "/organisations/"),
        Visit("API search", lambda chance: f"/api/v1/search?type=need&q={quote(chance.choice(words))}"),
        Visit("API list", lambda _: "/api/v1/capabilities"),
    ]  # fmt: skip


def measure_push(base: str) -> None:
    """From the answer to publishing to the first suggestions being listed."""
    token = post_json(f"{base}/api/v1/tokens", {"email": member_address(0), "password": PASSWORD, "name": "bench"})
    seconds = []
    for number in range(PUBLISHED):
        fields = {
            "title": f"铝合金压铸件盐雾腐蚀防护涂层研究 {number}",
            "problem": "盐雾试验 500 h 后出现点蚀，需要环保涂层",
        }
        made = post_json(f"{base}/api/v1/needs", fields, token["token"])
        post_json(f"{base}/api/v1/needs/{made['id']}/publish", {}, token["token"])
        begun = time.perf_counter()
        wait_until(lambda made=made: bool(suggestions(base, made["id"], token["token"])), 120, 0.05)  # type: ignore[misc]
        seconds.append(time.perf_counter() - begun)
    print(
        f"from publishing to suggestions, {PUBLISHED} times one after another: median "
        f"{statistics.median(seconds):.2f} s, most {max(seconds):.2f} s (the first loads the model)"
    )


def suggestions(base: str, need_id: str, token: str) -> list[Any]:
    request = Request(f"{base}/api/v1/needs/{need_id}/suggestions", headers={"Authorization": f"Bearer {token}"})
    with urlopen(request, timeout=30) as answer:
        items: list[Any] = json.loads(answer.read())["items"]
    return items


def post_json(address: str, body: dict[str, Any], token: str = "") -> dict[str, Any]:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    with urlopen(Request(address, json.dumps(body).encode(), headers, method="POST"), timeout=60) as answer:
        given: dict[str, Any] = json.loads(answer.read())
    return given


def show_memory(parent: int) -> None:
    """Proportional memory of each process, in MB: what is shared is counted once, in shares."""
    print("\nmemory of each process (PSS)")
    for folder in sorted(Path("/proc").glob("[0-9]*"), key=lambda path: int(path.name)):
        try:
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            if str(parent) != folder.name and not _is_below(folder, parent):
                continue
            found = re.search(r"^Pss:\s+(\d+)", (folder / "smaps_rollup").read_text(), re.MULTILINE)
        except OSError:
            continue
        named = re.search(r"-Q (\S+)|(gunicorn)|(beat)|(redis-server)|(web\.cli up)", command)
        name = next(filter(None, named.groups())) if named else command[:40]
        print(f"  {name:16}{int(found[1]) / 1024 if found else 0:7.0f} MB")


def _is_below(folder: Path, ancestor: int) -> bool:
    while folder.name != "0":
        found = re.search(r"^PPid:\s+(\d+)", (folder / "status").read_text(), re.MULTILINE)
        folder = Path("/proc") / (found[1] if found else "0")
        if folder.name == str(ancestor):
            return True
    return False


def read(address: str) -> str:
    try:
        with urlopen(address, timeout=30) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


def wait_until(holds: Callable[[], bool], seconds: float, pause: float = 0.2) -> None:
    deadline = time.perf_counter() + seconds
    while not holds():
        if time.perf_counter() > deadline:
            raise TimeoutError("the product did not come so far")
        time.sleep(pause)


if __name__ == "__main__":
    main()

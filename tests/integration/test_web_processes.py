"""What the web server loads before it starts its processes: shared by them, and harmless across the fork."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

_SERVER = """
import json, os, sys, threading
from pathlib import Path

import web.server

web.server.on_starting(None)
threads = len(threading.enumerate())
opened = [os.readlink(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd") if int(name) > 2
          and os.path.exists(f"/proc/self/fd/{name}")]
answers = []
for number in range(2):
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        from concurrent.futures import ThreadPoolExecutor

        from web.wsgi import make_app

        app = make_app()
        encoder = app.extensions["duijie.platform"]._encoder
        loaded_before = encoder._loaded is not None
        texts = ["压铸件", "废水", "压铸件"] * 4
        with ThreadPoolExecutor(4) as pool:  # as the threads of a web process do
            rows = list(pool.map(lambda text: encoder.embed([text], prompt="query")[0], texts))
        same = all((row == rows[place % 3]).all() for place, row in enumerate(rows))
        statuses = [app.test_client().get(path).status_code for path in ("/healthz", "/", "/search?q=压铸件")]
        os.write(writing, json.dumps([loaded_before, same, rows[0].tolist(), statuses]).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        answers.append(json.loads(pipe.read()))
    os.waitpid(child, 0)
print(json.dumps({"threads": threads, "opened": opened, "answers": answers}))
"""


def test_processes_of_a_server_share_application_and_encoder(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DUIJIE_")} | {
        "DUIJIE_MODE": "demonstration",
        "DUIJIE_DATA_DIR": str(tmp_path),
        "DUIJIE_REDIS_URL": "redis://127.0.0.1:1/0",
        "DUIJIE_RATE_LIMITS": "false",
    }
    migrated = "from matching.bootstrap import build_platform; from matching.settings import load_settings;"
    migrated += "from matching.store.migrate import migrate_up; migrate_up(build_platform(load_settings()).engine)"
    subprocess.run([sys.executable, "-c", migrated], env=environment, check=True, capture_output=True)
    ran = subprocess.run(
        [sys.executable, "-c", _SERVER], env=environment, check=True, capture_output=True, text=True, timeout=120
    )
    found = json.loads(ran.stdout.splitlines()[-1])
    assert found["threads"] == 1
    # Neither a connection nor a database; the files in which processes count are each process's own.
    kept = [name for name in found["opened"] if not name.startswith(f"{tmp_path}/metrics/")]
    assert [name for name in kept if name.startswith("socket:") or ".sqlite3" in name or ".db" in name] == []
    first, second = found["answers"]
    assert first[0] is second[0] is True
    assert first[1] is second[1] is True
    assert first[2] == second[2]
    assert first[3] == second[3] == [200, 200, 200]

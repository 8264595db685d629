"""The client in docs/api.md works as it is printed there, over a real connection."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from flask import Flask
from werkzeug.serving import make_server

from matching.bootstrap import Platform
from tests.factories.people import PASSWORD, make_member
from tests.factories.posts import make_capability
from tests.factories.work import settle_everything

DOCS = Path(__file__).parents[4] / "docs" / "api.md"


def client_source() -> str:
    """The first Python block, which is the client; the second shows how it is used."""
    return re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)[0]


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_client_creates_publishes_and_asks(
    platform: Platform, now: datetime, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_member(platform, now, email="a@example.cn")
    school = make_member(platform, now, email="b@example.cn", organisation="乙大学")
    capability = make_capability(platform, school, now, title="线路板翘曲预测与控制")
    settle_everything(platform, now)
    names: dict[str, Any] = {"__name__": "client"}
    monkeypatch.setitem(sys.modules, "client", ModuleType("client"))  # dataclasses look their module up
    exec(compile(client_source(), str(DOCS), "exec"), names)
    client = names["Duijie"].sign_in(address, "a@example.cn", PASSWORD)
    need = client.create_need("线路板翘曲控制", key="erp-1", problem="压合后翘曲")
    assert client.create_need("线路板翘曲控制", key="erp-1", problem="压合后翘曲") == need
    client.publish_need(need)
    settle_everything(platform, now)
    listed = client.suggestions(need)
    assert [(one.rank, one.capability_id, one.organisation) for one in listed] == [(1, capability, "乙大学")]
    assert listed[0].reasons
    assert [one["id"] for one in client.search("线路板", limit=1)] == [capability]
    with pytest.raises(names["Problem"]) as refused:
        client.create_need("")
    assert (refused.value.status, refused.value.code, refused.value.where) == (422, "input.invalid", "title")


def test_the_client_is_typed(tmp_path: Path) -> None:
    (tmp_path / "client.py").write_text(client_source(), encoding="utf-8")
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir", str(tmp_path), "client.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (checked.returncode, checked.stdout) == (0, "Success: no issues found in 1 source file\n")

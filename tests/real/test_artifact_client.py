"""The lab's artifact service is held to the official client, and our uploader to its download."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ralph_action.checkpoint.archive import pack, unpack
from ralph_action.checkpoint.segments import stamps
from ralph_action.github.client import Http
from ralph_action.github.results import Results
from tests.lab.github import GitHub
from tests.real.packages import npm_package

pytestmark = pytest.mark.real
ORACLE = Path(__file__).with_name("oracle") / "oracle.mjs"


@pytest.fixture(params=["6.2.1", "5.0.3"])
def official(request: pytest.FixtureRequest, github: GitHub) -> Callable[..., dict[str, Any]]:
    folder = npm_package(f"@actions/artifact@{request.param}")
    env = {name: text for name, text in github.start_run().items() if name != "GITHUB_SERVER_URL"}

    def call(*arguments: str) -> dict[str, Any]:
        command = ["node", str(ORACLE), *arguments]
        found = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        done = subprocess.run(
            command, cwd=folder, env={**found, **env}, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stdout + done.stderr
        answer: dict[str, Any] = json.loads(done.stdout.rsplit("ANSWER ", 1)[1])
        return answer

    return call


def test_the_official_client_works_with_the_lab(
    official: Callable[..., dict[str, Any]], github: GitHub, tmp_path: Path
) -> None:
    """Upload, list, download, delete."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "file").write_bytes(os.urandom(12 * 1024 * 1024))
    made = official("upload", "theirs", str(tmp_path / "in" / "file"))
    (listed,) = official("list")["artifacts"]
    assert (listed["name"], listed["id"]) == ("theirs", made["id"])
    official("download", "theirs", str(tmp_path / "out"))
    assert (tmp_path / "out" / "file").read_bytes() == (tmp_path / "in" / "file").read_bytes()
    official("delete", "theirs")
    assert github.artifacts.visible() == []


def test_the_official_client_downloads_ours_and_we_theirs(
    official: Callable[..., dict[str, Any]], github: GitHub, tmp_path: Path
) -> None:
    """Each side reads what the other wrote."""
    folder = tmp_path / "agent"
    (folder / "metrics").mkdir(parents=True)
    (folder / "metrics" / "state.json").write_text('{"iteration": 7}')
    pack(folder, sorted(stamps(folder)), tmp_path / "ours.zip", {})
    env = github.start_run()
    service = Results(Http(), env["ACTIONS_RESULTS_URL"], env["ACTIONS_RUNTIME_TOKEN"])
    service.upload("ours", tmp_path / "ours.zip")
    official("download", "ours", str(tmp_path / "out"))
    assert (tmp_path / "out" / ".agent" / "metrics" / "state.json").read_text() == '{"iteration": 7}'
    official("upload", "theirs", str(folder / "metrics" / "state.json"))
    entry = next(item for item in service.list() if item.name == "theirs")
    service.download(entry, tmp_path / "theirs.zip")
    unpack(tmp_path / "theirs.zip", tmp_path / "back")
    assert (tmp_path / "back" / "state.json").read_text() == '{"iteration": 7}'

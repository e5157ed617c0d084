"""A project with a bare remote and a folder of artifacts, on machines that come and go."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ralph_action.agents.descendants import find
from ralph_action.checkpoint.git import Git

ENTRY = Path(__file__).resolve().parents[2] / "entrypoint.py"
WORK = 'echo "$RALPH_ITERATION" >> done.txt; echo "did $RALPH_ITERATION"'
WAIT = 'if [ "$RALPH_ITERATION" = 2 ]; then echo half > half.txt; touch "$HOME/reached"; sleep 300; fi'


class Place:
    """A project with a remote, on machines that come and go."""

    def __init__(self, root: Path, environment: dict[str, str]) -> None:
        self.root = root
        self.environment = environment
        self.git = Git(root, environment)
        self.git.run("init", "--quiet", "--bare", "--initial-branch=main", "remote.git")
        self.git.run("clone", "--quiet", f"file://{root}/remote.git", "seed")
        seed = Git(root / "seed", environment)
        (root / "seed" / "PROMPT.md").write_text("Do it.\n")
        seed.run("add", ".")
        seed.run("commit", "--quiet", "-m", "The task")
        seed.run("push", "--quiet", "origin", "HEAD:refs/heads/main")
        self.remote = Git(root / "remote.git", environment)
        self.artifacts = root / "artifacts"

    def clone(self, name: str) -> Path:
        """A new machine: a shallow clone of main."""
        self.git.run("clone", "--quiet", "--depth", "1", f"file://{self.root}/remote.git", name)
        return self.root / name

    def start(self, workspace: Path, *flags: str, command: str = "run", **env: str) -> subprocess.Popen[str]:
        environment = {
            **self.environment,
            "RALPH_STATE_HOME": str(self.root / f"state-{workspace.name}"),
            "RALPH_ARTIFACT_FOLDER": str(self.artifacts),
            **env,
        }
        return subprocess.Popen(
            [sys.executable, str(ENTRY), command, "--task", "t", "--agent", "command", *flags],
            cwd=workspace,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, workspace: Path, *flags: str, command: str = "run", **env: str) -> tuple[int, str]:
        process = self.start(workspace, *flags, command=command, **env)
        out, _ = process.communicate(timeout=120)
        return process.returncode, out

    def wait_for_iteration(self) -> None:
        """The second iteration of WAIT is at work."""
        reached = Path(self.environment["HOME"]) / "reached"
        self.wait_until(reached.exists)
        reached.unlink()

    def wait_until(self, is_so: Callable[[], bool]) -> None:
        """Look until something is so; a minute is for a machine that is busy, not a figure."""
        for _ in range(1200):
            if is_so():
                return
            time.sleep(0.05)
        pytest.fail("what the test waits for never came")


def state_of(workspace: Path) -> dict[str, Any]:
    newest = max((workspace / ".agent" / "metrics").glob("state_*.json"))
    document: dict[str, Any] = json.loads(newest.read_text())
    return document


def kill_tree(process: subprocess.Popen[str]) -> None:
    """End it with all that it started, at once: a shell whose child goes first would go on with its next command."""
    found = find(process.pid, mark="none")
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
    process.communicate(timeout=30)

"""Burying the agent's orphans takes no exit code from those who wait for theirs."""

from __future__ import annotations

import os
import subprocess
import threading
from pathlib import Path

from ralph_action.agents.descendants import become_subreaper, reap
from ralph_action.checkpoint.git import Git


def test_a_failure_stays_a_failure(tmp_path: Path, environment: dict[str, str]) -> None:
    """Git fails in one thread while another buries whatever has ended."""
    git = Git(tmp_path, environment)
    codes: list[int] = []
    over = threading.Event()

    def fail() -> None:
        codes.extend(git.attempt("rev-parse", "--verify", "nothing")[0] for _ in range(60))
        over.set()

    failing = threading.Thread(target=fail)
    failing.start()
    while not over.is_set():
        reap(keep=0)
    failing.join()
    assert set(codes) == {128}


def test_an_orphan_is_buried(tmp_path: Path) -> None:
    """It came to us when its parent ended, and nobody else waits for it."""
    become_subreaper()
    command = f"(sleep 0.1 & echo $! > {tmp_path}/pid)"
    subprocess.run(["/bin/sh", "-c", command], check=True)
    pid = int((tmp_path / "pid").read_text())
    for _ in range(1200):
        reap(keep=0)
        if not os.path.exists(f"/proc/{pid}"):  # noqa: PTH110
            return
        threading.Event().wait(0.05)
    raise AssertionError(pid)

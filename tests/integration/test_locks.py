"""What a killed git left locked does not stop the next run."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ralph_action.checkpoint.git import Git
from ralph_action.checkpoint.locks import clear_stale
from tests.lab.place import WORK, Place

FLAGS = ("--checkpoint-interval", "1", "--max-iterations")


@pytest.mark.fault(
    "workspace",
    "A killed git left `index.lock` or another lock behind",
    "it is taken away where no git command is at work there, and that is said; a lock that is held stays.",
)
def test_locks_of_a_run_that_was_killed(place: Place) -> None:
    """HEAD, the index, the branch, the vault: all are free again, and it is said."""
    work = place.clone("one")
    assert place.run(work, "--command", WORK, *FLAGS, "1")[0] == 11
    Git(work, place.environment).run("checkout", "--quiet", "main")
    vault = next((place.root / "state-one").glob("*/vault.git"))
    for lock in ("HEAD", "index", "refs/heads/ralph/t"):
        (work / ".git" / f"{lock}.lock").touch()
    (vault / "state-index.lock").touch()
    code, log = place.run(work, "--command", WORK, *FLAGS, "2")
    assert code == 11, log
    assert "had left HEAD.lock behind" in log
    assert place.remote.run("log", "-1", "--format=%s", "ralph/t") == "Ralph checkpoint 2: max-iterations"
    assert Git(work, place.environment).run("status", "--porcelain") == ""


def test_a_lock_that_is_held_stays(tmp_path: Path, environment: dict[str, str]) -> None:
    """A git command is at work in the repository: its lock is its own."""
    root = tmp_path / "project"
    Git(tmp_path, environment).run("init", "--quiet", str(root))
    (root / ".git" / "index.lock").touch()
    process = subprocess.Popen(
        ["git", "hash-object", "--stdin"], cwd=root, env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    assert clear_stale(root / ".git", ["index"], root, None) == []
    process.communicate()
    assert clear_stale(root / ".git", ["index"], root, None) == ["index.lock"]
    assert not (root / ".git" / "index.lock").exists()

"""Real git in temporary folders, with no configuration of this machine."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from ralph_action.checkpoint.git import Git
from ralph_action.checkpoint.worktree import Worktree
from tests.lab.ending import Ending
from tests.lab.github import GitHub
from tests.lab.job import Job
from tests.lab.place import Place

settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")
"""A machine that is busy is no failure."""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    home = tmp_path / "home"
    home.mkdir()
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
    }


@pytest.fixture
def repository(tmp_path: Path, environment: dict[str, str]) -> Callable[[str], Worktree]:
    """Make a repository with one commit on main."""

    def make(name: str = "project") -> Worktree:
        root = tmp_path / name
        root.mkdir()
        git = Git(root, environment)
        git.run("init", "--quiet", "--initial-branch=main")
        (root / "README.md").write_text("hello\n")
        git.run("add", ".")
        git.run("commit", "--quiet", "-m", "first")
        return Worktree(root, None, environment)

    return make


@pytest.fixture
def within_reach() -> Iterator[Path]:
    """A folder that every user can reach: the parents of `tmp_path` are root's alone."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def github(tmp_path: Path) -> Iterator[GitHub]:
    with GitHub(tmp_path / "github") as server:
        server.create_repository()
        yield server


@pytest.fixture
def job(tmp_path: Path, environment: dict[str, str], github: GitHub) -> Job:
    return Job(tmp_path, environment, github)


@pytest.fixture
def place(tmp_path: Path, environment: dict[str, str]) -> Place:
    return Place(tmp_path, environment)


@pytest.fixture
def ending(place: Place) -> Ending:
    return Ending(place)

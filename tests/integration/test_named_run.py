"""`ralph resume --run <id>`: a failed CI run's checkpoint is brought to a laptop, and the loop goes on there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ralph_action.checkpoint.git import Git
from ralph_action.errors import SettingsError
from ralph_action.github.context import Context
from ralph_action.named_run import located
from tests.lab.github import GitHub
from tests.lab.job import ENTRY, Job
from tests.lab.place import WORK, state_of

RUN = 7


def on_a_laptop(job: Job, *words: str, push: bool = True, **env: str) -> tuple[int, str, Path]:
    """A full clone, with the user's own credentials in its remote's url; returns exit code, output, workspace."""
    work = job.root / "laptop"
    if not work.exists():
        url = job.github.url.replace("://", f"://x-access-token:{job.github.issue_token()}@") + "/org/project"
        git = Git(job.root, job.environment)
        git.run("clone", "--quiet", url, "laptop")
        if not push:
            Git(work, job.environment).run("remote", "remove", "origin")
    found = subprocess.run(
        [sys.executable, str(ENTRY), *words],
        cwd=work,
        env={
            **job.environment,
            "RALPH_STATE_HOME": str(job.root / "laptop-state"),
            "GITHUB_REPOSITORY": "org/project",
            "GITHUB_SERVER_URL": job.github.url,
            "GITHUB_API_URL": f"{job.github.url}/api/v3",
            "GH_TOKEN": job.github.issue_token(write=False),
            **env,
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return found.returncode, found.stdout + found.stderr, work


def resumed(job: Job, *more: str, push: bool = True, **env: str) -> tuple[int, str, Path]:
    words = ("resume", "--run", str(RUN), "--agent", "command", "--command", WORK, "--max-iterations", "4", *more)
    return on_a_laptop(job, *words, push=push, **env)


@pytest.fixture
def failed(job: Job, github: GitHub) -> Job:
    """A run of two iterations that is over."""
    code, log, _ = job.attempt(1, WORK, iterations=2, **{"checkpoint-interval": "1"})
    assert code == 11, log
    github.finished.add(RUN)
    return job


@pytest.mark.parametrize("push", [True, False])
def test_it_goes_on_from_the_run(failed: Job, push: bool) -> None:
    """With both homes, and from the artifact alone; the task's name comes from the run."""
    code, log, work = resumed(failed, push=push)
    assert code == 11, log
    assert f"Run {RUN} of org/project worked on the task `" in log
    assert (work / "done.txt").read_text().split() == ["1", "2", "3", "4"]
    assert state_of(work)["iteration"] == 4


def test_given_again_it_goes_on_from_here(failed: Job) -> None:
    """What this machine has done since is further, and is not thrown away."""
    assert resumed(failed)[0] == 11
    code, log, work = resumed(failed, "--max-iterations", "5")
    assert code == 11, log
    assert (work / "done.txt").read_text().split() == ["1", "2", "3", "4", "5"]


def test_a_run_that_has_nothing(failed: Job) -> None:
    code, log, _ = on_a_laptop(failed, "resume", "--run", "8")
    assert code == 5, log
    assert "Run 8 of org/project has no artifact of the task that is asked for: it has none" in log


def test_another_task_than_the_run_s(failed: Job) -> None:
    code, log, _ = resumed(failed, "--task", "other")
    assert code == 5, log
    assert "it has those of " in log


def test_without_a_token(failed: Job) -> None:
    code, log, _ = resumed(failed, GH_TOKEN="")
    assert code == 2, log
    assert "set GH_TOKEN" in log


def test_run_belongs_to_resume(failed: Job) -> None:
    code, log, _ = on_a_laptop(failed, "status", "--run", "7")
    assert code == 2, log
    assert "--run belongs to `ralph resume`" in log


@pytest.mark.parametrize(
    "origin",
    [
        "https://github.com/org/project.git",
        "https://github.com/org/project",
        "https://user:secret@github.com/org/project.git",
        "git@github.com:org/project.git",
        "ssh://git@github.com/org/project",
        "ssh://git@github.com:22/org/project.git",
    ],
)
def test_where_the_api_is(origin: str) -> None:
    found = located(Context(), origin, {"GH_TOKEN": "t"})
    assert (found.repository, found.api_url) == ("org/project", "https://api.github.com")


def test_an_enterprise_server() -> None:
    found = located(Context(), "git@git.example:org/project.git", {"GITHUB_TOKEN": "t", "GH_HOST": "git.example"})
    assert (found.repository, found.api_url) == ("org/project", "https://git.example/api/v3")


@pytest.mark.parametrize("origin", ["https://evil.example/org/project", "", "../project"])
def test_the_token_goes_nowhere_that_an_agent_names(origin: str) -> None:
    """The workspace's configuration is the agent's to change."""
    with pytest.raises(SettingsError):
        located(Context(), origin, {"GH_TOKEN": "t"})

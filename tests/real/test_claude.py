"""The real `claude` CLI in the loop, against a scripted endpoint: tools, promise, counters, kill and resume."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ralph_action.checkpoint.git import Git
from ralph_action.checkpoint.vault import credential
from tests.lab.anthropic import Anthropic, Bash, Hang, Refuse, Say, Turn
from tests.lab.github import GitHub
from tests.lab.job import ENTRY, Job
from tests.lab.place import kill_tree, state_of
from tests.real.packages import npm_package

pytestmark = pytest.mark.real
VERSION = "2.1.197"
SCRIPT: list[list[Turn]] = [
    [Bash("echo one >> work.txt"), Say("The first step is done.")],
    [Bash("echo two >> work.txt"), Bash("wc -l work.txt"), Say("The second step is done.")],
    [Bash("echo three >> work.txt"), Say("Everything is done.\n\nLOOP_COMPLETE")],
]
TOKENS = (2 + 3 + 2) * 130
BRANCH = "ralph/ralph-loop"


@pytest.fixture(scope="session")
def claude() -> Path:
    return npm_package(f"@anthropic-ai/claude-code@{VERSION}") / "node_modules" / ".bin"


class ClaudeJob:
    """A job whose agent is the real CLI."""

    def __init__(self, job: Job, claude: Path) -> None:
        self.job = job
        self.claude = claude

    def start(self, number: int, endpoint: Anthropic, **inputs: str) -> tuple[subprocess.Popen[str], Path]:
        job = self.job
        work = job.root / f"attempt-{number}"
        Git(job.root, job.environment, config=credential(job.github.url, job.token)).run(
            "clone", "--quiet", "--depth", "1", f"{job.github.url}/org/project", str(work)
        )
        given = {
            "agent": "claude",
            "checkpoint-interval": "1",
            "github-token": job.token,
            "max-iterations": "5",
            **inputs,
        }
        env = {
            **job.environment,
            **job.github.start_run(7, number),
            **{f"INPUT_{name.upper()}": value for name, value in given.items()},
            "PATH": f"{self.claude}:{os.environ['PATH']}",
            "GITHUB_WORKSPACE": str(work),
            "RUNNER_TEMP": str(job.root / f"temp-{number}"),
            "ANTHROPIC_BASE_URL": endpoint.url,
            "ANTHROPIC_API_KEY": "dummy",
            "CLAUDE_CODE_MAX_RETRIES": "1",
        }
        process = subprocess.Popen(
            [sys.executable, str(ENTRY)],
            cwd=work,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        return process, work

    def run(self, number: int, endpoint: Anthropic, **inputs: str) -> tuple[int, str, Path]:
        process, work = self.start(number, endpoint, **inputs)
        log, _ = process.communicate(timeout=240)
        return process.returncode, log, work


@pytest.fixture
def loop(job: Job, claude: Path) -> ClaudeJob:
    return ClaudeJob(job, claude)


def counters(state: dict[str, Any]) -> tuple[int, int]:
    return state["iteration"], state["tokens_used"]


def priced(work: Path) -> float:
    """What the CLI's own result events say, summed over the logs of all iterations."""
    total = 0.0
    for log in (work / ".agent" / "logs").glob("iteration_*.jsonl"):
        for line in log.read_text().splitlines():
            event = json.loads(line) if line.startswith("{") else {}
            total += event.get("total_cost_usd", 0.0) if event.get("type") == "result" else 0.0
    return total


def test_three_iterations_to_the_promise(loop: ClaudeJob, github: GitHub) -> None:
    """Files edited by the CLI's own tools; tokens and cost equal what the endpoint handed out."""
    with Anthropic(SCRIPT) as endpoint:
        code, log, work = loop.run(1, endpoint)
        assert code == 0, log
        state = state_of(work)
        assert (work / "work.txt").read_text() == "one\ntwo\nthree\n"
        assert counters(state) == (3, endpoint.tokens) == (3, TOKENS)
        assert state["status"] == "completed"
        assert state["cost_incurred"] == pytest.approx(priced(work))
        assert state["cost_incurred"] > 0
        assert state["session_id"]
    remote = Git(github.root / "org" / "project.git", loop.job.environment)
    assert remote.run("show", f"{BRANCH}:work.txt") == "one\ntwo\nthree"


@pytest.mark.parametrize("left", ["artifact", "branch"])
def test_killed_in_iteration_two(loop: ClaudeJob, github: GitHub, left: str) -> None:
    """The whole process tree is gone; a fresh clone goes on from one home, and ends with the same tree."""
    stuck: list[list[Turn]] = [SCRIPT[0], [Bash("echo half >> work.txt"), Hang()]]
    with Anthropic(stuck) as endpoint:
        process, first = loop.start(1, endpoint)
        assert endpoint.hanging.wait(120)
        for _ in range(600):
            if '"event": "published"' in (first / ".agent" / "journal.jsonl").read_text():
                break
            time.sleep(0.05)
        kill_tree(process)
    shutil.rmtree(first)
    remote = Git(github.root / "org" / "project.git", loop.job.environment)
    if left == "artifact":
        remote.run("update-ref", "-d", f"refs/heads/{BRANCH}")
        remote.run("update-ref", "-d", "refs/ralph/ralph-loop/state")
    else:
        github.artifacts.hidden = True
    with Anthropic(SCRIPT, at=1) as endpoint:
        code, log, second = loop.run(2, endpoint)
        assert code == 0, log
        assert f"going on from {left}" in log
        state = state_of(second)
        assert counters(state) == (3, TOKENS)
        assert endpoint.tokens == (3 + 2) * 130
    assert remote.run("show", f"{BRANCH}:work.txt") == "one\ntwo\nthree"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_middle(loop: ClaudeJob, github: GitHub, number: int) -> None:
    """Everything done so far is committed, pushed and uploaded."""
    with Anthropic([[Bash("echo half >> work.txt"), Hang()]]) as endpoint:
        process, work = loop.start(1, endpoint)
        assert endpoint.hanging.wait(120)
        process.send_signal(number)
        log, _ = process.communicate(timeout=60)
        assert process.returncode == 130, log
        assert state_of(work)["status"] == "cancelled"
        assert "branch reached, artifact reached" in log
    remote = Git(github.root / "org" / "project.git", loop.job.environment)
    assert remote.run("show", f"{BRANCH}:work.txt") == "half"


def test_a_refused_login_ends_the_loop_at_once(loop: ClaudeJob) -> None:
    """An error is one although the CLI calls it a success; nothing but the user can change it."""
    refusal: list[Turn] = [Refuse(401, "authentication_error", "invalid x-api-key")]
    with Anthropic([list(refusal)] * 3) as endpoint:
        code, log, work = loop.run(1, endpoint)
        assert code == 6, log
        state = state_of(work)
        assert (state["stop_reason"], state["iteration"]) == ("auth", 0)
        assert "authentication failed" in log
        assert "What to do: Set the agent's key" in log

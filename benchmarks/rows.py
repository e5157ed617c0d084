"""The rows, numbered as in the design."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.cancel import cancel
from benchmarks.flood import memory, pump
from benchmarks.growth import growth
from benchmarks.measure import Row, compare
from benchmarks.scratch import AGENT, Scratch
from benchmarks.uploads import uploads
from ralph_action.checkpoint.agent_dir import AgentDir
from ralph_action.checkpoint.homes import Homes
from ralph_action.checkpoint.worktree import Worktree
from ralph_action.clock import SystemClock
from ralph_action.commits import WorkspaceCommits
from ralph_action.state import TaskState
from tests.lab.github import GitHub
from tests.lab.job import Job

ITERATIONS = 10


def snapshot(root: Path) -> Row:
    """Row 1: the loop's own calls for a checkpoint, records and all, without a remote."""
    scratch = Scratch(root)
    work = scratch.repository("large", folders=500)
    tree = Worktree(work, None, scratch.environment)
    agent_dir = AgentDir(root / "agent", work / ".agent", None)
    tree.exclude_agent_dir()
    tree.prepare("ralph/bench", None)
    homes = Homes(agent_dir, WorkspaceCommits(tree), [], SystemClock(), print, metrics_interval=10)
    state = TaskState(task="bench", agent="command", branch="ralph/bench", start_time="2026-01-01T00:00:00Z")

    def timed(act: Callable[[], object], number: int, word: str) -> float:
        (work / "0" / "0" / "0.txt").write_text(f"{word} {number}\n")
        began = time.monotonic()
        act()
        return time.monotonic() - began

    def ours(number: int) -> float:
        return timed(lambda: homes.snapshot(state, "bench"), number, "ours")

    def theirs(number: int) -> float:
        return timed(lambda: scratch.sh("git add -A && git commit -q -m bench", work), number, "theirs")

    try:
        return compare("a checkpoint, 50,000 files", "git add -A && git commit", 1.10, (ours, theirs), 15)
    finally:
        homes.close()


def iteration(root: Path) -> Row:
    """Row 2: from one agent's start to the next, with a remote and artifacts."""
    scratch = Scratch(root)

    def ours(number: int) -> float:
        work = scratch.repository(f"ours-{number}")
        scratch.sh(f"git clone -q --bare . ../{work.name}.git; git remote add origin ../{work.name}.git", work)
        limit = ("--max-iterations", str(ITERATIONS), "--command", AGENT)
        scratch.ralph(work, *limit, RALPH_ARTIFACT_FOLDER=str(root / f"artifacts-{number}"))
        return scratch.iteration_s()

    def theirs(number: int) -> float:
        work = scratch.repository(f"theirs-{number}")
        loop = f"for n in {'x ' * ITERATIONS}; do bash -c '{AGENT}'; git add -A; git commit -q -m work; done"
        scratch.sh(loop, work)
        return scratch.iteration_s()

    return compare("an iteration of 0.5 s", "a shell loop that adds and commits", 1.15, (ours, theirs), 5)


def slow_remote(root: Path) -> Row:
    """Row 3: the same with a push that takes 2 s more and an upload that takes 3 s more."""
    scratch = Scratch(root)
    with GitHub(root / "github") as github:
        github.create_repository()
        job = Job(root, scratch.environment, github)
        github.faults.delays_s = {"push": 2.0, "FinalizeArtifact": 3.0}

        def ours(number: int) -> float:
            command = AGENT.replace("$HOME", str(root))
            code, log, _ = job.attempt(number + 1, command, iterations=ITERATIONS, task=f"t{number}")
            if code != 11:  # a limit was reached, as it should be
                raise RuntimeError(log)
            return scratch.iteration_s()

        def theirs(number: int) -> float:
            work = scratch.repository(f"alone-{number}")
            scratch.ralph(work, "--max-iterations", str(ITERATIONS), "--command", AGENT, "--no-artifact")
            return scratch.iteration_s()

        return compare("with push +2 s, upload +3 s", "without a remote", 1.05, (ours, theirs), 4)


def start(root: Path) -> Row:
    """Row 4: from the process's start to the agent's, with a remote to ask and to claim."""
    scratch = Scratch(root)
    work = scratch.repository("start")
    scratch.sh("git clone -q --bare . ../start.git; git remote add origin ../start.git", work)

    def ours(number: int) -> float:
        began = time.time()
        flags = ("--max-iterations", "1", "--task", f"t{number}", "--no-artifact")
        scratch.ralph(work, *flags, "--command", 'date +%s.%N > "$HOME/began"')
        return float((root / "began").read_text()) - began

    def theirs(number: int) -> float:
        del number
        began = time.time()
        subprocess.run([sys.executable, "-c", "import git, yaml, requests, tenacity"], check=True)
        return time.time() - began

    return compare("start of the process to the agent's", "importing the four packages", 1.0, (ours, theirs), 15)


ROWS: dict[str, Callable[[Path], Row]] = {
    "1": snapshot,
    "2": iteration,
    "3": slow_remote,
    "4": start,
    "5": growth,
    "6": uploads,
    "8": memory,
    "9": pump,
    "cancel": cancel,
}

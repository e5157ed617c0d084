"""Row 5: whether a checkpoint costs more the longer a task has gone on."""

from __future__ import annotations

import json
import subprocess
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.measure import Row, compare
from benchmarks.scratch import Scratch
from ralph_action.checkpoint.agent_dir import AgentDir
from ralph_action.checkpoint.homes import Homes
from ralph_action.checkpoint.remotes import BranchHome, Stand, state_ref
from ralph_action.checkpoint.vault import Vault
from ralph_action.checkpoint.worktree import Worktree
from ralph_action.clock import SystemClock
from ralph_action.commits import WorkspaceCommits
from ralph_action.outcome import Ended, Outcome
from ralph_action.state import TaskState

MANY, FEW = 10_000, 100
KEPT = 50
ROUNDS = 15


class NoClaim:
    """A claim that is nobody's."""

    side = ""

    def hold(self) -> None:
        """Nothing is claimed."""

    def release(self) -> None:
        """Nothing is claimed."""

    def is_due(self) -> bool:
        return False

    def lost(self, why: str) -> None:
        raise RuntimeError(why)


class World:
    """A task that has come to an iteration with a checkpoint each: written down, not gone through."""

    def __init__(self, scratch: Scratch, name: str, iterations: int) -> None:
        self.work = scratch.repository(name)
        remote = scratch.root / f"{name}.git"
        scratch.sh(f"git clone -q --bare . {remote}", self.work)
        tree = Worktree(self.work, None, scratch.environment)
        self.agent_dir = AgentDir(scratch.root / f"{name}-agent", self.work / ".agent", None)
        vault = Vault(scratch.root / f"{name}-vault.git", scratch.environment, tree)
        tree.exclude_agent_dir()
        base = tree.head_sha()
        tip = self._history(tree, vault, iterations)
        tree.prepare("ralph/bench", tip)
        tree.git.run("reset", "--quiet", "--hard")
        self._records(iterations)
        vault.take_base(tip)
        home = BranchHome(
            vault,
            (str(remote), ""),
            "bench",
            self.agent_dir.path,
            NoClaim(),
            Stand(ref=state_ref("bench"), state="", branch="ralph/bench", tip="", base=base),
        )
        commits = WorkspaceCommits(tree)
        self.homes = Homes(
            self.agent_dir, commits, [home], SystemClock(), print, metrics_interval=10, confirmed=base, keep=(KEPT, 0)
        )
        self.state = TaskState(
            task="bench", agent="command", branch="ralph/bench", start_time="2026-01-01T00:00:00Z", head_sha=tip
        )
        for _ in range(200):  # what the state lists
            self.state = self._after()
        self.state = replace(self.state, iteration=iterations, sequence=2 * iterations)
        for _ in range(KEPT + 2):  # what is kept, as the loop writes it
            self.checkpoint()

    def checkpoint(self) -> tuple[float, float]:
        """One more iteration; seconds for which the loop waits, and until it has reached the remote."""
        self.state = self._after()
        (self.work / "0" / "0" / "0.txt").write_text(f"{self.state.iteration}\n")
        self.agent_dir.new_log(self.state.iteration).write_text("x\n")
        began = time.monotonic()
        self.homes.record(self.state)
        self.state, checkpoint = self.homes.snapshot(self.state, "bench")
        blocked_s = time.monotonic() - began
        self.homes.publish(checkpoint, is_last=False)
        stands = self.homes.flush(60)
        if stands.get("branch") != "reached":
            raise RuntimeError(str(stands))
        return blocked_s, time.monotonic() - began

    def _after(self) -> TaskState:
        done = Outcome(ended=Ended.DONE, text="It did what it was told, and said so in a line.", duration_s=61.5)
        return self.state.after(done, started=SystemClock().now(), now=SystemClock().now())

    def _history(self, tree: Worktree, vault: Vault, iterations: int) -> str:
        """Commits of the branch in both repositories."""
        lines = (
            f"commit refs/heads/ralph/bench\ncommitter b <b@localhost> {1_700_000_000 + number} +0000\n"
            f"data 5\nbench\n{'' if number else 'from refs/heads/main' + chr(10)}"
            f"M 644 inline 0/0/0.txt\ndata {len(str(number))}\n{number}\n"
            for number in range(iterations)
        )
        command = ["git", "-c", "fastimport.unpackLimit=0", "fast-import", "--quiet"]
        environment = tree.git.environment
        subprocess.run(command, cwd=self.work, env=environment, input="".join(lines).encode(), check=True)
        tip = tree.git.run("rev-parse", "refs/heads/ralph/bench")
        vault.git.run("fetch", "--quiet", str(self.work), "refs/heads/ralph/bench")
        return tip

    def _records(self, iterations: int) -> None:
        fact = {"number": 1, "ended": "done", "duration_s": 61.5, "tokens": None, "cost_usd": None, "summary": "x" * 90}
        events = ({"event": "iteration", **fact}, {"event": "checkpoint", "commit": "c" * 40}, {"event": "published"})
        with (self.agent_dir.path / "journal.jsonl").open("w") as journal:
            for _ in range(iterations):
                journal.writelines(json.dumps({"time": "2026-01-01T00:00:00Z", **event}) + "\n" for event in events)
        with (self.agent_dir.path / "logs" / "ralph.log").open("w") as log:
            log.write("2026-01-01T00:00:00Z Checkpoint 1: cccccccccccc on ralph/bench\n" * 3 * iterations)
        self.agent_dir.mirror_all()


def growth(root: Path) -> Row:
    """The loop's calls for a checkpoint, and beside it the push to a bare repository."""
    scratch = Scratch(root)
    many, few = World(scratch, "many", MANY), World(scratch, "few", FEW)
    published: list[list[float]] = [[], []]

    def side(world: World, into: list[float]) -> float:
        blocked_s, reached_s = world.checkpoint()
        into.append(reached_s)
        return blocked_s

    try:
        row = compare(
            f"a checkpoint at iteration {MANY:,}",
            f"at iteration {FEW}",
            1.1,
            (lambda _: side(many, published[0]), lambda _: side(few, published[1])),
            ROUNDS,
        )
    finally:
        many.homes.close()
        few.homes.close()
    ours, theirs = (sorted(times)[len(times) // 2] for times in published)
    print(f"row 5: until it is on the remote: {ours * 1000:.0f} ms against {theirs * 1000:.0f} ms", flush=True)
    return row

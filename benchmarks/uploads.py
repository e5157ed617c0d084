"""Row 6: what goes up over many checkpoints, in bytes."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from benchmarks.measure import Row
from benchmarks.scratch import Scratch
from ralph_action.checkpoint.agent_dir import AgentDir
from ralph_action.checkpoint.artifact_home import ArtifactHome
from ralph_action.checkpoint.homes import Homes
from ralph_action.checkpoint.segments import Sent
from ralph_action.checkpoint.stored import Stored
from ralph_action.checkpoint.worktree import Worktree
from ralph_action.clock import SystemClock
from ralph_action.commits import WorkspaceCommits
from ralph_action.outcome import Ended, Outcome, Usage
from ralph_action.ports import ArtifactKind
from ralph_action.state import Checkpoint, StopReason, TaskState

CHECKPOINTS = 1000
LOG_BYTES = (20_000, 50_000)
WORDS = 4000


class Counting:
    """A store that only counts."""

    def __init__(self) -> None:
        self.sizes: dict[ArtifactKind, list[int]] = {kind: [] for kind in ArtifactKind}

    def upload(self, kind: ArtifactKind, sequence: int, again: int, zipped: Path) -> Stored:
        self.sizes[kind].append(zipped.stat().st_size)
        return Stored(name=f"{kind}-{sequence}", kind=kind, sequence=sequence, again=again)

    def mine(self) -> Sequence[Stored]:
        return []

    def delete(self, name: str) -> None:
        raise AssertionError(name)


class Talk:
    """An agent's stream, as much alike from one line to the next as those of real ones are."""

    def __init__(self) -> None:
        self._random = random.Random(6)
        letters = "etaoinshrdlucmfwypvbgkjqxz"
        self._words = ["".join(self._random.choices(letters, k=self._random.randint(2, 10))) for _ in range(WORDS)]

    def text(self, words: int) -> str:
        return " ".join(self._random.choices(self._words, weights=range(WORDS, 0, -1), k=words))

    def log(self) -> str:
        """Messages in JSON, one a line."""
        size = self._random.randint(*LOG_BYTES)
        lines: list[str] = []
        while sum(map(len, lines)) < size:
            content = {"type": "text", "text": self.text(self._random.randint(20, 200))}
            usage = {"input_tokens": self._random.randrange(99_999), "output_tokens": self._random.randrange(9_999)}
            message = {"id": f"msg_{self._random.getrandbits(96):x}", "role": "assistant", "content": [content]}
            lines.append(json.dumps({"type": "assistant", "message": {**message, "usage": usage}}) + "\n")
        return "".join(lines)

    def outcome(self) -> Outcome:
        usage = Usage(
            tokens=self._random.randrange(200_000), cost_usd=Decimal(self._random.randrange(99_999)) / 100_000
        )
        seconds = self._random.uniform(20, 600)
        return Outcome(ended=Ended.DONE, text=self.text(30), usage=usage, duration_s=seconds, exit_code=0)


def uploads(root: Path) -> Row:
    """The real loop's calls, each checkpoint brought to the artifact home, nothing cleaned away meanwhile."""
    scratch = Scratch(root)
    work = scratch.repository("uploads")
    tree = Worktree(work, None, scratch.environment)
    tree.exclude_agent_dir()
    base, branch, talk, store = tree.head_sha(), "ralph/bench", Talk(), Counting()
    tree.prepare(branch, None)
    agent_dir = AgentDir(root / "agent", None, None)

    def bundle(into: Path, checkpoint: Checkpoint, since: str) -> None:
        tree.bundle(into, checkpoint.branch, since)

    home = ArtifactHome(
        agent_dir.path,
        root / "scratch",
        store,
        bundle,
        base,
        sent=Sent(),
        gap_s=0,
        monotonic=time.monotonic,
        say=print,
        most=CHECKPOINTS * 2,
    )
    homes = Homes(agent_dir, WorkspaceCommits(tree), [home], SystemClock(), print, metrics_interval=10)
    state = TaskState(task="bench", agent="command", branch=branch, start_time="2026-01-01T00:00:00Z", base_sha=base)
    try:
        for number in range(1, CHECKPOINTS + 1):
            (work / f"module_{number % 50}.txt").write_text(talk.text(300))
            agent_dir.new_log(number).write_text(talk.log())
            state = state.after(talk.outcome(), started=SystemClock().now(), now=SystemClock().now())
            homes.record(state)
            state = _published(homes, state, is_last=False)
        _published(homes, state.ended(StopReason.MAX_ITERATIONS, now=SystemClock().now()), is_last=True)
    finally:
        homes.close()
    whole = store.sizes[ArtifactKind.WHOLE][-1]
    total = sum(sum(sizes) for sizes in store.sizes.values())
    counts = ", ".join(
        f"{len(sizes)} {kind.name.lower()} {sum(sizes) / 1e6:.1f} MB" for kind, sizes in store.sizes.items()
    )
    print(f"row 6: {counts}", flush=True)
    return Row(f"bytes uploaded, {CHECKPOINTS} checkpoints", "the last artifact", 2.2, total, whole, is_bytes=True)


def _published(homes: Homes, state: TaskState, *, is_last: bool) -> TaskState:
    state, checkpoint = homes.snapshot(state, "bench")
    homes.publish(checkpoint, is_last=is_last)
    stands = homes.flush(60)
    if stands.get("artifact") != "reached":
        raise RuntimeError(str(stands))
    return replace(state)

"""Pure records of a task, an iteration and a checkpoint.

`documents.py` has the documents that they are written as.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """How a task stands; the `status` output."""

    RUNNING = "running"
    COMPLETED = "completed"
    PAUSED = "paused"
    STOPPED = "stopped"
    CANCELLED = "cancelled"
    FAILED = "failed"


class StopReason(StrEnum):
    """Why the loop ended; the `stop-reason` output."""

    PROMISE_KEPT = "promise-kept"
    MAX_ITERATIONS = "max-iterations"
    MAX_RUNTIME = "max-runtime"
    MAX_FAILURES = "max-failures"
    SIGNAL = "signal"
    SETTINGS = "settings"
    STATE = "state"
    GIT = "git"
    GITHUB = "github"
    AGENT = "agent"
    BUG = "bug"


STATUS_OF = {
    StopReason.PROMISE_KEPT: Status.COMPLETED,
    StopReason.MAX_ITERATIONS: Status.STOPPED,
    StopReason.MAX_FAILURES: Status.STOPPED,
    StopReason.MAX_RUNTIME: Status.PAUSED,
    StopReason.SIGNAL: Status.CANCELLED,
}
"""Reasons that are absent here are failures."""

EXIT_OF = {Status.COMPLETED: 0, Status.PAUSED: 10, Status.STOPPED: 11, Status.CANCELLED: 130}


class Ended(StrEnum):
    """How one agent call ended."""

    DONE = "done"
    FAILED = "failed"
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What one agent call used. `None` means that the agent did not say, never zero."""

    tokens: int | None = None
    cost_usd: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one agent call."""

    ended: Ended
    text: str = ""
    """The agent's own text; never the prompt, never a tool's output."""
    usage: Usage = field(default_factory=Usage)
    duration_s: float = 0.0
    exit_code: int | None = None
    session_id: str = ""
    error: str = ""
    """One line for people; empty unless `ended` is failed or timeout."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Iteration:
    """One finished agent call as the task remembers it."""

    number: int
    ended: Ended
    duration_s: float
    tokens: int | None
    cost_usd: Decimal | None
    summary: str = ""
    started: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "ended": self.ended.value,
            "duration_s": round(self.duration_s, 3),
            "tokens": self.tokens,
            "cost_usd": _number(self.cost_usd),
            "summary": self.summary,
            "started": self.started,
        }


KEPT_RUNS = 100
KEPT_ITERATIONS = 200
"""How many iterations the state lists; the journal has them all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskState:
    """All that a task is, across runs. Counters only grow."""

    task: str
    agent: str
    branch: str
    start_time: str
    """ISO 8601 in UTC."""
    generation: int = 1
    iteration: int = 0
    sequence: int = 0
    """Grows with every state that is written; the larger of two is the further one."""
    status: Status = Status.RUNNING
    stop_reason: StopReason | None = None
    tokens_known: int = 0
    unmetered_iterations: int = 0
    cost_known: Decimal = Decimal(0)
    unpriced_iterations: int = 0
    active_seconds: float = 0.0
    failures: int = 0
    """Failed iterations in a row."""
    base_sha: str = ""
    head_sha: str = ""
    """The commit of the last checkpoint; empty before the first, or without git."""
    prompt_sha256: str = ""
    run_id: str = ""
    run_attempt: int = 1
    runs: tuple[str, ...] = ()
    """The runs before this one that the state comes from, the newest last."""
    session_id: str = ""
    promised: bool = False
    """The agent has said that it is done; the run that heard it may have been killed since."""
    updated: str = ""
    iterations: tuple[Iteration, ...] = ()

    @property
    def run(self) -> str:
        """The run that wrote it."""
        return f"{self.run_id}/{self.run_attempt}"

    @property
    def tokens_used(self) -> int | None:
        return None if self.unmetered_iterations else self.tokens_known

    @property
    def cost_incurred(self) -> Decimal | None:
        return None if self.unpriced_iterations else self.cost_known

    def after(self, outcome: Outcome, *, started: str, now: str, promised: bool = False) -> TaskState:
        """One iteration on. A failed iteration's use counts; a cancelled call is no finished iteration."""
        counted = outcome.ended is not Ended.CANCELLED
        use = outcome.usage
        done = Iteration(
            number=self.iteration + 1,
            ended=outcome.ended,
            duration_s=outcome.duration_s,
            tokens=use.tokens,
            cost_usd=use.cost_usd,
            summary=_one_line(outcome.error or outcome.text),
            started=started,
        )
        return replace(
            self,
            iteration=self.iteration + int(counted),
            sequence=self.sequence + 1,
            tokens_known=self.tokens_known + (use.tokens or 0),
            unmetered_iterations=self.unmetered_iterations + int(use.tokens is None and counted),
            cost_known=self.cost_known + (use.cost_usd or Decimal(0)),
            unpriced_iterations=self.unpriced_iterations + int(use.cost_usd is None and counted),
            active_seconds=self.active_seconds + outcome.duration_s,
            failures=self.failures + 1 if outcome.ended in (Ended.FAILED, Ended.TIMEOUT) else 0,
            session_id=outcome.session_id or self.session_id,
            promised=promised,
            updated=now,
            iterations=(*self.iterations, done)[-KEPT_ITERATIONS:] if counted else self.iterations,
        )

    def ended(self, reason: StopReason, *, now: str) -> TaskState:
        """The task stops here, for `reason`."""
        status = STATUS_OF.get(reason, Status.FAILED)
        return replace(self, status=status, stop_reason=reason, sequence=self.sequence + 1, updated=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A durable record after an iteration: `.agent/checkpoints/checkpoint_<iteration>.json`."""

    iteration: int
    sequence: int
    branch: str
    commit: str
    """Empty with `--no-git`."""
    state_file: str
    """Name of the state file beside it, below `.agent/`."""
    digest: str
    """`sha256:<hex>` of that file's bytes."""
    wip: str = ""
    """Of a timed checkpoint: the commit beside the branch that has the files of the unfinished iteration."""
    homes: dict[str, str] = field(default_factory=dict)
    """Home → `reached`, `off` or why not."""
    time: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": "ralph-checkpoint/1",
            "iteration": self.iteration,
            "sequence": self.sequence,
            "branch": self.branch,
            "commit": self.commit,
            "state_file": self.state_file,
            "digest": self.digest,
            "homes": dict(self.homes),
            "time": self.time,
            **({"wip": self.wip} if self.wip else {}),
        }


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def _one_line(text: str, limit: int = 120) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"

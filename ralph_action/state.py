"""Pure records of a task, an iteration and a checkpoint.

`documents.py` has the documents that they are written as.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any

from ralph_action.outcome import Ended, Iteration, Outcome


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
    MAX_ACTIVE_TIME = "max-active-time"
    MAX_TOKENS = "max-tokens"
    MAX_COST = "max-cost"
    MAX_FAILURES = "max-failures"
    FAIL_FAST = "fail-fast"
    STAGNATION = "stagnation"
    RATE_LIMIT = "rate-limit"
    USAGE_LIMIT = "usage-limit"
    OUTAGE = "outage"
    SIGNAL = "signal"
    AUTH = "auth"
    BILLING = "billing"
    DENIED = "permission-denied"
    BAD_CALL = "bad-call"
    SETTINGS = "settings"
    STATE = "state"
    GIT = "git"
    GITHUB = "github"
    AGENT = "agent"
    BUG = "bug"


STOPPING = "max-iterations max-active-time max-tokens max-cost max-failures fail-fast stagnation"
PAUSING = "max-runtime rate-limit usage-limit outage"
STATUS_OF = {
    StopReason.PROMISE_KEPT: Status.COMPLETED,
    **{StopReason(name): Status.STOPPED for name in STOPPING.split()},
    **{StopReason(name): Status.PAUSED for name in PAUSING.split()},
    StopReason.SIGNAL: Status.CANCELLED,
}
"""Reasons that are absent here are failures."""

EXIT_OF = {Status.COMPLETED: 0, Status.PAUSED: 10, Status.STOPPED: 11, Status.CANCELLED: 130}
EXIT_OF_FAILURE = {
    StopReason.STATE: 3,
    StopReason.GIT: 4,
    **dict.fromkeys((StopReason.AUTH, StopReason.BILLING, StopReason.DENIED, StopReason.BAD_CALL), 6),
}


MAX_FAILURE = 4000
"""Characters of a verify failure that the next prompt carries."""
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
    estimated_iterations: int = 0
    """How many costs are worked out from a price table."""
    active_seconds: float = 0.0
    failures: int = 0
    """Failed iterations in a row."""
    stagnant: int = 0
    """Iterations in a row without any progress."""
    progress: str = ""
    """What progress is measured by, as the last iteration left it; empty when it is not measured."""
    verify_failure: str = ""
    """What the verify commands said when the agent last claimed to be done; empty when they passed since."""
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
    """The agent has said that it is done; the run that heard it may have been killed before it was verified."""
    resets_at: str = ""
    """When the limit is over at which the task was paused; UTC, ISO 8601; empty when it is not known."""
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

    def after(
        self,
        outcome: Outcome,
        *,
        started: str,
        now: str,
        promised: bool = False,
        counts: bool = True,
        progress: str = "",
        agent: str = "",
    ) -> TaskState:
        """One agent call on. What it used counts, whatever became of it.

        Args:
            outcome: what came of the call.
            started: when it began.
            now: the present time.
            promised: whether the agent said that it is done.
            counts: whether the iteration is used up; a fault of the infrastructure, or a cancel, uses none.
            progress: what progress is measured by, as it is now.
            agent: which agent it was.

        """
        counts = counts and outcome.ended is not Ended.CANCELLED
        use = outcome.usage
        done = Iteration(
            number=self.iteration + 1,
            ended=outcome.ended,
            duration_s=outcome.duration_s,
            tokens=use.tokens,
            cost_usd=use.cost_usd,
            summary=_one_line(outcome.error or outcome.text),
            started=started,
            agent=agent,
            is_estimate=use.is_estimate,
        )
        is_still = bool(progress) and progress == self.progress
        has_moved = bool(progress) and not is_still
        has_failed = outcome.ended is Ended.FAILED or (outcome.ended is Ended.TIMEOUT and not has_moved)
        return replace(
            self,
            iteration=self.iteration + int(counts),
            sequence=self.sequence + 1,
            tokens_known=self.tokens_known + (use.tokens or 0),
            unmetered_iterations=self.unmetered_iterations + int(use.tokens is None and counts),
            cost_known=self.cost_known + (use.cost_usd or Decimal(0)),
            unpriced_iterations=self.unpriced_iterations + int(use.cost_usd is None and (counts or bool(use.tokens))),
            estimated_iterations=self.estimated_iterations + int(use.is_estimate),
            active_seconds=self.active_seconds + outcome.duration_s,
            failures=(self.failures + 1 if has_failed else 0) if counts else self.failures,
            stagnant=(self.stagnant + 1 if is_still else 0) if counts else self.stagnant,
            progress=progress or self.progress,
            session_id=outcome.session_id or self.session_id,
            promised=promised,
            updated=now,
            iterations=(*self.iterations, done)[-KEPT_ITERATIONS:] if counts else self.iterations,
        )

    def verified(self, failure: str, *, now: str) -> TaskState:
        """What the verify commands made of the agent's claim: kept when there is no failure, else taken back."""
        return replace(
            self, promised=not failure, verify_failure=failure[-MAX_FAILURE:], sequence=self.sequence + 1, updated=now
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
    withheld: tuple[str, ...] = ()
    """Files that this home's commit lacks, because the remote does not take them."""

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
            **({"withheld": list(self.withheld)} if self.withheld else {}),
        }


def _one_line(text: str, limit: int = 120) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"

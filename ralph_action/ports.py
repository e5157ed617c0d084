"""The few protocols that the loop speaks to; `fakes.py` has a scripted one of each."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from ralph_action.outcome import Outcome
from ralph_action.state import Checkpoint, StopReason, TaskState


@dataclass(frozen=True, slots=True)
class User:
    """The user that untrusted programs run as."""

    uid: int
    gid: int


class ArtifactKind(StrEnum):
    """What an artifact holds; the second word of its name."""

    STATE = "state"
    """The last checkpoint, as far as a resume needs it."""
    SEGMENT = "segment"
    """What came since the segment before it."""
    WHOLE = "agent"
    """All of `.agent/`, at the end of a run."""


class Stop:
    """A request to end, set by a signal handler or by whoever finds the run lost, and read by whoever waits."""

    def __init__(self) -> None:
        self.requested = threading.Event()
        self.signal = 0
        """Number of the first signal; 0 without one."""
        self.reason: StopReason | None = None

    def request(self, signal: int) -> None:
        self.signal = self.signal or signal
        self.abandon(StopReason.SIGNAL)

    def abandon(self, reason: StopReason) -> None:
        """End the run for a reason of its own; the first one counts."""
        self.reason = self.reason or reason
        self.requested.set()


def unseen(text: str) -> None:
    """Show nobody what the agent says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One agent call, complete: an adapter needs nothing else."""

    prompt: str
    prompt_file: Path
    """A copy of the prompt that the agent may read; outside the work tree's tracked files."""
    workspace: Path
    iteration: int
    environment: Mapping[str, str]
    """The child's whole environment; holds no token of the repository or the runtime."""
    log: Path
    """Where the raw stream goes, a line an event."""
    timeout_s: float | None = None
    idle_timeout_s: float | None = None
    """How long it may say nothing; None: as long as it likes."""
    tokens_left: int | None = None
    """Of the task's budget; None: there is none."""
    cost_left: Decimal | None = None
    user: User | None = None
    """None: as ourselves."""
    show: Callable[[str], None] = unseen
    """Takes what the agent says as it comes, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What the loop knows of the call that comes next."""

    agent: str
    number: int
    """The iteration's."""
    prompt: str
    timeout_s: float
    started: str
    """UTC, ISO 8601."""


class Agent(Protocol):
    """Anything that can do one iteration."""

    @property
    def name(self) -> str:
        """The word that the `agent` input uses for it."""
        ...

    def run(self, call: Call, stop: Stop) -> Outcome:
        """Do one iteration; return when it ended, when its time is up, or soon after `stop` is requested.

        No descendant of the agent is left behind.

        Raises:
            AgentError: the agent cannot be started at all.
        """
        ...


class Checkpoints(Protocol):
    """Where the loop leaves its work."""

    def record(self, state: TaskState, event: str = "iteration") -> None:
        """Write the state to the local home; no commit. `event` is what the journal calls it."""
        ...

    def snapshot(self, state: TaskState, line: str) -> tuple[TaskState, Checkpoint | None]:
        """Commit the work tree and write the checkpoint's record; blocks. `line` ends the commit's subject.

        None when there was no room for it, which has been said: the next one holds all of it.
        """
        ...

    def publish(self, checkpoint: Checkpoint, *, is_last: bool) -> None:
        """Hand it to the remote homes, beside the next iteration; newest wins, the last one waits for nothing."""
        ...

    def flush(self, timeout_s: float) -> dict[str, str]:
        """Wait until what was published has reached its homes; home → `reached` or why not.

        `local` is not reached when the last snapshot was not taken.
        """
        ...


class Workspace(Protocol):
    """What the loop asks of the files."""

    def progress(self) -> str:
        """What progress is measured by: the same text as long as nothing has changed; empty when it is not measured."""
        ...

    def verify(self, state: TaskState) -> str | None:
        """Run the user's verify commands; return what failed, empty when all of them passed, None without any."""
        ...


class Prompts(Protocol):
    """Where the prompt comes from."""

    def read(self) -> str:
        """The prompt as it is now, archived when it is a new version."""
        ...


class Clock(Protocol):
    """The one source of time."""

    def monotonic(self) -> float: ...

    def wait(self, seconds: float, stop: Stop) -> None:
        """Return after so many seconds, or as soon as the end is asked for."""
        ...

    def later(self, seconds: float) -> str:
        """The UTC time, ISO 8601, that is so many seconds from now."""
        ...

    def now(self) -> str:
        """UTC, ISO 8601."""
        ...


class Report(Protocol):
    """What a person sees while the loop goes on."""

    def started(self, state: TaskState) -> None: ...

    def iteration_started(self, number: int, agent: str) -> None: ...

    def iteration_ended(self, state: TaskState, outcome: Outcome) -> None: ...

    def verified(self, state: TaskState) -> None:
        """The verify commands have run; the state holds what failed."""
        ...

    def waiting(self, seconds: float, outcome: Outcome) -> None:
        """The loop waits before the next call."""
        ...

    def checkpointed(self, state: TaskState, checkpoint: Checkpoint) -> None: ...

    def ended(self, state: TaskState, homes: Mapping[str, str]) -> None: ...


def is_reached(home: str) -> bool:
    """Whether a home that stands so has all of a checkpoint, in one form or another."""
    return home == "reached" or home.startswith("reached;")


def is_settled(home: str) -> bool:
    """Whether nothing more can be done for a home that stands so: it has all, or all that it takes, or is off."""
    return home == "off" or home.startswith("reached")

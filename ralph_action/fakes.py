"""Scripted, real implementations of `ports.py`, for tests and rehearsals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from ralph_action.outcome import Ended, Outcome
from ralph_action.ports import Call, Stop
from ralph_action.state import Checkpoint, TaskState


class ScriptedAgent:
    """Gives the outcomes of its script, one a call; the last one again when the script is over."""

    name = "scripted"

    def __init__(self, outcomes: Iterable[Outcome], *, during: Callable[[Call, Stop], None] | None = None) -> None:
        self._outcomes = list(outcomes)
        self._during = during
        self.calls: list[Call] = []

    def run(self, call: Call, stop: Stop) -> Outcome:
        self.calls.append(call)
        if self._during is not None:
            self._during(call, stop)
        if stop.requested.is_set():
            return Outcome(ended=Ended.CANCELLED)
        return self._outcomes[min(len(self.calls), len(self._outcomes)) - 1]


class MemoryCheckpoints:
    """Keeps states and checkpoints in memory; its remote home answers as it is told."""

    def __init__(self, homes: Mapping[str, str] | None = None) -> None:
        self.homes = dict(homes or {"local": "reached"})
        self.recorded: list[TaskState] = []
        self.snapshots: list[Checkpoint] = []
        self.published: list[Checkpoint] = []
        self.flushed_s: list[float] = []

    def record(self, state: TaskState, event: str = "iteration") -> None:
        self.recorded.append(state)

    def snapshot(self, state: TaskState, line: str) -> tuple[TaskState, Checkpoint]:
        number = len(self.snapshots) + 1
        checkpoint = Checkpoint(
            iteration=state.iteration,
            sequence=state.sequence + 1,
            branch=state.branch,
            commit=f"{number:040x}",
            state_file=line,
            digest="",
        )
        self.snapshots.append(checkpoint)
        return replace(state, sequence=state.sequence + 1, head_sha=checkpoint.commit), checkpoint

    def publish(self, checkpoint: Checkpoint, *, is_last: bool) -> None:
        self.published.append(checkpoint)

    def flush(self, timeout_s: float) -> dict[str, str]:
        self.flushed_s.append(timeout_s)
        return dict(self.homes)


class FixedPrompt:
    """Always the same prompt."""

    def __init__(self, text: str) -> None:
        self._text = text

    def read(self) -> str:
        return self._text


class ScriptedWorkspace:
    """Changes as it is told to; what verify finds is its script, one a claim."""

    def __init__(self, marks: Iterable[str] = (), failures: Iterable[str | None] = ()) -> None:
        self._marks = list(marks)
        self._failures = list(failures)

    def progress(self) -> str:
        return self._marks.pop(0) if self._marks else ""

    def verify(self, state: TaskState) -> str | None:
        return self._failures.pop(0) if self._failures else None


class TickingClock:
    """A clock that moves only when it is told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds

    def later(self, seconds: float) -> str:
        return f"2026-01-01T00:00:{self.seconds + seconds:09.3f}Z"

    def wait(self, seconds: float, stop: Stop) -> None:
        self.seconds += seconds

    def now(self) -> str:
        return f"2026-01-01T00:00:{self.seconds:09.3f}Z"


class QuietReport:
    """Remembers the names of what it was told."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def started(self, state: TaskState) -> None:
        self.events.append(f"started {state.iteration}")

    def iteration_started(self, number: int, agent: str) -> None:
        self.events.append(f"iteration {number}")

    def iteration_ended(self, state: TaskState, outcome: Outcome) -> None:
        self.events.append(f"{outcome.ended.value} {state.iteration}")

    def verified(self, state: TaskState) -> None:
        self.events.append(f"verified {'no' if state.verify_failure else 'yes'}")

    def waiting(self, seconds: float, outcome: Outcome) -> None:
        self.events.append(f"waiting {seconds:.0f}")

    def checkpointed(self, state: TaskState, checkpoint: Checkpoint) -> None:
        self.events.append(f"checkpoint {checkpoint.iteration}")

    def ended(self, state: TaskState, homes: Mapping[str, str]) -> None:
        self.events.append(f"ended {state.status.value}")

"""Pure decisions: go on or stop (and why), how long a call may take, whether a checkpoint is due."""

from __future__ import annotations

from dataclasses import dataclass

from ralph_action.state import Ended, Outcome, StopReason, TaskState

MARK = "[CHECKPOINT]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The budgets of a run."""

    max_iterations: int = 100
    """Of the task, across runs."""
    max_runtime_s: float = 330 * 60
    """Of this run: a runner's own limit starts anew with each."""
    iteration_timeout_s: float | None = None
    max_failures: int = 3
    checkpoint_interval: int = 5
    checkpoint_every_s: float | None = None
    completion_promise: str = ""


def why_stop(state: TaskState, limits: Limits, *, elapsed_s: float, stopping: StopReason | None) -> StopReason | None:
    """Say why no further iteration may start; None when one may."""
    if stopping is not None:
        return stopping
    if state.promised:
        return StopReason.PROMISE_KEPT
    if state.failures >= limits.max_failures:
        return StopReason.MAX_FAILURES
    if state.iteration >= limits.max_iterations:
        return StopReason.MAX_ITERATIONS
    if elapsed_s >= limits.max_runtime_s:
        return StopReason.MAX_RUNTIME
    return None


def call_timeout_s(limits: Limits, *, elapsed_s: float) -> float:
    """How long the next call may take: the nearer of its own limit and what is left of the run."""
    left = max(limits.max_runtime_s - elapsed_s, 0.0)
    return left if limits.iteration_timeout_s is None else min(left, limits.iteration_timeout_s)


def promise_kept(outcome: Outcome, promise: str) -> bool:
    """Whether the agent, in its own text and on a line of its own, says that the task is done."""
    if not promise or outcome.ended is not Ended.DONE:
        return False
    return any(_bare(line) == promise for line in outcome.text.splitlines())


def checkpoint_due(state: TaskState, limits: Limits, *, since_last_s: float) -> bool:
    """Whether the iteration that has just ended closes a checkpoint interval, or the last one is too old."""
    if limits.checkpoint_every_s is not None and since_last_s >= limits.checkpoint_every_s:
        return True
    return state.iteration > 0 and state.iteration % limits.checkpoint_interval == 0


def checkpoint_marked(outcome: Outcome, before: str, after: str) -> bool:
    """Whether the iteration asked for a checkpoint: a new mark in the prompt, or one alone on a line of the text."""
    return after.count(MARK) > before.count(MARK) or any(_bare(line) == MARK for line in outcome.text.splitlines())


def _bare(line: str) -> str:
    """The line without the marks that models like to put around a promise."""
    text = line.strip().strip("*_`").strip()
    if text.startswith("<promise>") and text.endswith("</promise>"):
        text = text.removeprefix("<promise>").removesuffix("</promise>").strip()
    return text

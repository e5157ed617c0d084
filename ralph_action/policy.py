"""Pure decisions: go on or stop (and why), what a call may take, whether it is done, whether a checkpoint is due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from ralph_action.outcome import Ended, Outcome
from ralph_action.state import StopReason, TaskState

MARK = "[CHECKPOINT]"
CHECKLIST = "checklist"
"""The completion promise that means: every box of the prompt file is ticked."""
BOXES, TICKS = ("- [ ]", "* [ ]", "+ [ ]"), ("- [x]", "- [X]", "* [x]", "* [X]", "+ [x]", "+ [X]")
LOOKED_AT = 5
"""How many of the last iterations say how long the next one takes at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The budgets of a run."""

    max_iterations: int = 100
    """Of the task, across runs."""
    max_runtime_s: float = 330 * 60
    """Of this run: a runner's own limit starts anew with each."""
    max_active_s: float | None = None
    """Of the task, across runs: the time that the agent worked."""
    max_tokens: int | None = None
    max_cost_usd: Decimal | None = None
    iteration_timeout_s: float | None = None
    idle_timeout_s: float | None = None
    max_failures: int = 3
    max_stagnation: int = 0
    """Iterations in a row without progress; 0: it is not looked at."""
    max_wait_s: float = 600
    """How long a limit of the agent's is waited for."""
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
    return _used_up(state, limits, elapsed_s) or _no_longer_worth_it(state, limits, elapsed_s)


def _used_up(state: TaskState, limits: Limits, elapsed_s: float) -> StopReason | None:
    """The budget that is used up; what agents did not report can only be counted as far as it is known."""
    if limits.max_tokens is not None and state.tokens_known >= limits.max_tokens:
        return StopReason.MAX_TOKENS
    if limits.max_cost_usd is not None and state.cost_known >= limits.max_cost_usd:
        return StopReason.MAX_COST
    if limits.max_active_s is not None and state.active_seconds >= limits.max_active_s:
        return StopReason.MAX_ACTIVE_TIME
    return StopReason.MAX_RUNTIME if elapsed_s >= limits.max_runtime_s else None


def _no_longer_worth_it(state: TaskState, limits: Limits, elapsed_s: float) -> StopReason | None:
    if limits.max_stagnation and state.stagnant >= limits.max_stagnation:
        return StopReason.STAGNATION
    # What the shortest of the last iterations took, the next one takes, too: a shorter rest is not begun.
    lasted = [done.duration_s for done in state.iterations[-LOOKED_AT:] if done.ended is Ended.DONE]
    if len(lasted) == LOOKED_AT and elapsed_s + min(lasted) > limits.max_runtime_s:
        return StopReason.MAX_RUNTIME
    return None


def call_timeout_s(state: TaskState, limits: Limits, *, elapsed_s: float) -> float:
    """How long the next call may take: the nearest of its own limit and what is left of the run and of the task."""
    ends = [limits.max_runtime_s - elapsed_s]
    if limits.max_active_s is not None:
        ends.append(limits.max_active_s - state.active_seconds)
    if limits.iteration_timeout_s is not None:
        ends.append(limits.iteration_timeout_s)
    return max(min(ends), 0.0)


def tokens_left(state: TaskState, limits: Limits) -> int | None:
    """Of the task's budget; None: there is none."""
    return None if limits.max_tokens is None else max(limits.max_tokens - state.tokens_known, 0)


def cost_left(state: TaskState, limits: Limits) -> Decimal | None:
    """Of the task's budget; None: there is none."""
    return None if limits.max_cost_usd is None else max(limits.max_cost_usd - state.cost_known, Decimal(0))


def claims_done(outcome: Outcome, promise: str, prompt: str) -> bool:
    """Whether the agent claims that the task is done: by its promise, or by the prompt file's boxes."""
    if promise == CHECKLIST:
        ticked, open_ = boxes(prompt)
        return outcome.ended is Ended.DONE and ticked > 0 and not open_
    return promise_kept(outcome, promise)


def boxes(prompt: str) -> tuple[int, int]:
    """How many boxes of a Markdown text are ticked, and how many are not."""
    lines: Sequence[str] = [line.lstrip() for line in prompt.splitlines()]
    return sum(line.startswith(TICKS) for line in lines), sum(line.startswith(BOXES) for line in lines)


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

"""The loop, on one screen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ralph_action import policy
from ralph_action.policy import Limits
from ralph_action.ports import Agent, Call, Checkpoints, Clock, Prompts, Report, Stop
from ralph_action.state import EXIT_OF, Ended, Outcome, Status, StopReason, TaskState

FLUSH_S = 120.0
FLUSH_AFTER_SIGNAL_S = 4.0
"""The runner kills us 10 s after its first signal (design section 7)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The collaborators of one run."""

    agent: Agent
    checkpoints: Checkpoints
    prompts: Prompts
    clock: Clock
    report: Report
    stop: Stop
    call: Callable[[str, int, float], Call]
    """(prompt, iteration, timeout in seconds) → the call."""


def run(state: TaskState, limits: Limits, parts: Parts) -> TaskState:
    """Go on with a task until something ends it; return its last state, checkpointed and flushed."""
    clock, stop, checkpoints = parts.clock, parts.stop, parts.checkpoints
    began = saved = clock.monotonic()
    parts.report.started(state)
    reason: StopReason | None = None
    while reason is None:
        elapsed_s = clock.monotonic() - began
        reason = policy.why_stop(state, limits, elapsed_s=elapsed_s, stopping=stop.reason)
        if reason is not None:
            break
        started, number = clock.now(), state.iteration + 1
        parts.report.iteration_started(number)
        timeout_s = policy.call_timeout_s(limits, elapsed_s=elapsed_s)
        prompt = parts.prompts.read()
        outcome = parts.agent.run(parts.call(prompt, number, timeout_s), stop)
        promised = policy.promise_kept(outcome, limits.completion_promise)
        state = state.after(outcome, started=started, now=clock.now(), promised=promised)
        checkpoints.record(state)
        due = policy.checkpoint_due(state, limits, since_last_s=clock.monotonic() - saved)
        due = due or policy.checkpoint_marked(outcome, prompt, parts.prompts.read())
        if due and not promised and outcome.ended is not Ended.CANCELLED:
            state = _checkpoint(state, parts, _line(outcome))
            saved = clock.monotonic()
        parts.report.iteration_ended(state, outcome)
    state = _checkpoint(state.ended(reason, now=clock.now()), parts, reason.value, is_last=True)
    homes = checkpoints.flush(FLUSH_AFTER_SIGNAL_S if reason is StopReason.SIGNAL else FLUSH_S)
    if state.status is Status.COMPLETED and not _is_safe(homes):
        # Honest: completed means pushed. Work that has left the machine nowhere is not done.
        state = state.ended(StopReason.GIT, now=clock.now())
        checkpoints.record(state)
    parts.report.ended(state, homes)
    return state


def exit_code(state: TaskState) -> int:
    """The process's exit code for an ending that is no error."""
    return EXIT_OF.get(state.status, 4 if state.stop_reason is StopReason.GIT else 70)


def _checkpoint(state: TaskState, parts: Parts, line: str, *, is_last: bool = False) -> TaskState:
    state, checkpoint = parts.checkpoints.snapshot(state, line)
    parts.checkpoints.publish(checkpoint, is_last=is_last)
    parts.report.checkpointed(state, checkpoint)
    return state


def _line(outcome: Outcome) -> str:
    said = next((line.strip() for line in outcome.text.splitlines() if line.strip()), "")
    return (outcome.error or said or outcome.ended.value)[:72]


def _is_safe(homes: dict[str, str]) -> bool:
    remote = [text for home, text in homes.items() if home != "local" and text != "off"]
    return not remote or "reached" in remote

"""Pure: what the agent is told after the prompt; `context: none` leaves it out."""

from __future__ import annotations

from ralph_action import policy
from ralph_action.policy import CHECKLIST, Limits
from ralph_action.state import TaskState

NOTES = ".agent/scratchpad.md"


def briefing(
    state: TaskState, limits: Limits, *, number: int, timeout_s: float, is_resumed: bool, is_half: bool
) -> str:
    """The block of context for one call.

    Args:
        state: where the task stands.
        limits: its budgets.
        number: the iteration's.
        timeout_s: how long the call may take.
        is_resumed: whether it is the first call after the run went on from a checkpoint.
        is_half: whether the files hold the work of an iteration that was cut off.

    """
    lines = [
        f"This is iteration {number} of at most {limits.max_iterations}. Each one is a fresh conversation: "
        f"what you know from before is in the files, in git and in {NOTES}.",
        f"Left: {', '.join(_left(state, limits, timeout_s))}.",
        f"Keep your notes for the next iteration in {NOTES}; everything under .agent/ stays out of commits.",
        "All files are committed for you after the iteration; you need not commit or push.",
    ]
    if is_resumed:
        lines.append("The run was interrupted and goes on from its last checkpoint.")
    if is_half:
        lines.append("The files hold unfinished work of the iteration that was cut off: look at it before you go on.")
    lines.append(_end(limits))
    if state.verify_failure:
        lines += ["You said before that it was done, but this check failed:", "", _indented(state.verify_failure)]
    return "\n".join(["", "---", "From ralph, which runs you in a loop:", "", *lines, ""])


def _left(state: TaskState, limits: Limits, timeout_s: float) -> list[str]:
    left = [f"{max(timeout_s / 60, 0):.0f} minutes for this iteration"]
    if (tokens := policy.tokens_left(state, limits)) is not None:
        left.append(f"{tokens:,} tokens")
    if (dollars := policy.cost_left(state, limits)) is not None:
        left.append(f"${dollars:.2f}")
    return left


def _end(limits: Limits) -> str:
    promise = limits.completion_promise
    if promise == CHECKLIST:
        return "The task is done when every box of the prompt file is ticked: tick each one when it is true."
    if promise:
        return f"Only when the whole task is done and checked, say this on a line of its own: {promise}"
    return "The loop ends at its budget."


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())

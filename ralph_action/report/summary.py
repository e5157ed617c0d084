"""Pure: the job summary in Markdown, a plain table of iterations, within the byte limit."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from ralph_action.outcome import Iteration
from ralph_action.state import Status, TaskState

MAX_BYTES = 900_000
"""The runner drops a summary of more than 1 MiB whole (actions/runner, file commands)."""

HEADLINE = {
    Status.RUNNING: "The loop is running",
    Status.COMPLETED: "The task is completed",
    Status.PAUSED: "The loop is paused; run it again to go on",
    Status.STOPPED: "The loop stopped at a limit",
    Status.CANCELLED: "The run was cancelled; run it again to go on",
    Status.FAILED: "The run failed",
}


def summary(state: TaskState, homes: Mapping[str, str], *, resumed_from: str = "", limit: int = MAX_BYTES) -> str:
    """Render the job summary; older iterations are left out first when it would be too long."""
    rows = list(state.iterations)
    while True:
        text = _render(state, homes, resumed_from, rows)
        if len(text.encode()) <= limit or not rows:
            return text
        rows = rows[len(rows) // 2 + 1 :]


def tokens(value: int | None) -> str:
    """Tokens for people."""
    return "unknown" if value is None else f"{value:,}"


def cost(value: Decimal | None, *, is_estimate: bool = False) -> str:
    """Dollars for people; an unknown price is called so, and what a price table says has a tilde."""
    return "unknown" if value is None else f"{'~' if is_estimate else ''}${value:.4f}"


def spent(state: TaskState) -> str:
    """What the task cost, for people."""
    return cost(state.cost_incurred, is_estimate=state.estimated_iterations > 0)


def ending(row: Iteration, state: TaskState) -> str:
    """How an iteration ended, and which agent did it where that is not the task's."""
    return row.ended.value if row.agent in {"", state.agent} else f"{row.ended.value} ({row.agent})"


def duration(seconds: float) -> str:
    """Seconds for people."""
    if seconds < 60:  # noqa: PLR2004  a minute
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _render(state: TaskState, homes: Mapping[str, str], resumed_from: str, rows: list[Iteration]) -> str:
    reason = f" ({state.stop_reason.value})" if state.stop_reason else ""
    lines = [
        f"### Ralph: {HEADLINE[state.status]}{reason}",
        "",
        f"Task `{_cell(state.task)}`, generation {state.generation}, branch `{_cell(state.branch)}`, "
        f"agent `{_cell(state.agent)}`.",
        "",
        "| iterations | active time | tokens | cost |",
        "| ---: | ---: | ---: | ---: |",
        f"| {state.iteration} | {duration(state.active_seconds)} | {tokens(state.tokens_used)} | {spent(state)} |",
        "",
    ]
    if resumed_from:
        lines += [f"Resumed from {_cell(resumed_from)}.", ""]
    if homes:
        stands = ", ".join(f"{home}: {_cell(text)}" for home, text in homes.items())
        lines += [f"Last checkpoint: {stands}.", ""]
    lines += ["| # | ended | time | tokens | cost | what the agent said |", "| ---: | --- | ---: | ---: | ---: | --- |"]
    hidden = state.iteration - len(rows)
    if hidden > 0:
        lines.append(f"| … | {hidden} earlier | | | | |")
    lines += [
        f"| {row.number} | {_cell(ending(row, state))} | {duration(row.duration_s)} | {tokens(row.tokens)} "
        f"| {cost(row.cost_usd, is_estimate=row.is_estimate)} | {_cell(row.summary)} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    """Make untrusted text harmless in a Markdown cell."""
    flat = " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|").replace("`", "'")
    return flat.replace("<", "&lt;").replace("[", "\\[").replace("@", "@\u200b")

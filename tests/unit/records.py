"""Records that unit tests begin with."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from ralph_action.outcome import Ended, Outcome, Usage
from ralph_action.state import TaskState


def new_state(**changes: object) -> TaskState:
    """A task that begins now."""
    fields: dict[str, Any] = {
        "task": "t",
        "agent": "claude",
        "branch": "ralph/t",
        "start_time": "2026-01-01T00:00:00Z",
    }
    return TaskState(**(fields | changes))


def done(text: str = "ok", *, tokens: int | None = 10, cost: str | None = "0.5") -> Outcome:
    """An iteration that went well."""
    return Outcome(
        ended=Ended.DONE,
        text=text,
        usage=Usage(tokens=tokens, cost_usd=None if cost is None else Decimal(cost)),
        duration_s=1.0,
    )


def failed(error: str = "boom") -> Outcome:
    """An iteration that failed, and cost something."""
    return Outcome(
        ended=Ended.FAILED, error=error, usage=Usage(tokens=3, cost_usd=Decimal("0.25")), duration_s=6, exit_code=1
    )

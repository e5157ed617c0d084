"""What every adapter must make of the same twenty scenarios, told in its own CLI's lines; one module an agent."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from ralph_action.agents.process import How
from ralph_action.outcome import Ended, ErrorClass

NAMES = (
    "success",
    "promise",
    "promise in a tool's output",
    "echo of the prompt",
    "sums of several steps",
    "thoughts or a sub-agent",
    "rate limit",
    "usage limit",
    "overload",
    "auth",
    "billing",
    "bad model",
    "network",
    "garbage",
    "cut off",
    "hang after the end",
    "half a character",
    "denied",
    "stopped by us",
    "nothing at all",
)
"""The scenarios; an adapter whose CLI cannot say one of them leaves it out, and says why in `WITHOUT`."""


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What the CLI writes, and what must come of it."""

    lines: tuple[object, ...] = ()
    """Of its standard output: a dict is written as JSON, bytes as they are."""
    tail: str = ""
    """The end of what it wrote to both streams; empty: the end of the lines."""
    complaint: str = ""
    """The end of its standard error."""
    exit_code: int = 0
    how: How = How.EXITED
    ended: Ended = Ended.DONE
    text: str | None = None
    """None: it is not looked at."""
    kind: ErrorClass | None = None
    tokens: int | None = None
    cost: Decimal | None = None
    session: str | None = None
    resets_in_s: float | None = None
    """From NOW on."""
    denied: tuple[str, ...] = ()

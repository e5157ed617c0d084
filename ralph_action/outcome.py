"""Pure records of what came of one agent call."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any


class Ended(StrEnum):
    """How one agent call ended."""

    DONE = "done"
    FAILED = "failed"
    TIMEOUT = "timeout"
    LIMIT = "limit"
    """A budget of the task was used up in the middle of it."""
    CANCELLED = "cancelled"


class ErrorClass(StrEnum):
    """What kind of trouble ended a call; each has its own policy."""

    AUTH = "auth"
    BILLING = "billing"
    DENIED = "permission-denied"
    BAD_CALL = "bad-call"
    """A model or a flag that the agent does not take."""
    RATE_LIMIT = "rate-limit"
    USAGE_LIMIT = "usage-limit"
    """Of the plan: hours, not seconds."""
    OVERLOAD = "overload"
    NETWORK = "network"
    START = "start"
    """It ended before it had said anything of its own."""
    SILENT = "silent"
    """No event came in the first minutes."""
    IDLE = "idle"
    """Nothing came for longer than `idle-timeout`."""
    KILLED = "killed"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What one agent call used. `None` means that the agent did not say, never zero."""

    tokens: int | None = None
    """All of them, cached ones too."""
    cost_usd: Decimal | None = None
    input_tokens: int | None = None
    cached_tokens: int | None = None
    output_tokens: int | None = None
    is_estimate: bool = False
    """Whether the cost is worked out from a price table, as the agent reports none."""

    def exceeds(self, tokens_left: int | None, cost_left: Decimal | None) -> bool:
        """Whether it is more than what is left of a budget, as far as it is known; None: there is no budget."""
        is_over = tokens_left is not None and (self.tokens or 0) > tokens_left
        return is_over or (cost_left is not None and (self.cost_usd or 0) > cost_left)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one agent call."""

    ended: Ended
    text: str = ""
    """The agent's own text; never the prompt, never a tool's output."""
    usage: Usage = field(default_factory=Usage)
    duration_s: float = 0.0
    exit_code: int | None = None
    session_id: str = ""
    error: str = ""
    """One line for people; empty unless `ended` is failed, timeout or limit."""
    error_class: ErrorClass | None = None
    resets_in_s: float | None = None
    """Of a limit: how long until it is over; None: not said."""
    denied: tuple[str, ...] = ()
    """The tools whose use was refused to the agent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Iteration:
    """One finished agent call as the task remembers it."""

    number: int
    ended: Ended
    duration_s: float
    tokens: int | None
    cost_usd: Decimal | None
    summary: str = ""
    started: str = ""
    agent: str = ""
    """Which of the agents did it; empty in what older versions wrote."""
    is_estimate: bool = False
    """Whether the cost is worked out from a price table."""

    def to_json(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "ended": self.ended.value,
            "duration_s": round(self.duration_s, 3),
            "tokens": self.tokens,
            "cost_usd": _number(self.cost_usd),
            "summary": self.summary,
            "started": self.started,
            "agent": self.agent,
            "is_estimate": self.is_estimate,
        }


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)

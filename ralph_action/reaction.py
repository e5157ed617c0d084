"""Pure: what is done about an agent call that went wrong, and which agent does the next one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf

from ralph_action.outcome import Ended, ErrorClass, Outcome
from ralph_action.state import StopReason

AT_ONCE = {
    ErrorClass.AUTH: StopReason.AUTH,
    ErrorClass.BILLING: StopReason.BILLING,
    ErrorClass.DENIED: StopReason.DENIED,
    ErrorClass.BAD_CALL: StopReason.BAD_CALL,
}
"""Nothing but the user can change these."""
LIMITS = {ErrorClass.RATE_LIMIT: StopReason.RATE_LIMIT, ErrorClass.USAGE_LIMIT: StopReason.USAGE_LIMIT}
OUTAGES = frozenset({ErrorClass.OVERLOAD, ErrorClass.NETWORK, ErrorClass.START, ErrorClass.SILENT})
"""These pass by themselves, and the next call may be sound."""
OUTAGE_BUDGET_S = 1800.0
"""How long a run waits for outages in all, until a call succeeds again."""
MAX_TRIES = 10
"""Limits in a row that are waited for, whatever they say of their ends."""
QUICK_S = 5.0
SAME_FAILURES = 3
UNKNOWN_RESET_S = {ErrorClass.RATE_LIMIT: 60.0, ErrorClass.USAGE_LIMIT: 3600.0}
"""When the limit does not say when it is over."""
REMEDIES = {
    StopReason.AUTH: "Set the agent's key as a secret and pass it in `env`; `agent-env` names an unusual one.",
    StopReason.BILLING: "Add credit to the agent's account, or name another agent in `fallback-agents`.",
    StopReason.DENIED: "Allow the tools that were refused, in the agent's settings or by `agent-args`.",
    StopReason.BAD_CALL: "Check `model`, `agent-args` and `agent-version`.",
    StopReason.RATE_LIMIT: "Run it again after the reset, raise `max-wait`, or name `fallback-agents`.",
    StopReason.USAGE_LIMIT: "Run it again after the reset, raise `max-wait`, or name `fallback-agents`.",
    StopReason.OUTAGE: "The agent's service did not answer; run it again later.",
    StopReason.FAIL_FAST: "The agent fails at once in the same way; its log is in .agent/logs/.",
    StopReason.STAGNATION: "Nothing changed for `max-stagnation` iterations: make the prompt's next step clearer.",
}
"""What a person can do about an ending, in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Streak:
    """The troubles of a run since its last sound call."""

    tries: int = 0
    waited_s: float = 0.0
    error: str = ""
    quick: int = 0
    """Quick failures in a row with the same error."""

    def waited(self, seconds: float) -> Streak:
        return replace(self, waited_s=self.waited_s + seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """What comes next."""

    counts: bool = True
    """Whether the iteration is used up."""
    reason: StopReason | None = None
    """Why the loop ends; None: it goes on."""
    is_limited: bool = False
    """Whether the agent is at a limit for `limited_s`."""
    limited_s: float = 0.0
    is_outage: bool = False
    """Whether the next call waits, longer each time."""


def react(outcome: Outcome, streak: Streak, *, has_progress: bool) -> tuple[Reaction, Streak]:
    """Decide what becomes of a call.

    Args:
        outcome: what came of it.
        streak: the troubles before it.
        has_progress: whether the work tree is another one than before it.

    """
    kind = outcome.error_class
    if outcome.ended is Ended.CANCELLED:
        return Reaction(counts=False), streak
    if outcome.denied and not has_progress:
        kind = kind or ErrorClass.DENIED
    if kind in AT_ONCE:
        return Reaction(counts=False, reason=AT_ONCE[kind]), streak
    if kind in LIMITS:
        streak = replace(streak, tries=streak.tries + 1)
        limited_s = (
            UNKNOWN_RESET_S[kind] * 2 ** (streak.tries - 1) if outcome.resets_in_s is None else outcome.resets_in_s
        )
        return Reaction(counts=False, is_limited=True, limited_s=limited_s if streak.tries < MAX_TRIES else inf), streak
    streak = _longer(streak, outcome)
    if streak.quick >= SAME_FAILURES:
        return Reaction(counts=kind not in OUTAGES, reason=StopReason.FAIL_FAST), streak
    if kind in OUTAGES:
        is_over = streak.waited_s >= OUTAGE_BUDGET_S
        return Reaction(counts=False, is_outage=True, reason=StopReason.OUTAGE if is_over else None), streak
    return Reaction(), streak


def _longer(streak: Streak, outcome: Outcome) -> Streak:
    if outcome.ended not in {Ended.FAILED, Ended.TIMEOUT}:
        return Streak()
    is_outage = outcome.error_class in OUTAGES
    is_quick = outcome.duration_s < QUICK_S and outcome.error_class not in {ErrorClass.OVERLOAD, ErrorClass.NETWORK}
    quick = 1 + (streak.quick if outcome.error == streak.error else 0) if is_quick else 0
    return Streak(
        tries=streak.tries + 1 if is_outage else 0,
        waited_s=streak.waited_s if is_outage else 0.0,
        error=outcome.error,
        quick=quick,
    )


@dataclass(frozen=True, slots=True)
class Roster:
    """The agents of a run in the order of preference, and until when each is at a limit."""

    names: tuple[str, ...]
    free_at: tuple[float, ...] = ()
    """Monotonic seconds, one an agent."""

    def __post_init__(self) -> None:
        if not self.free_at:
            object.__setattr__(self, "free_at", (0.0,) * len(self.names))

    def pick(self, now_s: float) -> str:
        """The first that is free; when none is, the one that is free first."""
        free = [name for name, free_at in zip(self.names, self.free_at, strict=True) if free_at <= now_s]
        return free[0] if free else min(zip(self.free_at, range(len(self.names)), self.names, strict=True))[2]

    def wait_s(self, now_s: float) -> float:
        """How long until one is free."""
        return max(min(self.free_at) - now_s, 0.0)

    def limited(self, name: str, until_s: float) -> Roster:
        """The same with one of them at a limit."""
        pairs = zip(self.names, self.free_at, strict=True)
        return replace(self, free_at=tuple(until_s if other == name else free_at for other, free_at in pairs))


def limit_reason(outcome: Outcome, roster: Roster, patience_s: float, now_s: float) -> StopReason | None:
    """Why a limit ends the run: no agent is free soon enough. None: it is waited for, or another agent takes over."""
    if outcome.error_class is None or roster.wait_s(now_s) <= patience_s:
        return None
    return LIMITS.get(outcome.error_class)

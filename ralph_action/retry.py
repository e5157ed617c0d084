"""Repeat what may pass: bounded, with growing pauses."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ralph_action.errors import RalphError

Result = TypeVar("Result")
TRIES = 4
LONGEST_WAIT_S = 300.0


def retried(act: Callable[[], Result]) -> Result:
    """Do it, again when the error says that it may pass: up to four times in about ten seconds."""
    try:
        return act()
    except RalphError as problem:
        if not problem.transient:
            raise
    import tenacity  # deferred: most calls succeed at once

    again = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(TRIES - 1),
        wait=tenacity.wait_exponential_jitter(initial=1, max=6),
        retry=tenacity.retry_if_exception(lambda problem: isinstance(problem, RalphError) and problem.transient),
        reraise=True,
    )
    return again(act)


def back_off_s(tries: int) -> float:
    """How long to wait after so many outages in a row: doubling from about five seconds, never the same twice."""
    import tenacity

    wait = tenacity.wait_exponential_jitter(initial=5, max=LONGEST_WAIT_S, jitter=5)
    state = tenacity.RetryCallState(tenacity.Retrying(), None, (), {})
    state.attempt_number = max(tries, 1)
    return float(wait(state))

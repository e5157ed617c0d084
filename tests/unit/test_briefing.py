"""What the agent is told after the prompt."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from ralph_action.briefing import NOTES, briefing
from ralph_action.policy import Limits
from ralph_action.state import TaskState
from tests.unit.records import new_state

STATE = new_state(tokens_known=400, cost_known=Decimal("1.5"))
LIMITS = Limits(max_iterations=9, max_runtime_s=600.0, max_tokens=1000, max_cost_usd=Decimal(2))


def told(state: TaskState = STATE, limits: Limits = LIMITS, *, is_resumed: bool = False, is_half: bool = False) -> str:
    return briefing(state, limits, number=3, timeout_s=300.0, is_resumed=is_resumed, is_half=is_half)


def test_where_it_stands() -> None:
    text = told()
    assert "iteration 3 of at most 9" in text
    assert "5 minutes for this iteration, 600 tokens, $0.50" in text
    assert NOTES in text


@pytest.mark.parametrize(("is_resumed", "is_half"), [(False, False), (True, False), (True, True)])
def test_an_interruption_is_told(is_resumed: bool, is_half: bool) -> None:
    text = told(is_resumed=is_resumed, is_half=is_half)
    assert ("was interrupted" in text, "unfinished work" in text) == (is_resumed, is_half)


def test_what_failed_is_told_and_set_apart() -> None:
    text = told(replace(STATE, verify_failure="$ make test\n1 failed"))
    assert "    $ make test\n    1 failed" in text
    assert "this check failed" not in told()


@pytest.mark.parametrize(
    ("promise", "said"), [("DONE", "own: DONE"), ("checklist", "tick each one"), ("", "ends at its budget")]
)
def test_how_it_ends_is_told(promise: str, said: str) -> None:
    assert said in told(limits=replace(LIMITS, completion_promise=promise))

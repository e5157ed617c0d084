"""Pure decisions."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ralph_action import policy
from ralph_action.outcome import Ended, Outcome
from ralph_action.policy import Limits
from ralph_action.state import StopReason
from tests.unit.records import done, new_state

LIMITS = Limits(max_iterations=3, max_runtime_s=100, max_failures=2, completion_promise="ALL DONE")


@pytest.mark.parametrize(
    ("changes", "elapsed_s", "stopping", "reason"),
    [
        ({}, 0, False, None),
        ({"iteration": 2}, 99.9, False, None),
        ({"iteration": 3}, 0, False, StopReason.MAX_ITERATIONS),
        ({"iteration": 9}, 0, False, StopReason.MAX_ITERATIONS),
        ({}, 100, False, StopReason.MAX_RUNTIME),
        ({"failures": 2}, 0, False, StopReason.MAX_FAILURES),
        ({"iteration": 3}, 200, True, StopReason.SIGNAL),
    ],
)
def test_why_stop(changes: dict[str, int], elapsed_s: float, stopping: bool, reason: StopReason | None) -> None:
    """Each budget ends the loop with its own name; a signal outranks them."""
    state = new_state(**changes)
    asked = StopReason.SIGNAL if stopping else None
    assert policy.why_stop(state, LIMITS, elapsed_s=elapsed_s, stopping=asked) is reason


def test_a_call_gets_the_nearer_limit() -> None:
    """An iteration never outlives the run's time."""
    limits = replace(LIMITS, iteration_timeout_s=30)
    state = new_state(active_seconds=70)
    assert policy.call_timeout_s(state, limits, elapsed_s=0) == 30
    assert policy.call_timeout_s(state, limits, elapsed_s=90) == 10
    assert policy.call_timeout_s(state, LIMITS, elapsed_s=40) == 60
    assert policy.call_timeout_s(state, replace(limits, max_active_s=75), elapsed_s=0) == 5


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("ALL DONE", True),
        ("Well.\n  **ALL DONE**  \nBye.", True),
        ("<promise>ALL DONE</promise>", True),
        ("I will print ALL DONE when I am finished.", False),
        ("all done", False),
        ("", False),
    ],
)
def test_a_promise_stands_on_a_line_of_its_own(text: str, kept: bool) -> None:
    """Prose that mentions the promise does not keep it."""
    assert policy.promise_kept(done(text), LIMITS.completion_promise) is kept


def test_a_failed_call_keeps_no_promise() -> None:
    """Neither does a run without a promise."""
    assert not policy.promise_kept(Outcome(ended=Ended.FAILED, text="ALL DONE"), "ALL DONE")
    assert not policy.promise_kept(done(""), "")


def test_checkpoints_fall_due_at_the_interval() -> None:
    """Every fifth iteration by default."""
    due = [policy.checkpoint_due(new_state(iteration=number), Limits(), since_last_s=0) for number in range(11)]
    assert [number for number, is_due in enumerate(due) if is_due] == [5, 10]


@pytest.mark.parametrize(
    ("before", "after", "text", "marked"),
    [
        ("- one", "- one [CHECKPOINT]", "", True),
        ("- one [CHECKPOINT]", "- one [CHECKPOINT]", "", False),
        ("- one [CHECKPOINT]", "- one [CHECKPOINT]\n- two [CHECKPOINT]", "", True),
        ("", "", "done\n[CHECKPOINT]\n", True),
        ("", "", "I shall write [CHECKPOINT] later", False),
    ],
)
def test_a_mark_asks_for_a_checkpoint(before: str, after: str, text: str, *, marked: bool) -> None:
    """A new one in the prompt, or one alone on a line of the agent's text; an old one asks for nothing."""
    assert policy.checkpoint_marked(done(text), before, after) is marked

"""Pure: each class of trouble has its own policy."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ralph_action import reaction
from ralph_action.outcome import Ended, ErrorClass, Outcome
from ralph_action.reaction import AT_ONCE, LIMITS, OUTAGE_BUDGET_S, OUTAGES, Roster, Streak, limit_reason, react
from ralph_action.state import StopReason
from tests.unit.records import done


def trouble(kind: ErrorClass | None, *, error: str = "x", duration_s: float = 60, **more: object) -> Outcome:
    outcome = Outcome(ended=Ended.FAILED, error=error, error_class=kind, duration_s=duration_s)
    return replace(outcome, **more)  # type: ignore[arg-type]  # a test names what it changes


@pytest.mark.parametrize("kind", AT_ONCE)
def test_what_only_the_user_can_change_ends_the_loop_at_once(kind: ErrorClass) -> None:
    """And each has a remedy."""
    what, _ = react(trouble(kind), Streak(), has_progress=True)
    assert (what.reason, what.counts) == (AT_ONCE[kind], False)
    assert reaction.REMEDIES[AT_ONCE[kind]]


def test_denied_tools_are_a_reason_only_without_progress() -> None:
    """An agent that found another way is at work."""
    outcome = replace(done(), denied=("Bash",))
    assert react(outcome, Streak(), has_progress=True)[0].reason is None
    assert react(outcome, Streak(), has_progress=False)[0].reason is StopReason.DENIED


@pytest.mark.parametrize("kind", LIMITS)
def test_a_limit_uses_no_iteration_up(kind: ErrorClass) -> None:
    what, _ = react(trouble(kind, resets_in_s=30.0), Streak(), has_progress=False)
    assert (what.counts, what.is_limited, what.limited_s, what.reason) == (False, True, 30.0, None)


def test_a_limit_without_a_time_is_waited_for_ever_longer() -> None:
    """And not for ever."""
    streak, waits = Streak(), []
    for _ in range(10):
        what, streak = react(trouble(ErrorClass.RATE_LIMIT), streak, has_progress=False)
        waits.append(what.limited_s)
    assert waits[:4] == [60, 120, 240, 480]
    assert waits[-1] == inf
    assert react(done(), streak, has_progress=True)[1] == Streak()


@pytest.mark.parametrize("kind", sorted(OUTAGES))
def test_an_outage_is_waited_for_within_its_budget(kind: ErrorClass) -> None:
    """It uses no iteration up; tries and waits add up until a call succeeds."""
    what, streak = react(trouble(kind), Streak(), has_progress=False)
    assert (what.counts, what.is_outage, what.reason, streak.tries) == (False, True, None, 1)
    what, _ = react(trouble(kind), streak.waited(OUTAGE_BUDGET_S), has_progress=False)
    assert what.reason is StopReason.OUTAGE
    assert react(done(), streak.waited(9999), has_progress=True)[1] == Streak()


def test_three_identical_quick_failures_fail_fast() -> None:
    """Another error, or one that took its time, begins anew."""
    quick = trouble(ErrorClass.OTHER, duration_s=1)
    streak = Streak()
    reasons = []
    for outcome in (quick, quick, trouble(None, error="y", duration_s=1), quick, quick, quick):
        what, streak = react(outcome, streak, has_progress=False)
        reasons.append(what.reason)
    assert reasons == [None] * 5 + [StopReason.FAIL_FAST]
    slow = trouble(ErrorClass.OTHER, duration_s=6)
    for _ in range(9):
        what, streak = react(slow, streak, has_progress=False)
    assert what.reason is None


def test_a_cancelled_call_changes_nothing() -> None:
    streak = Streak(tries=2, quick=2)
    assert react(Outcome(ended=Ended.CANCELLED), streak, has_progress=False) == (
        reaction.Reaction(counts=False),
        streak,
    )


def test_the_next_agent_takes_over_and_the_first_comes_back() -> None:
    roster = Roster(("a", "b", "c"))
    assert roster.pick(0) == "a"
    roster = roster.limited("a", 100)
    assert (roster.pick(10), roster.wait_s(10)) == ("b", 0)
    roster = roster.limited("b", 50).limited("c", 70)
    assert (roster.pick(10), roster.wait_s(10)) == ("b", 40)
    assert (roster.pick(60), roster.pick(75), roster.pick(100)) == ("b", "b", "a")


def test_a_limit_ends_the_run_when_nobody_is_free_soon_enough() -> None:
    outcome = trouble(ErrorClass.USAGE_LIMIT)
    roster = Roster(("a",)).limited("a", 1000)
    assert limit_reason(outcome, roster, 600, 0) is StopReason.USAGE_LIMIT
    assert limit_reason(outcome, roster, 600, 500) is None
    assert limit_reason(outcome, Roster(("a", "b")).limited("a", 1000), 600, 0) is None


@given(st.lists(st.tuples(st.sampled_from([*ErrorClass, None]), st.floats(0, 100), st.booleans()), max_size=30))
def test_no_order_of_troubles_loops_without_an_end(events: list[tuple[ErrorClass | None, float, bool]]) -> None:
    """Each call that uses no iteration up ends the loop, or makes it wait."""
    streak = Streak()
    for kind, duration_s, has_progress in events:
        what, streak = react(trouble(kind, duration_s=duration_s), streak, has_progress=has_progress)
        assert what.counts or what.reason is not None or what.is_limited or what.is_outage

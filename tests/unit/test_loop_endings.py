"""The loop, driven by the fakes: limits, outages, fallback agents, verify and budgets."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from ralph_action import loop
from ralph_action.fakes import (
    ScriptedAgent,
    ScriptedWorkspace,
)
from ralph_action.outcome import Ended, ErrorClass, Outcome
from ralph_action.policy import Limits
from ralph_action.state import Status, StopReason
from tests.unit.records import done, new_state
from tests.unit.rig import Rig


def trouble(kind: ErrorClass, **more: object) -> Outcome:
    outcome = Outcome(ended=Ended.FAILED, error=kind.value, error_class=kind, duration_s=60)
    return replace(outcome, **more)  # type: ignore[arg-type]  # a test names what it changes


def test_a_claim_is_worth_what_verify_says() -> None:
    """The failure is in the state for the next prompt; the loop goes on until the commands pass."""
    workspace = ScriptedWorkspace(failures=["$ make test\nno", ""])
    rig = Rig([done("DONE")], workspace=workspace, homes={"local": "reached", "branch": "reached"})
    seen: list[str] = []
    state = rig.run(Limits(completion_promise="DONE", checkpoint_interval=1), seen=seen)
    assert (state.status, state.iteration, state.verify_failure) == (Status.COMPLETED, 2, "")
    assert seen == ["", "$ make test\nno"]
    assert [event for event in rig.report.events if event.startswith("verified")] == ["verified no", "verified yes"]
    assert [checkpoint.iteration for checkpoint in rig.checkpoints.snapshots] == [1, 2]


def test_a_claim_that_was_not_verified_is_verified_at_the_next_start() -> None:
    """Killed between the claim and the commands: nothing is paid for again."""
    workspace = ScriptedWorkspace(failures=[""])
    rig = Rig([done("never")], workspace=workspace, homes={"local": "reached", "branch": "reached"})
    state = rig.run(Limits(completion_promise="DONE"), new_state(iteration=4, promised=True))
    assert (state.status, state.iteration, rig.agent.calls) == (Status.COMPLETED, 4, [])


def test_a_limit_that_is_over_soon_is_waited_for() -> None:
    """A checkpoint first; the iteration is not used up."""
    rig = Rig([trouble(ErrorClass.RATE_LIMIT, resets_in_s=90.0), done("DONE")])
    state = rig.run(Limits(completion_promise="DONE"))
    assert (state.status, state.iteration, rig.clock.seconds) == (Status.COMPLETED, 1, 90)
    assert [checkpoint.iteration for checkpoint in rig.checkpoints.snapshots] == [0, 1]


@pytest.mark.parametrize(("max_wait_s", "max_runtime_s"), [(600, 99_999), (9999, 900)])
def test_a_limit_that_is_over_late_pauses_the_task(max_wait_s: float, max_runtime_s: float) -> None:
    """Nobody waits on a paid runner; the time of the reset is an output."""
    rig = Rig([trouble(ErrorClass.USAGE_LIMIT, resets_in_s=1000.0)])
    state = rig.run(Limits(max_wait_s=max_wait_s, max_runtime_s=max_runtime_s))
    assert (state.status, state.stop_reason, loop.exit_code(state)) == (Status.PAUSED, StopReason.USAGE_LIMIT, 10)
    assert (state.iteration, rig.clock.seconds, state.resets_at) == (0, 0, "2026-01-01T00:00:01000.000Z")


def test_the_next_agent_takes_over() -> None:
    """It is recorded with each iteration; the first one comes back when its limit is over."""
    moves = [trouble(ErrorClass.USAGE_LIMIT, resets_in_s=50.0), done("a")]
    rig = Rig(moves, second=[done("b")])
    rig.second = ScriptedAgent([done("b")], during=lambda call, stop: setattr(rig.clock, "seconds", 60))
    rig.agents["second"] = rig.second
    state = rig.run(Limits(max_iterations=3))
    assert [(done.number, done.agent) for done in state.iterations] == [(1, "second"), (2, "first"), (3, "first")]


@pytest.mark.parametrize("kind", [ErrorClass.AUTH, ErrorClass.BILLING, ErrorClass.BAD_CALL])
def test_what_only_the_user_can_change_ends_it_at_once(kind: ErrorClass) -> None:
    rig = Rig([trouble(kind)])
    state = rig.run(Limits())
    assert (state.status, state.iteration, loop.exit_code(state)) == (Status.FAILED, 0, 6)
    assert len(rig.agent.calls) == 1
    assert rig.checkpoints.published


def test_outages_are_waited_for_and_use_no_iteration_up() -> None:
    rig = Rig([trouble(ErrorClass.OVERLOAD), trouble(ErrorClass.NETWORK), done("DONE")])
    state = rig.run(Limits(completion_promise="DONE"))
    assert (state.status, state.iteration, rig.clock.seconds) == (Status.COMPLETED, 1, 30)


def test_an_outage_that_does_not_end_pauses_the_task() -> None:
    rig = Rig([trouble(ErrorClass.OVERLOAD)])
    state = rig.run(Limits())
    assert (state.status, state.stop_reason) == (Status.PAUSED, StopReason.OUTAGE)
    assert rig.clock.seconds >= 1800


def test_nobody_waits_for_an_outage_past_the_runs_time() -> None:
    """A wait that no call could follow is not begun."""
    rig = Rig([trouble(ErrorClass.OVERLOAD)])
    state = rig.run(Limits(max_runtime_s=45))
    assert (state.status, state.stop_reason, rig.clock.seconds) == (Status.PAUSED, StopReason.OUTAGE, 30)


def test_nothing_changes_for_too_long() -> None:
    """Identical texts alone are no stagnation."""
    still = Rig([done("same")], workspace=ScriptedWorkspace(marks=["t"] * 9))
    state = still.run(Limits(max_stagnation=3))
    assert (state.stop_reason, state.iteration, loop.exit_code(state)) == (StopReason.STAGNATION, 4, 11)
    moving = Rig([done("same")], workspace=ScriptedWorkspace(marks=[str(number) for number in range(9)]))
    assert moving.run(Limits(max_stagnation=3, max_iterations=8)).stop_reason is StopReason.MAX_ITERATIONS


@pytest.mark.parametrize(
    ("limits", "reason", "iterations"),
    [
        (Limits(max_tokens=25), StopReason.MAX_TOKENS, 3),
        (Limits(max_cost_usd=Decimal("0.8")), StopReason.MAX_COST, 2),
        (Limits(max_active_s=3.5), StopReason.MAX_ACTIVE_TIME, 4),
    ],
)
def test_budgets_of_the_task(limits: Limits, reason: StopReason, iterations: int) -> None:
    """They count over all runs; each call of the next run knows what is left."""
    rig = Rig([done()])
    state = rig.run(limits)
    assert (state.stop_reason, state.iteration, loop.exit_code(state)) == (reason, iterations, 11)
    again = Rig([done()])
    assert again.run(limits, state).iteration == iterations
    assert again.agent.calls == []


def test_no_iteration_is_begun_that_cannot_end() -> None:
    """Five that took 100 s each say that 50 s are too few."""
    rig = Rig(
        [replace(done(), duration_s=100)],
        during=lambda call, stop: setattr(rig.clock, "seconds", rig.clock.seconds + 100),
    )
    state = rig.run(Limits(max_runtime_s=550))
    assert (state.iteration, state.stop_reason) == (5, StopReason.MAX_RUNTIME)

"""The loop, driven by the fakes."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from ralph_action import loop
from ralph_action.fakes import (
    FixedPrompt,
    MemoryCheckpoints,
    QuietReport,
    ScriptedAgent,
    ScriptedWorkspace,
    TickingClock,
)
from ralph_action.outcome import Ended, ErrorClass, Outcome
from ralph_action.policy import Limits
from ralph_action.ports import Agent, Call, Stop, Turn
from ralph_action.state import Status, StopReason, TaskState
from tests.unit.records import done, failed, new_state


class Rig:
    """A loop with every collaborator faked."""

    def __init__(
        self,
        outcomes: list[Outcome],
        during: Callable[[Call, Stop], None] | None = None,
        homes: dict[str, str] | None = None,
        workspace: ScriptedWorkspace | None = None,
        second: list[Outcome] | None = None,
    ) -> None:
        self.agent = ScriptedAgent(outcomes, during=during)
        self.second = ScriptedAgent(second or [])
        self.agents: dict[str, Agent] = {"first": self.agent}
        if second:
            self.agents["second"] = self.second
        self.workspace = workspace or ScriptedWorkspace()
        self.checkpoints = MemoryCheckpoints(homes)
        self.clock = TickingClock()
        self.report = QuietReport()
        self.stop = Stop()

    def run(self, limits: Limits, state: TaskState | None = None, seen: list[str] | None = None) -> TaskState:
        def call(turn: Turn, state: TaskState) -> Call:
            here = Path()
            if seen is not None:
                seen.append(state.verify_failure)
            return Call(
                prompt=turn.prompt,
                prompt_file=here,
                workspace=here,
                iteration=turn.number,
                environment={},
                log=here,
                timeout_s=turn.timeout_s,
            )

        parts = loop.Parts(
            agents=self.agents,
            checkpoints=self.checkpoints,
            workspace=self.workspace,
            prompts=FixedPrompt("do it"),
            clock=self.clock,
            report=self.report,
            stop=self.stop,
            call=call,
            back_off_s=lambda tries: 10.0 * tries,
        )
        return loop.run(state or new_state(), limits, parts)


def test_a_promise_completes_the_task() -> None:
    """The last iteration is checkpointed, published and flushed before anyone hears `completed`."""
    rig = Rig([done("a"), done("b"), done("DONE")], homes={"local": "reached", "branch": "reached"})
    state = rig.run(Limits(completion_promise="DONE"))
    assert (state.status, state.stop_reason, state.iteration) == (Status.COMPLETED, StopReason.PROMISE_KEPT, 3)
    assert rig.checkpoints.published == rig.checkpoints.snapshots
    assert loop.exit_code(state) == 0
    assert rig.report.events[-2:] == ["checkpoint 3", "ended completed"]


def test_completed_means_off_the_machine() -> None:
    """When every remote home failed, the promise alone does not complete the task."""
    rig = Rig([done("DONE")], homes={"local": "reached", "branch": "403", "artifact": "off"})
    state = rig.run(Limits(completion_promise="DONE"))
    assert (state.status, state.stop_reason, loop.exit_code(state)) == (Status.FAILED, StopReason.GIT, 4)


def test_one_remote_home_is_enough() -> None:
    """A fork's read-only token leaves the artifact as the only home, and that is safe."""
    rig = Rig([done("DONE")], homes={"local": "reached", "branch": "403", "artifact": "reached"})
    assert rig.run(Limits(completion_promise="DONE")).status is Status.COMPLETED


def test_checkpoints_at_the_interval_and_at_the_end() -> None:
    """Interval 2 over 5 iterations: 2, 4 and the end."""
    rig = Rig([done()])
    state = rig.run(Limits(max_iterations=5, checkpoint_interval=2))
    assert [checkpoint.iteration for checkpoint in rig.checkpoints.snapshots] == [2, 4, 5]
    assert [recorded.iteration for recorded in rig.checkpoints.recorded] == [1, 2, 3, 4, 5]
    assert (state.stop_reason, loop.exit_code(state)) == (StopReason.MAX_ITERATIONS, 11)


def test_three_failures_in_a_row_end_the_loop() -> None:
    """Their cost counts."""
    rig = Rig([done(), failed(), failed(), failed()])
    state = rig.run(Limits())
    assert (state.iteration, state.stop_reason, loop.exit_code(state)) == (4, StopReason.MAX_FAILURES, 11)
    assert str(state.cost_known) == "1.25"


def test_the_runs_time_pauses_the_task() -> None:
    """Each call gets what is left; the task can go on later."""
    rig = Rig([done()], during=lambda call, stop: setattr(rig.clock, "seconds", rig.clock.seconds + 40))
    state = rig.run(Limits(max_runtime_s=100))
    assert [call.timeout_s for call in rig.agent.calls] == [100, 60, 20]
    assert (state.status, state.stop_reason, loop.exit_code(state)) == (Status.PAUSED, StopReason.MAX_RUNTIME, 10)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_takes_one_checkpoint_and_ends(number: int) -> None:
    """The call that it interrupts is no finished iteration, and nothing else is started."""
    rig = Rig([done()], during=lambda call, stop: stop.request(number) if call.iteration == 2 else None)
    state = rig.run(Limits(checkpoint_interval=1))
    assert (state.status, state.iteration, loop.exit_code(state)) == (Status.CANCELLED, 1, 130)
    assert [checkpoint.iteration for checkpoint in rig.checkpoints.snapshots] == [1, 1]
    assert rig.checkpoints.flushed_s == [loop.FLUSH_AFTER_SIGNAL_S]


def test_a_task_goes_on_where_it_stood() -> None:
    """Counters are of the task, not of the run."""
    rig = Rig([done()])
    state = rig.run(Limits(max_iterations=5), new_state(iteration=3, tokens_known=100))
    assert [call.iteration for call in rig.agent.calls] == [4, 5]
    assert state.tokens_used == 120


def test_at_its_limit_a_task_starts_no_agent() -> None:
    """A rerun at the limit spends nothing."""
    rig = Rig([done()])
    rig.run(Limits(max_iterations=3), new_state(iteration=3))
    assert rig.agent.calls == []


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

"""The loop, driven by the fakes."""

from __future__ import annotations

import signal

import pytest

from ralph_action import loop
from ralph_action.policy import Limits
from ralph_action.state import Status, StopReason
from tests.unit.records import done, failed, new_state
from tests.unit.rig import Rig


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

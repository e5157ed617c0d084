"""Thousands of schedules: runs that are killed, homes that are lost, two runs at once; nothing durable is lost."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from ralph_action import policy
from ralph_action.outcome import Ended, Outcome, Usage
from ralph_action.policy import Limits
from ralph_action.state import StopReason
from tests.unit.world import Pieces, World
from tests.unit.world_run import KilledError, Run

SCHEDULES = int(os.environ.get("RALPH_SCHEDULES", "2000"))
FUSES = st.sampled_from([None] * 6 + list(range(24)))
USES = st.sampled_from([Usage(), Usage(tokens=10, cost_usd=Decimal("0.25")), Usage(tokens=7)])
PLACES = st.sampled_from(["one", "two"])
STEPS = st.tuples(
    st.sampled_from([Ended.DONE, Ended.DONE, *Ended]),
    USES,
    st.sampled_from([False] * 9 + [True]),
    st.sampled_from([True, True, False, None]),
    st.booleans(),
)
"""How a call ends, its use, whether it says the promise; whether something is published then, and where it lands."""
OFTEN = st.sampled_from([True, True, True, False])


class Machine(RuleBasedStateMachine):
    """One task, two machines, as many runs as there may be."""

    pieces = Pieces()

    def __init__(self) -> None:
        super().__init__()
        self.world = World(self.pieces)
        self.runs: list[Run] = []
        self.begun = 0
        self.limits = Limits(max_failures=3, max_iterations=50)

    @initialize(interval=st.integers(1, 3))
    def decide(self, interval: int) -> None:
        self.limits = replace(self.limits, checkpoint_interval=interval)

    @property
    def live(self) -> list[Run]:
        return [run for run in self.runs if not run.is_over]

    @property
    def claimed(self) -> list[Run]:
        return [run for run in self.live if run.is_claimed]

    def killable(self, run: Run, fuse: int | None, act: Callable[[], object]) -> object:
        run.fuse = fuse
        try:
            return act()
        except KilledError:
            run.is_over = True
            return False

    def knows_over(self, knows: bool) -> frozenset[str]:
        gone = {run.lease.run_id for run in self.runs} - {run.lease.run_id for run in self.live}
        return frozenset(gone if knows else ())

    @rule(
        place=PLACES,
        resume=st.sampled_from(["auto"] * 9 + ["never"]),
        branch=OFTEN,
        artifact=OFTEN,
        again=st.booleans(),
        knows=st.booleans(),
        fuse=FUSES,
    )
    def start(
        self, place: str, resume: str, branch: bool, artifact: bool, again: bool, knows: bool, fuse: int | None
    ) -> None:
        """A new run, or another attempt of the last one; one process at a time works in a place."""
        if any(run.place == place for run in self.live):
            return
        last = self.runs[-1] if self.runs else None
        if again and last is not None and last.is_over:
            run = Run(self.world, place, int(last.lease.run_id), last.lease.run_attempt + 1)
        else:
            self.begun += 1
            run = Run(self.world, place, self.begun, 1)
        self.runs.append(run)
        know = self.knows_over(knows)
        if not self.killable(run, fuse, lambda: run.begin(resume, branch=branch, artifact=artifact, knows_over=know)):
            run.is_over = True

    @precondition(lambda self: any(not run.is_claimed for run in self.live))
    @rule(knows=st.booleans(), fuse=FUSES, data=st.data())
    def claim(self, knows: bool, fuse: int | None, data: st.DataObject) -> None:
        run = data.draw(st.sampled_from([run for run in self.live if not run.is_claimed]))
        know = self.knows_over(knows)
        self.killable(run, fuse, lambda: run.claim(know))

    @precondition(lambda self: self.claimed)
    @rule(steps=st.lists(STEPS, min_size=1, max_size=4), fuse=FUSES, data=st.data())
    def work(
        self, steps: list[tuple[Ended, Usage, bool, bool | None, bool]], fuse: int | None, data: st.DataObject
    ) -> None:
        """Agent calls, the checkpoints that are due, and the publisher's turns between them."""
        run = data.draw(st.sampled_from(self.claimed))

        def act() -> None:
            for ended, usage, promised, branch, artifact in steps:
                if run.is_over or policy.why_stop(run.state, self.limits, elapsed_s=0, stopping=None):
                    return
                outcome = Outcome(ended=ended, text=f"call {len(self.world.calls)}", usage=usage, duration_s=2.0)
                is_kept = promised and ended is Ended.DONE
                run.iterate(outcome, promised=is_kept)
                is_due = policy.checkpoint_due(run.state, self.limits, since_last_s=0)
                if is_due and not is_kept and ended is not Ended.CANCELLED:
                    run.snapshot()
                if branch is not None:
                    run.publish(branch=branch, artifact=artifact)

        self.killable(run, fuse, act)

    @precondition(lambda self: any(run.queue or run.late for run in self.claimed))
    @rule(branch=OFTEN, artifact=OFTEN, fuse=FUSES, data=st.data())
    def publish(self, branch: bool, artifact: bool, fuse: int | None, data: st.DataObject) -> None:
        run = data.draw(st.sampled_from([run for run in self.claimed if run.queue or run.late]))
        self.killable(run, fuse, lambda: run.publish(branch=branch, artifact=artifact))

    @precondition(lambda self: self.claimed)
    @rule(
        reason=st.sampled_from([StopReason.SIGNAL, StopReason.MAX_RUNTIME]),
        branch=OFTEN,
        artifact=OFTEN,
        fuse=FUSES,
        data=st.data(),
    )
    def finish(self, reason: StopReason, branch: bool, artifact: bool, fuse: int | None, data: st.DataObject) -> None:
        run = data.draw(st.sampled_from(self.claimed))
        why = policy.why_stop(run.state, self.limits, elapsed_s=0, stopping=None) or reason
        self.killable(run, fuse, lambda: run.finish(why, branch=branch, artifact=artifact))

    @precondition(lambda self: self.live)
    @rule(data=st.data())
    def kill(self, data: st.DataObject) -> None:
        data.draw(st.sampled_from(self.live)).is_over = True

    @rule(seconds=st.sampled_from([60, 200, 700]), data=st.data())
    def time_goes_by(self, seconds: int, data: st.DataObject) -> None:
        """Whoever can reach the remote renews its claim."""
        self.world.seconds += seconds
        for run in self.claimed:
            if data.draw(OFTEN):
                run.renew()

    @rule(place=PLACES)
    def a_machine_is_lost(self, place: str) -> None:
        for run in self.live:
            run.is_over = run.is_over or run.place == place
        self.world.places.pop(place, None)
        self.world.heads.pop(place, None)

    @rule()
    def artifacts_are_hidden(self) -> None:
        self.world.artifacts.clear()

    @rule()
    def the_branch_is_deleted(self) -> None:
        """Whoever had claimed the task has lost its claim, and does not know it."""
        self.world.remote = type(self.world.remote)()
        for run in self.live:
            run.held = ""

    @invariant()
    def one_writer(self) -> None:
        holders = [(run.lease.run_id, run.held, run.version) for run in self.runs if run.is_live]
        assert len(holders) <= 1, f"two runs hold the task: {holders}"

    @invariant()
    def each_home_alone_gives_what_was_brought_there_last(self) -> None:
        for place in self.world.places:
            for seen in self.world.search(place):
                if seen.head is not None:
                    assert seen.candidate is not None, f"{seen.home} has nothing valid"
                    is_kept = self.world.is_kept(seen.head, seen.home, seen.candidate.state, is_on_branch=False)
                    assert is_kept, f"{seen.home} has an older one"


def schedules(pieces: Pieces, number: int, *, is_shrunk: bool = False) -> None:
    """Run the machine with these pieces."""

    class Tried(Machine):
        pass

    Tried.pieces = pieces
    run_state_machine_as_test(
        Tried,
        settings=settings(
            max_examples=number,
            stateful_step_count=30,
            phases=[Phase.generate, Phase.shrink] if is_shrunk else [Phase.generate],
            report_multiple_bugs=False,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.fault(
    "kill",
    "Any order of kills, lost machines, hidden artifacts, deleted branches, lapsed claims and runs at the same instant",
    "the run goes on from the furthest checkpoint that a reachable home holds; counters are the sums of what was done, "
    "each call once; one run holds the task.",
)
def test_nothing_is_lost_in_any_schedule() -> None:
    """Over the pure parts: thousands of schedules, each of up to 30 events."""
    schedules(Pieces(), SCHEDULES, is_shrunk=True)

"""Budgets and counters hold for any sequence of calls, over any number of runs."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from ralph_action.documents import read_state, state_document
from ralph_action.fakes import TickingClock
from ralph_action.outcome import Ended, ErrorClass, Outcome, Usage
from ralph_action.policy import Limits
from ralph_action.ports import Call, Stop
from ralph_action.reaction import AT_ONCE, LIMITS, OUTAGES
from ralph_action.state import TaskState
from tests.unit.records import new_state
from tests.unit.rig import Rig

FREE = {*AT_ONCE, *LIMITS, *OUTAGES}
"""Troubles that use no iteration up."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """One event of a stream: what it adds to what the call has used, and how long it takes."""

    tokens: int
    cost: Decimal
    seconds: int


@dataclass(frozen=True, kw_only=True)
class Script:
    """One call: its stream, and what comes of it when nothing ends it before."""

    events: tuple[Event, ...]
    kind: ErrorClass | None = None
    """None: it ends well."""


@dataclass
class Streaming:
    """Says what it uses event by event, and is asked after each whether the budget is used up, as a CLI is."""

    scripts: Iterator[Script]
    name: str = "streaming"
    clock: TickingClock = field(default_factory=TickingClock)

    def run(self, call: Call, stop: Stop) -> Outcome:
        script = next(self.scripts, None)
        if script is None:
            stop.request(signal.SIGTERM)
            return Outcome(ended=Ended.CANCELLED)
        used, began = Usage(tokens=0, cost_usd=Decimal(0)), self.clock.seconds
        ended = Ended.FAILED if script.kind else Ended.DONE
        assert call.timeout_s is not None
        for event in script.events:
            self.clock.seconds = min(self.clock.seconds + event.seconds, began + call.timeout_s)
            if self.clock.seconds - began >= call.timeout_s:
                ended = Ended.TIMEOUT
                break
            used = Usage(tokens=(used.tokens or 0) + event.tokens, cost_usd=(used.cost_usd or 0) + event.cost)
            if used.exceeds(call.tokens_left, call.cost_left):
                ended = Ended.LIMIT
                break
        kind = script.kind if ended is Ended.FAILED else None
        return Outcome(ended=ended, usage=used, duration_s=self.clock.seconds - began, error_class=kind)


events = st.builds(
    Event,
    tokens=st.integers(0, 9) | st.just(9),
    cost=st.decimals(0, 2, places=2) | st.just(Decimal(2)),
    seconds=st.integers(0, 9),
)
kinds = st.none() | st.none() | st.sampled_from([ErrorClass.OTHER, ErrorClass.OVERLOAD, ErrorClass.RATE_LIMIT])
scripts = st.lists(st.builds(Script, events=st.lists(events, max_size=8).map(tuple), kind=kinds), max_size=12)
limits = st.builds(
    Limits,
    max_iterations=st.integers(1, 4) | st.just(100),
    max_runtime_s=st.integers(1, 40) | st.just(9999),
    max_active_s=st.none() | st.integers(1, 60),
    max_tokens=st.none() | st.integers(1, 60),
    max_cost_usd=st.none() | st.decimals("0.01", 12, places=2),
    iteration_timeout_s=st.none() | st.integers(1, 30),
    max_failures=st.integers(1, 3) | st.just(100),
    max_wait_s=st.just(0) | st.just(600),
)


def reread(state: TaskState) -> TaskState:
    """The state as another machine finds it."""
    return read_state(json.loads(json.dumps(state_document(state))))


@settings(max_examples=250)
@given(scripts=scripts, limits=limits, runs=st.integers(1, 3))
def test_no_budget_is_exceeded_by_more_than_one_event(scripts: list[Script], limits: Limits, runs: int) -> None:
    """Over all runs of the task, whatever its calls say and however they end."""
    said = [event for script in scripts for event in script.events]
    rest, state = iter(scripts), new_state()
    for _ in range(runs):
        rig = Rig([])
        rig.agents = {"first": Streaming(rest, clock=rig.clock)}
        state = reread(rig.run(limits, state))
        assert rig.clock.seconds <= limits.max_runtime_s
    if limits.max_tokens is not None:
        assert state.tokens_known <= limits.max_tokens + max((event.tokens for event in said), default=0)
    if limits.max_cost_usd is not None:
        assert state.cost_known <= limits.max_cost_usd + max((event.cost for event in said), default=0)
    if limits.max_active_s is not None:
        assert state.active_seconds <= limits.max_active_s
    assert state.iteration <= limits.max_iterations
    assert state.failures <= limits.max_failures


class Scripted:
    """Gives any outcome; a cancelled one is the end of its run."""

    name = "scripted"

    def __init__(self, outcomes: list[Outcome]) -> None:
        self.left = list(outcomes)

    def run(self, call: Call, stop: Stop) -> Outcome:
        outcome = self.left.pop(0)
        if outcome.ended is Ended.CANCELLED or not self.left:
            stop.request(signal.SIGTERM)
        return outcome


def usages() -> st.SearchStrategy[Usage]:
    return st.builds(Usage, tokens=st.none() | st.integers(0, 10**6), cost_usd=st.none() | st.decimals(0, 9, places=4))


def outcomes(ended: Ended) -> st.SearchStrategy[Outcome]:
    kinds = st.none()
    if ended in {Ended.FAILED, Ended.TIMEOUT}:
        kinds |= st.sampled_from(ErrorClass) | st.sampled_from(sorted(LIMITS))
    return st.builds(
        Outcome,
        ended=st.just(ended),
        usage=usages(),
        duration_s=st.integers(0, 100),
        error=st.sampled_from(["a", "b"]),
        error_class=kinds,
        resets_in_s=st.sampled_from([None, 0.0, 30.0, 2000.0]),
    )


def is_counted(outcome: Outcome) -> bool:
    return outcome.ended is not Ended.CANCELLED and outcome.error_class not in FREE


def failures_of(outcomes: list[Outcome]) -> int:
    """Those in a row at the end, of the iterations that were used up."""
    counted = [outcome.ended in {Ended.FAILED, Ended.TIMEOUT} for outcome in outcomes if is_counted(outcome)]
    return next((number for number, has_failed in enumerate(reversed(counted)) if not has_failed), len(counted))


@settings(max_examples=150)
@given(st.lists(st.sampled_from(Ended).flatmap(outcomes), min_size=1, max_size=25))
def test_counters_are_sums_whatever_the_order(outcomes: list[Outcome]) -> None:
    """What was used counts even where the iteration does not; each ending of a run is followed by a resume."""
    agent, state = Scripted(outcomes), new_state()
    while agent.left:
        rig = Rig([])
        rig.agents = {"first": agent}
        state = reread(rig.run(Limits(max_iterations=99, max_runtime_s=10**9, max_failures=99), state))
    counted = [outcome for outcome in outcomes if is_counted(outcome)]
    assert state.iteration == len(counted)
    assert [done.number for done in state.iterations] == list(range(1, len(counted) + 1))
    assert state.tokens_known == sum(outcome.usage.tokens or 0 for outcome in outcomes)
    assert state.cost_known == sum((outcome.usage.cost_usd or Decimal(0) for outcome in outcomes), Decimal(0))
    assert state.active_seconds == sum(outcome.duration_s for outcome in outcomes)
    assert state.failures == failures_of(outcomes)
    assert (state.tokens_used is None) is any(outcome.usage.tokens is None for outcome in counted)
    unpriced = [outcome for outcome in outcomes if outcome.usage.cost_usd is None]
    assert (state.cost_incurred is None) is any(is_counted(outcome) or outcome.usage.tokens for outcome in unpriced)

"""The records, and their JSON both ways."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ralph_action.documents import read_checkpoint, read_state, state_document
from ralph_action.errors import StateError
from ralph_action.outcome import Ended, Outcome, Usage
from ralph_action.state import StopReason, TaskState
from tests.unit.records import done, failed, new_state

outcomes = st.lists(
    st.builds(
        Outcome,
        ended=st.sampled_from(Ended),
        text=st.text(max_size=40),
        usage=st.builds(
            Usage,
            tokens=st.none() | st.integers(0, 10**9),
            cost_usd=st.none() | st.decimals(0, 100, places=4),
        ),
        duration_s=st.floats(0, 1e5),
        session_id=st.text(max_size=8),
    ),
    max_size=30,
)


def after(state: TaskState, steps: list[Outcome]) -> TaskState:
    for step in steps:
        state = state.after(step, started="s", now="n")
    return state


@given(outcomes)
def test_a_state_survives_its_json(steps: list[Outcome]) -> None:
    """Reading what was written gives the same record, down to the rounding of seconds."""
    state = after(new_state(), steps)
    document = json.loads(json.dumps(state_document(state)))
    assert state_document(read_state(document)) == document


@given(outcomes)
def test_counters_are_sums_and_never_go_back(steps: list[Outcome]) -> None:
    """Every outcome's use counts; a cancelled call is no finished iteration."""
    state = after(new_state(), steps)
    assert state.iteration == sum(step.ended is not Ended.CANCELLED for step in steps)
    assert state.tokens_known == sum(step.usage.tokens or 0 for step in steps)
    assert state.cost_known == sum((step.usage.cost_usd or Decimal(0) for step in steps), Decimal(0))


def test_an_unknown_price_is_never_zero() -> None:
    """One unpriced iteration makes the whole cost unknown, in the record and in the file."""
    state = after(new_state(), [done(), done(cost=None, tokens=None)])
    assert (state.cost_incurred, state.tokens_used) == (None, None)
    assert state_document(state)["cost_incurred"] is None
    assert state.cost_known == Decimal("0.5")


def test_failures_in_a_row() -> None:
    """A good iteration ends the row."""
    assert after(new_state(), [failed(), failed()]).failures == 2
    assert after(new_state(), [failed(), failed(), done()]).failures == 0


def test_the_guides_fields_are_there() -> None:
    """The user's guide reads these six by name."""
    document = state_document(after(new_state(), [done()]).ended(StopReason.MAX_ITERATIONS, now="n"))
    assert {"iteration", "agent", "start_time", "tokens_used", "cost_incurred", "status"} <= set(document)
    assert document["status"] == "stopped"


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ([], "not a JSON object"),
        ({"schema": "ralph-state/2"}, "newer ralph-action"),
        ({"schema": "other/1"}, "no schema"),
        ({"iteration": -1}, "damaged"),
        ({"iteration": "7"}, "damaged"),
        ({"status": "sleeping"}, "damaged"),
        ({"cost_known": "much"}, "damaged"),
        ({"iterations": [{"number": 1}]}, "damaged"),
    ],
)
def test_a_damaged_state_is_refused_by_name(damage: object, said: str) -> None:
    """Damage and newer schemas raise StateError, never anything else."""
    document = state_document(new_state()) | damage if isinstance(damage, dict) else damage
    with pytest.raises(StateError, match=said):
        read_state(document)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda s: st.dictionaries(st.text(), s)))
def test_no_document_crashes_the_readers(document: object) -> None:
    """Whatever JSON holds, the answer is a record or a StateError."""
    for read in (read_state, read_checkpoint):
        with pytest.raises(StateError):
            read(document)


def test_unknown_fields_are_ignored() -> None:
    """A newer minor version may add fields."""
    assert read_state(state_document(new_state()) | {"colour": "red"}).task == "t"

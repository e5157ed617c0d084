"""In which order the checkpoints of one folder are tried."""

from __future__ import annotations

from ralph_action.checkpoint.records import newest_first
from tests.unit.records import new_state


def test_what_was_gone_on_without_comes_last() -> None:
    """A machine that was away has its own longer line beside the one that it has taken over since."""
    away = new_state(run_id="1", sequence=20)
    since = [new_state(run_id="2", sequence=9, runs=("1/1",)), new_state(run_id="3", sequence=11, runs=("1/1", "2/1"))]
    assert newest_first([(away, None), *((state, None) for state in since)])[0][0] is since[1]


def test_an_older_generation_comes_after_all_of_a_newer_one() -> None:
    old = new_state(run_id="1", sequence=20)
    new = [
        new_state(run_id="2", generation=2, sequence=21),
        new_state(run_id="3", generation=2, sequence=23, runs=("2/1",)),
    ]
    assert [state.sequence for state, _ in newest_first([(state, None) for state in (old, *new)])] == [23, 21, 20]

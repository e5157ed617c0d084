"""Pure: which checkpoint a run goes on from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ralph_action.errors import StateError
from ralph_action.resume.choose import HOMES, Candidate, choose, furthest
from ralph_action.state import Checkpoint, Status
from tests.unit.records import new_state


def candidate(home: str, **changes: object) -> Candidate:
    return Candidate(home=home, where=home, state=new_state(**changes), commit="c0ffee", folder=Path())


CHECKPOINT = Checkpoint(iteration=1, sequence=1, branch="b", commit="c", state_file="s", digest="d")
NEW = new_state(run_id="7", run_attempt=2)


def test_the_furthest_wins_and_nearer_homes_win_a_tie() -> None:
    """Order of the search does not matter."""
    far, near, older = (
        candidate("artifact", sequence=9),
        candidate("local", sequence=8),
        candidate("branch", sequence=9),
    )
    for order in ([far, near, older], [older, near, far]):
        assert furthest(order) is older
    tied = furthest([candidate(home, sequence=1) for home in reversed(HOMES)])
    assert tied is not None
    assert tied.home == "local"


def test_a_state_that_no_record_names_loses_a_tie() -> None:
    """A run that began the next generation was killed before it brought the files: the task is completed all the same.

    To go on from the bare state would commit a work tree that lacks the work.
    """
    brought = replace(candidate("local", sequence=9, status=Status.COMPLETED, promised=True), bare=True)
    choice = choose([brought, candidate("branch", sequence=9, status=Status.COMPLETED, promised=True)], NEW, "auto")
    assert (choice.candidate, choice.finished) == (None, 1)


def test_a_newer_generation_outranks_a_longer_one() -> None:
    """Sequences grow across generations, but the generation decides."""
    newer = candidate("branch", generation=2, sequence=1)
    assert furthest([candidate("local", sequence=50), newer]) is newer


def test_an_unfinished_task_goes_on() -> None:
    """Counters stay; failures in a row begin anew; the run is ours."""
    best = candidate("branch", iteration=4, sequence=9, failures=3, status=Status.CANCELLED, tokens_known=5)
    choice = choose([best], NEW, "auto")
    state = choice.state
    assert choice.candidate is best
    assert (state.iteration, state.tokens_known, state.failures, state.sequence) == (4, 5, 0, 10)
    assert (state.status, state.run_id, state.run_attempt, state.head_sha) == (Status.RUNNING, "7", 2, "c0ffee")


def test_a_completed_task_begins_a_new_generation() -> None:
    """Counters at zero, a branch of its own, a sequence that goes on."""
    choice = choose([candidate("branch", iteration=4, sequence=9, status=Status.COMPLETED)], NEW, "auto")
    assert choice.candidate is None
    assert (choice.state.iteration, choice.state.generation, choice.state.branch) == (0, 2, "ralph/t-2")
    assert (choice.state.sequence, choice.finished) == (10, 1)


def test_never_leaves_the_old_branch_alone() -> None:
    """An unfinished task is not continued, and its branch is not reused."""
    choice = choose([candidate("branch", iteration=4, sequence=9)], NEW, "never")
    assert (choice.state.iteration, choice.state.branch, choice.candidate) == (0, "ralph/t-2", None)


def test_a_new_generation_is_later_than_what_is_left_behind() -> None:
    """A run that was away had gone further than the one that went on without it."""
    away = candidate("local", sequence=9, run_id="1")
    on = candidate("branch", sequence=3, run_id="2", runs=(away.state.run,))
    choice = choose([away, on], NEW, "never")
    assert (choice.candidate, choice.state.generation, choice.state.sequence) == (None, 2, 10)


def test_what_goes_on_is_later_than_what_is_left_behind() -> None:
    """Its records stay where they are, and must not shadow what this run writes beside them."""
    away = candidate("local", sequence=9, run_id="1")
    on = candidate("branch", sequence=3, run_id="2", runs=(away.state.run,))
    choice = choose([away, on], NEW, "auto")
    assert (choice.candidate, choice.left_behind, choice.state.sequence) == (on, (away,), 10)
    assert choose([on], NEW, "auto").state.sequence == 4


def test_nothing_found() -> None:
    """Auto begins; require says what is missing."""
    assert choose([], NEW, "auto").state == NEW
    with pytest.raises(StateError, match="no home has a valid checkpoint"):
        choose([], NEW, "require")


def test_require_refuses_a_completed_task() -> None:
    """There is nothing to go on with."""
    with pytest.raises(StateError, match="is completed"):
        choose([candidate("branch", status=Status.COMPLETED)], NEW, "require")


@pytest.mark.parametrize(
    ("homes", "goes_on"),
    [
        (None, True),
        ({"local": "reached"}, True),
        ({"local": "reached", "branch": "no answer", "artifact": "off"}, True),
        ({"local": "reached", "branch": "no answer", "artifact": "reached"}, False),
        ({"local": "reached", "branch": "off", "artifact": "off"}, False),
    ],
)
def test_a_completed_task_that_never_left_the_machine_is_not_over(
    homes: dict[str, str] | None, *, goes_on: bool
) -> None:
    """Completed means pushed: the next run publishes it before anything else is begun."""
    record = replace(CHECKPOINT, homes=homes) if homes else None
    found = replace(candidate("local", status=Status.COMPLETED, promised=True), checkpoint=record)
    choice = choose([found], NEW, "auto")
    assert (choice.candidate is not None) is goes_on
    assert choice.state.promised is goes_on

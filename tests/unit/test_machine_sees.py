"""The state machine can fail: each invariant is broken once on purpose, and it says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from ralph_action.checkpoint.records import newest_first
from ralph_action.checkpoint.retention import Limits, Record
from ralph_action.outcome import Outcome
from ralph_action.resume.choose import HOMES, Candidate, Choice, choose
from ralph_action.state import TaskState
from tests.unit.test_machine import schedules
from tests.unit.world import Loaded, Pieces

AT_MOST = 10_000
"""Schedules until one shows it: some tens do for most."""


def changed(change: Callable[[TaskState], TaskState]) -> Pieces:
    """What a run goes on with is changed."""

    def choosing(candidates: Sequence[Candidate], new: TaskState, resume: str) -> Choice:
        choice = choose(candidates, new, resume)
        return replace(choice, state=change(choice.state))

    return Pieces(choose=choosing)


def the_nearest(candidates: Sequence[Candidate], new: TaskState, resume: str) -> Choice:
    return choose(sorted(candidates, key=lambda item: HOMES.index(item.home))[:1], new, resume)


def counted_twice(state: TaskState, outcome: Outcome, promised: bool) -> TaskState:
    once = state.after(outcome, started="s", now="n", promised=promised)
    return once.after(outcome, started="s", now="n", promised=promised)


def oldest_first(pairs: Loaded) -> Loaded:
    return newest_first(pairs)[::-1]


def the_last_state_goes(
    names: Sequence[str], records: Sequence[Record], limits: Limits, *, since: int | None
) -> list[str]:
    del limits, since
    return [record.state_file for record in records if record.state_file in names]


BROKEN = {
    "tokens begin anew": changed(lambda state: replace(state, tokens_known=0)),
    "the sequence does not grow": changed(lambda state: replace(state, sequence=max(state.sequence - 1, 0))),
    "the nearest home is taken": Pieces(choose=the_nearest),
    "an iteration is counted twice": Pieces(after=counted_twice),
    "the oldest checkpoint is taken": Pieces(newest_first=oldest_first),
    "live claims are not looked at": Pieces(why_refused=lambda *_: ""),
    "the remote takes every push": Pieces(accepts=lambda _parent, _present: True),
    "the branch is pushed after its state, and no older one is taken": Pieces(is_push_atomic=False, tries=1),
    "what the last checkpoint needs is cleaned away": Pieces(outdated=the_last_state_goes),
}


@pytest.mark.parametrize("what", sorted(BROKEN))
def test_the_machine_sees_what_is_broken(what: str) -> None:
    with pytest.raises(AssertionError):
        schedules(BROKEN[what], AT_MOST)

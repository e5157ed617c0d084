"""What the post stage has to finish."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ralph_action.post import what_is_missing
from ralph_action.state import Checkpoint, StopReason, TaskState
from tests.unit.records import done, new_state

ENDED = new_state().after(done(), started="s", now="n").ended(StopReason.SIGNAL, now="n")
NOT_TAKEN = "no last checkpoint was taken"


def checkpoint(**homes: str) -> Checkpoint:
    return Checkpoint(
        iteration=1, sequence=3, branch="b", commit="c", state_file="s", digest="d", homes={"local": "reached", **homes}
    )


@pytest.mark.parametrize(
    ("homes", "missing"),
    [
        ({"branch": "reached", "artifact": "reached"}, ""),
        ({"branch": "reached", "artifact": "off"}, ""),
        ({"branch": "off", "artifact": "off"}, ""),
        ({"branch": "reached", "artifact": "waiting"}, "the last checkpoint has not reached: artifact"),
        ({"branch": "no answer", "artifact": "reached"}, "the last checkpoint has not reached: branch"),
        ({"branch": "x", "artifact": ""}, "the last checkpoint has not reached: branch, artifact"),
        ({"remote": "bug: KeyError"}, "the last checkpoint has not reached: remote"),
        ({}, "the last checkpoint was not published"),
    ],
)
def test_homes_that_the_last_checkpoint_has_not_reached(homes: dict[str, str], missing: str) -> None:
    """Reached, or off by choice, is enough; all else is brought again, and named."""
    assert what_is_missing(ENDED, checkpoint(**homes)) == missing


def test_a_local_home_that_failed() -> None:
    """A record that was written says `reached`; if it says anything else it is not passed over."""
    bad = replace(checkpoint(branch="reached"), homes={"local": "no space left", "branch": "reached"})
    assert what_is_missing(ENDED, bad) == "the last checkpoint has not reached: local"
    assert what_is_missing(ENDED, replace(bad, homes={})) == "the last checkpoint was not published"


@pytest.mark.parametrize("reason", list(StopReason))
def test_an_ending_of_any_kind_needs_its_checkpoint(reason: StopReason) -> None:
    """Completed or failed: with the record in its homes there is nothing to do, without one there is."""
    state = new_state().ended(reason, now="n")
    assert what_is_missing(state, checkpoint(branch="reached", artifact="reached")) == ""
    assert what_is_missing(state, None) == NOT_TAKEN


@pytest.mark.parametrize("state", [new_state(), new_state().after(done(), started="s", now="n")], ids=["new", "begun"])
def test_a_state_that_still_runs_is_of_a_main_stage_that_was_killed(state: TaskState) -> None:
    """Also when its last checkpoint has reached all homes: there may be work after it."""
    assert what_is_missing(state, checkpoint(branch="reached", artifact="reached")) == NOT_TAKEN
    assert what_is_missing(state, None) == NOT_TAKEN

"""Two machines at one task, one after the other: what another run has gone on from is not gone on with twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from ralph_action.checkpoint.git import Git
from tests.lab.place import WORK, Place, kill_tree, state_of

AWAY = f'{WORK}; [ "$RALPH_ITERATION" = 1 ] && echo "[CHECKPOINT]"; [ "$RALPH_ITERATION" != 6 ] || sleep 300'


@pytest.mark.fault(
    "run",
    "A machine that was away comes back with more iterations than it had pushed, while another one has gone on",
    "it goes on from the branch; its own files are parked under refs/ralph/<task>/parked/ and said.",
)
def test_a_machine_that_was_away_does_not_fork_the_task(place: Place) -> None:
    """Its sequence is the larger one, and yet only on top of the branch can anything be pushed."""
    one, two = place.clone("one"), place.clone("two")
    process = place.start(one, "--command", AWAY, "--checkpoint-interval", "50")
    place.wait_until(lambda: "6" in (one / "done.txt").read_text() if (one / "done.txt").exists() else False)
    kill_tree(process)
    assert state_of(one)["iteration"] == 5
    for path in place.artifacts.glob("*"):
        path.unlink()
    code, log = place.run(two, "--command", WORK, "--max-iterations", "2")
    assert code == 11, log
    code, log = place.run(one, "--command", WORK, "--max-iterations", "4")
    assert code == 11, log
    assert "is left behind: another run has gone on without it" in log
    assert (one / "done.txt").read_text().split() == ["1", "2", "3", "4"]
    assert place.remote.run("show", "ralph/t:done.txt").split() == ["1", "2", "3", "4"]
    git = Git(one, place.environment)
    (parked,) = git.run("for-each-ref", "--format=%(refname)", "refs/ralph/t/parked").split()
    assert git.run("show", f"{parked}:done.txt").split() == ["1", "2", "3", "4", "5", "6"]


def test_a_machine_that_was_away_keeps_its_work_when_nobody_went_on(place: Place) -> None:
    work: Path = place.clone("one")
    process = place.start(work, "--command", AWAY, "--checkpoint-interval", "50")
    place.wait_until(lambda: "6" in (work / "done.txt").read_text() if (work / "done.txt").exists() else False)
    kill_tree(process)
    code, log = place.run(work, "--command", "true", "--max-iterations", "6")
    assert code == 11, log
    assert state_of(work)["iteration"] == 6
    assert (work / "done.txt").read_text().split() == ["1", "2", "3", "4", "5", "6"]

"""One writer: runs of the same task on several machines at the same time."""

from __future__ import annotations

import json
import os

from ralph_action.checkpoint.git import Git
from ralph_action.lease import Lease
from tests.lab.place import WAIT, WORK, Place, kill_tree

FLAGS = ("--checkpoint-interval", "1", "--max-iterations", "3", "--no-artifact")


def put_claim(place: Place, lease: Lease) -> None:
    """Write a claim into the remote's state, as another run would."""
    git = Git(place.root / "seed", place.environment)
    git.run("fetch", "--quiet", "origin", "refs/ralph/t/state")
    git.run("checkout", "--quiet", "--detach", "FETCH_HEAD")
    (place.root / "seed" / "lease.json").write_text(json.dumps(lease.to_json()))
    git.run("add", "lease.json")
    git.run("commit", "--quiet", "-m", "claim")
    git.run("push", "--quiet", "origin", "HEAD:refs/ralph/t/state")


def test_a_second_run_is_refused_while_the_first_one_lives(place: Place) -> None:
    """Before it spends anything, and it says who has the task; when the first one is gone it goes on."""
    process = place.start(place.clone("one"), "--command", f"{WAIT}; {WORK}", *FLAGS)
    place.wait_for_iteration()
    second = place.clone("two")
    code, log = place.run(second, "--command", WORK, *FLAGS)
    assert code == 3, log
    assert "The task `t` is taken" in log
    assert not (second / "done.txt").exists()
    kill_tree(process)
    code, log = place.run(second, "--command", WORK, *FLAGS)
    assert code == 11, log
    assert (second / "done.txt").read_text() == "1\n2\n3\n"


def test_a_claim_of_another_machine_counts_until_it_lapses(place: Place) -> None:
    """Its deadline alone decides, as nobody here can know whether that machine lives."""
    assert place.run(place.clone("one"), "--command", WORK, "--max-iterations", "1", "--no-artifact")[0] == 11
    far = Lease(run_id="local-far-1", run_attempt=1, until="2999-01-01T00:00:00Z", host="far", pid=os.getpid())
    put_claim(place, far)
    code, log = place.run(place.clone("two"), "--command", WORK, *FLAGS)
    assert code == 3, log
    assert "local-far-1 (attempt 1) works on it, until 2999" in log
    put_claim(place, Lease(run_id="local-far-1", run_attempt=1, until="2020-01-01T00:00:00Z", host="far", pid=1))
    code, log = place.run(place.clone("three"), "--command", WORK, *FLAGS)
    assert code == 11, log


def test_a_push_of_ones_own_last_run_that_lands_late(place: Place) -> None:
    """The guide's `kill $PID`, then `ralph` at once, with a remote that takes its time: it goes on."""
    hook = place.root / "remote.git" / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nsleep 6\n")
    hook.chmod(0o755)
    work = place.clone("one")
    process = place.start(work, "--command", f"{WAIT}; {WORK}", *FLAGS)
    place.wait_for_iteration()
    process.terminate()
    log, _ = process.communicate(timeout=60)
    assert process.returncode == 130, log
    code, log = place.run(work, "--command", WORK, *FLAGS)
    assert code == 11, log
    assert (work / "done.txt").read_text() == "1\n2\n3\n"


def test_two_runs_at_the_same_instant(place: Place) -> None:
    """Exactly one goes on; the other one says so and ends."""
    works = [place.clone("one"), place.clone("two")]
    command = 'sleep 0.5; echo "$RALPH_ITERATION" >> done.txt'
    both = [place.start(work, "--command", command, *FLAGS) for work in works]
    logs = [process.communicate(timeout=120)[0] for process in both]
    codes = sorted(process.returncode for process in both)
    assert codes[-1] == 11, logs
    assert codes[0] in {3, 4}, logs
    assert place.remote.run("show", "ralph/t:done.txt") == "1\n2\n3"
    assert sum((work / "done.txt").exists() for work in works) == 1


def test_a_run_that_meets_another_writer_ends_and_keeps_its_work(place: Place) -> None:
    """The task's branch was moved by somebody: exit 4 in mid-iteration, the work on a side branch, theirs untouched."""
    work, gate = place.clone("one"), place.root / "gate"
    wait = f"while [ ! -e {gate} ]; do sleep 0.05; done"
    command = (
        f'if [ $RALPH_ITERATION = 2 ]; then touch "$HOME/reached"; {wait}; fi; [ $RALPH_ITERATION = 3 ] && sleep 300'
    )
    process = place.start(work, "--command", f"{command}; {WORK}", *FLAGS)
    place.wait_for_iteration()
    place.wait_until(lambda: place.remote.succeeds("rev-parse", "--verify", "-q", "refs/heads/ralph/t"))
    git = Git(place.root / "seed", place.environment)
    git.run("commit", "--quiet", "--allow-empty", "-m", "somebody else")
    git.run("push", "--quiet", "--force", "origin", "HEAD:refs/heads/ralph/t")
    theirs = git.run("rev-parse", "HEAD")
    gate.touch()
    log, _ = process.communicate(timeout=60)
    assert process.returncode == 4, log
    assert place.remote.run("rev-parse", "ralph/t") == theirs
    side = place.remote.run("for-each-ref", "--format=%(refname)", "refs/heads/ralph/t-local-*")
    assert place.remote.run("show", f"{side}:done.txt") == "1\n2", log

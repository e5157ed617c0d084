"""A run that is killed while it resumes, and what the one after it makes of what lies there."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ralph_action.checkpoint.agent_dir import AgentDir
from ralph_action.checkpoint.git import Git
from ralph_action.checkpoint.reading import load
from ralph_action.lease import Lease
from ralph_action.state import Checkpoint
from tests.integration.test_lease import put_claim
from tests.lab.place import WORK, Place
from tests.unit.records import new_state

KILLED = -9


def checkpointed(agent_dir: AgentDir, *iterations: int) -> None:
    for number in iterations:
        state = replace(new_state(), iteration=number, sequence=number)
        name, digest = agent_dir.write_state(state)
        record = Checkpoint(
            iteration=number, sequence=number, branch="b", commit="", state_file=name, digest=digest, time=""
        )
        agent_dir.write_checkpoint(record)


def test_a_generation_that_was_half_set_aside_is_set_aside(tmp_path: Path) -> None:
    """The newest record goes last: as long as it is there, the next run begins the same generation again."""
    agent_dir = AgentDir(tmp_path / "ours", None, None)
    checkpointed(agent_dir, 1, 2, 10)
    (tmp_path / "ours" / "generations" / "1" / "checkpoints").mkdir(parents=True)
    agent_dir.begin_generation(1)
    assert load(agent_dir.path, bare_states=False) == ([], [])
    kept = tmp_path / "ours" / "generations" / "1" / "checkpoints"
    assert sorted(path.name for path in kept.iterdir()) == [f"checkpoint_{n}.json" for n in (1, 10, 2)]


def test_killed_while_a_generation_begins(place: Place) -> None:
    """In a fresh clone: the finished one's branch keeps its files, and the next run begins the new one."""
    promise = f'{WORK}; [ "$RALPH_ITERATION" = 2 ] && echo LOOP_COMPLETE; true'
    assert place.run(place.clone("one"), "--command", promise, "--checkpoint-interval", "1")[0] == 0
    tip = place.remote.run("rev-parse", "ralph/t")
    work = place.clone("two")
    code, log = place.run(work, "--command", promise, RALPH_CRASH_AT="after rename record#2")
    assert code == KILLED, log
    code, log = place.run(work, "--command", promise)
    assert code == 0, log
    assert "generation 2 begins" in log
    assert place.remote.run("rev-parse", "ralph/t") == tip
    assert place.remote.run("show", "ralph/t-2:done.txt") == "1\n2"


def test_a_machine_that_was_away_counts_its_new_work(place: Place) -> None:
    """It has taken the branch over beside its own longer line; killed again, it goes on with what it did since."""
    one, two = place.clone("one"), place.clone("two")
    pushed = f"git --git-dir={place.root}/remote.git rev-parse --verify -q ralph/t"
    mark = f'{WORK}; [ "$RALPH_ITERATION" = 1 ] && echo "[CHECKPOINT]" || until {pushed}; do sleep 0.05; done'
    crash = {"RALPH_CRASH_AT": "after append journal.jsonl#14"}
    code, log = place.run(one, "--command", mark, "--checkpoint-interval", "50", **crash)
    assert code == KILLED, log
    ours = next((place.root / "state-one").glob("*/agent"))
    away = load(ours, bare_states=True)[0][0][0]
    assert away.iteration > 1
    for path in place.artifacts.glob("*"):
        path.unlink()
    assert place.run(two, "--command", WORK, "--max-iterations", "2", "--no-artifact")[0] == 11
    code, log = place.run(one, "--command", WORK, "--checkpoint-interval", "50", "--no-artifact", **crash)
    assert code == KILLED, log
    assert "is left behind" in log
    states = load(ours, bare_states=True)[0]
    since = max(state.iteration for state, _ in states if len(state.runs) == 2)
    code, log = place.run(one, "--command", WORK, "--max-iterations", str(since + 1), "--no-artifact")
    assert code == 11, log
    assert f"going on from local (saved state) after iteration {since}" in log


@pytest.mark.fault(
    "kill",
    "Killed while resuming: the state of a run that lives elsewhere is here already, the claim is not",
    "the next run is refused while the other one lives; a state that was only brought here is nobody's claim.",
)
def test_what_was_only_brought_here_does_not_take_a_claim_over(place: Place) -> None:
    assert place.run(place.clone("one"), "--command", WORK, "--max-iterations", "1", "--no-artifact")[0] == 11
    work = place.clone("two")
    code, log = place.run(work, "--command", WORK, "--no-artifact", RALPH_CRASH_AT="before append journal.jsonl#1")
    assert code == KILLED, log
    ours = next((place.root / "state-two").glob("*/agent"))
    writer = load(ours, bare_states=False)[0][0][0]
    lease = Lease(run_id=writer.run_id, run_attempt=writer.run_attempt, until="2999-01-01T00:00:00Z", host="far", pid=1)
    put_claim(place, lease)
    code, log = place.run(work, "--command", WORK, "--no-artifact")
    assert code == 3, log
    assert "The task `t` is taken" in log
    remote = Git(place.root / "remote.git", place.environment)
    assert json.loads(remote.run("show", "refs/ralph/t/state:lease.json"))["host"] == "far"


def test_an_artifact_that_a_killed_run_had_unpacked_is_read_again(place: Place) -> None:
    """What it left in our scratch folder is no damage of the artifact's."""
    assert place.run(place.clone("one"), "--command", WORK, "--max-iterations", "2")[0] == 11
    for ref in ("refs/heads/ralph/t", "refs/ralph/t/state"):
        place.remote.run("update-ref", "-d", ref)
    work = place.clone("two")
    code, log = place.run(work, "--command", WORK, RALPH_CRASH_AT="before rename restored#1")
    assert code == KILLED, log
    code, log = place.run(work, "--command", WORK, "--max-iterations", "3")
    assert code == 11, log
    assert "refused" not in log
    assert (work / "done.txt").read_text().split() == ["1", "2", "3"]

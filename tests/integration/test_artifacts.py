"""Artifacts in whole runs: what is there in the middle, what is left at the end, and what a resume makes of it."""

from __future__ import annotations

import contextlib
import json
import zipfile
from pathlib import Path

import pytest

from ralph_action.checkpoint.git import Git
from tests.lab.github import GitHub
from tests.lab.job import Attempt, Job
from tests.lab.place import WORK, Place, kill_tree, state_of

PACED = (
    '[ "$RALPH_ITERATION" = 1 ] || until [ -e "$HOME/../artifacts/'
    'ralph-state-t-0-1-$(printf %08d $((RALPH_ITERATION * 2 - 2))).zip" ]; do sleep 0.02; done'
)
"""Waits for the last checkpoint's state, so that each has one."""
SIXTH = 'if [ "$RALPH_ITERATION" = 6 ]; then touch "$HOME/reached"; sleep 300; fi'
EACH = ("--checkpoint-interval", "1", "--max-iterations", "7")
REFS = ("refs/heads/ralph/t", "refs/ralph/t/state")


def killed(place: Place, *, gone: tuple[str, ...] = REFS) -> list[str]:
    """A run that is killed after its fifth iteration, and the refs that are lost; returns its artifacts."""
    work = place.clone("one")
    process = place.start(work, "--command", f"{PACED}; {SIXTH}; {WORK}", *EACH)
    place.wait_for_iteration()
    place.wait_until(lambda: len(names(place)) == 3)
    kill_tree(process)
    for ref in gone:
        place.remote.run("update-ref", "-d", ref)
    return names(place)


def names(place: Place) -> list[str]:
    return sorted(path.stem for path in place.artifacts.glob("*.zip"))


def holds(place: Place, iteration: int) -> bool:
    """Whether a state has an iteration's checkpoint."""
    record = f".agent/checkpoints/checkpoint_{iteration}.json"
    for path in place.artifacts.glob("ralph-state-*.zip"):
        with contextlib.suppress(FileNotFoundError), zipfile.ZipFile(path) as zipped:
            if record in zipped.namelist():
                return True
    return False


def events(work: Path, event: str) -> list[int]:
    lines = (work / ".agent" / "journal.jsonl").read_text().splitlines()
    return [found["iteration"] for found in map(json.loads, lines) if found["event"] == event]


@pytest.mark.fault(
    "kill",
    "The machine is gone, and all that is left are the artifacts of its unfinished run",
    "the last state is taken with the commits of the segments before it; logs and older records come back too.",
)
def test_a_killed_run_goes_on_from_its_artifacts_alone(place: Place) -> None:
    """With every commit, log and record; the killed run's own artifacts are not the next run's to delete."""
    left = killed(place)
    assert [name.rsplit("-", 1)[0] for name in left] == ["ralph-segment-t-0-1", *["ralph-state-t-0-1"] * 2]
    work = place.clone("two")
    code, log = place.run(work, command="validate")
    assert code == 0, log
    assert log.count("ok: older logs and records") == 1
    code, log = place.run(work, "--command", WORK, *EACH)
    assert code == 11, log
    assert "going on from artifact" in log
    assert (work / "done.txt").read_text() == "".join(f"{n}\n" for n in range(1, 8))
    logs = sorted(path.name for path in (work / ".agent" / "logs").glob("iteration_*"))
    assert logs == [f"iteration_{n}_1.jsonl" for n in (1, 2, 3, 4, 6, 7)], "only the fifth was in no segment yet"
    records = {path.name for path in (work / ".agent" / "checkpoints").iterdir()}
    assert records == {f"checkpoint_{n}.json" for n in range(1, 8)}
    assert events(work, "checkpoint") == [1, 2, 3, 4, 5, 6, 7, 7]
    assert sorted({*names(place)} - {*left}) == [f"ralph-agent-t-0-1-{state_of(work)['sequence']:08d}"]
    assert {*left} <= {*names(place)}


def test_what_comes_back_comes_back_again(place: Place) -> None:
    """A second run that is killed has the first one's logs in nothing of its own; the third gets both."""
    killed(place)
    second = place.clone("two")
    eighth = SIXTH.replace("= 6", "= 8")
    process = place.start(second, "--command", f"{eighth}; {WORK}", "--checkpoint-interval", "1")
    place.wait_for_iteration()
    place.wait_until(lambda: holds(place, 7))
    kill_tree(process)
    for ref in REFS:
        place.remote.run("update-ref", "-d", ref)
    third = place.clone("three")
    code, log = place.run(third, "--command", WORK, "--max-iterations", "8")
    assert code == 11, log
    assert (third / "done.txt").read_text() == "".join(f"{n}\n" for n in range(1, 9))
    logs = {path.name for path in (third / ".agent" / "logs").glob("iteration_*")}
    assert {f"iteration_{n}_1.jsonl" for n in range(1, 5)} <= logs


def test_a_segment_that_is_gone_is_said(place: Place) -> None:
    """The user has the commits here; only old logs are lost."""
    left = killed(place, gone=("refs/ralph/t/state",))
    (place.artifacts / f"{left[0]}.zip").unlink()
    work = place.clone("two")
    Git(work, place.environment).run("fetch", "--quiet", "origin", "ralph/t")
    code, log = place.run(work, "--command", WORK, *EACH)
    assert code == 11, log
    said = f"1 of 1 artifacts with older logs and records cannot be had; nothing else is missing. {left[0]}: the lists"
    assert said in log
    assert (work / "done.txt").read_text() == "".join(f"{n}\n" for n in range(1, 8))


def shown(github: GitHub) -> list[str]:
    return [item.name for item in github.artifacts.visible()]


def test_a_job_leaves_one_artifact(job: Job, github: GitHub) -> None:
    """The outputs name it; the second attempt's does not touch the first one's."""
    assert job.attempt(1, WORK, iterations=2)[0] == 11
    (first,) = shown(github)
    assert job.outputs(1)["artifact-name"] == first
    assert job.attempt(2, WORK, iterations=3)[0] == 11
    assert shown(github)[0] == first
    assert shown(github)[1:] == [job.outputs(2)["artifact-name"]]
    assert shown(github)[1].startswith("ralph-agent-ralph-loop-7-2-")


def test_the_post_stage_clears_what_a_killed_main_left(job: Job, github: GitHub) -> None:
    """It is another process in another container, and knows them by their names."""
    attempt = Attempt(job)
    reached = job.root / "reached"
    command = f'if [ "$RALPH_ITERATION" = 2 ]; then touch {reached}; sleep 600; fi; {WORK}'
    with attempt.start({"command": command, "checkpoint-interval": "1"}) as main:
        main.until(lambda: reached.exists() and bool(shown(github)))
        assert [name.rsplit("-", 1)[0] for name in shown(github)] == ["ralph-state-ralph-loop-7-1"]
        main.kill()
    with attempt.post(main) as post:
        assert post.wait() == 0, post.log.text
    assert [name.rsplit("-", 1)[0] for name in shown(github)] == ["ralph-agent-ralph-loop-7-1"]


@pytest.mark.fault(
    "artifact",
    "The service refuses to delete (403)",
    "the run says so once and ends as it would have; a few more artifacts stay.",
)
def test_a_job_that_may_not_delete(job: Job, github: GitHub) -> None:
    github.faults.fail("DeleteArtifact", 403, times=9)
    code, log, _ = job.attempt(1, WORK, iterations=2)
    assert code == 11, log
    assert log.count("Older artifacts of this run stay: they could not be deleted") == 1
    assert job.outputs(1)["artifact-name"].startswith("ralph-agent-")
    assert len(shown(github)) > 1

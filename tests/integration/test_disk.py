"""Disks that are full, read-only or in the way: the whole program, on a small tmpfs where one is needed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ralph_action.checkpoint.agent_dir import AgentDir
from ralph_action.checkpoint.files import append_line, write_atomically
from ralph_action.checkpoint.guarded import Guarded
from ralph_action.checkpoint.homes import Homes
from ralph_action.checkpoint.reading import load
from ralph_action.clock import SystemClock
from ralph_action.github.runner import Runner
from tests.lab.disk import Disk, mounted
from tests.lab.place import WORK, Place, state_of
from tests.unit.records import new_state


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with mounted(tmp_path / "disk", "3m") as made:
        yield made


def branch(place: Place) -> str:
    return place.remote.run("show", "ralph/t:done.txt")


def assert_sound(folder: Path) -> None:
    """Every document can be read, every record's state is as it says, no temporary file lies about."""
    for path in folder.rglob("*.json"):
        json.loads(path.read_text())
    for line in (folder / "journal.jsonl").read_text().splitlines():
        json.loads(line)
    assert load(folder, bare_states=True)[1] == []
    assert list(folder.rglob("*.tmp")) == []


FILLED = 'if [ "$RALPH_ITERATION" = 2 ]; then cat /dev/zero > "$DISK/fill"; fi; '
FREED = 'if [ "$RALPH_ITERATION" = 4 ]; then rm "$DISK/fill"; fi; '
INTERVAL = ("--checkpoint-interval", "1")


@pytest.mark.fault(
    "disk",
    "the disk of the saved state is full for a while",
    "The log names the disk and what to free; the loop goes on, and the next checkpoint after there is room holds all.",
)
def test_a_full_state_home(place: Place, disk: Disk) -> None:
    work = place.clone("one")
    command = f"export DISK={disk.path}; {FILLED}{FREED}{WORK}"
    flags = ("--command", command, "--max-iterations", "5", *INTERVAL)
    code, log = place.run(work, *flags, RALPH_STATE_HOME=str(disk.path / "state"))
    assert code == 11, log
    assert len(re.findall(r"warning: The disk of \S*disk/state/\w+ is full", log)) == 1, log
    assert "Free space there" in log
    assert "can be written again" in log
    assert "homes: local reached, branch reached" in log
    assert branch(place) == "1\n2\n3\n4\n5"
    assert (state_of(work)["iteration"], len(state_of(work)["iterations"])) == (5, 5)
    assert_sound(next(disk.path.glob("state/*/agent")))


@pytest.mark.fault(
    "disk",
    "the disk of the workspace is full for a while",
    "A commit that would lack files is not made; the log says so, and the checkpoint after there is room has them.",
)
def test_a_full_workspace(place: Place, disk: Disk) -> None:
    """`git add --ignore-errors` passes over what it cannot store."""
    work = place.clone("disk/one")
    command = f"export DISK={disk.path}; {WORK}; head -c 300000 /dev/urandom > big-$RALPH_ITERATION; {FILLED}{FREED}"
    flags = ("--command", command, "--max-iterations", "4", *INTERVAL)
    code, log = place.run(work, *flags, RALPH_STATE_HOME=str(place.root / "state"))
    assert code == 11, log
    assert "Not saved: checkpoint 2" in log
    assert "with all that was missed, is saved" in log
    assert branch(place).splitlines()[:2] == ["1", "2"]
    assert (
        place.remote.run("rev-parse", "ralph/t:big-2").strip()
        == place.git.run("hash-object", str(work / "big-2")).strip()
    )
    subjects = place.remote.run("log", "--format=%s", "ralph/t")
    assert "Ralph checkpoint 2" not in subjects
    assert "Ralph checkpoint 4" in subjects


@pytest.mark.fault(
    "disk",
    "the disk is full when the agent says that it is done",
    "The task fails with exit code 3 instead of `completed`; a rerun with room saves what was done.",
)
def test_completed_needs_its_last_checkpoint(place: Place, disk: Disk) -> None:
    work = place.clone("one")
    env = {"RALPH_STATE_HOME": str(disk.path / "state")}
    command = f"export DISK={disk.path}; {FILLED}{WORK}; if [ $RALPH_ITERATION = 2 ]; then echo LOOP_COMPLETE; fi"
    code, log = place.run(work, "--command", command, *INTERVAL, **env)
    assert code == 3, log
    assert "Ended: failed (state) after 2 iterations; homes: local The disk of" in log
    assert state_of(work)["status"] != "completed"
    disk.free()
    code, log = place.run(work, "--command", f"{WORK}; echo LOOP_COMPLETE", *INTERVAL, **env)
    assert code == 0, log
    assert branch(place).splitlines()[:2] == ["1", "2"]


@pytest.mark.fault(
    "disk",
    "the disk is full before a run has begun",
    "The run ends before any money is spent, with exit code 3, the disk's name and what to do.",
)
def test_a_full_disk_at_the_start(place: Place, disk: Disk) -> None:
    work = place.clone("one")
    disk.fill()
    command = f"touch {place.root}/called"
    code, log = place.run(work, "--command", command, RALPH_STATE_HOME=str(disk.path / "state"))
    assert code == 3, log
    assert "No space left on device" in log or "is full" in log
    assert "RALPH_STATE_HOME" in log or "Free space there" in log
    assert "bug" not in log
    assert not (place.root / "called").exists()


def test_old_archives_make_room(disk: Disk) -> None:
    """Checkpoints with fat logs, then no room: the newest two and their states stay, and the state is written."""
    agent_dir = AgentDir(disk.path / "agent", None, None)
    homes = Homes(agent_dir, None, [], SystemClock(), print, metrics_interval=1, keep=(50, 0))
    said: list[str] = []
    guarded = Guarded(homes, (disk.path,), said.append, said.append, archive=agent_dir.write_prompt)
    state = new_state()
    for number in range(1, 7):
        guarded.archive(f"prompt {number}")
        agent_dir.new_log(number).write_bytes(b"x" * 100_000)
        state = replace(state, iteration=number, sequence=state.sequence + 1)
        guarded.record(state)
        state, _ = guarded.snapshot(state, "x")
        homes.flush(10)
        homes._since = None
    disk.fill()
    guarded.record(replace(state, iteration=7, sequence=state.sequence + 1))
    homes.close()
    assert ["bytes of old records and logs were removed" in text for text in said] == [True]
    assert agent_dir.last is not None
    assert agent_dir.last[0].iteration == 7
    names = sorted(path.name for path in (disk.path / "agent" / "checkpoints").iterdir())
    assert names == ["checkpoint_5.json", "checkpoint_6.json"]
    assert [path.name for path in (disk.path / "agent" / "logs").glob("iteration_*")] == ["iteration_6_1.jsonl"]
    assert [path.read_text() for path in (disk.path / "agent" / "prompts").iterdir()] == ["prompt 6"]
    assert_sound(disk.path / "agent")


@pytest.mark.fault(
    "disk",
    "there is room for half of a file",
    "The old file stays as it was; half of a line or of an output is taken back.",
)
def test_a_write_that_finds_no_room(disk: Disk) -> None:
    path, journal, output = (disk.path / name for name in ("file", "journal", "output"))
    write_atomically(path, b"old")
    append_line(journal, "one")
    with output.open("w") as stream:
        runner = Runner({"GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(disk.path / "summary")}, stream)
    runner.set_output("first", "1")
    before = output.read_bytes()
    disk.fill(leave=3 * 4096)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, b"x" * 100_000)
    with pytest.raises(OSError, match="No space left"):
        append_line(journal, "x" * 100_000)
    runner.set_output("second", "x" * 100_000)
    runner.write_summary("x" * 100_000)
    assert (path.read_bytes(), journal.read_bytes(), output.read_bytes()) == (b"old", b"one\n", before)
    assert [item.name for item in disk.path.iterdir() if item.name.endswith(".tmp")] == []
    disk.free()
    append_line(journal, "two")
    runner.set_output("second", "2")
    assert journal.read_bytes() == b"one\ntwo\n"
    assert output.read_bytes().count(b"second") == 1


@pytest.mark.fault(
    "disk",
    "the saved state cannot be written at all",
    "The run ends at once with exit code 3, the folder's name and RALPH_STATE_HOME as the remedy.",
)
@pytest.mark.parametrize("why", ["a file is in its place", "read-only"])
def test_a_state_home_that_cannot_be_written(place: Place, disk: Disk, why: str) -> None:
    work = place.clone("one")
    home = disk.path / "state"
    if why == "read-only":
        disk.set_writable(writable=False)
    else:
        home.touch()
    code, log = place.run(work, "--command", WORK, RALPH_STATE_HOME=str(home))
    assert code == 3, log
    assert f"The state cannot be kept in {home}/" in log
    assert "set RALPH_STATE_HOME to another folder" in log
    assert not (work / "done.txt").exists()


IN_THE_WAY = {
    "a file": "rm -rf .agent; echo mine > .agent",
    "a link to nowhere": 'rm -rf .agent; ln -s "$HOME/nowhere/at/all" .agent',
    "a link to a file": 'rm -rf .agent; touch "$HOME/file"; ln -s "$HOME/file" .agent',
    "a link to itself": "rm -rf .agent; ln -s .agent .agent",
}


@pytest.mark.fault(
    "disk",
    "`.agent/` in the workspace is a file or a broken link",
    "It is said once that the copy cannot be written; the state that counts is elsewhere, and nothing is lost.",
)
@pytest.mark.parametrize("kind", IN_THE_WAY)
def test_something_in_the_way_of_the_mirror(place: Place, kind: str) -> None:
    """From the middle of a run on, and at the start of the next one; the prompt file is found elsewhere."""
    work = place.clone("one")
    check = 'test "$(cat "$RALPH_PROMPT_FILE")" = "Do it." && '
    command = f"{check}if [ $RALPH_ITERATION = 2 ]; then {IN_THE_WAY[kind]}; fi; {WORK}"
    for limit in ("3", "4"):
        code, log = place.run(work, "--command", command, "--max-iterations", limit, "--context", "none", *INTERVAL)
        assert code == 11, log
        assert log.count("Nothing is lost: it is a copy of ours") == 1, log
        assert log.count("The prompt cannot be written to") == 1, log
        assert "exit code" not in log
    assert branch(place) == "1\n2\n3\n4"
    assert place.remote.run("ls-tree", "--name-only", "ralph/t").split() == ["PROMPT.md", "done.txt"]


@pytest.mark.fault(
    "disk",
    "`.agent/` in the workspace is read-only",
    "It is said once; checkpoints go on, as the state that counts is elsewhere.",
)
def test_a_read_only_mirror(place: Place, disk: Disk) -> None:
    work = place.clone("one")
    (work / ".agent").symlink_to(disk.path)
    disk.set_writable(writable=False)
    code, log = place.run(work, "--command", WORK, "--max-iterations", "2", *INTERVAL)
    assert code == 11, log
    assert log.count("cannot be written (") == 1, log
    assert "Read-only file system" in log
    assert branch(place) == "1\n2"


@pytest.mark.fault(
    "disk",
    "`.agent/` in the workspace is a link to another disk",
    "It is followed with the agent's rights, and is no part of any commit.",
)
def test_a_link_to_a_larger_disk(place: Place, tmp_path: Path) -> None:
    work = place.clone("one")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (work / ".agent").symlink_to(elsewhere)
    code, log = place.run(work, "--command", WORK, "--max-iterations", "2", *INTERVAL)
    assert code == 11, log
    assert "cannot be written" not in log
    assert_sound(elsewhere)
    assert state_of(work)["iteration"] == 2
    assert ".agent" not in place.remote.run("ls-tree", "--name-only", "ralph/t").split()


@pytest.mark.fault(
    "disk",
    "the agent deletes `.agent/` in the middle of a run",
    "It is written anew from the saved state; counters and records are as they were.",
)
def test_an_agent_dir_that_is_deleted(place: Place) -> None:
    work = place.clone("one")
    command = f"if [ $RALPH_ITERATION = 2 ]; then rm -rf .agent; fi; {WORK}"
    code, log = place.run(work, "--command", command, "--max-iterations", "3", *INTERVAL)
    assert code == 11, log
    assert (state_of(work)["iteration"], branch(place)) == (3, "1\n2\n3")
    ours = next((place.root / "state-one").glob("*/agent"))
    assert sorted(path.name for path in (ours / "checkpoints").iterdir()) == [f"checkpoint_{n}.json" for n in (1, 2, 3)]
    code, log = place.run(work, "--command", WORK, "--max-iterations", "4", *INTERVAL)
    assert code == 11, log
    assert sorted(path.name for path in (work / ".agent" / "checkpoints").iterdir()) == [
        f"checkpoint_{n}.json" for n in (1, 2, 3, 4)
    ]
    assert (work / ".agent" / "journal.jsonl").read_text() == (ours / "journal.jsonl").read_text()

"""What the loop's checkpoints do when there is no room, with homes that fail as they are told."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from ralph_action.checkpoint.guarded import Guarded
from ralph_action.disk import git_ran_out_of_room
from ralph_action.errors import DiskError, GitError
from ralph_action.fakes import MemoryCheckpoints
from ralph_action.state import Checkpoint, TaskState
from tests.unit.records import new_state


def trouble(number: int = errno.ENOSPC) -> OSError:
    return OSError(number, os.strerror(number))


class Homes(MemoryCheckpoints):
    """Its next writes fail; old records make room as often as it is told."""

    def __init__(self, *, rooms: int = 0) -> None:
        super().__init__({"local": "reached", "branch": "reached"})
        self.troubles: list[Exception] = []
        self.rooms = rooms
        self.archived: list[str] = []

    def record(self, state: TaskState, event: str = "iteration") -> None:
        self._fail()
        super().record(state, event)

    def snapshot(self, state: TaskState, line: str) -> tuple[TaskState, Checkpoint]:
        self._fail()
        return super().snapshot(state, line)

    def archive(self, prompt: str) -> None:
        self._fail()
        self.archived.append(prompt)

    def make_room(self) -> int:
        self.rooms -= 1
        return 1000 if self.rooms >= 0 else 0

    def _fail(self) -> None:
        if self.troubles:
            raise self.troubles.pop(0)


class Rig:
    """A guard around them, and what it says."""

    def __init__(self, *, rooms: int = 0, mirror: str = "") -> None:
        self.homes = Homes(rooms=rooms)
        self.said: list[str] = []
        self.warned: list[str] = []
        self.guarded = Guarded(
            self.homes,
            (Path("/"),),
            self.said.append,
            self.warned.append,
            archive=self.homes.archive,
            mirror_trouble=lambda: mirror,
        )


@pytest.mark.fault(
    "disk",
    "the disk is full, and old records are there",
    "Records, prompts and logs that no resume needs are removed, the log says how many bytes, and it is saved.",
)
@pytest.mark.parametrize("problem", [trouble(), trouble(errno.EDQUOT), DiskError("full")])
def test_old_records_go_first(problem: Exception) -> None:
    rig = Rig(rooms=1)
    rig.homes.troubles = [problem]
    rig.guarded.record(new_state())
    assert len(rig.homes.recorded) == 1
    assert rig.warned == []
    assert ["1000 bytes of old records" in text for text in rig.said] == [True]


def test_a_full_disk_is_told_once_and_the_next_checkpoint_has_it_all() -> None:
    """Until there is room the loop goes on without; then it is told that there is."""
    rig = Rig()
    rig.homes.troubles = [trouble() for _ in range(4)]
    for number in (1, 2):
        rig.guarded.record(new_state())
        _, checkpoint = rig.guarded.snapshot(new_state(), f"{number}")
        assert checkpoint is None
        assert "is full" in rig.guarded.flush(1)["local"]
    assert len(rig.warned) == 1
    assert "The disk of / is full" in rig.warned[0]
    assert "Free space there" in rig.warned[0]
    rig.guarded.record(new_state())
    assert rig.said == []  # the checkpoint is still missing
    _, checkpoint = rig.guarded.snapshot(new_state(), "3")
    assert checkpoint is not None
    assert rig.guarded.flush(1) == {"local": "reached", "branch": "reached"}
    assert ["with all that was missed" in text for text in rig.said] == [True]
    rig.homes.troubles = [trouble()]
    rig.guarded.record(new_state())
    assert len(rig.warned) == 2


@pytest.mark.parametrize("problem", [GitError("no"), KeyError("x"), OSError(errno.EBADF, "bad")])
def test_what_is_not_the_disks_fault_is_not_swallowed(problem: Exception) -> None:
    rig = Rig(rooms=1)
    rig.homes.troubles = [problem]
    with pytest.raises(type(problem)):
        rig.guarded.snapshot(new_state(), "x")


def test_a_prompt_is_archived_when_there_is_room() -> None:
    """The newest version that could not be kept is kept with the next record."""
    rig = Rig()
    rig.homes.troubles = [trouble(errno.EROFS), trouble(errno.EROFS)]
    rig.guarded.archive("one")
    rig.guarded.archive("two")
    rig.guarded.record(new_state())
    rig.guarded.record(new_state())
    assert rig.homes.archived == ["two"]
    assert "cannot be written: Read-only file system" in rig.warned[0]


def test_a_mirror_that_cannot_be_written_is_told_once() -> None:
    rig = Rig(mirror="/work/.agent: Read-only file system")
    rig.guarded.record(new_state())
    rig.guarded.record(new_state())
    assert ["Nothing is lost" in text for text in rig.said] == [True]


@pytest.mark.parametrize(
    ("said", "is_ours"),
    [
        (b"error: unable to write loose object file: No space left on device\n", True),
        (b"warning: x\nfatal: write error: Disk quota exceeded\n", True),
        (b"remote: fatal: write error: No space left on device\nerror: remote unpack failed\n", False),
        (b"fatal: unable to write new index file\n", False),  # with room on this disk it is for another reason
        (b"", False),
    ],
)
def test_whose_disk_git_means(tmp_path: Path, said: bytes, *, is_ours: bool) -> None:
    assert git_ran_out_of_room(said, tmp_path) is is_ours

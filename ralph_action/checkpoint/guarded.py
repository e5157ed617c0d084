"""The loop's `Checkpoints` on a disk that may be full: what finds no room is said, and comes with the next one."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from ralph_action.disk import OF_THE_DISK, disk_error
from ralph_action.errors import DiskError
from ralph_action.state import Checkpoint, TaskState

BORNE = OF_THE_DISK | {errno.EACCES, errno.EPERM}
"""What may be over by the next checkpoint; any other error is a bug of ours."""


class Local(Protocol):
    """The homes as the guard speaks to them."""

    def record(self, state: TaskState, event: str = "iteration") -> None: ...

    def snapshot(self, state: TaskState, line: str) -> tuple[TaskState, Checkpoint]: ...

    def publish(self, checkpoint: Checkpoint, *, is_last: bool) -> None: ...

    def flush(self, timeout_s: float) -> dict[str, str]: ...

    def make_room(self) -> int:
        """Remove what no resume needs; return its bytes."""
        ...


class Guarded:
    """Makes room and tries again; else says what is full, and lets the loop go on with what it holds in memory."""

    def __init__(
        self,
        homes: Local,
        places: tuple[Path, ...],
        say: Callable[[str], None],
        warn: Callable[[str], None],
        *,
        archive: Callable[[str], object],
        mirror_trouble: Callable[[], str] = str,
        needless: Sequence[Path] = (),
    ) -> None:
        """Know the parts.

        Args:
            homes: where checkpoints go.
            places: the folders whose disks they lie on.
            say: tells what went on.
            warn: tells what somebody has to do something about.
            archive: keeps a version of the prompt.
            mirror_trouble: why the workspace's `.agent/` could not be written; empty when it could.
            needless: folders of ours that nobody needs any more.

        """
        self._homes = homes
        self._places = places
        self._say = say
        self._warn = warn
        self._archive = archive
        self._mirror_trouble = mirror_trouble
        self._needless = needless
        self._trouble: DiskError | None = None
        """Why something is not saved; None when all is."""
        self._missed = False
        """Whether the last checkpoint could not be taken."""
        self._prompt: str | None = None
        """A version that is not archived yet."""
        self._said_of_mirror = False

    def record(self, state: TaskState, event: str = "iteration") -> None:
        if self._prompt is not None:
            self.archive(self._prompt)
        self._attempt(lambda: self._homes.record(state, event), f"the state after iteration {state.iteration}")
        trouble = self._mirror_trouble()
        if trouble and not self._said_of_mirror:
            self._said_of_mirror = True
            self._say(f"The workspace's .agent/ cannot be written ({trouble}). Nothing is lost: it is a copy of ours.")

    def snapshot(self, state: TaskState, line: str) -> tuple[TaskState, Checkpoint | None]:
        taken: list[tuple[TaskState, Checkpoint]] = []
        was_missed, self._missed = self._missed, False
        what = f"checkpoint {state.iteration}" + (", with all that was missed," if was_missed else "")
        if not self._attempt(lambda: taken.append(self._homes.snapshot(state, line)), what):
            self._missed = True
            return state, None
        return taken[0]

    def publish(self, checkpoint: Checkpoint, *, is_last: bool) -> None:
        self._homes.publish(checkpoint, is_last=is_last)

    def flush(self, timeout_s: float) -> dict[str, str]:
        homes = self._homes.flush(timeout_s)
        return {**homes, "local": str(self._trouble)} if self._missed else homes

    def archive(self, prompt: str) -> None:
        """Keep a version of the prompt, now or as soon as there is room."""
        self._prompt = prompt
        if self._attempt(lambda: self._archive(prompt), "this version of the prompt"):
            self._prompt = None

    def _attempt(self, act: Callable[[], object], what: str) -> bool:
        trouble = self._tried(act)
        if trouble is not None and (freed := self._make_room()):
            self._say(f"{trouble.message} {freed} bytes of old records and logs were removed to save {what}.")
            trouble = self._tried(act)
        if trouble is not None:
            if self._trouble is None:
                self._warn(f"{trouble.message} Not saved: {what}. The loop goes on and tries again. {trouble.remedy}")
            self._trouble = trouble
        elif self._trouble is not None and not self._missed:
            self._trouble = None
            self._say(f"The disk can be written again: {what} is saved.")
        return trouble is None

    def _tried(self, act: Callable[[], object]) -> DiskError | None:
        """Do it; return what is wrong with the disk, and raise what is not the disk's fault."""
        try:
            act()
        except DiskError as problem:
            return problem
        except OSError as problem:
            if problem.errno not in BORNE:
                raise
            return disk_error(problem, *self._places)
        return None

    def _make_room(self) -> int:
        freed = sum(_size(folder) for folder in self._needless)
        for folder in self._needless:
            shutil.rmtree(folder, ignore_errors=True)
        return freed + self._homes.make_room()


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())

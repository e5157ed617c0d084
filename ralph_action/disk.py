"""What a full disk looks like, and what is said of it."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

from ralph_action.errors import DiskError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
OF_THE_DISK = FULL | {errno.EROFS, errno.EIO}
"""What is wrong with a disk, rather than with one file's name or rights."""
LITTLE_BYTES = 1024 * 1024
SAID = re.compile(rb"^(?!remote:).*(?:No space left on device|Disk quota exceeded)", re.MULTILINE)
HINTED = re.compile(rb"^(?!remote:).*(?:unable|could not|cannot|failed) to (?:write|create)", re.MULTILINE)
"""Git does not say why it could not write an index: that the disk is full has to be looked up."""
REMEDY = "Free space there: build output, caches, old logs; `ralph clean` removes old records."


def is_full(problem: OSError) -> bool:
    """Whether there was no room."""
    return problem.errno in FULL


def is_of_the_disk(problem: OSError) -> bool:
    """Whether every write would fail as this one did."""
    return problem.errno in OF_THE_DISK


def git_ran_out_of_room(said: bytes, where: Path) -> bool:
    """Whether a git command failed because a disk of this machine is full; a server's own is not meant."""
    return bool(SAID.search(said)) or bool(HINTED.search(said) and free_bytes(where) < LITTLE_BYTES)


def disk_error(problem: OSError, *places: Path) -> DiskError:
    """Say which disk it is: an error of a write names no file, so the fullest of the places counts."""
    if is_full(problem):
        return full(*places)
    name = problem.filename or " or ".join(map(str, places))
    return DiskError(f"{name} cannot be written: {problem.strerror or problem}.", remedy="Make it writable again.")


def told(problem: Exception, *places: Path) -> Exception:
    """The same error, or what it says of the disk."""
    return disk_error(problem, *places) if isinstance(problem, OSError) and is_of_the_disk(problem) else problem


def full(*places: Path) -> DiskError:
    """Say that there is no room on the fullest disk of these places."""
    where = min(places, key=free_bytes)
    inodes = " (it can hold no more files)" if _files_left(where) == 0 else ""
    return DiskError(f"The disk of {where} is full: {free_bytes(where)} bytes are free{inodes}.", remedy=REMEDY)


def free_bytes(where: Path) -> int:
    """What is left for whoever we are; very much when nobody can tell."""
    try:
        facts = os.statvfs(_existing(where))
    except OSError:
        return 1 << 62
    return (facts.f_bfree if os.geteuid() == 0 else facts.f_bavail) * facts.f_frsize


def _files_left(where: Path) -> int | None:
    try:
        facts = os.statvfs(_existing(where))
    except OSError:
        return None
    return facts.f_favail if facts.f_files else None


def _existing(where: Path) -> Path:
    return next((path for path in (where, *where.parents) if path.exists()), where)

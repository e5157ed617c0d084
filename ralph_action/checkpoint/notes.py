"""What the agent keeps in `.agent/` besides our files: carried along, never believed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from ralph_action.checkpoint.acting import acting_as
from ralph_action.ports import User

MAX_NOTE_BYTES = 1024 * 1024
MAX_NOTES = 200


def read_notes(folder: Path, ours: Iterable[str], user: User | None) -> dict[str, bytes]:
    """Read the agent's notes with the agent's rights: name below `folder` → content.

    Plain files alone, up to 200 of 1 MiB each; a link leads nowhere.

    Args:
        folder: the workspace's `.agent/`.
        ours: the names at its top that are not notes.
        user: whom the agent runs as.

    """
    found: dict[str, bytes] = {}
    skipped = set(ours)
    with acting_as(user):
        for path in _plain_files(folder, skipped):
            if len(found) >= MAX_NOTES:
                break
            if (data := _content(path)) is not None:
                found[path.relative_to(folder).as_posix()] = data
    return found


def _plain_files(folder: Path, skipped: set[str]) -> Iterator[Path]:
    for top, folders, files in os.walk(folder):
        left_out = skipped if Path(top) == folder else set()
        folders[:] = sorted(set(folders) - left_out)
        for name in sorted(set(files) - left_out):
            if not name.endswith(".tmp"):
                yield Path(top) / name


def _content(path: Path) -> bytes | None:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with os.fdopen(handle, "rb") as stream:
        facts = os.fstat(stream.fileno())
        if not stat.S_ISREG(facts.st_mode) or facts.st_size > MAX_NOTE_BYTES:
            return None
        return stream.read(MAX_NOTE_BYTES)

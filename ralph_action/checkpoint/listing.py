"""A look at an `.agent/` tree, file by file: what each record says, what is damaged, what is kept no longer."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ralph_action.checkpoint.acting import acting_as
from ralph_action.checkpoint.files import write_atomically
from ralph_action.checkpoint.reading import FOLDERS, MAX_DOCUMENT_BYTES, named_state, read_json
from ralph_action.checkpoint.records import WIP
from ralph_action.checkpoint.retention import NEEDED_CHECKPOINTS, RECORD, Limits, Record, is_over, outdated
from ralph_action.documents import read_checkpoint, read_state
from ralph_action.durable import step
from ralph_action.errors import StateError
from ralph_action.ports import User
from ralph_action.state import Checkpoint, TaskState


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One record of a checkpoint."""

    name: str
    """Below `.agent/`."""
    iteration: int
    """As its file name says."""
    checkpoint: Checkpoint | None = None
    """None when it cannot be read."""
    state: TaskState | None = None
    why: str = ""
    """What is wrong with it or with the state that it names; empty when nothing."""

    @property
    def key(self) -> str:
        """The word that a person calls it by."""
        return "wip" if self.name == WIP else str(self.iteration)

    @property
    def commit(self) -> str:
        """The commit that has its files; empty when there is none."""
        return (self.checkpoint.wip or self.checkpoint.commit) if self.checkpoint else ""


def listed(folder: Path) -> Iterator[Listed]:
    """The records of an `.agent/` tree, the newest first."""
    for iteration, name in (*_timed(folder), *numbered(folder)):
        checkpoint = None
        try:
            checkpoint = read_checkpoint(read_json(folder / name))
            state = named_state(folder, checkpoint)
        except StateError as problem:
            yield Listed(name=name, iteration=iteration, checkpoint=checkpoint, why=str(problem))
        else:
            yield Listed(name=name, iteration=iteration, checkpoint=checkpoint, state=state)


def damaged_states(folder: Path) -> Iterator[tuple[str, str]]:
    """State files that cannot be read, whoever names them: name below `.agent/` and why."""
    for path in sorted((folder / "metrics").glob("state_*.json")):
        try:
            read_state(read_json(path))
        except StateError as problem:
            yield f"metrics/{path.name}", str(problem)


def set_aside(folder: Path, into: Path, user: User | None) -> list[str]:
    """Copy what is damaged to a folder of ours, as a later checkpoint may write over it; return the names.

    The tree may be the workspace's: it is read with the agent's rights, so that no link there shows more than those.
    """
    found: dict[str, bytes] = {}
    with acting_as(user):
        names = dict.fromkeys(name for name, _ in damaged_states(folder))
        for item in listed(folder):
            if item.why:
                names[item.name] = None
                state_file = item.checkpoint.state_file if item.checkpoint else ""
                if Path(state_file).parent == Path("metrics"):
                    names[state_file] = None
        for name in names:
            with contextlib.suppress(OSError):
                handle = os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
                with os.fdopen(handle, "rb") as stream:
                    found[Path(name).name] = stream.read(MAX_DOCUMENT_BYTES)
    for name, data in found.items():
        kept, number = into / name, 1
        while kept.is_file() and kept.read_bytes() != data:
            number += 1
            kept = into / f"{name}.{number}"
        if not kept.is_file():
            write_atomically(kept, data)
    return sorted(found)


def prune(folder: Path, keep: int, days: int, now: datetime, since: int | None) -> dict[str, int]:
    """Remove from one `.agent/` tree what is kept no longer; return name → bytes of what went."""
    limits = Limits(keep=keep, days=days, now=now)
    sizes = {name: size for part in FOLDERS for name, size in _files(folder, part)}
    if not is_over(sizes, limits):
        return {}
    gone: dict[str, int] = {}
    for name in outdated(sizes, _records(folder), limits, since=since):
        with contextlib.suppress(OSError), step(f"remove {Path(name).parent}"):
            (folder / name).unlink()
            gone[name] = sizes[name]
    return gone


def _records(folder: Path) -> list[Record]:
    """The records; the states that they name are read as far as it decides: the newest two that are valid."""
    found: list[Record] = []
    valid = 0
    for iteration, name in numbered(folder):
        checkpoint, is_valid = None, False
        with contextlib.suppress(StateError):
            checkpoint = read_checkpoint(read_json(folder / name))
            if valid < NEEDED_CHECKPOINTS:
                named_state(folder, checkpoint)
                is_valid, valid = True, valid + 1
        found.append(
            Record(
                name=name,
                iteration=iteration,
                sequence=checkpoint.sequence if checkpoint else 0,
                state_file=checkpoint.state_file if checkpoint else "",
                is_valid=is_valid,
            )
        )
    return found


def numbered(folder: Path) -> list[tuple[int, str]]:
    """The records of the checkpoints at iterations' ends, the newest first: iteration and name below `.agent/`."""
    names = (f"checkpoints/{path.name}" for path in (folder / "checkpoints").glob("checkpoint_*.json"))
    return sorted(((int(match[1]), name) for name in names if (match := RECORD.fullmatch(name))), reverse=True)


def _timed(folder: Path) -> list[tuple[int, str]]:
    """The record of the timed checkpoint, which is newer than all others while it is there."""
    if not (folder / WIP).exists():
        return []
    with contextlib.suppress(StateError):
        return [(read_checkpoint(read_json(folder / WIP)).iteration, WIP)]
    return [(0, WIP)]


def _files(folder: Path, part: str) -> Iterator[tuple[str, int]]:
    """The plain files of one folder, with their sizes; one that vanishes meanwhile is none."""
    with contextlib.suppress(FileNotFoundError), os.scandir(folder / part) as entries:
        for entry in entries:
            if entry.is_file(follow_symlinks=False):
                with contextlib.suppress(FileNotFoundError):
                    yield f"{part}/{entry.name}", entry.stat(follow_symlinks=False).st_size

"""Reading an `.agent/` tree, which may be damaged or anyone's."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from ralph_action.checkpoint.records import WIP, newest_first
from ralph_action.documents import read_checkpoint, read_state
from ralph_action.errors import StateError
from ralph_action.state import Checkpoint, TaskState

FOLDERS = ("checkpoints", "prompts", "metrics", "logs")
MAX_DOCUMENT_BYTES = 4 * 1024 * 1024


def load(folder: Path, *, bare_states: bool) -> tuple[list[tuple[TaskState, Checkpoint | None]], list[str]]:
    """Read the checkpoints of an `.agent/` tree, the furthest first, and say what was refused and why.

    Args:
        folder: the `.agent/` tree.
        bare_states: also take state files that no checkpoint names; right for the local home only,
            where the work tree itself holds what came after the last commit.

    """
    found: list[tuple[TaskState, Checkpoint | None]] = []
    refused: list[str] = []
    named: set[str] = set()  # also by a record that is refused: a state that is not as it says is no bare one
    wip = [path for path in (folder / WIP,) if path.exists()]
    for path in [*sorted((folder / "checkpoints").glob("checkpoint_*.json")), *wip]:
        try:
            checkpoint = read_checkpoint(read_json(path))
            named.add(checkpoint.state_file)
            found.append((named_state(folder, checkpoint), checkpoint))
        except StateError as problem:
            refused.append(f"{path.name}: {problem}")
    if bare_states:
        for path in sorted((folder / "metrics").glob("state_*.json"))[-3:]:
            if f"metrics/{path.name}" not in named:
                try:
                    found.append((read_state(read_json(path)), None))
                except StateError as problem:
                    refused.append(f"{path.name}: {problem}")
    return newest_first(found), refused


def read_json(path: Path) -> object:
    """Read a bounded JSON file. Raises StateError."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as stream:
            data = stream.read(MAX_DOCUMENT_BYTES + 1)
        if len(data) > MAX_DOCUMENT_BYTES:
            message = f"Invalid checkpoint data: {path.name} is larger than {MAX_DOCUMENT_BYTES} bytes."
            raise StateError(message)
        return json.loads(data)
    except (OSError, ValueError, RecursionError) as problem:
        message = f"Invalid checkpoint data: {path.name} cannot be read ({problem})."
        raise StateError(message) from problem


def named_state(folder: Path, checkpoint: Checkpoint) -> TaskState:
    """Read the state that a checkpoint's record names. Raises StateError when it is not as the record says."""
    name = Path(checkpoint.state_file)
    if name.parts[:1] != ("metrics",) or len(name.parts) != len(("metrics", "file")):
        message = f"Invalid checkpoint data: it names {checkpoint.state_file!r} as its state."
        raise StateError(message)
    state = read_state(read_json(folder / name))
    digest = "sha256:" + hashlib.sha256((folder / name).read_bytes()).hexdigest()
    if digest != checkpoint.digest:
        message = f"Invalid checkpoint data: {name.name} does not match its digest."
        raise StateError(message)
    return state

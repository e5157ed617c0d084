"""The records of checkpoints: which of them belong to what is being published."""

from __future__ import annotations

import re
from pathlib import Path

from ralph_action.state import Checkpoint

NAME = re.compile(r"checkpoint_(\d+)\.json")
WIP = "checkpoints/wip.json"
"""The record of the newest timed checkpoint; the next one at an iteration's end supersedes it."""


def record_name(checkpoint: Checkpoint) -> str:
    """The record's place below `.agent/`."""
    return WIP if checkpoint.wip else f"checkpoints/checkpoint_{checkpoint.iteration}.json"


def later_records(folder: Path, checkpoint: Checkpoint | None) -> list[str]:
    """The records that were written after a checkpoint's own, and that one, which may name a later commit by now."""
    if checkpoint is None:
        return []
    found = ((path.name, NAME.fullmatch(path.name)) for path in (folder / "checkpoints").iterdir())
    first = checkpoint.iteration + bool(checkpoint.wip)
    return [WIP, *sorted(f"checkpoints/{name}" for name, match in found if match and int(match[1]) >= first)]

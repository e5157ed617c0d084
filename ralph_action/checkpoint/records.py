"""The records of checkpoints: where they are, which belong to what is being published, what a commit says."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from ralph_action.checkpoint.retention import RECORD, STAMPED
from ralph_action.state import Checkpoint, TaskState

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


def is_later(name: str, checkpoint: Checkpoint) -> bool:
    """Whether a record or a state file, by its name below `.agent/`, was written after a checkpoint's own."""
    if name == WIP:
        return not checkpoint.wip
    if match := RECORD.fullmatch(name):
        return int(match[1]) > checkpoint.iteration
    mine, other = STAMPED.fullmatch(checkpoint.state_file), STAMPED.fullmatch(name)
    return bool(mine and other and name.startswith("metrics/") and other["stamp"] > mine["stamp"])


def trailers(state: TaskState, digest: str) -> str:
    """What a checkpoint's commit says of the state, by its digest."""
    tokens, cost = state.tokens_used, state.cost_incurred
    return "\n".join(
        (
            f"Ralph-Task: {state.task}",
            f"Ralph-Run: {state.run_id}/{state.run_attempt}",
            f"Ralph-Iteration: {state.iteration}",
            f"Ralph-Sequence: {state.sequence}",
            f"Ralph-Status: {state.status.value}",
            f"Ralph-Tokens: {'unknown' if tokens is None else tokens}",
            f"Ralph-Cost: {'unknown' if cost is None else f'{cost} USD'}",
            f"Ralph-State: {digest.removeprefix('sha256:')}",
        )
    )


def newest_first(pairs: Iterable[tuple[TaskState, Checkpoint | None]]) -> list[tuple[TaskState, Checkpoint | None]]:
    """The states of one `.agent/` tree with the records that name them, in the order in which they are tried.

    What a run left that another one has gone on without comes last, however many iterations it has: a machine that
    was away has such states beside those that it has taken over since.
    """
    found = list(pairs)
    last = {(state.generation, run) for state, _ in found for run in state.runs}

    def age(pair: tuple[TaskState, Checkpoint | None]) -> tuple[int, bool, int, bool]:
        state, checkpoint = pair
        is_last = (state.generation, state.run) not in last
        return state.generation, is_last, state.sequence, checkpoint is not None and bool(checkpoint.wip)

    return sorted(found, key=age, reverse=True)

"""Pure: the names of our artifacts, which carry what the listings do not: attempt and sequence."""

from __future__ import annotations

import re
from dataclasses import dataclass

NAME = re.compile(r"ralph-state-(?P<task>.+)-(?P<run>\d+)-(?P<attempt>\d+)-(?P<sequence>\d{8})(?:-r\d+)?")


@dataclass(frozen=True, slots=True, order=True)
class ArtifactName:
    """What a name says; the order is the order of age."""

    run: int
    attempt: int
    sequence: int


def artifact_name(task: str, run: str, attempt: int, sequence: int) -> str:
    """The name of one upload: never used twice, as a failed finalize burns it."""
    return f"ralph-state-{task}-{run if run.isdecimal() else 0}-{attempt}-{sequence:08d}"


def task_of(name: str) -> str:
    """The task whose state an artifact of ours holds; empty when it is none."""
    match = NAME.fullmatch(name)
    return match["task"] if match else ""


def parse(name: str, task: str) -> ArtifactName | None:
    """Read a name of ours; None for another task's or anything else."""
    match = NAME.fullmatch(name)
    if match is None or match["task"] != task:
        return None
    return ArtifactName(int(match["run"]), int(match["attempt"]), int(match["sequence"]))

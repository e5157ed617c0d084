"""Pure: the names of our artifacts, which carry what the listings do not: kind, attempt and sequence."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ralph_action.ports import ArtifactKind

NAME = re.compile(
    r"ralph-(?P<kind>state|segment|agent)-(?P<task>.+)-(?P<run>\d+)-(?P<attempt>\d+)-(?P<sequence>\d{8})"
    r"(?:-r(?P<again>\d+))?"
)


@dataclass(frozen=True, slots=True, order=True)
class ArtifactName:
    """What a name says; the order is the order of age. A whole one comes after the last state, which it holds."""

    run: int
    attempt: int
    sequence: int
    is_whole: bool = field(init=False)
    again: int = 0
    kind: ArtifactKind = field(default=ArtifactKind.STATE, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "is_whole", self.kind is ArtifactKind.WHOLE)


def artifact_name(kind: ArtifactKind, task: str, run: str, attempt: int, sequence: int) -> str:
    """The name of one upload; with `-r<n>` when there was one before it, as no name is used twice."""
    return f"ralph-{kind.value}-{task}-{run if run.isdecimal() else 0}-{attempt}-{sequence:08d}"


def task_of(name: str) -> str:
    """The task whose state an artifact of ours holds; empty when it is none."""
    match = NAME.fullmatch(name)
    return match["task"] if match else ""


def parse(name: str, task: str) -> ArtifactName | None:
    """Read a name of ours; None for another task's or anything else."""
    match = NAME.fullmatch(name)
    if match is None or match["task"] != task:
        return None
    return ArtifactName(
        run=int(match["run"]),
        attempt=int(match["attempt"]),
        sequence=int(match["sequence"]),
        again=int(match["again"] or 0),
        kind=ArtifactKind(match["kind"]),
    )

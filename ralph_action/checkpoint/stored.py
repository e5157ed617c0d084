"""The artifacts of a run as they are stored, and which of them are needless."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ralph_action.ports import ArtifactKind

KEPT_STATES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A finalized artifact of this run."""

    name: str
    kind: ArtifactKind
    sequence: int
    again: int = 0
    """How many of the same kind and sequence there were before it."""


class Store(Protocol):
    """Where this run's artifacts go."""

    def upload(self, kind: ArtifactKind, sequence: int, again: int, zipped: Path) -> Stored:
        """Finalize one, under a name that was never used. Raises GitHubError."""
        ...

    def mine(self) -> Sequence[Stored]:
        """Those of this run and attempt, in any order, and nobody else's. Raises GitHubError."""
        ...

    def delete(self, name: str) -> None:
        """Delete one of them. Raises GitHubError."""
        ...


def superseded(mine: Sequence[Stored], newest: Stored) -> list[str]:
    """Pure: what `newest`, which is finalized, makes needless; nothing when the list does not show it yet."""
    if newest.name not in {item.name for item in mine}:
        return []
    older = [item for item in mine if item.name != newest.name and item.sequence <= newest.sequence]
    if newest.kind is ArtifactKind.WHOLE:
        return [item.name for item in sorted(older, key=_deleted_when)]
    states = sorted((item for item in older if item.kind is ArtifactKind.STATE), key=_age, reverse=True)
    return [item.name for item in states[KEPT_STATES - 1 :]]


def _age(item: Stored) -> tuple[int, int]:
    return item.sequence, item.again


def _deleted_when(item: Stored) -> tuple[bool, int, int]:
    """States before the segments that they build on."""
    return item.kind is ArtifactKind.SEGMENT, item.sequence, item.again

"""The task's artifacts by name, each fetched once: an artifact may build on others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from ralph_action.checkpoint.files import write_atomically
from ralph_action.checkpoint.records import is_later
from ralph_action.checkpoint.segments import APPENDED, BUNDLE, TAKEN
from ralph_action.errors import DiskError, GitHubError, RalphError, StateError
from ralph_action.ports import ArtifactKind
from ralph_action.state import Checkpoint

PATIENCE = 2
"""After so many that the service did not give, no further one is asked for: each try takes its time."""


class Artifact(Protocol):
    """An artifact of the task."""

    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> ArtifactKind: ...

    @property
    def refusal(self) -> str: ...

    def fetch(self, into: Path) -> Path:
        """Download and unpack safely; return the folder. Raises RalphError."""
        ...


class Shelf:
    """What the lists show, and what was fetched of it."""

    def __init__(self, artifacts: Iterable[Artifact], scratch: Path) -> None:
        self.artifacts = list(artifacts)
        self._by_name = {item.name: item for item in reversed(self.artifacts)}
        self._scratch = scratch
        self._fetched: dict[str, Path | RalphError] = {}
        self._failures = 0

    def fetch(self, name: str, *, patiently: bool = False) -> Path:
        """Where an artifact's content is. Raises RalphError: it is not there, not trusted, damaged, out of reach.

        `patiently` asks for it whatever became of others.
        """
        found = self._fetched.get(name)
        if found is None:
            found = self._fetched[name] = self._fetch(name, patiently=patiently)
        if isinstance(found, RalphError):
            raise found
        return found

    def bundles(self, names: Sequence[str]) -> tuple[list[Path], list[str]]:
        """The bundles of artifacts, and which of those could not be had and why."""
        found, missing = [], []
        for name in names:
            try:
                bundle = self.fetch(name) / BUNDLE
            except DiskError:
                raise  # want of room is no fault of the artifact
            except RalphError as problem:
                missing.append(f"{name}: {problem}")
            else:
                found += [bundle] if bundle.is_file() else []
        return found, missing

    def _fetch(self, name: str, *, patiently: bool) -> Path | RalphError:
        artifact = self._by_name.get(name)
        if artifact is None:
            return GitHubError("the lists do not show it.")
        if artifact.refusal:
            return GitHubError(artifact.refusal)
        if self._failures >= PATIENCE and not patiently:
            return GitHubError("it was not asked for, as others before it did not come.")
        try:
            return artifact.fetch(self._scratch / f"artifact-{len(self._fetched)}")
        except RalphError as problem:
            self._failures += not isinstance(problem, StateError)
            return problem


def bring_back(shelf: Shelf, names: Sequence[str], folder: Path, checkpoint: Checkpoint) -> list[str]:
    """Add to `folder` what older artifacts hold: logs, records, notes. What is there is newer, and stays.

    Args:
        shelf: where they are.
        names: the artifacts, the oldest first.
        folder: the `.agent/` that was restored.
        checkpoint: what it was restored to; nothing later comes.

    Returns:
        Which could not be had and why; no reason to stop.

    """
    missing: list[str] = []
    lines: dict[str, list[bytes]] = {name: [] for name in APPENDED}
    for name in reversed(names):
        try:
            source = shelf.fetch(name) / ".agent"
        except RalphError as problem:
            missing.append(f"{name}: {problem}")
            continue
        for path in sorted(source.rglob("*")):
            below = path.relative_to(source).as_posix()
            if below in lines:
                lines[below].insert(0, path.read_bytes())
            elif path.is_file() and _is_taken(below, checkpoint) and not (folder / below).exists():
                write_atomically(folder / below, path.read_bytes(), durable=False)
    for name, pieces in lines.items():
        if any(pieces):
            here = (folder / name).read_bytes() if (folder / name).exists() else b""
            write_atomically(folder / name, b"".join([*pieces, here]))
    return missing


def _is_taken(name: str, checkpoint: Checkpoint) -> bool:
    return name.startswith(TAKEN) and not is_later(name, checkpoint)

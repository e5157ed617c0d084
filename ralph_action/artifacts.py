"""The artifact home as one thing: upload a state, list what may hold a checkpoint, fetch it safely."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ralph_action.checkpoint.remotes import FolderHome
from ralph_action.errors import GitHubError
from ralph_action.github.context import Context
from ralph_action.settings import Settings
from ralph_action.state import TaskState

MAX_ZIP_BYTES = 2 * 1024**3


@dataclass(frozen=True, slots=True)
class Listed:
    """An artifact that may hold a checkpoint."""

    name: str
    refusal: str
    download: Callable[[Path], None]

    def fetch(self, into: Path) -> Path:
        """Download and unpack safely; return the folder."""
        from ralph_action.github.archive import unpack

        into.mkdir(parents=True, exist_ok=True)
        zipped = into.with_suffix(".zip")
        try:
            self.download(zipped)
            unpack(zipped, into)
        finally:
            zipped.unlink(missing_ok=True)
        return into


class Artifacts(Protocol):
    """Where zipped states go and come from."""

    def upload(self, state: TaskState, sequence: int, zipped: Path) -> dict[str, str]:
        """Store one; return the outputs that name it."""
        ...

    def listed(self, task: str) -> list[Listed]:
        """Those of the task, the newest first."""
        ...

    def close(self) -> None: ...


class FolderArtifacts:
    """A folder in place of the artifact service, for runs without one."""

    def __init__(self, home: FolderHome) -> None:
        self._home = home

    def upload(self, state: TaskState, sequence: int, zipped: Path) -> dict[str, str]:
        del state
        return {"artifact-name": self._home.upload(sequence, zipped)}

    def listed(self, task: str) -> list[Listed]:
        del task
        found = sorted(self._home.folder.glob("ralph-state-*.zip"), reverse=True)
        return [Listed(path.name, "", _copier(path)) for path in found]

    def close(self) -> None:
        pass


def _copier(source: Path) -> Callable[[Path], None]:
    def copy(into: Path) -> None:
        shutil.copyfile(source, into)

    return copy

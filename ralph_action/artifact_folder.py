"""A folder in place of the artifact service, for runs without one (`ralph demo`, the crash tests)."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path

from ralph_action.artifacts import Listed, Place
from ralph_action.checkpoint.stored import Stored
from ralph_action.durable import step
from ralph_action.ports import ArtifactKind


class FolderArtifacts:
    """Zips in a folder; the names are those of the service, with `.zip`."""

    gap_s = 0.0

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mine: dict[str, Stored] = {}
        """What this process has made: local runs have no number that would tell one's from another's."""

    def upload(
        self, place: Place, kind: ArtifactKind, sequence: int, again: int, zipped: Path
    ) -> tuple[Stored, dict[str, str]]:
        """Copy the zip there, its name last."""
        from ralph_action.github.names import artifact_name

        self._folder.mkdir(parents=True, exist_ok=True)
        base = artifact_name(kind, place.task, place.run, place.attempt, sequence)
        while (target := self._folder / f"{base}{f'-r{again}' if again else ''}.zip").exists():
            again += 1
        part = target.with_suffix(".part")
        shutil.copyfile(zipped, part)
        with step("rename artifact"):
            part.replace(target)
        self._mine[target.stem] = Stored(name=target.stem, kind=kind, sequence=sequence, again=again)
        return self._mine[target.stem], {"artifact-name": target.name}

    def mine(self, place: Place) -> list[Stored]:
        del place
        return list(self._mine.values())

    def delete(self, name: str) -> None:
        with step("unlink artifact"), contextlib.suppress(FileNotFoundError):
            (self._folder / f"{name}.zip").unlink()
        self._mine.pop(name, None)

    def listed(self, task: str) -> list[Listed]:
        from ralph_action.github.names import parse

        named = [(path, parse(path.stem, task)) for path in self._folder.glob("ralph-*.zip")]
        known = sorted(((name, path) for path, name in named if name), reverse=True)
        return [Listed(path.stem, name.kind, "", _copier(path)) for name, path in known]

    def run_is_over(self, run: str, attempt: int) -> bool:
        del run, attempt
        return False

    def close(self) -> None:
        pass


def _copier(source: Path) -> Callable[[Path], None]:
    def copy(into: Path) -> None:
        shutil.copyfile(source, into)

    return copy

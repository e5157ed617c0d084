"""The artifact home: `.agent/` off this machine as workflow artifacts."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from ralph_action.checkpoint.files import as_bytes
from ralph_action.checkpoint.records import later_records, record_name
from ralph_action.durable import step
from ralph_action.state import Checkpoint

MAX_UPLOADS = 225
"""Of checkpoints in a run, beside as many of logs: the service takes 500 artifacts of a job."""
SMALL_BUNDLE_BYTES = 20 * 1024 * 1024
"""Up to this size the artifact carries the work even when the branch home has it: each covers for the other."""


class ArtifactHome:
    """`.agent/` as a workflow artifact; with a bundle of what the branch home does not hold."""

    home = "artifact"

    def __init__(
        self,
        folder: Path,
        scratch: Path,
        upload: Callable[[int, Path], None],
        bundle: Callable[[Path, Checkpoint, str], None] | None,
        base: str,
        *,
        gap_s: float,
        monotonic: Callable[[], float],
    ) -> None:
        self._folder = folder
        self._scratch = scratch
        self._upload = upload
        self._bundle = bundle
        self._base = base
        self._gap_s = gap_s
        self._monotonic = monotonic
        self._uploaded_at: float | None = None
        self._uploads = 0

    def renew(self) -> None:
        """Nothing is due between two checkpoints."""

    def store(self, checkpoint: Checkpoint, confirmed: str, *, is_last: bool) -> str:
        if not is_last and self._gap_is_open():
            return "waiting"
        from ralph_action.checkpoint.archive import pack  # zip is slow to import, and we are in the background

        self._scratch.mkdir(parents=True, exist_ok=True)
        extra: dict[str, Path] = {}
        if checkpoint.commit and self._bundle is not None:
            bundle = self._scratch / "work.bundle"
            bundle.unlink(missing_ok=True)
            self._bundle(bundle, checkpoint, self._base)
            if confirmed != checkpoint.commit or bundle.stat().st_size <= SMALL_BUNDLE_BYTES:
                extra["work.bundle"] = bundle
        zipped = self._scratch / f"state-{checkpoint.sequence}.zip"
        record = self._scratch / "record.json"
        record.write_bytes(as_bytes(checkpoint.to_json()))
        extra[f".agent/{record_name(checkpoint)}"] = record
        try:
            pack(self._folder, zipped, extra, skip=later_records(self._folder, checkpoint))
            self._upload(checkpoint.sequence, zipped)
            self._uploads += 1
            self._uploaded_at = self._monotonic()
        finally:
            zipped.unlink(missing_ok=True)
        return "reached"

    def _gap_is_open(self) -> bool:
        """Whether it is too early for another upload; the last ones of a job are kept for its end."""
        if self._uploads >= MAX_UPLOADS:
            return True
        return self._uploaded_at is not None and self._monotonic() - self._uploaded_at < self._gap_s


class FolderHome:
    """A folder that stands in for the artifact service where there is none (`ralph demo`)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def upload(self, sequence: int, zipped: Path) -> str:
        """Copy the zip there, its name last; return the name."""
        self.folder.mkdir(parents=True, exist_ok=True)
        target = self.folder / f"ralph-state-{sequence:08d}.zip"
        shutil.copyfile(zipped, target.with_suffix(".part"))
        with step("rename artifact"):
            target.with_suffix(".part").replace(target)
        return target.name

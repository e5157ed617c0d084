"""The artifact home: a small state each time, segments beside it, all of `.agent/` at the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ralph_action.checkpoint.files import as_bytes
from ralph_action.checkpoint.records import later_records, record_name
from ralph_action.checkpoint.segments import (
    APPENDED,
    BUNDLE,
    MANIFEST,
    Sent,
    Stamp,
    changed_notes,
    manifest,
    new_lines,
    of_segment,
    records_before,
    stamps,
    states_named,
)
from ralph_action.checkpoint.stored import Store, Stored, superseded
from ralph_action.errors import RalphError
from ralph_action.ports import ArtifactKind
from ralph_action.state import Checkpoint

MOST_UPLOADS = 440
"""Of a run before its end: the service takes 500 artifacts of a job, we stop at 450, and the end needs some."""
SMALL_BUNDLE_BYTES = 20 * 1024 * 1024
"""Up to this size the artifact carries the work even when the branch home has it: each covers for the other."""
SEGMENT_AFTER = 4
"""A segment follows so many states,"""
SEGMENT_BYTES = 4 * 1024 * 1024
"""or as soon as so much waits for it."""


class ArtifactHome:
    """What of `.agent/` goes up with each checkpoint, and with it the commits that no segment has."""

    home = "artifact"

    def __init__(  # noqa: PLR0913  each is a part of its own
        self,
        folder: Path,
        scratch: Path,
        store: Store,
        bundle: Callable[[Path, Checkpoint, str], None] | None,
        base: str,
        *,
        sent: Sent,
        gap_s: float,
        monotonic: Callable[[], float],
        say: Callable[[str], None],
        most: int = MOST_UPLOADS,
    ) -> None:
        """Know the parts.

        Args:
            folder: the `.agent/` that counts.
            scratch: a folder of our own.
            store: where the artifacts go.
            bundle: writes a checkpoint's commits since another to a file; None without git.
            base: the commit that the branch began at.
            sent: what was there when the run began, and need not go up but in the whole.
            gap_s: how far apart uploads must be, but the last.
            monotonic: a clock.
            say: told what went wrong beside a checkpoint that was stored.
            most: how many uploads there may be before the end.

        """
        self._folder = folder
        self._scratch = scratch
        self._store = store
        self._bundle = bundle
        self._base = base
        self._sent = sent
        self._gap_s = gap_s
        self._monotonic = monotonic
        self._say = say
        self._most = most
        self._said: set[str] = set()
        self._uploaded_at: float | None = None
        self._uploads = 0
        self._states = 0
        """Since the last segment."""
        self._again: dict[tuple[ArtifactKind, int], int] = {}
        self._stated: Checkpoint | None = None
        """Whose state is there."""
        self._newest: Stored | None = None
        """What the next tidying goes by."""

    def renew(self) -> None:
        """Nothing is due between two checkpoints."""

    def store(self, checkpoint: Checkpoint, confirmed: str, *, is_last: bool) -> str:
        is_there = self._stated == checkpoint
        if not is_last and (is_there or self._gap_is_open()):
            return "reached" if is_there else "waiting"
        try:
            self._scratch.mkdir(parents=True, exist_ok=True)
            if not is_there:
                self._store_new(checkpoint, confirmed, is_last=is_last)
        except OSError as problem:
            return f"it could not be packed: {problem}"
        return self._store_whole(checkpoint, confirmed) if is_last else "reached"

    def tidy(self) -> None:
        """Delete what the newest one supersedes; a refusal is said once, and harmless."""
        newest, self._newest = self._newest, None
        if newest is None:
            return
        try:
            for name in superseded(self._store.mine(), newest):
                self._store.delete(name)
        except (RalphError, OSError) as problem:
            self._say_once("tidy", f"Older artifacts of this run stay: they could not be deleted: {problem}")

    def _store_new(self, checkpoint: Checkpoint, confirmed: str, *, is_last: bool) -> None:
        work = self._work(checkpoint, confirmed, self._sent.tip or self._base)
        present = stamps(self._folder)
        self._store_state(checkpoint, work, present)
        if not is_last:
            self._store_segment(checkpoint, work, present)

    def _store_state(self, checkpoint: Checkpoint, work: Path | None, present: Mapping[str, Stamp]) -> None:
        """What a resume needs; whatever else fails afterwards, the checkpoint is there."""
        journal = self._scratch / "new-journal"
        new_lines(self._folder / APPENDED[0], self._sent.lengths.get(APPENDED[0], 0), journal)
        extra = {f".agent/{APPENDED[0]}": journal, **self._pointer(checkpoint)}
        notes = changed_notes(present, self._sent)
        self._newest = self._upload(ArtifactKind.STATE, checkpoint, notes, extra, work)
        self._uploaded_at = self._monotonic()
        self._states += 1
        self._stated = checkpoint

    def _store_segment(self, checkpoint: Checkpoint, work: Path | None, present: Mapping[str, Stamp]) -> None:
        """What came since the last one, when it is due; not to have it costs no checkpoint."""
        named = states_named(self._folder, records_before(present, self._sent, checkpoint))
        names = of_segment(present, self._sent, checkpoint, named)
        waiting = sum(present[name][0] for name in names) + (work.stat().st_size if work else 0)
        if self._states < SEGMENT_AFTER and waiting < SEGMENT_BYTES:
            return
        extra, lengths = {} if checkpoint.wip else self._pointer(checkpoint), {}
        for number, name in enumerate(APPENDED):
            part = self._scratch / f"new-lines-{number}"
            lengths[name] = new_lines(self._folder / name, self._sent.lengths.get(name, 0), part)
            extra[f".agent/{name}"] = part
        try:
            stored = self._upload(ArtifactKind.SEGMENT, checkpoint, names, extra, work)
        except (RalphError, OSError) as problem:
            self._say_once("segment", f"Logs and older records are not in the artifacts yet: {problem}")
            return
        files = {name: present[name] for name in (*names, checkpoint.state_file) if name in present}
        self._sent = self._sent.with_segment(stored.name, files, lengths, checkpoint.commit if work else "")
        self._states = 0

    def _store_whole(self, checkpoint: Checkpoint, confirmed: str) -> str:
        """All of it, in place of the others; without it they stay, and it is tried again."""
        later = set(later_records(self._folder, checkpoint))
        names = sorted(name for name in stamps(self._folder) if name not in later)
        try:
            work = self._work(checkpoint, confirmed, self._base)
            self._newest = self._upload(ArtifactKind.WHOLE, checkpoint, names, self._pointer(checkpoint), work)
        except (RalphError, OSError) as problem:
            return f"the checkpoint is there, but not all of .agent/: {problem}"
        return "reached"

    def _upload(
        self,
        kind: ArtifactKind,
        checkpoint: Checkpoint,
        names: Sequence[str],
        extra: dict[str, Path],
        work: Path | None,
    ) -> Stored:
        from ralph_action.checkpoint.archive import pack  # zip is slow to import, and we are in the background

        listed = self._scratch / MANIFEST
        listed.write_bytes(as_bytes(manifest(kind, () if kind is ArtifactKind.WHOLE else self._sent.names)))
        extra = {**extra, MANIFEST: listed, **({BUNDLE: work} if work else {})}
        zipped = self._scratch / f"{kind.value}-{checkpoint.sequence}.zip"
        key = kind, checkpoint.sequence
        try:
            pack(self._folder, names, zipped, extra)
            stored = self._store.upload(*key, self._again.get(key, 0), zipped)
        finally:
            zipped.unlink(missing_ok=True)
            zipped.with_suffix(".part").unlink(missing_ok=True)  # what a full disk left of it
        self._again[key] = stored.again + 1
        self._uploads += 1
        return stored

    def _work(self, checkpoint: Checkpoint, confirmed: str, since: str) -> Path | None:
        """A bundle of the commits since another; None when there are none, or they are large and safe already."""
        if not checkpoint.commit or self._bundle is None or (checkpoint.commit == since and not checkpoint.wip):
            return None
        bundle = self._scratch / BUNDLE
        bundle.unlink(missing_ok=True)
        self._bundle(bundle, checkpoint, since)
        is_safe = confirmed == checkpoint.commit
        return None if is_safe and bundle.stat().st_size > SMALL_BUNDLE_BYTES else bundle

    def _pointer(self, checkpoint: Checkpoint) -> dict[str, Path]:
        """The record and the state that it names, without which an artifact is worth nothing."""
        record = self._scratch / "record.json"
        record.write_bytes(as_bytes(checkpoint.to_json()))
        state = self._folder / checkpoint.state_file
        return {f".agent/{record_name(checkpoint)}": record, f".agent/{checkpoint.state_file}": state}

    def _gap_is_open(self) -> bool:
        """Whether it is too early for another upload; the last ones of a job are kept for its end."""
        if self._uploads >= self._most:
            return True
        return self._uploaded_at is not None and self._monotonic() - self._uploaded_at < self._gap_s

    def _say_once(self, about: str, text: str) -> None:
        if about not in self._said:
            self._said.add(about)
            self._say(text)

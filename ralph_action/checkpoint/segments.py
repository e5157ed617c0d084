"""What each kind of artifact holds of `.agent/`, so that a file goes up once (docs/decisions/0002-artifacts.md)."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ralph_action.checkpoint.reading import read_json
from ralph_action.checkpoint.records import is_later
from ralph_action.checkpoint.retention import LOG, RECORD
from ralph_action.documents import read_checkpoint
from ralph_action.errors import StateError
from ralph_action.ports import ArtifactKind
from ralph_action.state import Checkpoint

MANIFEST, BUNDLE = "artifact.json", "work.bundle"
"""Beside `.agent/` in a zip: what it is and builds on; the commits."""
APPENDED = ("journal.jsonl", "logs/ralph.log")
"""Files that only grow: a segment holds their new lines."""
NOTES = "agent-notes/"
TAKEN = ("checkpoints/", "metrics/", "prompts/", "logs/", "generations/", "damaged/", NOTES)
"""Where a segment's files are; the report and the claim are of the moment, and not among them."""
MOST_NAMES = 500
Stamp = tuple[int, int]
"""Size and time of change in nanoseconds: a file with the same ones has not been written since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What need not go up again."""

    files: Mapping[str, Stamp] = field(default_factory=dict)
    lengths: Mapping[str, int] = field(default_factory=dict)
    """Of the files that only grow: up to where."""
    tip: str = ""
    """The commit that this run's segments reach; empty when none has any."""
    names: tuple[str, ...] = ()
    """The artifacts that hold it, the oldest first."""

    def with_segment(self, name: str, files: Mapping[str, Stamp], lengths: Mapping[str, int], tip: str) -> Sent:
        """One more segment is finalized."""
        return replace(
            self,
            files={**self.files, **files},
            lengths={**self.lengths, **lengths},
            tip=tip or self.tip,
            names=(*self.names, name)[-MOST_NAMES:],
        )


def already_there(folder: Path, names: Iterable[str]) -> Sent:
    """What a run finds when it begins: `names` are the artifacts that it went on from."""
    found = stamps(folder)
    lengths = {name: found[name][0] for name in APPENDED if name in found}
    return Sent(files=found, lengths=lengths, names=tuple(names)[-MOST_NAMES:])


def stamps(folder: Path, below: str = "") -> dict[str, Stamp]:
    """The plain files of an `.agent/` tree that are not being written."""
    found: dict[str, Stamp] = {}
    with os.scandir(folder / below) as entries:
        for entry in entries:
            name = f"{below}{entry.name}"
            with contextlib.suppress(FileNotFoundError):  # the loop has just cleaned it away
                if entry.is_dir(follow_symlinks=False):
                    found |= stamps(folder, f"{name}/")
                elif entry.is_file(follow_symlinks=False) and not name.endswith(".tmp"):
                    facts = entry.stat(follow_symlinks=False)
                    found[name] = (facts.st_size, facts.st_mtime_ns)
    return found


def changed_notes(present: Mapping[str, Stamp], sent: Sent) -> list[str]:
    """Pure: the agent's notes that no segment has as they are now."""
    return sorted(name for name, stamp in present.items() if name.startswith(NOTES) and sent.files.get(name) != stamp)


def of_segment(present: Mapping[str, Stamp], sent: Sent, checkpoint: Checkpoint, named: Collection[str]) -> list[str]:
    """Pure: the files of the next segment.

    Args:
        present: all that is there.
        sent: what need not go up again.
        checkpoint: the one that is being published; what is of a later iteration may still be written.
        named: the state files that earlier records name.

    """
    return sorted(
        name
        for name, stamp in present.items()
        if sent.files.get(name) != stamp and _is_settled(name, checkpoint) and (not _is_state(name) or name in named)
    )


def records_before(present: Mapping[str, Stamp], sent: Sent, checkpoint: Checkpoint) -> list[str]:
    """Pure: the records that the next segment takes along."""
    new = (name for name, stamp in present.items() if sent.files.get(name) != stamp)
    return sorted(name for name in new if RECORD.fullmatch(name) and _is_settled(name, checkpoint))


def states_named(folder: Path, records: Iterable[str]) -> set[str]:
    """The state files that records name; a damaged one names none."""
    found = set()
    for name in records:
        with contextlib.suppress(StateError):
            found.add(read_checkpoint(read_json(folder / name)).state_file)
    return found


def new_lines(path: Path, start: int, into: Path) -> int:
    """Copy the whole lines after `start` to a file of their own; return where they end."""
    try:
        with path.open("rb") as stream:
            stream.seek(start)
            data = stream.read()
    except FileNotFoundError:
        data = b""
    data = data[: data.rfind(b"\n") + 1]
    into.write_bytes(data)
    return start + len(data)


def manifest(kind: ArtifactKind, names: Iterable[str]) -> dict[str, Any]:
    """The document that says what a zip is, and what it builds on, the oldest first."""
    return {"schema": "ralph-artifact/1", "kind": kind.value, "segments": list(names)}


def read_manifest(folder: Path) -> tuple[str, ...]:
    """The artifacts that an unpacked one builds on; none for one without a manifest. Raises StateError."""
    if not (folder / MANIFEST).exists():
        return ()
    document = read_json(folder / MANIFEST)
    schema, names = (document.get("schema"), document.get("segments")) if isinstance(document, dict) else ("", None)
    if schema != "ralph-artifact/1" or not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        message = f"Invalid checkpoint data: {MANIFEST} is damaged, or of a version that is not known here."
        raise StateError(message)
    return tuple(names[-MOST_NAMES:])


def _is_state(name: str) -> bool:
    return name.startswith("metrics/state_")


def _is_settled(name: str, checkpoint: Checkpoint) -> bool:
    """Whether a file will not be written again: it is of the checkpoint's time, and in one of the folders."""
    if match := RECORD.fullmatch(name):
        return int(match[1]) < checkpoint.iteration + bool(checkpoint.wip)
    if name.startswith("logs/"):
        log = LOG.fullmatch(name)
        return log is not None and int(log[1]) <= checkpoint.iteration
    return name.startswith(TAKEN) and not name.startswith("checkpoints/") and not is_later(name, checkpoint)

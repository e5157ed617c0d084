"""`.agent/` on disk: our own copy, which counts, and the workspace's, which is written from it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ralph_action.checkpoint.acting import acting_as
from ralph_action.checkpoint.files import append_line, write_atomically, write_json
from ralph_action.checkpoint.listing import numbered, prune
from ralph_action.checkpoint.notes import read_notes
from ralph_action.checkpoint.reading import FOLDERS
from ralph_action.checkpoint.records import WIP, is_later, record_name
from ralph_action.documents import state_document
from ralph_action.durable import step
from ralph_action.ports import User
from ralph_action.state import Checkpoint, TaskState

JOURNAL, REPORT, LOG, PROMPT = "journal.jsonl", "report.html", "logs/ralph.log", "prompt.md"
LEFT_OUT = "left-out.json"
CLEANED = ("prompts", "metrics", "logs")
NOTES = "agent-notes/"
OURS = (
    *FOLDERS,
    JOURNAL,
    REPORT,
    PROMPT,
    "generations",
    "agent-notes",
    "damaged",
    "withheld",
    "lease.json",
    LEFT_OUT,
    ".gitignore",
)
"""The names at the top of `.agent/` that are no notes of the agent's."""


class AgentDir:
    """One `.agent/` tree that we alone write, with a mirror in the workspace."""

    def __init__(self, path: Path, mirror: Path | None, user: User | None) -> None:
        self.path = path
        self.mirror = mirror
        self.user = user
        self.last: tuple[TaskState, str, str] | None = None
        """The state that was written last, its name below `.agent/` and its digest."""
        self.mirror_trouble = ""
        """Why the workspace's copy could not be written; the first reason."""
        for folder in FOLDERS:
            (path / folder).mkdir(parents=True, exist_ok=True)

    def write_state(self, state: TaskState, *, metrics: bool = False) -> tuple[str, str]:
        """Write a state file; return its name below `.agent/` and its digest."""
        stamp = self._free_stamp("metrics", "state_", ".json")
        name = f"metrics/state_{stamp}.json"
        data = write_json(self.path / name, state_document(state))
        self._copy(name)
        if metrics:
            self._write_metrics(state, stamp)
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        self.last = state, name, digest
        return name, digest

    def write_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Write the record that names the state file and the commit: after both, as the pointer."""
        name = record_name(checkpoint)
        write_json(self.path / name, checkpoint.to_json())
        self._copy(name)
        if name != WIP:
            self._remove(WIP)

    def write_left_out(self, left_out: dict[str, str]) -> None:
        """Write which files the commits lack, or have in another way than git would, and why."""
        write_json(self.path / LEFT_OUT, {"schema": "ralph-left-out/1", "files": left_out})
        self._copy(LEFT_OUT)

    def write_prompt(self, text: str) -> str:
        """Archive a version of the prompt, unless the newest archive is the same; return its name below `.agent/`."""
        newest = max((self.path / "prompts").glob("prompt_*.md"), default=None)
        if newest is not None and newest.read_bytes() == text.encode():
            return f"prompts/{newest.name}"
        name = f"prompts/prompt_{self._free_stamp('prompts', 'prompt_', '.md')}.md"
        write_atomically(self.path / name, text.encode())
        self._copy(name)
        return name

    def journal(self, event: str, time: str, **facts: object) -> None:
        """Append what happened to the audit trail."""
        line = json.dumps({"time": time, "event": event, **facts}, ensure_ascii=False, default=str)
        append_line(self.path / JOURNAL, line)
        if self.mirror is not None:
            with self._mirroring():
                append_line(self.mirror / JOURNAL, line)

    def log(self, time: str, text: str) -> None:
        """Append a line to `logs/ralph.log`; what it tells was told on the console too."""
        with contextlib.suppress(OSError):
            append_line(self.path / LOG, f"{time} {text}", durable=False)

    def write_report(self, text: str) -> None:
        """Write the page for people, and bring the workspace's log up to it; both are views of what is kept."""
        with contextlib.suppress(OSError):
            write_atomically(self.path / REPORT, text.encode(), durable=False)
            self._copy(REPORT)
            if (self.path / LOG).exists():
                self._copy(LOG)

    def keep_notes(self) -> None:
        """Carry along what the agent keeps in the workspace's `.agent/` besides our files."""
        if self.mirror is None:
            return
        for name, data in read_notes(self.mirror, OURS, self.user).items():
            kept = self.path / NOTES / name
            if not kept.is_file() or kept.read_bytes() != data:
                write_atomically(kept, data)

    def new_log(self, iteration: int) -> Path:
        """Name the log of a call; the logs of earlier tries of the iteration stay."""
        attempt = 1
        while (log := self.path / f"logs/iteration_{iteration}_{attempt}.jsonl").exists():
            attempt += 1
        return log

    def mirror_logs(self, iteration: int) -> None:
        """Copy a finished iteration's logs to the workspace."""
        for log in (self.path / "logs").glob(f"iteration_{iteration}_*.jsonl"):
            self._copy(f"logs/{log.name}")

    def begin_generation(self, finished: int) -> None:
        """Set a finished generation's records aside; its prompts and metrics stay where they are.

        The newest goes last: until then the next run finds the generation finished, and goes on with this.
        """
        aside = self.path / "generations" / str(finished) / "checkpoints"
        aside.mkdir(parents=True, exist_ok=True)
        for _, name in numbered(self.path)[::-1]:
            with step("rename record"):
                (self.path / name).replace(aside / Path(name).name)
        if self.mirror is not None:
            with contextlib.suppress(OSError), acting_as(self.user):
                for record in (self.mirror / "checkpoints").glob("checkpoint_*.json"):
                    record.unlink()

    def prune(self, keep: int, days: int, *, since: int | None = None) -> dict[str, int]:
        """Remove what is kept no longer, here and in the workspace; return name → bytes of what went."""
        now, gone = datetime.now(UTC), {}
        if self.mirror is not None:
            with contextlib.suppress(OSError), acting_as(self.user):
                gone = prune(self.mirror, keep, days, now, since)
        with contextlib.suppress(OSError):  # cleaning up never ends a run
            gone |= prune(self.path, keep, days, now, since)
        return gone

    def mirror_all(self) -> None:
        """Write the workspace's `.agent/` from ours; what the agent keeps there besides stays.

        What somebody cleaned away there does not come back; an `.agent/` that is gone does.
        """
        if self.mirror is None:
            return
        with acting_as(self.user):
            is_cleaned = self.mirror.is_dir()
        for source in sorted(self.path.rglob("*")):
            name = source.relative_to(self.path)
            if not source.is_file() or source.name.endswith(".tmp"):
                continue
            if not is_cleaned or name.parts[0] not in CLEANED or os.path.lexists(self.mirror / name):
                self._copy(str(name))
        with contextlib.suppress(OSError), acting_as(self.user):
            write_atomically(self.mirror / ".gitignore", b"*\n", durable=False)

    def take_over(self, source: Path, checkpoint: Checkpoint | None) -> None:
        """Fill our copy from a restored `.agent/` tree (plain files only); records last (invariant: pointer last).

        What is later than the checkpoint was refused, and would be taken for the furthest when we are killed.
        """
        for item in sorted(source.rglob("*"), key=lambda path: (path.parent == source / "checkpoints", path)):
            name = item.relative_to(source).as_posix()
            is_refused = checkpoint is not None and is_later(name, checkpoint)
            if item.is_file() and not item.is_symlink() and not is_refused:
                target = self.path / item.relative_to(source)
                target.parent.mkdir(parents=True, exist_ok=True)
                copied = target.with_name(f".{target.name}.tmp")
                shutil.copyfile(item, copied)
                with step("rename restored"):
                    copied.replace(target)

    def _write_metrics(self, state: TaskState, stamp: str) -> None:
        done = [item.to_json() for item in state.iterations[-10:]]
        name = f"metrics/metrics_{stamp}.json"
        document: dict[str, Any] = {
            "schema": "ralph-metrics/1",
            "iteration": state.iteration,
            "tokens_used": state.tokens_used,
            "cost_incurred": None if state.cost_incurred is None else float(state.cost_incurred),
            "active_seconds": round(state.active_seconds, 3),
            "failures": state.failures,
            "iterations": done,
        }
        write_json(self.path / name, document)
        self._copy(name)

    def _copy(self, name: str) -> None:
        """Mirror one file, which is opened with our rights and written with the agent's."""
        if self.mirror is None:
            return
        target = self.mirror / name.removeprefix(NOTES)
        with (self.path / name).open("rb") as source, self._mirroring():
            if name.startswith(NOTES) and target.exists():
                return  # the agent's own file in the workspace is the newer one
            write_atomically(target, source, durable=False)

    @contextlib.contextmanager
    def _mirroring(self) -> Iterator[None]:
        """Write the mirror with the agent's rights. It is a view: when it cannot be written, ours still counts."""
        try:
            with acting_as(self.user):
                yield
        except OSError as problem:
            self.mirror_trouble = self.mirror_trouble or f"{self.mirror}: {problem.strerror or problem}"

    def _remove(self, name: str) -> None:
        if (self.path / name).exists():
            with step("remove record"):
                (self.path / name).unlink()
            if self.mirror is not None:
                with contextlib.suppress(OSError), acting_as(self.user):
                    (self.mirror / name).unlink()

    def _free_stamp(self, folder: str, prefix: str, suffix: str) -> str:
        """The present second, or the next that no file has and that comes after all of them."""
        moment = datetime.now(UTC)
        taken = [path.name[len(prefix) : -len(suffix)] for path in (self.path / folder).glob(f"{prefix}*{suffix}")]
        latest = max(taken, default="")
        while (stamp := moment.strftime("%Y%m%d_%H%M%S")) <= latest:
            moment += timedelta(seconds=1)
        return stamp

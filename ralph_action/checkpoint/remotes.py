"""The two homes off this machine: the branch (with its state ref) and the artifact."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from ralph_action.durable import step
from ralph_action.errors import PushRejected
from ralph_action.state import Checkpoint

SMALL_BUNDLE_BYTES = 20 * 1024 * 1024
"""Up to this size the artifact carries the work even when the branch home has it: each covers for the other."""


def state_ref(task: str) -> str:
    """The ref that carries `.agent/` without its logs."""
    return f"refs/ralph/{task}/state"


def state_branch(task: str) -> str:
    """Where the state goes when a server refuses refs outside `refs/heads/`."""
    return f"refs/heads/ralph-state/{task}"


class Pushing(Protocol):
    """The part of the vault that the branch home speaks to."""

    def take(self, commit: str, have: str) -> None: ...

    def commit_state(self, folder: Path, parent: str, message: str) -> str: ...

    def push(self, url: str, token: str, refs: list[tuple[str, str]], timeout_s: float = ...) -> None: ...


class BranchHome:
    """The work branch and `refs/ralph/<task>/state`, moved together by one atomic push."""

    home = "branch"

    def __init__(
        self, vault: Pushing, url: str, token: str, task: str, folder: Path, *, state_parent: str, have: str, ref: str
    ) -> None:
        self._vault = vault
        self._url = url
        self._token = token
        self._task = task
        self._folder = folder
        self._parent = state_parent
        self._have = have
        self._ref = ref
        self._off = ""

    def claim(self) -> None:
        """Push a state that says whose the task is now, before money is spent (invariant: one writer).

        Raises:
            PushRejected: `moved` when another run was faster; else the branch home cannot be written.

        """
        try:
            self._push_state("claim", [])
        except PushRejected as problem:
            if not problem.of_ref or self._ref == state_branch(self._task):
                raise
            self._ref = state_branch(self._task)
            self._push_state("claim", [])

    def switch_off(self, why: str) -> None:
        """Stop trying; `why` is what the checkpoints' records say from now on."""
        self._off = why

    def store(self, checkpoint: Checkpoint, confirmed: str) -> str:
        if self._off:
            return self._off
        refs: list[tuple[str, str]] = []
        if checkpoint.commit:
            self._vault.take(checkpoint.commit, confirmed or self._have)
            refs.append((checkpoint.commit, f"refs/heads/{checkpoint.branch}"))
        try:
            self._push_state(f"iteration {checkpoint.iteration}", refs)
        except PushRejected as problem:
            if problem.moved:
                self._off = str(problem)
            raise
        return "reached"

    def _push_state(self, what: str, refs: list[tuple[str, str]]) -> None:
        state = self._vault.commit_state(self._folder, self._parent, f"Ralph state: {what}")
        self._vault.push(self._url, self._token, [*refs, (state, self._ref)])
        self._parent = state


class ArtifactHome:
    """`.agent/` as a workflow artifact; with a bundle of what the branch home does not hold."""

    home = "artifact"

    def __init__(
        self,
        folder: Path,
        scratch: Path,
        upload: Callable[[int, Path], None],
        bundle: Callable[[Path, str, str], None] | None,
        base: str,
    ) -> None:
        self._folder = folder
        self._scratch = scratch
        self._upload = upload
        self._bundle = bundle
        self._base = base

    def store(self, checkpoint: Checkpoint, confirmed: str) -> str:
        from ralph_action.checkpoint.archive import pack  # zip is slow to import, and we are in the background

        self._scratch.mkdir(parents=True, exist_ok=True)
        extra: dict[str, Path] = {}
        if checkpoint.commit and self._bundle is not None:
            bundle = self._scratch / "work.bundle"
            bundle.unlink(missing_ok=True)
            self._bundle(bundle, checkpoint.branch, self._base)
            if confirmed != checkpoint.commit or bundle.stat().st_size <= SMALL_BUNDLE_BYTES:
                extra["work.bundle"] = bundle
        zipped = self._scratch / f"state-{checkpoint.sequence}.zip"
        try:
            pack(self._folder, zipped, extra)
            self._upload(checkpoint.sequence, zipped)
        finally:
            zipped.unlink(missing_ok=True)
        return "reached"


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

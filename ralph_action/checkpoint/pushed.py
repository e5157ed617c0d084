"""Which commit is pushed for one of the workspace's: itself, or a form of it without what the remote does not take."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from ralph_action.checkpoint.files import write_atomically
from ralph_action.checkpoint.withheld import WORKFLOWS, LeftOut, grown, is_workflow
from ralph_action.errors import PushRejected
from ralph_action.state import Checkpoint


class Rewriting(Protocol):
    """The part of the vault that knows commits and makes new ones."""

    def has(self, commit: str) -> bool: ...

    def take(self, commit: str, have: str) -> None: ...

    def is_ancestor(self, older: str, newer: str) -> bool: ...

    def origin_of(self, commit: str) -> str: ...

    def without(self, commit: str, onto: str, paths: Collection[str], also: str = "") -> str: ...

    def differing(self, one: str, other: str) -> list[str]: ...

    def patch(self, old: str, new: str, folder: str) -> bytes: ...


class PushedForm:
    """The form of each commit of one run's; the workspace's own commits never change."""

    def __init__(self, vault: Rewriting, folder: Path, base: str, head: str) -> None:
        """Know the `.agent/` that counts, `folder`, the commit that the task began at, and the last checkpoint's."""
        self._vault = vault
        self._folder = folder
        self._base = base
        self._have = head
        """The last of the branch's commits that the vault has."""
        self._seen = base
        """The last commit whose files were brought, beside the branch or on it."""
        self._made: set[str] = set()
        self.left_out = LeftOut()
        self.patch = ""
        """Below `.agent/`: the changes of workflow files that are left out."""

    def take(self, commit: str, wip: str = "") -> None:
        """Bring a checkpoint's commits into the vault; a file that has changed is no longer known to be refused."""
        self._vault.take(commit, self._have if self._vault.has(self._have) else self._base)
        if wip:
            self._vault.take(wip, commit)
        if self.left_out.work and self._seen:
            changed = {name for name in self._vault.differing(self._seen, wip or commit) if not is_workflow(name)}
            self.left_out = replace(self.left_out, work=self.left_out.work - changed)
        self._have, self._seen = commit, wip or commit

    def leave_out(self, problem: PushRejected, state: str) -> bool:
        """Leave out what a push of `state` was refused for; False when that does not help."""
        before, self.left_out = self.left_out, grown(self.left_out, problem, state)
        return self.left_out != before

    def of(self, commit: str, tip: str) -> str:
        """What is pushed for `commit` where the branch is at `tip`; empty for nowhere."""
        if tip == commit:
            return commit
        if tip and not self._vault.is_ancestor(tip, commit):
            origin = self._vault.origin_of(tip)
            if not origin or not self._vault.is_ancestor(origin, commit):
                return commit  # somebody else's is there, and the remote will say so
            if tip not in self._made:  # an earlier run's: what it left out is what the two differ in
                known = set(self._vault.differing(tip, origin)) - set(self._vault.differing(origin, commit))
                self.left_out = replace(self.left_out, work=self.left_out.work | known)
            self.patch = self.patch or self._patch_name(goes_on=True)
            onto = tip
        elif self.left_out.work:
            self.patch = self.patch or self._patch_name(goes_on=False)
            onto = tip or self._base
        else:
            return commit
        made = self._vault.without(commit, onto, self.left_out.work)
        self._made.add(made)
        return made

    def of_wip(self, checkpoint: Checkpoint, pushed: str, tip: str) -> str:
        """What is pushed for the files of an unfinished iteration, whose ref is at `tip`."""
        is_plain = pushed == checkpoint.commit and not self.left_out.work
        if is_plain and (not tip or self._vault.is_ancestor(tip, checkpoint.wip)):
            return checkpoint.wip
        made = self._vault.without(checkpoint.wip, pushed, self.left_out.work, tip)
        self._made.add(made)
        return made

    def lacks(self, full: str, pushed: str) -> list[str]:
        """Name the files that the pushed form lacks; keep the changes of workflow files in the state as a patch."""
        names = [] if pushed == full else self._vault.differing(pushed, full)
        if self.patch:
            path = self._folder / self.patch
            if any(is_workflow(name) for name in names):
                write_atomically(path, self._vault.patch(pushed, full, WORKFLOWS))
            else:
                path.unlink(missing_ok=True)
        readable = [name.encode(errors="surrogateescape").decode(errors="replace") for name in names]
        return readable + sorted(f".agent/{name}" for name in self.left_out.state)

    def _patch_name(self, *, goes_on: bool) -> str:
        """The name of the patch that goes on, or one that none has yet: its user may not have applied it."""
        number = 1
        while (self._folder / _patch(number + goes_on)).exists():
            number += 1
        return _patch(number)


def _patch(number: int) -> str:
    return "withheld/workflows.patch" if number == 1 else f"withheld/workflows-{number}.patch"

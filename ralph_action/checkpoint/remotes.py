"""The branch home: the work branch and the state ref on the remote."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from ralph_action.errors import PushRejected
from ralph_action.state import Checkpoint


def state_ref(task: str) -> str:
    """The ref that carries `.agent/` without its logs."""
    return f"refs/ralph/{task}/state"


def wip_ref(task: str) -> str:
    """The ref that carries the files of an unfinished iteration."""
    return f"refs/ralph/{task}/wip"


def wip_branch(task: str) -> str:
    """Where they go when a server refuses refs outside `refs/heads/`."""
    return f"refs/heads/ralph-wip/{task}"


def state_branch(task: str) -> str:
    """Where the state goes when a server refuses refs outside `refs/heads/`."""
    return f"refs/heads/ralph-state/{task}"


class Claim(Protocol):
    """This run's claim on the task, kept in the state that is pushed."""

    @property
    def side(self) -> str:
        """What the side branch's name ends with: the run."""
        ...

    def hold(self) -> None: ...

    def release(self) -> None: ...

    def is_due(self) -> bool:
        """Whether it has to be renewed now."""
        ...

    def lost(self, why: str) -> None:
        """Another writer has the task: end the run."""
        ...


class Pushing(Protocol):
    """The part of the vault that the branch home speaks to."""

    def take(self, commit: str, have: str) -> None: ...

    def commit_state(self, folder: Path, parent: str, message: str, checkpoint: Checkpoint | None = None) -> str: ...

    def push(self, url: str, token: str, refs: list[tuple[str, str]], timeout_s: float = ...) -> None: ...


class BranchHome:
    """The work branch and `refs/ralph/<task>/state`, moved together by one atomic push."""

    home = "branch"

    def __init__(
        self,
        vault: Pushing,
        remote: tuple[str, str],
        task: str,
        folder: Path,
        claim: Claim,
        *,
        state_parent: str,
        have: str,
        ref: str,
    ) -> None:
        """Know the remote.

        Args:
            vault: what pushes.
            remote: the url and the token.
            task: its key.
            folder: the `.agent/` that counts.
            claim: whose the task is, as a file in `folder`.
            state_parent: the remote's present state commit.
            have: the commit that the branch began at.
            ref: where the state goes.

        """
        self._vault = vault
        self._url, self._token = remote
        self._claim = claim
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
        self._claim.hold()
        try:
            self._push_state("claim", [], None)
        except PushRejected as problem:
            if not problem.of_ref or self._ref == state_branch(self._task):
                raise
            self._ref = state_branch(self._task)
            self._push_state("claim", [], None)

    def renew(self) -> None:
        """Push the claim again when it grows old. Raises GitError."""
        if not self._off and self._claim.is_due():
            self._claim.hold()
            self._guarded_push("lease", [], None)

    def tidy(self) -> None:
        """Refs only move; nothing is left over."""

    def store(self, checkpoint: Checkpoint, confirmed: str, *, is_last: bool) -> str:
        if self._off:
            return self._off
        refs: list[tuple[str, str]] = []
        if checkpoint.commit:
            self._vault.take(checkpoint.commit, confirmed or self._have)
            refs.append((checkpoint.commit, f"refs/heads/{checkpoint.branch}"))
        if checkpoint.wip:
            self._vault.take(checkpoint.wip, checkpoint.commit)
            is_plain = self._ref == state_branch(self._task)
            refs.append((checkpoint.wip, wip_branch(self._task) if is_plain else wip_ref(self._task)))
        if is_last:
            self._claim.release()
        else:
            self._claim.hold()
        self._guarded_push(f"iteration {checkpoint.iteration}", refs, checkpoint)
        return "reached"

    def _guarded_push(self, what: str, refs: list[tuple[str, str]], checkpoint: Checkpoint | None) -> None:
        """Push; when another writer has the task, leave the work on a side branch and give the run up."""
        try:
            self._push_state(what, refs, checkpoint)
        except PushRejected as problem:
            if problem.moved:
                self._off = str(problem)
                self._claim.lost(str(problem))
                for commit, ref in refs:
                    self._vault.push(self._url, self._token, [(commit, f"{ref}-{self._claim.side}")])
            raise

    def _push_state(self, what: str, refs: list[tuple[str, str]], checkpoint: Checkpoint | None) -> None:
        state = self._vault.commit_state(self._folder, self._parent, f"Ralph state: {what}", checkpoint)
        self._vault.push(self._url, self._token, [*refs, (state, self._ref)])
        self._parent = state

"""The branch home: the work branch and the state's ref, moved together by one atomic push."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from ralph_action.checkpoint.pushed import PushedForm, Rewriting
from ralph_action.checkpoint.withheld import standing
from ralph_action.errors import GitError, PushRejected
from ralph_action.retry import retried
from ralph_action.state import Checkpoint

TRIES = 8
"""Pushes of one checkpoint: each is without one more file, or on what an answer that was lost had told."""
PUSH_TIMEOUT_S = 120.0
LAST_PUSH_TIMEOUT_S = 75.0
"""Of a run: its end is waited for as long as for one push, and the artifact comes after it."""


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


class Pushing(Rewriting, Protocol):
    """The part of the vault that the branch home speaks to."""

    def commit_state(
        self,
        folder: Path,
        parent: str,
        message: str,
        checkpoint: Checkpoint | None = None,
        without: Collection[str] = (),
    ) -> str: ...

    def remote_refs(self, url: str, token: str, patterns: list[str]) -> dict[str, str]: ...

    def push(self, url: str, token: str, refs: list[tuple[str, str]], timeout_s: float = ...) -> list[str]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """Where the remote's refs are, as far as is known."""

    ref: str
    """The state's."""
    state: str
    branch: str
    """The work branch's name."""
    tip: str
    """Its commit; empty when there is none."""
    base: str
    """The commit that the task began at, which the remote has."""
    head: str = ""
    """The workspace's commit of the last checkpoint."""
    wip_ref: str = ""
    wip: str = ""
    """The commit of the last timed checkpoint that it has."""

    @property
    def known(self) -> dict[str, str]:
        """Ref → commit of those that it is known to have."""
        refs = {self.ref: self.state, f"refs/heads/{self.branch}": self.tip, self.wip_ref: self.wip}
        return {ref: commit for ref, commit in refs.items() if ref and commit}


class BranchHome:
    """Pushes; leaves out what the remote does not take, and gives the run up when another writer has the task."""

    home = "branch"

    def __init__(
        self,
        vault: Pushing,
        remote: tuple[str, str],
        task: str,
        folder: Path,
        claim: Claim,
        stand: Stand,
        say: Callable[[str], None] = lambda _text: None,
    ) -> None:
        """Know the remote, `remote` being its url and the token, and the `.agent/` that counts, `folder`."""
        self._vault = vault
        self._url, self._token = remote
        self._task = task
        self._folder = folder
        self._claim = claim
        self._stand = stand
        self._say = say
        self._form = PushedForm(vault, folder, stand.base, stand.head)
        self._tried: set[str] = set()
        """What was pushed, also when no answer came."""
        self._state = ""
        self._lacks: list[str] = []
        self._off = ""

    def claim(self) -> None:
        """Push a state that says whose the task is now, before money is spent (invariant: one writer).

        Raises:
            PushRejected: `moved` when another run was faster; else the branch home cannot be written.

        """
        self._claim.hold()
        try:
            self._publish("claim", None)
        except PushRejected as problem:
            if not problem.of_ref or self._stand.ref == state_branch(self._task):
                raise
            self._stand = replace(self._stand, ref=state_branch(self._task), wip_ref=wip_branch(self._task))
            self._publish("claim", None)

    def renew(self) -> None:
        """Push the claim again when it grows old. Raises GitError."""
        if not self._off and self._claim.is_due():
            self._claim.hold()
            self._guarded("lease", None)

    def tidy(self) -> None:
        """Refs only move; nothing is left over."""

    def store(self, checkpoint: Checkpoint, confirmed: str, *, is_last: bool) -> str:
        del confirmed  # what the workspace's commit is called there is known here alone
        if self._off:
            return self._off
        if checkpoint.commit:
            self._form.take(checkpoint.commit, checkpoint.wip)
        if is_last:
            self._claim.release()
        else:
            self._claim.hold()
        timeout_s = LAST_PUSH_TIMEOUT_S if is_last else PUSH_TIMEOUT_S
        self._guarded(f"iteration {checkpoint.iteration}", checkpoint, timeout_s)
        return standing(
            self._lacks, self._form.patch, is_other=bool(checkpoint.commit) and self._stand.tip != checkpoint.commit
        )

    def _guarded(self, what: str, checkpoint: Checkpoint | None, timeout_s: float = PUSH_TIMEOUT_S) -> None:
        """Publish; when another writer has the task, leave the work on a side branch and give the run up."""
        try:
            self._publish(what, checkpoint, timeout_s)
        except PushRejected as problem:
            if not problem.moved:
                raise
            self._off = f"{problem} {self._leave_aside(checkpoint)}".strip()
            self._claim.lost(self._off)
            raise PushRejected(self._off, moved=True) from problem

    def _leave_aside(self, checkpoint: Checkpoint | None) -> str:
        """Push the work where nobody else writes; say where it is."""
        if checkpoint is None or not checkpoint.commit:
            return ""
        side = f"{checkpoint.branch}-{self._claim.side}"
        try:
            commit = self._form.of(checkpoint.commit, self._stand.tip)
            self._vault.push(self._url, self._token, [(commit, f"refs/heads/{side}")], LAST_PUSH_TIMEOUT_S)
        except GitError as problem:
            return f"Our work could not be pushed to {side} either: {problem}"
        return f"Our work is on {side}."

    def _publish(self, what: str, checkpoint: Checkpoint | None, timeout_s: float = PUSH_TIMEOUT_S) -> None:
        for _ in range(TRIES - 1):
            try:
                retried(lambda: self._push(what, checkpoint, timeout_s))
            except PushRejected as problem:
                if problem.moved and self._knows_where_it_stands():
                    continue
                if not self._form.leave_out(problem, self._state):
                    raise
            else:
                return
        self._push(what, checkpoint, timeout_s)

    def _push(self, what: str, checkpoint: Checkpoint | None, timeout_s: float) -> None:
        stand, refs, record = self._stand, [], checkpoint
        if checkpoint is not None and checkpoint.commit:
            commit = self._form.of(checkpoint.commit, self._stand.tip)
            wip = self._form.of_wip(checkpoint, commit, self._stand.wip) if checkpoint.wip else ""
            self._lacks = self._form.lacks(checkpoint.wip or checkpoint.commit, wip or commit)
            record = replace(checkpoint, commit=commit, wip=wip, withheld=tuple(self._lacks))
            stand = replace(stand, tip=commit)
            refs = [(commit, f"refs/heads/{checkpoint.branch}")]
            if wip:
                stand = replace(stand, wip=wip)
                refs.append((wip, stand.wip_ref))
        message = f"Ralph state: {what}"
        self._state = self._vault.commit_state(
            self._folder, stand.state, message, record, without=self._form.left_out.state
        )
        self._tried |= {self._state, stand.tip, stand.wip}
        created = self._vault.push(self._url, self._token, [*refs, (self._state, stand.ref)], timeout_s)
        for ref in created:
            if ref in self._stand.known:
                self._say(f"{ref} was gone from the remote; it was created again, with all that was on it.")
        self._stand = replace(stand, state=self._state)

    def _knows_where_it_stands(self) -> bool:
        """Whether the refs are where a push of ours put them whose answer was lost; they are taken from there."""
        stand = self._stand
        refs = [stand.ref, f"refs/heads/{stand.branch}", stand.wip_ref]
        found = retried(lambda: self._vault.remote_refs(self._url, self._token, [ref for ref in refs if ref]))
        state, tip, wip = (found.get(ref, "") for ref in refs)
        there = replace(stand, state=state, tip=tip, wip=wip)
        is_ours = {state, tip, wip} <= self._tried | {stand.state, stand.tip, stand.wip, ""}
        if not is_ours or there == self._stand:
            return False
        self._stand = there
        return True

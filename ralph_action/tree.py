"""Bring the work tree to the checkpoint that a run goes on from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ralph_action.branch_tip import going_on_at
from ralph_action.checkpoint.bundles import heads
from ralph_action.checkpoint.remotes import wip_ref
from ralph_action.checkpoint.vault import Vault
from ralph_action.checkpoint.worktree import Worktree
from ralph_action.errors import GitError
from ralph_action.remote import Remotes
from ralph_action.resume.choose import Candidate
from ralph_action.resume.restore import restore
from ralph_action.state import TaskState

REMOTE_WIP = "refs/ralph-remote/wip"
"""Where the vault keeps what it fetched."""


class Here:
    """The commits that are on this machine, in the vault or in the workspace."""

    def __init__(self, remotes: Remotes) -> None:
        self._worktree = remotes.worktree
        self._vault = remotes.vault

    def has(self, commit: str) -> bool:
        in_vault = self._vault is not None and self._vault.has(commit)
        return in_vault or (self._worktree is not None and self._worktree.has(commit))

    def take(self, base: str, bundles: Sequence[Path]) -> str:
        """Take commits in from bundles, each for what it is worth; return what was wrong with the last that failed."""
        if self._vault is None:
            return "they are in bundles, and there is no git repository to take them into"
        problems = []
        try:
            if base:
                self._vault.take_base(base)
        except GitError as problem:
            problems.append(str(problem))
        for bundle in bundles:
            try:
                if not all(self._vault.has(commit) for commit in heads(bundle) or [""]):
                    self._vault.take_bundle(bundle)
            except GitError as problem:
                problems.append(str(problem))
        return problems[-1] if problems else ""


def start(state: TaskState, remotes: Remotes) -> None:
    """Put HEAD on the branch of a task that begins; the files stay."""
    if remotes.vault is not None and remotes.worktree is not None:
        remotes.confirmed = ""
        remotes.worktree.prepare(state.branch, None)


def bring(best: Candidate, state: TaskState, remotes: Remotes) -> str:
    """Bring the work tree to the checkpoint, unless it is there already; return the commit that it is at.

    Raises:
        StateError: somebody pushed to the branch what the checkpoint has not.
        GitError: git refused; nothing has been thrown away.

    """
    worktree, vault = remotes.worktree, remotes.vault
    if worktree is None or vault is None or not best.commit:
        return state.head_sha
    lies_here = best.home == "local" and _lies_here(worktree, state.branch, best.commit)
    if not lies_here:
        _bring_commits(best, worktree, vault)
        if not remotes.context.is_actions and _is_chosen_by_hand(worktree, best.commit, state.task):
            said = "an earlier checkpoint is checked out; its files stay, and the later ones in the history"
            remotes.say(f"Resume: {said}")
            worktree.prepare(state.branch, best.commit)
            return best.commit
    commit = going_on_at(best, state, remotes)
    if lies_here and commit == best.commit:
        worktree.prepare(state.branch, commit)
        return commit
    if not worktree.has(commit):
        vault.export_to(worktree, commit)
    for line in restore(worktree, commit, state.branch, state.task, best.wip):
        remotes.say(f"Resume: {line}")
    return commit


def follow_wip(task: str, remotes: Remotes) -> bool:
    """Let timed checkpoints build on those that the remote has, as their ref only fast-forwards.

    Returns:
        Whether they can; False is said, and then none may be taken.

    """
    worktree, vault = remotes.worktree, remotes.vault
    if worktree is None or vault is None or not remotes.wip_ref:
        return True
    try:
        fetch_wip(remotes)
        theirs = vault.git.run("rev-parse", REMOTE_WIP)
        if not worktree.has(theirs):
            vault.export_to(worktree, theirs)
        worktree.join(wip_ref(task), theirs)
    except GitError as problem:
        remotes.say(f"Timed checkpoints are off in this run: those of the last one cannot be followed: {problem}")
        return False
    return True


def fetch_wip(remotes: Remotes) -> None:
    """Bring the remote's ref of unfinished work into the vault. Raises GitError."""
    if remotes.vault is not None:
        remotes.vault.fetch(remotes.url, remotes.token, [f"+{remotes.wip_ref}:{REMOTE_WIP}"])


def _bring_commits(best: Candidate, worktree: Worktree, vault: Vault) -> None:
    """Hand the workspace what it lacks of the checkpoint; the search has brought it to the vault."""
    for commit in (best.commit, best.wip):
        if commit and not worktree.has(commit):
            vault.export_to(worktree, commit)


def _lies_here(worktree: Worktree, branch: str, commit: str) -> bool:
    """Whether the files are as the task's last run left them: not another clone's, nor another branch's.

    What the agent had left uncommitted, or on a branch of its own, is its work; a branch without the checkpoint
    that is checked out cleanly is the user's doing.
    """
    ref = f"refs/heads/{branch}"
    if not worktree.has(commit) or not worktree.ref_sha(ref):
        return False
    if worktree.git.attempt("symbolic-ref", "--quiet", "HEAD")[1].decode().strip() == ref:
        return True
    head = worktree.head_sha()
    if not head or worktree.is_ancestor(commit, head):
        return True
    return worktree.present_tree() != worktree.git.run("rev-parse", f"{head}^{{tree}}")


def _is_chosen_by_hand(worktree: Worktree, commit: str, task: str) -> bool:
    """Whether the user went back to an earlier checkpoint of the task with `git checkout <commit>`."""
    head = worktree.head_sha()
    is_detached = not worktree.git.succeeds("symbolic-ref", "--quiet", "HEAD")
    if not is_detached or not head or head == commit:
        return False
    message = worktree.git.run("log", "-1", "--format=%(trailers:key=Ralph-Task,valueonly)", head)
    return message.strip() == task

"""How the remote's branch stands to the checkpoint that a run goes on from: somebody may have pushed to it."""

from __future__ import annotations

from ralph_action.checkpoint.vault import Vault
from ralph_action.errors import StateError
from ralph_action.remote import Remotes
from ralph_action.resume.choose import Candidate
from ralph_action.state import TaskState

REMOTE_BRANCH = "refs/ralph-remote/branch"
"""Where the vault keeps what it fetched."""


def going_on_at(best: Candidate, state: TaskState, remotes: Remotes) -> str:
    """The commit to go on from: the checkpoint's, or the branch's when somebody pushed on top of it.

    Raises:
        StateError: the branch has what the checkpoint has not, and the two cannot be had by going forward.
        GitError: the branch cannot be fetched.

    """
    vault, worktree = remotes.vault, remotes.worktree
    tip = remotes.heads.get(f"refs/heads/{state.branch}", "")
    if vault is None or worktree is None or not tip or tip == best.commit:
        return best.commit
    ours = [best.commit, worktree.ref_sha(f"refs/heads/{state.branch}")]
    if worktree.has(tip) and any(commit and worktree.is_ancestor(tip, commit) for commit in ours):
        return best.commit
    fetch_tip(remotes, vault, state.branch, tip)
    origin = vault.origin_of(tip)
    if origin and worktree.has(origin) and worktree.is_ancestor(origin, best.commit):
        return best.commit  # the same work, without what the remote does not take
    is_here = best.home == "local" and not remotes.context.is_actions
    if not is_here and not vault.has(best.commit):
        vault.take_base(state.base_sha or best.commit)
        vault.take(best.commit, state.base_sha)
    if is_here or not vault.is_ancestor(best.commit, tip):
        raise StateError(
            f"Somebody pushed to {state.branch} what the checkpoint of iteration {best.state.iteration} has not.",
            remedy=f"Bring the two together on {state.branch} (`git pull` where the work is, then `git push`), "
            "and run again; nothing was changed.",
        )
    remotes.say(f"Resume: somebody pushed to {state.branch} after the checkpoint; going on from there, {tip[:12]}")
    remotes.confirmed = tip
    return tip


def refuse_foreign_branch(state: TaskState, remotes: Remotes) -> None:
    """Refuse to begin a task on a branch that has other work: the first push would be the first to say so.

    Raises:
        StateError: the remote has such a branch.

    """
    tip = remotes.heads.get(f"refs/heads/{state.branch}", "")
    worktree = remotes.worktree
    if not tip or worktree is None or (worktree.has(tip) and worktree.is_ancestor(tip, worktree.head_sha())):
        return
    raise StateError(
        f"The remote has a branch {state.branch}, and no valid checkpoint of the task `{state.task}` belongs to it.",
        remedy="Choose another `branch` or `task`, or rename the branch; its work is as it was.",
    )


def fetch_tip(remotes: Remotes, vault: Vault, branch: str, tip: str) -> None:
    """Bring the branch's commit into the vault. Raises GitError."""
    if not vault.has(tip):
        vault.fetch(remotes.url, remotes.token, [f"+refs/heads/{branch}:{REMOTE_BRANCH}"])

"""Bring the work tree to a checkpoint; what is in the way is parked under a ref first, never lost."""

from __future__ import annotations

from datetime import UTC, datetime

from ralph_action.checkpoint.worktree import Worktree


def restore(worktree: Worktree, commit: str, branch: str, task: str) -> list[str]:
    """Make branch, index and files those of `commit`; return what was done, for the log.

    Untracked files that are not in the way stay as they are.

    Raises:
        GitError: git refused; nothing has been thrown away.

    """
    said: list[str] = []
    ref = f"refs/heads/{branch}"
    head, old = worktree.head_sha(), worktree.ref_sha(ref)
    wanted = worktree.git.run("rev-parse", f"{commit}^{{tree}}")
    present = worktree.present_tree()
    at_head = worktree.git.run("rev-parse", f"{head}^{{tree}}") if head else ""
    unlike = present not in {wanted, at_head}
    strays = [sha for sha in dict.fromkeys((head, old)) if sha and not worktree.is_ancestor(sha, commit)]
    if unlike or strays:
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        parked = f"refs/ralph/{task}/parked/{stamp}"
        worktree.park(parked, present, [sha for sha in dict.fromkeys((head, *strays)) if sha])
        said.append(f"what was in the way is parked under {parked}")
    worktree.git.run("read-tree", "--reset", "-u", commit)
    worktree.git.run("update-ref", "-m", "ralph: resume", ref, commit, old or "0" * 40)
    worktree.git.run("symbolic-ref", "HEAD", ref)
    said.append(f"work tree and {branch} are at {commit[:12]}")
    return said

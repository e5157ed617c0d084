"""Bring the work tree to a checkpoint; what is in the way is parked under a ref first, never lost."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from ralph_action.checkpoint.acting import acting_as
from ralph_action.checkpoint.worktree import Worktree


def restore(worktree: Worktree, commit: str, branch: str, task: str, wip: str = "") -> list[str]:
    """Make branch, index and files those of `commit`; return what was done, for the log.

    Untracked files that are not in the way stay as they are. With `wip` the files become those of that commit,
    as changes that are not committed yet.

    Raises:
        GitError: git refused; nothing has been thrown away.

    """
    said: list[str] = []
    ref = f"refs/heads/{branch}"
    head, old = worktree.head_sha(), worktree.ref_sha(ref)
    wanted = worktree.git.run("rev-parse", f"{wip or commit}^{{tree}}")
    present = worktree.present_tree()
    at_head = worktree.git.run("rev-parse", f"{head}^{{tree}}") if head else ""
    unlike = present not in {wanted, at_head}
    strays = [sha for sha in dict.fromkeys((head, old)) if sha and not worktree.is_ancestor(sha, wip or commit)]
    if unlike or strays:
        parked = _parking_place(task)
        worktree.park(parked, present, [sha for sha in dict.fromkeys((head, *strays)) if sha])
        said.append(f"what was in the way is parked under {parked}")
    worktree.git.run("read-tree", "--reset", "-u", wip or commit)
    if wip:
        worktree.git.run("read-tree", "--reset", commit)
    worktree.git.run("update-ref", "-m", "ralph: resume", ref, commit, old or "0" * 40)
    worktree.git.run("symbolic-ref", "HEAD", ref)
    aside = f", with the files of {wip[:12]}" if wip else ""
    said.append(f"work tree and {branch} are at {commit[:12]}{aside}")
    return said


def bring_back(worktree: Worktree, commit: str, branch: str, task: str) -> str:
    """Make index and files those of an earlier checkpoint; HEAD is on the branch, which stays where it is.

    All that is there, uncommitted and untracked too, is parked first; ignored files that are not in the way stay.

    Returns:
        The ref that it is parked under.

    Raises:
        GitError: git refused; nothing has been thrown away.

    """
    ref = f"refs/heads/{branch}"
    present = _with_what_is_in_the_way(worktree, worktree.present_tree(), commit)
    parked = _parking_place(task)
    worktree.park(parked, present, [sha for sha in dict.fromkeys((worktree.head_sha(), worktree.ref_sha(ref))) if sha])
    worktree.git.run("symbolic-ref", "HEAD", ref)
    # The index knows every file first, so that those that the checkpoint does not have are taken away.
    worktree.git.run("read-tree", "--reset", present)
    worktree.git.run("read-tree", "--reset", "-u", commit)
    return parked


def _parking_place(task: str) -> str:
    return f"refs/ralph/{task}/parked/{datetime.now(UTC).strftime('%Y%m%dT%H%M%S.%fZ')}"


def _with_what_is_in_the_way(worktree: Worktree, present: str, commit: str) -> str:
    """The present tree with the ignored files, too, that lie where the checkpoint has files of its own."""
    git = worktree.git
    added = git.run("diff-tree", "-r", "-z", "--no-renames", "--name-only", "--diff-filter=A", present, commit)
    with acting_as(worktree.user):
        blocking = sorted({path for name in added.split("\0") if name for path in _blocking(worktree.root, name)})
    if not blocking:
        return present
    private = worktree.path("index").with_name(f"ralph-park-{os.getpid()}")
    environment = {"GIT_INDEX_FILE": str(private), "GIT_LITERAL_PATHSPECS": "1"}
    try:
        git.run("read-tree", present, env=environment)
        paths = "\0".join(blocking).encode("utf-8", errors="surrogateescape")
        git.run("add", "--force", "--pathspec-from-file=-", "--pathspec-file-nul", stdin=paths, env=environment)
        return git.run("write-tree", env=environment)
    finally:
        with contextlib.suppress(OSError), acting_as(worktree.user):
            private.unlink(missing_ok=True)


def _blocking(root: Path, name: str) -> Iterator[str]:
    """What lies at a path, or at a folder on the way to it that is none."""
    parts = Path(name).parts
    for depth in range(1, len(parts) + 1):
        path = root.joinpath(*parts[:depth])
        if os.path.lexists(path) and (depth == len(parts) or path.is_symlink() or not path.is_dir()):
            yield "/".join(parts[:depth])
            return

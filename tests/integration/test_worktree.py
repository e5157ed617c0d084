"""Snapshots with real git."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ralph_action.checkpoint.git import Git
from ralph_action.checkpoint.worktree import Worktree
from ralph_action.errors import GitError
from ralph_action.resume.restore import restore

Make = Callable[[str], Worktree]
BRANCH = "ralph/t"


def snapshot(worktree: Worktree, last: str = "", number: int = 1) -> str:
    return worktree.snapshot(BRANCH, last, f"Ralph checkpoint {number}: x\n\nRalph-Task: t").commit


def parents(worktree: Worktree, commit: str) -> list[str]:
    return worktree.git.run("log", "-1", "--format=%P", commit).split()


def test_a_snapshot_is_what_add_and_commit_would_make(repository: Make) -> None:
    """All files, the branch, HEAD and the index; main stays where it was."""
    work = repository("project")
    main = work.head_sha()
    work.exclude_agent_dir()
    work.prepare(BRANCH, None)
    (work.root / "new\nline.txt").write_text("new")
    (work.root / "README.md").unlink()
    (work.root / ".agent").mkdir()
    (work.root / ".agent" / "x").write_text("not in commits")
    commit = snapshot(work)
    assert work.git.run("symbolic-ref", "HEAD") == f"refs/heads/{BRANCH}"
    assert (work.head_sha(), parents(work, commit), work.ref_sha("main")) == (commit, [main], main)
    assert work.git.run("status", "--porcelain") == ""
    assert work.git.run("ls-tree", "-z", "--name-only", commit) == "new\nline.txt\0"


def test_an_empty_repository(tmp_path: Path, environment: dict[str, str]) -> None:
    """The first checkpoint has no parent."""
    git = Git(tmp_path, environment)
    git.run("init", "--quiet")
    work = Worktree(tmp_path, None, environment)
    work.prepare(BRANCH, None)
    (tmp_path / "a").write_text("a")
    commit = snapshot(work)
    assert parents(work, commit) == []
    assert work.head_sha() == commit


def test_a_detached_head(repository: Make) -> None:
    """As after a checkout of a pull request."""
    work = repository("project")
    work.git.run("checkout", "--quiet", "--detach")
    head = work.head_sha()
    work.prepare(BRANCH, None)
    assert parents(work, snapshot(work)) == [head]


@pytest.mark.parametrize(
    ("commands", "kept"),
    [
        ([["commit", "--quiet", "--allow-empty", "-m", "own"]], ["HEAD"]),
        ([["commit", "--quiet", "--amend", "--allow-empty", "-m", "other"]], ["HEAD", "last"]),
        ([["reset", "--quiet", "--hard", "HEAD^"]], ["last"]),
        ([["checkout", "--quiet", "-b", "elsewhere"], ["commit", "--quiet", "--allow-empty", "-m", "own"]], ["HEAD"]),
        ([["checkout", "--quiet", "--orphan", "new"], ["commit", "--quiet", "-m", "own"]], ["HEAD", "last"]),
    ],
)
def test_the_branch_only_fast_forwards(repository: Make, commands: list[list[str]], kept: list[str]) -> None:
    """Whatever the agent does to history, the checkpoint descends from the last one and from its HEAD."""
    work = repository("project")
    work.prepare(BRANCH, None)
    last = snapshot(work)
    for command in commands:
        work.git.run(*command)
    shas = {"HEAD": work.head_sha(), "last": last}
    (work.root / "more").write_text("more")
    commit = snapshot(work, last, 2)
    assert parents(work, commit) == [shas[name] for name in kept]
    assert work.ref_sha(f"refs/heads/{BRANCH}") == commit
    assert work.git.run("symbolic-ref", "HEAD") == f"refs/heads/{BRANCH}"


def test_a_refused_ref_leaves_the_users_index(repository: Make) -> None:
    """The index is installed last: when the commit does not stand, it is as it was."""
    work = repository("project")
    work.prepare(BRANCH, None)
    (work.root / "a").write_text("a")
    lock = work.root / ".git" / "refs" / "heads" / "ralph" / "t.lock"
    lock.write_text("")
    before = (work.root / ".git" / "index").read_bytes()
    with pytest.raises(GitError):
        snapshot(work)
    assert (work.root / ".git" / "index").read_bytes() == before
    assert not list((work.root / ".git").glob("ralph-index-*"))


def test_a_held_index_lock_does_not_stop_a_checkpoint(repository: Make) -> None:
    """A stale lock of the agent's git stays where it is."""
    work = repository("project")
    work.prepare(BRANCH, None)
    (work.root / "a").write_text("a")
    (work.root / ".git" / "index.lock").write_text("")
    commit = snapshot(work)
    assert work.git.run("ls-tree", "--name-only", commit) == "README.md\na"


def test_unmerged_files_are_committed_as_they_lie(repository: Make) -> None:
    """A merge with conflicts left over is work too."""
    work = repository("project")
    for branch, text in (("one", "one\n"), ("two", "two\n")):
        work.git.run("checkout", "--quiet", "-b", branch, "main")
        (work.root / "README.md").write_text(text)
        work.git.run("commit", "--quiet", "-am", branch)
    assert not work.git.succeeds("merge", "one")
    work.prepare(BRANCH, None)
    assert "<<<<<<<" in work.git.run("show", f"{snapshot(work)}:README.md")


def test_the_guides_hook_sees_the_subject(repository: Make) -> None:
    """The hook runs after the commit with the subject as its first argument; its failure is said, not raised."""
    work = repository("project")
    hook = work.root / ".git" / "hooks" / "post-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text('#!/bin/sh\nprintf "%s" "$1" > hooked; exit 3\n')
    hook.chmod(0o755)
    assert work.run_post_commit_hook("Ralph checkpoint 1: x") == "it exited with 3"
    assert (work.root / "hooked").read_text() == "Ralph checkpoint 1: x"


def test_restore_parks_what_is_in_the_way(repository: Make) -> None:
    """Commits, edits and new files that the checkpoint does not have are found under the parked ref."""
    work = repository("project")
    work.prepare(BRANCH, None)
    (work.root / "a").write_text("checkpoint")
    wanted = snapshot(work)
    (work.root / "b").write_text("committed by a person")
    work.git.run("add", "b")
    work.git.run("commit", "--quiet", "-m", "person")
    person = work.head_sha()
    (work.root / "a").write_text("edited")
    (work.root / "c").write_text("untracked")
    said = restore(work, wanted, BRANCH, "t")
    parked = work.git.run("for-each-ref", "--format=%(refname)", "refs/ralph/t/parked/")
    assert parked in said[0]
    assert work.git.run("show", f"{parked}:a") == "edited"
    assert work.git.run("show", f"{parked}:c") == "untracked"
    assert work.is_ancestor(person, parked)
    assert (work.root / "a").read_text() == "checkpoint"
    assert work.head_sha() == wanted


def test_restore_in_place_parks_nothing(repository: Make) -> None:
    """A clean tree behind the checkpoint just moves forward."""
    work = repository("project")
    main = work.head_sha()
    work.prepare(BRANCH, None)
    (work.root / "a").write_text("a")
    wanted = snapshot(work)
    work.git.run("checkout", "--quiet", "main")
    restore(work, wanted, BRANCH, "t")
    assert work.git.run("for-each-ref", "refs/ralph/") == ""
    assert (work.head_sha(), work.ref_sha("main")) == (wanted, main)
    assert (work.root / "a").read_text() == "a"

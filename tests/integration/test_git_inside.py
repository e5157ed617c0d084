"""Repositories inside the workspace, and a workspace inside a repository: no file is passed over."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ralph_action.checkpoint.git import Git
from ralph_action.checkpoint.worktree import Worktree
from ralph_action.ports import User

Make = Callable[[str], Worktree]
BRANCH = "ralph/t"
AGENT = User(1001, 1001)


def snapshot(work: Worktree, last: str = "") -> str:
    return work.snapshot(BRANCH, last, "Ralph checkpoint 1: x").commit


def names(work: Worktree, commit: str) -> set[str]:
    return set(work.git.run("ls-tree", "-r", "-z", "--full-tree", "--name-only", commit).split("\0")) - {""}


def begin_inside(work: Worktree, path: str, *files: str) -> Git:
    """Let the agent begin a repository and commit files in it."""
    folder = work.root / path
    folder.mkdir(parents=True, exist_ok=True)
    git = Git(folder, work.git.environment)
    git.run("init", "--quiet")
    for name in files:
        (folder / name).write_text(f"{name}\n")
    git.run("add", "--", *files)
    git.run("commit", "--quiet", "-m", "inside")
    return git


@pytest.mark.fault(
    "workspace",
    "The agent commits a repository inside as a link, with `git add -A` of its own",
    "its files are in the checkpoint all the same, and that its history is not, is said.",
)
def test_a_link_that_the_agent_committed(repository: Make) -> None:
    """No difference to HEAD shows it."""
    work = repository("p")
    work.prepare(BRANCH, None)
    last = snapshot(work)
    begin_inside(work, "in", "f")
    work.git.run("add", "-A")
    work.git.run("commit", "--quiet", "-m", "the agent's own")
    assert "in/f" in names(work, snapshot(work, last))
    assert "in" in work.left_out


@pytest.mark.fault(
    "workspace",
    "A repository inside holds another, a pipe, or a `.git` that is broken",
    "all its plain files are in the checkpoint, as far as git knows what it ignores.",
)
def test_what_lies_in_a_repository_inside(repository: Make) -> None:
    """One thing that git cannot add does not keep the others out; a change later is seen."""
    work = repository("p")
    begin_inside(work, "in", "a", "m", "z")
    (work.root / "in" / "m").unlink()
    os.mkfifo(work.root / "in" / "m")
    begin_inside(work, "in/deep", "g")
    begin_inside(work, "broken", "b")
    (work.root / "broken" / ".git" / "index").write_text("garbage")
    commit = snapshot(work)
    assert names(work, commit) == {"README.md", "in/a", "in/z", "in/deep/g", "broken/b"}
    (work.root / "in" / "a").write_text("more\n")
    assert work.git.run("show", f"{snapshot(work, commit)}:in/a") == "more"


@pytest.mark.fault(
    "workspace",
    "A file that the agent's user may not read, in a repository inside",
    "it is named with the reason; all others are in the checkpoint.",
)
@pytest.mark.skipif(os.geteuid() != 0, reason="needs a second user")
def test_an_unreadable_file_inside(repository: Make, within_reach: Path, environment: dict[str, str]) -> None:
    """Without it named, nobody would miss it."""
    git = Git(within_reach, environment)
    git.run("init", "--quiet", "p")
    work = Worktree(within_reach / "p", AGENT, environment)
    begin_inside(work, "in", "a", "m", "z")
    for path in (work.root, *work.root.rglob("*")):
        os.chown(path, AGENT.uid, AGENT.gid)
    os.chown(work.root / "in" / "m", 0, 0)
    (work.root / "in" / "m").chmod(0o600)
    assert names(work, snapshot(work)) == {"in/a", "in/z"}
    assert work.left_out["in/m"] == "cannot be read: Permission denied"


@pytest.mark.fault(
    "workspace",
    "A submodule has changes inside",
    "its recorded commit stays as git has it, and the log says to commit and push the changes there.",
)
@pytest.mark.parametrize("is_committed", [False, True])
def test_a_submodule_with_changes(repository: Make, *, is_committed: bool) -> None:
    """Said while it is so; an untouched one is not."""
    work, other = repository("p"), repository("other")
    add = ("submodule", "--quiet", "add", str(other.root), "sub")
    work.git.run("-c", "protocol.file.allow=always", *add)
    work.git.run("commit", "--quiet", "-m", "with a submodule")
    commit = snapshot(work)
    assert work.left_out == {}
    (work.root / "sub" / "new").write_text("new")
    if is_committed:
        inside = Git(work.root / "sub", work.git.environment)
        inside.run("add", "new")
        inside.run("commit", "--quiet", "-m", "new")
    for _ in range(2):
        commit = snapshot(work, commit)
        assert "commit and push them there" in work.left_out["sub"]


@pytest.mark.fault(
    "workspace",
    "The workspace is a folder of a larger repository, and the agent works beside it",
    "what it did there is in the checkpoint too; large files stay out as everywhere.",
)
def test_a_folder_of_a_repository(repository: Make, environment: dict[str, str]) -> None:
    """As `git add -A` does; twice, as what was large is passed over from then on."""
    top = repository("p").root
    for folder in ("sub", "sub/in"):
        (top / folder).mkdir()
    (top / "outside").write_text("o")
    (top / "sub" / "large").write_bytes(b"x" * 3000)
    work = Worktree(top / "sub", None, environment, limit=2000)
    begin_inside(work, "in", "f")
    commit = snapshot(work)
    (top / "outside2").write_text("o")
    commit = snapshot(work, commit)
    assert names(work, commit) == {"README.md", "outside", "outside2", "sub/in/f"}
    assert set(work.left_out) == {"sub/large", "sub/in"}


def test_large_files_with_odd_names(repository: Make, environment: dict[str, str]) -> None:
    """A name is never taken for a pattern: the file beside it stays in."""
    work = Worktree(repository("p").root, None, environment, limit=100)
    odd = {"a*b", "[x]", ":(top)q", "n\nl", "-d", 'q"u'}
    for name in odd:
        (work.root / name).write_text("x" * 200)
    (work.root / "ab").write_text("small")
    for _ in range(2):
        assert names(work, snapshot(work)) == {"README.md", "ab"}
        assert set(work.left_out) == odd

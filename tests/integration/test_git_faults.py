"""What an agent does to the workspace's git: a checkpoint is taken all the same, and what it lacks is said."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ralph_action.checkpoint.git import Git
from ralph_action.checkpoint.worktree import Worktree
from tests.lab.place import Place, state_of

Repository = Callable[[str], Worktree]


def names(tree: Worktree, commit: str) -> list[str]:
    return [name for name in tree.git.run("ls-tree", "-r", "-z", "--name-only", commit).split("\0") if name]


def taken(tree: Worktree, last: str = "") -> str:
    """A checkpoint on a branch of its own; returns the commit."""
    if not last:
        tree.prepare("ralph/t", None)
    return tree.snapshot("ralph/t", last, "Ralph checkpoint 1: x").commit


@pytest.mark.fault(
    "disk",
    "A file of 120 MB",
    "it stays out of the commit, is named in the log and in `.agent/left-out.json`; its last small version stays in.",
)
def test_a_file_that_is_too_large(repository: Repository) -> None:
    made = repository("p")
    tree = Worktree(made.root, None, made.git.environment, limit=1000)
    (tree.root / "small.txt").write_text("x")
    (tree.root / "grows.txt").write_text("small")
    first = taken(tree)
    (tree.root / "large [1].bin").write_bytes(b"x" * 1001)
    (tree.root / "grows.txt").write_bytes(b"y" * 2000)
    (tree.root / "more.txt").write_text("more")
    for last in (first, ""):  # and again, when it is known
        second = taken(tree, last or first)
        assert sorted(names(tree, second)) == ["README.md", "grows.txt", "more.txt", "small.txt"]
        assert tree.git.run("show", f"{second}:grows.txt") == "small"
        assert sorted(tree.left_out) == ["grows.txt", "large [1].bin"]
    (tree.root / "large [1].bin").write_bytes(b"x")
    assert "large [1].bin" in names(tree, taken(tree, first))
    assert sorted(tree.left_out) == ["grows.txt"]


@pytest.mark.fault(
    "workspace",
    "The agent clones or begins a repository inside the workspace",
    "its files are in the checkpoint as plain files, where git would keep a number; that its history is not, is said.",
)
@pytest.mark.parametrize("has_commit", [True, False])
def test_a_repository_inside(repository: Repository, has_commit: bool) -> None:
    tree = repository("p")
    inside = tree.root / "lib s"
    inside.mkdir()
    git = Git(inside, tree.git.environment)
    git.run("init", "--quiet")
    (inside / "a\nb.txt").write_text("1")
    (inside / "ignored.log").write_text("no")
    (inside / ".gitignore").write_text("*.log\n")
    if has_commit:
        git.run("add", ".")
        git.run("commit", "--quiet", "-m", "theirs")
    (inside / "new.txt").write_text("2")
    last = taken(tree)
    wanted = ["README.md", "lib s/.gitignore", "lib s/a\nb.txt", "lib s/new.txt"]
    assert sorted(names(tree, last)) == wanted
    assert "repository of its own" in tree.left_out["lib s"]
    (inside / "new.txt").unlink()
    assert sorted(names(tree, taken(tree, last))) == wanted[:-1]


def test_a_submodule_stays_one(repository: Repository) -> None:
    """What `.gitmodules` names is the user's own doing."""
    tree, other = repository("p"), repository("other")
    allow = ("-c", "protocol.file.allow=always")
    tree.git.run(*allow, "submodule", "--quiet", "add", str(other.root), "sub")
    assert tree.git.run("ls-tree", taken(tree), "sub").startswith("160000 commit")
    assert tree.left_out == {}


@pytest.mark.fault(
    "workspace",
    "Files of git-lfs, and git-lfs is not installed",
    "they are committed as they lie, and the filter that failed is named.",
)
def test_a_filter_that_is_not_there(repository: Repository) -> None:
    tree = repository("p")
    for key, value in (("clean", "git-lfs-is-not-here clean"), ("required", "true")):
        tree.git.run("config", f"filter.lfs.{key}", value)
    (tree.root / ".gitattributes").write_text("*.bin filter=lfs\n")
    (tree.root / "a.bin").write_text("raw")
    commit = taken(tree)
    assert tree.git.run("show", f"{commit}:a.bin") == "raw"
    assert tree.left_out == {"filter lfs": "failed: its files are committed as they lie"}


@pytest.mark.fault(
    "workspace",
    "Names with line ends, quotes, or bytes that are no text; links out of the tree and in circles",
    "all of them are in the checkpoint as git has them.",
)
def test_odd_names(repository: Repository) -> None:
    tree = repository("p")
    odd = [b"a\nb", b'q"uote', b"\xff\xfe", b" lead", b"-dash", b"*star?", b"caf\xc3\xa9"]
    for name in odd:
        (tree.root / os.fsdecode(name)).write_text("x")
    (tree.root / "out").symlink_to("/etc/hostname")
    (tree.root / "loop").symlink_to("loop")
    os.mkfifo(tree.root / "fifo")
    commit = taken(tree)
    wanted = sorted([*map(os.fsdecode, odd), "README.md", "out", "loop"])
    assert sorted(names(tree, commit)) == wanted
    assert tree.git.run("ls-tree", commit, "out").startswith("120000")


@pytest.mark.fault(
    "workspace",
    "The repository has no commit yet",
    "the first checkpoint is its first commit.",
)
def test_an_empty_repository(tmp_path: Path, environment: dict[str, str]) -> None:
    root = tmp_path / "empty"
    root.mkdir()
    Git(root, environment).run("init", "--quiet")
    tree = Worktree(root, None, environment, limit=100)
    (root / "a.txt").write_text("x")
    (root / "large").write_bytes(b"x" * 101)
    tree.prepare("ralph/t", None)
    commit = tree.snapshot("ralph/t", "", "Ralph checkpoint 1: x").commit
    assert names(tree, commit) == ["a.txt"]
    assert tree.git.run("log", "--format=%s", "ralph/t") == "Ralph checkpoint 1: x"


MOVES = {
    "switched to a branch of its own": "git checkout -q -b theirs && git commit -q --allow-empty -m theirs",
    "left HEAD detached": "git checkout -q --detach",
    "committed by itself": "git add -A && git commit -q -m own",
    "amended the checkpoint": "git add -A && git commit -q --amend -m changed",
    "reset hard to the beginning": "git add -A && git reset -q --hard main && echo x > work.txt",
    "rebased": "git checkout -q -b side main && git commit -q --allow-empty -m side && git rebase -q side ralph/t",
    "left a merge with conflicts": (
        "git checkout -q -b side main && echo side > work.txt && git add -A && git commit -q -m side && "
        "git checkout -q ralph/t && ! git merge side"
    ),
}


@pytest.mark.fault(
    "workspace",
    "The agent switches branches, detaches HEAD, commits, amends, rebases, resets hard, or leaves a merge's conflicts",
    "the files are committed as they lie; the branch only goes forward, and every checkpoint stays in its history.",
)
@pytest.mark.parametrize("move", sorted(MOVES))
def test_whatever_the_agent_does_with_git(repository: Repository, move: str) -> None:
    """The user's stash, branches and the checkpoint before are as they were."""
    tree = repository("p")
    (tree.root / "README.md").write_text("stashed")
    tree.git.run("stash", "push", "--quiet")
    kept = tree.git.run("for-each-ref", "refs/heads/main", "refs/stash")
    (tree.root / "work.txt").write_text("one\n")
    first = taken(tree)
    (tree.root / "new.txt").write_text("two\n")
    script = f"cd {tree.root} && ({MOVES[move]}) >/dev/null 2>&1"
    subprocess.run(["bash", "-c", script], env=tree.git.environment, check=True)
    files = {path.name: path.read_text() for path in tree.root.iterdir() if path.is_file()}
    second = taken(tree, first)
    assert {name: tree.git.run("show", f"{second}:{name}") for name in names(tree, second)} == {
        name: text.removesuffix("\n") for name, text in files.items()
    }
    assert tree.is_ancestor(first, second)
    assert tree.ref_sha("refs/heads/ralph/t") == second
    assert tree.git.run("symbolic-ref", "HEAD") == "refs/heads/ralph/t"
    assert tree.git.run("for-each-ref", "refs/heads/main", "refs/stash") == kept


BREAKS = {
    "removed": "rm -rf .git",
    "a file": "rm -rf .git; echo nothing > .git",
    "without its HEAD": "rm .git/HEAD",
}


@pytest.mark.fault(
    "workspace",
    "The agent removes or breaks `.git`",
    "the repository is made anew from ralph's own copy, on top of the last checkpoint; the files stay, and it is said.",
)
@pytest.mark.parametrize("how", sorted(BREAKS))
def test_the_repository_is_broken(place: Place, how: str) -> None:
    work = place.clone("one")
    pushed = f"until git -C {place.root}/remote.git rev-parse -q --verify ralph/t; do sleep 0.05; done"
    command = f'echo "$RALPH_ITERATION" >> done.txt; if [ "$RALPH_ITERATION" = 2 ]; then {pushed}; {BREAKS[how]}; fi'
    code, log = place.run(work, "--command", command, "--max-iterations", "3", "--checkpoint-interval", "1")
    assert code == 11, log
    assert "It was made anew and goes on from the last checkpoint" in log
    assert place.remote.run("show", "ralph/t:done.txt").split() == ["1", "2", "3"]
    assert state_of(work)["iteration"] == 3
    subjects = place.remote.run("log", "--format=%s", "--grep=Ralph checkpoint", "ralph/t").splitlines()
    assert [subject.split(":")[0].split()[-1] for subject in subjects] == ["3", "3", "2", "1"]


def test_what_is_left_out_is_said_and_listed(place: Place) -> None:
    work = place.clone("one")
    command = "mkdir -p lib && cd lib && git init -q && echo 1 > a.txt"
    code, log = place.run(work, "--command", command, "--max-iterations", "2", "--checkpoint-interval", "1")
    assert code == 11, log
    assert log.count("In the checkpoint: 'lib' is a repository of its own") == 1
    document = json.loads((work / ".agent" / "left-out.json").read_text())
    assert list(document["files"]) == ["lib"]
    assert place.remote.run("show", "ralph/t:lib/a.txt") == "1"


@pytest.mark.fault(
    "workspace",
    "The user's post-commit hook hangs",
    "it is ended after a minute, and that is said; the checkpoint stands before it is run.",
)
def test_a_hook_that_hangs(repository: Repository) -> None:
    tree = repository("p")
    hook = tree.root / ".git" / "hooks" / "post-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nsleep 300\n")
    hook.chmod(0o755)
    assert tree.run_post_commit_hook("x", timeout_s=0.3) == "it took longer than 0 s and was ended"


@pytest.mark.fault("workspace", "100,000 new files at once", "they are committed.")
def test_very_many_files(repository: Repository) -> None:
    tree = repository("p")
    for folder in range(100):
        (tree.root / f"d{folder}").mkdir()
        for number in range(1000):
            (tree.root / f"d{folder}" / str(number)).touch()
    assert len(names(tree, taken(tree))) == 100_001

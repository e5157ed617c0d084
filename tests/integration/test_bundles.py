"""A bundle is looked into before it is believed to hold a checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ralph_action.checkpoint.bundles import heads
from ralph_action.checkpoint.worktree import Worktree
from ralph_action.errors import GitError
from ralph_action.github.context import Context
from ralph_action.remote import connect
from ralph_action.settings import resolve
from ralph_action.state import Checkpoint
from ralph_action.workplace import find_workplace


@pytest.mark.parametrize("data", [b"", b"no bundle", b"# v2 git bundle", b"# v2 git bundle\n" + b"x" * 9999], ids=repr)
def test_what_is_no_bundle_names_nothing(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x").write_bytes(data)
    assert heads(tmp_path / "x") == []


def test_a_bundle_names_its_commits(tmp_path: Path, repository: Callable[[str], Worktree]) -> None:
    """With and without a commit that it builds on."""
    tree = repository("project")
    first = tree.head_sha()
    tree.prepare("ralph/t", None)
    (tree.root / "new").write_text("x")
    second = tree.snapshot("ralph/t", "", "second").commit
    for base in ("", first):
        tree.bundle(tmp_path / "x", "ralph/t", base)
        assert heads(tmp_path / "x") == [second]


@pytest.mark.fault(
    "artifact",
    "The agent moves the branch while its bundle is made",
    "the bundle lacks the checkpoint's commit: it is not uploaded, and the checkpoint is not said to be there.",
)
def test_a_bundle_without_the_checkpoint(
    tmp_path: Path, environment: dict[str, str], repository: Callable[[str], Worktree]
) -> None:
    tree = repository("project")
    first = tree.head_sha()
    tree.prepare("ralph/t", None)
    commit = tree.snapshot("ralph/t", "", "second").commit
    made = Checkpoint(iteration=1, sequence=1, branch="ralph/t", commit=commit, state_file="s", digest="d")
    env = {**environment, "RALPH_STATE_HOME": str(tmp_path / "state"), "RALPH_ARTIFACT_FOLDER": str(tmp_path / "a")}
    settings = resolve({"task": "t", "agent": "command", "command": "true"}, env, tree.root, for_agent=False)
    remotes = connect(settings, Context(), env, find_workplace(env, tree.root, "t"), print)
    remotes._bundle(tmp_path / "x", made, "")
    (tree.root / "other").write_text("x")
    tree.git.run("update-ref", "refs/heads/ralph/t", first)
    with pytest.raises(GitError, match="was moved"):
        remotes._bundle(tmp_path / "x", made, "")

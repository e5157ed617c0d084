"""The vault: commits come in as data, the token pushes from here alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ralph_action.checkpoint.git import Git
from ralph_action.checkpoint.vault import Vault, credential
from ralph_action.checkpoint.worktree import Worktree
from ralph_action.errors import GitError, PushRejected
from ralph_action.state import Checkpoint

Make = Callable[[str], Worktree]
BRANCH = "ralph/t"
STATE = "refs/ralph/t/state"


@pytest.fixture
def remote(tmp_path: Path, environment: dict[str, str]) -> Git:
    git = Git(tmp_path, environment)
    git.run("init", "--quiet", "--bare", "--initial-branch=main", "remote.git")
    return Git(tmp_path / "remote.git", environment)


def checkpoint(work: Worktree, name: str, last: str = "") -> str:
    (work.root / name).write_text(name)
    return work.snapshot(BRANCH, last, f"Ralph checkpoint: {name}").commit


def test_branch_and_state_move_in_one_push(
    repository: Make, tmp_path: Path, environment: dict[str, str], remote: Git
) -> None:
    """And a second checkpoint follows the first."""
    work = repository("project")
    base = work.head_sha()
    vault = Vault(tmp_path / "vault", environment, work)
    folder = tmp_path / "agent"
    (folder / "logs").mkdir(parents=True)
    (folder / "logs" / "big").write_text("log")
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints" / "checkpoint_2.json").write_text("the loop has gone on since")
    vault.take_base(base)
    work.prepare(BRANCH, None)
    url, parent, last = str(remote.directory), "", ""
    for number in ("1", "2"):
        last = checkpoint(work, number, last)
        vault.take(last, base)
        (folder / "state").write_text(number)
        record = Checkpoint(iteration=1, sequence=1, branch=BRANCH, commit=last, state_file="s", digest="d")
        parent = vault.commit_state(folder, parent, "state", record)
        vault.push(url, "", [(last, f"refs/heads/{BRANCH}"), (parent, STATE)])
        assert vault.remote_refs(url, "", [STATE, f"refs/heads/{BRANCH}"]) == {
            STATE: parent,
            f"refs/heads/{BRANCH}": last,
        }
    assert remote.run("ls-tree", "-r", "--name-only", STATE) == "checkpoints/checkpoint_1.json\nstate"
    out = tmp_path / "out"
    vault.check_out_state(parent, out)
    assert (out / "state").read_text() == "2"
    assert json.loads((out / "checkpoints" / "checkpoint_1.json").read_text())["commit"] == last


def test_whoever_is_second_is_refused_whole(
    repository: Make, tmp_path: Path, environment: dict[str, str], remote: Git
) -> None:
    """The state ref is the compare-and-swap: when it has moved, the branch does not move either."""
    work = repository("project")
    url = str(remote.directory)
    folder = tmp_path / "agent"
    folder.mkdir()
    vaults = [Vault(tmp_path / name, environment, work) for name in ("a", "b")]
    for number, vault in enumerate(vaults):
        (folder / "run").write_text(str(number))
        vault.take_base(work.head_sha())
    (folder / "run").write_text("0")
    vaults[0].push(url, "", [(vaults[0].commit_state(folder, "", "claim"), STATE)])
    (folder / "run").write_text("1")
    late = vaults[1].commit_state(folder, "", "claim")
    with pytest.raises(PushRejected) as caught:
        vaults[1].push(url, "", [(work.head_sha(), f"refs/heads/{BRANCH}"), (late, STATE)])
    assert caught.value.moved
    assert vaults[1].remote_refs(url, "", [f"refs/heads/{BRANCH}"]) == {}


@pytest.mark.fault(
    "workspace",
    "The workspace is a shallow clone, as `actions/checkout` makes it",
    "checkpoints are pushed, and the whole history stays below them on the remote.",
)
def test_a_shallow_clone(repository: Make, tmp_path: Path, environment: dict[str, str], remote: Git) -> None:
    """Depth 1, as actions/checkout makes it: base and checkpoints go to the same remote."""
    origin = repository("origin")
    for number in range(3):
        (origin.root / "README.md").write_text(str(number))
        origin.git.run("commit", "--quiet", "-am", str(number))
    origin.git.run("push", "--quiet", str(remote.directory), "main")
    Git(tmp_path, environment).run("clone", "--quiet", "--depth", "1", f"file://{remote.directory}", "shallow")
    work = Worktree(tmp_path / "shallow", None, environment)
    vault = Vault(tmp_path / "vault", environment, work)
    base = work.head_sha()
    vault.take_base(base)
    work.prepare(BRANCH, None)
    commit = checkpoint(work, "a")
    vault.take(commit, base)
    vault.push(f"file://{remote.directory}", "", [(commit, f"refs/heads/{BRANCH}")])
    assert remote.run("rev-parse", f"refs/heads/{BRANCH}") == commit
    assert remote.run("rev-list", "--count", f"refs/heads/{BRANCH}") == "5"


def test_a_checkpoint_comes_back_to_a_fresh_clone(
    repository: Make, tmp_path: Path, environment: dict[str, str], remote: Git
) -> None:
    """Fetched into the vault, handed to the workspace as data; by a bundle too."""
    first = repository("first")
    first.git.run("push", "--quiet", str(remote.directory), "main")
    url = str(remote.directory)
    vault = Vault(tmp_path / "vault", environment, first)
    base = first.head_sha()
    vault.take_base(base)
    first.prepare(BRANCH, None)
    commit = checkpoint(first, "a")
    first.bundle(tmp_path / "work.bundle", BRANCH, base)
    vault.take(commit, base)
    vault.push(url, "", [(commit, f"refs/heads/{BRANCH}")])
    for way in ("fetch", "bundle"):
        Git(tmp_path, environment).run("clone", "--quiet", "--depth", "1", f"file://{url}", way)
        fresh = Worktree(tmp_path / way, None, environment)
        other = Vault(tmp_path / f"vault-{way}", environment, fresh)
        other.take_base(fresh.head_sha())
        if way == "fetch":
            other.fetch(f"file://{url}", "", [f"+refs/heads/{BRANCH}:refs/found"])
        else:
            assert other.take_bundle(tmp_path / "work.bundle") == [commit]
        other.export_to(fresh, commit)
        assert fresh.git.run("show", f"{commit}:a") == "a"


def test_the_workspace_never_sees_the_token(
    repository: Make, tmp_path: Path, environment: dict[str, str], remote: Git
) -> None:
    """Hooks and fsmonitor of the workspace run in a whole checkpoint, and write down all they see."""
    work = repository("project")
    spy = tmp_path / "spy"
    spy.write_text(f"#!/bin/sh\nenv >> {tmp_path}/seen\n")
    spy.chmod(0o755)
    for hook in ("pre-commit", "post-commit", "pre-push", "reference-transaction", "post-index-change"):
        path = work.root / ".git" / "hooks" / hook
        path.parent.mkdir(exist_ok=True)
        path.symlink_to(spy)
    work.git.run("config", "core.fsmonitor", str(spy))
    vault = Vault(tmp_path / "vault", environment, work)
    vault.take_base(work.head_sha())
    work.prepare(BRANCH, None)
    commit = checkpoint(work, "a")
    vault.take(commit, work.head_sha())
    vault.push(str(remote.directory), "s3cr3t-token", [(commit, f"refs/heads/{BRANCH}")])
    assert "s3cr3t-token" not in (tmp_path / "seen").read_text()
    assert (tmp_path / "seen").read_text() != ""


def test_damaged_objects_stay_out(repository: Make, tmp_path: Path, environment: dict[str, str]) -> None:
    """A commit that is not there is refused."""
    work = repository("project")
    vault = Vault(tmp_path / "vault", environment, work)
    with pytest.raises(GitError):
        vault.take("1" * 40, "")
    with pytest.raises(GitError, match="no commit"):
        vault.take("--all", "")


def test_the_token_goes_into_one_header() -> None:
    """An empty header first cancels one that a checkout left; other transports get none."""
    pairs = credential("http://host:1/o/r.git", "T")
    assert [key for key, _ in pairs][1:] == ["http.http://host:1/.extraheader"] * 2
    assert [value for _, value in pairs][1:] == ["", "AUTHORIZATION: basic eC1hY2Nlc3MtdG9rZW46VA=="]
    assert credential("/local/path", "T") == []


def test_the_vault_has_few_refs(repository: Callable[[str], Worktree], tmp_path: Path) -> None:
    """However many checkpoints: each push reads all of them."""
    worktree = repository("project")
    vault = Vault(tmp_path / "few.git", worktree.git.environment, worktree)
    folder = tmp_path / "state"
    folder.mkdir()
    (folder / "lease.json").write_text("{}")
    last, parent = worktree.head_sha(), ""
    vault.take_base(last)
    for number in range(5):
        (worktree.root / "work.txt").write_text(f"{number}\n")
        commit = worktree.snapshot("main", last, f"{number}").commit
        vault.take(commit, last)
        (folder / "state.json").write_text(f"{number}\n")
        last, parent = commit, vault.commit_state(folder, parent, f"{number}")
    refs = vault.git.run("for-each-ref", "--format=%(objectname)", "refs/vault").split()
    assert sorted(refs) == sorted([last, parent])

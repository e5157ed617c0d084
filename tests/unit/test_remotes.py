"""The two remote homes over fakes: when they push and upload, and what they do when the task is lost."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import pytest

from ralph_action.checkpoint.remotes import BranchHome, Stand, state_branch, state_ref
from ralph_action.errors import PushRejected
from ralph_action.state import Checkpoint

CHECKPOINT = Checkpoint(iteration=3, sequence=7, branch="ralph/t", commit="c3", state_file="s", digest="d")


class Vault:
    """Keeps what is pushed; refuses as it is told."""

    def __init__(self, *refusals: PushRejected | None) -> None:
        self.refusals = list(refusals)
        self.pushed: list[list[str]] = []

    def take(self, commit: str, have: str) -> None:
        assert have in {"base", commit}

    def has(self, commit: str) -> bool:
        return bool(commit)

    def is_ancestor(self, older: str, newer: str) -> bool:
        return older == newer

    def origin_of(self, commit: str) -> str:
        return ""

    def without(self, commit: str, onto: str, paths: Collection[str], also: str = "") -> str:
        raise AssertionError

    def differing(self, one: str, other: str) -> list[str]:
        raise AssertionError

    def patch(self, old: str, new: str, folder: str) -> bytes:
        raise AssertionError

    def remote_refs(self, url: str, token: str, patterns: Sequence[str]) -> dict[str, str]:
        return dict.fromkeys(patterns, "another run's")

    def commit_state(
        self,
        folder: Path,
        parent: str,
        message: str,
        checkpoint: Checkpoint | None = None,
        without: Collection[str] = (),
    ) -> str:
        return f"{parent}+"

    def push(self, url: str, token: str, refs: Sequence[tuple[str, str]], timeout_s: float = 1) -> list[str]:
        problem = self.refusals.pop(0) if self.refusals else None
        if problem is not None:
            raise problem
        self.pushed.append([f"{commit}:{ref}" for commit, ref in refs])
        return []


class Claim:
    side = "run-1"

    def __init__(self) -> None:
        self.told: list[str] = []
        self.due = False

    def hold(self) -> None:
        self.told.append("hold")

    def release(self) -> None:
        self.told.append("release")

    def is_due(self) -> bool:
        return self.due

    def lost(self, why: str) -> None:
        self.told.append("lost")


def branch_home(vault: Vault, claim: Claim) -> BranchHome:
    stand = Stand(ref=state_ref("t"), state="", branch="ralph/t", tip="", base="base")
    return BranchHome(vault, ("url", "token"), "t", Path(), claim, stand)


def test_a_claim_is_renewed_when_it_is_due_and_given_back_at_the_end() -> None:
    """Every publish renews it; the last one releases it in the same push."""
    vault, claim = Vault(), Claim()
    home = branch_home(vault, claim)
    home.claim()
    home.renew()
    assert vault.pushed == [["+:refs/ralph/t/state"]]
    claim.due = True
    home.renew()
    assert home.store(CHECKPOINT, "", is_last=False) == "reached"
    assert home.store(CHECKPOINT, "", is_last=True) == "reached"
    assert claim.told == ["hold", "hold", "hold", "release"]
    assert vault.pushed[1:] == [
        ["++:refs/ralph/t/state"],
        ["c3:refs/heads/ralph/t", "+++:refs/ralph/t/state"],
        ["c3:refs/heads/ralph/t", "++++:refs/ralph/t/state"],
    ]


def test_a_lost_task_leaves_its_work_on_a_side_branch() -> None:
    """It is said once; nothing more is pushed to the other writer's refs."""
    vault, claim = Vault(PushRejected("moved", moved=True)), Claim()
    home = branch_home(vault, claim)
    with pytest.raises(PushRejected):
        home.store(CHECKPOINT, "", is_last=False)
    assert vault.pushed == [["c3:refs/heads/ralph/t-run-1"]]
    assert claim.told == ["hold", "lost"]
    assert "moved" in home.store(CHECKPOINT, "", is_last=True)
    claim.due = True
    home.renew()
    assert len(vault.pushed) == 1


def test_a_server_that_refuses_the_ref_gets_a_branch() -> None:
    """A refusal whose cause would be met anywhere is not tried again elsewhere."""
    vault = Vault(PushRejected("hidden ref", of_ref=True))
    branch_home(vault, Claim()).claim()
    assert vault.pushed == [[f"+:{state_branch('t')}"]]
    with pytest.raises(PushRejected):
        branch_home(Vault(PushRejected("403")), Claim()).claim()

"""The remote moves, loses refs, hangs, breaks off and forgets tokens. The real vault and branch home, git over HTTP."""

from __future__ import annotations

from pathlib import Path

import pytest

from ralph_action.errors import GitError, PushRejected
from tests.lab.github import GitHub
from tests.lab.pushes import BRANCH, STATE, Pushes


@pytest.fixture
def pushes(github: GitHub, environment: dict[str, str], tmp_path: Path) -> Pushes:
    return Pushes(github, environment, tmp_path / "one")


def somebody_commits(pushes: Pushes, ref: str, onto: str, name: str = "theirs") -> str:
    """Somebody else pushes a commit with a file of theirs to a ref; returns it."""
    remote = pushes.remote
    blob = remote.run("hash-object", "-w", "--stdin", stdin=b"theirs\n")
    entries = remote.run("ls-tree", onto) if onto else ""
    tree = remote.run("mktree", stdin=f"{entries}\n100644 blob {blob}\t{name}\n".lstrip("\n").encode())
    commit = remote.run("commit-tree", "-m", "theirs", tree, *(["-p", onto] if onto else []))
    remote.run("update-ref", ref, commit)
    return commit


@pytest.mark.fault(
    "remote",
    "somebody pushes to the work branch while a run works",
    "Their commit stays; our work goes to a side branch that is named with how to bring the two together, and the run "
    "ends.",
)
def test_a_person_pushes_to_the_work_branch(pushes: Pushes) -> None:
    pushes.store({"a": "1\n"})
    theirs = somebody_commits(pushes, BRANCH, pushes.tip())
    state = pushes.tip(STATE)
    with pytest.raises(PushRejected, match=r"somebody pushed to ralph/t .*git merge.*on ralph/t-run-1"):
        pushes.store({"b": "2\n"})
    assert (pushes.tip(), pushes.tip(STATE)) == (theirs, state)
    assert pushes.there("b", "refs/heads/ralph/t-run-1") == "2\n"
    assert len(pushes.held.why) == 1
    assert "git merge" in pushes.held.why[0]
    assert pushes.store({"c": "3\n"}, is_last=True) == pushes.held.why[0]
    assert pushes.tip() == theirs


@pytest.mark.fault(
    "remote",
    "another run moves the state's ref",
    "Neither ref is touched; our work goes to a side branch that is named, and the run ends.",
)
def test_another_run_takes_the_task(pushes: Pushes) -> None:
    pushes.store({"a": "1\n"})
    before = pushes.tip()
    theirs = somebody_commits(pushes, STATE, pushes.tip(STATE))
    with pytest.raises(PushRejected, match=r"another run moved .*on ralph/t-run-1"):
        pushes.store({"b": "2\n"})
    assert (pushes.tip(), pushes.tip(STATE)) == (before, theirs)
    assert pushes.there("b", "refs/heads/ralph/t-run-1") == "2\n"


@pytest.mark.fault(
    "remote",
    "the work branch is deleted while a run works",
    "The next push creates it again with all that was on it, and says so; nothing is forced.",
)
def test_the_branch_is_deleted_in_mid_run(pushes: Pushes) -> None:
    pushes.store({"a": "1\n"})
    pushes.remote.run("update-ref", "-d", BRANCH)
    pushes.remote.run("gc", "--quiet", "--prune=now")
    assert pushes.store({"b": "2\n"}) == "reached"
    assert (pushes.there("a"), pushes.there("b")) == ("1\n", "2\n")
    assert pushes.said == [f"{BRANCH} was gone from the remote; it was created again, with all that was on it."]
    assert pushes.held.why == []


@pytest.mark.fault(
    "remote",
    "the state's ref is deleted while a run works",
    "The next push creates it again, and says so.",
)
def test_the_state_is_deleted_in_mid_run(pushes: Pushes) -> None:
    pushes.store({"a": "1\n"})
    pushes.remote.run("update-ref", "-d", STATE)
    assert pushes.store({"b": "2\n"}) == "reached"
    assert pushes.there("metrics/state_2.json", STATE) == "2"
    assert len(pushes.said) == 1
    assert STATE in pushes.said[0]


def test_a_branch_that_was_set_back_goes_forward_again(pushes: Pushes) -> None:
    """Somebody's forced push to an older checkpoint: ours follows on it."""
    pushes.store({"a": "1\n"})
    older = pushes.tip()
    pushes.store({"b": "2\n"})
    pushes.remote.run("update-ref", BRANCH, older)
    assert pushes.store({"c": "3\n"}) == "reached"
    assert (pushes.there("b"), pushes.there("c")) == ("2\n", "3\n")


@pytest.mark.fault(
    "remote",
    "the server cleans up (git gc) between two pushes",
    "Nothing: the pushes go on.",
)
def test_the_server_cleans_up(pushes: Pushes) -> None:
    pushes.store({"a": "1\n"})
    pushes.remote.run("gc", "--quiet", "--aggressive", "--prune=now")
    assert pushes.store({"b": "2\n"}) == "reached"
    assert pushes.remote.run("fsck", "--full", "--no-dangling") == ""


@pytest.mark.fault(
    "remote",
    "the server fails for a moment (5xx)",
    "The push is repeated, up to four times in about ten seconds.",
)
@pytest.mark.parametrize("route", ["push-refs", "push"])
def test_a_server_error_passes(pushes: Pushes, route: str) -> None:
    pushes.github.faults.fail(route, 502)
    assert pushes.store({"a": "1\n"}) == "reached"
    assert pushes.there("a") == "1\n"


@pytest.mark.fault(
    "remote",
    "the connection is reset in mid-push",
    "The push is repeated; a part of it is never seen as a whole.",
)
def test_a_connection_that_is_reset_in_mid_push(pushes: Pushes) -> None:
    pushes.github.faults.cut.append("push")
    assert pushes.store({"a": "1\n" * 5000}) == "reached"
    assert pushes.there("a") == "1\n" * 5000


@pytest.mark.fault(
    "remote",
    "a push lands, but its answer is lost",
    "The refs are found where our own push put them, and the run goes on; it is not taken for another writer.",
)
def test_an_answer_that_is_lost(pushes: Pushes) -> None:
    pushes.store({"a": "1\n"})
    pushes.github.faults.lost_answers["push"] = 1
    assert pushes.store({"b": "2\n"}) == "reached"
    assert pushes.store({"c": "3\n"}) == "reached"
    assert (pushes.there("b"), pushes.there("c")) == ("2\n", "3\n")
    assert pushes.held.why == []


def test_an_answer_that_is_lost_for_a_commit_that_is_no_longer_whole(pushes: Pushes) -> None:
    """The commit that was made for the remote is known again, too."""
    pushes.github.git.refuse("secrets", text="ghp_secret")
    pushes.store({"env": "ghp_secret"})
    pushes.github.faults.lost_answers["push"] = 1
    assert pushes.store({"b": "2\n"}).startswith("reached but for env")
    assert pushes.remote.run("rev-list", "--count", f"main..{BRANCH}") == "2"
    assert pushes.held.why == []


@pytest.mark.fault(
    "remote",
    "the server hangs",
    "The push is ended after its time and said; the next checkpoint brings all of it.",
)
@pytest.mark.parametrize("lands", [False, True])
def test_a_server_that_hangs(pushes: Pushes, lands: bool) -> None:
    pushes.store({"a": "1\n"})
    patience_s, pushes.vault.patience_s = pushes.vault.patience_s, 1.0
    pushes.github.faults.hangs["push"] = lands
    with pytest.raises(GitError, match=r"did not answer within 1 s. It is tried again"):
        pushes.store({"b": "2\n"})
    pushes.github.faults.hangs.clear()
    pushes.vault.patience_s = patience_s
    assert pushes.store({"c": "3\n"}) == "reached"
    assert (pushes.there("b"), pushes.there("c")) == ("2\n", "3\n")
    assert pushes.held.why == []


@pytest.mark.fault(
    "remote",
    "the token expires while a run works (401)",
    "It is said with what to check; the other homes have the work.",
)
def test_a_token_that_expires(pushes: Pushes) -> None:
    pushes.store({"a": "1\n"})
    may_write = pushes.github.tokens.pop(pushes.token)
    with pytest.raises(PushRejected, match=r"no valid credentials, or they have expired .*`github-token`"):
        pushes.store({"b": "2\n"})
    pushes.github.tokens[pushes.token] = may_write
    assert pushes.store({"c": "3\n"}) == "reached"
    assert pushes.there("b") == "2\n"


@pytest.mark.fault(
    "remote",
    "the token loses its right to write (403)",
    "It is said with the permission that is missing; the other homes have the work.",
)
def test_a_permission_that_is_taken_away(pushes: Pushes) -> None:
    pushes.store({"a": "1\n"})
    pushes.github.tokens[pushes.token] = False
    with pytest.raises(
        PushRejected, match=r"missing permission \(Permission to org/project.git denied.*contents: write"
    ):
        pushes.store({"b": "2\n"})


@pytest.mark.fault(
    "remote",
    "the repository is gone, or the token may not see it (404)",
    "It is said with what to check; the other homes have the work.",
)
def test_a_repository_that_is_gone(pushes: Pushes) -> None:
    pushes.store({"a": "1\n"})
    pushes.github.git.is_gone = True
    with pytest.raises(PushRejected, match=r"no such repository, or the token may not see it .*not found"):
        pushes.store({"b": "2\n"})
    pushes.github.git.is_gone = False
    assert pushes.store({"c": "3\n"}) == "reached"

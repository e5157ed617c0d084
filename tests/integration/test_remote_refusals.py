"""What a remote does not take: secrets, workflow files, protected branches. Real git over HTTP, GitHub's own words."""

from __future__ import annotations

from pathlib import Path

import pytest

from ralph_action.checkpoint.withheld import OTHER
from ralph_action.errors import PushRejected
from tests.lab.github import GitHub
from tests.lab.pushes import BRANCH, STATE, WIP, Pushes

SECRET = "ghp_0123456789"
WORKFLOW = ".github/workflows/ci.yml"
PATCH = "withheld/workflows.patch"


@pytest.fixture
def pushes(github: GitHub, environment: dict[str, str], tmp_path: Path) -> Pushes:
    return Pushes(github, environment, tmp_path / "one")


@pytest.mark.fault(
    "remote",
    "push protection finds a secret",
    "The file stays out of every commit that is pushed, all else is pushed, and the file is named with what to do; the "
    "full commit stays on the machine and in the artifact. Nothing is ever bypassed.",
)
def test_a_secret_stays_out_of_what_is_pushed(pushes: Pushes) -> None:
    pushes.github.git.refuse("secrets", text=SECRET)
    assert pushes.store({"a": "1\n"}) == "reached"
    said = pushes.store({"b": "2\n", "env": f"KEY={SECRET}\n", "README.md": f"hello\n{SECRET}\n"})
    assert said.startswith("reached but for README.md, env, which the remote takes for a secret")
    assert "revoke it" in said
    assert (pushes.there("a"), pushes.there("b"), pushes.there("env")) == ("1\n", "2\n", "")
    assert pushes.there("README.md") == "hello\n"
    assert not pushes.reaches(SECRET)
    assert pushes.record()["commit"] == pushes.tip()
    assert pushes.record()["withheld"] == ["README.md", "env"]
    assert pushes.git.run("show", f"{pushes.last}:env") == f"KEY={SECRET}"


def test_later_checkpoints_go_on_without_the_secret_and_with_it_once_it_is_removed(pushes: Pushes) -> None:
    """One refusal for each content of the file; the branch only moves forward."""
    pushes.github.git.refuse("secrets", text=SECRET)
    pushes.store({"env": f"{SECRET}\n"})
    first = pushes.tip()
    before = len(pushes.github.seen)
    assert pushes.store({"a": "1\n"}).startswith("reached but for env")
    assert [seen.route for seen in pushes.github.seen[before:]].count("push") == 1
    assert pushes.store({"env": "KEY from the environment\n"}) == f"reached{OTHER}"
    assert (pushes.there("a"), pushes.there("env")) == ("1\n", "KEY from the environment\n")
    assert pushes.remote.succeeds("merge-base", "--is-ancestor", first, pushes.tip())
    assert not pushes.reaches(SECRET)


def test_a_secret_that_a_later_commit_removed_is_in_no_commit_that_is_pushed(pushes: Pushes) -> None:
    """The agent's own commits between two checkpoints become one."""
    pushes.github.git.refuse("secrets", text=SECRET)
    (pushes.work.root / "env").write_text(SECRET)
    pushes.git.run("add", ".")
    pushes.git.run("commit", "--quiet", "-m", "the agent's own")
    assert pushes.store({"env": None, "a": "1\n"}) == f"reached{OTHER}"
    assert pushes.there("a") == "1\n"
    assert not pushes.reaches(SECRET)


@pytest.mark.fault(
    "remote",
    "push protection finds a secret in .agent/",
    "The file stays out of the state that is pushed and is named; branch and state are pushed without it.",
)
def test_a_secret_in_the_state_stays_out_of_it(pushes: Pushes) -> None:
    pushes.github.git.refuse("secrets", text=SECRET)
    pushes.folder.joinpath("prompts").mkdir()
    pushes.folder.joinpath("prompts", "prompt_1.md").write_text(f"Use {SECRET}.\n")
    assert pushes.store({"a": "1\n"}).startswith("reached but for .agent/prompts/prompt_1.md")
    assert pushes.there("a") == "1\n"
    assert pushes.there(f"metrics/state_{pushes.number}.json", STATE) == "1"
    assert not pushes.reaches(SECRET)


def test_a_secret_in_what_a_resume_needs_is_said(pushes: Pushes) -> None:
    """A state without its counters would be worth nothing."""
    pushes.github.git.refuse("secrets", text=SECRET)
    made = pushes.checkpoint({"a": "1\n"})
    (pushes.folder / made.state_file).write_text(SECRET)
    with pytest.raises(PushRejected, match=f"a secret in the commit .{made.state_file}"):
        pushes.home.store(made, "", is_last=False)


@pytest.mark.fault(
    "remote",
    "workflow files changed, and the token may not push them",
    "Their changes go into .agent/withheld/workflows.patch, which is pushed with the state; all else is pushed.",
)
def test_workflow_files_go_into_a_patch(pushes: Pushes) -> None:
    pushes.github.git.refuse("workflows")
    said = pushes.store({"a": "1\n", WORKFLOW: "on: push\n"})
    assert said.startswith(f"reached; the token may not push {WORKFLOW}: `git apply .agent/{PATCH}`")
    assert "workflows: write" in said
    assert (pushes.there("a"), pushes.there(WORKFLOW)) == ("1\n", "")
    assert pushes.store({"a": "2\n", WORKFLOW: "on: pull_request\n"}).startswith("reached; ")
    patch = pushes.remote.attempt("show", f"{STATE}:{PATCH}")[1]
    pushes.git.run("checkout", "--quiet", "--detach", pushes.base)
    pushes.git.run("apply", stdin=patch)
    assert (pushes.work.root / WORKFLOW).read_text() == "on: pull_request\n"


def test_a_change_of_workflow_files_that_is_taken_back_needs_no_patch(pushes: Pushes) -> None:
    pushes.github.git.refuse("workflows")
    pushes.store({"a": "1\n", WORKFLOW: "on: push\n"})
    assert pushes.store({WORKFLOW: None}) == f"reached{OTHER}"
    assert not (pushes.folder / PATCH).exists()
    assert pushes.there(PATCH, STATE) == ""


def test_a_later_run_goes_on_with_what_was_left_out(pushes: Pushes) -> None:
    """It knows the pushed commit for its own by its trailer, and leaves the same out, without a new refusal."""
    pushes.github.git.refuse("secrets", text=SECRET)
    pushes.github.git.refuse("workflows")
    pushes.store({"env": f"{SECRET}\n", WORKFLOW: "on: push\n"})
    first = pushes.tip()
    pushes.home = pushes.new_home()
    before = len(pushes.github.seen)
    said = pushes.store({"a": "1\n"})
    assert "but for env" in said
    assert f"git apply .agent/{PATCH}" in said
    assert [seen.route for seen in pushes.github.seen[before:]].count("push") == 1
    assert pushes.there("a") == "1\n"
    assert pushes.remote.succeeds("merge-base", "--is-ancestor", first, pushes.tip())
    assert pushes.held.why == []


def test_a_secret_stays_out_of_a_timed_checkpoint(pushes: Pushes) -> None:
    """The files of an unfinished iteration go the same way, and their ref only moves forward."""
    pushes.github.git.refuse("secrets", text=SECRET)
    made = pushes.checkpoint({"a": "1\n"})
    assert pushes.home.store(made, "", is_last=False) == "reached"
    assert pushes.store_aside(made, {"b": "2\n"}) == "reached"
    first = pushes.tip(WIP)
    assert pushes.store_aside(made, {"env": SECRET}).startswith("reached but for env")
    second = pushes.tip(WIP)
    assert pushes.store_aside(made, {"c": "3\n"}).startswith("reached but for env")
    assert (pushes.there("b", WIP), pushes.there("c", WIP), pushes.there("env", WIP)) == ("2\n", "3\n", "")
    for older in (first, second, pushes.tip()):
        assert pushes.remote.succeeds("merge-base", "--is-ancestor", older, WIP)
    assert pushes.store({"d": "4\n"}).startswith("reached but for env")
    assert not pushes.reaches(SECRET)
    assert pushes.held.why == []


@pytest.mark.fault(
    "remote",
    "the branch is protected",
    "Nothing is forced: the branch home is not reached, the rule and the remedy are said, and the other homes have it.",
)
def test_a_protected_branch(pushes: Pushes) -> None:
    pushes.github.git.refuse("protected", ref=BRANCH)
    with pytest.raises(
        PushRejected, match=r"(?s)a protected branch.*GH006.*approving review.*another `branch`"
    ) as caught:
        pushes.store({"a": "1\n"})
    assert not caught.value.moved
    assert (pushes.tip(), pushes.tip(STATE)) == ("", "")
    pushes.github.git.refuse_no_longer()
    assert pushes.store({"a": "2\n"}) == "reached"


@pytest.mark.fault(
    "remote",
    "a repository rule refuses the branch",
    "As with a protected branch; the rule's own words are said.",
)
def test_a_repository_rule(pushes: Pushes) -> None:
    pushes.github.git.refuse("rules", ref=BRANCH)
    with pytest.raises(PushRejected, match=r"a repository rule .*Commits must have verified signatures.*`branch`"):
        pushes.store({"a": "1\n"})


@pytest.mark.fault(
    "remote",
    "a hook of the server's refuses the push",
    "Its words are said; nothing is forced, and the work is in the other homes.",
)
def test_a_hook_of_the_servers(pushes: Pushes) -> None:
    pushes.github.git.refuse("hook", ref=BRANCH)
    with pytest.raises(PushRejected, match=r"Commits need a ticket.*whoever runs the server"):
        pushes.store({"a": "1\n"})


@pytest.mark.fault(
    "remote",
    "a branch named like the first part of ours is in the way",
    "It is named, with the remedy: another `branch`.",
)
def test_a_branch_in_the_way(pushes: Pushes) -> None:
    pushes.remote.run("branch", "ralph", "main")
    with pytest.raises(PushRejected, match=r"is in the way .*refs/heads/ralph'.*another `branch`") as caught:
        pushes.store({"a": "1\n"})
    assert not caught.value.moved


@pytest.mark.fault(
    "remote",
    "the server refuses refs outside refs/heads/",
    "The state goes to the branch ralph-state/<task>.",
)
def test_the_state_goes_to_a_branch_where_other_refs_are_refused(pushes: Pushes) -> None:
    pushes.github.git.refuse("hook", ref=STATE)
    pushes.home.claim()
    assert pushes.store({"a": "1\n"}) == "reached"
    assert pushes.there("metrics/state_1.json", "refs/heads/ralph-state/t") == "1"
    assert pushes.tip(STATE) == ""

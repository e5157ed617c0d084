"""Whole runs, and what the next one makes of a remote that somebody or something changed meanwhile."""

from __future__ import annotations

import pytest

from ralph_action.checkpoint.git import Git
from tests.lab.github import GitHub
from tests.lab.job import Attempt, Job
from tests.lab.place import WORK, Place

BRANCH, STATE = "refs/heads/ralph/ralph-loop", "refs/ralph/ralph-loop/state"
SECRET = "ghp_0123456789"
ADD = f"echo {SECRET} > env; mkdir -p .github/workflows; echo x > .github/workflows/a.yml"
LEAK = f'if [ "$RALPH_ITERATION" = 1 ]; then {ADD}; fi'


@pytest.fixture
def remote(job: Job, github: GitHub) -> Git:
    return Git(github.root / "org" / "project.git", job.environment)


@pytest.mark.fault(
    "remote",
    "a run goes on from a branch that lacks withheld files",
    "The checkpoint is valid, the files are named, and the patch of the workflow files lies in .agent/withheld/.",
)
def test_the_branch_alone_is_enough_without_what_was_withheld(job: Job, github: GitHub, remote: Git) -> None:
    github.git.refuse("secrets", text=SECRET)
    github.git.refuse("workflows")
    code, log, _ = job.attempt(1, f"{LEAK}; {WORK}", iterations=2)
    assert code == 11, log
    assert "The branch home is reached but for env, which the remote takes for a secret" in log
    assert log.count("but for env") == 2  # once when it is so, and once at the end
    assert "artifact reached" in log
    summary = (job.root / "files-1" / "summary").read_text()
    assert "branch: reached but for env" in summary
    assert "git apply .agent/withheld/workflows.patch" in summary
    github.artifacts.hidden = True
    code, log, work = job.attempt(2, WORK, iterations=3)
    assert code == 11, log
    assert "the branch has not env, which the remote took for a secret" in log
    assert "the branch has not the changes of .github/workflows/a.yml" in log
    assert job.outputs(2)["resumed-from"].startswith("branch")
    assert not (work / "env").exists()
    Git(work, job.environment).run("apply", ".agent/withheld/workflows.patch")
    assert (work / ".github" / "workflows" / "a.yml").read_text() == "x\n"
    assert remote.run("show", f"{BRANCH}:done.txt") == "1\n2\n3"


def test_an_artifact_that_has_all_is_preferred_to_a_branch_that_lacks_files(
    job: Job, github: GitHub, remote: Git
) -> None:
    """The secret's file is there again, on a new machine, and still not on the remote."""
    github.git.refuse("secrets", text=SECRET)
    assert job.attempt(1, f"{LEAK}; {WORK}", iterations=1)[0] == 11
    tip = remote.run("rev-parse", BRANCH)
    code, log, work = job.attempt(2, WORK, iterations=2)
    assert code == 11, log
    assert job.outputs(2)["resumed-from"].startswith("artifact")
    assert (work / "env").read_text() == f"{SECRET}\n"
    assert remote.run("show", f"{BRANCH}:done.txt") == "1\n2"
    assert remote.succeeds("merge-base", "--is-ancestor", tip, BRANCH)
    assert not remote.succeeds("cat-file", "-e", f"{BRANCH}:env")


def push(remote: Git, ref: str, name: str) -> str:
    """Somebody pushes a file to a ref; returns the commit."""
    blob = remote.run("hash-object", "-w", "--stdin", stdin=b"theirs\n")
    tree = remote.run("mktree", stdin=f"{remote.run('ls-tree', ref)}\n100644 blob {blob}\t{name}\n".encode())
    commit = remote.run("commit-tree", "-m", "theirs", tree, "-p", ref)
    remote.run("update-ref", ref, commit)
    return commit


@pytest.mark.fault(
    "remote",
    "somebody pushes to the work branch between two runs",
    "The next run goes on from there, with their commit, and says so.",
)
def test_a_person_pushed_between_two_runs(job: Job, remote: Git) -> None:
    assert job.attempt(1, WORK, iterations=1)[0] == 11
    theirs = push(remote, BRANCH, "theirs")
    code, log, work = job.attempt(2, WORK, iterations=2)
    assert code == 11, log
    assert f"somebody pushed to ralph/ralph-loop after the checkpoint; going on from there, {theirs[:12]}" in log
    assert (work / "theirs").read_text() == "theirs\n"
    assert (work / "done.txt").read_text() == "1\n2\n"
    assert remote.succeeds("merge-base", "--is-ancestor", theirs, BRANCH)


@pytest.mark.fault(
    "remote",
    "somebody pushes to the work branch while the work lies on your own machine",
    "The run refuses to start and says `git pull`; after it, it goes on with their commit.",
)
def test_a_person_pushed_and_the_work_lies_here(place: Place) -> None:
    work = place.clone("one")
    assert place.run(work, "--command", WORK, "--max-iterations", "1")[0] == 11
    push(place.remote, "refs/heads/ralph/t", "theirs")
    (work / "draft").write_text("not committed\n")
    code, log = place.run(work, "--command", WORK, "--max-iterations", "2")
    assert code == 3, log
    assert "Somebody pushed to ralph/t what the checkpoint of iteration 1 has not" in log
    assert "git pull" in log
    assert (work / "draft").read_text() == "not committed\n"
    Git(work, place.environment).run("pull", "--quiet", "--no-rebase", "origin", "ralph/t")
    code, log = place.run(work, "--command", WORK, "--max-iterations", "2")
    assert code == 11, log
    assert "branch reached" in log
    assert place.remote.run("show", "ralph/t:done.txt") == "1\n2"
    assert place.remote.run("show", "ralph/t:theirs") == "theirs"


@pytest.mark.fault(
    "remote",
    "the work branch and the checkpoint have come apart between two runs",
    "The run refuses to start before anything is spent, and says how to bring the two together.",
)
def test_a_branch_that_has_come_apart(job: Job, github: GitHub, remote: Git) -> None:
    meddle = (
        f'git --git-dir="{remote.directory}" update-ref {BRANCH} '
        f'$(git -c user.name=o -c user.email=o@o --git-dir="{remote.directory}" '
        f"commit-tree -m theirs -p {BRANCH} {BRANCH}^{{tree}})"
    )
    once = f'case "$RALPH_ITERATION" in 2) while ! {meddle}; do sleep 0.1; done;; 3) sleep 600;; esac'
    code, log, _ = job.attempt(1, f"{WORK}; {once}", iterations=9)
    assert code == 4, log
    assert "somebody pushed to ralph/ralph-loop what is not in our work" in log
    assert remote.run("show", "refs/heads/ralph/ralph-loop-7-1:done.txt").startswith("1\n2")
    code, log, _ = job.attempt(2, WORK, iterations=3)
    assert code == 3, log
    assert "Somebody pushed to ralph/ralph-loop what the checkpoint of iteration" in log
    assert "Iteration 4" not in log


@pytest.mark.fault(
    "remote",
    "the work branch is deleted between two runs",
    "The artifact has the work; the next push creates the branch again.",
)
def test_the_branch_is_deleted_between_two_runs(job: Job, remote: Git) -> None:
    assert job.attempt(1, WORK, iterations=1)[0] == 11
    remote.run("update-ref", "-d", BRANCH)
    code, log, _ = job.attempt(2, WORK, iterations=2)
    assert code == 11, log
    assert "the branch ralph/ralph-loop is gone from the remote" in log
    assert job.outputs(2)["resumed-from"].startswith("artifact")
    assert remote.run("show", f"{BRANCH}:done.txt") == "1\n2"


@pytest.mark.fault(
    "remote",
    "the state's ref is deleted between two runs, and there is no artifact",
    "Iterations, tokens and cost are taken from the last checkpoint's commit; the time that was worked is not known.",
)
def test_the_state_is_deleted_between_two_runs(job: Job, github: GitHub, remote: Git) -> None:
    assert job.attempt(1, WORK, iterations=2)[0] == 11
    remote.run("update-ref", "-d", STATE)
    github.artifacts.hidden = True
    code, log, work = job.attempt(2, WORK, iterations=3)
    assert code == 11, log
    assert "no home has a valid state; iterations, tokens and cost are taken from the last checkpoint's commit" in log
    assert (work / "done.txt").read_text() == "1\n2\n3\n"
    assert job.outputs(2)["iterations"] == "3"
    assert remote.run("show", f"{BRANCH}:done.txt") == "1\n2\n3"


@pytest.mark.fault(
    "remote",
    "the task's branch is there already, with other work",
    "The run refuses to start before anything is spent; the branch stays as it is.",
)
def test_a_branch_that_is_somebody_elses(job: Job, remote: Git) -> None:
    remote.run("update-ref", BRANCH, "main")
    theirs = push(remote, BRANCH, "theirs")
    code, log, work = job.attempt(1, WORK, iterations=1)
    assert code == 3, log
    assert "no valid checkpoint of the task `ralph-loop` belongs to it. Choose another `branch`" in log
    assert remote.run("rev-parse", BRANCH) == theirs
    assert not (work / "done.txt").exists()


@pytest.mark.fault(
    "remote",
    "the remote does not answer at one checkpoint, and does at the next",
    "It is said when it fails and when it is well again; the next push brings all of it.",
)
def test_a_remote_that_comes_back_is_caught_up_with(job: Job, github: GitHub, remote: Git) -> None:
    hold = [job.root / f"hold-{number}" for number in (1, 2)]
    for path in hold:
        path.touch()
    wait = f"touch {job.root}/at-$RALPH_ITERATION; while [ -e {job.root}/hold-$RALPH_ITERATION ]; do sleep 0.05; done"
    with Attempt(job).start({"command": f"{wait}; {WORK}", "max-iterations": "2"}) as main:
        main.until((job.root / "at-1").exists)
        github.git.is_gone = True
        hold[0].unlink()
        main.until(lambda: "The branch home was not reached: " in main.log.text)
        github.git.is_gone = False
        hold[1].unlink()
        assert main.wait() == 11, main.log.text
    assert "there is no such repository, or the token may not see it" in main.log.text
    assert "The branch home is reached again; it has all of the work." in main.log.text
    assert remote.run("show", f"{BRANCH}:done.txt") == "1\n2"

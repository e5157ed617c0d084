"""Whole runs as a job of the lab's GitHub: real git over HTTP, the artifact service, REST."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from ralph_action.checkpoint.git import Git
from ralph_action.github.names import ArtifactName, artifact_name, parse
from ralph_action.ports import ArtifactKind
from tests.lab.github import GitHub
from tests.lab.job import Job
from tests.lab.place import WORK


def test_a_job_pushes_uploads_and_tells(job: Job, github: GitHub) -> None:
    """Branch, state ref, artifact, outputs and summary; the token only where it belongs."""
    code, log, work = job.attempt(1, f"{WORK}; echo LOOP_COMPLETE", iterations=5)
    assert code == 0, log
    outputs = job.outputs(1)
    assert (outputs["status"], outputs["iterations"], outputs["branch"]) == ("completed", "1", "ralph/ralph-loop")
    remote = Git(github.root / "org" / "project.git", job.environment)
    assert remote.run("rev-parse", "ralph/ralph-loop") == outputs["head-sha"]
    assert outputs["artifact-name"].startswith("ralph-agent-ralph-loop-7-1-")
    assert outputs["artifact-url"].endswith(f"/org/project/actions/runs/7/artifacts/{outputs['artifact-id']}")
    assert json.loads(outputs["json"])["state"]["iteration"] == 1
    assert "The task is completed" in (job.root / "files-1" / "summary").read_text()
    assert job.token not in log.replace(f"::add-mask::{job.token}", "")
    assert "::stop-commands::" in log
    assert job.token not in (work / ".git" / "config").read_text()
    for seen in github.seen:
        if seen.route in {"block", "blocklist", "download"}:
            assert "authorization" not in seen.headers


@pytest.mark.fault(
    "artifact",
    "Artifacts are hidden after “Re-run all jobs”",
    "the branch has everything that a resume needs; only older logs are not there.",
)
@pytest.mark.parametrize("lost", ["branch", "artifact", "artifact lists"])
def test_a_rerun_goes_on_from_what_is_left(job: Job, github: GitHub, lost: str) -> None:
    """Attempt 2 in a fresh clone at the original commit, with one home missing."""
    assert job.attempt(1, WORK, iterations=2)[0] == 11
    remote = Git(github.root / "org" / "project.git", job.environment)
    if lost == "branch":
        remote.run("update-ref", "-d", "refs/heads/ralph/ralph-loop")
        remote.run("update-ref", "-d", "refs/ralph/ralph-loop/state")
    else:
        github.artifacts.hidden = True
    code, log, work = job.attempt(2, WORK, iterations=3)
    assert code == 11, log
    assert (work / "done.txt").read_text() == "1\n2\n3\n"
    outputs = job.outputs(2)
    assert outputs["iterations"] == "3"
    assert outputs["resumed-from"].startswith("artifact" if lost == "branch" else "branch")
    assert remote.run("show", "ralph/ralph-loop:done.txt") == "1\n2\n3"


def test_a_forks_pull_request(tmp_path: Path, environment: dict[str, str], github: GitHub) -> None:
    """The push is refused, said once, and the artifact carries the work; a rerun goes on from it."""
    job = Job(tmp_path, environment, github, write=False)
    code, log, _ = job.attempt(1, WORK, iterations=2)
    assert code == 11, log
    assert log.count("contents: write") == 1
    code, log, work = job.attempt(2, f"{WORK}; echo LOOP_COMPLETE", iterations=5)
    assert code == 0, log
    assert (work / "done.txt").read_text() == "1\n2\n3\n"
    assert job.outputs(2)["resumed-from"].startswith("artifact")


def test_another_runs_claim_is_respected(job: Job, github: GitHub) -> None:
    """When the state ref moved under a run, it stops with a clear error; nothing of the other is overwritten."""
    move = (
        'git --git-dir="$REMOTE" update-ref refs/ralph/ralph-loop/state '
        '$(git -c user.name=o -c user.email=o@o --git-dir="$REMOTE" '
        "commit-tree -m other refs/ralph/ralph-loop/state^{tree})"
    )
    remote = github.root / "org" / "project.git"
    code, log, _ = job.attempt(1, f"{WORK}; REMOTE={remote}; {move}", iterations=1)
    assert "another run moved the task's refs" in log
    assert code == 11
    assert Git(remote, job.environment).run("log", "-1", "--format=%s", "refs/ralph/ralph-loop/state") == "other"


def test_names_carry_what_the_lists_do_not() -> None:
    """Kind, attempt, sequence and number; another task's name is not ours, however alike."""
    for kind in ArtifactKind:
        found = parse(artifact_name(kind, "a-b", "7", 2, 31), "a-b")
        assert found == ArtifactName(7, 2, 31, kind=kind)
        assert found.kind is kind
        assert parse(artifact_name(kind, "a-b", "7", 2, 31), "a") is None
    assert parse("ralph-state-a-7-2", "a") is None
    oldest_first = ["state-a-7-1-00000009", "state-a-7-2-00000001", "state-a-7-2-00000001-r2", "agent-a-7-2-00000001"]
    names = [parse(f"ralph-{name}", "a") for name in oldest_first]
    assert names == sorted(name for name in names if name)


def test_a_deleted_workspace_is_no_matter(job: Job) -> None:
    """The workspace of attempt 1 is gone; attempt 2 has what it needs."""
    _, _, work = job.attempt(1, WORK, iterations=1)
    shutil.rmtree(work)
    code, log, second = job.attempt(2, WORK, iterations=2)
    assert (code, (second / "done.txt").read_text()) == (11, "1\n2\n"), log

"""Whole runs as a job of the lab's GitHub: real git over HTTP, the artifact service, REST."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from ralph_action.checkpoint.git import Git
from ralph_action.errors import GitHubError
from ralph_action.github.client import Http
from ralph_action.github.names import ArtifactName, artifact_name, parse
from ralph_action.github.results import Disabled, Results
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


def results(github: GitHub, sleeps: list[float]) -> Results:
    env = github.start_run()
    return Results(Http(sleep=sleeps.append), env["ACTIONS_RESULTS_URL"], env["ACTIONS_RUNTIME_TOKEN"])


@pytest.mark.parametrize(("camel", "strict"), [(False, False), (True, True)])
def test_upload_list_download_delete(github: GitHub, tmp_path: Path, camel: bool, strict: bool) -> None:
    """As GitHub answers, and as act and Gitea do; 20 MB go in three blocks."""
    github.artifacts.camel, github.artifacts.strict = camel, strict
    zipped = tmp_path / "a.zip"
    zipped.write_bytes(os.urandom(20 * 1024 * 1024))
    service = results(github, [])
    done = service.upload("name", zipped)
    (entry,) = service.list()
    assert (entry.name, entry.id, entry.digest) == ("name", done.id, done.digest)
    assert len(github.artifacts.all[0].blocks) == 3
    service.download(entry, tmp_path / "b.zip")
    assert (tmp_path / "b.zip").read_bytes() == zipped.read_bytes()
    service.delete(entry.name)
    assert service.list() == []


@pytest.mark.parametrize(
    ("route", "status", "times", "name"),
    [
        ("CreateArtifact", 503, 2, "name"),
        ("CreateArtifact", 0, 1, "name"),
        ("CreateArtifact", 409, 1, "name-r1"),
        ("FinalizeArtifact", 403, 2, "name"),
        ("FinalizeArtifact", 403, 5, "name-r1"),
        ("block", 403, 1, "name-r1"),
        ("block", 500, 2, "name"),
        ("blocklist", 0, 1, "name"),
    ],
)
def test_uploads_survive(github: GitHub, tmp_path: Path, route: str, status: int, times: int, name: str) -> None:
    """What may pass is repeated; a burnt name is never used again."""
    zipped = tmp_path / "a.zip"
    zipped.write_bytes(b"zip")
    github.faults.fail(route, status, times)
    assert results(github, []).upload("name", zipped).name == name


@pytest.mark.parametrize(("status", "body"), [(401, "{}"), (403, "{}"), (400, '{"msg": "insufficient usage"}')])
def test_uploads_are_given_up(github: GitHub, tmp_path: Path, status: int, body: str) -> None:
    """Not authorised, or the storage is full: no second try in this run."""
    zipped = tmp_path / "a.zip"
    zipped.write_bytes(b"zip")
    github.faults.fail("CreateArtifact", status, body=body)
    with pytest.raises(Disabled):
        results(github, []).upload("name", zipped)


def test_retry_after_is_honoured(github: GitHub, tmp_path: Path) -> None:
    """Before the second try the service's own time has passed."""
    zipped = tmp_path / "a.zip"
    zipped.write_bytes(b"zip")
    github.faults.fail("CreateArtifact", 429, 1, "{}", **{"Retry-After": "17"})
    sleeps: list[float] = []
    results(github, sleeps).upload("name", zipped)
    assert sleeps == [17.0]


def test_a_truncated_download_is_refused(github: GitHub, tmp_path: Path) -> None:
    """By its digest."""
    zipped = tmp_path / "a.zip"
    zipped.write_bytes(b"zip" * 100)
    service = results(github, [])
    service.upload("name", zipped)
    github.artifacts.truncate = True
    with pytest.raises(GitHubError, match="digest"):
        service.download(service.list()[0], tmp_path / "b.zip")


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

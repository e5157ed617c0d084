"""Everything that an artifact service does to us: over real HTTP, each fault a switch of the lab."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ralph_action.checkpoint.git import Git
from ralph_action.errors import GitHubError
from ralph_action.github.client import Http
from ralph_action.github.results import TRIES, Disabled, Results
from tests.lab.github import GitHub
from tests.lab.job import Job
from tests.lab.place import WORK


@pytest.fixture
def sleeps() -> list[float]:
    return []


@pytest.fixture
def service(github: GitHub, sleeps: list[float]) -> Results:
    env = github.start_run()
    return Results(Http(sleep=sleeps.append), env["ACTIONS_RESULTS_URL"], env["ACTIONS_RUNTIME_TOKEN"])


@pytest.fixture
def zipped(tmp_path: Path) -> Path:
    path = tmp_path / "a.zip"
    path.write_bytes(os.urandom(1_000_000))
    return path


@pytest.mark.fault(
    "artifact",
    "The service answers in lowerCamelCase and refuses unknown fields (act, Gitea)",
    "both casings are read, and no field is sent that every server does not take.",
)
@pytest.mark.parametrize(("camel", "strict"), [(False, False), (True, False), (False, True), (True, True)])
def test_upload_list_download_delete(
    github: GitHub, service: Results, tmp_path: Path, camel: bool, strict: bool
) -> None:
    """As GitHub answers, and as act and Gitea do; 20 MB go in three blocks."""
    github.artifacts.camel, github.artifacts.strict = camel, strict
    large = tmp_path / "large.zip"
    large.write_bytes(os.urandom(20 * 1024 * 1024))
    done = service.upload("name", large)
    (entry,) = service.list()
    assert (entry.name, entry.id, entry.digest) == ("name", done.id, done.digest)
    assert len(github.artifacts.all[0].blocks) == 3
    service.download(entry, tmp_path / "b.zip")
    assert (tmp_path / "b.zip").read_bytes() == large.read_bytes()
    service.delete(entry.name)
    assert service.list() == []


@pytest.mark.fault(
    "artifact",
    "The service answers 5xx, or the connection is reset",
    "the call is repeated after a growing wait, under the same name.",
)
@pytest.mark.parametrize(
    ("route", "status", "times"),
    [("CreateArtifact", 503, 2), ("CreateArtifact", 0, 1), ("block", 500, 2), ("blocklist", 0, 1)],
)
def test_what_may_pass_is_repeated(
    github: GitHub, service: Results, zipped: Path, sleeps: list[float], route: str, status: int, times: int
) -> None:
    github.faults.fail(route, status, times)
    assert service.upload("name", zipped).name == "name"
    assert len(sleeps) == times


@pytest.mark.fault(
    "artifact", "The connection is reset in the middle of a block", "the block is sent again, and the upload goes on."
)
def test_a_reset_in_mid_block(github: GitHub, service: Results, zipped: Path) -> None:
    github.faults.cut.append("block")
    assert service.upload("name", zipped).name == "name"
    assert github.faults.cut == []
    assert github.artifacts.all[0].data == zipped.read_bytes()


@pytest.mark.fault(
    "artifact", "The service limits the rate (429 with Retry-After)", "nothing is sent before that time has passed."
)
def test_retry_after_is_honoured(github: GitHub, service: Results, zipped: Path, sleeps: list[float]) -> None:
    github.faults.fail("CreateArtifact", 429, 1, "{}", **{"Retry-After": "17"})
    service.upload("name", zipped)
    assert sleeps == [17.0]


@pytest.mark.fault(
    "artifact",
    "A name is burnt by a finalize that failed (409)",
    "it is never used again: the upload goes on under the next name, however many are burnt.",
)
@pytest.mark.parametrize(("burnt", "name"), [(1, "name-r1"), (TRIES, "name-r4"), (9, "name-r9")])
def test_burnt_names(github: GitHub, service: Results, zipped: Path, burnt: int, name: str) -> None:
    github.faults.fail("CreateArtifact", 409, burnt)
    assert service.upload("name", zipped).name == name


def test_names_have_an_end(github: GitHub, service: Results, zipped: Path) -> None:
    """A server that says 409 to everything is not asked for ever."""
    github.faults.fail("CreateArtifact", 409, 1000)
    with pytest.raises(GitHubError):
        service.upload("name", zipped)


@pytest.mark.fault(
    "artifact",
    "The upload URL has expired (403 on a block)",
    "a new artifact is begun under a new name, with a fresh URL.",
)
def test_an_expired_url(github: GitHub, service: Results, zipped: Path) -> None:
    github.faults.fail("block", 403, 1, "<Error><Code>AuthenticationFailed</Code></Error>")
    assert service.upload("name", zipped).name == "name-r1"


@pytest.mark.fault(
    "artifact", "Finalize is refused once (403 of an intermediary)", "the same call is repeated, and the name stays."
)
def test_finalize_refused_for_a_while(github: GitHub, service: Results, zipped: Path) -> None:
    github.faults.fail("FinalizeArtifact", 403, 2)
    assert service.upload("name", zipped).name == "name"


@pytest.mark.fault(
    "artifact",
    "Finalize is always refused (403)",
    "each try is a new name; then the checkpoint is said not to be there, and a later one tries again.",
)
def test_finalize_always_refused(github: GitHub, service: Results, zipped: Path) -> None:
    """The next upload meets the burnt names, and passes them."""
    github.faults.fail("FinalizeArtifact", 403, 5)
    assert service.upload("one", zipped).name == "one-r1"
    github.faults.fail("FinalizeArtifact", 403, 5 * TRIES)
    with pytest.raises(GitHubError, match="403") as caught:
        service.upload("two", zipped)
    assert not isinstance(caught.value, Disabled)
    assert service.upload("two", zipped).name == f"two-r{TRIES}"


@pytest.mark.fault(
    "artifact", "The list is empty and answers 404 (Gitea)", "it is read as an empty list, and the task begins."
)
def test_an_empty_list_of_gitea(github: GitHub, service: Results) -> None:
    github.faults.fail("ListArtifacts", 404)
    assert service.list() == []


@pytest.mark.fault(
    "artifact",
    "The runtime token is refused (401 or 403 on create)",
    "it is said once with the cause, nothing more is uploaded in the run, and the branch carries the work.",
)
@pytest.mark.fault(
    "artifact",
    "The storage quota is used up",
    "it is said once with the cause, nothing more is uploaded in the run, and the branch carries the work.",
)
@pytest.mark.parametrize(
    ("status", "body"),
    [(401, '{"msg": "bad token"}'), (403, '{"msg": "no scope"}'), (400, '{"msg": "insufficient usage to create"}')],
)
def test_a_run_whose_uploads_are_given_up(job: Job, github: GitHub, status: int, body: str) -> None:
    github.faults.fail("CreateArtifact", status, 9, body)
    code, log, _ = job.attempt(1, WORK, iterations=3)
    assert code == 11, log
    said = [line for line in log.splitlines() if line.startswith("The artifact home was not reached")]
    assert len(said) == 1
    assert f"HTTP {status}: {body} No further upload is tried in this run." in said[0]
    assert len(github.faults.failures["CreateArtifact"]) == 8
    remote = Git(github.root / "org" / "project.git", job.environment)
    assert remote.run("show", "ralph/ralph-loop:done.txt") == "1\n2\n3"


def test_a_truncated_download_is_refused(github: GitHub, service: Results, zipped: Path, tmp_path: Path) -> None:
    """By its digest, in the job's own service too."""
    service.upload("name", zipped)
    github.artifacts.truncate = True
    with pytest.raises(GitHubError, match="digest"):
        service.download(service.list()[0], tmp_path / "b.zip")

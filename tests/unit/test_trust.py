"""Which artifacts are believed: a name alone would let a fork's pull request poison the state (platform.md 2.5)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import pytest

from ralph_action.artifacts import ServiceArtifacts
from ralph_action.errors import GitHubError
from ralph_action.github.client import Http, Response
from ralph_action.github.context import Context
from ralph_action.github.names import artifact_name, parse
from ralph_action.github.rest import MAX_PAGES, MAX_ZIP_BYTES, Rest, refusal
from ralph_action.ports import ArtifactKind
from ralph_action.resume.find import MAX_ARTIFACTS, Found, search_artifacts
from ralph_action.resume.shelf import Shelf

API = "https://api.host"
HERE = Context(
    repository="org/project",
    repository_id="42",
    run_id="8",
    head_branch="main",
    workflow_path=".github/workflows/ralph.yml",
    api_url=API,
)
DATA = b"the zip"
DIGEST = "sha256:" + hashlib.sha256(DATA).hexdigest()


def artifact(*, run: Mapping[str, object] | None = None, **more: object) -> dict[str, Any]:
    """One that is believed: an earlier run's of the same repository, branch and workflow."""
    made_by = {"id": 7, "repository_id": 42, "head_repository_id": 42, "head_branch": "main", **(run or {})}
    name = artifact_name(ArtifactKind.STATE, "t", "7", 1, 3)
    fields = {"id": 1, "name": name, "size_in_bytes": 100, "expired": False, "digest": DIGEST, "workflow_run": made_by}
    return {**fields, **more}


def test_what_is_believed() -> None:
    """An earlier run's; this run's from whatever fork, as it is this run; ids as numbers or as text."""
    assert refusal(artifact(), HERE) == ""
    assert refusal(artifact(run={"id": 8, "head_repository_id": 99, "head_branch": "theirs"}), HERE) == ""
    assert refusal(artifact(run={"repository_id": "42", "head_repository_id": "42"}), HERE) == ""
    assert refusal(artifact(size_in_bytes=MAX_ZIP_BYTES), HERE) == ""


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"expired": True}, "it has expired"),
        ({"workflow_run": None}, "it does not say which run made it"),
        ({"workflow_run": []}, "it does not say which run made it"),
        ({"workflow_run": {}}, "it is of another repository"),
        ({"size_in_bytes": MAX_ZIP_BYTES + 1}, "it is too large"),
        ({"size_in_bytes": None}, "it is too large"),
        ({"size_in_bytes": "1"}, "it is too large"),
        ({"run": {"repository_id": 43}}, "it is of another repository"),
        ({"run": {"repository_id": None}}, "it is of another repository"),
        ({"run": {"id": 8, "repository_id": 43}}, "it is of another repository"),
        ({"run": {"head_repository_id": 99}}, "a fork's run made it"),
        ({"run": {"head_repository_id": None}}, "a fork's run made it"),
        ({"run": {"head_branch": "evil"}}, "a run on the branch 'evil' made it"),
        ({"run": {"head_branch": None}}, "a run on the branch None made it"),
        ({"run": {"id": 8}, "expired": True}, "it has expired"),
    ],
)
def test_what_is_refused(changed: dict[str, Any], why: str) -> None:
    """Each for its own reason; what is missing is no yes."""
    assert refusal(artifact(**changed), HERE) == why


def test_nothing_is_believed_without_knowing_where_we_are() -> None:
    """No id of our own repository: an artifact's missing id must not match it."""
    nowhere = replace(HERE, repository_id="")
    assert refusal(artifact(run={"repository_id": ""}), nowhere) == "it is of another repository"
    assert refusal(artifact(), nowhere) == "it is of another repository"


@pytest.mark.parametrize(
    "name",
    [
        "ralph-state-t2-7-1-00000003",
        "ralph-state-T-7-1-00000003",
        "xralph-state-t-7-1-00000003",
        "ralph-state-t-7-1-00000003.zip",
        "ralph-state-t-7-1-00000003\n",
        "ralph-state-t-7-1-3",
        "ralph-state-t-7-00000003",
        "ralph-state--7-1-00000003",
        "None",
    ],
)
def test_another_name_is_not_ours(name: str) -> None:
    assert parse(name, "t") is None


class Service(Http):
    """Answers by address, and remembers what it was asked with which token."""

    def __init__(self, answers: Mapping[str, Response | bytes]) -> None:
        super().__init__(sleep=lambda _: None)
        self.answers = answers
        self.seen: list[tuple[str, str]] = []

    def request(
        self,
        method: str,
        url: str,
        *,
        token: str = "",
        json: object = None,
        data: bytes | IO[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        allow: Iterable[int] = (200,),
        into: Path | None = None,
    ) -> Response:
        self.seen.append((url, token))
        found = self.answers.get(url)
        if isinstance(found, bytes):
            assert into is not None
            into.write_bytes(found)
            return Response(200, {}, b"")
        if found is None or found.status not in set(allow):
            raise GitHubError(f"{url}: HTTP 404")
        return found


def ok(document: object, **headers: str) -> Response:
    return Response(200, headers, json.dumps(document).encode())


ACTIONS = f"{API}/repos/org/project/actions"
ZIP: Mapping[str, Response | bytes] = {
    f"{ACTIONS}/artifacts/1/zip": Response(302, {"location": "https://blob/1"}, b""),
    "https://blob/1": DATA,
}


def rest(answers: Mapping[str, Response | bytes], context: Context = HERE) -> tuple[Rest, Service]:
    service = Service(answers)
    return Rest(service, context, "t0ken"), service


@pytest.mark.parametrize("path", [".github/workflows/ralph.yml", ".github/workflows/ralph.yml@refs/heads/main"])
def test_our_own_workflows_artifact(tmp_path: Path, path: str) -> None:
    """It is fetched in two steps, and the second one carries no token."""
    asked, service = rest({f"{ACTIONS}/runs/7": ok({"path": path}), **ZIP})
    asked.download(artifact(), tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == DATA
    assert [token for _, token in service.seen] == ["t0ken", "t0ken", ""]


def test_this_runs_own_artifact_needs_no_question(tmp_path: Path) -> None:
    asked, service = rest(ZIP)
    asked.download(artifact(run={"id": 8}), tmp_path / "x")
    assert len(service.seen) == 2


@pytest.mark.parametrize(
    "run", [{"path": ".github/workflows/other.yml"}, {"path": ".github/workflows/ralph.yml.yml"}, {"path": None}, {}]
)
def test_another_workflows_artifact(tmp_path: Path, run: dict[str, Any]) -> None:
    """It is refused before it is fetched: another workflow may run what ours never would."""
    asked, service = rest({f"{ACTIONS}/runs/7": ok(run), **ZIP})
    with pytest.raises(GitHubError, match="another workflow made it"):
        asked.download(artifact(), tmp_path / "x")
    assert [url for url, _ in service.seen] == [f"{ACTIONS}/runs/7"]


@pytest.mark.parametrize("digest", ["sha256:" + "0" * 64, DIGEST.upper(), "md5:1"])
def test_a_download_that_does_not_match(tmp_path: Path, digest: str) -> None:
    asked, _ = rest({f"{ACTIONS}/runs/7": ok({"path": HERE.workflow_path}), **ZIP})
    with pytest.raises(GitHubError, match="does not match its digest"):
        asked.download(artifact(digest=digest), tmp_path / "x")


@pytest.mark.parametrize("following", [f"{API}.evil/x", "https://evil/x", "http://api.host/x"])
def test_a_list_does_not_lead_elsewhere(following: str) -> None:
    """The token goes to our server alone, whatever a page names as the next."""
    first = f"{ACTIONS}/artifacts?per_page=100"
    more = {"link": f'<{following}>; rel="next"'}
    asked, service = rest({first: ok({"artifacts": [artifact(), "x"]}, **more), following: ok({"artifacts": [{}]})})
    assert asked.list_artifacts() == [artifact()]
    assert [url for url, _ in service.seen] == [first]


def test_a_list_has_an_end() -> None:
    """A page that names itself as the next is no endless loop."""
    first = f"{ACTIONS}/artifacts?per_page=100"
    asked, service = rest({first: ok({"artifacts": []}, link=f'<{first}>; rel="next"')})
    assert asked.list_artifacts() == []
    assert len(service.seen) == MAX_PAGES


class Refused:
    """An artifact that was refused by its listing; it must not be fetched."""

    name, kind = "ralph-state-t-99-1-00000001", ArtifactKind.STATE
    refusal = "a fork's run made it"

    def fetch(self, into: Path) -> Path:
        raise AssertionError(into)


class Good:
    """One that would be looked into."""

    name, kind, refusal = "good", ArtifactKind.STATE, ""

    def __init__(self) -> None:
        self.looks = 0

    def fetch(self, into: Path) -> Path:
        self.looks += 1
        raise GitHubError("seen")


class Here:
    """A machine that has every commit."""

    def has(self, commit: str) -> bool:
        return bool(commit)

    def take(self, base: str, bundles: Sequence[Path]) -> str:
        raise AssertionError(base, bundles)


def test_a_fork_cannot_hide_our_artifacts(tmp_path: Path) -> None:
    """However many it makes with newer names, ours is still looked into; its own are told, never fetched."""
    found, good = Found(), Good()
    shelf = Shelf([*[Refused()] * MAX_ARTIFACTS, good], tmp_path)
    search_artifacts(found, shelf, task="t", work=Here())
    assert good.looks == 1
    assert found.notes[0] == f"artifact: {Refused.name}: refused: a fork's run made it"


def test_outside_a_job_nothing_is_listed() -> None:
    """Neither a service nor a token: there is nobody to ask."""
    service = ServiceArtifacts(Context(), "", 0, {}, lambda _: None)
    assert (service.listed("t"), service.can_read) == ([], False)

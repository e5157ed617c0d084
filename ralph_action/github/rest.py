"""The REST API: artifacts of earlier runs, and the filter that keeps a fork's out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ralph_action.errors import GitHubError
from ralph_action.github.client import Http
from ralph_action.github.context import Context
from ralph_action.github.results import check_digest

MAX_PAGES = 5
MAX_ZIP_BYTES = 2 * 1024**3
NEXT = re.compile(r'<([^>]+)>;\s*rel="next"')
HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}


class Rest:
    """The calls that a resume needs; `actions: read` is enough."""

    def __init__(self, http: Http, context: Context, token: str) -> None:
        self._http = http
        self._context = context
        self._token = token
        self._base = f"{context.api_url}/repos/{context.repository}/actions"

    def repository_id(self) -> str:
        """The repository's number, which the runner tells a job and nobody else. Raises GitHubError."""
        facts = self._get(self._base.removesuffix("/actions")).json()
        return str(facts.get("id") or "")

    def list_artifacts(self, run: str = "") -> list[dict[str, Any]]:
        """The newest artifacts of the repository, or of one run. Raises GitHubError."""
        of = f"/runs/{int(run)}" if run else ""
        url, found = f"{self._base}{of}/artifacts?per_page=100", []
        for _ in range(MAX_PAGES):
            answer = self._get(url)
            found += [item for item in answer.json().get("artifacts", []) if isinstance(item, dict)]
            following = NEXT.search(answer.headers.get("link", ""))
            if following is None or not following[1].startswith(self._context.api_url + "/"):
                break
            url = following[1]
        return found

    def download(self, artifact: Mapping[str, Any], into: Path) -> None:
        """Fetch a zip in two steps: the second goes to another host and carries no token. Raises GitHubError."""
        self._must_be_our_workflows(artifact)
        answer = self._get(f"{self._base}/artifacts/{int(artifact['id'])}/zip", allow=(302,))
        self._http.retrying(lambda: self._http.request("GET", answer.headers["location"], into=into))
        check_digest(into, str(artifact.get("digest") or ""))

    def run_is_over(self, run: str, attempt: int) -> bool:
        """Whether an attempt of a run has ended. Raises GitHubError."""
        facts = self._get(f"{self._base}/runs/{int(run)}").json()
        return facts.get("status") == "completed" or int(facts.get("run_attempt") or 0) > attempt

    def _must_be_our_workflows(self, artifact: Mapping[str, Any]) -> None:
        """Refuse what another workflow made: it may run what ours never would. One request, when it matters."""
        run, ours = str(artifact["workflow_run"]["id"]), self._context.workflow_path
        if not ours or run == self._context.run_id:
            return
        made_by = str(self._get(f"{self._base}/runs/{int(run)}").json().get("path", "")).partition("@")[0]
        if made_by != ours:
            raise GitHubError(f"another workflow made it ({made_by or 'unknown'})")

    def _get(self, url: str, allow: tuple[int, ...] = (200,)) -> Any:  # noqa: ANN401
        return self._http.retrying(
            lambda: self._http.request("GET", url, token=self._token, headers=HEADERS, allow=allow)
        )


def refusal(artifact: Mapping[str, Any], context: Context) -> str:
    """Pure: why an artifact is not trusted; empty when it is. A name match alone would let a fork poison the state."""
    run = artifact.get("workflow_run")
    if artifact.get("expired"):
        return "it has expired"
    if not isinstance(run, dict):
        return "it does not say which run made it"
    size = artifact.get("size_in_bytes")
    if not isinstance(size, int) or size > MAX_ZIP_BYTES:
        return "it is too large"
    if not context.repository_id or str(run.get("repository_id")) != context.repository_id:
        return "it is of another repository"
    return "" if str(run.get("id")) == context.run_id else _other_run(run, context)


def _other_run(run: Mapping[str, Any], context: Context) -> str:
    if str(run.get("head_repository_id")) != context.repository_id:
        return "a fork's run made it"
    if context.head_branch and run.get("head_branch") != context.head_branch:
        return f"a run on the branch {run.get('head_branch')!r} made it"
    return ""

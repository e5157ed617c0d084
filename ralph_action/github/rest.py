"""The REST API: artifacts of earlier runs, and the filter that keeps a fork's out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

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

    def list_artifacts(self) -> list[dict[str, Any]]:
        """The repository's newest artifacts. Raises GitHubError."""
        url, found = f"{self._base}/artifacts?per_page=100", []
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
        answer = self._get(f"{self._base}/artifacts/{int(artifact['id'])}/zip", allow=(302,))
        self._http.retrying(lambda: self._http.request("GET", answer.headers["location"], into=into))
        check_digest(into, str(artifact.get("digest") or ""))

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
    ours = context.repository_id
    if not ours or str(run.get("repository_id")) != ours:
        return "it is of another repository"
    if str(run.get("head_repository_id")) != ours and str(run.get("id")) != context.run_id:
        return "a fork's run made it"
    size = artifact.get("size_in_bytes")
    if not isinstance(size, int) or size > MAX_ZIP_BYTES:
        return "it is too large"
    return ""

"""GitHub as a run needs it: the artifact service, REST, and git over HTTP, in one server on loopback.

`python -m tests.lab.github` prints its addresses as JSON and serves until its input ends.
"""

from __future__ import annotations

import json
import socket
import struct
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.lab.artifacts import Answer, Artifact, Artifacts, answer, token
from tests.lab.faults import Faults
from tests.lab.git_server import GitServer

REPOSITORY_ID = 42


@dataclass(frozen=True)
class Seen:
    """A call that came in."""

    route: str
    status: int
    headers: dict[str, str]


class GitHub:
    """The server; use it as a context manager."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.artifacts = Artifacts()
        self.faults = Faults()
        self.seen: list[Seen] = []
        self.git = GitServer(root)
        self.tokens, self.issue_token = self.git.tokens, self.git.issue_token
        self.create_repository = self.git.create_repository
        lab = self

        self.finished: set[int] = set()
        """The runs that the API says are over."""

        class Handler(_Handler):
            github = lab

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> GitHub:
        self._thread.start()
        return self

    def __exit__(self, *_problem: object) -> None:
        self.faults.over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def start_run(self, run_id: int = 7, attempt: int = 1, head_repository_id: int = REPOSITORY_ID) -> dict[str, str]:
        """The environment that the runner adds for a job of this run."""
        run = f"run-{run_id}-{attempt}"
        self.artifacts.runs[run] = (run_id, head_repository_id)
        return {
            "GITHUB_ACTIONS": "true",
            "CI": "true",
            "ACTIONS_RUNTIME_TOKEN": token(run, "job-1"),
            "ACTIONS_RESULTS_URL": f"{self.url}/results/",
            "GITHUB_API_URL": f"{self.url}/api/v3",
            "GITHUB_SERVER_URL": self.url,
            "GITHUB_REPOSITORY": "org/project",
            "GITHUB_REPOSITORY_ID": str(REPOSITORY_ID),
            "GITHUB_RUN_ID": str(run_id),
            "GITHUB_RUN_ATTEMPT": str(attempt),
            "GITHUB_JOB": "loop",
            "GITHUB_WORKFLOW": "Ralph",
            "GITHUB_RETENTION_DAYS": "90",
        }

    def handle(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        parts = urlsplit(path).path.strip("/").split("/")
        route = _route(method, path)
        if (lands := self.faults.hangs.get(route)) is not None:
            if lands:
                self.git.answer(method, path, headers, body)
            self.faults.over.wait()
            raise ConnectionResetError
        if delay := self.faults.delays_s.get(route):
            time.sleep(delay)
        if waiting := self.faults.failures.get(route):
            status, text, more = waiting.pop(0)
            if status == 0:
                raise ConnectionResetError
            return status, {"Content-Type": "application/json", **more}, text.encode()
        if self.faults.takes(self.faults.lost_answers, route):
            self.git.answer(method, path, headers, body)
            raise ConnectionResetError
        if parts[0] == "twirp":
            return self.artifacts.twirp(parts[-1], headers, body, self.url)
        if parts[0] == "blob":
            return self.artifacts.blob(method, path, headers, body)
        if parts[0] == "api":
            return self._rest(path, parts[5:], headers)
        return self.git.answer(method, path, headers, body)

    def _rest(self, path: str, parts: list[str], headers: dict[str, str]) -> Answer:
        if headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return answer({"message": "Bad credentials"}, 401)
        if not parts:
            return answer({"id": REPOSITORY_ID, "full_name": "org/project"})
        if parts[-1] == "zip":
            return 302, {"Location": f"{self.url}/blob/{int(parts[-2])}?sig=s%2Bg%3D"}, b""
        query = parse_qs(urlsplit(path).query)
        page, size = int(query.get("page", ["1"])[0]), int(query.get("per_page", ["30"])[0])
        found = list(reversed(self.artifacts.visible()))
        if parts[1] == "runs":
            if parts[-1] != "artifacts":
                status = "completed" if int(parts[2]) in self.finished else "in_progress"
                return answer({"id": int(parts[2]), "status": status, "path": ".github/workflows/ralph.yml"})
            found = [item for item in found if item.run_id == int(parts[2])]
        shown = found[(page - 1) * size : page * size]
        more = {}
        if page * size < len(found):
            base = f"{self.url}{urlsplit(path).path}?per_page={size}&page={page + 1}"
            more = {"Link": f'<{base}>; rel="next"'}
        return answer({"total_count": len(found), "artifacts": [self._described(item) for item in shown]}, 200, **more)

    def _described(self, item: Artifact) -> dict[str, Any]:
        url = f"{self.url}/api/v3/repos/org/project/actions/artifacts/{item.id}"
        return {
            "id": item.id,
            "node_id": f"A_{item.id}",
            "name": item.name,
            "size_in_bytes": len(item.data or b""),
            "url": url,
            "archive_download_url": f"{url}/zip",
            "expired": False,
            "created_at": item.created,
            "expires_at": item.created,
            "updated_at": item.created,
            "digest": item.digest,
            "workflow_run": {
                "id": item.run_id,
                "repository_id": REPOSITORY_ID,
                "head_repository_id": item.head_repository_id,
                "head_branch": "main",
                "head_sha": "0" * 40,
            },
        }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    github: GitHub

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PUT = do_DELETE = do_HEAD = do_GET  # noqa: N815  names of the standard library

    def log_message(self, *_args: object) -> None:
        """Say nothing."""

    def _serve(self) -> None:
        if (route := _route(self.command, self.path)) in self.github.faults.cut:
            self.github.faults.cut.remove(route)
            self.rfile.read(100)
            self._reset()
            return
        body = b"".join(self._body())
        headers: dict[str, str] = {}
        for key, value in self.headers.items():
            headers[key.lower()] = f"{headers[key.lower()]}\n{value}" if key.lower() in headers else value
        try:
            status, fields, out = self.github.handle(self.command, self.path, headers, body)
        except ConnectionResetError:
            self._reset()
            return
        self.github.seen.append(Seen(_route(self.command, self.path), status, headers))
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(out)))
        self.end_headers()
        self.wfile.write(out)

    def _reset(self) -> None:
        """End the connection as a network does that fails: with RST."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def _body(self) -> Iterator[bytes]:
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            while size := int(self.rfile.readline().split(b";")[0], 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            yield self.rfile.read(int(self.headers.get("content-length") or 0))


def _route(method: str, path: str) -> str:
    """A short name for a call: the Twirp method, the git service, `block`, `blocklist`, `rest`, `zip`."""
    parts, query = urlsplit(path).path.strip("/").split("/"), urlsplit(path).query
    if parts[0] == "twirp":
        return parts[-1]
    if parts[0] == "blob":
        return "download" if method == "GET" else ("blocklist" if "comp=blocklist" in query else "block")
    if parts[0] == "api":
        return "zip" if parts[-1] == "zip" else "rest"
    if "git-receive-pack" in path:
        return "push" if method == "POST" else "push-refs"
    return "fetch"


def main() -> None:
    """Serve for a script of another language."""
    with tempfile.TemporaryDirectory() as root, GitHub(Path(root)) as github:
        env = github.start_run()
        print(json.dumps({"url": github.url, "token": github.issue_token(), "env": env}), flush=True)  # noqa: T201
        sys.stdin.read()


if __name__ == "__main__":
    main()

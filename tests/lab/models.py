"""A scripted model endpoint in four dialects: OpenAI's Responses and Chat, Gemini's, and Anthropic's Messages.

The first element of a path names what is played: `text`, `tool`, `e401`, `e429`, `e500`, `drop`, `hang`, `midstream`
(a part of the answer, then silence), `garbage` (a part, then bytes that are no event).
`tool` asks for a shell command that writes a file, and ends when its result is there.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.lab import dialects

ERRORS = {
    401: ("authentication_error", "Invalid API key"),
    402: ("insufficient_quota", "Insufficient credits: check your plan and billing"),
    404: ("not_found_error", "model: nope not found"),
    429: ("rate_limit_error", "Rate limit reached. Please try again in 20s."),
    500: ("server_error", "The server had an error"),
    503: ("overloaded_error", "Overloaded"),
}


@dataclass
class Models:
    """The endpoint, on loopback."""

    answer: str = "All done.\n\nLOOP_COMPLETE"
    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """Path and body, for what a CLI asked."""

    def __post_init__(self) -> None:
        lab = self
        self.closed = threading.Event()
        self.hanging = threading.Event()

        class Handler(_Handler):
            models = lab

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Models:
        self._thread.start()
        return self

    def __exit__(self, *_problem: object) -> None:
        self.closed.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    models: Models

    def log_message(self, *_args: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._send(200, b'{"object":"list","data":[{"id":"m","object":"model"}]}', "application/json")

    def do_HEAD(self) -> None:
        self._send(200, b"", "text/plain")

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        body = json.loads(raw or b"{}")
        if "count_tokens" in self.path:
            self._send(200, b'{"input_tokens": 1}', "application/json")
            return
        self.models.requests.append((self.path, body))
        play = self.path.strip("/").split("/")[0]
        if play == "hang":
            self.models.hanging.set()
            self.models.closed.wait()
            return
        if play == "drop":
            self.close_connection = True
            self.connection.close()
            return
        if play.startswith("e") and play[1:].isdigit():
            self._refuse(int(play[1:]))
            return
        speak = dialects.of(self.path.partition("?")[0])
        if speak is None:
            self._send(404, b"{}", "application/json")
            return
        wants_tool = play == "tool" and not dialects.has_result(body)
        answer, is_stream = speak(self.path, body, self.models.answer, dialects.shell(body) if wants_tool else {})
        self._send(200, answer, "text/event-stream" if is_stream else "application/json")

    def _refuse(self, status: int) -> None:
        kind, message = ERRORS[status]
        problem = {"type": "error", "error": {"type": kind, "code": kind, "message": message, "status": status}}
        self._send(status, json.dumps(problem).encode(), "application/json")

    def _send(self, status: int, body: bytes, kind: str) -> None:
        play = self.path.strip("/").split("/")[0]
        if play in {"midstream", "garbage"} and self.command == "POST":
            self._send_part(body, kind, is_hanging=play == "midstream")
            return
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _send_part(self, body: bytes, kind: str, *, is_hanging: bool) -> None:
        """Begin an answer; a third of it is less than its first words."""
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body[: len(body) // 3])
        self.wfile.flush()
        if is_hanging:
            self.models.hanging.set()
            self.models.closed.wait()
        else:
            self.wfile.write(b"\n\ndata: {\xff\x00<html>502</html>\n\n")
        self.close_connection = True

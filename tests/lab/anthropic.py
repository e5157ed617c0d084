"""A scripted Anthropic Messages endpoint for the real `claude`: each iteration is a list of turns."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

USAGE = {"input_tokens": 100, "output_tokens": 20, "cache_creation_input_tokens": 7, "cache_read_input_tokens": 3}
"""What every answer of the main conversation costs: 130 tokens."""


@dataclass(frozen=True)
class Bash:
    """A turn that asks the agent's own tool to run a command."""

    command: str


@dataclass(frozen=True)
class Say:
    """A turn that ends the iteration."""

    text: str


@dataclass(frozen=True)
class Hang:
    """A turn that is never answered."""


@dataclass(frozen=True)
class Refuse:
    """A turn that is answered with an error."""

    status: int
    kind: str
    message: str


Turn = Bash | Say | Hang | Refuse


@dataclass
class Anthropic:
    """The endpoint: a new conversation plays the next iteration."""

    iterations: list[list[Turn]]
    tokens: int = 0
    """Handed out so far, over all kinds."""
    answered: list[tuple[int, int]] = field(default_factory=list)
    hanging: threading.Event = field(default_factory=threading.Event)
    at: int = 0
    """The iteration that the next conversation plays."""

    def __post_init__(self) -> None:
        lab = self
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._seen: dict[str, int] = {}

        class Handler(_Handler):
            endpoint = lab

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Anthropic:
        self._thread.start()
        return self

    def __exit__(self, *_problem: object) -> None:
        self._closed.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def choose(self, request: dict[str, Any]) -> Turn:
        """The turn that a request asks for."""
        if not request.get("tools"):
            return Say("side call")
        messages = request["messages"]
        done = sum(
            any(isinstance(block, dict) and block.get("type") == "tool_result" for block in message["content"])
            for message in messages
            if message["role"] == "user" and isinstance(message["content"], list)
        )
        with self._lock:
            if done == 0:
                self.at += 1
            turns = self.iterations[min(self.at, len(self.iterations)) - 1]
            self.answered.append((self.at, done))
        return turns[min(done, len(turns) - 1)]

    def count(self) -> dict[str, int]:
        with self._lock:
            self.tokens += sum(USAGE.values())
        return dict(USAGE)

    def hang(self) -> None:
        self.hanging.set()
        self._closed.wait()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    endpoint: Anthropic

    def logmessage_of(self, *_args: object) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        self._answer(200, b"", "text/plain")

    def do_GET(self) -> None:
        self._answer(200, b"{}", "application/json")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if "count_tokens" in self.path:
            self._answer(200, b'{"input_tokens": 1}', "application/json")
            return
        request = json.loads(body)
        turn = self.endpoint.choose(request)
        if isinstance(turn, Hang):
            self.endpoint.hang()
            return
        if isinstance(turn, Refuse):
            problem = {"type": "error", "error": {"type": turn.kind, "message": turn.message}}
            self._answer(turn.status, json.dumps(problem).encode(), "application/json")
            return
        message = message_of(request, turn, self.endpoint.count())
        if request.get("stream"):
            self._answer(200, events_of(message).encode(), "text/event-stream")
        else:
            self._answer(200, json.dumps(message).encode(), "application/json")

    def _answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("request-id", "req_lab")
        self.end_headers()
        self.wfile.write(body)


def message_of(request: dict[str, Any], turn: Bash | Say, usage: dict[str, int]) -> dict[str, Any]:
    """The answer to a request."""
    if isinstance(turn, Bash):
        given = {"command": turn.command, "description": "a step of the script"}
        block: dict[str, Any] = {"type": "tool_use", "id": f"toolu_{id(turn):x}", "name": "Bash", "input": given}
    else:
        block = {"type": "text", "text": turn.text}
    return {
        "id": f"msg_{len(json.dumps(request)):x}{id(turn):x}",
        "type": "message",
        "role": "assistant",
        "model": request["model"],
        "content": [block],
        "stop_reason": "tool_use" if isinstance(turn, Bash) else "end_turn",
        "stop_sequence": None,
        "usage": usage,
    }


def events_of(message: dict[str, Any]) -> str:
    """An answer as it is streamed."""
    (block,) = message["content"]
    if block["type"] == "tool_use":
        empty = {**block, "input": {}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
    else:
        empty, delta = {"type": "text", "text": ""}, {"type": "text_delta", "text": block["text"]}
    events: list[dict[str, Any]] = [
        {
            "type": "message_start",
            "message": {
                **message,
                "content": [],
                "stop_reason": None,
                "usage": {**message["usage"], "output_tokens": 1},
            },
        },
        {"type": "content_block_start", "index": 0, "content_block": empty},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": message["stop_reason"], "stop_sequence": None},
            "usage": {"output_tokens": message["usage"]["output_tokens"]},
        },
        {"type": "message_stop"},
    ]
    return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)

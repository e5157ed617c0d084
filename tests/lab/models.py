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

COMMAND = "echo made >> made.txt"
INPUT, CACHED, OUTPUT = 100, 40, 20
"""What each answer says it used; the cached tokens are among the input, as OpenAI and Gemini count."""
SHELLS = ("shell", "bash", "run_shell_command", "exec_command", "run_terminal_cmd", "execute", "shell_command")
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

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        body = json.loads(raw or b"{}")
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
        wants_tool = play == "tool" and not _has_result(body) and bool(_shell(body))
        text = self.models.answer
        if self.path.partition("?")[0].endswith("/responses"):
            self._events(_responses(text, _shell(body) if wants_tool else {}))
        elif self.path.partition("?")[0].endswith("/chat/completions"):
            self._chat(body, text, _shell(body) if wants_tool else {})
        elif "GenerateContent" in self.path or "generateContent" in self.path:
            self._gemini(text, _shell(body) if wants_tool else {})
        else:
            self._send(404, b"{}", "application/json")

    def _refuse(self, status: int) -> None:
        kind, message = ERRORS[status]
        problem = {"error": {"type": kind, "code": kind, "message": message, "status": status}}
        self._send(status, json.dumps(problem).encode(), "application/json")

    def _events(self, events: list[dict[str, Any]]) -> None:
        text = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
        self._send(200, text.encode(), "text/event-stream")

    def _chat(self, body: dict[str, Any], text: str, tool: dict[str, Any]) -> None:
        usage = {
            "prompt_tokens": INPUT,
            "completion_tokens": OUTPUT,
            "total_tokens": INPUT + OUTPUT,
            "prompt_tokens_details": {"cached_tokens": CACHED},
        }
        call = {"id": "call_1", "type": "function", "index": 0, "function": tool}
        said: dict[str, Any] = {"role": "assistant", "content": None if tool else text}
        if tool:
            said["tool_calls"] = [call]
        reason = "tool_calls" if tool else "stop"
        base = {"id": "c1", "created": 1, "model": "m"}
        if not body.get("stream"):
            answer = {**base, "object": "chat.completion", "usage": usage}
            answer["choices"] = [{"index": 0, "message": said, "finish_reason": reason}]
            self._send(200, json.dumps(answer).encode(), "application/json")
            return
        chunks: list[dict[str, Any]] = [
            {"choices": [{"index": 0, "delta": said, "finish_reason": None}]},
            {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]},
            {"choices": [], "usage": usage},
        ]
        lines = [json.dumps({**base, "object": "chat.completion.chunk", **chunk}) for chunk in chunks]
        self._send(200, "".join(f"data: {line}\n\n" for line in [*lines, "[DONE]"]).encode(), "text/event-stream")

    def _gemini(self, text: str, tool: dict[str, Any]) -> None:
        part = (
            {"functionCall": {"name": tool["name"], "args": json.loads(tool["arguments"])}} if tool else {"text": text}
        )
        usage = {
            "promptTokenCount": INPUT,
            "candidatesTokenCount": OUTPUT,
            "totalTokenCount": INPUT + OUTPUT,
            "cachedContentTokenCount": CACHED,
        }
        answer = {
            "candidates": [{"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}],
            "usageMetadata": usage,
            "modelVersion": "gemini-2.5-pro",
        }
        if "streamGenerateContent" in self.path:
            self._send(200, f"data: {json.dumps(answer)}\n\n".encode(), "text/event-stream")
        else:
            self._send(200, json.dumps(answer).encode(), "application/json")

    def _send(self, status: int, body: bytes, kind: str) -> None:
        play = self.path.strip("/").split("/")[0]
        if play in {"midstream", "garbage"} and kind == "text/event-stream":
            self._send_part(body, is_hanging=play == "midstream")
            return
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _send_part(self, body: bytes, *, is_hanging: bool) -> None:
        """Begin an answer; a third of it is less than its first words."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
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


def _responses(text: str, tool: dict[str, Any]) -> list[dict[str, Any]]:
    item: dict[str, Any]
    if tool:
        item = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "status": "completed", **tool}
    else:
        content = [{"type": "output_text", "text": text, "annotations": []}]
        item = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content}
    usage = {
        "input_tokens": INPUT,
        "input_tokens_details": {"cached_tokens": CACHED},
        "output_tokens": OUTPUT,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": INPUT + OUTPUT,
    }
    response = {"id": "resp_1", "object": "response", "model": "m", "output": [item], "usage": usage}
    return [
        {"type": "response.created", "response": {**response, "status": "in_progress", "output": []}},
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": {**response, "status": "completed"}},
    ]


def _has_result(body: dict[str, Any]) -> bool:
    """Whether a tool has answered already."""
    text = json.dumps(body)
    return any(
        mark in text for mark in ('"function_call_output"', '"role": "tool"', '"functionResponse"', '"tool_result"')
    )


def _shell(body: dict[str, Any]) -> dict[str, Any]:
    """The call of the CLI's own shell tool: name and arguments as JSON; empty when it has none."""
    for declared in _declared(body):
        name = str(declared.get("name", ""))
        if name in SHELLS:
            fields = declared.get("parameters") or declared.get("parametersJsonSchema") or {}
            properties = fields.get("properties", {})
            key = next((key for key in ("command", "cmd") if key in properties), "command")
            value: object = COMMAND
            if str(properties.get(key, {}).get("type", "")).lower() == "array":
                value = ["bash", "-lc", COMMAND]
            given = {key: value} | {name: "a step" for name in fields.get("required", []) if name != key}
            for name_ in list(given):
                if str(properties.get(name_, {}).get("type", "")).lower() == "boolean":
                    given[name_] = False
            return {"name": name, "arguments": json.dumps(given)}
    return {}


def _declared(body: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for tool in body.get("tools") or []:
        found += tool.get("functionDeclarations", [])
        found.append(tool.get("function") or tool)
    return found

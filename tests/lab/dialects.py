"""What a model says, in the dialects of four services: OpenAI's Responses and Chat, Gemini's, Anthropic's Messages."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.lab.anthropic import Bash, Say, events_of, message_of

COMMAND = "echo made >> made.txt"
INPUT, CACHED, OUTPUT = 100, 40, 20
"""What each answer says it used; the cached tokens are among the input, as OpenAI and Gemini count."""
SHELLS = ("shell", "bash", "run_shell_command", "exec_command", "run_terminal_cmd", "execute", "shell_command", "Bash")
Speaker = Callable[[str, dict[str, Any], str, dict[str, Any]], tuple[bytes, bool]]
"""Path, request, text, the call of a tool (empty: the text is said): the body, and whether it is a stream."""


def of(path: str) -> Speaker | None:
    """The dialect that a path is of."""
    ends: dict[str, Speaker] = {"/responses": responses, "/chat/completions": chat, "/messages": messages}
    if "enerateContent" in path:
        return gemini
    return next((speak for end, speak in ends.items() if path.endswith(end)), None)


def messages(_path: str, body: dict[str, Any], text: str, tool: dict[str, Any]) -> tuple[bytes, bool]:
    """Anthropic's; it counts the cached tokens apart."""
    usage = {"input_tokens": INPUT - CACHED, "cache_read_input_tokens": CACHED, "output_tokens": OUTPUT}
    turn = Bash(json.loads(tool["arguments"])["command"]) if tool else Say(text)
    message = message_of(body, turn, {**usage, "cache_creation_input_tokens": 0})
    is_stream = bool(body.get("stream"))
    return (events_of(message) if is_stream else json.dumps(message)).encode(), is_stream


def chat(_path: str, body: dict[str, Any], text: str, tool: dict[str, Any]) -> tuple[bytes, bool]:
    """OpenAI's older one."""
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
        return json.dumps(answer).encode(), False
    chunks: list[dict[str, Any]] = [
        {"choices": [{"index": 0, "delta": said, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]},
        {"choices": [], "usage": usage},
    ]
    lines = [json.dumps({**base, "object": "chat.completion.chunk", **chunk}) for chunk in chunks]
    return "".join(f"data: {line}\n\n" for line in [*lines, "[DONE]"]).encode(), True


def gemini(path: str, _body: dict[str, Any], text: str, tool: dict[str, Any]) -> tuple[bytes, bool]:
    """Gemini's."""
    part = {"functionCall": {"name": tool["name"], "args": json.loads(tool["arguments"])}} if tool else {"text": text}
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
    if "streamGenerateContent" in path:
        return f"data: {json.dumps(answer)}\n\n".encode(), True
    return json.dumps(answer).encode(), False


def responses(_path: str, _body: dict[str, Any], text: str, tool: dict[str, Any]) -> tuple[bytes, bool]:
    """OpenAI's newer one."""
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
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": {**response, "status": "in_progress", "output": []}},
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": {**response, "status": "completed"}},
    ]
    return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events).encode(), True


def has_result(body: dict[str, Any]) -> bool:
    """Whether a tool has answered already."""
    text = json.dumps(body)
    return any(
        mark in text for mark in ('"function_call_output"', '"role": "tool"', '"functionResponse"', '"tool_result"')
    )


def shell(body: dict[str, Any]) -> dict[str, Any]:
    """The call of the CLI's own shell tool: name and arguments as JSON; empty when it has none."""
    for declared in _declared(body):
        name = str(declared.get("name", ""))
        if name in SHELLS:
            fields = (
                declared.get("parameters") or declared.get("parametersJsonSchema") or declared.get("input_schema") or {}
            )
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

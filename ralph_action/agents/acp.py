"""Any agent that speaks the Agent Client Protocol on its standard streams: `command: gemini --acp`, for one.

Facts of its version 1 (agentclientprotocol.com), seen with the CLIs of TRAITS: JSON-RPC 2.0, a message a line, in both
directions; both count their requests from 0. `allow_always` makes Qwen write settings into the work tree.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ralph_action.agents.adapter import Adapter, Failure, Options, Stream, Traits, part, text_of
from ralph_action.agents.figures import overlapping
from ralph_action.agents.trouble import kind_of
from ralph_action.outcome import ErrorClass
from ralph_action.ports import Call, unseen

INITIALIZE, NEW, PROMPT = range(3)
"""The ids of our requests."""
NOT_LOGGED_IN, NO_SUCH_METHOD = -32000, -32601
ALLOW = ("allow_once", "allow_always")
STEPS = frozenset({"tool_call", "tool_call_update", "agent_thought_chunk", "user_message_chunk", "plan"})
"""What ends a message that comes in chunks."""


class AcpStream(Stream):
    """One prompt turn, and our part of the dialogue."""

    def __init__(self, show: Callable[[str], None] = unseen) -> None:
        super().__init__(show, ends_with="its answer to the prompt")
        self._replies: list[dict[str, Any]] = []
        self._asks = self._asked = INITIALIZE
        """The request that is to be answered, and the last one that was written."""

    def take(self, event: dict[str, Any]) -> None:
        method = text_of(event, "method")
        if method and "id" in event:
            answer: dict[str, Any] = {"error": {"code": NO_SUCH_METHOD, "message": f"{method} is not offered"}}
            if method == "session/request_permission":
                answer = self._permission(event)
            self._replies.append({"id": event["id"], **answer})
        elif method == "session/update":
            self._update(part(event, "params", "update"))
        elif not method and event.get("id") == self._asks and not self.is_over:
            self._answered(event)

    def replies(self, call: Call) -> bytes:
        said = self._replies + ([self._request(call)] if self._asks > self._asked else [])
        self._replies, self._asked = [], self._asks
        return b"".join(map(_line, said))

    def _request(self, call: Call) -> dict[str, Any]:
        if self._asks == NEW:
            return {"id": NEW, "method": "session/new", "params": {"cwd": str(call.workspace), "mcpServers": []}}
        params = {"sessionId": self.session_id, "prompt": [{"type": "text", "text": call.prompt}]}
        return {"id": PROMPT, "method": "session/prompt", "params": params}

    def _answered(self, event: dict[str, Any]) -> None:
        if "error" in event:
            said = json.dumps(event["error"])
            kind = ErrorClass.AUTH if part(event, "error", "code") == NOT_LOGGED_IN else kind_of(said)
            self._over(Failure(text=said, kind=kind))
        elif self._asks == PROMPT:
            used = part(event, "result", "usage")
            self.usage = overlapping(used, "inputTokens", "cachedReadTokens", "outputTokens", "totalTokens")
            reason = text_of(event, "result", "stopReason")
            self._over(None if reason == "end_turn" else Failure(text=f"the turn ended with {reason or 'no reason'}"))
        else:
            self.session_id = text_of(event, "result", "sessionId")
            self._asks += 1

    def _over(self, failure: Failure | None) -> None:
        self.words.end()
        self.is_over, self.failure = True, failure

    def _update(self, update: object) -> None:
        kind = text_of(update, "sessionUpdate")
        if kind == "agent_message_chunk":
            self.words.add(text_of(update, "content", "text"))
        elif kind in STEPS:
            self.words.end()
        if kind == "tool_call":
            self.show(f"→ {text_of(update, 'title')}")

    def _permission(self, event: dict[str, Any]) -> dict[str, Any]:
        """Allow it once; what offers only a refusal is refused, and told."""
        offered = part(event, "params", "options")
        options = offered if isinstance(offered, list) else []
        chosen = next((one for kind in ALLOW for one in options if text_of(one, "kind") == kind), None)
        if chosen is not None:
            return {"result": {"outcome": {"outcome": "selected", "optionId": part(chosen, "optionId")}}}
        self.denied = (*self.denied, text_of(event, "params", "toolCall", "title") or "a tool")[:20]
        return {"result": {"outcome": {"outcome": "cancelled"}}}


class Acp(Adapter):
    """The adapter of the protocol; its program is the input `command`."""

    TRAITS = Traits(name="acp", executable="bash", is_dialogue=True, resumes=True, seen="gemini, qwen, copilot")

    def argv(self, options: Options, call: Call) -> list[str]:
        del call
        return ["/bin/bash", "-c", options.command]

    def stdin(self, call: Call) -> bytes:
        del call
        abilities = {"fs": {"readTextFile": False, "writeTextFile": False}, "terminal": False}
        params = {"protocolVersion": 1, "clientCapabilities": abilities}
        return _line({"id": INITIALIZE, "method": "initialize", "params": params})

    def stream(self, show: Callable[[str], None]) -> AcpStream:
        return AcpStream(show)


def _line(message: dict[str, Any]) -> bytes:
    return json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n"


ADAPTER = Acp()

"""The Agent Client Protocol: messages as Gemini CLI 0.61.0, Qwen Code 0.15.10 and Copilot 1.0.102 wrote them."""

from __future__ import annotations

from ralph_action.agents.process import How
from ralph_action.outcome import Ended, ErrorClass
from tests.contract.agents import Scenario

INIT = {"jsonrpc": "2.0", "id": 0, "result": {"protocolVersion": 1, "agentCapabilities": {"loadSession": True}}}
NEW = {"jsonrpc": "2.0", "id": 1, "result": {"sessionId": "a-1"}}
END = {"jsonrpc": "2.0", "id": 2, "result": {"stopReason": "end_turn"}}
USED = {"inputTokens": 200, "outputTokens": 40, "totalTokens": 240, "cachedReadTokens": 80, "cachedWriteTokens": 0}
PAID = {**END, "result": {"stopReason": "end_turn", "usage": USED}}
REFUSE = [{"optionId": "no", "name": "Deny", "kind": "reject_once"}]
WITHOUT: dict[str, str] = {}


def update(event: str, **more: object) -> dict[str, object]:
    return {"jsonrpc": "2.0", "method": "session/update", "params": {"update": {"sessionUpdate": event, **more}}}


def said(text: str, kind: str = "agent_message_chunk") -> dict[str, object]:
    return update(kind, content={"type": "text", "text": text})


def asked(options: list[dict[str, str]]) -> dict[str, object]:
    params = {"sessionId": "a-1", "options": options, "toolCall": {"toolCallId": "c", "title": "rm -r x"}}
    return {"jsonrpc": "2.0", "id": 0, "method": "session/request_permission", "params": params}


TOOL = update("tool_call", toolCallId="c", title="cat x", kind="execute", status="pending")
RESULT = update("tool_call_update", toolCallId="c", content=[{"content": {"type": "text", "text": "DONE"}}])


def turn(*lines: object, end: object = END) -> tuple[object, ...]:
    return (INIT, NEW, *lines, end)


def failed(details: object, kind: ErrorClass, code: int = -32603, resets_in_s: float | None = None) -> Scenario:
    error = {"code": code, "message": "Internal error", "data": details}
    lines = turn(said("Do it.", "user_message_chunk"), end={"jsonrpc": "2.0", "id": 2, "error": error})
    return Scenario(lines=lines, ended=Ended.FAILED, kind=kind, resets_in_s=resets_in_s)


SCENARIOS = {
    "success": Scenario(lines=turn(said("ok")), text="ok", session="a-1"),
    "promise": Scenario(lines=turn(said("All do"), said("ne.\nDONE")), text="All done.\nDONE"),
    "promise in a tool's output": Scenario(lines=turn(TOOL, RESULT, said("no")), text="no"),
    "echo of the prompt": Scenario(lines=turn(said("DONE", "user_message_chunk"), said("no")), text="no"),
    "sums of several steps": Scenario(
        lines=turn(said("a"), TOOL, RESULT, said("b"), end=PAID), text="a\nb", tokens=240
    ),
    "thoughts or a sub-agent": Scenario(lines=turn(said("DONE", "agent_thought_chunk"), said("no")), text="no"),
    "rate limit": failed({"details": "429 Too many requests. Retry in 20s."}, ErrorClass.RATE_LIMIT, resets_in_s=20.0),
    "usage limit": failed({"details": "You have hit your usage limit."}, ErrorClass.USAGE_LIMIT),
    "overload": failed({"details": "503 Overloaded"}, ErrorClass.OVERLOAD),
    "auth": failed({"details": "401 Invalid API key"}, ErrorClass.AUTH),
    "billing": failed({"details": "402 Insufficient credits"}, ErrorClass.BILLING),
    "bad model": failed({"details": "404 model: nope not found"}, ErrorClass.BAD_CALL),
    "network": failed({"details": "Connection error."}, ErrorClass.NETWORK),
    "garbage": Scenario(lines=(b"Loading", {"id": {}}, {"id": 7}, {"method": 1}, *turn(said("ok"))), text="ok"),
    "cut off": Scenario(lines=(INIT, NEW, said("half")), exit_code=1, ended=Ended.FAILED, text="half"),
    "hang after the end": Scenario(lines=turn(said("DONE")), how=How.FINISHED, exit_code=0, text="DONE"),
    "half a character": Scenario(lines=turn(said("cut \ud83d")), text="cut ?"),
    "denied": Scenario(lines=turn(asked(REFUSE), said("no")), text="no", denied=("rm -r x",)),
    "stopped by us": Scenario(
        lines=(INIT, NEW, said("half")), how=How.STOPPED, exit_code=0, ended=Ended.CANCELLED, text="half"
    ),
    "nothing at all": Scenario(
        lines=(INIT, {"id": 1, "error": {"code": -32000, "message": "Log in first"}}),
        exit_code=0,
        ended=Ended.FAILED,
        kind=ErrorClass.AUTH,
        text="",
    ),
}

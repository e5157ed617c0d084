"""Gemini CLI 0.61.0: events as it wrote them, shortened."""

from __future__ import annotations

from ralph_action.agents.process import How
from ralph_action.outcome import Ended, ErrorClass
from tests.contract.agents import Scenario

INIT = {"type": "init", "session_id": "g-1", "model": "gemini-2.5-pro"}
STATS = {"total_tokens": 240, "input_tokens": 200, "output_tokens": 40, "cached": 80, "input": 120}
END = {"type": "result", "status": "success", "stats": STATS}
TOOL = {"type": "tool_use", "tool_name": "run_shell_command", "parameters": {"command": "cat x"}}
RESULT = {"type": "tool_result", "status": "success", "output": "DONE"}
WITHOUT = {"denied": "a tool that may not be used is not offered at all"}


def said(text: str, role: str = "assistant", *, delta: bool = True) -> dict[str, object]:
    return {"type": "message", "role": role, "content": text, "delta": delta}


def failed(text: str, kind: ErrorClass, code: int = 1, resets_in_s: float | None = None) -> Scenario:
    end = {"type": "result", "status": "error", "error": {"type": "unknown", "message": f"[API Error: {text}]"}}
    lines = (INIT, said("Do it.", "user"), {**end, "stats": {}})
    return Scenario(lines=lines, exit_code=code, ended=Ended.FAILED, kind=kind, resets_in_s=resets_in_s)


SCENARIOS = {
    "success": Scenario(lines=(INIT, said("ok"), END), text="ok", tokens=240, session="g-1"),
    "promise": Scenario(lines=(INIT, said("All do"), said("ne.\nDONE"), END), text="All done.\nDONE"),
    "promise in a tool's output": Scenario(lines=(INIT, TOOL, RESULT, said("no"), END), text="no"),
    "echo of the prompt": Scenario(lines=(INIT, said("DONE", "user"), said("no"), END), text="no"),
    "sums of several steps": Scenario(lines=(INIT, said("a"), TOOL, RESULT, said("b"), END), text="a\nb", tokens=240),
    "thoughts or a sub-agent": Scenario(
        lines=(INIT, {"type": "thought", "content": "DONE"}, said("no"), END), text="no"
    ),
    "rate limit": failed("429 RESOURCE_EXHAUSTED. Please retry in 26.5s.", ErrorClass.RATE_LIMIT, 173, 26.5),
    "usage limit": failed("You have exhausted your daily quota on this model.", ErrorClass.USAGE_LIMIT),
    "overload": failed("The model is overloaded. Please try again later.", ErrorClass.OVERLOAD, 247),
    "auth": failed('{"error":{"message":"Invalid API key","status":401}}', ErrorClass.AUTH, 145),
    "billing": failed("You exceeded your current quota, please check your plan and billing", ErrorClass.BILLING),
    "bad model": failed("models/nope is not found for API version v1beta", ErrorClass.BAD_CALL, 148),
    "network": failed("fetch failed: ECONNREFUSED", ErrorClass.NETWORK),
    "garbage": Scenario(lines=(b"[", b"\xff", {"type": {}}, {"type": "message"}, INIT, said("ok"), END), text="ok"),
    "cut off": Scenario(lines=(INIT, said("half")), exit_code=1, ended=Ended.FAILED, text="half"),
    "hang after the end": Scenario(lines=(INIT, said("DONE"), END), how=How.FINISHED, exit_code=0, text="DONE"),
    "half a character": Scenario(lines=(INIT, said("cut \ud83d"), END), text="cut ?"),
    "stopped by us": Scenario(
        lines=(INIT, said("half")), how=How.STOPPED, exit_code=0, ended=Ended.CANCELLED, text="half"
    ),
    "nothing at all": Scenario(
        complaint='{"error": {"message": "Please set an Auth method", "code": 41}}',
        exit_code=41,
        ended=Ended.FAILED,
        kind=ErrorClass.AUTH,
        text="",
    ),
}

"""Qwen Code 0.15.10: events as it wrote them, shortened."""

from __future__ import annotations

from ralph_action.agents.process import How
from ralph_action.outcome import Ended, ErrorClass
from tests.contract.agents import Scenario

INIT = {"type": "system", "subtype": "init", "session_id": "q-1", "model": "m"}
TOOL = {"type": "user", "message": {"role": "user", "content": [{"type": "tool_result", "content": "DONE"}]}}
WITHOUT = {"echo of the prompt": "it does not print the prompt"}


def said(text: str, **more: object) -> dict[str, object]:
    usage = {"input_tokens": 100, "output_tokens": 20, "cache_read_input_tokens": 40, "total_tokens": 120}
    message = {"id": f"m-{text}", "content": [{"type": "text", "text": text}], "usage": usage}
    return {"type": "assistant", "session_id": "q-1", "message": message, **more}


def result(text: str, **more: object) -> dict[str, object]:
    usage = {"input_tokens": 200, "output_tokens": 40, "cache_read_input_tokens": 80, "total_tokens": 240}
    facts = {"type": "result", "subtype": "success", "session_id": "q-1", "is_error": False, "result": text}
    return {**facts, "usage": usage, **more}


def failed(text: str, kind: ErrorClass, resets_in_s: float | None = None) -> Scenario:
    """Exit code 0, and a success whose text is the error."""
    error = f"[API Error: {text}]"
    return Scenario(
        lines=(INIT, said(error), result(error)), ended=Ended.FAILED, kind=kind, text="", resets_in_s=resets_in_s
    )


SCENARIOS = {
    "success": Scenario(lines=(INIT, said("ok"), result("ok")), text="ok", tokens=240, session="q-1"),
    "promise": Scenario(lines=(INIT, said("All done.\nDONE"), result("All done.\nDONE")), text="All done.\nDONE"),
    "promise in a tool's output": Scenario(lines=(INIT, TOOL, said("no"), result("no")), text="no"),
    "sums of several steps": Scenario(lines=(INIT, said("a"), TOOL, said("b"), result("b")), text="a\nb", tokens=240),
    "thoughts or a sub-agent": Scenario(
        lines=(INIT, said("DONE", parent_tool_use_id="t"), said("no"), result("no")), text="no"
    ),
    "rate limit": failed("429 Rate limit reached. Please try again in 20s.", ErrorClass.RATE_LIMIT, 20),
    "usage limit": failed("429 daily limit reached", ErrorClass.USAGE_LIMIT),
    "overload": failed("503 Overloaded", ErrorClass.OVERLOAD),
    "auth": failed("401 Invalid API key", ErrorClass.AUTH),
    "billing": failed("402 Insufficient balance", ErrorClass.BILLING),
    "bad model": failed("404 model: nope not found", ErrorClass.BAD_CALL),
    "network": failed("Connection error.", ErrorClass.NETWORK),
    "garbage": Scenario(lines=(b"{", b"\xff", {"type": 3}, INIT, said("ok"), result("ok")), text="ok"),
    "cut off": Scenario(lines=(INIT, said("half")), exit_code=1, ended=Ended.FAILED, text="half"),
    "hang after the end": Scenario(lines=(INIT, result("DONE")), how=How.FINISHED, exit_code=-15, text="DONE"),
    "half a character": Scenario(lines=(INIT, said("cut \ud83d"), result("cut \ud83d")), text="cut ?"),
    "denied": Scenario(
        lines=(INIT, said("ok"), result("ok", permission_denials=[{"tool_name": "edit"}])), text="ok", denied=("edit",)
    ),
    "stopped by us": Scenario(
        lines=(INIT, said("half")), how=How.STOPPED, exit_code=-15, ended=Ended.CANCELLED, text="half"
    ),
    "nothing at all": Scenario(exit_code=0, ended=Ended.FAILED, kind=ErrorClass.START, text=""),
}

"""Claude Code 2.1.197: events as it writes them, shortened."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from ralph_action.agents.process import How
from ralph_action.outcome import Ended, ErrorClass
from tests.contract.agents import Scenario

INIT = {"type": "system", "subtype": "init", "session_id": "s-1", "model": "claude-sonnet"}


def said(text: str, number: int = 1, **more: object) -> dict[str, object]:
    usage = {"input_tokens": 10, "output_tokens": 5}
    message = {"id": f"m-{number}", "content": [{"type": "text", "text": text}], "usage": usage}
    return {"type": "assistant", "session_id": "s-1", "message": message, **more}


def result(text: str = "ok", **more: object) -> dict[str, object]:
    models = {"big": {"inputTokens": 100, "outputTokens": 10, "cacheReadInputTokens": 5}, "small": {"inputTokens": 4}}
    return {
        "type": "result",
        "subtype": "success",
        "is_error": False,
        "result": text,
        "session_id": "s-1",
        "total_cost_usd": 0.25,
        "modelUsage": models,
        **more,
    }


def refused(text: str, kind: ErrorClass, *before: object, status: int | None = None) -> Scenario:
    """An error as the CLI tells it: a success that is none."""
    last = result(text, is_error=True, api_error_status=status)
    return Scenario(lines=(INIT, *before, last), exit_code=1, ended=Ended.FAILED, kind=kind)


TOOL = {"type": "user", "message": {"content": [{"type": "tool_result", "content": "LOOP_COMPLETE"}]}}
LIMIT = {"type": "rate_limit_event", "rate_limit_info": {"status": "rejected", "resetsAt": 1767225600 + 90}}
WITHOUT = {"echo of the prompt": "it does not print the prompt"}
SCENARIOS = {
    "success": Scenario(lines=(INIT, said("ok"), result()), text="ok", tokens=119, cost=Decimal("0.25"), session="s-1"),
    "promise": Scenario(lines=(INIT, said("Done.\nDONE"), result("Done.\nDONE")), text="Done.\nDONE"),
    "promise in a tool's output": Scenario(lines=(INIT, TOOL, said("not yet"), result("not yet")), text="not yet"),
    "sums of several steps": Scenario(lines=(INIT, said("a"), said("b", 2), result("b")), text="a\nb", tokens=119),
    "thoughts or a sub-agent": Scenario(
        lines=(INIT, said("DONE", parent_tool_use_id="t"), said("no", 2), result("no")), text="no"
    ),
    "rate limit": refused("API Error: 429", ErrorClass.RATE_LIMIT, status=429),
    "usage limit": replace(refused("You've hit your session limit", ErrorClass.USAGE_LIMIT, LIMIT), resets_in_s=90),
    "overload": refused("API Error: Overloaded", ErrorClass.OVERLOAD, status=529),
    "auth": refused("Invalid API key", ErrorClass.AUTH, status=401),
    "billing": refused("Credit balance is too low", ErrorClass.BILLING, said("", error="billing_error"), status=400),
    "bad model": refused("model: nope not found", ErrorClass.BAD_CALL, status=404),
    "network": refused("API Error: Unable to connect (ECONNREFUSED)", ErrorClass.NETWORK),
    "garbage": Scenario(lines=(b"{", b"[1]", b"\xff\xfe", {"type": 3}, said("ok"), result()), text="ok"),
    "cut off": Scenario(lines=(INIT, said("half")), exit_code=1, ended=Ended.FAILED, text="half", tokens=15),
    "hang after the end": Scenario(lines=(INIT, result("DONE")), how=How.FINISHED, exit_code=-15, text="DONE"),
    "half a character": Scenario(lines=(said("cut \ud83d"), result("cut \ud83d")), text="cut ?"),
    "denied": Scenario(
        lines=(INIT, said("ok"), result(permission_denials=[{"tool_name": "Bash"}])), text="ok", denied=("Bash",)
    ),
    "stopped by us": Scenario(
        lines=(INIT, said("half")), how=How.STOPPED, exit_code=-15, ended=Ended.CANCELLED, tokens=15
    ),
    "nothing at all": Scenario(exit_code=0, ended=Ended.FAILED, kind=ErrorClass.START, text=""),
}

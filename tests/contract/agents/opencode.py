"""OpenCode 1.18.33: events as it wrote them, shortened."""

from __future__ import annotations

from decimal import Decimal

from ralph_action.agents.process import How
from ralph_action.outcome import Ended, ErrorClass
from tests.contract.agents import Scenario

S = "ses_1"
TOKENS = {"total": 125, "input": 60, "output": 20, "reasoning": 5, "cache": {"write": 0, "read": 40}}
TOOL = {
    "type": "tool_use",
    "sessionID": S,
    "part": {"tool": "bash", "state": {"output": "DONE", "status": "completed"}},
}
WITHOUT = {
    "echo of the prompt": "it does not print the prompt",
    "denied": "without a person its refusals are the tool's errors",
}


def said(text: str, session: str = S) -> dict[str, object]:
    return {"type": "text", "sessionID": session, "part": {"type": "text", "text": text}}


def step(reason: str = "stop", cost: float = 0.25, session: str = S) -> dict[str, object]:
    return {"type": "step_finish", "sessionID": session, "part": {"reason": reason, "tokens": TOKENS, "cost": cost}}


def failed(text: str, kind: ErrorClass, status: int | None = None, resets_in_s: float | None = None) -> Scenario:
    data = {"message": text, "statusCode": status, "isRetryable": False}
    lines = ({"type": "error", "sessionID": S, "error": {"name": "APIError", "data": data}},)
    return Scenario(lines=lines, exit_code=1, ended=Ended.FAILED, kind=kind, resets_in_s=resets_in_s)


SCENARIOS = {
    "success": Scenario(lines=(said("ok"), step()), text="ok", tokens=125, cost=Decimal("0.25"), session=S),
    "promise": Scenario(lines=(said("All done.\nDONE"), step()), text="All done.\nDONE"),
    "promise in a tool's output": Scenario(lines=(TOOL, step("tool-calls"), said("no"), step()), text="no"),
    "sums of several steps": Scenario(
        lines=(said("a"), step("tool-calls"), said("b"), step()), text="a\nb", tokens=250, cost=Decimal("0.5")
    ),
    "thoughts or a sub-agent": Scenario(
        lines=(said("no"), said("DONE", "ses_2"), step(session="ses_2"), step()), text="no", tokens=125
    ),
    "rate limit": failed("Rate limit reached. Please try again in 20s.", ErrorClass.RATE_LIMIT, 429, 20),
    "usage limit": failed("You've hit your usage limit", ErrorClass.USAGE_LIMIT),
    "overload": failed("Overloaded", ErrorClass.OVERLOAD, 503),
    "auth": failed("Invalid API key", ErrorClass.AUTH, 401),
    "billing": failed("Insufficient credits: check your plan and billing", ErrorClass.BILLING, 402),
    "bad model": failed("model: nope not found", ErrorClass.BAD_CALL, 404),
    "network": failed("Unable to connect. Is the computer able to access the url?", ErrorClass.NETWORK),
    "garbage": Scenario(lines=(b"[", b"\xff", {"type": 1}, {"type": "step_finish"}, said("ok"), step()), text="ok"),
    "cut off": Scenario(
        lines=(said("half"), step("tool-calls")), exit_code=0, ended=Ended.FAILED, text="half", tokens=125
    ),
    "hang after the end": Scenario(lines=(said("DONE"), step()), how=How.FINISHED, exit_code=-15, text="DONE"),
    "half a character": Scenario(lines=(said("cut \ud83d"), step()), text="cut ?"),
    "stopped by us": Scenario(
        lines=(said("half"),), how=How.STOPPED, exit_code=-15, ended=Ended.CANCELLED, text="half"
    ),
    "nothing at all": Scenario(exit_code=1, ended=Ended.FAILED, kind=ErrorClass.START, text=""),
}

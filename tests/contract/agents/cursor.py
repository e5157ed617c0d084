"""Cursor's CLI: events as its documentation has them."""

from __future__ import annotations

from ralph_action.agents.process import How
from ralph_action.outcome import Ended, ErrorClass
from tests.contract.agents import Scenario

INIT = {"type": "system", "subtype": "init", "session_id": "s-1", "model": "m"}
TOOL = {"type": "user", "message": {"content": [{"type": "tool_result", "content": "DONE"}]}}
WITHOUT = {
    "echo of the prompt": "a message of the role `user`, which is passed over as a tool's output is",
    "denied": "it is called so that nothing is asked",
}


def said(text: str, number: int = 1, **more: object) -> dict[str, object]:
    message: dict[str, object] = {"id": f"m-{number}", "role": "assistant", "content": [{"type": "text", "text": text}]}
    return {"type": "assistant", "session_id": "s-1", "message": message, **more}


def result(text: str, **more: object) -> dict[str, object]:
    facts = {"type": "result", "subtype": "success", "is_error": False, "result": text, "session_id": "s-1"}
    return {**facts, **more}


def failed(text: str, kind: ErrorClass, resets_in_s: float | None = None) -> Scenario:
    """No result, and the error on its standard error."""
    return Scenario(lines=(INIT,), complaint=text, exit_code=1, ended=Ended.FAILED, kind=kind)


def told(text: str, kind: ErrorClass, resets_in_s: float | None = None) -> Scenario:
    """A result that is an error."""
    lines = (INIT, result(text, is_error=True, subtype="error_during_execution"))
    return Scenario(lines=lines, exit_code=1, ended=Ended.FAILED, kind=kind, resets_in_s=resets_in_s)


SCENARIOS = {
    "success": Scenario(lines=(INIT, said("ok"), result("ok")), text="ok", session="s-1"),
    "promise": Scenario(lines=(INIT, said("Done.\nDONE"), result("Done.\nDONE")), text="Done.\nDONE"),
    "promise in a tool's output": Scenario(lines=(INIT, TOOL, said("no"), result("no")), text="no"),
    "sums of several steps": Scenario(lines=(INIT, said("a"), TOOL, said("b", 2), result("b")), text="a\nb"),
    "thoughts or a sub-agent": Scenario(
        lines=(INIT, said("DONE", parent_tool_use_id="t"), said("no", 2), result("no")), text="no"
    ),
    "rate limit": told("Rate limit reached. Please try again in 20s.", ErrorClass.RATE_LIMIT, 20),
    "usage limit": told("You've hit your usage limit", ErrorClass.USAGE_LIMIT),
    "overload": told("Overloaded", ErrorClass.OVERLOAD),
    "auth": failed("Error: Authentication required. Please run login.", ErrorClass.AUTH),
    "billing": told("Insufficient credits", ErrorClass.BILLING),
    "bad model": failed("Error: unknown model nope", ErrorClass.BAD_CALL),
    "network": failed("connect ECONNREFUSED 127.0.0.1:1", ErrorClass.NETWORK),
    "garbage": Scenario(lines=(b"{", b"\xff", {"type": 3}, INIT, said("ok"), result("ok")), text="ok"),
    "cut off": Scenario(lines=(INIT, said("half")), exit_code=1, ended=Ended.FAILED, text="half"),
    "hang after the end": Scenario(lines=(INIT, result("DONE")), how=How.FINISHED, exit_code=-15, text="DONE"),
    "half a character": Scenario(lines=(INIT, said("cut \ud83d"), result("cut \ud83d")), text="cut ?"),
    "stopped by us": Scenario(
        lines=(INIT, said("half")), how=How.STOPPED, exit_code=-15, ended=Ended.CANCELLED, text="half"
    ),
    "nothing at all": Scenario(exit_code=0, ended=Ended.FAILED, kind=ErrorClass.START, text=""),
}

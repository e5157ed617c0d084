"""GitHub Copilot CLI 1.0.102: events as it wrote them, shortened."""

from __future__ import annotations

from ralph_action.agents.process import How
from ralph_action.outcome import Ended, ErrorClass
from tests.contract.agents import Scenario

START = {"type": "session.tools_updated", "data": {"model": "m"}}
PROMPT = {"type": "user.message", "data": {"content": "Say DONE", "transformedContent": "DONE"}}
TOOL = {"type": "tool.execution_complete", "data": {"success": True, "result": {"content": "DONE"}}}
PIECE = {"type": "assistant.message_delta", "data": {"deltaContent": "DONE"}}
WITHOUT = {"denied": "with --allow-all nothing is asked"}


def said(text: str, **more: object) -> dict[str, object]:
    return {"type": "assistant.message", "data": {"model": "m", "content": text, "toolRequests": [], **more}}


def end(code: int = 0) -> dict[str, object]:
    return {"type": "result", "sessionId": "c-1", "exitCode": code, "usage": {"premiumRequests": 1}}


def failed(text: str, kind: ErrorClass, status: int | None = None, resets_in_s: float | None = None) -> Scenario:
    error = {"type": "session.error", "data": {"errorType": "x", "message": text, "statusCode": status}}
    return Scenario(
        lines=(START, PROMPT, error, end(1)), exit_code=1, ended=Ended.FAILED, kind=kind, resets_in_s=resets_in_s
    )


SCENARIOS = {
    "success": Scenario(lines=(START, PROMPT, said(""), said("ok"), end()), text="ok", session="c-1"),
    "promise": Scenario(lines=(START, PIECE, said("All done.\nDONE"), end()), text="All done.\nDONE"),
    "promise in a tool's output": Scenario(lines=(START, TOOL, said("no"), end()), text="no"),
    "echo of the prompt": Scenario(lines=(START, PROMPT, said("no"), end()), text="no"),
    "sums of several steps": Scenario(lines=(START, said("a"), TOOL, said("b"), end()), text="a\nb"),
    "thoughts or a sub-agent": Scenario(
        lines=(START, said("DONE", parentToolCallId="t"), said("no"), end()), text="no"
    ),
    "rate limit": failed("Rate limit reached. Please try again in 20s.", ErrorClass.RATE_LIMIT, 429, 20),
    "usage limit": failed("You have no premium requests left this month", ErrorClass.USAGE_LIMIT, 402),
    "overload": failed("The server had an error", ErrorClass.OVERLOAD, 500),
    "auth": failed("Authentication failed with provider at http://x/v1 (HTTP 401).", ErrorClass.AUTH, 401),
    "billing": failed("Insufficient credits: check your plan and billing", ErrorClass.BILLING, 402),
    "bad model": failed("model: nope not found", ErrorClass.BAD_CALL, 404),
    "network": failed("Connection error.", ErrorClass.NETWORK),
    "garbage": Scenario(lines=(b"{", b"\xff", {"type": 3}, {"data": 1}, START, said("ok"), end()), text="ok"),
    "cut off": Scenario(lines=(START, said("half")), exit_code=1, ended=Ended.FAILED, text="half"),
    "hang after the end": Scenario(lines=(START, said("DONE"), end()), how=How.FINISHED, exit_code=-15, text="DONE"),
    "half a character": Scenario(lines=(START, said("cut \ud83d"), end()), text="cut ?"),
    "stopped by us": Scenario(
        lines=(START, said("half")), how=How.STOPPED, exit_code=-15, ended=Ended.CANCELLED, text="half"
    ),
    "nothing at all": Scenario(
        complaint="error: unknown option '--allow-all'",
        exit_code=1,
        ended=Ended.FAILED,
        kind=ErrorClass.BAD_CALL,
        text="",
    ),
}

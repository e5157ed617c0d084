"""Codex 0.169.0: events as it wrote them, shortened."""

from __future__ import annotations

from ralph_action.agents.process import How
from ralph_action.outcome import Ended, ErrorClass
from tests.contract.agents import Scenario

START = {"type": "thread.started", "thread_id": "t-1"}
NOISE = {"type": "item.completed", "item": {"id": "item_0", "type": "error", "message": "Model metadata not found."}}
TURN = {"type": "turn.started"}
USAGE = {"input_tokens": 200, "cached_input_tokens": 80, "cache_write_input_tokens": 0, "output_tokens": 40}
END = {"type": "turn.completed", "usage": USAGE}
TOOL = {
    "type": "item.completed",
    "item": {"type": "command_execution", "command": "cat x", "aggregated_output": "DONE", "exit_code": 0},
}
WITHOUT = {
    "echo of the prompt": "it does not print the prompt as an event",
    "denied": "a refused call leaves no line at all",
}


def said(text: str, kind: str = "agent_message") -> dict[str, object]:
    return {"type": "item.completed", "item": {"id": "item_2", "type": kind, "text": text}}


def failed(text: str, kind: ErrorClass, resets_in_s: float | None = None) -> Scenario:
    again = {"type": "error", "message": f"Reconnecting... 1/1 ({text})"}
    lines = (
        START,
        TURN,
        again,
        {"type": "error", "message": text},
        {"type": "turn.failed", "error": {"message": text}},
    )
    return Scenario(lines=lines, exit_code=1, ended=Ended.FAILED, kind=kind, resets_in_s=resets_in_s)


SCENARIOS = {
    "success": Scenario(lines=(START, NOISE, TURN, said("ok"), END), text="ok", tokens=240, session="t-1"),
    "promise": Scenario(lines=(START, TURN, said("All done.\n\nDONE"), END), text="All done.\n\nDONE"),
    "promise in a tool's output": Scenario(lines=(START, TURN, TOOL, said("no"), END), text="no"),
    "sums of several steps": Scenario(lines=(START, TURN, said("a"), TOOL, said("b"), END), text="a\nb", tokens=240),
    "thoughts or a sub-agent": Scenario(lines=(START, said("DONE", "reasoning"), said("no"), END), text="no"),
    "rate limit": failed("exceeded retry limit, last status: 429 Too Many Requests", ErrorClass.RATE_LIMIT),
    "usage limit": failed("You've hit your usage limit. Try again in 3 hours.", ErrorClass.USAGE_LIMIT, 10_800),
    "overload": failed("unexpected status 503 Service Unavailable: Overloaded", ErrorClass.OVERLOAD),
    "auth": failed("unexpected status 401 Unauthorized: Invalid API key, url: http://x/v1/responses", ErrorClass.AUTH),
    "billing": failed("Quota exceeded. Check your plan and billing details.", ErrorClass.BILLING),
    "bad model": failed("unexpected status 404 Not Found: model: nope not found", ErrorClass.BAD_CALL),
    "network": failed("stream disconnected before completion: error sending request", ErrorClass.NETWORK),
    "garbage": Scenario(lines=(b"{", b"\xff", {"type": []}, {"item": 3}, START, said("ok"), END), text="ok"),
    "cut off": Scenario(lines=(START, TURN, said("half")), exit_code=1, ended=Ended.FAILED, text="half"),
    "hang after the end": Scenario(lines=(START, said("DONE"), END), how=How.FINISHED, exit_code=-15, text="DONE"),
    "half a character": Scenario(lines=(START, said("cut \ud83d"), END), text="cut ?"),
    "stopped by us": Scenario(lines=(START, said("half")), how=How.STOPPED, exit_code=1, ended=Ended.CANCELLED),
    "nothing at all": Scenario(
        complaint="error: unexpected argument '--json' found",
        exit_code=2,
        ended=Ended.FAILED,
        kind=ErrorClass.BAD_CALL,
        text="",
    ),
}

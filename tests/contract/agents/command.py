"""Any shell command: its output is what it says, its exit code how it ended."""

from __future__ import annotations

from ralph_action.agents.process import How
from ralph_action.outcome import Ended, ErrorClass
from tests.contract.agents import Scenario


def failed(text: str, kind: ErrorClass) -> Scenario:
    return Scenario(lines=(text.encode(),), exit_code=1, ended=Ended.FAILED, kind=kind)


PLAIN = "a plain text says nothing of it"
WITHOUT = {
    "promise in a tool's output": PLAIN,
    "echo of the prompt": PLAIN,
    "sums of several steps": PLAIN,
    "thoughts or a sub-agent": PLAIN,
    "garbage": PLAIN,
    "denied": PLAIN,
}
SCENARIOS = {
    "success": Scenario(lines=(b"ok",), text="ok"),
    "promise": Scenario(lines=(b"Done.", b"LOOP_COMPLETE"), text="Done.\nLOOP_COMPLETE"),
    "rate limit": failed("429 too many requests", ErrorClass.RATE_LIMIT),
    "usage limit": failed("You've hit your usage limit", ErrorClass.USAGE_LIMIT),
    "overload": failed("overloaded", ErrorClass.OVERLOAD),
    "auth": failed("invalid API key", ErrorClass.AUTH),
    "billing": failed("credit balance is too low", ErrorClass.BILLING),
    "bad model": failed("unknown model x", ErrorClass.BAD_CALL),
    "network": failed("connection refused", ErrorClass.NETWORK),
    "cut off": Scenario(lines=(b"half",), exit_code=-9, ended=Ended.FAILED, kind=ErrorClass.KILLED, text="half"),
    "hang after the end": Scenario(lines=(b"ok",), how=How.TIMEOUT, exit_code=-15, ended=Ended.TIMEOUT, text="ok"),
    "half a character": Scenario(lines=(b"cut \xf0\x9f",), text="cut \ufffd"),
    "stopped by us": Scenario(lines=(b"half",), how=How.STOPPED, exit_code=-15, ended=Ended.CANCELLED, text="half"),
    "nothing at all": Scenario(exit_code=1, ended=Ended.FAILED, kind=ErrorClass.START, text=""),
}

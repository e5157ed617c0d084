"""Kiro's CLI: plain text; its errors are on its standard error."""

from __future__ import annotations

from ralph_action.agents.process import How
from ralph_action.outcome import Ended, ErrorClass
from tests.contract.agents import Scenario

PLAIN = "a plain text says nothing of it"
WITHOUT = dict.fromkeys(
    (
        "promise in a tool's output",
        "echo of the prompt",
        "sums of several steps",
        "thoughts or a sub-agent",
        "garbage",
        "denied",
    ),
    PLAIN,
)


def failed(text: str, kind: ErrorClass) -> Scenario:
    return Scenario(lines=(b"> half",), complaint=text, exit_code=1, ended=Ended.FAILED, kind=kind, text="half")


SCENARIOS = {
    "success": Scenario(lines=(b"\x1b[32m> ok\x1b[0m",), text="ok"),
    "promise": Scenario(lines=(b"> Done.", b"DONE"), text="Done.\nDONE"),
    "rate limit": failed("Too many requests", ErrorClass.RATE_LIMIT),
    "usage limit": failed("You have hit your usage limit for this month", ErrorClass.USAGE_LIMIT),
    "overload": failed("The service is overloaded", ErrorClass.OVERLOAD),
    "auth": failed("You are not logged in, please log in with kiro-cli login", ErrorClass.AUTH),
    "billing": failed("Billing is not set up", ErrorClass.BILLING),
    "bad model": failed("error: unexpected argument '--model' found", ErrorClass.BAD_CALL),
    "network": failed("dispatch failure: connection refused", ErrorClass.NETWORK),
    "cut off": Scenario(lines=(b"half",), exit_code=-9, ended=Ended.FAILED, kind=ErrorClass.KILLED, text="half"),
    "hang after the end": Scenario(lines=(b"ok",), how=How.TIMEOUT, exit_code=-15, ended=Ended.TIMEOUT, text="ok"),
    "half a character": Scenario(lines=(b"cut \xf0\x9f",), text="cut \ufffd"),
    "stopped by us": Scenario(lines=(b"half",), how=How.STOPPED, exit_code=-15, ended=Ended.CANCELLED, text="half"),
    "nothing at all": Scenario(exit_code=1, ended=Ended.FAILED, kind=ErrorClass.START, text=""),
}

"""Any shell command: its output is what it says, its exit code how it ended."""

from __future__ import annotations

from ralph_action.agents.process import How
from ralph_action.outcome import Ended, ErrorClass
from tests.contract.agents import Scenario

PLAIN = "a plain text says nothing of it"
OWN = "its words are its own, and tell nothing of a service"
WITHOUT = {
    "promise in a tool's output": PLAIN,
    "echo of the prompt": PLAIN,
    "sums of several steps": PLAIN,
    "thoughts or a sub-agent": PLAIN,
    "garbage": PLAIN,
    "denied": PLAIN,
    **dict.fromkeys(("rate limit", "usage limit", "overload", "billing", "bad model", "network"), OWN),
}
SCENARIOS = {
    "success": Scenario(lines=(b"ok",), text="ok"),
    "promise": Scenario(lines=(b"Done.", b"DONE"), text="Done.\nDONE"),
    "auth": Scenario(
        lines=(b"the login page: 401",),
        complaint="unauthorized",
        exit_code=1,
        ended=Ended.FAILED,
        kind=ErrorClass.OTHER,
    ),
    "cut off": Scenario(lines=(b"half",), exit_code=-9, ended=Ended.FAILED, kind=ErrorClass.KILLED, text="half"),
    "hang after the end": Scenario(lines=(b"ok",), how=How.TIMEOUT, exit_code=-15, ended=Ended.TIMEOUT, text="ok"),
    "half a character": Scenario(lines=(b"cut \xf0\x9f",), text="cut \ufffd"),
    "stopped by us": Scenario(lines=(b"half",), how=How.STOPPED, exit_code=-15, ended=Ended.CANCELLED, text="half"),
    "nothing at all": Scenario(exit_code=1, ended=Ended.FAILED, kind=ErrorClass.OTHER, text=""),
}

"""Aider 0.86.2: lines as it wrote them."""

from __future__ import annotations

from decimal import Decimal

from ralph_action.agents.process import How
from ralph_action.outcome import Ended, ErrorClass
from tests.contract.agents import Scenario

FIGURES = b"Tokens: 1.2k sent, 345 received. Cost: $0.01 message, $0.01 session."
CACHED = b"Tokens: 2.0k sent, 1.0k cache write, 500 cache hit, 100 received. Cost: $0.02 message, $0.03 session."
PLAIN = "a plain text says nothing of it"
WITHOUT = {
    "promise in a tool's output": "it runs nothing by itself",
    "echo of the prompt": "it does not print the prompt of a file",
    "thoughts or a sub-agent": PLAIN,
    "garbage": PLAIN,
    "denied": PLAIN,
}


def failed(text: str, kind: ErrorClass, resets_in_s: float | None = None) -> Scenario:
    """Exit code 0, whatever the service said."""
    return Scenario(lines=(text.encode(),), ended=Ended.FAILED, kind=kind, resets_in_s=resets_in_s)


SCENARIOS = {
    "success": Scenario(lines=(b"ok", FIGURES), text="ok", tokens=1545, cost=Decimal("0.01")),
    "promise": Scenario(lines=(b"Done.", b"DONE", FIGURES), text="Done.\nDONE"),
    "sums of several steps": Scenario(
        lines=(b"a", FIGURES, b"b", CACHED), text="a\nb", tokens=5145, cost=Decimal("0.03")
    ),
    "rate limit": failed("litellm.RateLimitError: Please try again in 20s.", ErrorClass.RATE_LIMIT, 20),
    "usage limit": failed("litellm.APIError: daily limit reached", ErrorClass.USAGE_LIMIT),
    "overload": failed("litellm.InternalServerError: Overloaded", ErrorClass.OVERLOAD),
    "auth": failed("litellm.AuthenticationError: invalid x-api-key", ErrorClass.AUTH),
    "billing": failed("litellm.BadRequestError: Your credit balance is too low", ErrorClass.BILLING),
    "bad model": failed("litellm.NotFoundError: model nope not found", ErrorClass.BAD_CALL),
    "network": failed("litellm.APIConnectionError: Connection error.", ErrorClass.NETWORK),
    "cut off": Scenario(lines=(b"half",), exit_code=-9, ended=Ended.FAILED, kind=ErrorClass.KILLED, text="half"),
    "hang after the end": Scenario(lines=(b"ok",), how=How.TIMEOUT, exit_code=-15, ended=Ended.TIMEOUT, text="ok"),
    "half a character": Scenario(lines=(b"cut \xf0\x9f",), text="cut \ufffd"),
    "stopped by us": Scenario(lines=(b"half",), how=How.STOPPED, exit_code=-15, ended=Ended.CANCELLED, text="half"),
    "nothing at all": Scenario(exit_code=1, ended=Ended.FAILED, kind=ErrorClass.OTHER, text=""),
}

"""Pure: a time limit that finds a CLI waiting for its service is that service's failure, not the iteration's."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from ralph_action.agents import adapter_of, cli
from ralph_action.agents.process import ChildEnd, How
from ralph_action.outcome import Ended, ErrorClass, Outcome
from ralph_action.ports import unseen

LOST = {"type": "error", "message": "Reconnecting... waiting for network (Connection failed: error sending request)"}
ITEM = {"type": "item.completed", "item": {"type": "agent_message", "text": "on"}}
RETRY = {"type": "system", "subtype": "api_retry", "attempt": 3, "error_status": 529, "error": "overloaded_error"}
ODD = {"type": "system", "subtype": "api_retry", "attempt": [], "error_status": 529, "error": None}
SAID = {"type": "assistant", "message": {"id": "m", "content": [{"type": "text", "text": "on"}]}}
AGAIN = b"litellm.ServiceUnavailableError: ServiceUnavailableError: OpenAIException - x"
FIGURES = b"Tokens: 1.2k sent, 345 received. Cost: $0.01 message, $0.01 session."
CASES = [
    ("codex", LOST, ITEM, ErrorClass.NETWORK),
    ("claude", RETRY, SAID, ErrorClass.OVERLOAD),
    ("claude", ODD, SAID, ErrorClass.OVERLOAD),
    ("aider", AGAIN, FIGURES, ErrorClass.OVERLOAD),
]


def ended(agent: str, how: How, *lines: object) -> Outcome:
    adapter = adapter_of(agent)
    stream = adapter.stream(unseen)
    for line in lines:
        stream.feed(line if isinstance(line, bytes) else json.dumps(line).encode())
    end = ChildEnd(how=how, exit_code=-15, duration_s=20.0, tail="")
    return cli.outcome(stream, end, stream.usage, now=datetime(2026, 1, 1, tzinfo=UTC), traits=adapter.TRAITS)


@pytest.mark.fault(
    "agent",
    "Its CLI waits for the model's service by itself, and does not come back",
    "a time limit ends it; what failed is the service, so it is waited for, and no iteration is used up.",
)
@pytest.mark.parametrize(("agent", "again", "later", "kind"), CASES)
@pytest.mark.parametrize("how", [How.TIMEOUT, How.IDLE])
def test_it_was_trying_again(agent: str, again: object, later: object, kind: ErrorClass, how: How) -> None:
    found = ended(agent, how, later, again)
    assert (found.ended, found.error_class) == (Ended.FAILED, kind)
    assert found.error.startswith("ended after 20 s")


@pytest.mark.parametrize(("agent", "again", "later", "kind"), CASES)
def test_it_had_gone_on(agent: str, again: object, later: object, kind: ErrorClass) -> None:
    """What it tried again has worked since."""
    del kind
    assert ended(agent, How.TIMEOUT, again, later).ended is Ended.TIMEOUT


@pytest.mark.parametrize(("agent", "again", "later", "kind"), CASES)
def test_we_had_other_reasons(agent: str, again: object, later: object, kind: ErrorClass) -> None:
    del later, kind
    assert ended(agent, How.STOPPED, again).ended is Ended.CANCELLED
    assert ended(agent, How.LIMIT, again).ended is Ended.LIMIT

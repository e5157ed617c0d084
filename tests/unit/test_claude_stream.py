"""Pure: what claude's events add up to."""

from __future__ import annotations

import json
from decimal import Decimal

from ralph_action.agents.claude import Stream, outcome
from ralph_action.agents.process import ChildEnd, How
from ralph_action.state import Ended


def end(how: How = How.EXITED, code: int = 0, tail: str = "") -> ChildEnd:
    return ChildEnd(how=how, exit_code=code, duration_s=1.0, tail=tail)


def fed(*events: object) -> Stream:
    stream = Stream()
    for event in events:
        stream.feed(event if isinstance(event, bytes) else json.dumps(event).encode())
    return stream


def said(text: str, **more: object) -> dict[str, object]:
    usage = {"input_tokens": 10, "output_tokens": 5}
    return {
        "type": "assistant",
        "message": {"id": f"m-{text}", "content": [{"type": "text", "text": text}], "usage": usage},
        **more,
    }


RESULT = {
    "type": "result",
    "subtype": "success",
    "is_error": False,
    "result": "LOOP_COMPLETE",
    "session_id": "s",
    "total_cost_usd": 0.25,
    "modelUsage": {
        "big": {"inputTokens": 100, "outputTokens": 10, "cacheReadInputTokens": 5, "cacheCreationInputTokens": 1},
        "small": {"inputTokens": 4, "outputTokens": 0},
    },
}


def test_a_success() -> None:
    """Tokens of every model, the price, the session, the text once."""
    found = outcome(fed(said("working"), said("LOOP_COMPLETE"), RESULT), end())
    assert (found.ended, found.text) == (Ended.DONE, "working\nLOOP_COMPLETE")
    assert (found.usage.tokens, found.usage.cost_usd, found.session_id) == (120, Decimal("0.25"), "s")


def test_what_is_not_the_agents_own_word() -> None:
    """The prompt echoed, a tool's output, a sub-agent's text: none of it counts."""
    stream = fed(
        {"type": "user", "message": {"content": [{"type": "text", "text": "LOOP_COMPLETE"}]}},
        {"type": "user", "message": {"content": [{"type": "tool_result", "content": "LOOP_COMPLETE"}]}},
        said("LOOP_COMPLETE", parent_tool_use_id="t1"),
        said("still at it"),
        {**RESULT, "result": "still at it"},
    )
    assert stream.text == "still at it"


def test_garbage_is_passed_over() -> None:
    """No JSON, no object, an unknown event, a line that was cut."""
    stream = fed(b"\xff\xfe", b"[1]", b"null", {"type": "rate_limit_event"}, {"type": "assistant"}, RESULT, b'{"type":')
    assert (stream.is_error, stream.text) == (False, "LOOP_COMPLETE")


def test_an_error_inside_a_success() -> None:
    """`subtype: success` beside `is_error: true`, and an exit code of 0: it failed, with its class."""
    stream = fed({**RESULT, "is_error": True, "api_error_status": 401, "result": "Invalid API key"})
    found = outcome(stream, end())
    assert (found.ended, found.error) == (Ended.FAILED, "auth: Invalid API key")
    assert found.usage.cost_usd == Decimal("0.25")


def test_no_result() -> None:
    """What was used until then counts, each message once; the price is unknown, not zero."""
    first = said("half")
    found = outcome(fed(first, first, said("more")), end(code=1, tail="boom"))
    assert (found.ended, found.usage.tokens, found.usage.cost_usd) == (Ended.FAILED, 30, None)
    assert found.error == "claude ended without its result (boom)"


def test_how_a_call_ended() -> None:
    """A result that was heard outranks the way its process was ended."""
    assert outcome(fed(RESULT), end(How.FINISHED, -9)).ended is Ended.DONE
    assert outcome(fed(RESULT), end(How.TIMEOUT, -9)).ended is Ended.DONE
    assert outcome(fed(said("x")), end(How.TIMEOUT, -9)).ended is Ended.TIMEOUT
    assert outcome(fed(said("x")), end(How.STOPPED, -2)).ended is Ended.CANCELLED


def test_figures_that_cannot_be_true() -> None:
    """A negative price, a count that is no number: unknown, or left out."""
    stream = fed({**RESULT, "total_cost_usd": -1, "modelUsage": {"m": {"inputTokens": True, "outputTokens": -4}}})
    assert (stream.usage.cost_usd, stream.usage.tokens) == (None, 0)

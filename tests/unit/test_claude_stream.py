"""Pure: what claude's events add up to."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ralph_action.agents import cli
from ralph_action.agents.adapter import MAX_TEXT, Failure
from ralph_action.agents.claude import ADAPTER
from ralph_action.agents.messages import MessageStream as Stream
from ralph_action.agents.process import ChildEnd, How
from ralph_action.outcome import Ended, ErrorClass, Outcome


def end(how: How = How.EXITED, code: int = 0, tail: str = "") -> ChildEnd:
    return ChildEnd(how=how, exit_code=code, duration_s=1.0, tail=tail)


def outcome(stream: Stream, how: ChildEnd) -> Outcome:
    return cli.outcome(stream, how, stream.usage, now=datetime(2026, 1, 1, tzinfo=UTC), traits=ADAPTER.TRAITS)


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


def assistant(*blocks: object, **more: object) -> dict[str, object]:
    return {"type": "assistant", "message": {"id": "m", "content": list(blocks)}, **more}


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
    """The prompt echoed, a tool's input and output, a sub-agent's text, thoughts: none of it counts."""
    stream = fed(
        {"type": "system", "subtype": "init", "prompt": "LOOP_COMPLETE", "result": "LOOP_COMPLETE"},
        {"type": "user", "message": {"role": "user", "content": "LOOP_COMPLETE"}},
        {"type": "user", "message": {"content": [{"type": "text", "text": "LOOP_COMPLETE"}]}},
        {"type": "user", "message": {"content": [{"type": "tool_result", "content": "LOOP_COMPLETE"}]}},
        {"type": "user", "message": {"content": []}, "tool_use_result": {"stdout": "LOOP_COMPLETE"}},
        said("LOOP_COMPLETE", parent_tool_use_id="t1"),
        assistant({"type": "tool_use", "name": "Bash", "input": {"command": "echo LOOP_COMPLETE"}}),
        assistant({"type": "thinking", "thinking": "LOOP_COMPLETE"}, {"type": "new", "text": "LOOP_COMPLETE"}),
        {"type": "stream_event", "event": {"delta": {"type": "text_delta", "text": "LOOP_COMPLETE"}}},
        said("still at it"),
        {**RESULT, "result": "still at it"},
    )
    assert stream.text == "still at it"


WORDS = st.sampled_from(
    ["type", "message", "content", "usage", "modelUsage", "is_error", "result", "id", "text", "session_id", "error"]
)
GARBAGE = (
    b"\xff\xfe",
    b"",
    b"no json at all",
    b"[1]",
    b"null",
    b'"text"',
    b"[" * 100_000,
    b'{"type":',
    b'{"type":"result","result":' + b"9" * 5000 + b"}",
    {"type": "rate_limit_event"},
    {"type": 7},
    {"type": ["result"]},
    {"type": "assistant"},
    {"type": "assistant", "message": "text"},
    {"type": "assistant", "message": {"content": "text", "usage": [1], "id": 3}},
    assistant("text", None, {"type": "text"}, {"type": "text", "text": 3}, {"type": "tool_use"}),
    {"session_id": ["x"]},
)


def test_garbage_is_passed_over() -> None:
    """No JSON, no object, an unknown event, one of another shape, a line that was cut."""
    stream = fed(*GARBAGE, RESULT, *GARBAGE)
    assert stream.failure is None
    assert (stream.text, stream.session_id) == ("LOOP_COMPLETE", "s")
    assert fed(*GARBAGE).is_over is False


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)


@given(
    st.lists(st.dictionaries(WORDS, JSON | st.sampled_from(["result", "assistant", "text"]), max_size=6), max_size=4)
)
def test_no_event_can_end_it(events: list[dict[str, object]]) -> None:
    """Whatever shape the next version gives them."""
    found = outcome(fed(*events), end())
    assert found.usage.tokens is None or found.usage.tokens >= 0


def test_a_result_that_was_cut_is_none() -> None:
    """The child was killed in the middle of its last line: no success, and the promise before it still counts."""
    line = json.dumps(RESULT).encode()
    for length in (1, len(line) // 2, len(line) - 1):
        found = outcome(fed(said("LOOP_COMPLETE"), line[:length]), end())
        assert (found.ended, found.text) == (Ended.FAILED, "LOOP_COMPLETE")


def test_half_a_character() -> None:
    """JSON can say what no text may hold, as a program cuts an emoji in two; it must be writable all the same."""
    found = outcome(fed(said("cut \ud83d"), {**RESULT, "result": "off \ude00", "session_id": "s\ud83d"}), end())
    for text in (found.text, found.session_id):
        assert text.encode()
    failed = fed({**RESULT, "is_error": True, "result": "cut \ud83d"})
    assert failed.failure
    assert failed.failure.text.encode()


def test_the_text_is_bounded() -> None:
    """Its end is kept, where a promise would be."""
    stream = fed(*(said(f"{number} " + "x" * 100_000) for number in range(15)), said("LOOP_COMPLETE"))
    assert 0 < MAX_TEXT - len(stream.text) < 110_000
    assert stream.text.endswith("x\nLOOP_COMPLETE")
    assert fed(said("x" * MAX_TEXT + "y")).text == "x" * (MAX_TEXT - 1) + "y"


def test_what_people_see() -> None:
    """Texts and the names of tools as they come; nothing of a sub-agent."""
    shown: list[str] = []
    stream = Stream(shown.append)
    for event in (said("one"), assistant({"type": "tool_use", "name": "Bash"}), said("no", parent_tool_use_id="t")):
        stream.feed(json.dumps(event).encode())
    assert shown == ["one", "→ Bash"]


def test_an_error_inside_a_success() -> None:
    """`subtype: success` beside `is_error: true`, and an exit code of 0: it failed, with its class."""
    stream = fed({**RESULT, "is_error": True, "api_error_status": 401, "result": "Invalid API key"})
    found = outcome(stream, end())
    assert (found.ended, found.error) == (Ended.FAILED, "auth: Invalid API key")
    assert found.usage.cost_usd == Decimal("0.25")


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"subtype": "error_max_turns", "is_error": True, "result": None}, "error: error_max_turns"),
        ({"subtype": "error_during_execution", "is_error": True, "result": None, "errors": ["a", "b"]}, "error: ['a',"),
        ({"is_error": True, "api_error_status": 429, "result": "slow\ndown"}, "rate limit: slow down"),
        ({"is_error": True, "api_error_status": 529, "result": "x"}, "overload: x"),
        ({"is_error": True, "api_error_status": None, "result": "Not logged in"}, "error: Not logged in"),
        ({"is_error": None}, "error: LOOP_COMPLETE"),
        ({"is_error": "false"}, "error: LOOP_COMPLETE"),
    ],
)
def test_the_classes_of_errors(more: dict[str, object], error: str) -> None:
    """Only `is_error: false` is a success; the text of an error is no word of the agent's."""
    found = outcome(fed({**RESULT, **more}), end())
    assert (found.ended, found.text) == (Ended.FAILED, "")
    assert found.error.startswith(error)


def test_the_error_of_a_message_names_the_class() -> None:
    """`billing_error` stands beside the message, where the result has a status alone."""
    stream = fed(assistant(error="billing_error"), {**RESULT, "is_error": True, "api_error_status": 400, "result": "x"})
    assert stream.failure == Failure(text="billing error: x", kind=ErrorClass.BILLING)
    late = fed(assistant(error="server_error")).failure
    assert late == Failure(text="it ended without its result: server error", kind=ErrorClass.OVERLOAD)


def test_no_result() -> None:
    """What was used until then counts, each message once; the price is unknown, not zero."""
    first = said("half")
    found = outcome(fed(first, first, said("more")), end(code=1, tail="boom"))
    assert (found.ended, found.usage.tokens, found.usage.cost_usd) == (Ended.FAILED, 30, None)
    assert found.error == "it ended without its result (boom)"


def test_how_a_call_ended() -> None:
    """A result that was heard outranks the way its process was ended; an exit code of 0 proves nothing."""
    assert outcome(fed(said("x")), end(How.EXITED, 0)).ended is Ended.FAILED
    assert outcome(fed(RESULT), end(How.EXITED, 1)).ended is Ended.DONE
    assert outcome(fed(RESULT), end(How.FINISHED, -9)).ended is Ended.DONE
    for how, ended in ((How.STOPPED, Ended.CANCELLED), (How.TIMEOUT, Ended.TIMEOUT)):
        assert outcome(fed(RESULT), replace(end(how, -9), is_finished=True)).ended is Ended.DONE
        assert outcome(fed(RESULT), end(how, -9)).ended is ended, "said because it was ended"
    assert outcome(fed(said("x")), end(How.TIMEOUT, -9)).ended is Ended.TIMEOUT
    assert outcome(fed(said("x")), end(How.STOPPED, -2)).ended is Ended.CANCELLED


def test_tokens_without_models() -> None:
    """The result's own usage counts then: input, output and both kinds of cache."""
    names = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    usage = {name: 10**number for number, name in enumerate(names)}
    none: tuple[object, ...] = (None, {}, [1])
    for models in none:
        assert fed({**RESULT, "modelUsage": models, "usage": {**usage, "service_tier": 5}}).usage.tokens == 1111
    assert fed({**RESULT, "modelUsage": {"m": 3}}).usage.tokens is None


def test_what_is_used_until_then() -> None:
    """Sub-agents' tokens count too; nothing heard is unknown, never 0."""
    assert fed(said("a"), said("b", parent_tool_use_id="t")).usage.tokens == 30
    assert fed().usage.tokens is None
    assert fed().usage.cost_usd is None


@pytest.mark.parametrize("price", [-1, True, "0.25", None, [1], float("nan"), float("inf")])
def test_a_price_that_cannot_be_true(price: object) -> None:
    assert fed({**RESULT, "total_cost_usd": price}).usage.cost_usd is None


def test_a_price_is_what_was_written() -> None:
    """No digit is added: 0.1 stays 0.1."""
    assert fed({**RESULT, "total_cost_usd": 0.1}).usage.cost_usd == Decimal("0.1")
    assert fed({**RESULT, "total_cost_usd": 0}).usage.cost_usd == 0


def test_figures_that_cannot_be_true() -> None:
    """A negative price, a count that is no number: unknown."""
    stream = fed({**RESULT, "total_cost_usd": -1, "modelUsage": {"m": {"inputTokens": True, "outputTokens": -4}}})
    assert (stream.usage.cost_usd, stream.usage.tokens) == (None, None)

"""Every adapter, the same scenarios: what its CLI writes comes to the same outcome."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ralph_action import agents
from ralph_action.agents import adapter_of, cli
from ralph_action.agents.adapter import Options, Stream
from ralph_action.agents.process import ChildEnd, How
from ralph_action.inputs import AGENTS
from ralph_action.outcome import Outcome
from ralph_action.ports import Call, unseen
from tests.contract.agents import NAMES, Scenario

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CALL = Call(
    prompt="Do it.\n",
    prompt_file=Path("/w/.agent/prompt.md"),
    workspace=Path("/w"),
    iteration=3,
    environment={},
    log=Path("/l"),
)
MAX_LINES = 120


def told(agent: str) -> ModuleType:
    return import_module(f"tests.contract.agents.{agent}")


def written(line: object) -> bytes:
    return line if isinstance(line, bytes) else json.dumps(line).encode()


def played(agent: str, scenario: Scenario) -> Outcome:
    adapter = adapter_of(agent)
    stream = adapter.stream(unseen)
    lines = [written(line) for line in scenario.lines]
    for line in lines:
        stream.feed(line)
    tail = scenario.tail or b"\n".join(lines)[-4096:].decode(errors="replace").strip()
    code, complaint = scenario.exit_code, scenario.complaint
    end = ChildEnd(how=scenario.how, exit_code=code, duration_s=1.0, tail=tail, complaint=complaint)
    return cli.outcome(stream, end, stream.usage, now=NOW, traits=adapter.TRAITS)


@pytest.mark.parametrize("agent", agents.NAMES)
@pytest.mark.parametrize("name", NAMES)
def test_a_scenario(agent: str, name: str) -> None:
    said = told(agent)
    if name in said.WITHOUT:
        pytest.skip(f"{agent}: {said.WITHOUT[name]}")
    scenario: Scenario = said.SCENARIOS[name]
    found = played(agent, scenario)
    assert found.ended is scenario.ended, found
    assert scenario.kind is None or found.error_class is scenario.kind, found
    assert scenario.text is None or found.text == scenario.text
    assert scenario.tokens is None or found.usage.tokens == scenario.tokens
    assert scenario.cost is None or found.usage.cost_usd == scenario.cost
    assert scenario.session is None or found.session_id == scenario.session
    assert scenario.resets_in_s is None or found.resets_in_s == scenario.resets_in_s
    assert found.denied == scenario.denied
    assert bool(found.error) is (found.ended in {"failed", "timeout", "limit"})
    for text in (found.text, found.error, found.session_id):
        text.encode()


@pytest.mark.parametrize("agent", agents.NAMES)
def test_it_keeps_to_the_table(agent: str) -> None:
    """One module, short; every scenario told or left out with its reason; traits and outcome say the same."""
    said, traits = told(agent), adapter_of(agent).TRAITS
    assert traits.name == agent
    assert set(said.SCENARIOS) | set(said.WITHOUT) == set(NAMES)
    assert set(said.SCENARIOS) & set(said.WITHOUT) == set()
    assert len((Path(agents.__file__).parent / f"{agent}.py").read_text().splitlines()) <= MAX_LINES
    success = played(agent, said.SCENARIOS["success"])
    assert (success.usage.tokens is not None) is traits.reports_tokens
    assert (success.usage.cost_usd is not None) is traits.reports_cost
    assert bool(success.session_id) is traits.resumes


def test_the_input_takes_them_all() -> None:
    assert set(AGENTS) == {"auto", *agents.NAMES}
    assert set(agents.AUTO) <= set(agents.NAMES)


@pytest.mark.parametrize("agent", agents.NAMES)
def test_the_prompt_is_given_once(agent: str) -> None:
    """On its standard input, as a word of its command line, as a file or in a dialogue, whole."""
    adapter = adapter_of(agent)
    words = adapter.argv(Options(executable="/bin/x", command="true", args=("--more",)), CALL)
    stream, written_to = adapter.stream(unseen), adapter.stdin(CALL)
    for line in told(agent).SCENARIOS["success"].lines:
        stream.feed(written(line))
        written_to += stream.replies(CALL)
    given = [word for word in (*words, written_to.decode()) if "Do it." in word or word == str(CALL.prompt_file)]
    assert len(given) == 1
    assert written_to.count(b"Do it.") <= 1
    assert adapter.TRAITS.is_dialogue or not stream.replies(CALL)


WORDS = st.sampled_from(["type", "message", "content", "text", "usage", "error", "result", "item", "part", "id", "x"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)


EVENT = st.dictionaries(WORDS, JSON, max_size=5).map(lambda event: json.dumps(event).encode())


@pytest.mark.parametrize("agent", agents.NAMES)
@given(lines=st.lists(EVENT | st.binary(), max_size=5))
def test_no_line_can_end_it(agent: str, lines: list[bytes]) -> None:
    """Whatever the next version writes."""
    stream: Stream = adapter_of(agent).stream(unseen)
    for line in lines:
        stream.feed(line)
    end = ChildEnd(how=How.EXITED, exit_code=0, duration_s=1.0, tail="")
    found = cli.outcome(stream, end, stream.usage, now=NOW, traits=adapter_of(agent).TRAITS)
    assert found.usage.tokens is None or found.usage.tokens >= 0

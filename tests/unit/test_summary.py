"""The job summary."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from ralph_action.report.page import page
from ralph_action.report.summary import duration, summary
from ralph_action.state import StopReason
from tests.unit.records import done, new_state


def test_it_says_what_happened_and_what_it_cost() -> None:
    """Outcome first, then the totals, then a row for each iteration."""
    state = new_state().after(done("first"), started="s", now="n").after(done("second"), started="s", now="n")
    text = summary(state.ended(StopReason.PROMISE_KEPT, now="n"), {"local": "reached"}, resumed_from="branch")
    lines = text.splitlines()
    assert lines[0] == "### Ralph: The task is completed (promise-kept)"
    assert "| 2 | 2.0 s | 20 | $1.0000 |" in lines
    assert "| 2 | done | 1.0 s | 10 | $0.5000 | second |" in lines
    assert "Resumed from branch." in lines


def test_unknown_is_called_unknown() -> None:
    """Never 0."""
    text = summary(new_state().after(done(tokens=None, cost=None), started="s", now="n"), {})
    assert "| unknown | unknown |" in text


def test_an_estimate_is_marked_as_one() -> None:
    """In its row, and in the sum that it is part of."""
    guess = replace(done("a"), usage=replace(done().usage, is_estimate=True))
    state = new_state().after(guess, started="s", now="n").after(done("b"), started="s", now="n")
    text = summary(state, {})
    assert "| 2 | 2.0 s | 20 | ~$1.0000 |" in text
    assert "| ~$0.5000 | a |" in text
    assert "| $0.5000 | b |" in text
    assert page(state, {}).count("~$") == 2


def test_another_agent_is_named() -> None:
    """Where it stood in for the task's own."""
    state = new_state()
    for agent in (state.agent, "codex"):
        state = state.after(done(agent), started="s", now="n", agent=agent)
    assert [line.split(" | ")[1] for line in summary(state, {}).splitlines()[-2:]] == ["done", "done (codex)"]
    assert "done (codex)" in page(state, {})


@given(st.lists(st.text(max_size=200), max_size=60), st.integers(2_000, 5_000))
def test_it_is_never_longer_than_its_limit(texts: list[str], limit: int) -> None:
    """Older iterations are left out first, and the table says how many."""
    state = new_state()
    for text in texts:
        state = state.after(done(text), started="s", now="n")
    rendered = summary(state, {}, limit=limit)
    assert len(rendered.encode()) <= limit


def test_an_agent_cannot_draw_in_the_table() -> None:
    """Markdown, HTML and mentions in its text stay text."""
    text = summary(new_state().after(done("a|b <img src=x> [l](u) `c` @org\nnext"), started="s", now="n"), {})
    row = text.splitlines()[-1]
    assert row.endswith("| a\\|b &lt;img src=x> \\[l](u) 'c' @\u200borg next |")


def test_durations_for_people() -> None:
    """Seconds, minutes, hours."""
    assert [duration(value) for value in (0.25, 75, 7260)] == ["0.2 s", "1 min 15 s", "2 h 1 min"]

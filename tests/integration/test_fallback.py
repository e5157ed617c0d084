"""`fallback-agents` by a real run: who does which iteration while the first is at a limit of its plan."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.lab.ending import INIT, RESET, Ending, Event, result
from tests.lab.place import state_of

LIMITED = """
if [ ! -e "$HOME/was-limited" ]; then
  touch "$HOME/was-limited"
  at=$(( $(date +%s) + 6 ))
  echo '{"type":"rate_limit_event","rate_limit_info":{"status":"rejected","resetsAt":'$at'}}'
  echo '{"type":"result","is_error":true,"result":"usage limit"}'
  exit 1
fi
"""
"""The first call of Claude Code is refused; the limit is over some seconds later."""
WORK = 'echo "$0" >> work.txt'


def turn(text: str) -> tuple[Event, ...]:
    """What Codex prints."""
    return (
        {"type": "thread.started", "thread_id": "t"},
        {"type": "item.completed", "item": {"type": "agent_message", "text": text}},
        {"type": "turn.completed", "usage": {"input_tokens": 70, "cached_input_tokens": 0, "output_tokens": 7}},
    )


def test_the_next_one_takes_over_and_the_first_comes_back(ending: Ending) -> None:
    """As soon as its limit is over; the refused call uses no iteration up, and each is recorded with its agent."""
    ending.agent(INIT, result("LOOP_COMPLETE"), before=LIMITED + WORK)
    ending.agent(*turn("ok"), name="codex", before=f"{WORK}; sleep 1")
    code, log = ending.run("--fallback-agents", "codex", "--max-iterations", "50")
    assert code == 0, log
    rows = state_of(ending.work)["iterations"]
    others = len(rows) - 1
    assert [row["agent"] for row in rows] == ["codex"] * others + ["claude"], log
    assert others >= 1
    assert [row["number"] for row in rows] == list(range(1, others + 2))
    assert {row["tokens"] for row in rows[:-1]} == {77}
    names = [line.rpartition("/")[2] for line in ending.place.remote.run("show", "ralph/t:work.txt").splitlines()]
    assert names == ["codex"] * others + ["claude"]
    assert ending.outputs["resets-at"] == ""
    assert "done (codex)" in ending.files["GITHUB_STEP_SUMMARY"].read_text()
    assert "Iteration 1 (codex)" in log


def test_all_are_at_a_limit(ending: Ending) -> None:
    """The task pauses, and says when the first of them is free."""
    ending.agent(INIT, RESET, result("usage limit", is_error=True))
    failed: Event = {"type": "turn.failed", "error": {"message": "You've hit your usage limit. Try again in 2 hours."}}
    ending.agent(*turn("ok")[:1], failed, name="codex", after="exit 1")
    earliest = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=2)
    code, log = ending.run("--fallback-agents", "codex")
    latest = datetime.now(UTC) + timedelta(hours=2)
    assert code == 10, log
    outputs = ending.outputs
    assert (outputs["status"], outputs["stop-reason"], outputs["iterations"]) == ("paused", "usage-limit", "0")
    resets_at = datetime.fromisoformat(outputs["resets-at"])
    assert earliest - timedelta(seconds=1) <= resets_at <= latest + timedelta(seconds=1)
    assert state_of(ending.work)["resets_at"] == outputs["resets-at"]
    assert f"The limit is over at {outputs['resets-at']}." in log

"""Every ending by a real run: status, reason, exit code, outputs, and what a person is told to do."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from ralph_action.state import StopReason
from tests.lab.ending import INIT, RESET, Ending, Event, refused, result, said
from tests.lab.place import Place, state_of

WORK = "echo x >> work.txt"
ROWS: dict[StopReason, tuple[tuple[Event, ...], tuple[str, ...], str, int]] = {
    StopReason.PROMISE_KEPT: ((INIT, result("LOOP_COMPLETE")), (), "completed", 0),
    StopReason.MAX_ITERATIONS: ((INIT, result()), ("--max-iterations", "2"), "stopped", 11),
    StopReason.MAX_TOKENS: ((INIT, result()), ("--max-tokens", "250"), "stopped", 11),
    StopReason.MAX_COST: ((INIT, result()), ("--max-cost", "0.9"), "stopped", 11),
    StopReason.MAX_FAILURES: ((INIT, result("odd", is_error=True)), ("--max-failures", "2"), "stopped", 11),
    StopReason.FAIL_FAST: ((INIT, result("odd", is_error=True)), ("--max-failures", "9"), "stopped", 11),
    StopReason.AUTH: (refused("Invalid API key", 401), (), "failed", 6),
    StopReason.BILLING: (refused("Credit balance is too low", 400), (), "failed", 6),
    StopReason.BAD_CALL: (refused("model: x not found", 404), (), "failed", 6),
    StopReason.RATE_LIMIT: (refused("429: rate limit"), ("--max-wait", "5s"), "paused", 10),
    StopReason.USAGE_LIMIT: ((INIT, RESET, result("usage limit", is_error=True)), (), "paused", 10),
}


@pytest.mark.parametrize("reason", sorted(ROWS))
def test_an_ending(ending: Ending, reason: StopReason) -> None:
    events, flags, status, exit_code = ROWS[reason]
    ending.agent(*events, before=WORK)
    code, log = ending.run(*flags)
    assert code == exit_code, log
    outputs = ending.outputs
    assert (outputs["status"], outputs["stop-reason"]) == (status, reason.value)
    assert f"Ended: {status} ({reason.value})" in log
    assert f"({reason.value})" in ending.files["GITHUB_STEP_SUMMARY"].read_text()
    assert ending.place.remote.run("show", "ralph/t:work.txt").split()
    state = state_of(ending.work)
    assert (state["status"], state["stop_reason"]) == (status, reason.value)
    # Worked out from a wait, so a second may be lost on the way.
    assert (outputs["resets-at"][:10] in {"2100-01-01", "2099-12-31"}) is (reason is StopReason.USAGE_LIMIT)
    assert ("What to do: " in log) is (status in {"failed", "paused"} or reason is StopReason.FAIL_FAST)


def test_denied_tools_end_it(ending: Ending) -> None:
    """Without progress; money is not spent on a wall."""
    ending.agent(INIT, result(permission_denials=[{"tool_name": "Bash"}]))
    code, log = ending.run("--max-iterations", "9")
    assert code == 6, log
    assert ending.outputs["stop-reason"] == "permission-denied"
    assert int(ending.outputs["iterations"]) <= 1


@pytest.mark.parametrize("interval", ["1", "5"])
def test_stagnation(ending: Ending, interval: str) -> None:
    """Our own checkpoints are no progress, nor is what an agent's CLI writes into its own diary."""
    ending.agent(INIT, result(), before="date +%N >> .aider.chat.history.md")
    code, log = ending.run("--max-stagnation", "2", "--checkpoint-interval", interval)
    assert code == 11, log
    assert (ending.outputs["stop-reason"], ending.outputs["iterations"]) == ("stagnation", "3")


def test_the_runs_time_is_over(ending: Ending) -> None:
    ending.agent(INIT, result(), before=f"{WORK}; sleep 1.2")
    code, log = ending.run("--max-runtime", "2s")
    assert code == 10, log
    assert ending.outputs["stop-reason"] == "max-runtime"


def test_the_tasks_time_is_over(ending: Ending) -> None:
    ending.agent(INIT, result(), before=f"{WORK}; sleep 1.2")
    code, log = ending.run("--max-active-time", "2s")
    assert code == 11, log
    assert ending.outputs["stop-reason"] == "max-active-time"


def test_a_signal(ending: Ending) -> None:
    ending.agent(INIT, before=WORK, after='touch "$HOME/reached"; sleep 300')
    process = ending.start()
    ending.place.wait_for_iteration()
    process.send_signal(signal.SIGINT)
    log, _ = process.communicate(timeout=60)
    assert process.returncode == 130, log
    assert ending.outputs["status"] == "cancelled"


@pytest.mark.parametrize(("flag", "value"), [("--max-tokens", "25"), ("--max-cost", "0.01")])
def test_a_budget_ends_an_iteration_in_its_middle(ending: Ending, flag: str, value: str) -> None:
    """By the running sum of the stream; for the cost by the CLI's own budget, which is given what is left."""
    seen = 'echo "$@" >> "$HOME/words"; '
    over = "" if flag == "--max-cost" else 'touch "$HOME/reached"; sleep 300'
    ending.agent(INIT, said("a"), said("b"), said("c"), before=f"{seen}{WORK}", after=over)
    code, log = ending.run(flag, value, "--max-iterations", "3")
    assert code == 11, log
    if flag == "--max-tokens":
        assert (ending.outputs["stop-reason"], ending.outputs["tokens-used"]) == ("max-tokens", "30")
        assert "limit after" in log
    else:
        assert "--max-budget-usd 0.01" in Path(ending.place.environment["HOME"], "words").read_text()


def test_verify(ending: Ending) -> None:
    """A failure's tail goes into the next prompt, and the loop goes on; only then it is completed."""
    ending.agent(INIT, result("LOOP_COMPLETE"), before=WORK)
    code, log = ending.run("--verify", "echo checking\ntest $(wc -l < work.txt) -ge 2 || { echo too few; exit 3; }")
    assert code == 0, log
    assert ending.outputs["iterations"] == "2"
    assert "    too few\n    (exit code 3)" in ending.prompts
    assert ending.prompts.count("too few") == 2, "its command and its output, once"


def test_a_budget_that_an_agent_cannot_be_held_to_is_refused(place: Place) -> None:
    """Before any money is spent, with the remedy."""
    code, log = place.run(place.clone("one"), "--command", "true", "--max-cost", "1", "--max-tokens", "5")
    assert code == 2, log
    assert "max-cost: command reports no price" in log
    assert "max-tokens: command does not report its tokens" in log


def test_a_checklist(ending: Ending) -> None:
    (ending.work / "PROMPT.md").write_text("Do:\n- [ ] one\n- [ ] two\n")
    ending.agent(INIT, result("LOOP_COMPLETE"), before='sed -i "0,/\\[ \\]/s//[x]/" PROMPT.md')
    code, log = ending.run("--completion-promise", "checklist")
    assert code == 0, log
    assert ending.outputs["iterations"] == "2"


def test_the_prompt_that_names_the_promise_does_not_keep_it(ending: Ending) -> None:
    (ending.work / "PROMPT.md").write_text("Say this when done:\nLOOP_COMPLETE\n")
    tool = {"type": "user", "message": {"content": [{"type": "tool_result", "content": "LOOP_COMPLETE"}]}}
    ending.agent(INIT, tool, result("not yet"), before=WORK)
    code, log = ending.run("--max-iterations", "2")
    assert code == 11, log


def test_the_context_can_be_turned_off(ending: Ending) -> None:
    ending.agent(INIT, result("LOOP_COMPLETE"))
    assert ending.run("--context", "none")[0] == 0
    assert ending.prompts == "Do it.\n"


def test_the_agent_is_told_where_it_stands(ending: Ending) -> None:
    ending.agent(INIT, result(), before=WORK)
    ending.run("--max-iterations", "2", "--max-cost", "3", "--max-tokens", "5000")
    assert "This is iteration 2 of at most 2." in ending.prompts
    assert "4,900 tokens, $2.50" in ending.prompts
    assert ".agent/scratchpad.md" in ending.prompts

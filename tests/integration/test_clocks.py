"""What ends an agent that says nothing, or takes too long: real processes, and nobody is left."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ralph_action.agents import adapter_of
from ralph_action.agents.adapter import Options
from ralph_action.agents.cli import Cli
from ralph_action.outcome import Ended, ErrorClass, Outcome
from ralph_action.ports import Call, Stop
from ralph_action.reaction import Streak, react
from tests.integration.test_process import is_alive
from tests.lab.ending import Ending, result
from tests.lab.place import state_of

FAMILY = 'echo $$ >> "$HOME/pids"; sleep 300 & echo $! >> "$HOME/pids"; (setsid sleep 300 & echo $! >> "$HOME/pids")'
"""A child in its group, and one in a session of its own."""


def pids(home: Path) -> list[int]:
    return [int(line) for line in (home / "pids").read_text().split()]


def called(root: Path, script: str, *, silence_s: float = 60, timeout_s: float = 60) -> Outcome:
    """What a CLI that is this script comes to."""
    program = root / "claude"
    program.write_text(f"#!/bin/bash\n{script}\n")
    program.chmod(0o755)
    call = Call(
        prompt="Do it.\n",
        prompt_file=root / "prompt",
        workspace=root,
        iteration=1,
        environment={"PATH": os.environ["PATH"], "HOME": str(root)},
        log=root / "log",
        timeout_s=timeout_s,
    )
    agent = Cli(adapter_of("claude"), Options(executable=str(program)), silence_s=silence_s)
    return agent.run(call, Stop())


@pytest.mark.fault(
    "agent",
    "it says nothing at all after its start",
    "It is ended after 150 seconds with all that it has started; that is an outage, and uses no iteration up.",
)
def test_the_watchdog_of_the_start(tmp_path: Path) -> None:
    found = called(tmp_path, f"{FAMILY}; sleep 300", silence_s=1)
    assert (found.ended, found.error_class) == (Ended.FAILED, ErrorClass.SILENT)
    assert "it had said nothing at all" in found.error
    what, _ = react(found, Streak(), has_progress=False)
    assert (what.counts, what.is_outage, what.reason) == (False, True, None)
    assert len(pids(tmp_path)) == 3
    assert [pid for pid in pids(tmp_path) if is_alive(pid)] == []


def test_the_watchdog_is_of_the_start_alone(tmp_path: Path) -> None:
    """One that has begun to speak may think as long as it likes."""
    said = """{"type":"result","is_error":false,"result":"ok"}"""
    found = called(tmp_path, f"echo '{{}}'; sleep 3; echo '{said}'", silence_s=2)
    assert (found.ended, found.text) == (Ended.DONE, "ok")


def test_one_that_says_it_is_done_because_it_is_ended(tmp_path: Path) -> None:
    """As Copilot CLI does; what it says then is no result, what it has used counts."""
    said = """{"type":"result","is_error":false,"result":"LOOP_COMPLETE","modelUsage":{"m":{"inputTokens":7}}}"""
    script = f"last() {{ echo '{said}'; exit 0; }}; trap last TERM; echo '{{}}'; sleep 60 & wait"
    found = called(tmp_path, script, timeout_s=2)
    assert (found.ended, found.usage.tokens) == (Ended.TIMEOUT, 7)


@pytest.mark.fault(
    "agent",
    "it begins to speak and then hangs",
    "With `idle-timeout`, or at `iteration-timeout`, it is ended with all that it has started; "
    "its work is kept, and the next iteration has a fresh process.",
)
@pytest.mark.parametrize(
    ("flag", "why"), [("idle-timeout", "silent for `idle-timeout`"), ("iteration-timeout", "time")]
)
def test_one_that_hangs(ending: Ending, flag: str, why: str) -> None:
    """In its first call; the second one, in another process, finds what it has left, and is done."""
    hang = f"echo half > half.txt; echo '{{}}'; {FAMILY}; sleep 300"
    ending.agent(result("LOOP_COMPLETE"), before=f'if [ ! -e half.txt ]; then {hang}; fi; echo $$ >> "$HOME/pids"')
    code, log = ending.run(f"--{flag}", "3s", "--checkpoint-interval", "1")
    assert code == 0, log
    rows = [(row["number"], row["ended"]) for row in state_of(ending.work)["iterations"]]
    assert rows == [(1, "timeout"), (2, "done")]
    assert why in state_of(ending.work)["iterations"][0]["summary"]
    found = pids(Path(ending.place.environment["HOME"]))
    assert len(set(found)) == 4
    assert [pid for pid in found if is_alive(pid)] == []
    subjects = ending.place.remote.run("log", "--format=%s", "ralph/t", "--", "half.txt")
    assert subjects.startswith("Ralph checkpoint 1")

"""Agent calls as real processes, the ill-behaved ones."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ralph_action.agents.process import MAX_LINE, ChildEnd, How, run_child
from ralph_action.errors import AgentError
from ralph_action.ports import Call, Stop


class Rig:
    """Runs a shell command as an agent does, and keeps what it printed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lines: list[bytes] = []
        self.stop = Stop()

    def run(
        self, command: str, *, timeout_s: float = 60, stdin: bytes = b"", finished: Callable[[], bool] = lambda: False
    ) -> ChildEnd:
        call = Call(
            prompt="",
            prompt_file=self.root / "prompt",
            workspace=self.root,
            iteration=1,
            environment={"PATH": os.environ["PATH"]},
            log=self.root / "log",
            timeout_s=timeout_s,
        )
        argv = ["/bin/bash", "-c", command]
        return run_child(argv, call=call, stop=self.stop, stdin=stdin, on_line=self.lines.append, finished=finished)

    def alive(self) -> list[str]:
        """The processes that are still at work in the rig's folder."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if (process / "cwd").readlink() == self.root and "Z" not in (process / "stat").read_text().split()[2]:
                    found.append((process / "cmdline").read_text())
        return found


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def test_one_that_ignores_the_polite_signal(rig: Rig) -> None:
    """It is ended all the same, and so is what it waits for."""
    end = rig.run("trap '' TERM; echo ready; while :; do sleep 0.1; done", timeout_s=0.5)
    assert end.how is How.TIMEOUT
    assert rig.lines == [b"ready"]
    assert rig.alive() == []


def test_a_daemon_that_holds_the_pipe(rig: Rig) -> None:
    """In a session of its own: the call ends with its child, and the daemon with the call."""
    end = rig.run("setsid bash -c 'sleep 300 & wait' & disown; echo done")
    assert (end.how, end.exit_code) == (How.EXITED, 0)
    assert rig.lines == [b"done"]
    assert rig.alive() == []


def test_one_very_long_line(rig: Rig) -> None:
    """30 MB without an end: its beginning is kept, the log has it whole."""
    end = rig.run("head -c 30000000 /dev/zero | tr '\\0' x; echo; echo after")
    assert end.exit_code == 0
    assert [len(line) for line in rig.lines] == [MAX_LINE, 5]
    assert (rig.root / "log").stat().st_size == 30_000_007
    assert len(end.tail) <= 4096


def test_both_streams_at_once(rig: Rig) -> None:
    """Neither blocks the other; stderr is in the log and the tail, never a line of the agent's."""
    end = rig.run("for i in $(seq 3000); do echo out$i; echo err$i >&2; done; exit 3")
    assert end.exit_code == 3
    assert len(rig.lines) == 3000
    assert all(line.startswith(b"out") for line in rig.lines)
    assert "err3000" in end.tail


def test_one_that_never_reads_its_prompt(rig: Rig) -> None:
    """Megabytes of prompt for a child that has ended already."""
    assert rig.run("exit 0", stdin=b"x" * 5_000_000).exit_code == 0


def test_one_that_prints_nothing(rig: Rig) -> None:
    end = rig.run("true")
    assert (end.how, end.tail, rig.lines) == (How.EXITED, "", [])


def test_bytes_that_are_no_text(rig: Rig) -> None:
    end = rig.run("printf '\\xff\\xfe\\n'; exit 1")
    assert rig.lines == [b"\xff\xfe"]
    assert end.exit_code == 1


def test_a_request_to_stop(rig: Rig) -> None:
    """It is heard while the child works, and nobody is left."""

    def ask() -> None:
        for _ in range(1200):
            if (rig.root / "ready").exists():
                break
            time.sleep(0.05)
        rig.stop.request(15)

    asking = threading.Thread(target=ask)
    asking.start()
    end = rig.run("sleep 300 & (setsid sleep 300 &) ; touch ready; wait")
    asking.join()
    assert end.how is How.STOPPED
    assert rig.alive() == []


def test_one_that_hangs_after_its_result(rig: Rig) -> None:
    """Its closing event was heard: it is ended after a while, and that is no timeout."""
    end = rig.run("echo result; sleep 300", finished=lambda: rig.lines == [b"result"])
    assert end.how is How.FINISHED
    assert rig.alive() == []


def test_a_shell_does_not_go_on_when_its_child_is_ended(rig: Rig) -> None:
    """Parents are told first: what comes after the ended command is not done."""
    for _ in range(5):
        rig.run("sleep 300; touch went-on", timeout_s=0.2)
        assert not (rig.root / "went-on").exists()


def test_a_command_that_is_not_there(tmp_path: Path) -> None:
    call = Call(prompt="", prompt_file=tmp_path, workspace=tmp_path, iteration=1, environment={}, log=tmp_path / "log")
    with pytest.raises(AgentError, match="cannot be started: /no/such"):
        run_child(["/no/such"], call=call, stop=Stop(), stdin=b"", on_line=lambda _: None)

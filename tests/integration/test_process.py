"""Agent calls as real processes, the ill-behaved ones."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ralph_action.agents import adapter_of
from ralph_action.agents.adapter import MAX_TEXT, Options
from ralph_action.agents.cli import Cli
from ralph_action.agents.lines import MAX_LINE
from ralph_action.agents.plain import PlainStream
from ralph_action.agents.process import ChildEnd, How, Watch, run_child
from ralph_action.agents.raw_log import FIRST_BYTES, LAST_BYTES
from ralph_action.errors import AgentError
from ralph_action.outcome import Ended, Outcome
from ralph_action.ports import Call, Stop


class Rig:
    """Runs a shell command as an agent does, and keeps what it printed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lines: list[bytes] = []
        self.stop = Stop()
        self.beside: threading.Thread | None = None

    def run(
        self, command: str, *, timeout_s: float = 60, stdin: bytes = b"", finished: Callable[[], bool] = lambda: False
    ) -> ChildEnd:
        argv = ["/bin/bash", "-c", command]
        call = self.call(timeout_s)
        watch = Watch(finished=finished)
        return run_child(argv, call=call, stop=self.stop, stdin=stdin, on_line=self.lines.append, watch=watch)

    def outcome(self, command: str, *, timeout_s: float = 60) -> Outcome:
        """What the `command` agent makes of it."""
        options = Options(executable="/bin/bash", command=command)
        return Cli(adapter_of("command"), options).run(self.call(timeout_s), self.stop)

    def call(self, timeout_s: float) -> Call:
        return Call(
            prompt="",
            prompt_file=self.root / "prompt",
            workspace=self.root,
            iteration=1,
            environment={"PATH": os.environ["PATH"]},
            log=self.root / "log",
            timeout_s=timeout_s,
        )

    def alive(self) -> list[int]:
        """The processes that are still at work: in the rig's folder, or those that wrote their number into a file."""
        here = {int(path.read_text()) for path in self.root.glob("pid-*")}
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if (process / "cwd").readlink() == self.root:
                    here.add(int(process.name))
        return sorted(pid for pid in here if is_alive(pid))

    def when(self, name: str, act: Callable[[], object]) -> None:
        """Do something beside the call, once it has made this file; a minute is for a machine that is busy."""

        def wait() -> None:
            deadline = time.monotonic() + 60
            while not (self.root / name).exists() and time.monotonic() < deadline:
                time.sleep(0.02)
            act()

        self.beside = threading.Thread(target=wait)
        self.beside.start()

    def stop_when(self, name: str) -> None:
        """Ask for the end as a signal handler does."""
        self.when(name, lambda: self.stop.request(signal.SIGTERM))


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    yield made
    if made.beside is not None:
        made.beside.join()
    for pid in made.alive():  # of a test that failed
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.fault(
    "agent",
    "it ignores SIGTERM",
    "It is killed a moment later, with all that it has started.",
)
def test_one_that_ignores_the_polite_signal(rig: Rig) -> None:
    """It is ended all the same, and so is what it waits for."""
    rig.stop_when("ready")
    end = rig.run("trap '' TERM; echo ready; touch ready; while :; do sleep 0.1; done")
    assert (end.how, end.exit_code) == (How.STOPPED, -signal.SIGKILL)
    assert rig.lines == [b"ready"]
    assert rig.alive() == []


DAEMONS = {
    "in a session of its own": "setsid {it} & disown",
    "forked twice": "(setsid sh -c '{it} &' &)",
    "that closed the pipe": "setsid {it} >/dev/null 2>&1 </dev/null & disown",
    "deaf to SIGTERM": "(trap '' TERM; setsid {it} &)",
    "without our mark": '(env -i PATH="$PATH" setsid {it} &)',
}


@pytest.mark.fault(
    "agent",
    "it leaves a daemon that holds its output open",
    "The call ends with the agent, not with the pipe; the daemon is found and ended, whatever session it is in.",
)
@pytest.mark.parametrize("kind", DAEMONS)
@pytest.mark.parametrize("after", ["exit 0", "sleep 300"])
def test_a_daemon_that_holds_the_pipe(rig: Rig, kind: str, after: str) -> None:
    """The call ends with its child, or at the request, never with the pipe; the daemon ends with the call."""
    script = rig.root / "daemon"
    script.write_text("#!/bin/bash\necho $$ > it; mv it pid-it; cd /; exec sleep 300\n")
    script.chmod(0o755)
    start = DAEMONS[kind].replace("{it}", str(script))
    if after != "exit 0":
        rig.stop_when("pid-it")
    end = rig.run(f"{start}\nuntil [ -e pid-it ]; do sleep 0.01; done; echo done; {after}")
    assert end.how is (How.EXITED if after == "exit 0" else How.STOPPED)
    assert rig.lines == [b"done"]
    assert rig.alive() == []


def test_a_pipe_that_somebody_else_holds(rig: Rig) -> None:
    """One who is none of the call's processes: its end never comes, and the call does not wait for it."""
    held: list[int] = []

    def hold() -> None:
        held.append(os.open(f"/proc/{(rig.root / 'pid-it').read_text().strip()}/fd/1", os.O_WRONLY))
        (rig.root / "held").touch()

    rig.when("pid-it", hold)
    end = rig.run("echo $$ > it; mv it pid-it; until [ -e held ]; do sleep 0.01; done; echo done")
    os.close(held[0])
    assert (end.how, rig.lines) == (How.EXITED, [b"done"])


@pytest.mark.fault(
    "agent",
    "it runs into its time limit",
    "It and its descendants are ended, and the iteration counts as a failed one.",
)
def test_at_the_time_limit_everyone_ends(rig: Rig) -> None:
    """Children in its group, in a session of their own, without our mark, deaf to SIGTERM; the agent timed out."""
    unmarked = 'env -i PATH="$PATH" setsid sleep 300 &'
    deaf = "(trap '' TERM; setsid sleep 300 &)"
    found = rig.outcome(f"sleep 300 & setsid sleep 300 & {unmarked} {deaf}; echo begun; wait", timeout_s=1)
    assert (found.ended, found.text) == (Ended.TIMEOUT, "begun")
    assert rig.alive() == []


@pytest.mark.fault(
    "agent",
    "it prints one line of 50 MB",
    "The first MB of the line counts, the log keeps it as it came, and our memory stays small.",
)
def test_one_very_long_line(rig: Rig) -> None:
    """50 MB without an end: its beginning is kept, the log has its beginning and its end, and memory stays small."""
    tracemalloc.start()
    try:
        end = rig.run("head -c 50000000 /dev/zero | tr '\\0' x; echo; echo after")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert end.exit_code == 0
    assert [len(line) for line in rig.lines] == [MAX_LINE, 5]
    assert FIRST_BYTES < (rig.root / "log").stat().st_size < FIRST_BYTES + LAST_BYTES + 1000
    assert len(end.tail) <= 4096
    assert peak < 8 * MAX_LINE


@pytest.mark.timeout(60)
def test_the_text_of_a_flood_is_bounded() -> None:
    """Short lines, as `yes` prints them: a cost that grows with the square would run into the limit."""
    text = PlainStream()
    for _ in range(1_500_000):
        text.feed(b"y")
    text.feed(b"the end")
    assert MAX_TEXT // 2 < len(text.text) <= MAX_TEXT
    assert text.text.endswith("y\nthe end")


def test_both_streams_at_once(rig: Rig) -> None:
    """Neither blocks the other; stderr is in the log and the tail, never a line of the agent's."""
    end = rig.run("for i in $(seq 3000); do echo out$i; echo err$i >&2; done; exit 3")
    assert end.exit_code == 3
    assert len(rig.lines) == 3000
    assert all(line.startswith(b"out") for line in rig.lines)
    assert b"err3000" in (rig.root / "log").read_bytes()
    assert end.tail.endswith(("err3000", "out3000"))  # which one comes last is chance: these are two pipes


@pytest.mark.fault(
    "agent",
    "it ends before it has read its prompt",
    "The call ends as the agent did; nothing waits for the prompt to be read.",
)
@pytest.mark.parametrize("first", ["", "exec 0<&-; ", "head -c 1000 >/dev/null; "])
def test_one_that_never_reads_its_prompt(rig: Rig, first: str) -> None:
    """Megabytes of prompt for a child that ends before it has read them, or closes the pipe."""
    assert rig.run(f"{first}echo on; exit 0", stdin=b"x" * 5_000_000).exit_code == 0
    assert rig.lines == [b"on"]


def test_a_long_prompt_arrives_whole(rig: Rig) -> None:
    """While the child prints more than a pipe holds before it reads."""
    end = rig.run("head -c 300000 /dev/zero | tr '\\0' x; echo; wc -c", stdin=b"x" * 5_000_000)
    assert (end.exit_code, rig.lines[1:]) == (0, [b"5000000"])


@pytest.mark.fault(
    "agent",
    "it prints nothing",
    "The exit code decides, and a failure says that nothing was printed.",
)
def test_one_that_prints_nothing(rig: Rig) -> None:
    end = rig.run("true")
    assert (end.how, end.tail, rig.lines) == (How.EXITED, "", [])
    assert rig.outcome("exit 7").error == "exit code 7: it printed nothing"


def test_bytes_that_are_no_text(rig: Rig) -> None:
    """They are shown as what they cannot be read as; the log has them as they came."""
    found = rig.outcome("printf 'a\\xff\\xfe\\n'; printf '\\xffb' >&2; exit 1")
    assert (found.text, found.error) == ("a\ufffd\ufffd", "exit code 1: \ufffdb")
    assert sorted((rig.root / "log").read_bytes()) == sorted(b"a\xff\xfe\n\xffb")


def test_a_request_to_stop(rig: Rig) -> None:
    """It is heard while the child works and prints, and nobody is left."""
    rig.stop_when("ready")
    found = rig.outcome("sleep 300 & (setsid sleep 300 &) ; touch ready; while :; do echo x; done")
    assert found.ended is Ended.CANCELLED
    assert rig.alive() == []


def test_a_request_from_before(rig: Rig) -> None:
    """A stop that came before the child was started is heard too."""
    rig.stop.request(signal.SIGINT)
    assert rig.run("sleep 300").how is How.STOPPED


@pytest.mark.fault(
    "agent",
    "it hangs after its result",
    "It is ended after five seconds, and its result counts.",
)
def test_one_that_hangs_after_its_result(rig: Rig) -> None:
    """Its closing event was heard: it is ended after a while, and that is no timeout."""
    end = rig.run("echo result; sleep 300", finished=lambda: rig.lines == [b"result"])
    assert end.how is How.FINISHED
    assert rig.alive() == []


def test_a_shell_does_not_go_on_when_its_child_is_ended(rig: Rig) -> None:
    """Parents are told first: what comes after the ended command is not done."""
    for number in range(5):
        rig.stop = Stop()
        rig.stop_when(f"ready-{number}")
        rig.run(f"for i in $(seq 100); do sleep 300 & done; : > ready-{number}; sleep 300; : > went-on")
        assert not (rig.root / "went-on").exists()


@pytest.mark.fault(
    "agent",
    "it cannot be started",
    "The run ends with exit code 6 and the program's name.",
)
def test_a_command_that_is_not_there(rig: Rig) -> None:
    with pytest.raises(AgentError, match="cannot be started: /no/such"):
        run_child(["/no/such"], call=rig.call(60), stop=rig.stop, stdin=b"", on_line=rig.lines.append)

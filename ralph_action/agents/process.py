"""Run one child to its end: bounded memory, a clock, and nobody left behind."""

from __future__ import annotations

import contextlib
import os
import selectors
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ralph_action.agents.descendants import MARK, adopted, become_subreaper, end_all
from ralph_action.agents.lines import Lines
from ralph_action.agents.memory import oom_kills, why_killed
from ralph_action.agents.raw_log import RawLog
from ralph_action.agents.stdin import Stdin
from ralph_action.children import start
from ralph_action.errors import AgentError
from ralph_action.identity import identity
from ralph_action.ports import Call, Stop

TAIL = 4096
DRAIN_S = 0.5
"""How long output is still read after the child has ended: a daemon may hold the pipe for ever."""
FINISHED_S = 5.0
"""How long a child may take to exit after its closing event; some never do."""
GRACE_S = 2.0
GRACE_AFTER_SIGNAL_S = 1.0
TICK_S = 0.05


class How(StrEnum):
    """Why the child is over."""

    EXITED = "exited"
    FINISHED = "finished"
    """It had said its closing event, and hung."""
    TIMEOUT = "timeout"
    IDLE = "idle"
    """It said nothing for too long."""
    SILENT = "silent"
    """It never said anything."""
    LIMIT = "limit"
    """A budget was used up."""
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildEnd:
    """What is known of a child that is over."""

    how: How
    exit_code: int
    duration_s: float
    tail: str
    """The end of its output, for an error message."""
    complaint: str = ""
    """The end of its standard error alone: the CLI's own words, where the output may be anybody's."""
    is_finished: bool = False
    """Whether it had said its closing event before we ended it; some say one because they are ended."""
    killed: str = ""
    """Why it is dead, when somebody else killed it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What ends a child besides its clock."""

    finished: Callable[[], bool] = lambda: False
    """Whether it has said that it is over; some never exit."""
    is_over_budget: Callable[[], bool] = lambda: False
    silence_s: float | None = None
    """How long it may say nothing at first; None: as long as it likes."""
    replies: Callable[[], bytes] | None = None
    """What a dialogue writes after what it has read; None: its standard input ends with the prompt."""


def run_child(
    argv: Sequence[str],
    *,
    call: Call,
    stop: Stop,
    stdin: bytes,
    on_line: Callable[[bytes], None],
    watch: Watch | None = None,
    extra: Mapping[str, str] | None = None,
) -> ChildEnd:
    """Run `argv` with the call's environment, user and clock; every descendant is ended on return.

    Args:
        argv: the program and its arguments.
        call: what it is called for.
        stop: ends it when it is requested.
        stdin: what it reads.
        on_line: takes each line of its standard output.
        watch: what ends it besides the call's clock.
        extra: more variables of its environment.

    Raises:
        AgentError: it cannot be started.

    """
    become_subreaper()
    spared = adopted()
    mark = os.urandom(16).hex()
    environment = {**call.environment, **(extra or {}), MARK: mark}
    began, kills = time.monotonic(), oom_kills()
    try:
        child = start(
            list(argv),
            cwd=call.workspace,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            umask=0o022,
            **identity(call.user),
        )
    except OSError as problem:
        raise AgentError(
            f"The agent cannot be started: {argv[0]}: {problem.strerror}.", remedy="Check `agent` and its installation."
        ) from problem
    watch = watch or Watch()
    with contextlib.closing(RawLog(call.log)) as log, contextlib.closing(Stdin(child.stdin)) as writer:
        writer.write(stdin)
        if watch.replies is None:
            writer.close()
        pump = _Pump(child, log, on_line, writer)
        how = pump.until_over(call, stop, watch, began)
        is_finished = watch.finished()
        if how is not How.EXITED or not pump.is_silent:
            end_all(child.pid, mark, grace_s=GRACE_AFTER_SIGNAL_S if how is How.STOPPED else GRACE_S, spared=spared)
        else:
            end_all(child.pid, mark, grace_s=0.2, spared=spared)
        pump.drain()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(GRACE_S)
    exit_code = child.returncode if child.returncode is not None else -9
    return ChildEnd(
        how=how,
        exit_code=exit_code,
        duration_s=time.monotonic() - began,
        tail=pump.tail.decode("utf-8", errors="replace").strip(),
        complaint=pump.complaint.decode("utf-8", errors="replace").strip(),
        is_finished=is_finished,
        killed=why_killed(exit_code, kills, oom_kills()) if how is How.EXITED else "",
    )


class _Pump:
    """Reads both streams of a child without ever waiting for their ends alone."""

    def __init__(
        self, child: subprocess.Popen[bytes], log: RawLog, on_line: Callable[[bytes], None], writer: Stdin
    ) -> None:
        assert child.stdout is not None  # noqa: S101  both are pipes
        assert child.stderr is not None  # noqa: S101
        self._child = child
        self._writer = writer
        self._log = log
        self._lines = Lines(on_line)
        self._selector = selectors.DefaultSelector()
        self._out, self._err = child.stdout.fileno(), child.stderr.fileno()
        self.tail = self.complaint = b""
        self._heard_at: float | None = None
        for handle in (self._out, self._err):
            os.set_blocking(handle, False)
            self._selector.register(handle, selectors.EVENT_READ)

    @property
    def is_silent(self) -> bool:
        """Whether both streams are at their end."""
        return not self._selector.get_map()

    def until_over(self, call: Call, stop: Stop, watch: Watch, began: float) -> How:
        closing: float | None = None
        while True:
            self._read(TICK_S)
            if watch.replies is not None:
                self._writer.write(watch.replies())
            now = time.monotonic()
            if stop.requested.is_set():
                return How.STOPPED
            if self._child.poll() is not None:
                return How.EXITED
            if call.timeout_s is not None and now - began >= call.timeout_s:
                return How.TIMEOUT
            if watch.is_over_budget():
                return How.LIMIT
            if (how := self._silence(call.idle_timeout_s, watch.silence_s, began, now)) is not None and closing is None:
                return how
            if closing is None and watch.finished():
                closing = now
                self._writer.close()
            if closing is not None and now - closing >= FINISHED_S:
                return How.FINISHED

    def _silence(self, idle_s: float | None, silence_s: float | None, began: float, now: float) -> How | None:
        """Whether it has been silent for too long."""
        if self._heard_at is None:
            return How.SILENT if silence_s is not None and now - began >= silence_s else None
        return How.IDLE if idle_s is not None and now - self._heard_at >= idle_s else None

    def drain(self) -> None:
        deadline = time.monotonic() + DRAIN_S
        while not self.is_silent and time.monotonic() < deadline:
            self._read(TICK_S)
        self._lines.close()
        self._selector.close()
        for stream in (self._child.stdout, self._child.stderr):
            if stream is not None:
                stream.close()

    def _read(self, timeout_s: float) -> None:
        if self.is_silent:
            time.sleep(timeout_s)
            return
        for key, _ in self._selector.select(timeout_s):
            try:
                chunk = os.read(key.fd, 256 * 1024)
            except BlockingIOError:
                continue
            if not chunk:
                self._selector.unregister(key.fd)
                continue
            self._log.write(chunk)
            self._heard_at = time.monotonic()
            self.tail = (self.tail + chunk)[-TAIL:]
            if key.fd == self._out:
                self._lines.feed(chunk)
            else:
                self.complaint = (self.complaint + chunk)[-TAIL:]

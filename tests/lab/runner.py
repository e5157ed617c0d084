"""GitHub's runner for one stage of a step: it starts the program, reads what it says, cancels or loses it.

Run as a program, this file is the container around that stage. As actions/runner: ActionCommandManager, ProcessInvoker.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT, Popen, TimeoutExpired
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.lab.job import Files

ANNOTATIONS = ("error", "warning", "notice")
OTHERS = "add-mask add-matcher remove-matcher debug group endgroup echo stop-commands"
COMMANDS = {*ANNOTATIONS, *OTHERS.split(), "set-env", "add-path", "set-output", "save-state"}
CLOCK_S = (7.5, 2.5)
"""From SIGINT to SIGTERM, from there to the end."""


@dataclass(frozen=True)
class Command:
    """A workflow command that the runner obeys."""

    name: str
    data: str = ""
    properties: dict[str, str] = field(default_factory=dict)


def parse_command(line: str, names: set[str]) -> Command | None:
    """Read `::name key=value,…::data` at a line's start, else `##[name key=value;…]data` anywhere in it."""
    start = line.lstrip()
    if start.startswith("::") and "::" in start[2:]:
        head, _, data = start[2:].partition("::")
        if command := _command(head, data, names, comma=",", marks=":,"):
            return command
    head, end, data = line.partition("##[")[2].partition("]")
    return _command(head, data, names, comma=";", marks=";]", in_data=";]") if end else None


def _command(head: str, data: str, names: set[str], *, comma: str, marks: str, in_data: str = "") -> Command | None:
    name, _, given = head.partition(" ")
    if name.lower() not in names:
        return None
    pairs = (part.split("=", 1) for part in given.strip().split(comma) if "=" in part)
    return Command(name.lower(), _plain(data, in_data), {key: _plain(value, marks) for key, value in pairs})


def _plain(text: str, marks: str) -> str:
    for mark in (*marks, *"\r\n%"):
        text = text.replace(f"%{ord(mark):02X}", mark)
    return text


class Log:
    """What the runner makes of a step's output: obeyed commands, and lines with the masks applied."""

    def __init__(self, masks: list[str] | None = None) -> None:
        self.masks = [] if masks is None else masks
        """Those of the whole job. The real runner knows the secrets from the start; here only `add-mask` tells."""
        self.commands: list[Command] = []
        self.lines: list[str] = []
        self.raw: list[str] = []
        self._token = ""

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def annotations(self) -> list[Command]:
        return [command for command in self.commands if command.name in ANNOTATIONS]

    @property
    def groups(self) -> list[str]:
        return [command.data for command in self.commands if command.name == "group"]

    def values(self, name: str) -> dict[str, str]:
        """What `set-output` or `save-state` printed."""
        return {item.properties.get("name", ""): item.data for item in self.commands if item.name == name}

    def mask(self, text: str) -> str:
        for secret in sorted(self.masks, key=len, reverse=True):
            text = text.replace(secret, "***")
        return text

    def feed(self, line: str) -> None:
        self.raw.append(line)
        command = parse_command(line, COMMANDS | ({self._token} if self._token else set()))
        if command is None or self._token:
            self.lines.append(self.mask(line))
            self._token = "" if command and command.name == self._token else self._token
        elif command.name == "stop-commands":
            self._stop(command.data, line)
        else:
            self._obey(command)

    def annotate(self, kind: str, message: str, properties: dict[str, str] | None = None) -> None:
        message = self.mask(message)[:4096]
        self.commands.append(Command(kind, message, properties or {}))
        self.lines.append(f"##[{kind}]{message}")

    def _stop(self, token: str, line: str) -> None:
        if not token or token.lower() in {*COMMANDS, "pause-logging"}:
            self.annotate("error", f"Invalid stop token {token!r}.")
            return
        self._token = token.lower()
        if len(token) > 6:
            self.masks.append(token)
        self.lines.append(self.mask(line))

    def _obey(self, command: Command) -> None:
        if command.name in ANNOTATIONS:
            self.annotate(command.name, command.data, command.properties)
            return
        self.commands.append(command)
        if command.name == "add-mask":
            self.masks += [part for part in (command.data, *command.data.splitlines()) if part.strip()]
        elif command.name in {"group", "endgroup"}:
            self.lines.append(self.mask(f"##[{command.name}]{command.data}"))


class Stage:
    """A stage under way, `main` or `post`; as a context manager it leaves no process behind."""

    def __init__(self, argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], log: Log, files: Files) -> None:
        self.log = log
        self.files = files
        self.signals: list[signal.Signals] = []
        """Which ones had to be sent."""
        self.code: int | None = None
        box = [sys.executable, "-I", "-S", __file__, *argv]
        # As text a lone CR ends a line too, as it does for the runner.
        self._box = Popen(
            box, cwd=cwd, env=env, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, encoding="utf-8", errors="replace"
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_problem: object) -> None:
        if self.code is None:
            self.kill()

    def wait(self, timeout_s: float = 120) -> int:
        self.code = self._box.wait(timeout_s)
        self._reader.join()
        self.files.read(self.log)
        return self.code

    def until(self, reached: Callable[[], object], timeout_s: float = 60) -> None:
        """Wait for something that the stage does."""
        deadline = time.monotonic() + timeout_s
        while not reached():
            assert self._box.poll() is None or reached(), f"it ended before:\n{self.log.text}"
            assert time.monotonic() < deadline, f"it never came:\n{self.log.text}"
            time.sleep(0.02)

    def cancel(self, clock: tuple[float, float] = CLOCK_S) -> int:
        """SIGINT, SIGTERM, the end (of docker's client, and here of its container), each only when it is due."""
        for number, grace_s in zip((signal.SIGINT, signal.SIGTERM), clock, strict=True):
            with contextlib.suppress(TimeoutExpired):
                return self.send(number).wait(grace_s)
        return self.kill()

    def send(self, number: signal.Signals) -> Stage:
        """Send a signal to the program, PID 1 of its container."""
        self.signals.append(number)
        self._box.send_signal(number)
        return self

    def freeze(self) -> None:
        """Let the program hear nothing more."""
        self._box.send_signal(signal.SIGUSR2)

    def kill(self) -> int:
        """End the whole tree at once, as the VM's end does."""
        self.signals.append(signal.SIGKILL)
        self._box.send_signal(signal.SIGUSR1)
        return self.wait()

    def _read(self) -> None:
        with self._box as box:
            for line in box.stdout or ():
                self.log.feed(line.removesuffix("\n"))


def contain(argv: Sequence[str]) -> int:
    """Be the container: signals go to the program, orphans come to us, and nothing outlives the program."""
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
    program: list[int] = []

    def forward(number: int, _frame: object) -> None:
        _send(program, signal.SIGSTOP if number == signal.SIGUSR2 else number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR2):
        signal.signal(number, forward)
    signal.signal(signal.SIGUSR1, lambda *_: _end_all())
    child = Popen(argv)
    program.append(child.pid)
    code = child.wait()
    program.clear()
    with contextlib.suppress(ChildProcessError):
        while True:
            _end_all()
            os.waitpid(-1, 0)
    return code if code >= 0 else 128 - code


def _end_all() -> None:
    """Stop all first, so that none sees another one's end."""
    stopped: set[int] = set()
    while more := _below(os.getpid()) - stopped:
        stopped |= more
        _send(more, signal.SIGSTOP)
    _send(stopped, signal.SIGKILL)


def _send(pids: Iterable[int], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _below(root: int) -> set[int]:
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(stat.parent.name)] = int(stat.read_text(errors="replace").rpartition(")")[2].split()[1])
    found, more = set[int](), {root}
    while more := {pid for pid, parent in parents.items() if parent in more}:
        found |= more
    return found


if __name__ == "__main__":
    sys.exit(contain(sys.argv[1:]))

"""Run a program that is no agent call (a question to a CLI, an installer) to its end, and nobody is left behind."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ralph_action.agents.descendants import MARK, adopted, become_subreaper, end_all
from ralph_action.children import start
from ralph_action.clock import SystemClock
from ralph_action.identity import identity
from ralph_action.ports import Stop, User

TICK_S = 0.1
GRACE_S = 0.5
MAX_OUTPUT = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of it."""

    code: int | None = None
    """None: it could not be started, or had to be ended."""
    out: str = ""
    err: str = ""

    @property
    def said(self) -> str:
        """The end of its complaint, in one line."""
        return " ".join((self.err or self.out).split())[-300:] or f"exit code {self.code}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Briefly:
    """As whom, where and with what such programs run."""

    environment: Mapping[str, str]
    user: User | None
    stop: Stop

    def run(self, command: Sequence[str], folder: Path, timeout_s: float) -> Answer:
        """Its output goes into files: a daemon that it leaves behind may hold a pipe open for ever."""
        import tempfile  # deferred: few runs need it

        become_subreaper()
        mark, spared = os.urandom(16).hex(), adopted()
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            try:
                child = start(
                    list(command),
                    cwd=folder,
                    env={**self.environment, MARK: mark},
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                    start_new_session=True,
                    **identity(self.user),
                )
            except OSError as problem:
                return Answer(err=str(problem))
            why = self._why_ended(child, timeout_s)
            end_all(child.pid, mark, grace_s=GRACE_S, spared=spared)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(GRACE_S)
            said = [_read(stream.fileno()) for stream in (out, err)]
        if why:
            return Answer(err=f"{why} {' '.join(said).strip()}")
        return Answer(code=child.returncode, out=said[0], err=said[1])

    def _why_ended(self, child: subprocess.Popen[bytes], timeout_s: float) -> str:
        """Wait; say why it must be ended, nothing when it has ended by itself."""
        clock = SystemClock()
        deadline = clock.monotonic() + timeout_s
        while child.poll() is None:
            if self.stop.requested.is_set():
                return "it was ended with the run."
            if clock.monotonic() >= deadline:
                return f"it did not end within {timeout_s:.0f} s."
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(TICK_S)
        return ""


def _read(handle: int) -> str:
    """The beginning of what was written."""
    with open(handle, "rb", closefd=False) as stream:
        stream.seek(0)
        return stream.read(MAX_OUTPUT).decode("utf-8", errors="replace")

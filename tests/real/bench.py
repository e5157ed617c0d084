"""One real CLI, and the loop around it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from ralph_action.agents import adapter_of
from ralph_action.agents.descendants import find
from tests.lab.models import Models
from tests.lab.place import ENTRY, Place
from tests.real.setups import NOWHERE, SETUPS

GIVEN_UP_S = 270
SLEEPER = """#!/bin/sh
"{real}" "$@"
case "$*" in *--version*|*--help*) ;; *) exec sleep 200 ;; esac
"""


@dataclass
class Bench:
    """The folder of its programs stands before PATH."""

    agent: str
    place: Place
    bin: Path

    def run(self, models: Models, play: str, *flags: str, until: str = "") -> tuple[int, str, Path]:
        """Exit code, log and work tree of a run, which is interrupted once a line holds `until`."""
        setup, url = SETUPS[self.agent], NOWHERE if play == "down" else f"{models.url}/{play}"
        models.answer = setup.answer
        home = Path(self.place.environment["HOME"])
        for name, text in setup.files(url).items():
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            (home / name).write_text(text)
        work = self.place.clone("one")
        process = subprocess.Popen(
            [sys.executable, str(ENTRY), "run", "--task", "t", "--agent", self.agent, *setup.flags, *flags],
            cwd=work,
            env={
                **self.place.environment,
                **setup.environment(url),
                "PATH": f"{self.bin}:{os.environ['PATH']}",
                "RALPH_STATE_HOME": str(self.place.root / "state"),
                "RALPH_ARTIFACT_FOLDER": str(self.place.artifacts),
                "INPUT_AGENT-ENV": "\n".join(setup.passes),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        return (*_followed(process, until), work)

    def hang_after_its_result(self) -> None:
        """Put a program before the CLI that runs it, and then stays."""
        program, wrapped = adapter_of(self.agent).TRAITS.executable, self.place.root / "wrapped"
        wrapped.mkdir()
        (wrapped / program).write_text(SLEEPER.format(real=self.bin / program))
        (wrapped / program).chmod(0o755)
        self.bin = wrapped


def _followed(process: subprocess.Popen[str], until: str) -> tuple[int, str]:
    assert process.stdout is not None
    alarm = threading.Timer(GIVEN_UP_S, lambda: _give_up(process.pid))
    alarm.start()
    log = ""
    try:
        for line in process.stdout:
            log += line
            if until and until in line:
                process.send_signal(signal.SIGINT)
        return process.wait(), log
    finally:
        alarm.cancel()
        process.stdout.close()


def _give_up(pid: int) -> None:
    for one in find(pid, mark="none"):
        with contextlib.suppress(ProcessLookupError):
            os.kill(one, signal.SIGKILL)

"""From the environment to the exit code. The only reader of `os.environ`."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from ralph_action import durable
from ralph_action.errors import RalphError, SettingsError
from ralph_action.ports import Stop

if TYPE_CHECKING:
    from ralph_action.github.runner import Runner

BUG = 70
KEPT = frozenset({"PATH", "HOME", "LANG", "LC_ALL", "TERM", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR"})
"""What stays in our own environment; all else is read once and then gone, for no child to inherit."""


def console() -> None:
    """Run as a program."""
    environ = dict(os.environ)
    for name in set(os.environ) - KEPT:
        del os.environ[name]
    sys.exit(main(sys.argv[1:], environ, sys.stdout))


def main(argv: Sequence[str], environ: Mapping[str, str], stdout: TextIO) -> int:
    """Do what the command line says; return the exit code. Every error is told as an annotation."""
    from ralph_action.cli import parse
    from ralph_action.github.runner import Runner

    runner = Runner(environ, stdout)
    if "RALPH_CRASH_AT" in environ:
        trace = environ.get("RALPH_CRASH_TRACE")
        durable.listen(durable.crash_at(environ["RALPH_CRASH_AT"], Path(trace) if trace else None))
    try:
        command = parse(argv)
        stop = _listen()
        workspace = Path(environ.get("GITHUB_WORKSPACE") or Path.cwd())
        return _dispatch(command.name, command.values, environ, workspace, runner, stop)
    except SettingsError as problem:
        for name, text in problem.problems:
            runner.error(name or "settings", f"{name}: {text}" if name else text)
        return _failed(runner, "settings", problem.exit_code)
    except RalphError as problem:
        return _told(runner, problem)
    except OSError as problem:
        from ralph_action.disk import disk_error, is_of_the_disk

        if is_of_the_disk(problem):
            return _told(runner, disk_error(problem, Path.cwd()))
        return _bug(runner, problem)
    except Exception as problem:  # noqa: BLE001  the last resort: shaped as a report for the maintainers
        return _bug(runner, problem)


def _told(runner: Runner, problem: RalphError) -> int:
    runner.error(type(problem).__name__, str(problem))
    return _failed(runner, type(problem).__name__, problem.exit_code)


def _bug(runner: Runner, problem: Exception) -> int:
    runner.error("bug", f"This is a bug in ralph: {type(problem).__name__}: {problem}")
    runner.agent_output("".join(traceback.format_exception(problem)))
    return _failed(runner, "bug", BUG)


REASONS = {
    "settings": "settings",
    "StateError": "state",
    "DiskError": "state",
    "GitError": "git",
    "PushRejected": "git",
    "GitHubError": "github",
    "AgentError": "agent",
    "bug": "bug",
}


def _failed(runner: Runner, kind: str, code: int) -> int:
    runner.set_output("status", "failed")
    runner.set_output("stop-reason", REASONS.get(kind, "bug"))
    return code


def _dispatch(
    name: str, values: Mapping[str, str | bool], environ: Mapping[str, str], workspace: Path, runner: object, stop: Stop
) -> int:
    from ralph_action import commands

    return commands.COMMANDS[name](values, environ, workspace, runner, stop)  # type: ignore[arg-type]


def _listen() -> Stop:
    """Ask for the end at the first signal; at the second one exit at once (design section 5.7).

    As PID 1 we have no default handlers: without these the kernel drops SIGTERM and SIGHUP.
    """
    stop = Stop()

    def handle(number: int, _frame: object) -> None:
        if stop.requested.is_set():
            os._exit(128 + number)
        stop.request(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handle)
    return stop

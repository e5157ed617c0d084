"""The user's hook: run as the agent's user, with nothing that the agent does not have anyway."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from ralph_action.checkpoint.acting import acting_as
from ralph_action.children import start
from ralph_action.identity import identity
from ralph_action.ports import User

HOOK_TIMEOUT_S = 60.0


def run_hook(
    hook: Path, word: str, folder: Path, user: User | None, environment: Mapping[str, str], timeout_s: float
) -> str:
    """Run a hook, if there is one, with a word as $1; return what went wrong, if anything."""
    if not os.access(hook, os.X_OK) or not hook.is_file():
        return ""
    try:
        with acting_as(user), hook.open("rb") as stream:
            has_interpreter = stream.read(2) in {b"#!", b"\x7fE"}
        process = start(
            [*([] if has_interpreter else ["/bin/bash"]), str(hook), word],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            **identity(user),
        )
    except OSError as problem:
        return str(problem)
    try:
        code = process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return f"it took longer than {timeout_s:.0f} s and was ended"
    return f"it exited with {code}" if code else ""

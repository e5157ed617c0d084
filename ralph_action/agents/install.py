"""Find an agent's CLI, or install the pinned version of it when it is asked for and absent."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from ralph_action.clock import SystemClock
from ralph_action.errors import AgentError
from ralph_action.identity import identity
from ralph_action.ports import User

CLAUDE_PACKAGE = "@anthropic-ai/claude-code"
CLAUDE_VERSION = "2.1.197"
INSTALL_TIMEOUT_S = 300.0
TRIES = 3


def find_claude(
    version: str, prefix: Path, environment: Mapping[str, str], user: User | None, say: Callable[[str], None]
) -> str:
    """Return the path of `claude`: the one on PATH unless a version is asked for, else an installed one.

    The installation runs as the agent's user, below a folder of that user: install scripts of a package
    are as untrusted as the agent.

    Raises:
        AgentError: npm is missing, or the installation failed.

    """
    path = environment.get("PATH", "")
    if not version and (found := shutil.which("claude", path=path)):
        return found
    wanted = version or CLAUDE_VERSION
    executable = prefix / f"claude-{wanted}" / "node_modules" / ".bin" / "claude"
    if executable.exists():
        return str(executable)
    npm = shutil.which("npm", path=path)
    if npm is None:
        raise AgentError(
            "`claude` is not on PATH, and npm, which would install it, is not either.",
            remedy=f"Install Node.js with npm, or {CLAUDE_PACKAGE} yourself.",
        )
    folder = executable.parent.parent.parent
    command = [npm, "install", "--no-audit", "--no-fund", "--prefix", str(folder), f"{CLAUDE_PACKAGE}@{wanted}"]
    began = SystemClock().monotonic()
    for attempt in range(1, TRIES + 1):
        said = _attempt(command, folder, environment, user)
        if not said and executable.exists():
            say(f"Installed {CLAUDE_PACKAGE} {wanted} in {SystemClock().monotonic() - began:.0f} s.")
            return str(executable)
        say(f"Installing {CLAUDE_PACKAGE} {wanted}, try {attempt} of {TRIES}, failed: {said}")
    raise AgentError(
        f"{CLAUDE_PACKAGE} {wanted} could not be installed.", remedy="Check `agent-version` and the network."
    )


def _attempt(command: list[str], folder: Path, environment: Mapping[str, str], user: User | None) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    if user is not None and os.geteuid() == 0:
        os.chown(folder, user.uid, user.gid)
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=INSTALL_TIMEOUT_S,
            check=False,
            **identity(user),
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        return str(problem)
    return "" if done.returncode == 0 else " ".join(done.stderr.split())[-300:] or f"exit code {done.returncode}"

"""Find an agent's CLI, or install the pinned version of it when it is asked for and absent."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ralph_action.agents.adapter import Traits
from ralph_action.clock import SystemClock
from ralph_action.errors import AgentError
from ralph_action.identity import identity
from ralph_action.ports import User

INSTALL_TIMEOUT_S = 300.0
PROBE_TIMEOUT_S = 30.0
TRIES = 3


class Installer:
    """Finds and installs CLIs as the agent's user, below a folder of that user.

    The install scripts of a package are as untrusted as the agent.
    """

    def __init__(
        self, prefix: Path, environment: Mapping[str, str], user: User | None, say: Callable[[str], None]
    ) -> None:
        self._prefix = prefix
        self._environment = dict(environment)
        self._user = user
        self._say = say

    def find(self, traits: Traits, version: str = "") -> str:
        """Return the path of the CLI: the one on PATH unless a version is asked for, else an installed one.

        Raises:
            AgentError: it is not there and cannot be installed.

        """
        if not version and (found := self.on_path(traits)):
            return found
        kind, _, package = traits.package.partition(":")
        if not package:
            raise AgentError(
                f"`{traits.executable}` is not on PATH, and ralph does not install it.",
                remedy=f"Install it in a step before, or choose another `agent` than {traits.name}.",
            )
        wanted = version or traits.version
        folder = self._prefix / f"{traits.name}-{wanted}"
        executable = folder / ("node_modules/.bin" if kind == "npm" else "bin") / traits.executable
        if executable.exists():
            return str(executable)
        self._install(kind, package, wanted, folder, executable)
        return str(executable)

    def on_path(self, traits: Traits) -> str:
        """The CLI that PATH has; empty when it has none."""
        return shutil.which(traits.executable, path=self._environment.get("PATH", "")) or ""

    def lacks(self, traits: Traits, executable: str) -> frozenset[str]:
        """Ask the CLI which of the flags that are used it does not know.

        Raises:
            AgentError: it cannot be started, or lacks one that nothing can stand in for.

        """
        if not traits.needs:
            return frozenset()
        text = self._output([executable, *traits.help_words, "--help"])
        missing = frozenset(flag for flag in traits.needs if flag not in text)
        version = " ".join(self._output([executable, "--version"]).split())[:80]
        self._say(f"Agent {traits.name}: {executable}, version {version or 'unknown'}.")
        for flag in sorted(missing):
            instead = traits.needs[flag]
            if not instead:
                raise AgentError(
                    f"{traits.name} {version} does not know {flag}, without which it cannot run unattended.",
                    remedy=f"Use `agent-version: {traits.version}` or a newer one.",
                )
            self._say(f"{traits.name} {version} does not know {flag}; instead: {instead}.")
        return missing

    def _output(self, command: Sequence[str]) -> str:
        code, out, err = self._run(command, Path.cwd(), PROBE_TIMEOUT_S)
        if code is None:
            raise AgentError(f"The agent cannot be started: {err}", remedy="Check `agent` and its installation.")
        return f"{out}\n{err}"

    def _install(self, kind: str, package: str, version: str, folder: Path, executable: Path) -> None:
        began = SystemClock().monotonic()
        said = ""
        for attempt in range(1, TRIES + 1):
            said = self._attempt(self._commands(kind, package, version, folder), folder)
            if not said and executable.exists():
                self._say(f"Installed {package} {version} in {SystemClock().monotonic() - began:.0f} s.")
                return
            self._say(f"Installing {package} {version}, try {attempt} of {TRIES}, failed: {said}")
        raise AgentError(
            f"{package} {version} could not be installed: {said}", remedy="Check `agent-version` and the network."
        )

    def _commands(self, kind: str, package: str, version: str, folder: Path) -> list[list[str]]:
        if kind == "pypi":
            pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            return [[sys.executable, "-m", "venv", str(folder)], [*pip, f"{package}=={version}"]]
        npm = shutil.which("npm", path=self._environment.get("PATH", ""))
        if npm is None:
            raise AgentError(
                f"`{package}` is not on PATH, and npm, which would install it, is not either.",
                remedy=f"Install Node.js with npm, or {package} yourself.",
            )
        return [[npm, "install", "--no-audit", "--no-fund", "--prefix", str(folder), f"{package}@{version}"]]

    def _attempt(self, commands: Sequence[Sequence[str]], folder: Path) -> str:
        folder.mkdir(parents=True, exist_ok=True)
        if self._user is not None and os.geteuid() == 0:
            os.chown(folder, self._user.uid, self._user.gid)
        for command in commands:
            code, out, err = self._run(command, folder, INSTALL_TIMEOUT_S)
            if code != 0:
                return " ".join((err or out).split())[-300:] or f"exit code {code}"
        return ""

    def _run(self, command: Sequence[str], folder: Path, timeout_s: float) -> tuple[int | None, str, str]:
        try:
            done = subprocess.run(
                list(command),
                cwd=folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=timeout_s,
                check=False,
                **identity(self._user),
            )
        except (OSError, subprocess.TimeoutExpired) as problem:
            return None, "", str(problem)
        return done.returncode, done.stdout, done.stderr

"""Find an agent's CLI, or install the pinned version of it when it is asked for and absent."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from ralph_action.agents.adapter import Traits
from ralph_action.agents.briefly import Answer, Briefly
from ralph_action.clock import SystemClock
from ralph_action.errors import AgentError

INSTALL_TIMEOUT_S = 300.0
PROBE_TIMEOUT_S = 30.0
TRIES = 3
WHOLE = ".ralph-installed"
"""Lies in the folder of an installation that came to its end; one that was killed half-way is done anew."""
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class Installer:
    """Finds and installs CLIs as the agent's user, below a folder of that user.

    The install scripts of a package are as untrusted as the agent, and so is what an earlier agent left in that
    folder: nothing is made or removed there but by that user.
    """

    def __init__(
        self, prefix: Path, run: Briefly, say: Callable[[str], None], *, probe_timeout_s: float = PROBE_TIMEOUT_S
    ) -> None:
        self._prefix = prefix
        self._briefly = run
        self._say = say
        self._probe_timeout_s = probe_timeout_s
        self._path = run.environment.get("PATH", "")

    def find(self, traits: Traits, version: str = "") -> str:
        """Return the path of the CLI: the one on PATH unless a version is asked for, else an installed one.

        Raises:
            AgentError: it is not there and cannot be installed.

        """
        if not version and (found := self.on_path(traits)):
            return found
        kind, _, package = traits.package.partition(":")
        if not package:
            is_there = "cannot be had in the version that is asked for" if version else "is not on PATH"
            raise AgentError(
                f"`{traits.executable}` {is_there}: ralph does not install it.",
                remedy=f"Install it in a step before{' and leave `agent-version` empty' if version else ''}, "
                f"or choose another `agent` than {traits.name}.",
            )
        wanted = version or traits.version
        folder = self._prefix / f"{traits.name}-{wanted.replace('/', '_')}"
        executable = folder / ("node_modules/.bin" if kind == "npm" else "bin") / traits.executable
        if not (executable.exists() and (folder / WHOLE).exists()):
            self._install(self._commands(kind, package, wanted, folder), f"{package} {wanted}", folder, executable)
        return str(executable)

    def on_path(self, traits: Traits) -> str:
        """The CLI that PATH has; empty when it has none."""
        return shutil.which(traits.executable, path=self._path) or ""

    def lacks(self, traits: Traits, executable: str) -> frozenset[str]:
        """Ask the CLI which of the flags that are used it does not know.

        Raises:
            AgentError: it cannot be started, or lacks one that nothing can stand in for.

        """
        if not traits.needs or self._is_over:
            return frozenset()
        told = self._ask([executable, *traits.help_words, "--help"])
        text = COLOURS.sub("", f"{told.out}\n{told.err}")
        missing = frozenset(flag for flag in traits.needs if not re.search(rf"(?<![\w-]){flag}(?![\w-])", text))
        if self._is_over:
            return frozenset()
        if told.code is None or (told.code and len(missing) == len(traits.needs)):
            raise AgentError(
                f"The agent cannot be started: {executable}: {told.said}",
                remedy=f"Check its installation, or set `agent-version: {traits.version or '…'}` to have another one.",
            )
        # Nothing hangs on the version's number, so one that does not say it is used all the same.
        number = " ".join(COLOURS.sub("", self._ask([executable, "--version"]).out).split())[:80] or "unknown"
        self._say(f"Agent {traits.name}: {executable}, version {number}.")
        for flag in sorted(missing):
            instead = traits.needs[flag]
            if not instead:
                newer = f"`agent-version: {traits.version}` or a newer one" if traits.version else "a newer version"
                raise AgentError(
                    f"{traits.name} {number} does not know {flag}, without which it cannot run unattended.",
                    remedy=f"Use {newer}.",
                )
            self._say(f"{traits.name} {number} does not know {flag}; instead: {instead}.")
        return missing

    @property
    def _is_over(self) -> bool:
        """The run is told to end, so no agent is called any more, and its checkpoint comes at once."""
        return self._briefly.stop.requested.is_set()

    def _ask(self, command: Sequence[str]) -> Answer:
        return self._briefly.run(command, Path.cwd(), self._probe_timeout_s)

    def _install(self, commands: Sequence[Sequence[str]], what: str, folder: Path, executable: Path) -> None:
        began, said = SystemClock().monotonic(), ""
        for attempt in range(1, TRIES + 1):
            said = self._attempt(commands, folder, executable)
            if self._is_over:
                return
            if not said:
                self._say(f"Installed {what} in {SystemClock().monotonic() - began:.0f} s.")
                return
            self._say(f"Installing {what}, try {attempt} of {TRIES}, failed: {said}")
        raise AgentError(f"{what} could not be installed: {said}", remedy="Check `agent-version` and the network.")

    def _commands(self, kind: str, package: str, version: str, folder: Path) -> list[list[str]]:
        if kind == "pypi":
            pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            return [[sys.executable, "-m", "venv", str(folder)], [*pip, f"{package}=={version}"]]
        npm = shutil.which("npm", path=self._path)
        if npm is None:
            raise AgentError(
                f"npm, which installs `{package}`, is not on PATH.",
                remedy=f"Install Node.js with npm, or {package} yourself.",
            )
        return [[npm, "install", "--no-audit", "--no-fund", "--prefix", str(folder), f"{package}@{version}"]]

    def _attempt(self, commands: Sequence[Sequence[str]], folder: Path, executable: Path) -> str:
        """Install it anew; say what went wrong."""
        before = (["rm", "-rf", "--", str(folder)], ["mkdir", "-p", "--", str(folder)])
        for command in (*before, *commands):
            answer = self._briefly.run(command, self._prefix.parent, INSTALL_TIMEOUT_S)
            if answer.code != 0:
                return answer.said
        if not executable.exists():
            return f"the package has no `{executable.name}`"
        done = self._briefly.run(["touch", "--", str(folder / WHOLE)], self._prefix.parent, INSTALL_TIMEOUT_S)
        return done.said if done.code != 0 else ""

"""The runner's protocol: commands, masks, groups, outputs, summary. Outside a job it prints plain text."""

from __future__ import annotations

import base64
import os
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TextIO

MAX_MESSAGE = 4000
"""The runner cuts an annotation at 4096 characters."""
MAX_LINE = 8000


class Runner:
    """The one writer of the log."""

    def __init__(self, env: Mapping[str, str], stdout: TextIO) -> None:
        self._is_actions = env.get("GITHUB_ACTIONS") == "true"
        self._output = env.get("GITHUB_OUTPUT", "")
        self._summary = env.get("GITHUB_STEP_SUMMARY", "")
        self._stdout = stdout
        self._lock = threading.RLock()

    def line(self, text: str) -> None:
        """Print one line that is no command, whatever it holds."""
        self._write(harmless(text.replace("\n", " ")))

    def command(self, name: str, message: str, **properties: str) -> None:
        """Print a workflow command, escaped as the toolkit does."""
        given = ",".join(f"{key}={escape_property(value)}" for key, value in properties.items() if value)
        self._write(f"::{name}{' ' if given else ''}{given}::{escape(message)}")

    def error(self, title: str, message: str) -> None:
        self._annotate("error", title, message)

    def warning(self, title: str, message: str) -> None:
        self._annotate("warning", title, message)

    def notice(self, title: str, message: str) -> None:
        self._annotate("notice", title, message)

    def group(self, title: str) -> None:
        self._write(f"::group::{escape(title)}" if self._is_actions else title)

    def endgroup(self) -> None:
        if self._is_actions:
            self._write("::endgroup::")

    def mask(self, value: str) -> None:
        """Let the runner hide a secret, line by line, and its form in a basic credential."""
        if self._is_actions and value:
            basic = base64.b64encode(f"x-access-token:{value}".encode()).decode()
            for secret in (*value.splitlines(), basic):
                if secret.strip():
                    self.command("add-mask", secret)

    def agent_output(self, text: str) -> None:
        """Print untrusted text: no command in it is obeyed, as nothing knows the token that ends the pause."""
        with self._lock:
            token = os.urandom(32).hex()
            if self._is_actions:
                self._write(f"::stop-commands::{token}")
            for line in text.splitlines():
                for start in range(0, max(len(line), 1), MAX_LINE):
                    self._write("  " + harmless(line[start : start + MAX_LINE]))
            if self._is_actions:
                self._write(f"::{token}::")

    def set_output(self, name: str, value: str) -> None:
        """Append an output; a later one of the same name wins. A full disk costs an output, not the run."""
        if not self._output:
            return
        delimiter = f"ralph_{os.urandom(16).hex()}"
        with self._lock, suppress(OSError):
            append_whole(Path(self._output), f"{name}<<{delimiter}\n{value}\n{delimiter}\n".encode())

    def write_summary(self, text: str) -> None:
        """Rewrite the whole summary in place: the runner reads it when the step ends, however it ends."""
        if not self._summary:
            return
        with self._lock, suppress(OSError):
            handle = os.open(self._summary, os.O_WRONLY | os.O_CREAT, 0o644)
            with os.fdopen(handle, "wb") as stream:
                stream.write(text.encode())
                stream.truncate()

    def _annotate(self, kind: str, title: str, message: str) -> None:
        if self._is_actions:
            self.command(kind, message[:MAX_MESSAGE], title=title)
        else:
            self._write(f"{kind}: {message}")

    def _write(self, text: str) -> None:
        with self._lock:
            self._stdout.write(text + "\n")
            self._stdout.flush()


def append_whole(path: Path, data: bytes) -> None:
    """Append all of it or nothing: half of a value makes the runner refuse the whole file. Raises OSError."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        before = os.fstat(handle).st_size
        if os.write(handle, data) < len(data):
            os.ftruncate(handle, before)
    finally:
        os.close(handle)


def harmless(text: str) -> str:
    """Break both forms of a workflow command; the old one counts anywhere in a line."""
    plain = text.replace("\r", " ").replace("##[", "# #[")
    return plain.replace("::", ": :", 1) if plain.lstrip().startswith("::") else plain


def escape(message: str) -> str:
    """actions/toolkit, packages/core/src/command.ts: escapeData."""
    return message.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def escape_property(value: str) -> str:
    """actions/toolkit, packages/core/src/command.ts: escapeProperty."""
    return escape(value).replace(":", "%3A").replace(",", "%2C")

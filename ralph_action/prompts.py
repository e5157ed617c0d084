"""Where the prompt comes from: the input's text, or a file that may change between iterations."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

from ralph_action.checkpoint.acting import acting_as
from ralph_action.checkpoint.files import write_atomically
from ralph_action.errors import SettingsError
from ralph_action.ports import User

MAX_BYTES = 4 * 1024 * 1024


class TextPrompt:
    """The prompt given as a text."""

    def __init__(self, text: str, archive: Callable[[str], object] | None) -> None:
        self._text = text
        self._archive = archive

    def read(self) -> str:
        if self._archive is not None:
            self._archive(self._text)
            self._archive = None
        return self._text


class FilePrompt:
    """The prompt file, read anew before each iteration; each version is archived once."""

    def __init__(self, path: Path, name: str, archive: Callable[[str], object] | None, user: User | None) -> None:
        self._path = path
        self._name = name
        self._archive = archive
        self._user = user
        self._last: str | None = None

    def read(self) -> str:
        text = self._read_file()
        if self._archive is not None and text != self._last:
            self._archive(text)
        self._last = text
        return text

    def _read_file(self) -> str:
        """Read with the agent's rights: the agent may have put a link to a secret in its place."""
        try:
            with acting_as(self._user):
                handle = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK)
            with os.fdopen(handle, "rb") as stream:
                if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                    raise OSError(0, "it is no file")  # noqa: TRY301  one message for all of them
                data = stream.read(MAX_BYTES + 1)
        except OSError as problem:
            if self._last is not None:  # the agent removed it: go on with what it said
                return self._last
            text = f"{self._name} cannot be read ({problem.strerror}). Create it, or set `prompt`."
            raise SettingsError([("prompt-file", text)]) from problem
        if len(data) > MAX_BYTES:
            raise SettingsError([("prompt-file", f"{self._name} is larger than {MAX_BYTES} bytes.")])
        return data.decode("utf-8", errors="replace")


class PromptCopy:
    """The prompt as a file that the agent may read."""

    def __init__(self, path: Path, user: User | None, say: Callable[[str], None]) -> None:
        self._path = path
        self._user = user
        self._say = say
        self._said = False

    def write(self, prompt: str) -> Path:
        """Write it; return where it is.

        The agent may have put a file or a link in our way, and the disk may be full: then it is elsewhere, or
        nowhere, and on the agent's stdin in any case.
        """
        problem = self._write(self._path, prompt)
        if problem is None:
            return self._path
        import tempfile  # deferred: few runs need it

        spare = Path(tempfile.gettempdir()) / f"ralph-prompt-{os.getpid()}-{self._user.uid if self._user else 'me'}.md"
        is_there = self._write(spare, prompt) is None
        if not self._said:
            self._said = True
            where = f"it is in {spare}" if is_there else "it is on the agent's stdin alone"
            self._say(f"The prompt cannot be written to {self._path} ({problem.strerror or problem}): {where}.")
        return spare if is_there else self._path

    def _write(self, path: Path, prompt: str) -> OSError | None:
        try:
            with acting_as(self._user):
                write_atomically(path, prompt.encode(), durable=False)
        except OSError as problem:
            return problem
        return None

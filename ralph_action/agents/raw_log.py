"""The raw stream of a call on disk, bounded: a flood must fill neither the disk nor our memory."""

from __future__ import annotations

import json
import os
from pathlib import Path

FIRST_BYTES = 32 * 1024 * 1024
LAST_BYTES = 1024 * 1024


class RawLog:
    """Keeps the beginning and the end of a stream, and says between them how much is left out.

    What cannot be written, as on a full disk, is left out too: a log never ends a call.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._left = FIRST_BYTES
        self._end = bytearray()
        self._skipped = 0
        """Bytes that came after the beginning, whether `_end` still has them or not."""
        self._why = f"the log keeps the first {FIRST_BYTES} and the last {LAST_BYTES} bytes of a call"
        self._handle: int | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        except OSError as problem:
            self._fail(problem)

    def write(self, chunk: bytes) -> None:
        first, rest = chunk[: self._left], chunk[self._left :]
        if first:
            rest = first[self._put(first) :] + rest
            self._left = 0 if rest else self._left - len(first)
        if rest:
            self._skipped += len(rest)
            self._end += rest
            if len(self._end) > 2 * LAST_BYTES:
                del self._end[:-LAST_BYTES]

    def close(self) -> None:
        """Write the end after a line of ours, as far as there is room by now."""
        if self._skipped:
            del self._end[:-LAST_BYTES]
            is_cut = self._skipped > len(self._end)
            start = self._end.find(b"\n") + 1 if is_cut else 0  # 0 as well when it is one endless line
            note = {"type": "ralph", "left_out_bytes": self._skipped - len(self._end) + start, "why": self._why}
            self._put((("\n" if is_cut else "") + (json.dumps(note) + "\n" if is_cut else "")).encode())
            self._put(bytes(self._end[start:]))
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _put(self, data: bytes) -> int:
        """Write as much as there is room for; return how much that was."""
        written = 0
        try:
            while self._handle is not None and written < len(data):
                written += os.write(self._handle, data[written:])
        except OSError as problem:
            self._fail(problem)
        return written

    def _fail(self, problem: OSError) -> None:
        self._why = f"{problem.strerror}"

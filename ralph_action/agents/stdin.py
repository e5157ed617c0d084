"""The standard input of a child, written from a thread of its own: it may print before it reads, or never read."""

from __future__ import annotations

import contextlib
import threading
from queue import SimpleQueue
from typing import IO

MAX_WAITING = 1000
"""Parts that are kept for a child that does not read; what comes then is dropped."""


class Stdin:
    """What is written is sent when the child takes it; nobody waits for that."""

    def __init__(self, stream: IO[bytes] | None) -> None:
        """Begin with nothing."""
        assert stream is not None  # noqa: S101  it is a pipe
        self._stream = stream
        self._parts: SimpleQueue[bytes | None] = SimpleQueue()
        threading.Thread(target=self._send, daemon=True).start()

    def write(self, data: bytes) -> None:
        if data and self._parts.qsize() < MAX_WAITING:
            self._parts.put(data)

    def close(self) -> None:
        """End it after what is still to be sent; what is written later goes nowhere."""
        self._parts.put(None)

    def _send(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while (part := self._parts.get()) is not None:
                self._stream.write(part)
                self._stream.flush()
        with contextlib.suppress(OSError, ValueError):
            self._stream.close()

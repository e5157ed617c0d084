"""From chunks to lines, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable

MAX_LINE = 1024 * 1024


class Lines:
    """Cuts a stream of chunks into lines; of a line beyond MAX_LINE only the beginning is kept."""

    def __init__(self, on_line: Callable[[bytes], None]) -> None:
        self._on_line = on_line
        self._rest = bytearray()

    def feed(self, chunk: bytes) -> None:
        first, *others = chunk.split(b"\n")
        self._grow(first)
        if others:
            self.close()
            last = others.pop()
            for line in others:
                if line:
                    self._on_line(line[:MAX_LINE])
            self._grow(last)

    def close(self) -> None:
        if self._rest:
            self._on_line(bytes(self._rest))
            self._rest.clear()

    def _grow(self, part: bytes) -> None:
        self._rest += part[: MAX_LINE - len(self._rest)]

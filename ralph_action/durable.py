"""The operations that make something durable have names, so that a test can end the program at each of them.

A step is told before and after it is taken. Nobody listens but `tests/crash`, by way of RALPH_CRASH_AT.
"""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

Listener = Callable[[str], None]
_listener: list[Listener] = []


@contextmanager
def step(name: str) -> Iterator[None]:
    """Take one durable step."""
    _tell(f"before {name}")
    yield
    _tell(f"after {name}")


def listen(listener: Listener) -> None:
    """Hear of every step from now on, in the thread that takes it."""
    _listener[:] = [listener]


def crash_at(point: str, trace: Path | None) -> Listener:
    """End the program with SIGKILL at a point: `before rename metrics#2` is that rename's second time.

    Args:
        point: the point's name and the number of its occurrence; empty for none.
        trace: where each point is written, a line each; None for nowhere.

    """
    seen: Counter[str] = Counter()
    lock = threading.Lock()

    def hear(name: str) -> None:
        with lock:
            seen[name] += 1
            here = f"{name}#{seen[name]}"
            if trace is not None:
                with trace.open("a", encoding="utf-8") as stream:
                    stream.write(here + "\n")
            if here == point:
                os.kill(os.getpid(), signal.SIGKILL)

    return hear


def _tell(name: str) -> None:
    for listener in _listener:
        listener(name)

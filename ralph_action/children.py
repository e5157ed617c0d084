"""Start processes so that whoever buries orphans leaves ours to those who wait for them.

As a subreaper we get the agent's orphans as children. To wait for a child that another thread waits for
would take its exit code away: it would be told 0, and a failed push would count as done.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

_lock = threading.Lock()
_started: dict[int, subprocess.Popen[bytes]] = {}


def start(argv: list[str], **options: Any) -> subprocess.Popen[bytes]:  # noqa: ANN401  those of subprocess.Popen
    """Start a child that only its starter waits for. Raises OSError as subprocess.Popen does."""
    with _lock:
        for pid in [pid for pid, process in _started.items() if process.returncode is not None]:
            del _started[pid]
        process = subprocess.Popen(argv, **options)
        _started[process.pid] = process
        return process


def strangers(children: Iterable[int]) -> set[int]:
    """Those of our children that `start` did not start: orphans that came to us, and who was there before."""
    with _lock:
        return {pid for pid in children if pid not in _started}


def bury(pids: Iterable[int]) -> None:
    """Wait for ended children, but for those that `start` gave to somebody."""
    with _lock:
        for pid in pids:
            process = _started.get(pid)
            if process is None or process.returncode is not None:
                with suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)

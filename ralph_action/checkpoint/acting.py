"""Touch the agent's files with the agent's rights, so that a link it left leads nowhere new."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

from ralph_action.ports import User

_LIBC = ctypes.CDLL(None, use_errno=True)


@contextmanager
def acting_as(user: User | None) -> Iterator[None]:
    """Let this thread's file accesses count as `user`'s; no change when we are not root.

    Linux keeps the file-system ids for each thread, and takes the capabilities that pass over
    permissions away while they are not 0: setfsuid(2).
    """
    if user is None or os.geteuid() != 0 or user.uid == 0:
        yield
        return
    _LIBC.setfsgid(user.gid)
    _LIBC.setfsuid(user.uid)
    try:
        yield
    finally:
        _LIBC.setfsuid(0)
        _LIBC.setfsgid(0)

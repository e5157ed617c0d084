"""How a child process becomes another user."""

from __future__ import annotations

import os
from typing import TypedDict

from ralph_action.ports import User


class Identity(TypedDict, total=False):
    """The keyword arguments of `subprocess.Popen` that say who a child is."""

    user: int
    group: int
    extra_groups: list[int]


def identity(user: User | None) -> Identity:
    """The arguments for a child that runs as `user`; empty when it runs as ourselves."""
    if user is None or os.geteuid() != 0:
        return {}
    return {"user": user.uid, "group": user.gid, "extra_groups": []}

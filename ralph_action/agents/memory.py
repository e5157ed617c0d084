"""Was a child killed for want of memory? The kernel's own counters say so, where they can be read."""

from __future__ import annotations

import re
import signal
from pathlib import Path

PROC, CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")
KILLED = re.compile(r"^oom_kill (\d+)$", re.MULTILINE)


def oom_kills(proc: Path = PROC, cgroups: Path = CGROUPS) -> int | None:
    """How many processes the kernel has killed for want of memory in our control group; None when it does not say.

    Version 2 has `memory.events`, version 1 `memory.oom_control`; in a container the group is at the mount's root.
    """
    try:
        groups = [line.split(":", 2) for line in (proc / "self" / "cgroup").read_text().splitlines()]
    except OSError:
        groups = []
    places: list[Path] = []
    for _, controllers, path in (group for group in groups if len(group) == len(("id", "names", "path"))):
        below = path.lstrip("/")
        if not controllers:
            places += [cgroups / below / "memory.events", cgroups / "memory.events"]
        elif "memory" in controllers.split(","):
            base = cgroups / "memory"
            places += [base / below / "memory.oom_control", base / "memory.oom_control"]
    for place in places:
        try:
            match = KILLED.search(place.read_text())
        except OSError:
            continue
        if match:
            return int(match[1])
    return None


def why_killed(exit_code: int, before: int | None, after: int | None) -> str:
    """Pure: why a child that we did not end is dead, for an error; empty when it was not killed.

    A shell that waits for the killed process exits with 128 and the signal's number.
    """
    if exit_code not in {-signal.SIGKILL, 128 + signal.SIGKILL}:
        return ""
    if before is not None and after is not None:
        if after > before:
            return (
                "the kernel killed it for want of memory: give the job a larger runner, or the agent less to do at once"
            )
        return "it was killed by SIGKILL; the kernel counts no kill for want of memory"
    return "it was killed by SIGKILL, most likely by the kernel for want of memory; try a larger runner"

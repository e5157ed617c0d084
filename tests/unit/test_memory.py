"""What a SIGKILL from outside is told to be."""

from __future__ import annotations

from pathlib import Path

import pytest

from ralph_action.agents.memory import oom_kills, why_killed


@pytest.mark.parametrize(
    ("code", "before", "after", "said"),
    [
        (-9, 0, 1, "the kernel killed it for want of memory"),
        (137, 4, 5, "the kernel killed it for want of memory"),
        (-9, None, None, "most likely by the kernel for want of memory"),
        (137, 4, None, "most likely"),
        (-9, 4, 4, "the kernel counts no kill"),
        (-15, 0, 1, ""),
        (0, 0, 1, ""),
        (1, 0, 1, ""),
    ],
)
def test_why(code: int, before: int | None, after: int | None, said: str) -> None:
    """Sure when the kernel's counter rose; a shell passes the signal on as its exit code."""
    found = why_killed(code, before, after)
    assert said in found
    assert bool(found) is bool(said)


@pytest.mark.parametrize(
    ("groups", "file", "text", "count"),
    [
        ("0::/a/b\n", "a/b/memory.events", "low 0\noom 3\noom_kill 2\n", 2),
        ("0::/a/b\n", "memory.events", "oom_kill 5\noom_group_kill 0\n", 5),
        ("4:memory:/x\n0::/\n", "memory/x/memory.oom_control", "under_oom 0\noom_kill 1\n", 1),
        ("4:cpu,memory:/x\n", "memory/memory.oom_control", "oom_kill 7\n", 7),
        ("0::/a\n", "a/memory.events", "oom 3\n", None),
        ("0::/a\n", "other", "", None),
        ("nonsense\n", "memory.events", "oom_kill 5\n", None),
    ],
)
def test_the_kernels_counter(tmp_path: Path, groups: str, file: str, text: str, count: int | None) -> None:
    """Both versions of control groups, seen from the machine and from a container."""
    proc, cgroups = tmp_path / "proc", tmp_path / "cgroups"
    (proc / "self").mkdir(parents=True)
    (proc / "self" / "cgroup").write_text(groups)
    (cgroups / file).parent.mkdir(parents=True)
    (cgroups / file).write_text(text)
    assert oom_kills(proc, cgroups) == count
    assert oom_kills(tmp_path / "none", cgroups) is None

"""Every crash point; and the proof that the harness sees what it is there for."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.crash.broken import BROKEN
from tests.crash.harness import MODES, ROOT
from tests.crash.judge import points, resuming_points, violations

STRIDE = int(os.environ.get("RALPH_CRASH_STRIDE", "80"))
"""Every which point is tried: 1 is all of them (`make crash`)."""
INSTANTS = int(os.environ.get("RALPH_CRASH_INSTANTS", "3"))
"""How many random instants in each mode (`make crash N=…`)."""
CRASH = "after git push#4"
"""Where the first run ends when the second one is killed too: some iterations are in all homes."""


@pytest.mark.fault(
    "kill",
    "Killed before or after any durable operation",
    "the next run goes on from the last durable checkpoint, in the same workspace, in a fresh clone or with one home "
    "gone; no iteration is counted twice, and the tree ends as an undisturbed run's.",
)
@pytest.mark.parametrize("interval", [1, 2])
def test_nothing_is_lost_at_any_point(
    tmp_path: Path, interval: int, record_property: Callable[[str, object], None]
) -> None:
    """Killed before and after each durable operation, then run again in one of four places."""
    every, tree = points(tmp_path / "undisturbed", interval)
    assert len(every) > 100
    tried, lost = try_all(tmp_path / "world", every, tree, interval, keep=50)
    record_property("schedules", said(f"interval {interval}", every, tried, lost))
    assert not lost, "\n".join(lost)


@pytest.mark.fault(
    "kill",
    "Killed while old records are cleaned away",
    "what the last two valid checkpoints need, and what is on its way to a home, is still there.",
)
def test_nothing_is_lost_while_cleaning_up(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    """The same with room for one checkpoint, killed before and after each removal."""
    every, tree = points(tmp_path / "undisturbed", 1, keep=1)
    removals = [point for point in every if " remove " in point]
    assert len(removals) > 10
    tried, lost = try_all(tmp_path / "world", removals, tree, 1, keep=1)
    record_property("schedules", said("cleaning up", removals, tried, lost))
    assert not lost, "\n".join(lost)


@pytest.mark.fault(
    "kill",
    "Killed a second time, while resuming",
    "the third run goes on from the same checkpoint: to find, claim and restore changes nothing that it stands on.",
)
@pytest.mark.parametrize("mode", MODES)
def test_nothing_is_lost_while_resuming(
    tmp_path: Path, mode: str, record_property: Callable[[str, object], None]
) -> None:
    """The second run is killed at each of its points before its first iteration has ended."""
    _, tree = points(tmp_path / "undisturbed", 1)
    every = resuming_points(tmp_path / "resuming", 1, CRASH, mode)
    assert len(every) > 20
    tried, lost = 0, []
    for then in every[random.randrange(min(STRIDE, len(every))) :: STRIDE]:
        found = violations(tmp_path / "world", CRASH, mode, tree, 1, then=then)
        lost += [f"{CRASH}, {mode}, then {then}: {text}" for text in found]
        shutil.rmtree(tmp_path / "world")
        tried += 1
    record_property("schedules", said(f"resuming, {mode}", every, tried, lost))
    assert not lost, "\n".join(lost)


def try_all(root: Path, every: list[str], tree: str, interval: int, keep: int) -> tuple[int, list[str]]:
    """Every which point in the same workspace and in one other place; how many, and what was lost."""
    tried, lost = 0, []
    shift = random.randrange(min(STRIDE, len(every)))
    for number in range(shift, len(every), STRIDE):
        for mode in ("same", MODES[1 + (number // STRIDE) % 3]):
            found = violations(root, every[number], mode, tree, interval, keep=keep)
            lost += [f"{every[number]}, {mode}: {text}" for text in found]
            shutil.rmtree(root)
            tried += 1
    return tried, lost


def said(what: str, every: list[str], tried: int, lost: list[str]) -> str:
    return f"{what}: {len(every)} points, {tried} schedules, {len(lost)} violations"


@pytest.mark.fault(
    "kill",
    "Killed at any instant, with everything that it had started",
    "as at the named operations: the next run goes on from the last durable checkpoint.",
)
@pytest.mark.parametrize("mode", MODES)
def test_nothing_is_lost_at_any_instant(
    tmp_path: Path, mode: str, record_property: Callable[[str, object], None]
) -> None:
    """The same at random instants, with all processes killed at once."""
    _, tree = points(tmp_path / "undisturbed", 1)
    lost = []
    for _ in range(INSTANTS):
        after_s = random.uniform(0.1, 2.0)
        found = violations(tmp_path / "world", after_s, mode, tree, 1)
        lost += [f"after {after_s:.3f} s, {mode}: {text}" for text in found]
        shutil.rmtree(tmp_path / "world")
    record_property("schedules", f"any instant, {mode}: {INSTANTS} schedules, {len(lost)} violations")
    assert not lost, "\n".join(lost)


@pytest.mark.parametrize("what", sorted(BROKEN))
def test_the_harness_sees_what_is_broken(tmp_path: Path, what: str) -> None:
    """An invariant is broken on purpose in a copy of the program, and the harness says so."""
    changes, point, mode = BROKEN[what]
    source = tmp_path / "source"
    shutil.copytree(ROOT / "ralph_action", source / "ralph_action", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "entrypoint.py", source)
    _, tree = points(tmp_path / "undisturbed", 1)
    assert violations(tmp_path / "sound", point, mode, tree, 1, source) == []
    for name, text, instead in changes:
        path = source / "ralph_action" / name
        assert path.read_text().count(text) == 1
        path.write_text(path.read_text().replace(text, instead))
    assert violations(tmp_path / "broken", point, mode, tree, 1, source) != []

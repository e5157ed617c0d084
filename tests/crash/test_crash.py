"""Every crash point; and the proof that the harness sees what it is there for."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.crash.harness import MODES, ROOT, points, violations

STRIDE = int(os.environ.get("RALPH_CRASH_STRIDE", "40"))
"""Every which point is tried: 1 is all of them (`make crash`)."""
INSTANTS = int(os.environ.get("RALPH_CRASH_INSTANTS", "3"))
"""How many random instants in each mode (`make crash N=…`)."""
BROKEN = {
    "pointer before data, and it is believed": (
        [
            (
                "checkpoint/homes.py",
                '        commit = ""\n        subject',
                "        with self._lock:\n"
                "            self._agent_dir.write_checkpoint(Checkpoint(iteration=state.iteration, "
                "sequence=state.sequence, branch=state.branch, commit='f' * 40, "
                "state_file=state_file, digest=digest))\n"
                '        commit = ""\n        subject',
            ),
            (
                "begin.py",
                '{lacking[0][:12]} is not on this machine" if lacking',
                '{lacking[0][:12]} is not on this machine" if 0',
            ),
        ],
        "before git commit-tree#2",
        "same",
    ),
    "state before branch, and no older one taken": (
        [
            (
                "checkpoint/remotes.py",
                "        self._vault.push(self._url, self._token, [*refs, (state, self._ref)])\n",
                "        self._vault.push(self._url, self._token, [(state, self._ref)])\n"
                "        if refs:\n            self._vault.push(self._url, self._token, refs)\n",
            ),
            (
                "resume/find.py",
                'f"iteration {state.iteration}: {why}")\n            continue\n',
                'f"iteration {state.iteration}: {why}")\n            return False\n',
            ),
        ],
        "before git push#5",
        "branch",
    ),
    "counters begin anew": (
        [
            (
                "resume/choose.py",
                "        status=Status.RUNNING,\n        stop_reason=None,\n",
                "        status=Status.RUNNING,\n        stop_reason=None,\n        tokens_known=0,\n",
            )
        ],
        "after git commit-tree#2",
        "same",
    ),
}
"""What is broken: (file, text, the text instead), the point and the mode that show it."""


@pytest.mark.parametrize("interval", [1, 2])
def test_nothing_is_lost_at_any_point(
    tmp_path: Path, interval: int, record_property: Callable[[str, object], None]
) -> None:
    """Killed before and after each durable operation, then run again in one of four places."""
    every, tree = points(tmp_path / "undisturbed", interval)
    assert len(every) > 100
    shift = random.randrange(STRIDE)
    tried, lost = 0, []
    for number, point in enumerate(every):
        if number % STRIDE != shift % STRIDE:
            continue
        for mode in {"same", MODES[1 + (number // STRIDE) % 3]}:
            root = tmp_path / "world"
            found = violations(root, point, mode, tree, interval)
            lost += [f"{point}, {mode}: {text}" for text in found]
            shutil.rmtree(root)
            tried += 1
    record_property("schedules", f"interval {interval}: {len(every)} points, {tried} schedules, {len(lost)} violations")
    assert not lost, "\n".join(lost)


@pytest.mark.parametrize("mode", MODES)
def test_nothing_is_lost_at_any_instant(tmp_path: Path, mode: str) -> None:
    """The same at random instants, with all processes killed at once."""
    _, tree = points(tmp_path / "undisturbed", 1)
    lost = []
    for _ in range(INSTANTS):
        after_s = random.uniform(0.1, 2.0)
        found = violations(tmp_path / "world", after_s, mode, tree, 1)
        lost += [f"after {after_s:.3f} s, {mode}: {text}" for text in found]
        shutil.rmtree(tmp_path / "world")
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

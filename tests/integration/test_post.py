"""The post stage while the main stage is still there, as the task's lock has it."""

from __future__ import annotations

import io
import signal
import threading
from pathlib import Path

import pytest

from ralph_action.github.runner import Runner
from ralph_action.post import finish
from tests.lab.place import WAIT, WORK, Place, kill_tree

FLAGS = ("--command", f"{WAIT}; {WORK}", "--checkpoint-interval", "1")


def post(place: Place, work: Path, lock_s: float) -> tuple[int, str]:
    """Finish what is left, in this process; exit code and what is said."""
    said = io.StringIO()
    environment = {
        **place.environment,
        "RALPH_STATE_HOME": str(place.root / f"state-{work.name}"),
        "RALPH_ARTIFACT_FOLDER": str(place.artifacts),
    }
    values = {"task": "t", "agent": "command", "command": "true"}
    code = finish(values, environment, work, Runner(environment, said), lock_s)
    return code, said.getvalue()


def outside(place: Place) -> tuple[str, list[str]]:
    return place.remote.run("for-each-ref"), sorted(path.name for path in place.artifacts.iterdir())


@pytest.mark.fault(
    "runner",
    "the post stage begins while the main stage takes its last checkpoint",
    "It waits for the task's lock, finds nothing missing and does nothing.",
)
def test_a_main_stage_that_is_just_ending(place: Place) -> None:
    """Its last commit waits for the user's hook until the post stage has begun."""
    work = place.clone("one")
    hook = work / ".git" / "hooks" / "post-commit"
    gate, met = place.root / "gate", place.root / "met"
    hook.write_text(f"#!/bin/bash\n[ -e half.txt ] || exit 0\ntouch {met}; until [ -e {gate} ]; do sleep 0.02; done\n")
    hook.chmod(0o755)
    main = place.start(work, *FLAGS)
    found: list[tuple[int, str]] = []
    try:
        place.wait_for_iteration()
        main.send_signal(signal.SIGINT)
        place.wait_until(met.exists)
        beside = threading.Thread(target=lambda: found.append(post(place, work, 60)))
        beside.start()
        gate.touch()
        log, _ = main.communicate(timeout=60)
        beside.join(60)
    finally:
        kill_tree(main)
    assert main.returncode == 130, log
    assert found == [(0, "Nothing to finish: the last checkpoint has reached its homes.\n")]
    assert place.remote.run("show", "ralph/t:half.txt") == "half"
    assert place.remote.run("log", "--format=%s", "ralph/t").count("Ralph checkpoint 1: signal") == 1


@pytest.mark.fault(
    "runner",
    "the main stage never ends",
    "The post stage waits for a while, says that it leaves the task to it, and touches nothing.",
)
def test_a_main_stage_that_stays(place: Place) -> None:
    work = place.clone("one")
    main = place.start(work, *FLAGS)
    try:
        place.wait_for_iteration()
        place.wait_until(lambda: bool(list(place.artifacts.glob("*"))))
        before = place.remote.run("rev-parse", "ralph/t")
        code, said = post(place, work, 0.2)
        assert (code, place.remote.run("rev-parse", "ralph/t")) == (0, before)
        assert "The main stage still works on the task" in said
    finally:
        kill_tree(main)
    code, said = post(place, work, 0.2)
    assert code == 0, said
    assert "no last checkpoint was taken" in said
    assert place.remote.run("show", "ralph/t:half.txt") == "half"
    before_again = outside(place)
    assert post(place, work, 0.2) == (0, "Nothing to finish: the last checkpoint has reached its homes.\n")
    assert outside(place) == before_again

"""Real CLIs as agents of the Agent Client Protocol, each against a scripted endpoint in its own dialect."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ralph_action.agents import adapter_of
from tests.lab.models import Models
from tests.lab.place import ENTRY, Place, state_of
from tests.real.packages import programs_of
from tests.real.setups import SETUPS

pytestmark = pytest.mark.real
AGENTS = ("copilot", "gemini", "qwen")


def run(place: Place, agent: str, models: Models, play: str, *flags: str) -> tuple[int, str, Path]:
    traits, setup, url = adapter_of(agent).TRAITS, SETUPS[agent], f"{models.url}/{play}"
    package = programs_of(traits.package, traits.version)
    home = Path(place.environment["HOME"])
    for name, text in setup.files(url).items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    work, environment = place.clone("one"), setup.environment(url)
    words = f"{agent} --acp {' '.join(setup.flags)}"
    command = ("--agent", "acp", "--command", words)
    found = subprocess.run(
        [sys.executable, str(ENTRY), "run", "--task", "t", *command, *flags],
        cwd=work,
        env={
            **place.environment,
            **environment,
            "PATH": f"{package}:{os.environ['PATH']}",
            "RALPH_STATE_HOME": str(place.root / "state"),
            "RALPH_ARTIFACT_FOLDER": str(place.artifacts),
            "INPUT_AGENT-ENV": "\n".join(environment),
        },
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    return found.returncode, found.stdout + found.stderr, work


def test_the_table_names_them() -> None:
    assert sorted(adapter_of("acp").TRAITS.seen.split(", ")) == list(AGENTS)


@pytest.mark.parametrize("agent", AGENTS)
def test_it_edits_files_and_keeps_its_promise(agent: str, place: Place) -> None:
    """It asks before it runs its shell, and is allowed to; it leaves nothing of its own in the work tree."""
    with Models() as models:
        code, log, work = run(place, agent, models, "tool", "--max-iterations", "2")
    assert code == 0, log
    assert place.remote.run("show", "ralph/t:made.txt") == "made"
    assert set(place.remote.run("ls-tree", "--name-only", "ralph/t").split()) == {"made.txt", "PROMPT.md"}
    state = state_of(work)
    assert (state["status"], state["iteration"]) == ("completed", 1)
    assert state["session_id"]


@pytest.mark.parametrize("agent", ["gemini", "qwen"])
def test_a_refused_key_ends_the_loop(agent: str, place: Place) -> None:
    """At once, and the iteration is not used up."""
    with Models() as models:
        code, log, work = run(place, agent, models, "e401")
    assert (state_of(work)["stop_reason"], state_of(work)["iteration"], code) == ("auth", 0, 6), log

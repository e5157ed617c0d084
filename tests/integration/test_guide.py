"""The user's guide to checkpointing, its commands as they are written: checkpoint types and intervals.

`python ralph_orchestrator.py` stands for `ralph`. What the guide takes from outside (mail, curl, watch, a larger disk)
is a small program on PATH or a temporary folder.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.lab.place import kill_tree

ENTRY = Path(__file__).resolve().parents[2] / "entrypoint.py"
STAMP = r"\d{8}_\d{6}"
LIST = 'git log --oneline | grep "Ralph checkpoint"'
RUN = "python ralph_orchestrator.py"


class Scratch:
    """A project with a PROMPT.md; an agent that adds a line to work.txt with each call; and bash."""

    def __init__(self, root: Path, environment: dict[str, str], folder: str = "project") -> None:
        self.root = root
        self.folder = root / folder
        self.folder.mkdir()
        self.saved = root / "xdg-state" / "ralph"
        person = {f"GIT_{who}_{what}": "me@here" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        xdg = {f"XDG_{kind}_HOME": str(root / f"xdg-{kind.lower()}") for kind in ("STATE", "CONFIG", "CACHE", "DATA")}
        path = f"{root / 'tools'}:{environment['PATH']}"
        self.environment = {**environment, **person, **xdg, "PATH": path, "LC_ALL": "C.UTF-8"}
        self.tool("ralph", f'exec {shlex.quote(sys.executable)} {shlex.quote(str(ENTRY))} "$@"')
        (self.folder / "PROMPT.md").write_text("Do it.\n")
        (self.folder / "ralph.yml").write_text("agent: command\ncommand: agent\nmax-iterations: 200\n")

    def tool(self, name: str, script: str) -> None:
        """Put a program on PATH, in front of one of the machine's."""
        path = self.root / "tools" / name
        path.parent.mkdir(exist_ok=True)
        asked = 'case "$1" in --help|--version) echo --dangerously-skip-permissions; exit 0;; esac'
        path.write_text(f"#!/bin/bash\n{asked}\n{script}\n")
        path.chmod(0o755)

    def agent(self, done: int, first: str = ":") -> None:
        """Let the agent do `first`, then its line, and say with call `done` that it is done."""
        line = 'echo "$RALPH_ITERATION" >> work.txt; echo "did $RALPH_ITERATION"'
        self.tool("agent", f'{first}\n{line}\nif [ "$RALPH_ITERATION" -ge {done} ]; then echo LOOP_COMPLETE; fi')

    def start(self, text: str, folder: Path | None = None) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["/bin/bash", "-c", text.replace(RUN, "ralph")],
            cwd=folder or self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def bash(self, text: str, folder: Path | None = None, *, code: int | None = 0) -> str:
        """Run a piece of the guide; return what it printed."""
        process = self.start(text, folder)
        try:
            out, _ = process.communicate(timeout=120)
        except BaseException:
            kill_tree(process)
            raise
        assert code in (None, process.returncode), f"{text}: {process.returncode}\n{out}"
        return out

    def commit(self) -> None:
        self.bash('git init -q -b main; git add .; git commit -q -m "The task"')

    def prepare(self, iterations: int, flags: str = "") -> str:
        """Run an unfinished task as far as that, with a checkpoint after each iteration."""
        return self.bash(f"ralph --checkpoint-interval 1 --max-iterations {iterations} {flags}", code=11)

    def checkpoints(self) -> list[int]:
        """The iterations of the present branch's checkpoints, the first one first, as the guide lists them."""
        lines = self.bash(LIST, code=None).splitlines()
        found = [re.fullmatch(r"[0-9a-f]{7,} Ralph checkpoint (\d+): \S.*", line) for line in reversed(lines)]
        assert all(found), lines
        return [int(match[1]) for match in found if match]

    def files(self, pattern: str) -> list[Path]:
        return sorted((self.folder / ".agent").glob(pattern))

    def state(self) -> dict[str, Any]:
        return read(self.files("metrics/state_*.json")[-1])

    def work(self) -> list[int]:
        return [int(line) for line in (self.folder / "work.txt").read_text().split()]


def read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def project(root: Path, environment: dict[str, str]) -> Scratch:
    """A committed project whose agent is done with its third call."""
    place = Scratch(root, environment)
    place.commit()
    place.agent(3)
    return place


@pytest.fixture
def scratch(tmp_path: Path, environment: dict[str, str]) -> Scratch:
    return project(tmp_path, environment)


AGGRESSIVE = """python ralph_orchestrator.py \\
  --checkpoint-interval 1 \\
  --metrics-interval 1 \\
  --verbose
"""
BALANCED = """python ralph_orchestrator.py \\
  --checkpoint-interval 5 \\
  --metrics-interval 10
"""
MINIMAL = """python ralph_orchestrator.py \\
  --checkpoint-interval 20 \\
  --no-archive
"""
CI = """python ralph_orchestrator.py \\
            --checkpoint-interval 10 \\
            --max-iterations 100
"""


@pytest.mark.parametrize(
    ("command", "done", "checkpoints", "metrics", "prompts"),
    [
        ("python ralph_orchestrator.py", 6, [5, 6], [], 1),
        ("python ralph_orchestrator.py --checkpoint-interval 1", 3, [1, 2, 3], [], 1),
        ("python ralph_orchestrator.py --checkpoint-interval 5", 6, [5, 6], [], 1),
        ("python ralph_orchestrator.py --checkpoint-interval 10", 11, [10, 11], [10], 1),
        ("python ralph_orchestrator.py --checkpoint-interval 50", 51, [50, 51], [10, 20, 30, 40, 50], 1),
        ("python ralph_orchestrator.py --no-archive", 6, [5, 6], [], 0),
        ("python ralph_orchestrator.py --no-git", 6, [], [], 1),
        (AGGRESSIVE, 3, [1, 2, 3], [1, 2, 3], 1),
        (BALANCED, 11, [5, 10, 11], [10], 1),
        (MINIMAL, 21, [20, 21], [10, 20], 0),
        (CI, 11, [10, 11], [10], 1),
    ],
    ids=["default", "1", "5", "10", "50", "no-archive", "no-git", "aggressive", "balanced", "minimal", "CI"],
)
def test_checkpoints_at_the_interval(
    scratch: Scratch, command: str, done: int, checkpoints: list[int], metrics: list[int], prompts: int
) -> None:
    """Commits, metrics and archives come when the command says; the state is always written."""
    scratch.agent(done)
    log = scratch.bash(command)
    assert scratch.checkpoints() == checkpoints, log
    assert [read(path)["iteration"] for path in scratch.files("metrics/metrics_*.json")] == metrics
    assert len(scratch.files("prompts/*")) == prompts
    state = scratch.state()
    assert (state["iteration"], state["status"], state["agent"]) == (done, "completed", "command")
    assert scratch.work() == list(range(1, done + 1))
    commits = scratch.bash('git log --reverse --format=%H --grep="^Ralph checkpoint"').split()
    for commit, iteration in zip(commits, checkpoints, strict=True):
        saved = scratch.bash(f"git show {commit}:work.txt")
        assert saved.split() == [str(number) for number in range(1, iteration + 1)]
    if "--no-git" in command:
        assert scratch.bash("git log --all --format=%s") == "The task\n"
    if "--verbose" in command:
        assert "did 2" in log


def test_what_a_git_checkpoint_saves(scratch: Scratch) -> None:
    """The prompt file, files that the agent made and changed, the time and the iteration's number."""
    scratch.agent(2, 'echo "- Step $RALPH_ITERATION" >> PROMPT.md; mkdir -p new; echo x > "new/$RALPH_ITERATION"')
    scratch.bash("python ralph_orchestrator.py --checkpoint-interval 1")
    assert scratch.bash("git show HEAD~1:PROMPT.md") == "Do it.\n- Step 1\n"
    assert scratch.bash("git show HEAD:PROMPT.md") == "Do it.\n- Step 1\n- Step 2\n"
    assert scratch.bash("git ls-tree -r --name-only HEAD new").split() == ["new/1", "new/2"]
    shown = scratch.bash("git log -1 --format='%cI%n%(trailers:key=Ralph-Iteration,valueonly)'").split()
    assert datetime.fromisoformat(shown[0]).tzinfo is not None
    assert shown[1] == "2"
    assert scratch.bash("git status --porcelain") == ""


def test_prompt_archives(scratch: Scratch) -> None:
    """One for each version of the prompt, under the guide's name; a run with the same prompt adds none."""
    scratch.agent(5, '[ "$RALPH_ITERATION" != 2 ] || echo "Do it well." > PROMPT.md')
    scratch.prepare(4)
    archives = scratch.files("prompts/*")
    assert all(re.fullmatch(rf"prompt_{STAMP}\.md", path.name) for path in archives)
    assert [path.read_text() for path in archives] == ["Do it.\n", "Do it well.\n"]
    assert [line.split()[-1] for line in scratch.bash("ls -la .agent/prompts/").splitlines()[3:]] == [
        path.name for path in archives
    ]
    scratch.bash("python ralph_orchestrator.py")
    assert [path.read_text() for path in scratch.files("prompts/*")] == ["Do it.\n", "Do it well.\n"]


def test_the_directory_structure(scratch: Scratch) -> None:
    """The guide's four folders, and its names in them."""
    scratch.bash(AGGRESSIVE)
    names = {str(path.relative_to(scratch.folder / ".agent")) for path in scratch.files("*/*")}
    shapes = {re.sub(STAMP, "STAMP", name) for name in names}
    assert shapes >= {"prompts/prompt_STAMP.md", "metrics/state_STAMP.json", "metrics/metrics_STAMP.json"}
    assert {name.split("/")[0] for name in names} == {"checkpoints", "prompts", "metrics", "logs"}

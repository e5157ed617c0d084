"""`ralph demo`: the whole promise in 20 seconds, with no key and no network.

A scripted agent solves a real task in a scratch repository; ralph is killed with SIGKILL in the middle,
the workspace is thrown away, and a fresh clone goes on from the checkpoints.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from ralph_action.agents.descendants import find

PROMISE = "ALL TESTS PASS"
PROMPT = f"""# Word count

Write `wordcount.py`, a small program that counts lines, words and characters, one step at a time.
Run the tests after each step.

When every test passes, print this on a line of its own:

{PROMISE}
"""
KILLED_AFTER = 2
AGENT_AT_WORK_S = 0.8
"""So that the agent is killed with half of its work done."""


class Demo:
    """The scratch places of one demonstration."""

    def __init__(self, root: Path, environ: Mapping[str, str]) -> None:
        self.root = root
        self.remote = root / "remote.git"
        self.artifacts = root / "artifacts"
        self.workspace = root / "project"
        self.environment = {
            "PATH": environ.get("PATH", os.defpath),
            "HOME": str(root),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "RALPH_ARTIFACT_FOLDER": str(self.artifacts),
            "PYTHONUNBUFFERED": "1",
        }

    def git(self, *arguments: str, where: Path | None = None) -> str:
        identity = ["-c", "user.name=demo", "-c", "user.email=demo@localhost", "-c", "init.defaultBranch=main"]
        done = subprocess.run(
            ["git", *identity, *arguments],
            cwd=where or self.workspace,
            env=self.environment,
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.stdout.strip()

    def set_up(self) -> None:
        self.git("init", "--quiet", "--bare", str(self.remote), where=self.root)
        self.git("clone", "--quiet", str(self.remote), str(self.workspace), where=self.root)
        (self.workspace / "PROMPT.md").write_text(PROMPT)
        self.git("add", "PROMPT.md")
        self.git("commit", "--quiet", "-m", "The task")
        self.git("push", "--quiet", "origin", "HEAD:refs/heads/main")

    def start(self, state: str) -> subprocess.Popen[str]:
        """Start `ralph run` as its own process, as a user would."""
        entry = Path(__file__).resolve().parent.parent / "entrypoint.py"
        command = [sys.executable, str(entry)] if entry.exists() else [sys.executable, "-m", "ralph_action"]
        # Its script reads the promise from the prompt's last line, so it gets the prompt alone.
        arguments = ["run", "--agent", "demo", "--task", "demo", "--checkpoint-interval", "1", "--context", "none"]
        return subprocess.Popen(
            [*command, *arguments, "--completion-promise", PROMISE],
            cwd=self.workspace,
            env=self.environment | {"RALPH_STATE_HOME": str(self.root / state)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )


def demo(environ: Mapping[str, str]) -> int:
    """Show it; return 0 when the task was completed across the kill."""
    root = Path(tempfile.mkdtemp(prefix="ralph-demo-"))
    show = Demo(root, environ)
    _title("1. A task, a repository, a remote. No key, no network.")
    show.set_up()
    print(f"   in {root}", flush=True)
    _title("2. ralph puts an agent in a loop and checkpoints each iteration.")
    first = show.start("state-1")
    _watch(first, kill_after=KILLED_AFTER)
    _title(f"3. SIGKILL in the middle of iteration {KILLED_AFTER + 1}. The machine is gone: so is the workspace.")
    shutil.rmtree(show.workspace)
    shutil.rmtree(root / "state-1", ignore_errors=True)
    show.git("clone", "--quiet", "--depth", "1", f"file://{show.remote}", str(show.workspace), where=root)
    _title("4. A new machine: a fresh, shallow clone, and `ralph run` again.")
    second = show.start("state-2")
    code = _watch(second)
    _title("5. What is left.")
    _leftovers(show)
    return code


def _watch(process: subprocess.Popen[str], kill_after: int = 0) -> int:
    """Show a run's output; kill its whole session soon after an iteration has begun."""
    assert process.stdout is not None  # noqa: S101  it is a pipe
    hidden = False
    for line in process.stdout:
        hidden = line.startswith("Settings") or (hidden and ": " in line and not line.startswith("Resume"))
        if hidden:
            continue
        print("   | " + line, end="", flush=True)
        if kill_after and line.strip().endswith(f"Iteration {kill_after + 1}"):
            time.sleep(AGENT_AT_WORK_S)
            _kill(process.pid)
            break
    code = process.wait()
    process.stdout.close()
    return code


def _kill(pid: int) -> None:
    """End the whole tree of processes at once, as a machine that vanishes does."""
    for child in find(pid, mark="none"):
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)


def _leftovers(show: Demo) -> None:
    branch = "refs/heads/ralph/demo"
    log = show.git("--git-dir", str(show.remote), "log", "--format=%h %s", branch, where=show.root)
    print("   the branch ralph/demo on the remote:")
    for line in log.splitlines():
        print("     " + line)
    states = sorted((show.workspace / ".agent" / "metrics").glob("state_*.json"))
    state = json.loads(states[-1].read_text())
    names = ("status", "stop_reason", "iteration", "tokens_used", "cost_incurred")
    print(f"   the state, {states[-1].relative_to(show.workspace)}:")
    print("     " + ", ".join(f"{name} {state[name]}" for name in names))
    print(f"   the artifacts: {len(list(show.artifacts.glob('*.zip')))} in {show.artifacts}")
    agent_dir = show.workspace / ".agent"
    print(f"   the report: {agent_dir / 'report.html'}")
    print(f"   the journal: {agent_dir / 'journal.jsonl'}")


def _title(text: str) -> None:
    print(f"\n{text}", flush=True)

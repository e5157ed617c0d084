"""Kill the program at a named durable operation, run it again somewhere, and look whether anything was lost."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ralph_action.agents.descendants import find
from ralph_action.checkpoint.git import Git

ROOT = Path(__file__).resolve().parents[2]
ITERATIONS = 5
TOKENS, COST = 100, 0.01
MODES = ("same", "clone", "branch", "artifact")
"""Where the second run takes place: the same workspace; a fresh clone with both remote homes, or with one."""
AGENT = f"""#!/bin/bash
# An agent that speaks claude's protocol: one file an iteration, the same whenever the iteration is done again.
case "$1" in --help|--version) echo --dangerously-skip-permissions; exit 0;; esac
cat > /dev/null
n=$(ls step-* 2>/dev/null | wc -l)
for i in 1 2 3 4 5; do [ -e step-$i ] || {{ n=$i; break; }}; done
echo "$n" >> "$HOME/calls"
echo "step $n" > step-$n
text="step $n"
[ "$n" = {ITERATIONS} ] && text=LOOP_COMPLETE
echo '{{"type":"result","subtype":"success","is_error":false,"result":"'"$text"'","session_id":"s",\
"total_cost_usd":{COST},"usage":{{"input_tokens":{TOKENS},"output_tokens":0}}}}'
"""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the program that is over."""

    code: int
    log: str

    @property
    def resumed_after(self) -> int:
        """The iteration that it went on after; 0 when it began anew."""
        found = re.search(r"going on from \w+ \(.*\) after iteration (\d+)", self.log)
        return int(found[1]) if found else 0


class World:
    """A project with a remote, a folder of artifacts and a workspace in which a user has things of their own."""

    def __init__(self, root: Path, interval: int, source: Path = ROOT, keep: int = 50) -> None:
        self.root = root
        self.interval = interval
        self.keep = keep
        self.source = source
        self.work = root / "work"
        self.remote = root / "remote.git"
        self.environment = {
            "PATH": f"{root}/bin:{os.environ['PATH']}",
            "HOME": str(root),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def set_up(self) -> None:
        agent = self.root / "bin" / "claude"
        agent.parent.mkdir(parents=True)
        agent.write_text(AGENT)
        agent.chmod(0o755)
        git = Git(self.root, self.environment)
        git.run("init", "--quiet", "--bare", "--initial-branch=main", str(self.remote))
        git.run("clone", "--quiet", str(self.remote), str(self.work))
        work = self.git(self.work)
        (self.work / "PROMPT.md").write_text("Do it.\n")
        (self.work / "kept.txt").write_text("one\n")
        work.run("add", ".")
        work.run("commit", "--quiet", "-m", "first")
        work.run("push", "--quiet", "origin", "HEAD:refs/heads/main")
        work.run("branch", "theirs")
        (self.work / "kept.txt").write_text("stashed\n")
        work.run("stash", "push", "--quiet")
        (self.work / "kept.txt").write_text("changed\n")
        (self.work / "staged.txt").write_text("staged\n")
        work.run("add", "staged.txt")
        (self.work / "untracked.txt").write_text("untracked\n")

    def git(self, folder: Path) -> Git:
        return Git(folder, self.environment)

    def run(self, *, crash_at: str = "", after_s: float | None = None, trace: Path | None = None) -> Run:
        """Run the task to its end, to the point, or for a while; then all of its processes are killed."""
        more = {"RALPH_CRASH_AT": crash_at} if crash_at or trace else {}
        if trace is not None:
            more["RALPH_CRASH_TRACE"] = str(trace)
        places = {
            "RALPH_STATE_HOME": str(self.root / "state"),
            "RALPH_ARTIFACT_FOLDER": str(self.root / "artifacts"),
        }
        flags = ["--task", "t", "--checkpoint-interval", str(self.interval), "--max-iterations", "20"]
        flags += ["--keep-checkpoints", str(self.keep)]
        process = subprocess.Popen(
            [sys.executable, "-I", str(self.source / "entrypoint.py"), "run", *flags],
            cwd=self.work,
            env={**self.environment, **places, **more},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            log, _ = process.communicate(timeout=120 if after_s is None else after_s)
        except subprocess.TimeoutExpired:
            for pid in find(process.pid, mark="none"):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            log, _ = process.communicate()
        if process.returncode < 0:
            self._end_all()
        return Run(process.returncode, log)

    def _end_all(self) -> None:
        """The machine is gone, and all that the program had started with it; what the remote does goes on."""
        while mine := [pid for pid in _pids() if _is_below(pid, self.root)]:
            for pid in mine:
                if not _is_below(pid, self.remote):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)

    def lose(self, mode: str) -> None:
        """Take away what the mode says, and put a fresh clone in the workspace's place."""
        if mode == "same":
            return
        shutil.rmtree(self.work)
        shutil.rmtree(self.root / "state", ignore_errors=True)
        if mode == "artifact":
            remote = self.git(self.remote)
            for ref in ("refs/heads/ralph/t", "refs/ralph/t/state"):
                remote.run("update-ref", "-d", ref)
        if mode == "branch":
            shutil.rmtree(self.root / "artifacts", ignore_errors=True)
        self.git(self.root).run("clone", "--quiet", "--depth", "1", f"file://{self.remote}", str(self.work))

    def durable(self, mode: str, log: str) -> int:
        """The furthest iteration that the first run said is in the homes that are left.

        In the same workspace that is every one that is recorded, as its files lie there, committed or not.
        """
        if mode == "same":
            checkpoints = [int(number) for number in re.findall(r"^Checkpoint (\d+):", log, re.MULTILINE)]
            recorded = [int(event["number"]) for event in self._journal() if event["event"] == "iteration"]
            return max([*checkpoints, *recorded], default=0)
        wanted = {"clone": ("branch", "artifact"), "branch": ("branch",), "artifact": ("artifact",)}[mode]
        reached = [
            int(event["iteration"])
            for event in self._journal()
            if event["event"] == "published" and any(event["homes"].get(home) == "reached" for home in wanted)
        ]
        return max(reached, default=0)

    def _journal(self) -> Iterator[dict[str, Any]]:
        for path in (self.root / "state").glob("*/agent/journal.jsonl"):
            for line in path.read_text().splitlines():
                try:
                    yield json.loads(line)
                except ValueError:
                    continue  # the line that the kill cut off

    def state(self) -> dict[str, Any]:
        newest = max((self.work / ".agent" / "metrics").glob("state_*.json"))
        document: dict[str, Any] = json.loads(newest.read_text())
        return document

    def tree(self) -> str:
        code, out, _ = self.git(self.remote).attempt("rev-parse", "--verify", "--quiet", "refs/heads/ralph/t^{tree}")
        return "" if code else out.decode().strip()

    def calls(self) -> Counter[str]:
        calls = self.root / "calls"
        return Counter(calls.read_text().split() if calls.exists() else [])


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _is_below(pid: int, folder: Path) -> bool:
    try:
        is_dead = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
        return not is_dead and Path(f"/proc/{pid}/cwd").readlink().is_relative_to(folder)
    except OSError:
        return False

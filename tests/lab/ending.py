"""A run with scripted agents on PATH, as a workflow's step, and the events that Claude Code writes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.lab.job import read_pairs
from tests.lab.place import ENTRY, Place

Event = Mapping[str, object]
FLAGS = "--max-budget-usd --dangerously-skip-permissions --json --skip-git-repo-check"
FLAGS += " --dangerously-bypass-approvals-and-sandbox"
"""Those that `--help` must know of."""
INIT: Event = {"type": "system", "subtype": "init", "session_id": "s", "model": "m"}
RESET: Event = {"type": "rate_limit_event", "rate_limit_info": {"status": "rejected", "resetsAt": 4102444800}}


def said(text: str, tokens: int = 10) -> Event:
    usage = {"input_tokens": tokens, "output_tokens": 0}
    message = {"id": f"m-{text}", "content": [{"type": "text", "text": text}], "usage": usage}
    return {"type": "assistant", "message": message}


def result(text: str = "ok", *, cost: float = 0.5, **more: object) -> Event:
    usage = {"m": {"inputTokens": 100, "outputTokens": 0}}
    facts = {"type": "result", "is_error": False, "result": text, "total_cost_usd": cost, "modelUsage": usage}
    return {**facts, **more}


def refused(text: str, status: int | None = None) -> tuple[Event, ...]:
    return INIT, result(text, is_error=True, api_error_status=status)


class Ending:
    """A run with a scripted `claude` on PATH, as a workflow's step."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.work = place.clone("one")
        self.bin = place.root / "bin"
        self.bin.mkdir()
        self.files = {name: place.root / name.lower() for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        for path in self.files.values():
            path.touch()

    def agent(self, *events: Event, before: str = "", after: str = "", name: str = "claude") -> None:
        """What each call does and prints; `before` and `after` are lines of the shell."""
        lines = self.bin / f"{name}.jsonl"
        lines.write_text("".join(json.dumps(event) + "\n" for event in events))
        script = self.bin / name
        help_text = f'case "$*" in *--help|--version) echo "{FLAGS}"; exit 0;; esac'
        script.write_text(f'#!/bin/bash\n{help_text}\ncat >> "$HOME/prompts"\n{before}\ncat "{lines}"\n{after}\n')
        script.chmod(0o755)

    def start(self, *flags: str, agent: str = "claude", **env: str) -> subprocess.Popen[str]:
        environment = {
            **self.place.environment,
            **{name: str(path) for name, path in self.files.items()},
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "RALPH_STATE_HOME": str(self.place.root / "state"),
            "RALPH_ARTIFACT_FOLDER": str(self.place.artifacts),
            **env,
        }
        return subprocess.Popen(
            [sys.executable, str(ENTRY), "run", "--task", "t", "--agent", agent, *flags],
            cwd=self.work,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *flags: str, agent: str = "claude", **env: str) -> tuple[int, str]:
        process = self.start(*flags, agent=agent, **env)
        log, _ = process.communicate(timeout=120)
        return process.returncode, log

    @property
    def outputs(self) -> dict[str, str]:
        return read_pairs(self.files["GITHUB_OUTPUT"].read_bytes())

    @property
    def prompts(self) -> str:
        return Path(self.place.environment["HOME"], "prompts").read_text()

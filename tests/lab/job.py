"""A workflow run as the action sees it: a fresh clone, inputs and the runner's files for each attempt."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from ralph_action.checkpoint.git import Git
from ralph_action.checkpoint.vault import credential
from tests.lab.github import GitHub

ENTRY = Path(__file__).resolve().parents[2] / "entrypoint.py"


class Job:
    """A workflow run of the project, on a machine that is new for each attempt."""

    def __init__(self, root: Path, environment: dict[str, str], github: GitHub, *, write: bool = True) -> None:
        self.root = root
        self.environment = environment
        self.github = github
        self.token = github.issue_token(write=write)
        self.push_seed()

    def push_seed(self) -> None:
        admin = self.github.issue_token()
        seed = self.root / "seed"
        seed.mkdir()
        git = Git(seed, self.environment, config=credential(self.github.url, admin))
        git.run("init", "--quiet", "--initial-branch=main")
        (seed / "PROMPT.md").write_text("Do it.\n")
        git.run("add", ".")
        git.run("commit", "--quiet", "-m", "The task")
        git.run("push", "--quiet", f"{self.github.url}/org/project", "main")

    def attempt(self, number: int, command: str, *, iterations: int, **inputs: str) -> tuple[int, str, Path]:
        """Check the code out afresh and run the action; returns exit code, log and workspace."""
        work = self.root / f"attempt-{number}"
        config = credential(self.github.url, self.token)
        clone = ["clone", "--quiet", "--depth", "1", f"{self.github.url}/org/project", str(work)]
        Git(self.root, self.environment, config=config).run(*clone)
        files = self.root / f"files-{number}"
        files.mkdir()
        given = {
            "agent": "command",
            "command": command,
            "max-iterations": str(iterations),
            "checkpoint-interval": "1",
            "github-token": self.token,
            "prompt-file": "PROMPT.md",
            "prompt": "",
            **inputs,
        }
        env = {
            **self.environment,
            **self.github.start_run(7, number),
            **{f"INPUT_{name.upper()}": value for name, value in given.items()},
            "GITHUB_WORKSPACE": str(work),
            "RUNNER_TEMP": str(self.root / f"temp-{number}"),
            "GITHUB_OUTPUT": str(files / "output"),
            "GITHUB_STATE": str(files / "state"),
            "GITHUB_STEP_SUMMARY": str(files / "summary"),
        }
        argv = [sys.executable, str(ENTRY)]
        done = subprocess.run(argv, cwd=work, env=env, capture_output=True, text=True, check=False, timeout=120)
        return done.returncode, done.stdout + done.stderr, work

    def outputs(self, number: int) -> dict[str, str]:
        """Read the outputs as the runner does: heredocs, the later one wins."""
        lines = iter((self.root / f"files-{number}" / "output").read_text().splitlines())
        found: dict[str, str] = {}
        for line in lines:
            name, _, delimiter = line.partition("<<")
            value: list[str] = []
            while (part := next(lines)) != delimiter:
                value.append(part)
            found[name] = "\n".join(value)
        return found

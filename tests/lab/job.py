"""A workflow run as the action sees it: a fresh checkout, inputs and the runner's files for each attempt."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

from ralph_action.checkpoint.git import Git
from ralph_action.checkpoint.vault import credential
from tests.lab.github import GitHub
from tests.lab.runner import Log, Stage

ROOT = Path(__file__).resolve().parents[2]
ENTRY = ROOT / "entrypoint.py"
POST = (ROOT / "image" / "post").read_text().replace("/opt/ralph-action", str(ROOT))
"""The post stage's program, with the folder that the code has here."""
MAX_SUMMARY = 1024 * 1024
NAMES = ("output", "state", "env", "path", "step_summary")


class Files:
    """The file commands of one stage: fresh files, read once when the stage is over, however it ended."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.paths = {name: folder / name.removeprefix("step_") for name in NAMES}
        for path in self.paths.values():
            path.touch()
        self.outputs: dict[str, str] = {}
        self.state: dict[str, str] = {}
        self.summary = ""

    def read(self, log: Log) -> None:
        """Take what the stage wrote; what the runner cannot read, it tells."""
        try:
            self.outputs = log.values("set-output") | read_pairs(self.paths["output"].read_bytes())
            self.state = log.values("save-state") | read_pairs(self.paths["state"].read_bytes())
        except ValueError as problem:
            log.annotate("error", str(problem))
        summary = self.paths["step_summary"].read_bytes()
        if len(summary) > MAX_SUMMARY:
            log.annotate(
                "error", f"$GITHUB_STEP_SUMMARY upload aborted, supports up to 1024k, got {len(summary)} bytes."
            )
        else:
            self.summary = log.mask(summary.decode())


def read_pairs(data: bytes) -> dict[str, str]:
    """Read `name=value` lines and heredocs, the last of a name wins. Raises ValueError, which fails a step."""
    lines = iter(re.findall(r"[^\n]*\n|[^\n]+", data.decode()))
    found: dict[str, str] = {}
    for line in lines:
        if line == "\n":
            continue
        match = re.fullmatch(r"(.+?)(=|<<)(.*)", line.removesuffix("\n"))
        if match is None or match[1].startswith(("=", "<<")) or (match[2] == "<<" and not match[3]):
            raise ValueError(f"Invalid format {line!r}")
        found[match[1]] = match[3] if match[2] == "=" else _heredoc(lines, match[3])
    return found


def _heredoc(lines: Iterator[str], delimiter: str) -> str:
    value = ""
    for line in lines:
        if line.removesuffix("\n") == delimiter:
            return value.removesuffix("\n")
        value += line
        if not line.endswith("\n"):
            break
    raise ValueError(f"Invalid value: the delimiter {delimiter!r}, or a line's end before it, is missing")


class Job:
    """A workflow run of the project, on a machine that is new for each attempt."""

    def __init__(self, root: Path, environment: dict[str, str], github: GitHub, *, write: bool = True) -> None:
        self.root = root
        self.environment = environment
        self.github = github
        self.token = github.issue_token(write=write)
        self.sha = self.push_to_main("PROMPT.md", "Do it.\n", "The task")
        """What the event was for: each attempt gets it, wherever the branch is by then."""

    def push_to_main(self, name: str, text: str, subject: str) -> str:
        """Somebody pushes a file; returns the commit."""
        seed = self.root / "seed"
        git = Git(seed, self.environment, config=credential(self.github.url, self.github.issue_token()))
        if not seed.exists():
            seed.mkdir()
            git.run("init", "--quiet", "--initial-branch=main")
        (seed / name).write_text(text)
        git.run("add", ".")
        git.run("commit", "--quiet", "-m", subject)
        git.run("push", "--quiet", f"{self.github.url}/org/project", "main")
        return git.run("rev-parse", "HEAD")

    def attempt(self, number: int, command: str, *, iterations: int, **inputs: str) -> tuple[int, str, Path]:
        """Check the code out afresh and run the action; returns exit code, log as it was printed, and workspace."""
        attempt = Attempt(self, number)
        given = {"command": command, "max-iterations": str(iterations), **inputs}
        with attempt.start(given) as main:
            code = main.wait()
        return code, "\n".join(main.log.raw), attempt.work

    def outputs(self, number: int) -> dict[str, str]:
        return read_pairs((self.root / f"files-{number}" / "output").read_bytes())


class Attempt:
    """One attempt of the run: its machine, with a fresh checkout, home and temporary folder."""

    def __init__(self, job: Job, number: int = 1) -> None:
        self.job = job
        self.number = number
        self.work, self.home, self.temp = (job.root / f"{name}-{number}" for name in ("attempt", "home", "temp"))
        for folder in (self.work, self.home, self.temp):
            folder.mkdir()
        self.event = self.temp / "event.json"
        self.event.write_text(json.dumps({"inputs": {}}))
        self.masks: list[str] = []
        self._given: Mapping[str, str] = {}
        self._env: Mapping[str, str] = {}
        self._check_out()

    def rerun(self) -> Attempt:
        """Press the button: the same run and commit on another machine; what GitHub holds is what is left."""
        return Attempt(self.job, self.number + 1)

    def start(self, given: Mapping[str, str], env: Mapping[str, str] | None = None) -> Stage:
        """Start the main stage with what `with:` and `env:` say, and quick checkpoints of `agent: command`."""
        self._given = {"agent": "command", "checkpoint-interval": "1", **given}
        self._env = env or {}
        return self._stage([str(ENTRY)], f"files-{self.number}", {})

    def post(self, main: Stage, name: str = "post") -> Stage:
        """Start the post stage: a new container with the same workspace, home and inputs."""
        saved = {f"STATE_{key}": value for key, value in main.files.state.items()}
        return self._stage(["-c", POST], f"files-{self.number}-{name}", saved)

    def _check_out(self) -> None:
        """As actions/checkout does: one commit deep, on the branch's name."""
        job = self.job
        git = Git(self.work, job.environment, config=credential(job.github.url, job.token))
        git.run("init", "--quiet", "--initial-branch=main")
        git.run("remote", "add", "origin", f"{job.github.url}/org/project")
        git.run("fetch", "--quiet", "--no-tags", "--depth=1", "origin", f"+{job.sha}:refs/remotes/origin/main")
        git.run("checkout", "--quiet", "--force", "-B", "main", "refs/remotes/origin/main")

    def _stage(self, program: list[str], name: str, saved: Mapping[str, str]) -> Stage:
        files, log = Files(self.job.root / name), Log(self.masks)
        action = yaml.safe_load((ROOT / "action.yml").read_text())
        given, unknown = inputs(action, self._given, self.job.token)
        if unknown:
            log.annotate("warning", f"Unexpected input(s) {unknown}, valid inputs are {sorted(action['inputs'])}")
        env = {
            **self.job.environment,
            **self._env,
            **saved,
            **given,
            "HOME": str(self.home),
            **self._github(files),
            **self._runner(),
            **self.job.github.start_run(7, self.number),
        }
        return Stage([sys.executable, "-I", *program], cwd=self.work, env=env, log=log, files=files)

    def _github(self, files: Files) -> dict[str, str]:
        """The part of the `github` context that the lab's GitHub does not know."""
        return {
            "GITHUB_ACTION": "__org_ralph-action",
            "GITHUB_ACTION_REF": "v1",
            "GITHUB_ACTION_REPOSITORY": "org/ralph-action",
            "GITHUB_ACTOR": "somebody",
            "GITHUB_ACTOR_ID": "1",
            "GITHUB_BASE_REF": "",
            "GITHUB_EVENT_NAME": "workflow_dispatch",
            "GITHUB_EVENT_PATH": str(self.event),
            "GITHUB_HEAD_REF": "",
            "GITHUB_REF": "refs/heads/main",
            "GITHUB_REF_NAME": "main",
            "GITHUB_REF_PROTECTED": "false",
            "GITHUB_REF_TYPE": "branch",
            "GITHUB_REPOSITORY_OWNER": "org",
            "GITHUB_RUN_NUMBER": "3",
            "GITHUB_SHA": self.job.sha,
            "GITHUB_TRIGGERING_ACTOR": "somebody" if self.number == 1 else "somebody-else",
            "GITHUB_WORKFLOW_REF": "org/project/.github/workflows/ralph.yml@refs/heads/main",
            "GITHUB_WORKFLOW_SHA": self.job.sha,
            "GITHUB_WORKSPACE": str(self.work),
            **{f"GITHUB_{name.upper()}": str(path) for name, path in files.paths.items()},
        }

    def _runner(self) -> dict[str, str]:
        tools = str(self.job.root / "tools")
        fixed = {
            "RUNNER_NAME": "lab",
            "RUNNER_OS": "Linux",
            "RUNNER_ARCH": "X64",
            "RUNNER_ENVIRONMENT": "github-hosted",
        }
        return {**fixed, "RUNNER_TEMP": str(self.temp), "RUNNER_TOOL_CACHE": tools}


def inputs(
    action: dict[str, dict[str, dict[str, str]]], given: Mapping[str, str], token: str
) -> tuple[dict[str, str], list[str]]:
    """INPUT_* as the runner makes them, every input that action.yml names among them; and those that it does not."""
    rows = {name.lower(): str(row.get("default", "")) for name, row in action["inputs"].items()}
    values = {name: text.replace("${{ github.token }}", token) for name, text in rows.items()}
    values |= {name.lower(): text for name, text in given.items()}
    made = {f"INPUT_{name.upper().replace(' ', '_')}": text for name, text in values.items()}
    return made, sorted(set(values) - set(rows))

"""The real CLIs in the loop, each against a scripted endpoint in its own dialect."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ralph_action.agents import adapter_of
from tests.lab.models import CACHED, INPUT, OUTPUT, Models
from tests.lab.place import ENTRY, Place, state_of
from tests.real.npm import npm_package

pytestmark = pytest.mark.real
KEY = "no-real-key-0000"
QUIET = {"privacy": {"usageStatisticsEnabled": False}, "telemetry": {"enabled": False}}
NOWHERE = "http://127.0.0.1:9"
"""Nobody listens there: the port is for discarding, and is not handed out."""
CODEX = """model = "m"
model_provider = "lab"
check_for_update_on_startup = false
[model_providers.lab]
name = "lab"
base_url = "{url}/v1"
env_key = "OPENAI_API_KEY"
wire_api = "responses"
request_max_retries = 1
stream_max_retries = 1
[analytics]
enabled = false
"""


@dataclass(frozen=True)
class Setup:
    """How one CLI is led to the lab."""

    environment: Callable[[str], dict[str, str]]
    files: Callable[[str], dict[str, str]] = lambda _url: {}
    flags: tuple[str, ...] = ()
    passes: tuple[str, ...] = ()
    has_tool: bool = True
    plays: tuple[str, ...] = ("e401", "e402", "e404")
    """The errors that it tells of within seconds; others it tries again for minutes."""


def opencode(url: str) -> str:
    lab = {"npm": "@ai-sdk/openai-compatible", "options": {"baseURL": f"{url}/v1", "apiKey": KEY}, "models": {"m": {}}}
    return json.dumps({"provider": {"lab": lab}, "autoupdate": False, "share": "disabled"})


GEMINI = {**QUIET, "security": {"auth": {"selectedType": "gemini-api-key"}}, "general": {"disableAutoUpdate": True}}
SETUPS = {
    "codex": Setup(
        environment=lambda _url: {"OPENAI_API_KEY": KEY},
        files=lambda url: {".codex/config.toml": CODEX.format(url=url)},
        flags=("--agent-args", "--disable plugins --disable apps"),
        plays=("e401", "e402", "e404", "e429", "e503", "drop"),
    ),
    "gemini": Setup(
        environment=lambda url: {"GEMINI_API_KEY": KEY, "GOOGLE_GEMINI_BASE_URL": url},
        files=lambda _url: {".gemini/settings.json": json.dumps(GEMINI)},
        flags=("--model", "gemini-2.5-pro"),
        plays=("e401",),
    ),
    "opencode": Setup(
        environment=lambda url: {
            "OPENAI_API_KEY": KEY,
            "OPENCODE_CONFIG_CONTENT": opencode(url),
            "OPENCODE_DISABLE_MODELS_FETCH": "1",
            "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
        },
        flags=("--model", "lab/m"),
        passes=("OPENCODE_DISABLE_MODELS_FETCH", "OPENCODE_DISABLE_LSP_DOWNLOAD"),
    ),
    "qwen": Setup(
        environment=lambda url: {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": f"{url}/v1", "OPENAI_MODEL": "m"},
        files=lambda _url: {".qwen/settings.json": json.dumps(QUIET)},
    ),
    "copilot": Setup(
        environment=lambda url: {
            "COPILOT_PROVIDER_API_KEY": KEY,
            "COPILOT_PROVIDER_BASE_URL": f"{url}/v1",
            "COPILOT_MODEL": "m",
            "COPILOT_OFFLINE": "true",
        },
        plays=("e401",),
    ),
}
PASSES = {"outage", "max-runtime"}
"""What is waited for until the time is over: before a wait that is too long for it, or in a call."""
REASONS: dict[str, tuple[set[str], int]] = {
    "e401": ({"auth"}, 6),
    "e402": ({"billing"}, 6),
    "e404": ({"bad-call"}, 6),
    "e429": ({"rate-limit"}, 10),
    "e503": (PASSES, 10),
    "drop": (PASSES, 10),
    "down": (PASSES, 10),
}


@dataclass
class Bench:
    """One CLI, its folder on PATH, and the loop around it."""

    agent: str
    place: Place
    bin: Path
    outputs: dict[str, str] = field(default_factory=dict)

    def run(self, models: Models, play: str, *flags: str) -> tuple[int, str, Path]:
        setup, url = SETUPS[self.agent], NOWHERE if play == "down" else f"{models.url}/{play}"
        home = Path(self.place.environment["HOME"])
        for name, text in setup.files(url).items():
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            (home / name).write_text(text)
        work = self.place.clone("one")
        found = subprocess.run(
            [sys.executable, str(ENTRY), "run", "--task", "t", "--agent", self.agent, *setup.flags, *flags],
            cwd=work,
            env={
                **self.place.environment,
                **setup.environment(url),
                "PATH": f"{self.bin}:{os.environ['PATH']}",
                "RALPH_STATE_HOME": str(self.place.root / "state"),
                "RALPH_ARTIFACT_FOLDER": str(self.place.artifacts),
                "INPUT_AGENT-ENV": "\n".join(setup.passes),
            },
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        return found.returncode, found.stdout + found.stderr, work


@pytest.fixture(params=sorted(SETUPS))
def bench(request: pytest.FixtureRequest, place: Place) -> Bench:
    agent = str(request.param)
    traits = adapter_of(agent).TRAITS
    assert traits.seen == traits.version, "the version that is installed is the one that was seen running"
    package = npm_package(f"{traits.package.removeprefix('npm:')}@{traits.version}")
    return Bench(agent, place, package / "node_modules" / ".bin")


def test_it_edits_files_and_keeps_its_promise(bench: Bench) -> None:
    """By its own shell tool; the promise is read from its words, the tokens from its figures."""
    traits = adapter_of(bench.agent).TRAITS
    with Models() as models:
        code, log, work = bench.run(models, "tool", "--max-iterations", "2")
    assert code == 0, log
    assert bench.place.remote.run("show", "ralph/t:made.txt") == "made"
    state = state_of(work)
    assert (state["status"], state["iteration"]) == ("completed", 1)
    assert state["tokens_used"] == (2 * (INPUT + OUTPUT) if traits.reports_tokens else None), log
    assert bool(state["session_id"]) is traits.resumes
    assert f"Agent {bench.agent}: " in log
    assert CACHED < INPUT


PLAYS = sorted({(agent, play) for agent, setup in SETUPS.items() for play in setup.plays})


@pytest.mark.parametrize("play", sorted(REASONS))
def test_an_error_has_its_own_ending(bench: Bench, play: str) -> None:
    """Auth, billing, a bad model stop at once; limits pause; what passes is waited for until the run's time is over."""
    if play not in SETUPS[bench.agent].plays:
        pytest.skip(f"NOT RUN: {bench.agent} tries {play} again for minutes before it says so")
    reasons, exit_code = REASONS[play]
    with Models() as models:
        code, log, work = bench.run(models, play, "--max-runtime", "30s", "--max-wait", "1s")
    state = state_of(work)
    assert state["stop_reason"] in reasons, log
    assert (code, state["iteration"]) == (exit_code, 0), log


@pytest.mark.parametrize("play", ["hang", "midstream"])
def test_one_that_hangs_is_ended(bench: Bench, play: str) -> None:
    """Before or in the middle of its answer; it is ended with all that it started, and what it had done is kept."""
    with Models() as models:
        code, log, work = bench.run(models, play, "--iteration-timeout", "12s", "--max-iterations", "1")
    assert code == 11, log
    assert state_of(work)["iterations"][0]["ended"] == "timeout", log


def test_garbage_is_no_answer(bench: Bench) -> None:
    """A stream that is cut off and goes on as a proxy's error page: the loop goes on, or waits; it is never done."""
    with Models() as models:
        limits = ("--iteration-timeout", "15s", "--max-runtime", "40s", "--max-iterations", "1")
        code, log, work = bench.run(models, "garbage", *limits)
    assert (state_of(work)["status"], code) in {("stopped", 11), ("paused", 10)}, log

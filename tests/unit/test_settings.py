"""Settings: precedence, parsing, and every problem at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from ralph_action.cli import parse
from ralph_action.errors import SettingsError
from ralph_action.parsers import is_branch_name, seconds
from ralph_action.settings import Settings, resolve, slug


def settle(folder: Path, given: dict[str, str | bool] | None = None, env: dict[str, str] | None = None) -> Settings:
    if not (folder / "PROMPT.md").exists():
        (folder / "PROMPT.md").write_text("do it")
    return resolve(given or {}, env or {}, folder)


def test_precedence(tmp_path: Path) -> None:
    """CLI flag > action input > ralph.yml > default."""
    (tmp_path / "ralph.yml").write_text("max-iterations: 3\nmax-failures: 4\nmax-runtime: 1h30m\n")
    env = {"INPUT_MAX-FAILURES": "5", "INPUT_CHECKPOINT_INTERVAL": " 7 ", "INPUT_MAX-RUNTIME": ""}
    settings = settle(tmp_path, {"checkpoint-interval": "9", "git": False}, env)
    assert (settings.max_iterations, settings.max_failures, settings.max_runtime_s) == (3, 5, 5400)
    assert (settings.checkpoint_interval, settings.git, settings.metrics_interval) == (9, False, 10)


def test_every_problem_at_once(tmp_path: Path) -> None:
    """Each names the input as the user writes it."""
    env = {
        "INPUT_AGENT": "cluade",
        "INPUT_MAX-ITERATIONS": "lots",
        "INPUT_PROMPT-FILE": "nowhere.md",
        "INPUT_BRANCH": "a..b",
        "INPUT_GIT": "yes",
        "INPUT_FAIL-ON": "tired",
    }
    with pytest.raises(SettingsError) as caught:
        resolve({}, env, tmp_path)
    problems = dict(caught.value.problems)
    assert set(problems) == {"agent", "max-iterations", "prompt-file", "branch", "git", "fail-on"}
    assert "Did you mean claude?" in problems["agent"]
    assert "nowhere.md" in problems["prompt-file"]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("colour: red\n", "ralph.yml: colour"),
        ("github-token: x\n", "ralph.yml: github-token"),
        ("- a\n", "ralph.yml"),
        ("a: [\n", "ralph.yml"),
    ],
)
def test_a_wrong_settings_file(tmp_path: Path, text: str, named: str) -> None:
    """It is named, and so is the key."""
    (tmp_path / "ralph.yml").write_text(text)
    with pytest.raises(SettingsError) as caught:
        settle(tmp_path)
    assert [name for name, _ in caught.value.problems] == [named]


def test_a_command_agent_needs_its_command(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="command: missing"):
        settle(tmp_path, {"agent": "command"})


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"model": "m"}, "model"),
        ({"agent-args": "--fast"}, "agent-args"),
        ({"agent-version": "1"}, "agent-version"),
        ({"fallback-agents": "command"}, "command"),
    ],
)
def test_a_command_of_ones_own_says_all_itself(tmp_path: Path, more: dict[str, str], named: str) -> None:
    """What could not be passed on is refused, not lost."""
    with pytest.raises(SettingsError) as caught:
        settle(tmp_path, {"agent": "acp", "command": "gemini --acp", **more})
    assert [name for name, _ in caught.value.problems] == [named]


def test_secrets_are_stars(tmp_path: Path) -> None:
    """In every text form."""
    settings = settle(tmp_path, env={"INPUT_GITHUB-TOKEN": "ghs_secret"})
    assert "ghs_secret" not in f"{settings} {settings!r} {settings.lines()}"
    assert settings.github_token.reveal() == "ghs_secret"


def test_the_task_has_a_name_of_its_own(tmp_path: Path) -> None:
    """From workflow and job in CI, from the folder elsewhere."""
    env = {"GITHUB_ACTIONS": "true", "GITHUB_WORKFLOW": "Night work", "GITHUB_JOB": "loop"}
    assert settle(tmp_path, env=env).branch == "ralph/night-work-loop"
    folder = tmp_path / "My Project"
    folder.mkdir()
    assert settle(folder).task == "my-project"


def test_slugs() -> None:
    """A slug is its own slug, and never too long."""
    for text in ("a" * 200, "ö/ä", "..", "x.lock", "A  b"):
        assert slug(slug(text)) == slug(text)
        assert is_branch_name(f"ralph/{slug(text)}")


@pytest.mark.parametrize(("text", "value"), [("330m", 19800), ("1h30m", 5400), ("45s", 45), ("90", 90), ("2H", 7200)])
def test_durations(text: str, value: float) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["", "soon", "5x", "m", "-5m"])
def test_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match="no duration"):
        seconds(text)


@pytest.mark.parametrize(
    "name", ["a..b", "-a", "a.lock/b", "a b", "a~b", "/a", "a/", ".a", "a@{b", "@", "a\\b", "a//b"]
)
def test_git_refuses_these_branches(name: str) -> None:
    assert not is_branch_name(name)


def test_the_guides_command_line(tmp_path: Path) -> None:
    """Its flags as they stand; `--prompt` names a file there."""
    line = "--checkpoint-interval 5 --metrics-interval 10 --max-iterations 100 --prompt PROMPT.md"
    line += " --no-git --no-archive --verbose"
    command = parse(line.split(), tmp_path)
    settings = settle(tmp_path, command.values)
    assert (command.name, command.values["verbose"]) == ("run", True)
    assert (settings.prompt_file, settings.prompt, settings.git, settings.archive) == ("PROMPT.md", "", False, False)


def test_a_prompt_may_be_a_text(tmp_path: Path) -> None:
    assert parse(["--prompt", "Write the docs."], tmp_path).values == {"prompt": "Write the docs."}
    (tmp_path / "task").write_text("x")
    assert parse(["resume", "--prompt", "task"], tmp_path).values == {"prompt-file": "task"}


def test_an_unknown_flag_is_a_wrong_setting() -> None:
    with pytest.raises(SettingsError, match="max-iteration"):
        parse(["--max-iteration=5"])

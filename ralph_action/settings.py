"""The frozen settings of a run: CLI flag > action input > ralph.yml > default; every problem at once."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal
from pathlib import Path
from typing import Any

from ralph_action.errors import SettingsError
from ralph_action.inputs import BY_NAME, INPUTS
from ralph_action.parsers import Secret, is_branch_name, parse

MAX_CONFIG_BYTES = 256 * 1024
CONFIGS = ("ralph.yml", ".github/ralph.yml")
MAX_TASK = 60
OF_COMMAND = frozenset({"command", "acp"})
PRICED = ("input", "cached", "output")


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """One field for each input."""

    prompt: str
    prompt_file: str
    agent: str
    model: str
    agent_args: tuple[str, ...]
    agent_version: str
    command: str
    fallback_agents: tuple[str, ...]
    context: str
    config: str
    max_iterations: int
    max_runtime_s: float
    max_active_time_s: float | None
    max_cost: Decimal | None
    max_tokens: int | None
    iteration_timeout_s: float | None
    idle_timeout_s: float | None
    max_wait_s: float
    max_stagnation: int
    max_failures: int
    checkpoint_interval: int
    checkpoint_every_s: float | None
    metrics_interval: int
    git: bool
    archive: bool
    keep_checkpoints: int
    keep_days: int
    task: str
    branch: str
    artifact: bool
    artifact_retention_days: int
    github_token: Secret
    resume: str
    completion_promise: str
    verify: tuple[str, ...]
    verify_timeout_s: float
    fail_on: tuple[str, ...]
    agent_env: tuple[str, ...]
    verbose: bool = False
    """A flag of the command line alone."""
    prices: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Of ralph.yml alone: model → input, cached, output, in dollars for a million tokens."""

    @property
    def named_run(self) -> str:
        """The id of the run to go on from; empty when none is named."""
        return self.resume if self.resume.isdecimal() else ""

    def lines(self) -> list[str]:
        """The resolved settings for the log, secrets as stars."""
        return [f"{name.name}: {_shown(getattr(self, name.name))}" for name in fields(self)]


def resolve(
    given: Mapping[str, str | bool], env: Mapping[str, str], workspace: Path, *, for_agent: bool = True
) -> Settings:
    """Resolve the settings.

    Args:
        given: the CLI's flags by input name.
        env: the whole environment; inputs are `INPUT_<NAME>`, with dashes or underscores.
        workspace: where ralph.yml and the prompt file are looked for.
        for_agent: whether an agent is to be called: what it works on must be there then.

    Raises:
        SettingsError: with every problem that was found.

    """
    problems: list[tuple[str, str]] = []
    flags = {name: _as_text(value) for name, value in given.items()}
    inputs = {row.name: text for row in INPUTS if (text := _input(env, row.name))}
    config, prices = _config(flags.get("config") or inputs.get("config") or "", workspace, problems)
    values: dict[str, Any] = {}
    for row in INPUTS:
        text = next((source[row.name] for source in (flags, inputs, config) if source.get(row.name)), row.default)
        try:
            values[row.field] = parse(row, text)
        except ValueError as problem:
            problems.append((row.name, str(problem)))
    explicit = {name for source in (flags, inputs, config) for name, text in source.items() if text}
    if not values.get("task"):
        values["task"] = default_task(env, workspace)
    values["branch"] = values.get("branch") or f"ralph/{values['task']}"
    if for_agent:
        problems += _contradictions(values, explicit, workspace)
    problems += _bad_names(values)
    if problems:
        raise SettingsError(problems)
    return Settings(**values, verbose=bool(given.get("verbose")), prices=prices)


def default_task(env: Mapping[str, str], workspace: Path) -> str:
    """The key of a task that has no name: workflow and job, or the workspace's folder."""
    if env.get("GITHUB_ACTIONS") == "true":
        return slug(f"{env.get('GITHUB_WORKFLOW', '')}-{env.get('GITHUB_JOB', '')}")
    return slug(workspace.resolve().name)


def slug(text: str) -> str:
    """Letters, digits, dots and dashes; a hash keeps shortened names apart."""
    plain = re.sub(r"[^a-z0-9.]+", "-", text.lower())
    plain = re.sub(r"\.{2,}", ".", plain).strip("-.").removesuffix(".lock") or "task"
    if len(plain) <= MAX_TASK:
        return plain
    return f"{plain[: MAX_TASK - 9]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def _contradictions(values: Mapping[str, Any], explicit: set[str], workspace: Path) -> Iterator[tuple[str, str]]:
    if {"prompt", "prompt-file"} <= explicit:
        yield "prompt", "given beside `prompt-file`; keep one of them."
    prompt_file = values.get("prompt_file", "")
    if not values.get("prompt") and prompt_file and not (workspace / prompt_file).is_file():
        yield "prompt-file", f"there is no file {prompt_file} in the workspace. Create it, or set `prompt`."
    agents = (values.get("agent"), *values.get("fallback_agents", ()))
    for name in OF_COMMAND.intersection(agents):
        if not values.get("command"):
            yield "command", f"missing; `agent: {name}` runs it."
        for given in ("model", "agent-args", "agent-version"):
            if name == values.get("agent") and values.get(given.replace("-", "_")):
                yield given, f"`agent: {name}` cannot pass it on; write it into `command`."
    if len(OF_COMMAND.intersection(agents)) > 1:
        yield "command", "there is one only: `acp` and `command` cannot both run it."
    if len(set(agents)) < len(agents):
        yield "fallback-agents", "names an agent twice, or the one that is the first anyway."


def _bad_names(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if values.get("branch") and not is_branch_name(values["branch"]):
        yield "branch", f"{values['branch']!r} is no name that git takes for a branch."
    if values["task"] != slug(values["task"]):
        yield "task", f"{values['task']!r} may hold lower-case letters, digits, dots and dashes, at most {MAX_TASK}."


def _input(env: Mapping[str, str], name: str) -> str:
    """The runner keeps dashes in INPUT_<NAME>; a shell on the way may have dropped such names."""
    upper = name.upper()
    return (env.get(f"INPUT_{upper}") or env.get(f"INPUT_{upper.replace('-', '_')}") or "").strip()


Prices = dict[str, dict[str, str]]


def _config(named: str, workspace: Path, problems: list[tuple[str, str]]) -> tuple[dict[str, str], Prices]:
    candidates = [named] if named else list(CONFIGS)
    path = next((workspace / name for name in candidates if (workspace / name).is_file()), None)
    if path is None:
        if named:
            problems.append(("config", f"there is no file {named} in the workspace."))
        return {}, {}
    import yaml  # deferred: most runs have no such file

    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_CONFIG_BYTES + 1)
        document = yaml.safe_load(data) if len(data) <= MAX_CONFIG_BYTES else "too large"
    except (OSError, yaml.YAMLError) as problem:
        problems.append((path.name, f"cannot be read: {' '.join(str(problem).split())}"))
        return {}, {}
    if document is None:
        return {}, {}
    if not isinstance(document, dict):
        problems.append((path.name, f"must be a mapping of inputs, at most {MAX_CONFIG_BYTES} bytes."))
        return {}, {}
    values: dict[str, str] = {}
    prices = _prices(document.pop("prices", None), path.name, problems)
    for name, value in document.items():
        if name not in BY_NAME or BY_NAME[name].kind == "secret":
            problems.append((f"{path.name}: {name}", "is no setting that may stand there."))
        else:
            values[name] = _as_text(value)
    return values, prices


def _prices(table: object, file: str, problems: list[tuple[str, str]]) -> Prices:
    """The user's own prices: each model with three amounts."""
    if table is None:
        return {}
    found: Prices = {}
    for model, row in table.items() if isinstance(table, dict) else ():
        amounts = {kind: str(row.get(kind, "")) for kind in PRICED} if isinstance(row, dict) else {}
        if amounts and all(re.fullmatch(r"\d+(?:\.\d+)?", amount) for amount in amounts.values()):
            found[str(model)] = amounts
    if not isinstance(table, dict) or len(found) < len(table):
        problems.append((f"{file}: prices", f"each model needs {', '.join(PRICED)}, in dollars for a million tokens."))
    return found


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "\n".join(str(item) for item in value)
    return "" if value is None else str(value).strip()


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(str(item) for item in value)
    return "" if value is None else str(value)

"""The table of inputs: the one source of action.yml, the settings, the CLI and the README."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One input, as the user writes it."""

    name: str
    kind: str
    """Which parser reads it: see `parsers.PARSERS`."""
    default: str
    help: str
    group: str
    choices: tuple[str, ...] = ()
    action_default: str = ""
    """The default in action.yml when it is an expression."""

    @property
    def field(self) -> str:
        """The name of its field in `Settings`."""
        unit = "_s" if self.kind == "duration" else ""
        return self.name.replace("-", "_") + unit


STATUSES = ("completed", "paused", "stopped", "cancelled", "failed")
AGENTS = (
    "auto",
    "claude",
    "codex",
    "gemini",
    "opencode",
    "copilot",
    "qwen",
    "kiro",
    "q",
    "amp",
    "cursor",
    "droid",
    "aider",
    "acp",
    "command",
    "demo",
)


def _row(group: str, name: str, kind: str, default: str, text: str, **more: object) -> Input:
    return Input(group=group, name=name, kind=kind, default=default, help=text, **more)  # type: ignore[arg-type]


INPUTS = (
    _row("what", "prompt", "text", "", "The prompt, as a text."),
    _row(
        "what", "prompt-file", "text", "PROMPT.md", "The file that holds the prompt; read anew before each iteration."
    ),
    _row("what", "agent", "choice", "claude", "Which agent does the iterations.", choices=AGENTS),
    _row("what", "model", "text", "", "The model, as the agent's CLI names it."),
    _row("what", "agent-args", "words", "", "More arguments for the agent's CLI, quoted as in a shell."),
    _row(
        "what", "agent-version", "text", "", "The version of the agent's CLI to install; empty takes the one on PATH."
    ),
    _row(
        "what",
        "command",
        "text",
        "",
        "The shell command of `agent: command`, the prompt on its stdin; or of `agent: acp`, such as `gemini --acp`.",
    ),
    _row(
        "what",
        "fallback-agents",
        "agents",
        "",
        "Agents that take over, in this order, while the one before is at a limit of its plan.",
        choices=AGENTS[1:],
    ),
    _row(
        "what",
        "context",
        "choice",
        "auto",
        "auto tells the agent, after the prompt, where it stands; none gives it the prompt alone.",
        choices=("auto", "none"),
    ),
    _row("what", "config", "text", "", "The settings file, instead of ralph.yml or .github/ralph.yml."),
    _row("budgets", "max-iterations", "count", "100", "Iterations of the task, over all its runs."),
    _row("budgets", "max-runtime", "duration", "330m", "Time of this run; keep it below the job's timeout-minutes."),
    _row("budgets", "max-active-time", "duration", "", "Time that the agent works on the task, over all its runs."),
    _row(
        "budgets", "max-cost", "money", "", "Dollars of the task, over all its runs; checked inside an iteration too."
    ),
    _row(
        "budgets", "max-tokens", "limit", "", "Tokens of the task, over all its runs; checked inside an iteration too."
    ),
    _row("budgets", "iteration-timeout", "duration", "", "Time of one iteration; empty is what is left of the run."),
    _row("budgets", "idle-timeout", "duration", "", "How long an agent may say nothing; empty is as long as it likes."),
    _row(
        "budgets", "max-wait", "duration", "10m", "How long a limit of the agent's plan is waited for; then it pauses."
    ),
    _row(
        "budgets",
        "max-stagnation",
        "whole",
        "5",
        "Iterations in a row without any change, commit or ticked box that end the loop; 0 never does.",
    ),
    _row("budgets", "max-failures", "count", "3", "Failed iterations in a row that end the loop."),
    _row("checkpoints", "checkpoint-interval", "count", "5", "Iterations between two checkpoints."),
    _row(
        "checkpoints",
        "checkpoint-every",
        "duration",
        "",
        "Time between two checkpoints, also while a long iteration goes on; empty counts iterations alone.",
    ),
    _row("checkpoints", "metrics-interval", "count", "10", "Iterations between two metrics files."),
    _row("checkpoints", "git", "switch", "true", "Commit checkpoints to the task's branch and push them."),
    _row("checkpoints", "archive", "switch", "true", "Keep each version of the prompt in .agent/prompts/."),
    _row(
        "checkpoints",
        "keep-checkpoints",
        "count",
        "50",
        "How many records, states, metrics, prompts and logs .agent/ keeps, the newest of each kind.",
    ),
    _row("checkpoints", "keep-days", "whole", "0", "Days that they are kept; 0 is no limit by age."),
    _row("where", "task", "text", "", "The task's key; empty takes it from workflow and job, or from the folder."),
    _row("where", "branch", "text", "", "The task's branch; empty is ralph/<task>."),
    _row("where", "artifact", "switch", "true", "Upload .agent/ as a workflow artifact with each checkpoint."),
    _row(
        "where",
        "artifact-retention-days",
        "whole",
        "0",
        "Days that the artifacts are kept; 0 is the repository's default.",
    ),
    _row(
        "where",
        "github-token",
        "secret",
        "",
        "The token that pushes the branch and reads artifacts; the agent never sees it.",
        action_default="${{ github.token }}",
    ),
    _row(
        "resume",
        "resume",
        "resume",
        "auto",
        "auto goes on with an unfinished task, never begins anew, require fails without one; or a run's id.",
        choices=("auto", "never", "require"),
    ),
    _row(
        "done",
        "completion-promise",
        "text",
        "LOOP_COMPLETE",
        "What the agent says, on a line of its own, when it is done; checklist: all boxes of the prompt are ticked.",
    ),
    _row("done", "verify", "lines", "", "Commands, one a line, that must pass before the task counts as done."),
    _row("done", "verify-timeout", "duration", "10m", "Time of each of them."),
    _row("done", "fail-on", "statuses", "failed, cancelled, stopped, paused", "The statuses that turn the job red."),
    _row("trust", "agent-env", "names", "", "Names of environment variables that the agent gets, one a line."),
)
BY_NAME = {row.name: row for row in INPUTS}

OUTPUTS = {
    "status": "completed, paused, stopped, cancelled or failed; running while it goes on.",
    "stop-reason": "Why the loop ended.",
    "iterations": "Finished iterations of the task, over all its runs.",
    "branch": "The task's branch.",
    "head-sha": "The last checkpoint's commit.",
    "artifact-name": "The last uploaded artifact.",
    "artifact-id": "Its id.",
    "artifact-url": "Its page.",
    "resumed-from": "Where the run went on from; empty when it began anew.",
    "tokens-used": "Tokens of the task; empty when the agent did not say.",
    "cost-usd": "Dollars of the task; empty when the price is unknown.",
    "resets-at": "When the limit is over at which the task was paused, in UTC; empty without one.",
    "json": "All of it.",
}

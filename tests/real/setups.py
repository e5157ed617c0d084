"""How each real CLI is led to the lab's model, and what it was seen to say of each trouble."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field

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
    answer: str = "All done.\n\nLOOP_COMPLETE"
    calls: int = 2
    """How often it asks its model to edit a file and say so."""
    patience: dict[str, str] = field(default_factory=dict)
    """The time limits that end it where it waits for its service for good."""
    without: dict[str, str] = field(default_factory=dict)
    """The plays that it was not seen in, and why."""


ENDS = {
    "e401": ("auth", 6),
    "e402": ("billing", 6),
    "e404": ("bad-call", 6),
    "e429": ("rate-limit", 10),
}
"""The endpoint's answers that no waiting helps against: the reason to stop, and the exit code."""
PASSES = {
    "down": {"network", "overload"},
    "drop": {"network", "overload"},
    "e503": {"overload"},
}
"""What is waited for: nobody listens, the connection is closed, an error 503; the classes that a CLI tells of."""


def opencode(url: str) -> str:
    lab = {"npm": "@ai-sdk/openai-compatible", "options": {"baseURL": f"{url}/v1", "apiKey": KEY}, "models": {"m": {}}}
    return json.dumps({"provider": {"lab": lab}, "autoupdate": False, "share": "disabled"})


GEMINI = {
    **QUIET,
    "security": {"auth": {"selectedType": "gemini-api-key"}},
    "general": {"disableAutoUpdate": True, "maxAttempts": 1},
}
QWEN = {**QUIET, "model": {"generationConfig": {"maxRetries": 0}}}
SETUPS = {
    "aider": Setup(
        environment=lambda url: {"OPENAI_API_KEY": KEY, "OPENAI_API_BASE": f"{url}/v1"},
        flags=("--model", "openai/m"),
        calls=1,
        without={"after": "it has no closing event; `idle-timeout` ends one that hangs"},
        answer="made.txt\n```\nmade\n```\n\nLOOP_COMPLETE",
    ),
    "claude": Setup(
        environment=lambda url: {
            "ANTHROPIC_API_KEY": KEY,
            "ANTHROPIC_BASE_URL": url,
            "CLAUDE_CODE_MAX_RETRIES": "1",
        },
    ),
    "codex": Setup(
        environment=lambda _url: {"OPENAI_API_KEY": KEY},
        files=lambda url: {".codex/config.toml": CODEX.format(url=url)},
        flags=("--agent-args", "--disable plugins --disable apps"),
        patience={"down": "20s"},
    ),
    "gemini": Setup(
        environment=lambda url: {"GEMINI_API_KEY": KEY, "GOOGLE_GEMINI_BASE_URL": url},
        files=lambda _url: {".gemini/settings.json": json.dumps(GEMINI)},
        flags=("--model", "gemini-2.5-pro"),
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
        files=lambda _url: {".qwen/settings.json": json.dumps(QWEN)},
    ),
    "copilot": Setup(
        environment=lambda url: {
            "COPILOT_PROVIDER_API_KEY": KEY,
            "COPILOT_PROVIDER_BASE_URL": f"{url}/v1",
            "COPILOT_MODEL": "m",
            "COPILOT_OFFLINE": "true",
        },
    ),
}

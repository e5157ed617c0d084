"""What the runner says about the job, read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The `github` context that a container action gets as GITHUB_* (actions/runner, GitHubContext)."""

    is_actions: bool = False
    repository: str = ""
    repository_id: str = ""
    run_id: str = ""
    run_attempt: int = 1
    job: str = ""
    head_branch: str = ""
    """The branch that the run is of: a pull request's head, else the ref's name."""
    workflow_path: str = ""
    """`.github/workflows/<file>` of the running workflow."""
    server_url: str = "https://github.com"
    api_url: str = ""
    retention_days: int = 0
    api_token: str = field(default="", repr=False)
    """The user's own token for reading the API; empty in a job, whose token is an input."""
    runtime_token: str = field(default="", repr=False)
    results_url: str = ""

    @property
    def run_url(self) -> str:
        """The run's page."""
        return f"{self.server_url}/{self.repository}/actions/runs/{self.run_id}" if self.run_id else ""

    @classmethod
    def from_environ(cls, env: Mapping[str, str]) -> Context:
        """Read the context; outside a job most of it is empty."""
        attempt, days = env.get("GITHUB_RUN_ATTEMPT", ""), env.get("GITHUB_RETENTION_DAYS", "")
        return cls(
            is_actions=env.get("GITHUB_ACTIONS") == "true",
            repository=env.get("GITHUB_REPOSITORY", ""),
            repository_id=env.get("GITHUB_REPOSITORY_ID", ""),
            run_id=env.get("GITHUB_RUN_ID", ""),
            run_attempt=int(attempt) if attempt.isdecimal() else 1,
            job=env.get("GITHUB_JOB", ""),
            head_branch=env.get("GITHUB_HEAD_REF") or env.get("GITHUB_REF_NAME", ""),
            workflow_path=_workflow_path(env),
            server_url=(env.get("GITHUB_SERVER_URL") or "https://github.com").rstrip("/"),
            api_url=(env.get("GITHUB_API_URL") or "").rstrip("/"),
            retention_days=int(days) if days.isdecimal() else 0,
            runtime_token=env.get("ACTIONS_RUNTIME_TOKEN", ""),
            results_url=env.get("ACTIONS_RESULTS_URL", ""),
        )


def _workflow_path(env: Mapping[str, str]) -> str:
    """`owner/repo/.github/workflows/x.yml@refs/heads/main` → `.github/workflows/x.yml`."""
    path = env.get("GITHUB_WORKFLOW_REF", "").partition("@")[0]
    return path.removeprefix(env.get("GITHUB_REPOSITORY", "") + "/")

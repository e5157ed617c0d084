"""`ralph resume --run <id>`: which repository and which task a workflow run is of, asked from a laptop."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from ralph_action.errors import GitHubError, SettingsError
from ralph_action.github.context import Context
from ralph_action.settings import Settings

REMOTE = re.compile(
    r"(?:https?://(?:[^/@]*@)?|ssh://(?:[^/@]*@)?|[^/@]*@)(?P<host>[^/:]+)(?::\d+)?[/:](?P<name>[^/]+/[^/]+?)(?:\.git)?/?"
)
TOKENS = ("GH_TOKEN", "GITHUB_TOKEN")


def located(context: Context, origin: str, environ: Mapping[str, str]) -> Context:
    """Say where the API is and what it is asked with, which a job would be told by the runner.

    `origin` is in the workspace's configuration, which an agent may have changed: it may name the repository, and
    the host only when that is github.com or one that the user's own environment names.

    Raises:
        SettingsError: the repository or the token is not known.

    """
    token = next((environ[name] for name in TOKENS if environ.get(name)), "")
    if not token:
        raise SettingsError(
            [("run", "reading a run's artifacts needs a token: set GH_TOKEN (`gh auth token` prints one).")]
        )
    repository, server, api = context.repository, context.server_url, context.api_url
    match = REMOTE.fullmatch(origin)
    if not repository and match is not None:
        known = environ.get("GH_HOST") or server.partition("://")[2]
        if match["host"] != known:
            problem = (
                f"`origin` is at {match['host']}, and {known} is asked: set GH_HOST={match['host']} if that is right."
            )
            raise SettingsError([("run", problem)])
        repository, server = match["name"], f"https://{known}"
    if not repository:
        raise SettingsError(
            [("run", "the repository is not known: set GITHUB_REPOSITORY=owner/name, or the remote `origin`.")]
        )
    host = server.partition("://")[2]
    api = api or ("https://api.github.com" if host == "github.com" else f"{server}/api/v3")
    return replace(context, repository=repository, server_url=server, api_url=api, api_token=token)


def find(
    settings: Settings, context: Context, proxies: Mapping[str, str], *, is_named: bool, say: Callable[[str], None]
) -> tuple[Settings, Context]:
    """Ask which task the run is of, unless one is named.

    Raises:
        GitHubError: the run has no state of a task, or of several; or the API does not answer.

    """
    from ralph_action.github.client import Http  # requests is slow to import
    from ralph_action.github.names import task_of
    from ralph_action.github.rest import Rest

    run, http = settings.named_run, Http(proxies)
    try:
        rest = Rest(http, context, context.api_token)
        context = replace(context, repository_id=rest.repository_id())
        names = [str(artifact.get("name")) for artifact in rest.list_artifacts(run)]
    finally:
        http.close()
    tasks = sorted({task for name in names if (task := task_of(name))})
    if is_named and settings.task in tasks:
        return settings, context
    if len(tasks) != 1 or is_named:
        found = f"it has those of {', '.join(tasks)}" if tasks else "it has none"
        raise GitHubError(
            f"Run {run} of {context.repository} has no artifact of the task that is asked for: {found}.",
            remedy="Name one with --task; without artifacts `ralph resume --task <task>` goes on from the branch.",
        )
    say(f"Run {run} of {context.repository} worked on the task `{tasks[0]}`.")
    branch = settings.branch if settings.branch != f"ralph/{settings.task}" else f"ralph/{tasks[0]}"
    return replace(settings, task=tasks[0], branch=branch), context


def origin_of(workspace: Path, environ: Mapping[str, str]) -> str:
    """The url of the workspace's `origin`; empty when there is none."""
    from ralph_action.checkpoint.worktree import Worktree

    kept = {name: environ[name] for name in ("PATH", "HOME") if environ.get(name)}
    return Worktree(workspace, None, kept).remote_url("origin")

"""Every error that ends a run, in one place so that exit codes stay unique.

RalphError
├─ SettingsError      2   the user must change an input, flag or file
├─ StateError         3   saved state is damaged, or written by a newer version
├─ DiskError          3   state cannot be written: a disk is full, or read-only
├─ GitError           4   a git command failed
│  └─ PushRejected    4   the remote refused; says whether somebody else pushed
├─ GitHubError        5   the REST API or the artifact service failed
└─ AgentError         6   the agent cannot run at all

Anything else is a bug and exits with 70.
"""

from __future__ import annotations

from typing import ClassVar


class RalphError(Exception):
    """An ending that the user can act on: `message` says what happened, `remedy` what to change."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, remedy: str = "", transient: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.transient = transient
        """Whether the same call may work when it is repeated."""

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class SettingsError(RalphError):
    """One or more inputs are wrong; `problems` holds (input name as written, what is wrong)."""

    exit_code = 2

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{name}: {text}" if name else text for name, text in problems))
        self.problems = problems


class StateError(RalphError):
    """Saved state cannot be read, or belongs to a newer version."""

    exit_code = 3


class DiskError(RalphError):
    """A disk is full, or cannot be written. No StateError: a state that finds no room is not a damaged one."""

    exit_code = 3


class GitError(RalphError):
    """A git command failed."""

    exit_code = 4


class PushRejected(GitError):
    """The remote refused a push."""

    def __init__(
        self,
        message: str,
        *,
        remedy: str = "",
        moved: bool = False,
        of_ref: bool = False,
        secrets: frozenset[tuple[str, str]] = frozenset(),
        workflows: bool = False,
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.moved = moved
        """Another writer moved a ref."""
        self.of_ref = of_ref
        """It may take other refs: the cause is none that is known to concern them all."""
        self.secrets = secrets
        """(commit, path) of files that the remote takes for secrets."""
        self.workflows = workflows
        """Whether it does not take changes of workflow files from this token."""


class GitHubError(RalphError):
    """The REST API or the artifact service failed. `status` is the HTTP status, 0 without an answer."""

    exit_code = 5

    def __init__(
        self,
        message: str,
        *,
        remedy: str = "",
        transient: bool = False,
        status: int = 0,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, remedy=remedy, transient=transient)
        self.status = status
        self.retry_after_s = retry_after_s


class AgentError(RalphError):
    """The agent cannot be started."""

    exit_code = 6

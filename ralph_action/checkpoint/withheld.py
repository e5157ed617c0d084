"""Pure: which files are left out of what is pushed, because the remote does not take them, and what is said of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ralph_action.errors import PushRejected

WORKFLOWS = ".github/workflows"
OTHER = "; its commits are others than the workspace's, where one has what the remote does not take"
NEEDED = ("metrics/", "checkpoints/", "lease.json")
"""Of the state: without these a run cannot go on from it, so they are not left out."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Paths; a folder's is for all that is in it."""

    work: frozenset[str] = frozenset()
    """Of the work tree."""
    state: frozenset[str] = frozenset()
    """Of `.agent/`."""


def grown(left_out: LeftOut, problem: PushRejected, state: str) -> LeftOut:
    """What is left out after a refusal; the same as before when that does not help.

    Args:
        left_out: what is left out already.
        problem: the refusal.
        state: the state's commit in the refused push; paths in it are of `.agent/`.

    """
    of_work = {path for commit, path in problem.secrets if commit != state}
    of_state = {path for commit, path in problem.secrets if commit == state and not path.startswith(NEEDED)}
    if problem.workflows:
        of_work.add(WORKFLOWS)
    return replace(left_out, work=left_out.work | of_work, state=left_out.state | of_state)


def is_workflow(path: str) -> bool:
    """Whether it is a file that a token needs `workflows: write` for."""
    return path.startswith(f"{WORKFLOWS}/")


def standing(names: Sequence[str], patch: str, *, is_other: bool = False) -> str:
    """How the branch home stands: `reached`, and what it lacks.

    Args:
        names: the files that the pushed commits lack.
        patch: the file below `.agent/` that holds the changes of workflow files.
        is_other: whether the pushed commits are others than the workspace's.

    """
    if not names:
        return f"reached{OTHER}" if is_other else "reached"
    workflows = [name for name in names if is_workflow(name)]
    secrets = [name for name in names if not is_workflow(name)]
    but_for = (
        f" but for {_listed(secrets)}, which the remote takes for a secret: it stays on this machine, and in the "
        "artifact where there is one. Remove the secret from it and revoke it"
    )
    as_patch = (
        f"; the token may not push {_listed(workflows)}: `git apply .agent/{patch}` brings the changes back, "
        "and a token with `workflows: write` pushes them"
    )
    return f"reached{but_for if secrets else ''}{as_patch if workflows else ''}"


def _listed(names: Sequence[str], limit: int = 5) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def without(names: Sequence[str]) -> str:
    """What a run that goes on from the branch home is told of the files that are not on it."""
    workflows = [name for name in names if is_workflow(name)]
    secrets = [name for name in names if not is_workflow(name)]
    lacks = f"the branch has not {_listed(secrets)}, which the remote took for a secret. " if secrets else ""
    patch = "`git apply .agent/withheld/*.patch` brings them back"
    lacks += f"the branch has not the changes of {_listed(workflows)}; {patch}. " if workflows else ""
    return lacks.strip()

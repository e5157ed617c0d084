"""Pure: the task's state as the last checkpoint's commit tells it, for when nothing else is left."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation

from ralph_action.state import Status, TaskState

TRAILER = re.compile(r"^Ralph-(?P<name>[A-Z][a-z]+): (?P<value>.*)$", re.MULTILINE)


def newest_branch(heads: Mapping[str, str], branch: str) -> str:
    """The branch of the task's last generation: `branch` itself, or with the largest number behind it."""
    name = re.compile(rf"refs/heads/{re.escape(branch)}(?:-(\d+))?")
    numbers = [int(match[1] or 1) for ref in heads if (match := name.fullmatch(ref))]
    return f"{branch}-{max(numbers)}" if max(numbers, default=1) > 1 else branch


def state_of_commit(message: str, new: TaskState, branch: str, commit: str) -> TaskState | None:
    """Read the trailers of a checkpoint's commit; None when it is no checkpoint of the task.

    Args:
        message: the commit's.
        new: the state of a task that begins now.
        branch: the commit's.
        commit: where to go on.

    """
    facts = {match["name"]: match["value"].strip() for match in TRAILER.finditer(message)}
    iteration = facts.get("Iteration", "")
    if facts.get("Task") != new.task or not iteration.isdecimal():
        return None
    tokens, cost = _number(facts.get("Tokens", "")), _number(facts.get("Cost", "").removesuffix(" USD"))
    number = re.search(r"-(\d+)$", branch.removeprefix(new.branch))
    sequence = int(_number(facts.get("Sequence", "")) or 0)
    return replace(
        new,
        branch=branch,
        generation=int(number[1]) if number else 1,
        iteration=int(iteration),
        sequence=sequence,
        status=Status(facts["Status"]) if facts.get("Status") in set(Status) else Status.RUNNING,
        tokens_known=int(tokens or 0),
        unmetered_iterations=int(tokens is None),
        cost_known=cost or Decimal(0),
        unpriced_iterations=int(cost is None),
        head_sha=commit,
    )


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() and number >= 0 else None

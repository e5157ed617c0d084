"""This run's claim on its task, as a file of the state that is pushed (invariant: one writer)."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from ralph_action.checkpoint.files import write_json
from ralph_action.github.context import Context
from ralph_action.lease import RENEW_S, Lease, renewed
from ralph_action.ports import Clock
from ralph_action.settings import slug
from ralph_action.state import TaskState

NAME = "lease.json"


class FileClaim:
    """`lease.json` in our `.agent/`; pushed with the state."""

    def __init__(self, folder: Path, mine: Lease, clock: Clock, lost: Callable[[str], None]) -> None:
        self._path = folder / NAME
        self._mine = mine
        self._clock = clock
        self._lost = lost
        self._held_at = 0.0

    @property
    def side(self) -> str:
        return slug(f"{self._mine.run_id}-{self._mine.run_attempt}")

    def hold(self) -> None:
        write_json(self._path, renewed(self._mine, self._clock.now()).to_json(), durable=False)
        self._held_at = self._clock.monotonic()

    def release(self) -> None:
        self._path.unlink(missing_ok=True)

    def is_due(self) -> bool:
        return self._clock.monotonic() - self._held_at >= RENEW_S

    def lost(self, why: str) -> None:
        self._lost(why)


def lease_of(state: TaskState, context: Context) -> Lease:
    """The claim that this run makes."""
    here = {} if context.is_actions else {"host": os.uname().nodename, "pid": os.getpid()}
    return Lease(
        run_id=state.run_id,
        run_attempt=state.run_attempt,
        until="",
        url=context.run_url,
        **here,  # type: ignore[arg-type]
    )


def process_is_over(lease: Lease) -> bool:
    """Whether the process that made a claim on this machine is gone."""
    if not lease.pid or lease.host != os.uname().nodename:
        return False
    if lease.pid == os.getpid():
        return True
    try:
        os.kill(lease.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False

"""Pure: a run's claim on its task, which says who works on it and until when (invariant: one writer)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ralph_action.state import TaskState

SCHEMA = "ralph-lease/1"
LEASE_S = 600.0
"""How long a claim counts without being renewed."""
RENEW_S = 180.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A claim."""

    run_id: str
    run_attempt: int
    until: str
    """ISO 8601 in UTC."""
    url: str = ""
    """The run's page; empty outside a job."""
    host: str = ""
    pid: int = 0
    """Where the run is, when it is outside a job."""

    def to_json(self) -> dict[str, Any]:
        return {"schema": SCHEMA, **asdict(self)}


def renewed(lease: Lease, now: str) -> Lease:
    """The claim as it counts from now on."""
    until = _moment(now) + timedelta(seconds=LEASE_S)
    return Lease(**{**asdict(lease), "until": until.strftime("%Y-%m-%dT%H:%M:%SZ")})


def read_lease(document: object) -> Lease | None:
    """Read a claim; one that cannot be read claims nothing."""
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        return None
    try:
        lease = Lease(
            run_id=str(document["run_id"]),
            run_attempt=int(document["run_attempt"]),
            until=str(document["until"]),
            url=str(document.get("url", "")),
            host=str(document.get("host", "")),
            pid=int(document.get("pid", 0)),
        )
        _moment(lease.until)
    except (KeyError, TypeError, ValueError):
        return None
    return lease


def why_refused(
    found: Lease | None, mine: Lease, local: TaskState | None, now: str, is_over: Callable[[Lease], bool]
) -> str:
    """Say why the task may not be claimed now; empty when it may.

    Args:
        found: the claim on the remote.
        mine: who asks.
        local: the last state of this workspace, whose lock we hold: its run is over.
        now: ISO 8601 in UTC.
        is_over: asks whoever can know (the host, the API) whether the claim's run has ended.

    """
    if found is None or _moment(found.until) <= _moment(now):
        return ""
    if found.run_id == mine.run_id:  # an attempt begins only when the one before it has ended
        return ""
    if local is not None and (local.run_id, local.run_attempt) == (found.run_id, found.run_attempt):
        return ""
    if is_over(found):
        return ""
    return f"{found.url or found.run_id} (attempt {found.run_attempt}) works on it, until {found.until} at the least"


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

"""Who may claim a task."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ralph_action.lease import LEASE_S, Lease, read_lease, renewed, why_refused
from tests.unit.records import new_state

NOW = "2026-01-01T12:00:00Z"
MINE = Lease(run_id="8", run_attempt=1, until="", url="https://host/8")
THEIRS = Lease(run_id="7", run_attempt=1, until="2026-01-01T12:05:00Z", url="https://host/7")


@pytest.mark.parametrize(
    ("found", "local_run", "is_over", "free"),
    [
        (None, "", False, True),
        (THEIRS, "", False, False),
        (replace(THEIRS, until=NOW), "", False, True),
        (THEIRS, "", True, True),
        (THEIRS, "7", False, True),
        (THEIRS, "6", False, False),
        (replace(THEIRS, run_id="8", run_attempt=0), "", False, True),
    ],
)
def test_a_live_claim_of_another_run_refuses(found: Lease | None, local_run: str, *, is_over: bool, free: bool) -> None:
    """A lapsed one, an earlier attempt's, one of a run that is over or that was this workspace's does not."""
    local = replace(new_state(), run_id=local_run, run_attempt=1) if local_run else None
    why = why_refused(found, MINE, local, NOW, lambda _: is_over)
    assert (why == "") is free
    assert free or "https://host/7" in why


def test_a_claim_is_renewed_and_read_back() -> None:
    """Its deadline is ten minutes on; its document says all of it."""
    lease = renewed(MINE, NOW)
    assert (lease.until, LEASE_S) == ("2026-01-01T12:10:00Z", 600)
    assert read_lease(lease.to_json()) == lease


@pytest.mark.parametrize("document", [None, [], {}, {"schema": "ralph-lease/1"}, {**THEIRS.to_json(), "until": "soon"}])
def test_a_damaged_claim_claims_nothing(document: object) -> None:
    assert read_lease(document) is None

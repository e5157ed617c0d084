"""Which artifacts of a run the newest one makes needless."""

from __future__ import annotations

import pytest

from ralph_action.checkpoint.stored import Stored, superseded
from ralph_action.ports import ArtifactKind


def stored(*names: str) -> list[Stored]:
    """`state-5` and the like."""
    pairs = [name.split("-") for name in names]
    return [Stored(name="-".join(pair), kind=ArtifactKind(pair[0]), sequence=int(pair[1])) for pair in pairs]


@pytest.mark.parametrize(
    ("mine", "newest", "gone"),
    [
        (["state-1", "state-2"], "state-2", []),
        (["state-3", "state-1", "state-2", "segment-2"], "state-3", ["state-1"]),
        (["state-1", "state-2", "state-3"], "state-4", []),
        (["state-9", "state-1", "state-2"], "state-2", []),
        (["segment-2", "state-3", "agent-3", "state-2"], "agent-3", ["state-2", "state-3", "segment-2"]),
        (["agent-3", "agent-4", "state-4"], "agent-4", ["agent-3", "state-4"]),
        (["agent-3", "state-4", "segment-4"], "agent-3", []),
        ([], "agent-3", []),
    ],
)
def test_what_is_superseded(mine: list[str], newest: str, gone: list[str]) -> None:
    """Nothing that is newer, nothing while the list does not show the newest, no segment before the whole one."""
    assert superseded(stored(*mine), stored(newest)[0]) == gone

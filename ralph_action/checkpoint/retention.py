"""Pure: which files of `.agent/` are kept no longer."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

FORMAT = "%Y%m%d_%H%M%S"
STAMPED = re.compile(r"(?P<kind>prompts/prompt|metrics/state|metrics/metrics)_(?P<stamp>\d{8}_\d{6})\.(?:md|json)")
RECORD = re.compile(r"checkpoints/checkpoint_(\d{1,18})\.json")
LOG = re.compile(r"logs/iteration_(\d{1,18})_(\d{1,18})\.jsonl")
NEEDED_CHECKPOINTS = 2
NEEDED_STATES = 3
"""How many of the newest states a resume on this machine looks at, whatever checkpoint names them."""
LONGEST_DAYS = 36_500


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What retention must know of a checkpoint's record."""

    name: str
    iteration: int
    sequence: int = 0
    state_file: str = ""
    """Empty when the record cannot be read."""
    is_valid: bool = False
    """Whether the state that it names is there and as it says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much is kept."""

    keep: int
    """The newest of each kind; a kept record keeps the state that it names beyond that."""
    days: int
    """0: whatever the age."""
    now: datetime

    @property
    def oldest(self) -> str:
        """The stamp from which on files are kept."""
        return (self.now - timedelta(days=min(self.days, LONGEST_DAYS))).strftime(FORMAT) if self.days else ""


def is_over(names: Iterable[str], limits: Limits) -> bool:
    """Whether anything may be outdated, by the names alone: the cheap look before the records are read."""
    counts: dict[str, int] = {}
    for name in names:
        kind, stamp = _kind(name)
        if stamp and stamp < limits.oldest:
            return True
        counts[kind] = counts.get(kind, 0) + int(bool(kind))
    return any(count > limits.keep for count in counts.values())


def outdated(
    names: Collection[str], records: Sequence[Record], limits: Limits, *, since: int | None = None
) -> list[str]:
    """Decide what goes; records come first, so that a kill on the way leaves none without its state.

    Ages are read from the stamps in names: a copy or a restore makes every file look new. A record is as old as
    the state that it names, a log as the checkpoint that its iteration came before. Never goes what the last two
    valid checkpoints need, the newest prompt, or the newest states.

    Args:
        names: the files below `.agent/`.
        records: those of its checkpoints.
        limits: how much is kept.
        since: the sequence from which on checkpoints may still be on their way to another home; they stay.

    """
    newest_first = sorted(records, key=lambda record: record.iteration, reverse=True)
    states = _newest_first(names, "metrics/state")
    needed = {record.name for record in [record for record in newest_first if record.is_valid][:NEEDED_CHECKPOINTS]}
    needed |= {record.name for record in records if record.state_file and record.state_file in states[:1]}
    if since is not None:
        needed |= {record.name for record in records if record.state_file and record.sequence >= since}
    old = [record for record in records if _stamp(record.state_file) and _stamp(record.state_file) < limits.oldest]
    beyond = {record.name for record in (*newest_first[limits.keep :], *old)} - needed
    kept_states = {record.state_file for record in records if record.name not in beyond} | {*states[:NEEDED_STATES]}
    prompts = _newest_first(names, "prompts/prompt")
    gone = [record.name for record in newest_first if record.name in beyond]
    gone += [name for name in _too_many_or_old(states, limits) if name not in kept_states]
    gone += [name for name in _too_many_or_old(prompts, limits) if name not in prompts[:1]]
    gone += _too_many_or_old(_newest_first(names, "metrics/metrics"), limits)
    return gone + _logs(names, limits, newest=newest_first[:1], old=old)


def _logs(names: Iterable[str], limits: Limits, *, newest: Sequence[Record], old: Sequence[Record]) -> list[str]:
    """Those of iterations that a checkpoint covers; a later one may be at work, or of an earlier generation."""
    covered = max((record.iteration for record in newest), default=-1)
    aged = max((record.iteration for record in old), default=-1)
    found = ((match, name) for name in names if (match := LOG.fullmatch(name)))
    logs = sorted(((int(match[1]), int(match[2]), name) for match, name in found), reverse=True)
    logs = [log for log in logs if log[0] <= covered]
    return [name for rank, (number, _, name) in enumerate(logs) if rank >= limits.keep or number <= aged]


def _too_many_or_old(newest_first: Sequence[str], limits: Limits) -> list[str]:
    return [name for rank, name in enumerate(newest_first) if rank >= limits.keep or _stamp(name) < limits.oldest]


def _newest_first(names: Iterable[str], kind: str) -> list[str]:
    return sorted((name for name in names if _kind(name)[0] == kind), reverse=True)


def _kind(name: str) -> tuple[str, str]:
    """The kind of a file and its stamp; both empty when it is none of ours."""
    if match := STAMPED.fullmatch(name):
        return match["kind"], match["stamp"]
    if RECORD.fullmatch(name):
        return "checkpoints", ""
    return ("logs", "") if LOG.fullmatch(name) else ("", "")


def _stamp(name: str) -> str:
    return _kind(name)[1]

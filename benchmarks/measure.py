"""A row of the table: ours against theirs, in alternating rounds, by their medians."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass

Side = Callable[[int], float]
"""Measures one round, which has a number; returns seconds."""


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison."""

    what: str
    against: str
    limit: float
    ours_s: float
    theirs_s: float
    """Seconds, or bytes when the row says so."""
    is_bytes: bool = False

    @property
    def ratio(self) -> float:
        return self.ours_s / self.theirs_s


def compare(what: str, against: str, limit: float, sides: tuple[Side, Side], rounds: int) -> Row:
    """Measure both sides in turns: what else the machine does falls on both. The first round warms up."""
    ours, theirs = sides
    found = [(ours(number), theirs(number)) for number in range(rounds + 1)][1:]
    return Row(what, against, limit, *(statistics.median(side) for side in zip(*found, strict=True)))


def table(rows: list[Row]) -> str:
    """The rows as Markdown."""
    lines = [
        "| what | against | ours | theirs | ratio | at most | |",
        "| --- | --- | ---: | ---: | ---: | ---: | --- |",
    ]
    lines += [
        f"| {row.what} | {row.against} | {_shown(row.ours_s, row)} | {_shown(row.theirs_s, row)} "
        f"| {row.ratio:.2f} | {row.limit:.2f} | {'ok' if row.ratio <= row.limit else 'OVER'} |"
        for row in rows
    ]
    return "\n".join(lines)


def _shown(value: float, row: Row) -> str:
    return f"{value / 1e6:.1f} MB" if row.is_bytes else f"{value * 1000:.0f} ms"

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
        f"| {row.what} | {row.against} | {row.ours_s * 1000:.0f} ms | {row.theirs_s * 1000:.0f} ms "
        f"| {row.ratio:.2f} | {row.limit:.2f} | {'ok' if row.ratio <= row.limit else 'OVER'} |"
        for row in rows
    ]
    return "\n".join(lines)

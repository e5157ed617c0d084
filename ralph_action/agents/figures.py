"""Pure: the figures in a stream, which may have any shape."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation

from ralph_action.agents.adapter import part
from ralph_action.outcome import Usage


def count_of(document: object, *path: str) -> int | None:
    """The count at a path; None when there is none."""
    found = part(document, *path)
    return found if isinstance(found, int) and not isinstance(found, bool) and found >= 0 else None


def money_of(document: object, *path: str) -> Decimal | None:
    """The dollars at a path; None when there are none."""
    found = part(document, *path)
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    try:
        money = Decimal(str(found))
    except InvalidOperation:
        return None
    return money if money.is_finite() and money >= 0 else None


def usage_of(fields: object, new: Sequence[str], cached: Sequence[str], output: Sequence[str]) -> Usage:
    """The tokens that some fields of an event add up to; unknown when none of them is there.

    Args:
        fields: the event's part that holds them.
        new: names of what was read for the first time, or written to a cache.
        cached: names of what was read from a cache, and is in none of the others.
        output: names of what was written, thoughts too.

    """
    counts = [[count_of(fields, name) for name in names] for names in (new, cached, output)]
    if all(count is None for column in counts for count in column):
        return Usage()
    fresh, read, written = (sum(count or 0 for count in column) for column in counts)
    return Usage(tokens=fresh + read + written, input_tokens=fresh, cached_tokens=read, output_tokens=written)


def total(parts: Iterable[Usage], cost: Decimal | None = None) -> Usage:
    """The sum of what is known; unknown when nothing is. `cost` is that of all, when the stream says it."""
    known = [part for part in parts if part.tokens is not None]
    if not known:
        return Usage(cost_usd=cost)
    return Usage(
        tokens=sum(part.tokens or 0 for part in known),
        input_tokens=sum(part.input_tokens or 0 for part in known),
        cached_tokens=sum(part.cached_tokens or 0 for part in known),
        output_tokens=sum(part.output_tokens or 0 for part in known),
        cost_usd=cost,
    )


def overlapping(fields: object, read: str, cached: str, output: str, total_name: str = "") -> Usage:
    """The tokens where the cached ones are among those that were read; unknown when the event does not say.

    Args:
        fields: the event's part that holds them.
        read: the name of all that was read.
        cached: the name of what of it came from a cache.
        output: the name of what was written.
        total_name: the name of the sum, where it holds more, such as thoughts.

    """
    counts = [count_of(fields, name) for name in (read, cached, output)]
    if counts[0] is None and counts[2] is None:
        return Usage()
    all_read, old, written = (count or 0 for count in counts)
    tokens = max(count_of(fields, total_name) or 0, all_read + written)
    old = min(old, all_read)
    return Usage(tokens=tokens, input_tokens=all_read - old, cached_tokens=old, output_tokens=tokens - all_read)

"""Small parsers, one for each kind of input; each raises ValueError with what is wrong and what is right."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from ralph_action.inputs import STATUSES, Input

RUN_ID = re.compile(r"[1-9]\d{0,18}")
UNITS = {"h": 3600, "m": 60, "s": 1}
DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


class Secret:
    """A value that is never shown."""

    def __init__(self, value: str) -> None:
        self._value = value

    def __repr__(self) -> str:
        return "***" if self._value else ""

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self._value)

    def reveal(self) -> str:
        return self._value


def parse(row: Input, text: str) -> Any:  # noqa: ANN401  the kind decides the type
    """Read one value. Raises ValueError."""
    return PARSERS[row.kind](row, text)


def seconds(text: str) -> float:
    """Read `330m`, `1h30m`, `45s`, or a plain number of seconds. Raises ValueError."""
    if text.isdecimal():
        return float(text)
    match = DURATION.fullmatch(text.replace(" ", "").lower())
    if match is None or not any(match.groups()):
        message = f"{text!r} is no duration; write it like 330m, 1h30m or 45s."
        raise ValueError(message)
    return float(sum(int(part or 0) * unit for part, unit in zip(match.groups(), UNITS.values(), strict=True)))


def is_branch_name(name: str) -> bool:
    """Whether git takes it as a branch's name: the rules of git-check-ref-format(1)."""
    if not name or name.startswith(("-", "/")) or name.endswith(("/", ".")) or name in {"@", "HEAD"}:
        return False
    if re.search(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//", name):
        return False
    return not any(part.startswith(".") or part.endswith(".lock") for part in name.split("/"))


def _count(row: Input, text: str, least: int = 1) -> int:
    del row
    if not text.isdecimal() or int(text) < least:
        message = f"{text!r} is no whole number of {least} or more."
        raise ValueError(message)
    return int(text)


def _duration(row: Input, text: str) -> float | None:
    del row
    if not text:
        return None
    value = seconds(text)
    if value <= 0:
        message = f"{text!r} leaves no time at all."
        raise ValueError(message)
    return value


def _switch(row: Input, text: str) -> bool:
    del row
    if text in {"true", "True", "TRUE"}:
        return True
    if text in {"false", "False", "FALSE"}:
        return False
    message = f"{text!r} is neither true nor false."
    raise ValueError(message)


def _choice(row: Input, text: str) -> str:
    if text not in row.choices:
        import difflib

        near = difflib.get_close_matches(text, row.choices, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        message = f"{text!r} is unknown; choose one of {', '.join(row.choices)}.{hint}"
        raise ValueError(message)
    return text


def _resume(row: Input, text: str) -> str:
    return text if RUN_ID.fullmatch(text) else _choice(row, text)


def _words(row: Input, text: str) -> tuple[str, ...]:
    del row
    try:
        return tuple(shlex.split(text))
    except ValueError as problem:
        message = f"the quotes do not match ({problem})."
        raise ValueError(message) from problem


def _names(row: Input, text: str) -> tuple[str, ...]:
    del row
    names = tuple(name for name in re.split(r"[\s,]+", text) if name)
    for name in names:
        if not re.fullmatch(r"[A-Za-z_]\w*", name):
            message = f"{name!r} is no name of an environment variable."
            raise ValueError(message)
    return names


def _agents(row: Input, text: str) -> tuple[str, ...]:
    return tuple(_choice(row, name) for name in re.split(r"[\s,]+", text) if name)


def _money(row: Input, text: str) -> Decimal | None:
    del row
    if not text:
        return None
    if not re.fullmatch(r"\$?\d+(?:\.\d+)?", text) or not Decimal(text.lstrip("$")):
        message = f"{text!r} is no amount of dollars; write it like 5 or 2.50."
        raise ValueError(message)
    return Decimal(text.lstrip("$"))


def _statuses(row: Input, text: str) -> tuple[str, ...]:
    names = tuple(name for name in re.split(r"[\s,]+", text) if name and name != "none")
    for name in names:
        if name not in STATUSES:
            message = f"{name!r} is no status; choose among {', '.join(STATUSES)}, or none."
            raise ValueError(message)
    del row
    return names


PARSERS: dict[str, Callable[[Input, str], Any]] = {
    "text": lambda _row, text: text,
    "secret": lambda _row, text: Secret(text),
    "count": _count,
    "limit": lambda row, text: _count(row, text.replace("_", "").replace(",", "")) if text else None,
    "money": _money,
    "agents": _agents,
    "lines": lambda _row, text: tuple(line.strip() for line in text.splitlines() if line.strip()),
    "whole": lambda row, text: _count(row, text, 0),
    "duration": _duration,
    "switch": _switch,
    "choice": _choice,
    "resume": _resume,
    "words": _words,
    "names": _names,
    "statuses": _statuses,
}

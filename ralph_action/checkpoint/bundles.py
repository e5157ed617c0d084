"""A git bundle's head lines, read without git."""

from __future__ import annotations

import re
from pathlib import Path

HEAD = re.compile(rb"([0-9a-f]{40}(?:[0-9a-f]{24})?) refs/.+")
MAX_LINES = 1000


def heads(bundle: Path) -> list[str]:
    """The commits that a bundle names; none when it is no bundle."""
    found: list[str] = []
    with bundle.open("rb") as stream:
        if not stream.readline(100).startswith(b"# v"):
            return []
        for _ in range(MAX_LINES):
            line = stream.readline(4096)
            if match := HEAD.fullmatch(line.rstrip(b"\n")):
                found.append(match[1].decode())
            elif not line.startswith((b"-", b"@")):
                break
    return found

"""Measure the rows that are named, or all of them, and print the table."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import table
from benchmarks.rows import ROWS


def main(names: list[str]) -> int:
    """Print the table; 1 when a ratio is over its limit."""
    rows = []
    for name in names or list(ROWS):
        with tempfile.TemporaryDirectory(prefix="ralph-bench-") as folder:
            rows.append(ROWS[name](Path(folder)))
            print(f"row {name}: {rows[-1].ratio:.2f}", file=sys.stderr, flush=True)
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}\n")
    print(table(rows))
    return int(any(row.ratio > row.limit for row in rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

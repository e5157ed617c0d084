"""The container's entry point: the same `main` as the `ralph` command.

Run by absolute path and with `python -I`, so that no file of the workspace is ever imported.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from ralph_action.main import console

if __name__ == "__main__":
    console()

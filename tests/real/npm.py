"""Install a pinned package from npm into a folder that outlives the tests, or skip loudly."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

CACHE = Path(os.environ.get("RALPH_REAL_CACHE") or Path.home() / ".cache" / "ralph-action-real")


def npm_package(spec: str) -> Path:
    """Return the folder whose `node_modules` holds the package."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip(f"NOT RUN: npm is missing, so {spec} cannot be installed")
    folder = CACHE / spec.replace("/", "+")
    done = folder / ".done"
    if not done.exists():
        folder.mkdir(parents=True, exist_ok=True)
        command = [npm, "install", "--no-audit", "--no-fund", "--prefix", str(folder), spec]
        found = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=600)
        if found.returncode:
            pytest.skip(f"NOT RUN: npm could not install {spec}: {found.stderr[-300:]}")
        done.touch()
    return folder

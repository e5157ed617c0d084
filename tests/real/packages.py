"""Install a pinned package from npm or PyPI into a folder that outlives the tests, or skip loudly."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CACHE = Path(os.environ.get("RALPH_REAL_CACHE") or Path.home() / ".cache" / "ralph-action-real")


def npm_package(spec: str) -> Path:
    """Return the folder whose `node_modules` holds the package."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip(f"NOT RUN: npm is missing, so {spec} cannot be installed")
    folder = CACHE / spec.replace("/", "+")
    _install(folder, spec, [npm, "install", "--no-audit", "--no-fund", "--prefix", str(folder), spec])
    return folder


def pypi_package(spec: str) -> Path:
    """Return the folder of its virtual environment."""
    folder = CACHE / spec
    python = str(folder / "bin" / "python")
    _install(folder, spec, [sys.executable, "-m", "venv", str(folder)], [python, "-m", "pip", "install", "-q", spec])
    return folder


def programs_of(package: str, version: str) -> Path:
    """Return the folder with the programs of `npm:<name>` or `pypi:<name>`."""
    registry, _, name = package.partition(":")
    if registry == "pypi":
        return pypi_package(f"{name}=={version}") / "bin"
    return npm_package(f"{name}@{version}") / "node_modules" / ".bin"


def _install(folder: Path, spec: str, *commands: list[str]) -> None:
    """Once, whoever asks; the others wait."""
    folder.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (folder / ".done").exists():
            return
        for command in commands:
            found = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=900)
            if found.returncode:
                pytest.skip(f"NOT RUN: {spec} could not be installed: {found.stderr[-300:]}")
        (folder / ".done").touch()

"""Scratch repositories, and the real program run in them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

ENTRY = Path(__file__).resolve().parent.parent / "entrypoint.py"
AGENT = 'date +%s.%N >> "$HOME/stamps"; sleep 0.5; date +%N >> work.txt'
"""Half a second of work, after the time at which it began."""


class Scratch:
    """A folder of repositories with no configuration of this machine."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(root),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            **{f"GIT_{who}_{what}": "bench@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        }

    def sh(self, command: str, folder: Path) -> None:
        subprocess.run(["/bin/sh", "-ec", command], cwd=folder, env=self.environment, check=True, capture_output=True)

    def repository(self, name: str, *, folders: int = 1) -> Path:
        """A repository of 100 files in each folder, with a prompt; in one pack, as a clone has it.

        Loose objects would start git's own packing behind the user's commits, but not behind ours.
        """
        path = self.root / name
        path.mkdir()
        self.sh("git init -q --initial-branch=main", path)
        files = {"PROMPT.md": "Do it.\n"}
        for number in range(folders):
            files |= {f"{number // 50}/{number}/{item}.txt": f"{number} {item}\n" for item in range(100)}
        commit = f"commit refs/heads/main\ncommitter bench <bench@localhost> {int(time.time())} +0000\ndata 5\nfirst\n"
        stream = commit + "".join(f"M 644 inline {at}\ndata {len(text)}\n{text}\n" for at, text in files.items())
        command = ["git", "-c", "fastimport.unpackLimit=0", "fast-import", "--quiet"]
        subprocess.run(command, cwd=path, env=self.environment, input=stream.encode(), check=True, capture_output=True)
        self.sh("git reset -q --hard", path)
        return path

    def ralph(self, folder: Path, *flags: str, **env: str) -> None:
        """Run the program to its end, with state of its own."""
        command = [sys.executable, str(ENTRY), "run", "--agent", "command", "--checkpoint-interval", "1", *flags]
        environment = self.environment | {"RALPH_STATE_HOME": str(self.root / f"state-{folder.name}")} | env
        done = subprocess.run(command, cwd=folder, env=environment, check=False, capture_output=True, text=True)
        if done.returncode not in {0, 11}:
            raise RuntimeError(done.stdout + done.stderr)

    def iteration_s(self) -> float:
        """Seconds from one start of AGENT to the next, on the average of those since the last call."""
        stamps = self.root / "stamps"
        began = [float(line) for line in stamps.read_text().split()]
        stamps.unlink()
        return (began[-1] - began[0]) / (len(began) - 1)

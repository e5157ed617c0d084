"""Rows 8 and 9: an agent that prints very much."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from benchmarks.measure import Row, compare
from benchmarks.scratch import ENTRY, Scratch
from ralph_action.agents import adapter_of
from ralph_action.agents.adapter import Options
from ralph_action.agents.cli import Cli
from ralph_action.ports import Call, Stop

MOST_BYTES = 80_000_000
WATCHED = """
import atexit, runpy, sys
from pathlib import Path
_, peak, *sys.argv = sys.argv
def tell():
    words = Path("/proc/self/status").read_text().split()
    Path(peak).write_text(words[words.index("VmHWM:") + 1])
atexit.register(tell)
runpy.run_path(sys.argv[0], run_name="__main__")
"""
"""The program as it is, which tells its peak when it ends."""
FLOODS = {
    "lines of 200 bytes": "tr '\\0' x < /dev/zero | fold -w 200 | head -c 1000000000",
    "one line": "head -c 1000000000 /dev/zero | tr '\\0' x",
}
LINES = "tr '\\0' x < /dev/zero | fold -w 120 | head -c 100000000"


def memory(root: Path) -> Row:
    """Row 8: the peak of the whole program over a run with a checkpoint, the worse of two kinds of output."""
    scratch = Scratch(root)
    peaks: dict[str, int] = {}
    for number, (kind, command) in enumerate(FLOODS.items()):
        work = scratch.repository(f"flood-{number}")
        peak = root / f"peak-{number}"
        flags = ["--agent", "command", "--command", command, "--max-iterations", "1", "--no-artifact"]
        subprocess.run(
            [sys.executable, "-c", WATCHED, str(peak), str(ENTRY), "run", *flags],
            cwd=work,
            env=scratch.environment | {"RALPH_STATE_HOME": str(root / f"state-{number}")},
            check=False,
            stdout=subprocess.DEVNULL,
        )
        peaks[kind] = int(peak.read_text()) * 1024
    print("row 8: " + ", ".join(f"{kind}: {peak / 1e6:.0f} MB" for kind, peak in peaks.items()), flush=True)
    return Row("peak memory, an agent prints 1 GB", "80 MB", 1.0, max(peaks.values()), MOST_BYTES, is_bytes=True)


def pump(root: Path) -> Row:
    """Row 9: 100 MB through the pump, the log and the reading of lines, against `tee` to a file."""
    scratch = Scratch(root)
    agent = Cli(adapter_of("command"), Options(executable="/bin/bash", command=LINES))

    def ours(number: int) -> float:
        call = Call(
            prompt="",
            prompt_file=root / "prompt",
            workspace=root,
            iteration=number,
            environment=scratch.environment,
            log=root / f"ours-{number}",
        )
        began = time.monotonic()
        agent.run(call, Stop())
        return time.monotonic() - began

    def theirs(number: int) -> float:
        began = time.monotonic()
        scratch.sh(f"{LINES} | tee theirs-{number} > /dev/null", root)
        return time.monotonic() - began

    return compare("100 MB of lines through the pump", "tee to a file", 2.0, (ours, theirs), 7)

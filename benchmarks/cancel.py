"""A cancelled job with much that is not committed: how long until it is on the remote, by the post stage if need be."""

from __future__ import annotations

import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.measure import Row
from benchmarks.scratch import ENTRY, Scratch

FILES, EACH_BYTES = 100, 1_000_000
MOST_S = 7.0
ROUNDS = 3
WORK = (
    f'for n in $(seq {FILES}); do head -c {EACH_BYTES} /dev/urandom > "work-$n"; done; touch "$HOME/reached"; sleep 600'
)


def cancel(root: Path) -> Row:
    """SIGINT while 100 MB of random files lie there; the runner would send SIGTERM after 7.5 s."""
    scratch = Scratch(root)
    spent = statistics.median(_cancelled(scratch, number) for number in range(ROUNDS))
    return Row("a cancel with 100 MB to commit and push", "7 s", 1.0, spent, MOST_S)


def _cancelled(scratch: Scratch, number: int) -> float:
    work = scratch.repository(f"cancel-{number}")
    remote = scratch.root / f"cancel-{number}.git"
    scratch.sh(f"git clone -q --bare . {remote}; git remote add origin {remote}", work)
    flags = ["--agent", "command", "--command", WORK, "--task", "bench", "--no-artifact"]
    environment = scratch.environment | {"RALPH_STATE_HOME": str(scratch.root / f"state-cancel-{number}")}
    process = subprocess.Popen(
        [sys.executable, str(ENTRY), "run", *flags],
        cwd=work,
        env=environment,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    reached = scratch.root / "reached"
    while not reached.exists():
        time.sleep(0.05)
    reached.unlink()
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.wait(60)
    main_s = time.monotonic() - began
    subprocess.run(
        [sys.executable, str(ENTRY), "post", "--task", "bench"],
        cwd=work,
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    spent = time.monotonic() - began
    print(f"cancel: the main stage {main_s:.1f} s, with the post stage {spent:.1f} s", flush=True)
    scratch.sh(f"git -C {remote} cat-file -e ralph/bench:work-{FILES}", work)
    return spent

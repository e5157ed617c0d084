"""What an agent prints, however much: the log, and our own memory, stay within bounds."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ralph_action.agents import adapter_of
from ralph_action.agents.adapter import Options
from ralph_action.agents.cli import Cli
from ralph_action.agents.raw_log import FIRST_BYTES, LAST_BYTES, RawLog
from ralph_action.outcome import Ended
from ralph_action.ports import Call, Stop
from tests.lab.disk import Disk, mounted
from tests.lab.place import WORK, Place

PUMP = """
import sys
from pathlib import Path
from ralph_action.agents import adapter_of
from ralph_action.agents.adapter import Options
from ralph_action.agents.cli import Cli
from ralph_action.ports import Call, Stop
here = Path(sys.argv[1])
environment = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
call = Call(
    prompt="", prompt_file=here / "p", workspace=here, iteration=1, environment=environment, log=here / "log"
)
outcome = Cli(adapter_of("command"), Options(executable="/bin/bash", command=sys.argv[2])).run(call, Stop())
status = Path("/proc/self/status").read_text().split()
print(outcome.ended.value, status[status.index("VmHWM:") + 1])
"""
FLOODS = {
    "long lines": "head -c 64000000 /dev/zero | tr '\\0' x | fold -w 200",
    "short lines": "yes twelve-bytes | head -c 64000000",
    "no line at all": "head -c 64000000 /dev/zero",
}


def a_call(root: Path) -> Call:
    environment = {"PATH": os.environ["PATH"]}
    return Call(
        prompt="", prompt_file=root / "p", workspace=root, iteration=1, environment=environment, log=root / "log"
    )


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with mounted(tmp_path / "disk", "4m") as made:
        yield made


@pytest.mark.fault(
    "agent",
    "it prints 1 GB",
    "The log keeps its first 32 MB and its last MB and says what is left out; our memory does not grow with it.",
)
@pytest.mark.parametrize("kind", FLOODS)
def test_a_flood(tmp_path: Path, kind: str) -> None:
    """64 MB here; `benchmarks` has the whole GB."""
    argv = [sys.executable, "-c", PUMP, str(tmp_path), FLOODS[kind]]
    done = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=120)
    ended, peak_kb = done.stdout.split()
    assert ended == "done"
    assert int(peak_kb) < 60_000
    assert FIRST_BYTES < (tmp_path / "log").stat().st_size < FIRST_BYTES + LAST_BYTES + 1000


def test_the_log_says_what_is_left_out(tmp_path: Path) -> None:
    """The first lines, one of ours, and the last lines, each whole."""
    log = RawLog(tmp_path / "log")
    lines = FIRST_BYTES // 10 * 2
    for start in range(0, lines, 10_000):
        log.write(b"".join(b"%09d\n" % number for number in range(start, min(start + 10_000, lines))))
    log.close()
    kept = (tmp_path / "log").read_bytes()
    first, _, last = kept.partition(b'\n{"type": "ralph"')
    note, _, last = (b'{"type": "ralph"' + last).partition(b"\n")
    assert first[:FIRST_BYTES].startswith(b"000000000\n")
    assert json.loads(note)["left_out_bytes"] == lines * 10 - FIRST_BYTES - len(last)
    assert last.endswith(b"%09d\n" % (lines - 1))
    assert {len(line) for line in last.splitlines()} == {9}
    assert LAST_BYTES - 10 <= len(last) <= LAST_BYTES


@pytest.mark.parametrize("size", [0, 1, 1000])
def test_a_short_log_is_as_it_came(tmp_path: Path, size: int) -> None:
    log = RawLog(tmp_path / "log")
    log.write(b"\xff" * size)
    log.close()
    log = RawLog(tmp_path / "log")
    log.write(b"again")
    log.close()
    assert (tmp_path / "log").read_bytes() == b"\xff" * size + b"again"


def test_a_log_that_finds_no_room(disk: Disk) -> None:
    """The call goes on; when there is room at its end, the log has the end and says what it lacks."""
    log = RawLog(disk.path / "log")
    log.write(b"begun\n")
    disk.fill()
    for number in range(200_000):
        log.write(b"line %d\n" % number)
    disk.free()
    log.write(b"over\n")
    log.close()
    lines = (disk.path / "log").read_bytes().splitlines()
    note = next(number for number, line in enumerate(lines) if line.startswith(b"{"))
    assert lines[0] == b"begun"
    assert json.loads(lines[note])["why"] == "No space left on device"
    assert lines[-2:] == [b"line 199999", b"over"]
    assert lines[note + 1].startswith(b"line ")
    blocked = RawLog(disk.path / "log" / "no-folder")
    blocked.write(b"x")
    blocked.close()


@pytest.mark.fault(
    "agent",
    "it is killed by the kernel for want of memory",
    "The iteration fails and its error says so: surely when the kernel counted it, else as the likely cause.",
)
@pytest.mark.parametrize("kill", ["kill -9 $$", "bash -c 'kill -9 $$'; exit $?"])
def test_one_that_is_killed_from_outside(tmp_path: Path, kill: str) -> None:
    found = Cli(adapter_of("command"), Options(executable="/bin/bash", command=f"echo working; {kill}")).run(
        a_call(tmp_path), Stop()
    )
    assert (found.ended, found.text) == (Ended.FAILED, "working")
    assert found.exit_code in {-signal.SIGKILL, 137}
    assert "killed" in found.error
    assert "want of memory" in found.error
    script = tmp_path / "claude"
    script.write_text(f"#!/bin/bash\necho '{{}}'; {kill}\n")
    script.chmod(0o755)
    found = Cli(adapter_of("claude"), Options(executable=str(script))).run(a_call(tmp_path), Stop())
    assert found.ended is Ended.FAILED
    assert "want of memory" in found.error


def test_a_killed_agent_is_named_in_the_run(place: Place) -> None:
    """The next iteration goes on."""
    work = place.clone("one")
    command = f'if [ "$RALPH_ITERATION" = 1 ]; then kill -9 $$; fi; {WORK}'
    code, log = place.run(work, "--command", command, "--max-iterations", "2", "--checkpoint-interval", "1")
    assert code == 11, log
    assert "want of memory" in log
    assert place.remote.run("show", "ralph/t:done.txt") == "2"

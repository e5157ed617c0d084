"""The commands of a person: what is kept, listed, checked, brought back and backed up."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tarfile
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from ralph_action.checkpoint.agent_dir import AgentDir
from ralph_action.checkpoint.archive import pack, unpack
from ralph_action.checkpoint.git import Git
from ralph_action.checkpoint.homes import Homes
from ralph_action.checkpoint.segments import stamps
from ralph_action.checkpoint.vault import Vault
from ralph_action.checkpoint.worktree import Worktree
from ralph_action.clock import SystemClock
from ralph_action.lock import locked
from ralph_action.state import Checkpoint
from tests.lab.place import ENTRY, WORK, Place
from tests.unit.records import new_state


def test_a_file_that_vanishes_does_not_stop_the_zip(tmp_path: Path) -> None:
    folder = tmp_path / "agent"
    folder.mkdir()
    for name in ("a", "b", "c"):
        (folder / name).write_text(name)
    names = sorted(stamps(folder))
    (folder / "b").unlink()
    pack(folder, names, tmp_path / "x.zip", {})
    unpack(tmp_path / "x.zip", tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out" / ".agent").iterdir()) == ["a", "c"]


def test_a_file_that_vanishes_does_not_stop_the_state(tmp_path: Path, environment: dict[str, str]) -> None:
    """A filter of git's removes the second file while the first is added: what the loop's cleaning does."""
    folder = tmp_path / "agent"
    folder.mkdir()
    (folder / "a.txt").write_text("a")
    (folder / "b.txt").write_text("b")
    (folder / ".gitattributes").write_text("a.txt filter=f\n")
    config = tmp_path / "gitconfig"
    config.write_text(f'[filter "f"]\n\tclean = "rm -f {folder}/b.txt; cat"\n')
    vault = Vault(
        tmp_path / "vault.git",
        {**environment, "GIT_CONFIG_GLOBAL": str(config)},
        Worktree(tmp_path, None, environment),
    )
    commit = vault.commit_state(folder, "", "state")
    assert vault.git.run("ls-tree", "--name-only", commit).split() == [".gitattributes", "a.txt"]


def names(folder: Path, pattern: str) -> list[str]:
    return sorted(path.name for path in folder.glob(pattern))


def test_a_run_keeps_what_it_is_told_to(place: Place) -> None:
    """Two records in both copies and in the branch home; the logs too; and every record has its state."""
    work = place.clone("one")
    flags = ("--checkpoint-interval", "1", "--keep-checkpoints", "2")
    code, log = place.run(work, "--command", f"{WORK}; sleep 0.3", "--max-iterations", "7", *flags)
    assert code == 11, log
    code, log = place.run(work, "--command", WORK, "--max-iterations", "8", *flags)
    assert code == 11, log
    ours = next((place.root / "state-one").glob("*/agent"))
    for folder in (ours, work / ".agent"):
        assert len(names(folder, "checkpoints/*.json")) == 2, names(folder, "checkpoints/*.json")
        assert names(folder, "checkpoints/*.json")[-1] == "checkpoint_8.json"
        assert "iteration_1_1.jsonl" not in names(folder, "logs/*")
        assert "iteration_8_1.jsonl" in names(folder, "logs/*")
        assert len(names(folder, "metrics/state_*")) <= 5
    listed = place.remote.run("ls-tree", "-r", "--name-only", "refs/ralph/t/state").split()
    assert "checkpoints/checkpoint_8.json" in listed
    assert "checkpoints/checkpoint_5.json" not in listed
    other = place.clone("two")
    code, log = place.run(other, "--command", WORK, "--max-iterations", "9", *flags)
    assert code == 11, log
    assert (other / "done.txt").read_text().split() == [str(n) for n in range(1, 10)]


class Slow:
    """A home whose first checkpoint is on its way until the gate opens."""

    home = "branch"

    def __init__(self) -> None:
        self.begun, self.gate = threading.Event(), threading.Event()

    def store(self, checkpoint: Checkpoint, confirmed: str, *, is_last: bool) -> str:
        self.begun.set()
        self.gate.wait(60)
        return "reached"

    def tidy(self) -> None:
        """Nothing to do."""

    def renew(self) -> None:
        pass


def test_what_is_being_published_stays(tmp_path: Path) -> None:
    """Its record and its state, however many checkpoints the loop is ahead; afterwards they go."""
    slow = Slow()
    agent_dir = AgentDir(tmp_path, None, None)
    homes = Homes(agent_dir, None, [slow], SystemClock(), print, metrics_interval=10, keep=(1, 0))
    first: Checkpoint | None = None
    for number in range(1, 9):
        state = replace(new_state(), iteration=number, sequence=number * 2)
        _, checkpoint = homes.snapshot(state, "x")
        homes.publish(checkpoint, is_last=False)
        first = first or checkpoint
        assert slow.begun.wait(30)
    assert first is not None
    assert (tmp_path / first.state_file).is_file()
    assert len(names(tmp_path, "checkpoints/*")) == 8
    slow.gate.set()
    homes.flush(30)
    homes.snapshot(replace(new_state(), iteration=9, sequence=18), "x")
    homes.close()
    assert names(tmp_path, "checkpoints/*") == ["checkpoint_8.json", "checkpoint_9.json"]
    assert not (tmp_path / first.state_file).exists()


def test_backups_are_not_committed(place: Place) -> None:
    """The guide's name for them, in a repository that a run has seen."""
    work = place.clone("one")
    command = (
        f"{WORK}; echo x > ralph_checkpoints_20260101.tar.gz; mkdir -p sub; echo y > sub/ralph_checkpoints_1.tar.gz"
    )
    assert place.run(work, "--command", command, "--max-iterations", "1")[0] == 11
    committed = Git(work, place.environment).run("ls-tree", "-r", "--name-only", "ralph/t").split()
    assert committed == ["PROMPT.md", "done.txt", "sub/ralph_checkpoints_1.tar.gz"]


def ralph(place: Place, workspace: Path, *words: str) -> tuple[int, str]:
    """A command on the machine that has this workspace."""
    done = subprocess.run(
        [sys.executable, str(ENTRY), *words],
        cwd=workspace,
        env={
            **place.environment,
            "RALPH_STATE_HOME": str(place.root / f"state-{workspace.name}"),
            "RALPH_ARTIFACT_FOLDER": str(place.artifacts),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def worked(place: Place, iterations: int = 3, command: str = WORK) -> Path:
    """A machine on which a task has gone on for some iterations, each a checkpoint."""
    work = place.clone("one")
    code, log = place.run(work, "--command", command, "--checkpoint-interval", "1", "--max-iterations", str(iterations))
    assert code == 11, log
    return work


def home_of(place: Place, workspace: Path) -> Path:
    return next((place.root / f"state-{workspace.name}").iterdir())


def test_clean_says_what_went(place: Place) -> None:
    """By the limits of this call, in both copies, once; the task is the one that `.agent/` tells of."""
    work = worked(place, 5)
    before = {path: path.stat().st_size for path in (work / ".agent").rglob("*") if path.is_file()}
    code, said = ralph(place, work, "clean", "--keep-checkpoints", "2")
    assert code == 0, said
    gone = [path for path in before if not path.exists()]
    assert names(work / ".agent", "checkpoints/*") == ["checkpoint_4.json", "checkpoint_5.json"]
    assert names(home_of(place, work) / "agent", "checkpoints/*") == ["checkpoint_4.json", "checkpoint_5.json"]
    size = sum(before[path] for path in gone)
    assert f"Cleaned `t`: {len(gone)} files, {size} bytes; kept: the newest 2 of each kind." in said
    assert f'"event": "cleaned", "files": {len(gone)}, "bytes": {size}' in (work / ".agent/journal.jsonl").read_text()
    assert "Cleaned `t`: 0 files, 0 bytes" in ralph(place, work, "clean", "--keep-checkpoints", "2")[1]
    code, log = place.run(work, "--command", WORK, "--max-iterations", "6")
    assert code == 11, log
    assert "after iteration 5" in log


def test_clean_goes_by_days(place: Place) -> None:
    """The stamp in the name counts, not the time of the file, and `ralph.yml` may say how many days."""
    work = worked(place, 1)
    (work / "ralph.yml").write_text("keep-days: 7\n")
    aged = work / ".agent/metrics/metrics_20200101_000000.json"
    aged.write_text("{}")
    assert "1 files, 2 bytes; kept: the newest 50 of each kind, at most 7 days old" in ralph(place, work, "clean")[1]
    assert not aged.exists()
    assert names(work / ".agent", "checkpoints/*") == ["checkpoint_1.json"]


def test_nobody_cleans_or_restores_under_a_run(place: Place) -> None:
    """The task's lock is another's: a clear error, and nothing is touched."""
    work = worked(place)
    with locked(home_of(place, work) / "lock", 1.0) as is_ours:
        assert is_ours
        for words in (("clean", "--keep-checkpoints", "1"), ("restore", "1")):
            code, said = ralph(place, work, *words)
            assert code == 3
            assert "Another ralph works on the task `t`" in said
    assert (work / "done.txt").read_text() == "1\n2\n3\n"
    assert len(names(work / ".agent", "checkpoints/*")) == 3


def test_the_table_of_checkpoints(place: Place) -> None:
    """One row each, the newest last, and a damaged one with what is wrong with it."""
    work = worked(place)
    commit = Git(work, place.environment).run("rev-parse", "--short=12", "ralph/t")
    (home_of(place, work) / "agent/checkpoints/checkpoint_2.json").write_text("{")
    code, said = ralph(place, work, "checkpoints")
    assert code == 0, said
    rows = [line.split() for line in said.splitlines()]
    assert [row[0] for row in rows] == ["iteration", "1", "2", "3"]
    assert rows[2][:3] == ["2", "damaged", "checkpoints/checkpoint_2.json:"]
    assert "cannot be read" in said.splitlines()[2]
    assert rows[3][2] == commit
    assert "local reached, branch reached, artifact reached  Ralph checkpoint 3: max-iterations" in said.splitlines()[3]


def test_checkpoints_where_there_is_none(place: Place) -> None:
    work = place.clone("one")
    for words in (("checkpoints",), ("restore", "1"), ("export",)):
        code, said = ralph(place, work, *words)
        assert code == 3, said
        assert "ralph" in said.partition("error: ")[2]
    assert sorted(path.name for path in work.iterdir()) == [".git", "PROMPT.md"]


def verdicts(said: str) -> list[tuple[str, bool]]:
    """Home and whether it is ok, a row each."""
    lines = [line for line in said.splitlines() if line.startswith(("local ", "branch ", "artifact "))]
    return [(line.split()[0], line.endswith("  ok")) for line in lines]


def test_validate_looks_into_every_home(place: Place) -> None:
    work = worked(place)
    code, said = ralph(place, work, "validate")
    assert code == 0, said
    assert verdicts(said) == [("local", True), ("local", True), ("branch", True), ("artifact", True)]
    assert [line.split()[-2] for line in said.splitlines() if line.endswith("  ok")] == ["3"] * 4
    shutil.rmtree(work / ".agent")
    shutil.rmtree(home_of(place, work))
    code, said = ralph(place, work, "validate", "--task", "t")
    assert code == 0, said
    assert verdicts(said) == [("local", False), ("branch", True), ("artifact", True)]


def broken_local(place: Place, work: Path) -> Path:
    record = json.loads((work / ".agent/checkpoints/checkpoint_3.json").read_text())
    state = home_of(place, work) / "agent" / str(record["state_file"])
    state.write_text(state.read_text().replace('"iteration": 3', '"iteration": 9'))
    return state


def broken_branch(place: Place, work: Path) -> Path:
    parent = place.remote.run("rev-parse", "ralph/t~3")
    place.remote.run("update-ref", "refs/heads/ralph/t", parent)
    return place.root / "remote.git" / "refs/heads/ralph/t"


def broken_artifact(place: Place, work: Path) -> Path:
    newest = max(place.artifacts.glob("*.zip"))
    newest.write_bytes(newest.read_bytes()[:-40])
    return newest


BROKEN = {
    "local": (broken_local, "does not match its digest"),
    "branch": (broken_branch, "is not on ralph/t"),
    "artifact": (broken_artifact, "the zip is damaged"),
}


@pytest.mark.parametrize("home", sorted(BROKEN))
def test_validate_finds_what_is_damaged(place: Place, home: str) -> None:
    """Exit code 3, the reason in its row, the next older one as ok where there is one, and nothing is deleted."""
    work = worked(place)
    damage, why = BROKEN[home]
    file = damage(place, work)
    before = file.read_bytes()
    code, said = ralph(place, work, "validate")
    assert code == 3, said
    assert any(line.startswith(home) and why in line for line in said.splitlines()), said
    assert {name for name, is_ok in verdicts(said) if not is_ok} == {home}
    assert "nothing was deleted" in said
    assert file.read_bytes() == before


def test_a_home_out_of_reach_is_not_damaged(place: Place) -> None:
    work = worked(place)
    (place.root / "remote.git").rename(place.root / "away.git")
    code, said = ralph(place, work, "validate")
    assert code == 0, said
    assert ("branch", False) in verdicts(said)
    assert "cannot be reached" in said


def test_what_was_cleaned_from_the_view_is_not_damaged(place: Place) -> None:
    """The guide cleans old state files away in the workspace; our copy has them."""
    work = worked(place)
    for state in (work / ".agent/metrics").glob("state_*.json"):
        state.unlink()
    code, said = ralph(place, work, "validate")
    assert code == 0, said
    assert verdicts(said)[0] == ("local", True)


def test_a_damaged_file_is_kept_aside(place: Place) -> None:
    """The run goes on from an older checkpoint and writes the record anew; what was damaged can still be looked at."""
    work = worked(place)
    ours = home_of(place, work) / "agent"
    for home in (place.root / "remote.git", place.artifacts):
        home.rename(home.with_name(home.name + ".away"))
    state = broken_local(place, work)
    data, record = state.read_bytes(), (ours / "checkpoints/checkpoint_3.json").read_bytes()
    code, log = place.run(work, "--command", WORK, "--max-iterations", "3")
    assert code == 11, log
    assert "the damaged checkpoint_3.json is kept in .agent/damaged/" in log
    assert "going on from local (saved state) after iteration 3" in log
    for folder in (ours, work / ".agent"):
        assert (folder / "damaged" / state.name).read_bytes() == data
        assert (folder / "damaged/checkpoint_3.json").read_bytes() == record
    assert (ours / "checkpoints/checkpoint_3.json").read_bytes() != record


def test_restore_parks_the_present(place: Place) -> None:
    """The files are the checkpoint's alone, HEAD is on the branch at its tip, and nothing is lost."""
    command = f'{WORK}; if [ "$RALPH_ITERATION" = 2 ]; then mkdir late; echo x > late/file; fi'
    work = worked(place, 3, command)
    git = Git(work, place.environment)
    tip = git.run("rev-parse", "ralph/t")
    (work / "done.txt").write_text("uncommitted\n")
    (work / "stray.txt").write_text("untracked\n")
    (work / "staged.txt").write_text("staged\n")
    git.run("add", "staged.txt")
    code, said = ralph(place, work, "restore", "1")
    assert code == 0, said
    parked = git.run("for-each-ref", "--format=%(refname)", "refs/ralph/t/parked")
    assert f"parked under {parked}" in said
    assert git.run("show", f"{parked}:done.txt") == "uncommitted"
    assert git.run("show", f"{parked}:stray.txt") == "untracked"
    assert git.run("show", f"{parked}:staged.txt") == "staged"
    assert sorted(path.name for path in work.iterdir()) == [".agent", ".git", "PROMPT.md", "done.txt"]
    assert (work / "done.txt").read_text() == "1\n"
    assert git.run("symbolic-ref", "HEAD") == "refs/heads/ralph/t"
    assert git.run("rev-parse", "HEAD") == tip
    assert git.run("write-tree") == git.run("rev-parse", f"{tip}~3^{{tree}}")
    code, log = place.run(work, "--command", WORK, "--max-iterations", "4", "--checkpoint-interval", "1")
    assert code == 11, log
    assert (work / "done.txt").read_text() == "1\n4\n"
    assert place.remote.succeeds("merge-base", "--is-ancestor", tip, "ralph/t")
    assert place.remote.run("show", "ralph/t:done.txt") == "1\n4"


def test_restore_loses_no_ignored_file(place: Place) -> None:
    """One that lies where the checkpoint has a file of its own is parked too; the others stay where they are."""
    command = (
        f'{WORK}; if [ "$RALPH_ITERATION" = 1 ]; then mkdir out; echo old > out/data; echo old > flat; fi; '
        'if [ "$RALPH_ITERATION" = 2 ]; then rm -r out flat; printf "/out\\n/flat\\n/cache\\n" > .gitignore; fi'
    )
    work = worked(place, 2, command)
    (work / "out").write_text("a file where a folder was\n")
    (work / "flat").mkdir()
    (work / "flat" / "deep").write_text("a folder where a file was\n")
    (work / "cache").write_text("in nobody's way\n")
    code, said = ralph(place, work, "restore", "1")
    assert code == 0, said
    assert (work / "out" / "data").read_text() == "old\n"
    assert (work / "flat").read_text() == "old\n"
    assert (work / "cache").read_text() == "in nobody's way\n"
    git = Git(work, place.environment)
    parked = git.run("for-each-ref", "--format=%(refname)", "refs/ralph/t/parked")
    assert git.run("show", f"{parked}:out") == "a file where a folder was"
    assert git.run("show", f"{parked}:flat/deep") == "a folder where a file was"


def test_restore_takes_a_commit(place: Place) -> None:
    """A prefix is enough, and flags may stand before it."""
    work = worked(place)
    commit = Git(work, place.environment).run("log", "--format=%h", "--grep=Ralph checkpoint 2", "ralph/t")
    code, said = ralph(place, work, "restore", "--task", "t", commit)
    assert code == 0, said
    assert (work / "done.txt").read_text() == "1\n2\n"


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("9", "There is no checkpoint '9' of the task `t` here"),
        ("--all", "unrecognized arguments"),
        ("main", "There is no checkpoint 'main'"),
        ("deadbeef", "not in this repository"),
        ("FIRST", "is no checkpoint, and the task here is `t`"),
        ("OTHER", "is a checkpoint of the task `u`, and the task here is `t`"),
        ("", "which checkpoint?"),
    ],
)
def test_restore_takes_only_checkpoints_of_the_task(place: Place, wanted: str, said: str) -> None:
    """A clear error, and the work tree as it was."""
    work = worked(place)
    git = Git(work, place.environment)
    other = git.run("commit-tree", "HEAD^{tree}", stdin=b"Ralph checkpoint 1: x\n\nRalph-Task: u\n")
    wanted = {"FIRST": git.run("rev-parse", "main"), "OTHER": other}.get(wanted, wanted)
    code, log = ralph(place, work, "restore", *([wanted] if wanted else []))
    assert code in {2, 3}, log
    assert said in log
    assert git.run("for-each-ref", "refs/ralph") == ""
    assert (work / "done.txt").read_text() == "1\n2\n3\n"


def test_export_is_the_guides_backup(place: Place) -> None:
    """Its name and what is in it; a checkpoint does not commit it, and a machine without the state goes on from it."""
    work = worked(place)
    code, said = ralph(place, work, "export")
    assert code == 0, said
    (file,) = work.glob("ralph_checkpoints_*.tar.gz")
    assert re.fullmatch(r"ralph_checkpoints_\d{8}\.tar\.gz", file.name)
    listed = subprocess.run(["tar", "-tzf", str(file)], capture_output=True, text=True, check=True).stdout.split()
    there = [f".agent/{path.relative_to(work / '.agent')}" for path in (work / ".agent").rglob("*") if path.is_file()]
    assert sorted(name for name in listed if not name.endswith("/")) == sorted(there)
    assert Git(work, place.environment).run("status", "--short") == ""
    shutil.rmtree(work / ".agent")
    shutil.rmtree(home_of(place, work))
    subprocess.run(["tar", "-xzf", file.name], cwd=work, check=True)
    assert "3 " in ralph(place, work, "checkpoints")[1]
    code, log = place.run(work, "--command", WORK, "--max-iterations", "4")
    assert code == 11, log
    assert "going on from local" in log
    assert (work / "done.txt").read_text() == "1\n2\n3\n4\n"


def test_export_to_a_file_of_ones_own(place: Place) -> None:
    """Whole or not at all: what cannot be written leaves nothing behind."""
    work = worked(place, 1)
    target = place.root / "backup.tgz"
    assert ralph(place, work, "export", str(target))[0] == 0
    with tarfile.open(target) as archive:
        assert archive.getmember(".agent/checkpoints/checkpoint_1.json").isreg()
    (place.root / "taken").mkdir()
    for wrong in (place.root / "taken", place.root / "none" / "x.tgz"):
        code, said = ralph(place, work, "export", str(wrong))
        assert code == 3
        assert f"{wrong} cannot be written" in said
        assert "Name another file" in said
    assert not list(place.root.glob("*.part.tar.gz"))


def test_only_two_commands_take_a_word(place: Place) -> None:
    code, said = ralph(place, place.clone("one"), "clean", "everything")
    assert code == 2
    assert "unrecognized arguments: everything" in said

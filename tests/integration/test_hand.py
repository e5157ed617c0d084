"""The commands of a person: what is kept, listed, checked, brought back and backed up."""

from __future__ import annotations

from pathlib import Path

from ralph_action.checkpoint.archive import pack, unpack
from ralph_action.checkpoint.git import Git
from ralph_action.checkpoint.vault import Vault
from ralph_action.checkpoint.worktree import Worktree
from tests.lab.place import WORK, Place


class Cleaning(list[str]):
    """What is skipped; a file goes at the moment at which it is asked for."""

    def __init__(self, victim: Path) -> None:
        super().__init__()
        self.victim = victim

    def __contains__(self, name: object) -> bool:
        if name == self.victim.name:
            self.victim.unlink()
        return super().__contains__(name)


def test_a_file_that_vanishes_does_not_stop_the_zip(tmp_path: Path) -> None:
    folder = tmp_path / "agent"
    folder.mkdir()
    for name in ("a", "b", "c"):
        (folder / name).write_text(name)
    pack(folder, tmp_path / "x.zip", {}, skip=Cleaning(folder / "b"))
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


def test_backups_are_not_committed(place: Place) -> None:
    """The guide's name for them, in a repository that a run has seen."""
    work = place.clone("one")
    command = (
        f"{WORK}; echo x > ralph_checkpoints_20260101.tar.gz; mkdir -p sub; echo y > sub/ralph_checkpoints_1.tar.gz"
    )
    assert place.run(work, "--command", command, "--max-iterations", "1")[0] == 11
    committed = Git(work, place.environment).run("ls-tree", "-r", "--name-only", "ralph/t").split()
    assert committed == ["PROMPT.md", "done.txt", "sub/ralph_checkpoints_1.tar.gz"]

"""The commits of the state's ref: a folder of ours, without its logs."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from ralph_action.checkpoint.files import as_bytes
from ralph_action.checkpoint.git import Git
from ralph_action.checkpoint.records import WIP, later_records, record_name
from ralph_action.state import Checkpoint

NO_TEMPORARIES = (":(exclude,glob)**/*.tmp",)
"""Files that the loop's thread is just writing."""
CLAIM = "lease.json"


def committed(
    git: Git,
    index: Path,
    folder: Path,
    parent: str,
    message: str,
    checkpoint: Checkpoint | None,
    without: Collection[str],
) -> str:
    """Commit `folder` on `parent`, as `Vault.commit_state` says; return the commit."""
    env = {"GIT_INDEX_FILE": str(index), "GIT_WORK_TREE": str(folder)}
    with_parent = ["-p", parent] if parent else []
    if checkpoint is None and parent:
        git.run("read-tree", parent, env=env)
        git.run("add", "--force", "--", CLAIM, env=env)
    else:
        later = [f":(exclude){name}" for name in later_records(folder, checkpoint)]
        left_out = [f":(exclude,literal){name}" for name in sorted(without)]
        words = ["add", "--all", "--force", "--", ".", ":(exclude)logs", *NO_TEMPORARIES, *later, *left_out]
        if git.attempt(*words, env=env)[0]:  # the loop may have cleaned a file away meanwhile
            git.run(*words, env=env)
    if without:  # the index may have them from before they were refused
        names = "\0".join(without).encode(errors="surrogateescape")
        git.run("update-index", "--force-remove", "-z", "--stdin", stdin=names, env=env)
    if checkpoint is not None:
        blob = git.run("hash-object", "-w", "--stdin", stdin=as_bytes(checkpoint.to_json()))
        superseded = [] if checkpoint.wip else ["--force-remove", "--", WIP]
        entry = f"100644,{blob},{record_name(checkpoint)}"
        git.run("update-index", "--add", "--cacheinfo", entry, *superseded, env=env)
    tree = git.run("write-tree", env=env)
    return git.run("commit-tree", tree, *with_parent, stdin=message.encode())

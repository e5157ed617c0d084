"""Each invariant broken once on purpose, in a copy of the program: the harness must see it."""

from __future__ import annotations

NO_OLDER_ONE = (
    "resume/find.py",
    'f"iteration {state.iteration}: {why}")\n            continue\n',
    'f"iteration {state.iteration}: {why}")\n            return False\n',
)
"""Else the checkpoint before the broken one is taken, and nothing is lost."""
BROKEN = {
    "pointer before data, and no older one taken": (
        [
            (
                "checkpoint/homes.py",
                '        commit, subject = ""',
                "        with self._lock:\n"
                "            self._agent_dir.write_checkpoint(Checkpoint(iteration=state.iteration, "
                "sequence=state.sequence, branch=state.branch, commit='f' * 40, "
                "state_file=state_file, digest=digest))\n"
                '        commit, subject = ""',
            ),
            NO_OLDER_ONE,
        ],
        "before rename index#3",
        "same",
    ),
    "state before branch, and no older one taken": (
        [
            (
                "checkpoint/remotes.py",
                "push(self._url, self._token, [*refs, (self._state, stand.ref)], timeout_s)\n",
                "push(self._url, self._token, [(self._state, stand.ref)], timeout_s)\n"
                "        if refs:\n            self._vault.push(self._url, self._token, refs, timeout_s)\n",
            ),
            NO_OLDER_ONE,
        ],
        "before git push#5",
        "branch",
    ),
    "counters begin anew": (
        [
            (
                "resume/choose.py",
                "        status=Status.RUNNING,\n        stop_reason=None,\n",
                "        status=Status.RUNNING,\n        stop_reason=None,\n        tokens_known=0,\n",
            )
        ],
        "after git commit-tree#2",
        "same",
    ),
    "reached is said without a push": (
        [
            (
                "checkpoint/remotes.py",
                '        self._guarded(f"iteration {checkpoint.iteration}", checkpoint, timeout_s)\n',
                "        if checkpoint.iteration < 2:\n"
                '            self._guarded(f"iteration {checkpoint.iteration}", checkpoint, timeout_s)\n'
                '        return "reached"\n',
            )
        ],
        "after append journal.jsonl#24",
        "branch",
    ),
    "the oldest checkpoint is taken": (
        [("checkpoint/records.py", "sorted(found, key=age, reverse=True)", "sorted(found, key=age)")],
        "after git push#4",
        "branch",
    ),
    "an iteration that was paid for is done again": (
        [
            (
                "resume/choose.py",
                "        updated=new.updated,\n    )\n",
                "        updated=new.updated,\n        iteration=best.state.iteration - 1,\n"
                "        iterations=best.state.iterations[:-1],\n    )\n",
            )
        ],
        "after git commit-tree#2",
        "same",
    ),
    "the user's index is used": (
        [
            (
                "checkpoint/worktree.py",
                '            environment = {"GIT_INDEX_FILE": str(private)}\n            tip',
                "            environment: dict[str, str] = {}\n            tip",
            )
        ],
        "after git write-tree#3",
        "same",
    ),
    "uncommitted files are reset": (
        [
            (
                "checkpoint/worktree.py",
                '        ref = f"refs/heads/{branch}"\n        commit = start or',
                "        self.git.run('reset', '--quiet', '--hard')\n"
                '        ref = f"refs/heads/{branch}"\n        commit = start or',
            )
        ],
        "before git add#1",
        "same",
    ),
    "the stash is cleared": (
        [
            (
                "checkpoint/worktree.py",
                '        ref = f"refs/heads/{branch}"\n        commit = start or',
                "        self.git.run('stash', 'clear')\n"
                '        ref = f"refs/heads/{branch}"\n        commit = start or',
            )
        ],
        "before git add#1",
        "same",
    ),
}
"""What is broken: (file, text, the text instead), the point and the mode that show it."""

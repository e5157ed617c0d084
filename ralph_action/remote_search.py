"""The branch home as a resume finds it."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from ralph_action import tree
from ralph_action.branch_tip import fetch_tip
from ralph_action.checkpoint.reading import read_json
from ralph_action.claim import NAME
from ralph_action.errors import StateError
from ralph_action.lease import read_lease
from ralph_action.remote import Remotes
from ralph_action.resume.choose import Candidate
from ralph_action.resume.find import Found, search_folder
from ralph_action.resume.trailers import newest_branch, state_of_commit
from ralph_action.state import Checkpoint, TaskState

REMOTE_STATE = "refs/ralph-remote/state"
"""Where the vault keeps what it fetched."""


def search_branch(found: Found, new: TaskState, remotes: Remotes, scratch: Path) -> None:
    """Fetch the state ref; a candidate counts only when its commit is on the branch that it names."""
    vault = remotes.vault
    assert vault is not None  # noqa: S101  the caller has looked
    refs = remotes.ask_state(new.task, f"refs/heads/{new.branch}*")
    ref = remotes.state_ref
    if not ref:
        return
    folder = scratch / ".agent"
    read_state(remotes, folder)

    def refusal(state: TaskState, checkpoint: Checkpoint | None) -> str:
        commit = checkpoint.commit if checkpoint else ""
        if not commit:
            return ""
        ref = f"refs/heads/{state.branch}"
        head = refs.get(ref) or vault.remote_refs(remotes.url, remotes.token, [ref]).get(ref, "")
        if not head and tree.Here(remotes).has(commit):
            return ""
        if not head:
            return f"the branch {state.branch} is gone from the remote; its pull request can restore it"
        fetch_tip(remotes, vault, state.branch, head)
        if not vault.is_ancestor(commit, head):
            return f"{commit[:12]} is not on {state.branch}"
        if checkpoint and checkpoint.wip and not _has_wip(remotes, checkpoint.wip):
            return f"the files of the unfinished iteration, {checkpoint.wip[:12]}, are not on the remote"
        remotes.confirmed = head
        return ""

    search_folder(found, "branch", folder, ref, task=new.task, bare_states=False, refusal=refusal)


def _has_wip(remotes: Remotes, wip: str) -> bool:
    """Bring the remote's ref of unfinished work into the vault; whether it has a commit. Raises GitError."""
    vault = remotes.vault
    assert vault is not None  # noqa: S101  the caller has looked
    if not remotes.wip_ref:
        return False
    tree.fetch_wip(remotes)
    return vault.has(wip) and vault.is_ancestor(wip, tree.REMOTE_WIP)


def search_commits(found: Found, new: TaskState, remotes: Remotes) -> None:
    """Where no home has a valid state, the branch itself says how far the task is, in its last commit.

    Raises:
        GitError: the branch cannot be fetched.

    """
    vault, branch = remotes.vault, newest_branch(remotes.heads, new.branch)
    tip = remotes.heads.get(f"refs/heads/{branch}", "")
    if found.candidates or vault is None or not tip:
        return
    fetch_tip(remotes, vault, branch, tip)
    state = state_of_commit(vault.git.run("log", "-1", "--format=%B", tip), new, branch, tip)
    if state is None:
        return
    remotes.confirmed = tip
    folder = remotes.place.home / "found" / "commits" / ".agent"
    folder.mkdir(parents=True, exist_ok=True)
    found.candidates.append(Candidate(home="branch", where=branch, state=state, commit=tip, folder=folder))
    remotes.say(
        f"Resume: branch: {branch}: no home has a valid state; iterations, tokens and cost are taken from the last "
        f"checkpoint's commit, iteration {state.iteration}; the time that was worked is not known"
    )


def read_state(remotes: Remotes, folder: Path) -> None:
    """Bring the remote's state to a fresh folder, and see whose claim it holds. Raises GitError."""
    assert remotes.vault is not None  # noqa: S101  the caller has looked
    remotes.vault.fetch(remotes.url, remotes.token, [f"+{remotes.state_ref}:{REMOTE_STATE}"])
    shutil.rmtree(folder, ignore_errors=True)
    remotes.vault.check_out_state(remotes.state_parent, folder)
    remotes.found_lease = None
    with contextlib.suppress(StateError):
        remotes.found_lease = read_lease(read_json(folder / NAME))

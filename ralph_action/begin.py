"""The beginning of a run: search the homes, choose, restore, and say all of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ralph_action import tree
from ralph_action.branch_tip import refuse_foreign_branch
from ralph_action.checkpoint.agent_dir import AgentDir
from ralph_action.checkpoint.listing import set_aside
from ralph_action.checkpoint.reading import load
from ralph_action.checkpoint.segments import already_there
from ralph_action.checkpoint.withheld import without
from ralph_action.claim import lease_of
from ralph_action.errors import GitError, PushRejected, RalphError, StateError
from ralph_action.lease import why_refused
from ralph_action.ports import Clock
from ralph_action.remote import Remotes, Say
from ralph_action.remote_search import read_state, search_branch, search_commits
from ralph_action.resume.choose import Candidate, Choice, choose
from ralph_action.resume.find import Found, search_artifacts, search_folder
from ralph_action.resume.shelf import Shelf, bring_back
from ralph_action.state import Checkpoint, TaskState
from ralph_action.workplace import Workplace

FOREIGN = "foreign"
"""Lies in our home while the last state there may be of another machine's run, which may well be alive."""


def begin(new: TaskState, resume: str, place: Workplace, remotes: Remotes, agent_dir: AgentDir) -> Choice:
    """Decide what the run goes on from, and bring work tree and `.agent/` there.

    Raises:
        StateError: nothing valid is left but a state of a newer version; or `require` is not met.

    """
    found = Found()
    scratch = place.home / "found"
    _search(found, new, place, remotes, scratch)
    for note in found.notes:
        remotes.say(f"Resume: {note}")
    _refuse_newer(found)
    search_commits(found, new, remotes)
    _refuse_second_writer(found, new, remotes, is_foreign=(place.home / FOREIGN).exists())
    choice = choose(found.candidates, new, resume)
    best = choice.candidate
    if best is None:
        remotes.say(_beginning(choice))
        refuse_foreign_branch(choice.state, remotes)
        tree.start(choice.state, remotes)
        if choice.finished:
            (place.home / FOREIGN).touch()
            _keep_finished(found, agent_dir, choice.finished)
    else:
        for item in choice.left_behind:
            remotes.say(f"Resume: {item.home} ({item.where}) is left behind: another run has gone on without it")
        remotes.say(f"Resume: going on from {best.home} ({best.where}) after iteration {best.state.iteration}")
        if best.lacks:
            remotes.say(f"Resume: {without(best.lacks)}")
        choice = replace(choice, state=replace(choice.state, head_sha=tree.bring(best, choice.state, remotes)))
        if best.folder != agent_dir.path:
            (place.home / FOREIGN).touch()
            agent_dir.take_over(best.folder, best.checkpoint)
    names = _bring_back(best, found, agent_dir, remotes) if best is not None else ()
    remotes.sent = already_there(agent_dir.path, names)
    agent_dir.mirror_all()
    base = choice.state.base_sha or (remotes.worktree.head_sha() if remotes.worktree else "")
    return replace(choice, state=replace(choice.state, base_sha=base))


def _bring_back(best: Candidate, found: Found, agent_dir: AgentDir, remotes: Remotes) -> tuple[str, ...]:
    """Bring logs and older records back, which no resume needs; return the artifacts that hold what is here."""
    if best.home != "artifact" or found.shelf is None or best.checkpoint is None:
        return ()
    missing = bring_back(found.shelf, best.segments, agent_dir.path, best.checkpoint)
    if missing:
        count = f"{len(missing)} of {len(best.segments)} artifacts with older logs and records"
        remotes.say(f"Resume: {count} cannot be had; nothing else is missing. {missing[0]}")
    return (*best.segments, best.where)


def _search(found: Found, new: TaskState, place: Workplace, remotes: Remotes, scratch: Path) -> None:
    _search_local(found, new, place, remotes)
    unread = None
    if remotes.url and remotes.vault is not None:
        try:
            search_branch(found, new, remotes, scratch / "branch")
        except GitError as problem:
            found.refuse("branch", remotes.url, str(problem), is_damaged=False)
            unread = problem
    if remotes.artifacts is not None:
        try:
            listed = remotes.artifacts.listed(new.task)
        except RalphError as problem:
            found.refuse("artifact", "list", str(problem), is_damaged=False)
        else:
            search_artifacts(found, Shelf(listed, scratch), task=new.task, work=tree.Here(remotes))
    if unread is not None and remotes.context.is_actions and not found.candidates:
        raise unread  # to begin anew beside a task that is there would do all of it again


def _search_local(found: Found, new: TaskState, place: Workplace, remotes: Remotes) -> None:
    """Our copy, then the workspace's; what is damaged there is copied aside, as a later checkpoint may replace it."""
    ours, have = place.home / "agent", tree.Here(remotes).has

    def refusal(state: TaskState, checkpoint: Checkpoint | None) -> str:
        named = (checkpoint.commit, checkpoint.wip) if checkpoint else (state.head_sha,)
        lacking = [commit for commit in named if commit and remotes.worktree is not None and not have(commit)]
        return f"its commit {lacking[0][:12]} is not on this machine" if lacking else ""

    for folder, where, user in ((ours, "saved state", None), (place.workspace / ".agent", ".agent/", place.user)):
        is_found = search_folder(found, "local", folder, where, task=new.task, bare_states=True, refusal=refusal)
        if found.has_damaged("local"):
            for name in set_aside(folder, ours / "damaged", user):
                remotes.say(f"Resume: the damaged {name} is kept in .agent/damaged/")
        if is_found:
            return


def claim(state: TaskState, place: Workplace, remotes: Remotes, agent_dir: AgentDir, clock: Clock, lost: Say) -> None:
    """Claim the task; a push of this workspace's own last run, which has just landed, is no other writer.

    Raises:
        PushRejected: another run was faster.

    """
    try:
        remotes.claim(agent_dir, state, clock, lost)
    except PushRejected as problem:
        if not problem.moved:
            raise
        remotes.ask_state(state.task, f"refs/heads/{state.branch}")
        folder = place.home / "found" / "again" / ".agent"
        read_state(remotes, folder)
        states, _ = load(folder, bare_states=True)
        mine = lease_of(state, remotes.context)
        is_free = not why_refused(remotes.found_lease, mine, None, clock.now(), remotes.is_over)
        if not is_free or not states or states[0][0].sequence >= state.sequence:
            raise
        remotes.claim(agent_dir, state, clock, lost)


def _refuse_newer(found: Found) -> None:
    """A state of a newer version is never begun over."""
    newer = [note for note in found.notes if "this version reads up to" in note]
    if newer and not found.candidates:
        raise StateError(newer[0])


def _refuse_second_writer(found: Found, new: TaskState, remotes: Remotes, *, is_foreign: bool) -> None:
    """Another run's live claim refuses the start; a lapsed one, or one of a run that is over, is taken over."""
    local = next((item.state for item in found.candidates if item.home == "local" and not is_foreign), None)
    mine = lease_of(new, remotes.context)
    why = why_refused(remotes.found_lease, mine, local, new.updated, remotes.is_over)
    if why:
        raise StateError(
            f"The task `{new.task}` is taken: {why}.",
            remedy="Wait for it, cancel it, or choose another `task`; a claim that is not renewed lapses by itself.",
        )


def _beginning(choice: Choice) -> str:
    if choice.finished:
        return (
            f"Resume: generation {choice.finished} of `{choice.state.task}` is over; "
            f"generation {choice.state.generation} begins on {choice.state.branch}"
        )
    return f"Resume: nothing found; the task `{choice.state.task}` begins on {choice.state.branch}"


def _keep_finished(found: Found, agent_dir: AgentDir, finished: int) -> None:
    """Carry the finished generation's `.agent/` over, then set its records aside."""
    best = max(found.candidates, key=lambda item: item.state.sequence)
    if best.folder != agent_dir.path:
        agent_dir.take_over(best.folder, best.checkpoint)
    agent_dir.begin_generation(finished)

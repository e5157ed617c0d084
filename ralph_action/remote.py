"""The homes off this machine as a run has them: which are on, and what they are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ralph_action.artifact_folder import FolderArtifacts
from ralph_action.artifacts import Artifacts, Place, RunStore, ServiceArtifacts
from ralph_action.checkpoint.agent_dir import AgentDir
from ralph_action.checkpoint.artifact_home import ArtifactHome
from ralph_action.checkpoint.bundles import heads
from ralph_action.checkpoint.homes import Remote
from ralph_action.checkpoint.locks import clear_all, clear_stale
from ralph_action.checkpoint.remotes import (
    BranchHome,
    Stand,
    state_branch,
    state_ref,
    wip_branch,
    wip_ref,
)
from ralph_action.checkpoint.segments import Sent
from ralph_action.checkpoint.vault import Vault
from ralph_action.checkpoint.worktree import Worktree
from ralph_action.claim import FileClaim, lease_of, process_is_over
from ralph_action.errors import GitError, PushRejected
from ralph_action.github.context import Context
from ralph_action.lease import Lease
from ralph_action.network import proxies_of, vault_environment
from ralph_action.ports import Clock
from ralph_action.retry import retried
from ralph_action.settings import Settings
from ralph_action.state import Checkpoint, TaskState
from ralph_action.workplace import Workplace

Say = Callable[[str], None]


@dataclass(slots=True, kw_only=True)
class Remotes:
    """The workspace's git, the vault and the artifact service, each None when it is off."""

    settings: Settings
    context: Context
    place: Workplace
    say: Say
    worktree: Worktree | None = None
    vault: Vault | None = None
    url: str = ""
    """Where the branch home is; empty when it is off."""
    token: str = ""
    artifacts: Artifacts | None = None
    confirmed: str = ""
    """The last commit of the task's branch that the remote is known to hold."""
    state_parent: str = ""
    """The remote's present state commit, which the next one must follow."""
    state_ref: str = ""
    """The ref that has it; empty when there is none yet."""
    heads: Mapping[str, str] = field(default_factory=dict)
    """The remote's refs of the task, as it told them."""
    wip_ref: str = ""
    """The ref that has the files of an unfinished iteration; empty when there is none."""
    found_lease: Lease | None = None
    """The claim that was found on the remote."""
    has_answered: bool = False
    """Whether the remote has said where the state stands."""
    outputs: dict[str, str] = field(default_factory=dict)
    sent: Sent = field(default_factory=Sent)
    """What the artifacts of earlier runs hold."""
    _branch: BranchHome | None = None

    def facts(self) -> Mapping[str, str]:
        """The outputs that only the artifact home knows."""
        return dict(self.outputs)

    def ask_state(self, task: str, branches: str) -> Mapping[str, str]:
        """Ask the remote for the task's state and for branches; remember where the state is. Raises GitError."""
        vault = self.vault
        if vault is None or not self.url:
            return {}
        patterns = [state_ref(task), state_branch(task), wip_ref(task), wip_branch(task), branches]
        refs = retried(lambda: vault.remote_refs(self.url, self.token, patterns))
        self.has_answered = True
        self.state_ref = next((ref for ref in (state_ref(task), state_branch(task)) if ref in refs), "")
        self.state_parent = refs.get(self.state_ref, "")
        self.heads = refs
        self.wip_ref = next((ref for ref in (wip_ref(task), wip_branch(task)) if ref in refs), "")
        return refs

    def homes(self, agent_dir: AgentDir, state: TaskState, clock: Clock) -> list[Remote]:
        """The remote homes in the order of publishing: with the push confirmed the artifact needs no bundle."""
        homes: list[Remote] = []
        if self._branch is not None:
            homes.append(self._branch)
        if self.artifacts is not None:
            homes.append(
                ArtifactHome(
                    agent_dir.path,
                    self.place.home / "scratch",
                    RunStore(self.artifacts, Place(state.task, state.run_id, state.run_attempt), self.outputs),
                    self._bundle if self.worktree is not None and self.settings.git else None,
                    state.base_sha,
                    sent=self.sent,
                    gap_s=self.artifacts.gap_s,
                    monotonic=clock.monotonic,
                    say=self.say,
                )
            )
        return homes

    def claim(self, agent_dir: AgentDir, state: TaskState, clock: Clock, lost: Say) -> None:
        """Say on the remote that this run has the task, before money is spent (invariant: one writer).

        Args:
            agent_dir: the `.agent/` that counts.
            state: the run's own.
            clock: for the claim's deadline.
            lost: told why, when another writer turns out to have the task.

        Raises:
            PushRejected: another run was faster.

        """
        if self.vault is None or not self.url:
            return
        if not self.has_answered:
            self.say("The branch home is off in this run: the remote did not answer, so the task cannot be claimed.")
            return
        branch = BranchHome(
            self.vault,
            (self.url, self.token),
            state.task,
            agent_dir.path,
            FileClaim(agent_dir.path, lease_of(state, self.context), clock, lost),
            Stand(
                ref=self.state_ref or state_ref(state.task),
                state=self.state_parent,
                branch=state.branch,
                tip=self.heads.get(f"refs/heads/{state.branch}", ""),
                base=state.base_sha,
                head=state.head_sha,
                wip_ref=self.wip_ref or wip_ref(state.task),
                wip=self.heads.get(self.wip_ref, ""),
            ),
            self.say,
        )
        try:
            branch.claim()
        except PushRejected as problem:
            if problem.moved:
                raise
            self.say(f"The branch home is off: {problem}")
        except GitError as problem:
            self.say(f"The branch home did not answer; it is tried again at each checkpoint: {problem}")
            self._branch = branch
        else:
            self._branch = branch

    def is_over(self, lease: Lease) -> bool:
        """Whether the run that made a claim is known to have ended: asked of this machine, or of the API."""
        if process_is_over(lease):
            return True
        if self.artifacts is None or not lease.run_id.isdecimal():
            return False
        return self.artifacts.run_is_over(lease.run_id, lease.run_attempt)

    def clear_locks(self) -> None:
        """Take away what killed git commands of an earlier run left locked; the task's lock is ours."""
        if self.vault is not None:
            clear_all(self.vault.path)
        if self.worktree is not None and self.settings.git:
            names = ("index", "HEAD", "config", "packed-refs", f"refs/heads/{self.settings.branch}")
            git_dir = self.worktree.path("index").parent
            for name in clear_stale(git_dir, names, self.worktree.root, self.worktree.user):
                self.say(f"A git command that is gone had left {name} behind; it was removed.")

    def _bundle(self, into: Path, checkpoint: Checkpoint, base: str) -> None:
        assert self.worktree is not None  # noqa: S101  asked for only when it is there
        aside = wip_ref(self.settings.task) if checkpoint.wip else ""
        self.worktree.bundle(into, checkpoint.branch, base, aside)
        wanted = checkpoint.wip or checkpoint.commit
        if not any(self.worktree.is_ancestor(wanted, head) for head in heads(into)):
            raise GitError(f"{checkpoint.branch} was moved; its next checkpoint goes up with all of its commits.")

    def settle(self, state: TaskState) -> None:
        """What need not be there before the agent: base and last checkpoint in the vault, the branch's upstream."""
        if self.vault is None or not self.url:
            return
        if state.base_sha:
            self.vault.take_base(state.base_sha)
        if state.head_sha and state.head_sha != self.confirmed:
            self.vault.take(state.head_sha, self.confirmed or state.base_sha)
        if self.worktree is not None:
            self.worktree.follow_origin(state.branch)

    def close(self) -> None:
        if self.artifacts is not None:
            self.artifacts.close()


def connect(settings: Settings, context: Context, env: Mapping[str, str], place: Workplace, say: Say) -> Remotes:
    """Find out which homes this run has; each that is off is said in one line."""
    remotes = Remotes(settings=settings, context=context, place=place, say=say)
    worktree = Worktree(place.workspace, place.user, place.environment)
    if worktree.is_repository():
        remotes.worktree = worktree
    if settings.git and remotes.worktree is not None:
        remotes.token = settings.github_token.reveal()
        remotes.vault = Vault(place.home / "vault.git", vault_environment(env, place), worktree)
        remotes.url = _remote_url(context, worktree)
        if not remotes.url:
            say("The branch home is off: the repository has no remote named origin.")
        elif context.is_actions and not remotes.token:
            say("The branch home is off: `github-token` is empty.")
            remotes.url = ""
    remotes.artifacts = _artifacts(settings, context, env, say)
    return remotes


def _artifacts(settings: Settings, context: Context, env: Mapping[str, str], say: Say) -> Artifacts | None:
    if not settings.artifact:
        return None
    if folder := env.get("RALPH_ARTIFACT_FOLDER"):
        return FolderArtifacts(Path(folder))
    proxies = proxies_of(env)
    token = settings.github_token.reveal()
    days, run = settings.artifact_retention_days, settings.named_run
    service = ServiceArtifacts(context, token or context.api_token, days, proxies, say, named_run=run)
    if service.off:
        say(f"The artifact home is off: {service.off}")
        if not service.can_read:
            return None
    return service


def _remote_url(context: Context, worktree: Worktree) -> str:
    """In CI the repository that the runner names; elsewhere `origin` of the workspace.

    The workspace's configuration is the agent's to change, so it is never asked where the token goes.
    """
    if context.is_actions and context.repository:
        return f"{context.server_url}/{context.repository}.git"
    url = worktree.remote_url("origin")
    if url.startswith(("./", "../")):  # relative to the repository, and we push from another one
        return str((worktree.root / url).resolve())
    return url

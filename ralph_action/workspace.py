"""The loop's questions to the files: has anything changed, and do the user's commands pass?"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ralph_action.agents.process import How, run_child
from ralph_action.checkpoint.worktree import Worktree
from ralph_action.errors import RalphError
from ralph_action.policy import boxes
from ralph_action.ports import Call, Prompts, Stop, User
from ralph_action.state import MAX_FAILURE, TaskState


class WorkspaceFiles:
    """Progress is measured by the tree, the commit and the prompt's boxes; verify runs as the agent's user."""

    def __init__(
        self,
        worktree: Worktree | None,
        prompts: Prompts,
        verify: Sequence[str],
        run_verify: Callable[[str, TaskState], str],
    ) -> None:
        """Know the parts; without a work tree progress is not measured."""
        self._worktree = worktree
        self._prompts = prompts
        self._verify = verify
        self._run_verify = run_verify

    def progress(self) -> str:
        if self._worktree is None:
            return ""
        try:
            # Our own checkpoints are no progress of the agent's.
            tree, head = self._worktree.present_tree(), self._worktree.newest_of_others()
        except (RalphError, OSError):
            return ""  # it is not known: then nothing is stagnation
        ticked, _ = boxes(self._prompts.read())
        return f"{tree} {head} {ticked}"

    def is_half(self, state: TaskState) -> bool:
        """Whether the files hold uncommitted work that came after the state's last iteration."""
        if self._worktree is None or not state.progress:
            return False
        try:
            is_committed = self._worktree.git.run("rev-parse", "HEAD^{tree}") == self._worktree.present_tree()
        except (RalphError, OSError):
            return False
        return not is_committed and self.progress() not in {"", state.progress}

    def verify(self, state: TaskState) -> str | None:
        if not self._verify:
            return None
        for command in self._verify:
            if failure := self._run_verify(command, state):
                return failure
        return ""


def verifier(
    *,
    workspace: Path,
    environment: Mapping[str, str],
    user: User | None,
    timeout_s: float,
    new_log: Callable[[int], Path],
    stop: Stop,
    show: Callable[[str], None],
) -> Callable[[str, TaskState], str]:
    """What runs one of the user's commands as the agent's user, without secrets; it returns what failed."""

    def run(command: str, state: TaskState) -> str:
        lines: deque[str] = deque(maxlen=100)

        def take(line: bytes) -> None:
            text = line.decode("utf-8", errors="replace")
            lines.append(text)
            show(text)

        call = Call(
            prompt="",
            prompt_file=workspace,
            workspace=workspace,
            iteration=state.iteration,
            environment=environment,
            log=new_log(state.iteration),
            timeout_s=timeout_s,
            user=user,
        )
        # The shell's two streams are one, so that the failure reads as it would on a terminal.
        end = run_child(["/bin/bash", "-c", f"exec 2>&1\n{command}"], call=call, stop=stop, stdin=b"", on_line=take)
        if end.how is How.EXITED and end.exit_code == 0:
            return ""
        why = f"was ended after {timeout_s:.0f} s" if end.how is How.TIMEOUT else f"exit code {end.exit_code}"
        return f"$ {command}\n" + "\n".join(lines)[-MAX_FAILURE // 2 :] + f"\n({why})"

    return run

"""The one place that speaks to git: commands with a built environment as a given user, and GitPython for reading.

Why commands are not run through GitPython: `docs/decisions/0001-git.md`.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path

from ralph_action.children import start
from ralph_action.disk import full, git_ran_out_of_room
from ralph_action.durable import step
from ralph_action.errors import GitError
from ralph_action.identity import identity
from ralph_action.ports import User

TIMEOUT_S = 600.0
DURABLE = frozenset({"add", "write-tree", "commit-tree", "update-ref", "symbolic-ref", "read-tree", "push", "bundle"})
"""Commands that make something durable: they have names for the crash harness."""
MAX_FILE_BYTES = 64 * 1024 * 1024
PLAIN_MODES = (0o100644, 0o100755)
IDENTITY = ("github-actions[bot]", "41898282+github-actions[bot]@users.noreply.github.com")
"""The bot's public identity (actions/checkout and git-auto-commit-action use the same)."""


def pinned(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Configuration for one call, through the environment: `ps` does not show it, and it outranks files."""
    env = {"GIT_CONFIG_COUNT": str(len(pairs))}
    for number, (key, value) in enumerate(pairs):
        env[f"GIT_CONFIG_KEY_{number}"] = key
        env[f"GIT_CONFIG_VALUE_{number}"] = value
    return env


_running: set[int] = set()


def end_running() -> None:
    """End the commands that still run: a push that outlives us would land beside the next run's."""
    for pid in tuple(_running):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)


class Git:
    """Runs git in one directory; a child gets the environment that is built here and nothing else."""

    def __init__(
        self,
        directory: Path,
        environment: Mapping[str, str],
        *,
        user: User | None = None,
        config: Sequence[tuple[str, str]] = (),
    ) -> None:
        self.directory = directory
        self.user = user
        self.config = list(config)
        self.environment = {
            "GIT_TERMINAL_PROMPT": "0",
            "LC_ALL": "C",
            "GIT_AUTHOR_NAME": IDENTITY[0],
            "GIT_AUTHOR_EMAIL": IDENTITY[1],
            "GIT_COMMITTER_NAME": IDENTITY[0],
            "GIT_COMMITTER_EMAIL": IDENTITY[1],
            **environment,
        }

    def run(
        self, *args: str, stdin: bytes | None = None, timeout_s: float = TIMEOUT_S, env: Mapping[str, str] | None = None
    ) -> str:
        """Run a command; return its output without the last newline.

        Raises:
            GitError: it failed, or took longer than `timeout_s` (then transient).
            DiskError: there was no room.

        """
        code, out, err = self.attempt(*args, stdin=stdin, timeout_s=timeout_s, env=env)
        if code:
            raise GitError(f"git {args[0]} failed ({code}): {last_lines(err or out)}")
        return out.decode("utf-8", errors="surrogateescape").removesuffix("\n")

    def succeeds(self, *args: str) -> bool:
        """Whether a command exits with 0."""
        return self.attempt(*args)[0] == 0

    def attempt(
        self, *args: str, stdin: bytes | None = None, timeout_s: float = TIMEOUT_S, env: Mapping[str, str] | None = None
    ) -> tuple[int, bytes, bytes]:
        """Run a command; return exit code, stdout and stderr.

        Raises:
            DiskError: there was no room, which `add --ignore-errors` would pass over: the commit would lack files.

        """
        with step(f"git {args[0]}") if args[0] in DURABLE else nullcontext():
            code, out, err = self._attempt(args, stdin, timeout_s, env)
        if code and git_ran_out_of_room(err, self.directory):
            raise full(self.directory)
        return code, out, err

    def _attempt(
        self, args: Sequence[str], stdin: bytes | None, timeout_s: float, env: Mapping[str, str] | None
    ) -> tuple[int, bytes, bytes]:
        process = self.start(*args, stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL, env=env)
        _running.add(process.pid)
        try:
            out, err = process.communicate(stdin, timeout=timeout_s)
        except subprocess.TimeoutExpired as problem:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            message = f"git {args[0]} took longer than {timeout_s:.0f} s and was ended."
            raise GitError(message, transient=True) from problem
        finally:
            _running.discard(process.pid)
        return process.returncode, out, err

    def start(
        self, *args: str, stdin: int, stdout: int = subprocess.PIPE, env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a command in a session of its own, for pipes and timeouts."""
        config = pinned(self.config) if self.config else {}
        return start(
            ["git", *args],
            cwd=self.directory,
            env={**self.environment, **config, **(env or {})},
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            start_new_session=True,
            **identity(self.user),
        )


def plain_files(git_dir: Path, commit: str) -> Iterator[tuple[str, bytes]]:
    """Read a commit's files from a repository of ours: name and content; links and oddly named files are left out.

    Raises:
        GitError: the commit cannot be read, or holds a file beyond MAX_FILE_BYTES.

    """
    import git  # slow to import, and needed at a resume alone

    try:
        with git.Repo(git_dir, odbt=git.GitCmdObjectDB) as repository:
            for item in repository.commit(commit).tree.traverse():
                if not isinstance(item, git.Blob) or item.mode not in PLAIN_MODES:
                    continue
                if {"", ".", ".."} & set(str(item.path).split("/")):
                    continue
                if item.size > MAX_FILE_BYTES:
                    raise GitError(
                        f"{item.path} in {commit[:12]} has {item.size} bytes, which is too much for a state."
                    )
                yield str(item.path), item.data_stream.read()
    except (git.GitError, ValueError, OSError) as problem:
        raise GitError(f"{commit[:12]} cannot be read: {problem}") from problem


def last_lines(output: bytes, count: int = 6) -> str:
    """The end of a command's output, for a message."""
    lines = [line for line in output.decode("utf-8", errors="replace").splitlines() if line.strip()]
    return " / ".join(lines[-count:])


def pipe(source: Git, source_args: Sequence[str], stdin: bytes, target: Git, target_args: Sequence[str]) -> None:
    """Let one command's output be another's input, without passing through our memory.

    Raises:
        GitError: either failed.

    """
    with step(f"git {target_args[0]}"):
        _pipe(source, source_args, stdin, target, target_args)


def _pipe(source: Git, source_args: Sequence[str], stdin: bytes, target: Git, target_args: Sequence[str]) -> None:
    first = source.start(*source_args, stdin=subprocess.PIPE)
    assert first.stdin is not None  # noqa: S101  both are pipes
    assert first.stdout is not None  # noqa: S101
    try:
        second = target.start(*target_args, stdin=first.stdout.fileno())
    finally:
        first.stdout.close()
        first.stdout = None
    try:
        first.stdin.write(stdin)
        first.stdin.close()
    except BrokenPipeError:
        pass
    finally:
        first.stdin = None
    _, second_err = second.communicate(timeout=TIMEOUT_S)
    _, first_err = first.communicate(timeout=TIMEOUT_S)
    if (first.returncode or second.returncode) and git_ran_out_of_room(second_err or b"", target.directory):
        raise full(target.directory)
    for process, args, err in ((first, source_args, first_err), (second, target_args, second_err)):
        if process.returncode:
            raise GitError(f"git {args[0]} failed ({process.returncode}): {last_lines(err or b'')}")

"""Pure: what a remote's refusal means, and what the user can do (reference: what GitHub answers to a push)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ralph_action.errors import GitError, PushRejected

MOVED = re.compile(r"fetch first|non-fast-forward|stale info|cannot lock ref|failed to update ref|incorrect old value")
TRANSIENT = re.compile(
    r"HTTP 5\d\d|error: 5\d\d|RPC failed|timed? ?out|Connection reset|Could not resolve|Connection refused"
    r"|early EOF|unexpected disconnect|hung up|Empty reply",
    re.IGNORECASE,
)
REMEDIES = (
    (
        r"without .{0,3}workflows.{0,3} permission",
        "workflow files",
        "Keep changes of .github/workflows out of the task.",
    ),
    (r"GH006|protected branch", "a protected branch", "Choose another `branch`."),
    (r"PUSH PROTECTION|Push cannot contain secrets", "a secret in the commit", "Remove the secret from the files."),
    (r"GH013|rule violations", "a repository rule", "Choose a `branch` that the rules allow."),
    (r"exceeds GitHub's file size limit|GH001", "a file over 100 MB", "Ignore the file or use Git LFS."),
    (
        r"403|denied to|Write access to repository not granted|not granted",
        "missing permission",
        "Give the job `permissions: contents: write`; a fork's pull request never has it.",
    ),
    (
        r"401|Authentication failed|could not read Username|Invalid username or password",
        "no valid credentials",
        "Check `github-token`.",
    ),
)


def refused(command: Sequence[str], code: int, out: str, err: str) -> GitError:
    """Turn a failed remote command into an error that says what to change."""
    verb = next(word for word in command if word in {"push", "fetch", "ls-remote"})
    text = f"{out}\n{err}"
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith(("To ", "Done", "\t", "="))]
    said = " / ".join(lines[-4:])[:600]
    if verb == "push" and MOVED.search(text):
        return PushRejected(
            f"The push was rejected: another run moved the task's refs ({said}).",
            remedy="Only one run may work on a task; set `concurrency` in the workflow, or choose another `task`.",
            moved=True,
        )
    for pattern, what, remedy in REMEDIES:
        if re.search(pattern, text, re.IGNORECASE):
            kind = PushRejected if verb == "push" else GitError
            return kind(f"The remote refused the {verb}: {what} ({said}).", remedy=remedy)
    transient = TRANSIENT.search(text) is not None
    if verb == "push" and not transient and "rejected" in text:
        return PushRejected(f"The remote refused the push ({said}).", of_ref=True)
    return GitError(f"git {verb} failed ({code}): {said}", transient=transient)

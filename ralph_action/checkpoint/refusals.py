"""Pure: what a remote's refusal means, and what the user can do (reference: what GitHub answers to a push)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ralph_action.errors import GitError, PushRejected

STATUS = re.compile(r"^\s*!\s+(?P<refs>.*?)\s*\[(?P<by>remote )?rejected\]\s*(?P<rest>.*)$", re.MULTILINE)
"""What git says of a ref that was not moved; only these lines are git's own, the others may quote file names."""
OURS = ("refs/heads/ralph-state/", "refs/heads/ralph-wip/")
"""Branches that only runs push to."""
MOVED = re.compile(
    r"fetch first|non-fast-forward|stale info|but expected|failed to update ref|incorrect old value"
    r"|reference already exists"
)
TRANSIENT = re.compile(
    r"HTTP 5\d\d|error: 5\d\d|HTTP 429|error: 429|RPC failed|timed? ?out|Connection reset|Could not resolve"
    r"|Connection refused|Failed to connect|early EOF|unexpected disconnect|hung up|Empty reply|Recv failure"
    r"|Unable to create '[^']*\.lock'",
    re.IGNORECASE,
)
SECRETS = re.compile(r"PUSH PROTECTION|Push cannot contain secrets")
LOCATION = re.compile(r"commit: (?P<commit>[0-9a-f]{40,64})\s+path: (?P<path>\S.*?):\d+\s*$", re.MULTILINE)
WORKFLOWS = re.compile(
    r"refusing to allow .* to create or update workflow .* without .{0,3}workflows?.{0,3} (permission|scope)"
)
REMEDIES = (
    (
        r"exists; cannot create|directory file conflict",
        "a branch with a part of its name is in the way",
        "Choose another `branch`, or rename the one that is named here.",
    ),
    (
        r"GH006|protected branch",
        "a protected branch",
        "Choose another `branch`, or let the token's owner push to this one in the branch's protection.",
    ),
    (
        r"exceeds GitHub's file size limit|GH001",
        "a file over 100 MB",
        "Ignore the file or use Git LFS.",
    ),
    (
        r"GH013|rule violations",
        "a repository rule",
        "Choose a `branch` that the rules allow, or let the token's owner bypass them.",
    ),
    (
        r"archived so it is read-only",
        "the repository is archived",
        "Unarchive it in its settings.",
    ),
    (
        r"Repository not found|repository '[^']*' not found|error: 404|does not appear to be a git repository",
        "there is no such repository, or the token may not see it",
        "Check that the repository is there and that `github-token` is for it, with `contents: write`.",
    ),
    (
        r"(error:|HTTP) 403|denied to|not granted",
        "missing permission",
        "Give the job `permissions: contents: write`; a fork's pull request never has it.",
    ),
    (
        r"(error:|HTTP) 401|Authentication failed|could not read (Username|Password)"
        r"|Invalid username or (password|token)",
        "no valid credentials, or they have expired",
        "Check `github-token`; a job's own token ends with the job, an App's after one hour.",
    ),
)
NOISE = re.compile(
    r"^(To |Done$|error: failed to push some refs|hint:|=|—|\(\?\)|https?://|Review all|Updating|POST |$)"
    r"|atomic push failed|atomic transaction failed|bad line length character"
)
"""What says nothing of the cause; the last is git's own trouble with its own refusal."""


def refused(command: Sequence[str], code: int, out: str, err: str) -> GitError:
    """Turn a failed remote command into an error that says what to change."""
    verb = next(word for word in command if word in {"push", "fetch", "ls-remote"})
    own = "\n".join(line for line in f"{out}\n{err}".splitlines() if STATUS.match(line))
    text = "\n".join(line.removeprefix("remote:") for line in f"{out}\n{err}".splitlines())
    said = _said(text)
    if verb == "push":
        of_refs = " ".join(match["rest"] for match in STATUS.finditer(own))
        # an atomic push says of each ref only that the whole failed; what failed is above
        if MOVED.search(text if "atomic transaction failed" in of_refs else of_refs):
            return _moved(own, said)
        if withheld := _withheld(text, said):
            return withheld
    for pattern, what, remedy in REMEDIES:
        if re.search(pattern, text, re.IGNORECASE):
            kind = PushRejected if verb == "push" else GitError
            return kind(f"The remote refused the {verb}: {what} ({said}).", remedy=remedy)
    transient = TRANSIENT.search(text) is not None
    if verb == "push" and not transient and own:
        return PushRejected(
            f"The remote refused the push ({said}).",
            remedy="Ask whoever runs the server what its hooks want, or choose another `branch`.",
            of_ref=True,
        )
    remedy = "It is tried again." if transient else "Check the repository's address and the network."
    return GitError(f"git {verb} failed ({code}): {said}.", remedy=remedy, transient=transient)


def _moved(text: str, said: str) -> PushRejected:
    """Another writer was faster; which of the refs tells who."""
    refs = [match["refs"].split(":")[-1] for match in STATUS.finditer(text) if MOVED.search(match["rest"])]
    if refs and all(ref.startswith("refs/heads/") and not ref.startswith(OURS) for ref in refs):
        branch = refs[0].removeprefix("refs/heads/")
        return PushRejected(
            f"The push was rejected: somebody pushed to {branch} what is not in our work ({said}).",
            remedy=f"Bring the two together (`git fetch`, `git merge`), push {branch}, and run again.",
            moved=True,
        )
    return PushRejected(
        f"The push was rejected: another run moved the task's refs ({said}).",
        remedy="Only one run may work on a task; set `concurrency` in the workflow, or choose another `task`.",
        moved=True,
    )


def _withheld(text: str, said: str) -> PushRejected | None:
    """A refusal that is over when some files are left out of what is pushed."""
    if SECRETS.search(text):
        places = frozenset((match["commit"], match["path"]) for match in LOCATION.finditer(text))
        named = ", ".join(sorted({path for _, path in places})) or said
        return PushRejected(
            f"The remote refused the push: a secret in the commit ({named}).",
            remedy="Remove the secret from the files, and revoke it: it has been in the agent's hands.",
            secrets=places,
        )
    if WORKFLOWS.search(text):
        return PushRejected(
            f"The remote refused the push: workflow files ({said}).",
            remedy="Keep changes of .github/workflows out of the task, or use a token that has `workflows: write`.",
            workflows=True,
        )
    return None


def _said(text: str) -> str:
    """The server's own words that matter, on one line."""
    lines = [" ".join(STATUS.sub(_of_ref, line).split()) for line in text.splitlines()]
    kept = list(dict.fromkeys(line for line in lines if not NOISE.search(line)))
    return " / ".join(kept[-6:])[:600].rstrip(".")


def _of_ref(status: re.Match[str]) -> str:
    return f"{status['refs'].split(':')[-1]} {status['rest']}"

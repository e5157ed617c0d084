"""What a remote's words mean, and what is left out of the next push for them."""

from __future__ import annotations

import pytest

from ralph_action.checkpoint.refusals import refused
from ralph_action.checkpoint.withheld import WORKFLOWS, LeftOut, grown, standing, without
from ralph_action.errors import PushRejected

RULES = "push declined due to repository rule violations"
PROTECTION = """\
remote: error: GH013: Repository rule violations found for refs/heads/b.
remote:
remote: - GITHUB PUSH PROTECTION
remote:   —————————————————————————————————————————
remote:     Resolve the following violations before pushing again
remote:
remote:     - Push cannot contain secrets
remote:
remote:      (?) Learn how to resolve a blocked push
remote:      https://docs.github.com/code-security/secret-scanning/resolving-a-blocked-push
remote:
remote:       —— GitHub Personal Access Token ——————————————————————
remote:        locations:
remote:          - commit: 5477a7dd26384ed3c8b3814ee677f755ad27a597
remote:            path: src/api/a b:c.ts:34
remote:          - commit: 5477a7dd26384ed3c8b3814ee677f755ad27a597
remote:            path: .env:1
remote:
remote:        (?) To push, remove secret from commit(s) or follow this URL to allow the secret.
remote:        https://github.com/o/r/security/secret-scanning/unblock-secret/2gak
To https://github.com/o/r
!\tc1:refs/heads/b\t[remote rejected] (push declined due to repository rule violations)
!\tc2:refs/ralph/t/state\t[remote rejected] (atomic transaction failed)
error: failed to push some refs to 'https://github.com/o/r'
"""
REFUSING = "refusing to allow {} to create or update workflow `.github/workflows/a.yml` without {}"
APP = REFUSING.format("a GitHub App", "`workflows` permission")
OAUTH = REFUSING.format("an OAuth App", "`workflow` scope")
PAT = REFUSING.format("a Personal Access Token", "`workflow` scope")
ATOMIC = "!\tc1:refs/heads/b\t[remote rejected] (atomic transaction failed)"


@pytest.mark.parametrize(
    ("text", "said", "moved", "transient"),
    [
        ("! [rejected] a -> b (fetch first)", "another run", True, False),
        ("! [rejected] a -> b (non-fast-forward)", "another run", True, False),
        ("!\tc:refs/heads/b\t[rejected] (non-fast-forward)", "somebody pushed to b", True, False),
        ("!\tc:refs/ralph/t/state\t[rejected] (fetch first)", "another run", True, False),
        ("!\tc:refs/heads/ralph-state/t\t[rejected] (fetch first)", "another run", True, False),
        (
            f"remote: error: cannot lock ref 'refs/heads/b': is at 1 but expected 2\n{ATOMIC}",
            "another run",
            True,
            False,
        ),
        (
            f"remote: error: cannot lock ref 'refs/heads/b': 'refs/heads/x' exists; cannot create\n{ATOMIC}",
            "in the way",
            False,
            False,
        ),
        (
            f"remote: error: cannot lock ref 'r': Unable to create '/r.lock': File exists\n{ATOMIC}",
            "git push failed",
            False,
            True,
        ),
        (
            f"remote:   path: fetch first.md:1\n!\tc:r\t[remote rejected] ({RULES})\nGH013",
            "a repository rule",
            False,
            False,
        ),
        ("remote: error: GH006: Protected branch update failed", "a protected branch", False, False),
        ("!\tc:refs/heads/b\t[remote rejected] (protected branch hook declined)", "a protected branch", False, False),
        ("fatal: unable to access: The requested URL returned error: 403", "contents: write", False, False),
        ("remote: Permission to o/r.git denied to github-actions[bot].", "contents: write", False, False),
        ("remote: This repository was archived so it is read-only.\nerror: 403", "Unarchive", False, False),
        ("remote: Repository not found.\nfatal: repository 'u' not found", "no such repository", False, False),
        ("fatal: could not read Username for 'u': terminal prompts disabled", "expired", False, False),
        ("fatal: Authentication failed for 'u'", "expired", False, False),
        ("error: RPC failed; HTTP 502", "git push failed", False, True),
        ("fatal: unable to access 'u': The requested URL returned error: 503", "git push failed", False, True),
        ("fatal: unable to access: Connection reset by peer", "git push failed", False, True),
        ("fatal: the remote end hung up upon initial contact of a403401", "git push failed", False, True),
        (
            "remote: error: File a.bin is 120.00 MB; this exceeds GitHub's file size limit of 100.00 MB",
            "100 MB",
            False,
            False,
        ),
    ],
)
def test_refusals_say_what_to_change(text: str, said: str, moved: bool, transient: bool) -> None:
    """By the server's own words, and never by a file's name."""
    problem = refused(["push"], 1, "", text)
    assert said in str(problem)
    assert problem.remedy
    assert getattr(problem, "moved", False) is moved
    assert problem.transient is transient


def test_the_places_of_secrets_are_read() -> None:
    """Commit and path, without the line; nothing of the noise is said."""
    problem = refused(["push"], 1, "", PROTECTION)
    assert isinstance(problem, PushRejected)
    commit = "5477a7dd26384ed3c8b3814ee677f755ad27a597"
    assert problem.secrets == {(commit, "src/api/a b:c.ts"), (commit, ".env")}
    assert str(problem).startswith("The remote refused the push: a secret in the commit (.env, src/api/a b:c.ts).")
    assert "unblock" not in str(problem)
    assert not problem.moved


@pytest.mark.parametrize("words", [APP, OAUTH, PAT])
def test_workflow_refusals_are_known_of_every_token(words: str) -> None:
    problem = refused(["push"], 1, f"!\tc1:refs/heads/b\t[remote rejected] ({words})", "")
    assert isinstance(problem, PushRejected)
    assert problem.workflows


def test_what_a_refusal_leaves_out() -> None:
    """Paths of the state's commit are the state's; what a resume needs is never left out."""
    places = frozenset({("work", "env"), ("state", "prompts/p.md"), ("state", "metrics/state_1.json")})
    once = grown(LeftOut(), PushRejected("x", secrets=places), "state")
    assert once == LeftOut(frozenset({"env"}), frozenset({"prompts/p.md"}))
    assert grown(once, PushRejected("x", secrets=places), "state") == once
    assert grown(once, PushRejected("x", workflows=True), "state").work == {"env", WORKFLOWS}
    assert grown(once, PushRejected("x"), "state") == once


def test_what_is_said_of_it() -> None:
    """A patch has all of a workflow file; of a secret something is missing."""
    assert standing([], "") == "reached"
    assert standing([], "", is_other=True).startswith("reached; its commits are others")
    assert standing(["env"], "").startswith("reached but for env, ")
    assert standing([".github/workflows/a.yml"], "w.patch").startswith("reached; the token may not push .github/")
    both = standing([".github/workflows/a.yml", *"abcdefg"], "w.patch")
    assert both.startswith("reached but for a, b, c, d, e and 2 more, ")
    assert "git apply .agent/w.patch" in both
    assert "env" in without(["env"])
    assert "git apply" in without([".github/workflows/a.yml"])

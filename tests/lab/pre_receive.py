"""The lab's pre-receive hook: refuses what the rules beside it name, in GitHub's own words.

Kinds: `secrets` (any commit with `text`), `workflows` (any commit that changes a workflow file),
`protected` and `rules` (the ref `ref`), `hook` (everything, in the words of a server of one's own).
"""

import json
import os
import subprocess
import sys
from pathlib import Path

PUSH_PROTECTION = """\
error: GH013: Repository rule violations found for {ref}.

- GITHUB PUSH PROTECTION
  —————————————————————————————————————————
    Resolve the following violations before pushing again

    - Push cannot contain secrets


     (?) Learn how to resolve a blocked push
     https://docs.github.com/code-security/secret-scanning/resolving-a-blocked-push


      —— GitHub Personal Access Token ——————————————————————
       locations:
{locations}

       (?) To push, remove secret from commit(s) or follow this URL to allow the secret.
       https://github.com/org/project/security/secret-scanning/unblock-secret/2mQ

"""
RULES = """\
error: GH013: Repository rule violations found for {ref}.
Review all repository rules at https://github.com/org/project/rules?ref=refs%2Fheads%2Fx

- Commits must have verified signatures.

"""
PROTECTED = """\
error: GH006: Protected branch update failed for {ref}.
error: At least 1 approving review is required by reviewers with write access.
"""


Verdict = tuple[str, str]
"""What the server prints, and the reason that it gives for the ref; empty when it takes it."""


def git(*words: str) -> list[str]:
    return subprocess.run(["git", *words], capture_output=True, text=True, check=False).stdout.splitlines()


def of_ref(rule: dict[str, str], ref: str) -> Verdict:
    if rule.get("ref", ref) != ref:
        return "", ""
    if rule["kind"] == "protected":
        return PROTECTED.format(ref=ref), "protected branch hook declined"
    if rule["kind"] == "rules":
        return RULES.format(ref=ref), "push declined due to repository rule violations"
    return "Commits need a ticket.\n", "pre-receive hook declined"


def of_workflows(commit: str) -> Verdict:
    changed = git("diff-tree", "-r", "--root", "-m", "--no-commit-id", "--name-only", commit)
    for path in changed:
        if path.startswith(".github/workflows/"):
            said = "refusing to allow a GitHub App to create or update workflow"
            return "", f"{said} `{path}` without `workflows` permission"
    return "", ""


def of_secrets(commit: str, ref: str, text: str) -> Verdict:
    found = [line.split(":")[1:3] for line in git("grep", "-n", "-F", text, commit)]
    if not found:
        return "", ""
    places = "\n".join(f"         - commit: {commit}\n           path: {':'.join(at)}" for at in found)
    return PUSH_PROTECTION.format(ref=ref, locations=places), "push declined due to repository rule violations"


def verdict(rule: dict[str, str], new: str, ref: str) -> Verdict:
    if rule["kind"] not in {"workflows", "secrets"}:
        return of_ref(rule, ref)
    for commit in git("rev-list", new, "--not", "--all"):
        found = of_workflows(commit) if rule["kind"] == "workflows" else of_secrets(commit, ref, rule["text"])
        if found[1]:
            return found
    return "", ""


def main() -> int:
    rules = json.loads(Path(sys.argv[1]).with_name("rules.json").read_text())
    for line in sys.stdin.read().splitlines():
        _, new, ref = line.split()
        for rule in rules:
            said, reason = verdict(rule, new, ref)
            if reason:
                sys.stderr.write(said)
                Path(os.environ["LAB_REASON"]).write_text(reason)
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

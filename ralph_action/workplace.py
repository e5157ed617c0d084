"""Where a run takes place: its folders, its user, and the environments that its children get."""

from __future__ import annotations

import errno
import hashlib
import os
import pwd
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ralph_action.errors import DiskError, StateError
from ralph_action.ports import User

SAFE_NAMES = ("PATH", "LANG", "LC_ALL", "TERM", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS")
PROXY_NAMES = tuple(
    name for upper in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY") for name in (upper, upper.lower())
)
FORBIDDEN_PREFIXES = ("ACTIONS_", "INPUT_", "STATE_", "GITHUB_", "RUNNER_", "GH_")
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """The places of one run."""

    workspace: Path
    home: Path
    """Ours alone, mode 0700: the vault and the `.agent/` that counts."""
    user: User | None
    """Whom untrusted programs run as; None: as ourselves."""
    agent_home: str
    environment: Mapping[str, str]
    """For git and helpers of ours: no secret in it."""

    @property
    def protections_off(self) -> str:
        """What a run that is not root, or whose workspace is root's, cannot keep from the agent; empty when nothing."""
        if self.user is not None:
            return ""
        return (
            "The agent runs as the same user as ralph, so the saved state, the vault and ralph's own environment are "
            "within its reach. In the container, run as root on a workspace that is not root's to separate them."
        )


def find_workplace(env: Mapping[str, str], workspace: Path, task: str) -> Workplace:
    """Settle the places of a run; creates our home folder.

    Raises:
        DiskError: nothing can be written there.
        StateError: it is somebody else's.

    """
    owner = workspace.stat()
    user = User(owner.st_uid, owner.st_gid) if os.geteuid() == 0 and owner.st_uid != 0 else None
    base = _state_home(env)
    key = hashlib.sha256(f"{workspace.resolve()}\0{task}".encode()).hexdigest()[:16]
    home = base / key
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        for folder in (base, home):
            _must_be_ours(folder)
        if not os.access(home, os.W_OK):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))  # noqa: TRY301  one message for all of them
    except OSError as problem:
        raise DiskError(
            f"The state cannot be kept in {home}: {problem.strerror or problem}.",
            remedy="Make it writable, free space there, or set RALPH_STATE_HOME to another folder.",
        ) from problem
    agent_home = _agent_home(env, user, home)
    environment = {name: env[name] for name in (*SAFE_NAMES, *PROXY_NAMES) if env.get(name)}
    environment.setdefault("PATH", DEFAULT_PATH)
    environment["HOME"] = agent_home
    return Workplace(workspace=workspace, home=home, user=user, agent_home=agent_home, environment=environment)


def agent_environment(place: Workplace, env: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """The agent's whole environment: an allow-list, never a token of the repository or the runtime.

    Args:
        place: where the run takes place.
        env: ralph's own environment.
        names: the variables that the agent needs of it, and those of `agent-env`.

    """
    passed = {name: env[name] for name in names if env.get(name) and not is_forbidden(name)}
    return {**place.environment, **passed, "CI": "true"}


def is_forbidden(name: str) -> bool:
    """Whether a variable may never reach the agent, even by `agent-env`."""
    return name.startswith(FORBIDDEN_PREFIXES)


def _state_home(env: Mapping[str, str]) -> Path:
    if env.get("RALPH_STATE_HOME"):
        return Path(env["RALPH_STATE_HOME"])
    if env.get("GITHUB_ACTIONS") == "true" and env.get("RUNNER_TEMP"):
        return Path(env["RUNNER_TEMP"]) / "ralph-action"
    if env.get("XDG_STATE_HOME"):
        return Path(env["XDG_STATE_HOME"]) / "ralph"
    home = env.get("HOME", "")
    if home and os.access(home, os.W_OK):
        return Path(home) / ".local" / "state" / "ralph"
    import tempfile  # deferred: few runs need it

    return Path(tempfile.gettempdir()) / f"ralph-{os.geteuid()}"


def _must_be_ours(folder: Path) -> None:
    """Refuse a folder that somebody else prepared: what lies in it would be believed."""
    facts = folder.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.geteuid():
        raise StateError(f"{folder} is not a folder of ours.", remedy="Remove it, or set RALPH_STATE_HOME.")
    if stat.S_IMODE(facts.st_mode) & 0o077:
        folder.chmod(0o700)


def _agent_home(env: Mapping[str, str], user: User | None, home: Path) -> str:
    """A home that the agent can write: its own when it has one, else one that we make outside ours."""
    if user is None:
        given = env.get("HOME", "")
        return given if given and os.access(given, os.W_OK) else str(_made(home / "agent-home", None))
    try:
        known = pwd.getpwuid(user.uid).pw_dir
    except KeyError:
        known = ""
    if known and Path(known).is_dir() and Path(known).stat().st_uid == user.uid:
        return known
    import tempfile  # deferred: few runs need it

    return str(_made(Path(tempfile.gettempdir()) / f"ralph-agent-{user.uid}", user))


def _made(folder: Path, user: User | None) -> Path:
    folder.mkdir(mode=0o700, exist_ok=True)
    if user is not None and not folder.is_symlink():
        os.chown(folder, user.uid, user.gid, follow_symlinks=False)
    return folder

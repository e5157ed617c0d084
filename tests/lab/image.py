"""Builds and runs the real image: with Docker where an engine runs, else with podman on a local base.

The local base is Debian trixie made by mmdebstrap, under the name that the Dockerfile asks for, with this
machine's certificates in it, so that the Dockerfile stays as it ships.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.real.packages import CACHE

ROOT = Path(__file__).resolve().parents[2]
BASE = "docker.io/library/debian:trixie-slim"
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
CONFIG = """[containers]
default_ulimits = ["nofile=20000:20000", "nproc=32768:32768"]
[engine]
runtime = "runc"
"""


class Unavailable(Exception):
    """No engine, or no base image; says which."""


@dataclass(frozen=True)
class Engine:
    """A container engine, as a command prefix and an environment."""

    command: tuple[str, ...]
    environment: Mapping[str, str]

    def run(self, *arguments: str, timeout_s: float = 600) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.command, *arguments],
            env=dict(self.environment),
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*self.command, *arguments],
            env=dict(self.environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


def engine() -> Engine:
    """The engine of this machine. Raises Unavailable."""
    if shutil.which("docker") and subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0:
        return Engine(("docker",), os.environ)
    if os.geteuid() != 0 or not (podman := shutil.which("podman")) or not shutil.which("mmdebstrap"):
        message = "neither a Docker engine nor podman with mmdebstrap (as root) is on this machine"
        raise Unavailable(message)
    folder = CACHE / "image"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "containers.conf").write_text(CONFIG)
    storage = ("--root", str(folder / "root"), "--runroot", str(folder / "runroot"))
    made = Engine((podman, *storage), {**os.environ, "CONTAINERS_CONF": str(folder / "containers.conf")})
    _base(made, folder)
    return made


def build(on: Engine, tag: str = "ralph-action:test") -> str:
    """Build the image from the repository as it is. Raises Unavailable with the end of the log."""
    done = on.run("build", "--tag", tag, str(ROOT), timeout_s=1200)
    if done.returncode:
        raise AssertionError(done.stdout[-2000:] + done.stderr[-2000:])
    return tag


def _base(on: Engine, folder: Path) -> None:
    if on.run("image", "exists", BASE).returncode == 0:
        return
    tar = folder / "base.tar"
    pip = ["--customize-hook=upload /etc/pip.conf /etc/pip.conf"] if Path("/etc/pip.conf").exists() else []
    command: Sequence[str] = [
        "mmdebstrap",
        "--variant=minbase",
        "--mode=root",
        "--include=ca-certificates",
        "--dpkgopt=path-exclude=/usr/share/doc/*",
        "--dpkgopt=path-exclude=/usr/share/man/*",
        "--dpkgopt=path-exclude=/usr/share/locale/*",
        f"--customize-hook=upload {CERTIFICATES} {CERTIFICATES}",
        *pip,
        "trixie",
        str(tar),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    if done.returncode:
        message = f"the base could not be made: {done.stderr[-400:]}"
        raise Unavailable(message)
    change = f"ENV NODE_EXTRA_CA_CERTS={CERTIFICATES}"
    found = on.run("import", "--change", change, str(tar), BASE)
    tar.unlink()
    if found.returncode:
        message = f"the base could not be imported: {found.stderr[-400:]}"
        raise Unavailable(message)

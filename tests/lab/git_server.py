"""Git over HTTP as GitHub serves it: a real `git http-backend` behind tokens, with GitHub's own refusals."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.lab.artifacts import Answer

HOOK = Path(__file__).with_name("pre_receive.py")
TEXT = {"Content-Type": "text/plain; charset=utf-8"}


class GitServer:
    """The repositories below `root`, and who may do what with them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.tokens: dict[str, bool] = {}
        """Token → whether it may write."""
        self.is_gone = False
        """Whether the repository is not found, as it is for a token that may not see it."""
        self._rules: list[dict[str, Any]] = []

    def issue_token(self, *, write: bool = True) -> str:
        name = f"ghs_{len(self.tokens)}{'w' * 20}"
        self.tokens[name] = write
        return name

    def create_repository(self, name: str = "org/project") -> Path:
        path = self.root / f"{name}.git"
        path.parent.mkdir(parents=True, exist_ok=True)
        self.run("init", "--quiet", "--bare", "--initial-branch=main", str(path))
        self.run("-C", str(path), "config", "http.receivepack", "true")
        self.run("-C", str(path), "config", "receive.advertiseAtomic", "true")
        return path

    def refuse(self, kind: str, name: str = "org/project", **more: str) -> None:
        """Let every push be checked from now on: see `pre_receive.py` for the kinds."""
        self._rules.append({"kind": kind, **more})
        hooks = self.root / f"{name}.git" / "hooks"
        hooks.mkdir(exist_ok=True)
        (hooks / "rules.json").write_text(json.dumps(self._rules))
        (hooks / "pre-receive").write_text(f'#!/bin/sh\nexec {sys.executable} -I -S {HOOK} "$0"\n')
        (hooks / "pre-receive").chmod(0o755)

    def refuse_no_longer(self, name: str = "org/project") -> None:
        self._rules.clear()
        (self.root / f"{name}.git" / "hooks" / "pre-receive").unlink()

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        """Answer one call of git's smart HTTP protocol."""
        given = headers.get("authorization", "")
        if "\n" in given:
            return 400, {}, b'Duplicate header: "Authorization"'
        name = (
            base64.b64decode(given[6:]).decode().removeprefix("x-access-token:")
            if given[:6].lower() == "basic "
            else ""
        )
        if name not in self.tokens:
            return 401, {"WWW-Authenticate": 'Basic realm="GitHub"'}, b""
        if self.is_gone:
            return 404, TEXT, b"Repository not found."
        if "git-receive-pack" in path and not self.tokens[name]:
            return 403, TEXT, b"Permission to org/project.git denied to github-actions[bot]."
        with tempfile.TemporaryDirectory() as scratch:
            reason = Path(scratch) / "reason"
            environment = self._environment(method, path, headers, body) | {"LAB_REASON": str(reason)}
            done = subprocess.run(
                ["git", "http-backend"], input=body, env=environment, capture_output=True, check=False
            )
            head, _, out = done.stdout.partition(b"\r\n\r\n")
            if reason.exists():
                out = reworded(out, reason.read_bytes())
        fields = dict(line.split(": ", 1) for line in head.decode().splitlines() if ": " in line)
        status = int(fields.pop("Status", "200").split()[0])
        return status, fields, out

    def run(self, *arguments: str) -> None:
        environment = {"PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
        subprocess.run(["git", *arguments], env=environment, check=True, capture_output=True)

    def _environment(self, method: str, path: str, headers: dict[str, str], body: bytes) -> dict[str, str]:
        parts = urlsplit(path)
        return {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "PATH_INFO": parts.path if ".git" in parts.path else parts.path.replace("/project/", "/project.git/"),
            "QUERY_STRING": parts.query,
            "REQUEST_METHOD": method,
            "CONTENT_TYPE": headers.get("content-type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": headers.get("content-encoding", ""),
            "GIT_PROTOCOL": headers.get("git-protocol", ""),
            "REMOTE_USER": "x",
            "REMOTE_ADDR": "127.0.0.1",
        }


def reworded(out: bytes, reason: bytes) -> bytes:
    """Give the refused refs GitHub's reason: its own server says more than that a hook declined."""
    made, report = b"", b""
    for data in _packets(out):
        if data[:1] == b"\x01":
            report += data[1:]
        elif data:
            made += _packet(data)
    lines = [line.replace(b"pre-receive hook declined", reason) for line in _packets(report)]
    told = b"".join(_packet(line) for line in lines if line) + b"0000"
    return made + _packet(b"\x01" + told) + b"0000"


def _packets(stream: bytes) -> Iterator[bytes]:
    while stream:
        size = int(stream[:4], 16)
        yield stream[4:size]
        stream = stream[max(size, 4) :]


def _packet(data: bytes) -> bytes:
    return f"{len(data) + 4:04x}".encode() + data

"""Durable writes: data before the name that points to it."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from pathlib import Path
from typing import Any


def write_atomically(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Make `path` hold `data` or what it held before, whenever we are killed.

    Invariant "pointer last": temp → fsync → rename → fsync of the folder.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            if durable:
                os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    if durable:
        sync_folder(path.parent)


def write_json(path: Path, document: dict[str, Any], *, durable: bool = True) -> bytes:
    """Write a JSON document atomically; return the bytes written."""
    data = (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()
    write_atomically(path, data, durable=durable)
    return data


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def append_line(path: Path, line: str, *, durable: bool = True) -> None:
    """Append one line in one write, so that a kill leaves at most its beginning."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    try:
        os.write(handle, (line.rstrip("\n") + "\n").encode())
        if durable:
            os.fsync(handle)
    finally:
        os.close(handle)

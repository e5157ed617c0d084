"""Durable writes: data before the name that points to it."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import shutil
from pathlib import Path
from typing import Any

from ralph_action.durable import step

CHUNK = 1024 * 1024


def write_atomically(path: Path, data: bytes | io.BufferedIOBase, *, durable: bool = True) -> None:
    """Make `path` hold `data`, or all of an open file, or what it held before, whenever we are killed.

    Invariant "pointer last": temp → fsync → rename → fsync of the folder.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}.tmp")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    try:
        with os.fdopen(handle, "wb") as stream:
            with step(f"write {path.parent.name}"):
                if isinstance(data, io.BufferedIOBase):
                    shutil.copyfileobj(data, stream, CHUNK)
                else:
                    stream.write(data)
                stream.flush()
            if durable:
                with step(f"fsync {path.parent.name}"):
                    os.fsync(stream.fileno())
        with step(f"rename {path.parent.name}"):
            temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    if durable:
        with step(f"fsync folder {path.parent.name}"):
            sync_folder(path.parent)


def write_json(path: Path, document: dict[str, Any], *, durable: bool = True) -> bytes:
    """Write a JSON document atomically; return the bytes written."""
    data = as_bytes(document)
    write_atomically(path, data, durable=durable)
    return data


def as_bytes(document: dict[str, Any]) -> bytes:
    """A document as it is written."""
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def append_line(path: Path, line: str, *, durable: bool = True) -> None:
    """Append one line in one write; a kill leaves at most its beginning, which the next line does not join.

    A line for which there is no room is taken back. Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    try:
        with step(f"append {path.name}"):
            data = f"{_ended(path)}{line.rstrip(chr(10))}\n".encode()
            written = os.write(handle, data)
            if written < len(data):  # nobody else appends: what a full disk left of the line is at the end
                os.ftruncate(handle, os.fstat(handle).st_size - written)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        if durable:
            os.fsync(handle)
    finally:
        os.close(handle)


def _ended(path: Path) -> str:
    """A line end when a kill cut the last line off, else nothing."""
    with path.open("rb") as stream:
        if not stream.seek(0, os.SEEK_END):
            return ""
        stream.seek(-1, os.SEEK_END)
        return "" if stream.read(1) == b"\n" else "\n"

"""The artifact's zip may have been made by anyone."""

from __future__ import annotations

import stat
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ralph_action.checkpoint.archive import pack, unpack
from ralph_action.errors import StateError

NAMES = st.text(st.characters(categories=["L", "N"], include_characters=" -_.é"), min_size=1, max_size=20).filter(
    lambda name: name.strip(". ") == name
)


def made(path: Path, *entries: tuple[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as target:
        for name, data in entries:
            target.writestr(name, data)
    return path


@pytest.mark.parametrize("name", ["/etc/x", "../x", "a/../../x", "a\\..\\x", "C:x", "", "a\0b"], ids=repr)
def test_names_that_lead_elsewhere(tmp_path: Path, name: str) -> None:
    """None is taken, and nothing is written at all."""
    info = zipfile.ZipInfo("placeholder")
    info.filename = name
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as target:
        target.writestr("fine", b"1")
        target.writestr(info, b"2")
    into = tmp_path / "into"
    if name == "a\0b":  # the reader cuts such a name itself
        unpack(tmp_path / "x.zip", into)
        assert (into / "a").read_bytes() == b"2"
        return
    with pytest.raises(StateError, match="Invalid checkpoint data"):
        unpack(tmp_path / "x.zip", into)
    assert not into.exists()


def test_a_link_is_not_taken(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("link")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as target:
        target.writestr(info, "/etc/passwd")
    with pytest.raises(StateError, match="'link', which is not taken"):
        unpack(tmp_path / "x.zip", tmp_path / "into")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_one_name_twice(tmp_path: Path) -> None:
    zipped = made(tmp_path / "x.zip", ("a", b"1"), ("a", b"2"))
    with pytest.raises(StateError, match="'a', which is not taken"):
        unpack(zipped, tmp_path / "into")


def test_a_bomb(tmp_path: Path) -> None:
    """A size that deflate cannot reach, and one that lies."""
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("a", b"\0" * 1_000_000)
    data = bytearray((tmp_path / "x.zip").read_bytes())
    central = data.rindex(b"PK\x01\x02")
    for small in (4_000_000_000, 10):
        data[central + 24 : central + 28] = small.to_bytes(4, "little")
        (tmp_path / "bad.zip").write_bytes(data)
        with pytest.raises(StateError):
            unpack(tmp_path / "bad.zip", tmp_path / f"into-{small}")


@pytest.mark.parametrize("keep", [0, 10, 0.5, -1])
def test_a_truncated_one(tmp_path: Path, keep: float) -> None:
    zipped = made(tmp_path / "x.zip", ("a", b"1" * 5000))
    data = zipped.read_bytes()
    zipped.write_bytes(data[: int(keep * len(data)) if 0 < keep < 1 else int(keep)])
    with pytest.raises(StateError, match="the zip is damaged"):
        unpack(zipped, tmp_path / "into")


@settings(max_examples=40, deadline=None)
@given(files=st.dictionaries(NAMES, st.binary(max_size=200), max_size=6))
def test_what_is_packed_comes_out_again(files: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source, into = Path(folder) / "source", Path(folder) / "into"
        source.mkdir()
        for name, data in files.items():
            (source / name).write_bytes(data)
        pack(source, Path(folder) / "x.zip", {})
        unpack(Path(folder) / "x.zip", into)
        assert {path.name: path.read_bytes() for path in (into / ".agent").glob("*")} == files

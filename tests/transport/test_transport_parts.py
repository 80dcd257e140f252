"""Files in parts: of any size, from readers that give little, and never more than a part may hold."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transport_kit import Identity, tar_of, untarred

from forensics.transfer import writing
from forensics.transfer.recipients import load_recipients

READ = 1 << 16


class Little:
    """A reader that gives fewer bytes than are asked for."""

    def __init__(self, data: bytes, step: int) -> None:
        self.data, self.step = data, step

    def read(self, size: int, /) -> bytes:
        found, self.data = self.data[: min(size, self.step)], self.data[min(size, self.step) :]
        return found


def sent(path: Path, ids: tuple[Identity, Identity], files: list[tuple[str, bytes, int]]) -> list[tuple[str, bytes]]:
    """The members that the programs age and zstd, and tarfile, find."""
    keys = load_recipients([one.recipient for one in ids])
    with path.open("wb") as out:
        stream = writing.TransportWriter(out, keys, gather=1 << 20)
        stream.begin("ab" * 16)
        for name, data, step in files:
            assert stream.file(name, Little(data, step)) == hashlib.sha256(data).hexdigest()
        stream.end()
    tar_of.cache_clear()
    return untarred(tar_of(path, ids[0].file))


def together(members: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """The files that the members give, each line's digest and size checked."""
    found, parts = [], b""
    for name, data in members:
        if name.startswith("part/"):
            parts += data
        elif name.startswith("file/"):
            fields = json.loads(data)
            assert (fields["size"], fields["sha256"]) == (len(parts), hashlib.sha256(parts).hexdigest())
            found.append((fields["path"], parts))
            parts = b""
    return found


@pytest.mark.needs("age", "zstd")
@settings(max_examples=6, deadline=None)
@given(
    sizes=st.lists(st.sampled_from([0, 1, 511, 512, READ - 1, READ, READ + 1, 3 * READ, 9 * READ + 5]), max_size=4),
    step=st.sampled_from([700, READ - 1, READ, 1 << 30]),
)
def test_any_size_from_any_reader(
    sizes: list[int], step: int, ids: tuple[Identity, Identity], tmp_path_factory: pytest.TempPathFactory
) -> None:
    files = [(f"data/images/hd1/{n}", bytes([n + 1]) * size, step) for n, size in enumerate(sizes)]
    members = sent(tmp_path_factory.mktemp("parts") / "a.age", ids, files)
    assert together(members) == [(name, data) for name, data, _ in files]
    parts = [int(name[5:]) for name, _ in members if name.startswith("part/")]
    assert parts == list(range(len(parts)))


@pytest.mark.needs("age", "zstd")
def test_parts_grow(ids: tuple[Identity, Identity], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small parts first, then as large as can be: the number of parts of a file is bounded."""
    monkeypatch.setattr(writing, "FINE_PARTS", 2)
    data = bytes(range(256)) * (76 << 10)  # 19 MiB
    members = sent(tmp_path / "a.age", ids, [("data/images/hd1/disk", data, 1 << 30)])
    sizes = [len(body) for name, body in members if name.startswith("part/")]
    assert sizes == [1 << 20, 1 << 20, 16 << 20, 1 << 20]
    assert together(members) == [("data/images/hd1/disk", data)]


@pytest.mark.needs("age", "zstd")
def test_an_object_that_goes_on_behind_its_name(ids: tuple[Identity, Identity], tmp_path: Path) -> None:
    """What has not the digest of its name is read to its end, also from a reader that gives little."""
    data = b"of another name" * 400
    name = "data/objects/ab/" + "ab" * 32
    assert together(sent(tmp_path / "a.age", ids, [(name, data, 100)])) == [(name, data)]

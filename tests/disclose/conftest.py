"""Bags to disclose from and to cite."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from disclose_kit import ledger

from forensics import Bag, Key, collect, open_source

#: what must not be found in a subset that does not disclose it
SECRET = "confessional"


@pytest.fixture(scope="session")
def key() -> Key:
    return Key.one_off()


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder: what may be told, what may not, equal bytes under two names, an empty file, what is split."""
    root = tmp_path_factory.mktemp("tree")
    for number in range(12):
        (root / f"open-{number}.txt").write_bytes(b"may be told %d\n" % number * 20)
    (root / SECRET).mkdir()
    for number in range(12):
        (root / SECRET / f"sin-{number}").write_bytes(f"{SECRET} {number}\n".encode() * 20)
    (root / "twice.txt").write_bytes((root / "open-1.txt").read_bytes())
    (root / "linked.txt").hardlink_to(root / "open-2.txt")
    (root / "empty").write_bytes(b"")
    (root / "long.bin").write_bytes(bytes(range(256)) * 200)
    (root / "link").symlink_to("open-0.txt")
    return root


@pytest.fixture(scope="session")
def whole(tree: Path, key: Key, tmp_path_factory: pytest.TempPathFactory) -> Bag:
    """A sealed bag of it, with a token beside the seal; never changed."""
    with open_source(tree) as source:
        return collect(
            source, tmp_path_factory.mktemp("whole") / "bag", profile="full", key=key, case="7", exhibit="HD1",
            examiner="A. Jones", part_size=20_000,
        )  # fmt: skip


@pytest.fixture(scope="session")
def seq_of(whole: Bag) -> Callable[[str], int]:
    """The seq of an artefact by its path."""
    found = {line["path"]: line["seq"] for line in ledger(whole.path) if line["kind"] == "artefact"}
    return lambda path: found[path]


@pytest.fixture
def changed(whole: Bag, tmp_path: Path) -> Path:
    """A copy of the bag to be changed."""
    shutil.copytree(whole.path, tmp_path / "changed")
    return tmp_path / "changed"

"""A small sealed bag, two identities, and the stream made of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from transport_kit import Identity, new_identity

from forensics import Bag, Key, collect, open_source, pack


@pytest.fixture(scope="session")
def ids(tmp_path_factory: pytest.TempPathFactory) -> tuple[Identity, Identity]:
    pytest.importorskip("pyrage", reason="not shown: needs pyrage (the extra transport)")
    folder = tmp_path_factory.mktemp("ids")
    return new_identity(folder / "one"), new_identity(folder / "two")


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Bag:
    """A bag whose contents go from nothing to several megabytes; the last checkpoint covers everything."""
    root = tmp_path_factory.mktemp("source")
    for number in range(6):
        (root / f"file {number}").write_bytes(bytes([number]) * number * 300)
    (root / "large").write_bytes(bytes(range(256)) * 12_000)
    with open_source(root) as source:
        out = tmp_path_factory.mktemp("small") / "bag"
        return collect(source, out, profile="full", key=Key.one_off(), case="7")


@pytest.fixture(scope="session")
def stream(small: Bag, ids: tuple[Identity, Identity], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small bag, packed to both identities."""
    path = tmp_path_factory.mktemp("stream") / "bag.age"
    pack(small.path, path, [one.recipient for one in ids])
    return path

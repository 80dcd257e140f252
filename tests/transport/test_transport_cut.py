"""Any prefix of a stream unpacks to a sound unsealed bag: INCOMPLETE, whatever the offset."""

from __future__ import annotations

import io
import shutil
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from transport_kit import Identity, tar_of, tree

from forensics import Bag, unpack

Ids = tuple[Identity, Identity]


def check_cut(done: object, back: Path, small: Bag) -> None:
    """INCOMPLETE, and every file is one of the bag's; the ledger its beginning."""
    assert (done.code, done.exit, done.whole) == ("INCOMPLETE", 2, False)  # type: ignore[attr-defined]
    if not back.exists():
        return
    whole, part = tree(small.path), tree(back)
    ledger = part.pop("custody/ledger.jsonl")
    assert whole["custody/ledger.jsonl"].startswith(ledger) and ledger.endswith(b"\n")
    assert part.items() <= whole.items()
    assert "custody/seal.json.sig" not in part
    verdict = done.verdict  # type: ignore[attr-defined]
    assert verdict.code == "INCOMPLETE" and verdict.verdicts[0] == "INCOMPLETE" and verdict.lines == ledger.count(b"\n")


@pytest.mark.needs("age", "zstd")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_prefix_of_the_tar(small: Bag, stream: Path, ids: Ids, tmp_path: Path, data: st.DataObject) -> None:
    tar = tar_of(stream, ids[0].file)
    # anywhere, and near the edges of blocks, where a cut looks like an end
    place = st.one_of(
        st.integers(1, len(tar) - 1),
        st.integers(1, len(tar) // 512 - 1).map(lambda block: block * 512),
        st.integers(len(tar) - 8192, len(tar) - 1),
    )
    size = data.draw(place)
    shutil.rmtree(tmp_path / "b", ignore_errors=True)
    (tmp_path / "a.tar").write_bytes(tar[:size])
    check_cut(unpack(tmp_path / "a.tar", tmp_path / "b"), tmp_path / "b", small)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(share=st.floats(0, 1))
@example(share=0.0)
@example(share=1.0)
def test_prefixes_of_the_encrypted_stream(small: Bag, stream: Path, ids: Ids, tmp_path: Path, share: float) -> None:
    whole = stream.read_bytes()
    size = round(share * (len(whole) - 1))
    shutil.rmtree(tmp_path / "b", ignore_errors=True)
    (tmp_path / "a.age").write_bytes(whole[:size])
    done = unpack(tmp_path / "a.age", tmp_path / "b", identity=ids[0].file)
    if done.code == "IO ERROR":  # nothing of it decrypts: shorter than its header and its first 64 KiB
        assert size < min(len(whole), 70_000) and done.exit == 5 and not (tmp_path / "b").exists()
        return
    check_cut(done, tmp_path / "b", small)


def test_a_changed_byte_is_no_cut(stream: Path, ids: Ids, tmp_path: Path, large: Path) -> None:
    data = bytearray(large.read_bytes())
    for place in (300, 100_000, len(data) - 5):
        spoiled = bytearray(data)
        spoiled[place] ^= 1
        (tmp_path / f"{place}").write_bytes(spoiled)
        done = unpack(tmp_path / f"{place}", tmp_path / f"b{place}", identity=ids[0].file)
        # in the header or the first chunk: nothing decrypts; in the last: as if cut within it; else altered
        expected = {300: "IO ERROR", 100_000: "INVALID"}.get(place, "INCOMPLETE")
        assert done.code == expected, (place, done)
        assert (done.kept is not None and done.kept.is_dir()) == (expected == "INVALID")
        assert (tmp_path / f"b{place}").exists() == (expected == "INCOMPLETE")


@pytest.fixture(scope="module")
def large(ids: Ids, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stream of several chunks of 64 KiB: contents that do not compress."""
    import os

    from forensics import collect, open_source, pack

    root = tmp_path_factory.mktemp("large")
    for number in range(8):
        (root / f"{number}").write_bytes(os.urandom(100_000))
    with open_source(root) as source:
        bag = collect(source, tmp_path_factory.mktemp("largebag") / "bag", profile="full")
    path = tmp_path_factory.mktemp("largestream") / "a.age"
    pack(bag.path, path, [one.recipient for one in ids])
    return path


def test_what_arrives_grows(ids: Ids, tmp_path: Path, large: Path) -> None:
    """More of the stream never gives less of the bag."""
    data, got = large.read_bytes(), []
    for step in range(1, 9):
        (tmp_path / "a").write_bytes(data[: len(data) * step // 9])
        done = unpack(tmp_path / "a", tmp_path / f"b{step}", identity=ids[0].file)
        assert done.code == "INCOMPLETE"
        got.append((done.lines, done.files))
    assert got[-1] > got[0] and all(a <= b for a, b in pairwise(got))


def test_a_pipe_that_gives_little(stream: Path, ids: Ids) -> None:
    """Readers that give one byte at a time give the same events."""
    from forensics.transfer.layers import Layers
    from forensics.transfer.reading import Content, read_transport
    from forensics.transfer.recipients import load_identities

    class Dribble(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(size or 7, 7))

    keys = load_identities([ids[0].file])
    found = [
        [event for event in read_transport(Layers(kind(stream.read_bytes()), keys)) if not isinstance(event, Content)]
        for kind in (io.BytesIO, Dribble)
    ]
    assert found[0] == found[1]

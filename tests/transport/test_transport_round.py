"""A bag goes and comes back the same; the programs age, zstd and tar read what we write, and we what they write."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
from testkit import ROOT
from transport_kit import Identity, tar_of, tree, untarred

from forensics import Bag, pack, unpack, verify
from forensics.cli.main import main
from forensics.errors import ConfigError, FeatureUnavailable, InputError, KeyInvalid, OutputNotEmpty
from forensics.transfer.reading import Filed, Lines, read_transport

Ids = tuple[Identity, Identity]


def both(ids: Ids) -> list[str]:
    return [one.recipient for one in ids]


@pytest.mark.parametrize("which", [0, 1])
def test_comes_back_the_same(sealed: Bag, ids: Ids, tmp_path: Path, which: int) -> None:
    packed = pack(sealed.path, tmp_path / "a.age", both(ids))
    assert (packed.seal_sha256, packed.missing, packed.odd) == (sealed.seal_sha256, (), ())
    done = unpack(tmp_path / "a.age", tmp_path / "back", identity=ids[which].file, seal=sealed.seal_sha256)
    assert (done.code, done.exit, done.whole, done.encrypted) == ("VALID", 0, True, True)
    assert tree(tmp_path / "back") == tree(sealed.path)
    assert packed.size == (tmp_path / "a.age").stat().st_size
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.age", "back"]


def test_without_an_anchor_it_is_said(
    stream: Path, ids: Ids, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args = ["unpack", str(stream), "--identity", str(ids[0].file), "--out", str(tmp_path / "b")]
    assert main(args) == 0
    out = capsys.readouterr().out
    assert "no anchor was given: nobody vouches for it" in out and out.endswith("verdict: UNTRUSTED\n")


def test_a_wrong_signer_is_no_want_of_an_anchor(stream: Path, ids: Ids, tmp_path: Path) -> None:
    done = unpack(stream, tmp_path / "b", identity=ids[0].file, signer="SHA256:" + "A" * 43)
    assert (done.code, done.exit) == ("UNTRUSTED", 3)


@pytest.mark.needs("age", "zstd")
def test_the_programs_decrypt_ours(small: Bag, stream: Path, ids: Ids) -> None:
    first = untarred(tar_of(stream, ids[0].file))
    assert [name for name, _ in first[:1] + first[-1:]] == ["transport.json", "end"]
    assert first == untarred(tar_of(stream, ids[1].file))
    ledger = b"".join(data for name, data in first if name.startswith("ledger/"))
    assert ledger == (small.path / "custody/ledger.jsonl").read_bytes()
    paths = [json.loads(data)["path"] for name, data in first if name.startswith("file/")]
    assert paths[-2:] == ["custody/seal.json", "custody/seal.json.sig"] and "custody/ledger.jsonl" not in paths
    assert sorted([*paths, "custody/ledger.jsonl"]) == sorted(tree(small.path))


@pytest.mark.needs("age", "zstd")
def test_ours_decrypts_the_programs(small: Bag, stream: Path, ids: Ids, tmp_path: Path) -> None:
    tar = tar_of(stream, ids[0].file)
    packed = subprocess.run(["zstd", "-qc", "-19"], input=tar, stdout=subprocess.PIPE, check=True).stdout
    to = [word for one in ids for word in ("-r", one.recipient)]
    (tmp_path / "theirs.age").write_bytes(
        subprocess.run(["age", *to], input=packed, stdout=subprocess.PIPE, check=True).stdout
    )
    (tmp_path / "b.tar.zst").write_bytes(packed)
    (tmp_path / "b.tar").write_bytes(tar)
    for name, keys in (("theirs.age", [ids[1].file]), ("b.tar.zst", []), ("b.tar", [])):
        done = unpack(tmp_path / name, tmp_path / f"{name}.bag", identity=keys, seal=small.seal_sha256)
        assert (done.code, done.whole, done.encrypted) == ("VALID", True, bool(keys))


@pytest.mark.needs("ssh-keygen", "age")
def test_ssh_keys_are_recipients(small: Bag, ids: Ids, tmp_path: Path) -> None:
    key = tmp_path / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    pack(small.path, tmp_path / "a.age", [ids[0].recipient, str(key) + ".pub"])
    assert unpack(tmp_path / "a.age", tmp_path / "b", identity=key).exit == 0
    assert (
        subprocess.run(["age", "-d", "-i", key, "-o", tmp_path / "x", tmp_path / "a.age"], check=False).returncode == 0
    )
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", tmp_path / "rsa"], check=True)
    with pytest.raises(KeyInvalid):
        pack(small.path, tmp_path / "b.age", [ids[0].recipient, str(tmp_path / "rsa.pub")])


def test_two_recipients_are_demanded(small: Bag, ids: Ids, tmp_path: Path) -> None:
    for few in ([], [ids[0].recipient], [ids[0].recipient] * 3):
        with pytest.raises(ConfigError, match="different recipients") as error:
            pack(small.path, tmp_path / "a.age", few)
        assert error.value.exit == 78 and "Give --to twice" in error.value.hint
    assert not list(tmp_path.iterdir())


def test_nothing_is_overwritten(small: Bag, stream: Path, ids: Ids, tmp_path: Path) -> None:
    (tmp_path / "a.age").write_bytes(b"mine")
    with pytest.raises(OutputNotEmpty):
        pack(small.path, tmp_path / "a.age", both(ids))
    (tmp_path / "full").mkdir()
    (tmp_path / "full/x").touch()
    with pytest.raises(OutputNotEmpty):
        unpack(stream, tmp_path / "full", identity=ids[0].file)
    assert (tmp_path / "a.age").read_bytes() == b"mine" and len(list(tmp_path.iterdir())) == 2


def test_a_bag_never_becomes_better_on_its_way(copy: Callable[[], Path], ids: Ids, tmp_path: Path) -> None:
    bag = copy()
    (bag / "custody/planted.txt").write_text("not sealed")
    content = next(path for path in (bag / "data/objects").rglob("*") if path.is_file() and path.stat().st_size)
    content.write_bytes(b"other bytes")
    packed = pack(bag, tmp_path / "a.age", both(ids))
    assert packed.odd == (content.relative_to(bag).as_posix(),)
    done = unpack(tmp_path / "a.age", tmp_path / "b", identity=ids[0].file)
    assert (done.code, done.exit) == ("INVALID", 1) and done.verdict is not None
    before = verify(str(bag))
    assert (before.code, before.first, before.sha256) == (done.code, done.verdict.first, done.verdict.sha256)


@pytest.mark.needs("posix")
def test_what_cannot_travel_is_refused(copy: Callable[[], Path], ids: Ids, tmp_path: Path) -> None:
    for spoil in (
        lambda bag: (bag / "link").symlink_to("bagit.txt"),
        lambda bag: (bag / "a:b").touch(),
        lambda bag: (bag / "data/objects/zz").mkdir(),
    ):
        bag = copy()
        spoil(bag)
        with pytest.raises(InputError):
            pack(bag, tmp_path / "a.age", both(ids))
        assert not (tmp_path / "a.age").exists() and not list(tmp_path.glob("*.partial"))


def test_a_torn_tail_of_a_sealed_bag_is_not_mended(copy: Callable[[], Path], ids: Ids, tmp_path: Path) -> None:
    bag = copy()
    with (bag / "custody/ledger.jsonl").open("ab") as ledger:
        ledger.write(b'{"seq"')
    with pytest.raises(InputError, match="within a line"):
        pack(bag, tmp_path / "a.age", both(ids))
    (bag / "custody/seal.json.sig").unlink()  # an interrupted bag may have one: it is no part of the ledger
    pack(bag, tmp_path / "a.age", both(ids))
    assert unpack(tmp_path / "a.age", tmp_path / "b", identity=ids[0].file).code == "INCOMPLETE"


def test_a_damaged_line_travels_as_it_is(copy: Callable[[], Path], ids: Ids, tmp_path: Path) -> None:
    bag = copy()
    ledger = bag / "custody/ledger.jsonl"
    lines = ledger.read_bytes().split(b"\n")
    for number, spoilt in ((5, b'{"parts":[1,{"kind":"result"}]'), (6, lines[6].replace(b'"kind"', b'"kine"', 1))):
        lines[number] = spoilt
    ledger.write_bytes(b"\n".join(lines))
    pack(bag, tmp_path / "a.age", both(ids))
    done = unpack(tmp_path / "a.age", tmp_path / "b", identity=ids[0].file)
    before = verify(str(bag))
    assert done.code == before.code == "INVALID" and done.verdict is not None and done.verdict.first == before.first
    assert (tmp_path / "b/custody/ledger.jsonl").read_bytes() == ledger.read_bytes()


def test_an_unsealed_bag_stays_unsealed(copy: Callable[[], Path], ids: Ids, tmp_path: Path) -> None:
    bag = copy()
    (bag / "custody/seal.json.sig").unlink()
    assert pack(bag, tmp_path / "a.age", both(ids)).sealed is False
    done = unpack(tmp_path / "a.age", tmp_path / "b", identity=ids[0].file)
    assert (done.code, done.exit, done.whole) == ("INCOMPLETE", 2, True)


def test_events_of_the_reader(small: Bag, stream: Path, ids: Ids, tmp_path: Path) -> None:
    from forensics.transfer.layers import Layers
    from forensics.transfer.recipients import load_identities

    layers = Layers(io.BytesIO(stream.read_bytes()), load_identities([ids[0].file]))
    events = list(read_transport(layers))
    lines = b"".join(event.data for event in events if isinstance(event, Lines))
    assert lines == (small.path / "custody/ledger.jsonl").read_bytes()
    files = tree(small.path)
    assert all(len(files[event.path]) == event.size for event in events if isinstance(event, Filed))
    assert layers.fault == ""


def test_json_follows_its_schema(small: Bag, ids: Ids, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    to = [word for one in ids for word in ("--to", one.recipient)]
    for name, args in (
        ("pack", ["pack", str(small.path), *to, "--out", str(tmp_path / "a.age")]),
        ("unpack", ["unpack", str(tmp_path / "a.age"), "--identity", str(ids[0].file), "--out", str(tmp_path / "b")]),
    ):
        assert main([*args, "--json"]) == 0
        row = json.loads(capsys.readouterr().out)
        jsonschema.validate(row, json.loads((ROOT / f"docs/schema/{name}.json").read_text()))
        assert row["schema"] == f"sealbag/{name}/1"


def test_without_the_extra_it_is_said(small: Bag, ids: Ids, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "pyrage", None)
    with pytest.raises(FeatureUnavailable) as error:
        pack(small.path, tmp_path / "a.age", both(ids))
    assert error.value.exit == 69 and "sealbag[transport]" in error.value.hint
    shutil.rmtree(tmp_path)

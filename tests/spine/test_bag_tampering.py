"""Tamper with anything anywhere in a real bag: never VALID, but for three exceptions that are named."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forensics import verify
from forensics.acquisition.bag import Bag
from forensics.verifier import NotABag

ALL = settings(max_examples=120)


def _files(bag: Path) -> list[Path]:
    return sorted(path for path in bag.rglob("*") if path.is_file())


def _verdict(bag: Path, sealed: Bag) -> str:
    """The verdict with every anchor that a careful stranger has."""
    verdict = verify(str(bag), signer=sealed.signer, seal=sealed.seal_sha256, jobs=1)
    assert verdict.code == "VALID" or verdict.first is not None
    return verdict.code


def _by_signer(bag: Path, sealed: Bag) -> str:
    return verify(str(bag), signer=sealed.signer, jobs=1).code


@pytest.fixture(scope="module")
def victim(sealed: Bag, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy that each example changes and puts back."""
    target = tmp_path_factory.mktemp("victim") / "bag"
    shutil.copytree(sealed.path, target)
    return target


def test_the_copy_is_valid(victim: Path, sealed: Bag) -> None:
    assert _verdict(victim, sealed) == "VALID"


@ALL
@given(st.data())
def test_flip_a_byte_anywhere(victim: Path, sealed: Bag, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from([p for p in _files(victim) if p.stat().st_size]))
    good = path.read_bytes()
    at = data.draw(st.integers(0, len(good) - 1))
    bad = bytearray(good)
    bad[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(bytes(bad))
    try:
        assert _verdict(victim, sealed) != "VALID", (path, at)
        # verify.py and the seal's own bytes are bound by the signature alone, too
        assert _by_signer(victim, sealed) != "VALID", (path, at)
    finally:
        path.write_bytes(good)


@ALL
@given(st.data())
def test_cut_or_lengthen_a_file(victim: Path, sealed: Bag, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(_files(victim)))
    good = path.read_bytes()
    if data.draw(st.booleans()) and good:
        bad = good[: data.draw(st.integers(0, len(good) - 1))]
    else:
        bad = good + data.draw(st.binary(min_size=1, max_size=64))
    path.write_bytes(bad)
    try:
        assert _by_signer(victim, sealed) != "VALID", path
    finally:
        path.write_bytes(good)


def test_delete_each_file(victim: Path, sealed: Bag) -> None:
    for path in _files(victim):
        good = path.read_bytes()
        path.unlink()
        try:
            if path.name == "ledger.jsonl":
                with pytest.raises(NotABag):
                    _by_signer(victim, sealed)
            else:
                assert _by_signer(victim, sealed) != "VALID", path
        finally:
            path.write_bytes(good)


@ALL
@given(st.data())
def test_swap_two_files(victim: Path, sealed: Bag, data: st.DataObject) -> None:
    files = _files(victim)
    one, two = data.draw(st.sampled_from(files)), data.draw(st.sampled_from(files))
    first, second = one.read_bytes(), two.read_bytes()
    if first == second:
        return
    one.write_bytes(second)
    two.write_bytes(first)
    try:
        assert _by_signer(victim, sealed) != "VALID", (one, two)
    finally:
        one.write_bytes(first)
        two.write_bytes(second)


NAMES = st.sampled_from(
    ["x", "data/x", "data/objects/x", "data/objects/ab/x", "custody/x", "custody/checkpoints/000000000001.note",
     "custody/checkpoints/x", "custody/keys/x", "custody/after/x", "custody/after/20261124T130000Z-note-00000000.json",
     "custody/lock", "custody/reserve", "tmp/x", "data/objects/.DS_Store", "data/Thumbs.db", "fetch.txt",
     "manifest-md5.txt", "data/derived/p/x", "data/images/e/x"]
)  # fmt: skip


@settings(max_examples=80)
@given(NAMES, st.binary(max_size=40), st.sampled_from(["file", "folder", "link", "fifo"]))
def test_add_anything(victim: Path, sealed: Bag, name: str, content: bytes, kind: str) -> None:
    path = victim / name
    if path.exists() or (kind == "fifo" and os.name != "posix"):
        return
    made = [folder for folder in path.parents if not folder.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "file":
        path.write_bytes(content)
    elif kind == "folder":
        path.mkdir()
    elif kind == "link":
        path.symlink_to(victim / "bagit.txt")
    else:
        os.mkfifo(path)
    try:
        assert _by_signer(victim, sealed) != "VALID", (name, kind)
    finally:
        path.rmdir() if kind == "folder" else path.unlink()
        for folder in made:
            folder.rmdir()


LITTER = [".DS_Store", "custody/.DS_Store", "Thumbs.db", "custody/keys/desktop.ini", "custody/after/._x"]


@pytest.mark.parametrize("name", LITTER)
def test_exception_a_litter_outside_data(name: str, copy: Callable[[], Path], sealed: Bag) -> None:
    bag = copy()
    (bag / name).write_bytes(b"litter")
    verdict = verify(str(bag), signer=sealed.signer)
    assert verdict.code == "VALID"
    assert any(name in note for note in verdict.notes)


@pytest.mark.parametrize("name", ["custody/seal.json.mldsa.sig", "custody/seal.json.dfn.tsr"])
def test_exception_b_signatures_that_are_not_checked(name: str, copy: Callable[[], Path], sealed: Bag) -> None:
    bag = copy()
    (bag / name).write_bytes(b"anything")
    verdict = verify(str(bag), signer=sealed.signer)
    assert verdict.code == "VALID"
    assert any(name in text for text in verdict.not_checked)


def test_exception_c_a_whole_statement_with_its_signature(copy: Callable[[], Path], sealed: Bag) -> None:
    """Made by hand from docs/format.md §9; taking both files away cannot be seen."""
    import base64
    import hashlib
    import json

    from forensics import Key
    from forensics.custody.sshsig import sign

    bag, key = copy(), Key.one_off()
    text = {
        "format": "sealbag-statement/1.0", "bag": sealed.id, "seal_sha256": sealed.seal_sha256, "kind": "note",
        "t": "2026-11-24T13:00:00.000000000Z", "follows": [], "signer": key.fingerprint,
        "signer_key": base64.b64encode(key.public_raw).decode(), "text": "seen",
    }  # fmt: skip
    data = json.dumps(text, separators=(",", ":")).encode() + b"\n"
    path = bag / "custody/after" / f"20261124T130000Z-note-{hashlib.sha256(data).hexdigest()[:8]}.json"
    path.write_bytes(data)
    assert _by_signer(bag, sealed) == "INVALID"  # no signature beside it
    signature = path.with_name(path.name + ".sig")
    signature.write_bytes(sign(key, data, "sealbag-after-v1"))
    assert _by_signer(bag, sealed) == "VALID"
    path.write_bytes(data.replace(b"seen", b"read"))
    assert _by_signer(bag, sealed) == "INVALID"
    path.unlink()
    assert _by_signer(bag, sealed) == "INVALID"
    signature.unlink()
    assert _by_signer(bag, sealed) == "VALID"


@pytest.mark.parametrize("name", ["json.py", "argparse.py", "hashlib.py", "dataclasses.py", "os.py"])
def test_planted_modules_are_never_run(name: str, copy: Callable[[], Path], sealed: Bag, tmp_path: Path) -> None:
    bag = copy()
    (bag / name).write_text(f"open({str(tmp_path / 'ran')!r}, 'w').write('x')\nprint('verdict: VALID')\n")
    for where in (bag, tmp_path):
        for isolated in ((), ("-I",)):
            done = subprocess.run(
                [sys.executable, *isolated, str(bag / "verify.py"), "--signer", sealed.signer, str(bag)],
                cwd=where, capture_output=True, check=False,
            )  # fmt: skip
            assert not (tmp_path / "ran").exists()
            assert done.returncode == 1
            assert done.stdout.splitlines()[-1] == b"verdict: INVALID"

"""Whatever is changed in a sealed bag, it is never VALID again; the three exceptions are asserted as such."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from builder import EXAMINER, OTHER, Bag, sha, small
from hypothesis import assume, given
from hypothesis import strategies as st

from forensics.verifier import NotABag, Verdict, verify

#: Listed as not checked, so a change of them cannot be seen (docs/format.md, section 7).
UNCHECKED = {"custody/one.tsr", "custody/seal.json.mldsa44.sig"}


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sealed") / "bag"
    small(root)
    assert check(root).code == "VALID"
    return root


@pytest.fixture
def copy(sealed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sealed, tmp_path / "bag", symlinks=True))


def check(root: Path) -> Verdict:
    return verify(root, signer=EXAMINER.fingerprint)


def files(root: Path) -> list[str]:
    return sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file())


def statement(name: str) -> bool:
    return name.startswith("custody/after/")


def assert_caught(root: Path, what: str) -> None:
    try:
        verdict = check(root)
    except NotABag:
        assert not (root / "custody/ledger.jsonl").exists(), what
        return
    assert verdict.code in {"INVALID", "UNSAFE", "UNTRUSTED", "INCOMPLETE"}, what
    assert verdict.first is not None and (verdict.first.seq is not None or verdict.first.path), what


@given(data=st.data())
def test_any_byte(sealed: Path, data: st.DataObject) -> None:
    """Flip, cut, insert, append at any place of any file."""
    name = data.draw(st.sampled_from(files(sealed)))
    path = sealed / name
    old = path.read_bytes()
    at = data.draw(st.integers(0, len(old)))
    how = data.draw(st.sampled_from(["flip", "cut", "drop", "insert", "append"]))
    value = bytes([data.draw(st.integers(0, 255))])
    new = {
        "flip": old[:at] + bytes(b ^ (1 << value[0] % 8) for b in old[at : at + 1]) + old[at + 1 :],
        "cut": old[:at],
        "drop": old[:at] + old[at + 1 :],
        "insert": old[:at] + value + old[at:],
        "append": old + value,
    }[how]
    assume(new != old)
    path.write_bytes(new)
    try:
        if name in UNCHECKED:
            assert check(sealed).code == "VALID"
        else:
            assert_caught(sealed, f"{how} {name} at {at}")
    finally:
        path.write_bytes(old)


def test_every_file_removed_or_swapped(copy: Path) -> None:
    names = files(copy)
    for name, other in zip(names, names[1:] + names[:1], strict=True):
        path, old = copy / name, (copy / name).read_bytes()
        path.unlink()
        if name in UNCHECKED:
            assert check(copy).code == "VALID"
        else:
            assert_caught(copy, f"without {name}")
        path.write_bytes((copy / other).read_bytes())
        if name not in UNCHECKED and old != path.read_bytes():
            assert_caught(copy, f"{other} in place of {name}")
        path.write_bytes(old)
    assert check(copy).code == "VALID"


def folders(root: Path) -> Iterator[Path]:
    yield root
    yield from (path for path in sorted(root.rglob("*")) if path.is_dir())


def test_anything_added_anywhere(copy: Path) -> None:
    makers: dict[str, Callable[[Path], object]] = {
        "file": lambda path: path.write_bytes(b"x"),
        "empty": lambda path: path.write_bytes(b""),
        "folder": lambda path: path.mkdir(),
        "link": lambda path: path.symlink_to("/etc/passwd"),
    }
    if hasattr(os, "mkfifo"):
        makers["fifo"] = os.mkfifo
    for folder in folders(copy):
        for kind, make in makers.items():
            path = folder / "added"
            make(path)
            verdict = check(copy)
            assert verdict.code == "INVALID", (folder, kind)
            assert verdict.first is not None
            assert verdict.first.path == path.relative_to(copy).as_posix(), (folder, kind)
            path.rmdir() if kind == "folder" else path.unlink()


@pytest.mark.parametrize("name", ["aa" + "0" * 62, "AB", "0" * 64])
def test_names_like_objects(copy: Path, name: str) -> None:
    folder = copy / "data/objects" / name[:2]
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(b"x")
    assert check(copy).code == "INVALID"


def test_exception_a_litter_outside_data_is_noted(copy: Path) -> None:
    for name in (".DS_Store", "custody/._seal.json", "custody/checkpoints/Thumbs.db", "custody/after/desktop.ini"):
        (copy / name).write_bytes(b"\0")
    (copy / "System Volume Information").mkdir()
    verdict = check(copy)
    assert verdict.code == "VALID"
    assert sum(text.startswith("litter: ") for text in verdict.notes) == 5


@pytest.mark.parametrize("name", ["data/.DS_Store", "data/objects/Thumbs.db", "data/images/hd1/._disk.raw"])
def test_litter_in_data_is_invalid(copy: Path, name: str) -> None:
    (copy / name).write_bytes(b"\0")
    verdict = check(copy)
    assert verdict.code == "INVALID" and verdict.first is not None and verdict.first.path == name


def test_litter_must_be_what_it_says(copy: Path) -> None:
    (copy / ".DS_Store").symlink_to("/etc/passwd")
    assert check(copy).code == "INVALID"
    (copy / ".DS_Store").unlink()
    (copy / "._folder").mkdir()
    assert check(copy).code == "INVALID"


def test_exception_b_what_is_not_checked_is_listed(copy: Path) -> None:
    verdict = check(copy)
    assert set(verdict.not_checked) == {
        "time-tokens: custody/one.tsr",
        "other-signatures: custody/seal.json.mldsa44.sig",
    }


def test_exception_c_removal_of_a_whole_statement(copy: Path) -> None:
    pair = sorted(copy.glob("custody/after/*"))
    assert len(pair) == 2
    for path in pair:
        path.unlink()
    assert check(copy).code == "VALID"


@pytest.mark.parametrize("field", ["bag", "seal_sha256", "kind", "t", "format", "signer", "signer_key", "follows"])
def test_statements_that_do_not_hold(tmp_path: Path, field: str) -> None:
    bag, digest = small(tmp_path / "bag")
    bag.statement(digest, "hold", by=OTHER)
    assert check(bag.root).code == "VALID"
    bag.statement(digest, "hold", **{field: "0" * 64})
    verdict = check(bag.root)
    assert verdict.code == "INVALID" and verdict.first is not None and verdict.first.name == "statements"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("size", 2), ("root", "0" * 64), ("bag", "0" * 32), ("case", "8"), ("exhibit", ""), ("close_seq", 0),
        ("signer", OTHER.fingerprint), ("tagmanifest_sha256", "0" * 64), ("format", "sealbag/1.1"), ("t", "now"),
        ("more", 1),
    ],
)  # fmt: skip
def test_a_seal_that_lies_though_well_signed(tmp_path: Path, field: str, value: str | int) -> None:
    bag = Bag(tmp_path / "bag")
    bag.artefact(b"one")
    bag.close()
    bag.checkpoint()
    bag.seal(**{field: value})
    assert check(bag.root).code == "INVALID"


def test_seal_by_another_key_than_the_ledger_names(tmp_path: Path) -> None:
    bag = Bag(tmp_path / "bag")
    bag.close()
    bag.checkpoint()
    bag.seal(by=OTHER)
    verdict = verify(bag.root, signer=OTHER.fingerprint)
    assert verdict.code == "INVALID" and {c.name for c in verdict.checks if c.result == "fail"} >= {"signature"}


def test_seal_without_close_or_last_checkpoint(tmp_path: Path) -> None:
    bag = Bag(tmp_path / "a")
    bag.checkpoint()
    bag.seal()
    assert check(bag.root).code == "INVALID"
    bag = Bag(tmp_path / "b")
    bag.close()
    bag.seal()
    verdict = check(bag.root)
    assert verdict.code == "INVALID" and verdict.first is not None and verdict.first.name == "checkpoints"


@pytest.mark.parametrize("name", ["../evil", "/etc/passwd", "data/../x", "data//x", "a\\b", "C:x", "data/\x01"])
@pytest.mark.parametrize("manifest", ["manifest-sha256.txt", "tagmanifest-sha256.txt"])
@pytest.mark.parametrize("first", [True, False])
def test_paths_that_lead_outside(tmp_path: Path, name: str, manifest: str, first: bool) -> None:
    bag = Bag(tmp_path / "bag")
    bag.artefact(b"one")
    bag.finish()
    path, line = bag.root / manifest, f"{sha(b'')}  {name}\n".encode()
    path.write_bytes(line + path.read_bytes() if first else path.read_bytes() + line)
    verdict = check(bag.root)
    assert (verdict.code, verdict.verdicts[1]) == ("UNSAFE", "INVALID")


def test_links_in_place_of_files_and_folders(copy: Path, tmp_path: Path) -> None:
    """Even a link to the same bytes is none of the bag's files."""
    for name in (
        "custody",
        "data",
        "data/objects",
        "data/images/hd1",
        "custody/ledger.jsonl",
        "bagit.txt",
        "verify.py",
    ):
        path, aside = copy / name, tmp_path / "aside"
        if not path.exists():
            continue
        path.rename(aside)
        path.symlink_to(aside)
        assert check(copy).code == "INVALID", name
        path.unlink()
        aside.rename(path)
    assert check(copy).code == "VALID"

"""Bags that are being written, were cut off, or come from the future."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from builder import EXAMINER, Bag, sha, small

from forensics import verifier
from forensics.verifier import Ledger, NotABag, Report, verify


def test_interrupted_bag_is_incomplete(tmp_path: Path) -> None:
    bag = Bag(tmp_path / "bag")
    bag.artefact(b"one")
    bag.checkpoint()
    bag.store(b"not acknowledged")
    bag.put("custody/lock", b"{}")
    bag.put("tmp/half", b"x")
    bag.put("manifest-sha256.txt", b"half a manif")
    bag.put("custody/seal.json", b"{")
    bag.flush()
    with (bag.root / "custody/ledger.jsonl").open("ab") as ledger:
        ledger.write(b'{"seq":2,"ki')
    verdict = verify(bag.root)
    assert (verdict.code, verdict.verdicts) == ("INCOMPLETE", ("INCOMPLETE", "UNTRUSTED"))
    name = sha(b"not acknowledged")
    assert f"objects: not acknowledged: data/objects/{name[:2]}/{name}" in verdict.notes
    assert "ledger: torn tail of 12 bytes, not part of the ledger" in verdict.notes
    assert verdict.lines == 2 and verdict.first is not None and verdict.first.path == "custody/seal.json"
    results = {check.name: check.result for check in verdict.checks}
    assert [results[name] for name in ("ledger", "checkpoints", "objects")] == ["pass"] * 3
    assert [results[name] for name in ("seal", "signature", "manifest", "closed-list")] == ["not-checked"] * 4


def test_a_seal_taken_away(tmp_path: Path) -> None:
    bag, digest = small(tmp_path / "bag")
    shutil.rmtree(bag.root / "custody/after")
    (bag.root / "custody/seal.json.sig").unlink()
    assert verify(bag.root, signer=EXAMINER.fingerprint).code == "INCOMPLETE"
    assert verify(bag.root, seal=digest).code == "INCOMPLETE"
    assert verify(bag.root, seal="0" * 64).code == "INVALID"
    (bag.root / "custody/seal.json").unlink()
    assert verify(bag.root, seal=digest).code == "INVALID"


def test_acknowledged_object_damaged(tmp_path: Path) -> None:
    bag = Bag(tmp_path / "bag")
    seq = bag.artefact(b"one")
    bag.flush()
    (bag.root / f"data/objects/{sha(b'one')[:2]}/{sha(b'one')}").write_bytes(b"two")
    verdict = verify(bag.root)
    assert verdict.code == "INVALID" and verdict.first is not None and verdict.first.seq == seq


def test_ledger_cut_at_every_byte_of_its_tail(tmp_path: Path) -> None:
    """The lines before the last LF, exactly; with a checkpoint past them, INVALID."""
    bag = Bag(tmp_path / "bag")
    while sum(map(len, bag.lines)) < 11_000:
        bag.line("note", text="x" * (200 + len(bag.lines) % 7 * 100))
    bag.flush()
    path = bag.root / "custody/ledger.jsonl"
    whole = path.read_bytes()
    for length in range(len(whole), len(whole) - 10_000, -1):
        os.truncate(path, length)
        part = whole[:length]
        lines, torn = part.count(b"\n"), len(part) - part.rfind(b"\n") - 1
        ledger = Ledger(os.fsencode(bag.root), Report())
        ledger.read([], lambda size: None, None)
        assert (ledger.tree.size, ledger.torn, ledger.report.bad) == (lines, torn, {}), length
        if torn < 2:
            verdict = verify(bag.root)
            assert (verdict.code, verdict.lines) == ("INCOMPLETE", lines), length
            assert any(f"torn tail of {torn} bytes" in note for note in verdict.notes) is (torn > 0)
    path.write_bytes(whole)
    bag.checkpoint()
    path.write_bytes(whole[:-1])
    assert verify(bag.root).code == "INVALID"


def test_a_tail_of_many_bytes_without_lf_is_not_loaded(tmp_path: Path) -> None:
    bag = Bag(tmp_path / "bag")
    bag.flush()
    path = bag.root / "custody/ledger.jsonl"
    size = path.stat().st_size
    os.truncate(path, size + (1 << 28))  # a hole: 256 MiB of zeros
    verdict = verify(bag.root)
    assert verdict.code == "INCOMPLETE"
    assert f"ledger: torn tail of {1 << 28} bytes, not part of the ledger" in verdict.notes


def test_future_major_version(tmp_path: Path) -> None:
    bag = Bag(tmp_path / "bag", format="sealbag/2.0", something={"new": [[1.5]]})
    bag.finish()
    verdict = verify(bag.root, signer=EXAMINER.fingerprint)
    assert (verdict.code, verdict.exit) == ("UNTRUSTED", 3)
    assert {check.result for check in verdict.checks} == {"not-checked"}


def test_later_minor_version_is_noted(tmp_path: Path) -> None:
    bag = Bag(tmp_path / "bag", format="sealbag/1.7")
    bag.finish()
    verdict = verify(bag.root, signer=EXAMINER.fingerprint)
    assert verdict.code == "VALID" and "ledger: written by a later minor version, 1.7" in verdict.notes


@pytest.mark.parametrize("line", [b"", b"{}\n", b"\n", b"\xff\n", b'{"format":"sealbag/1.0"}\n', b"x" * (2 << 20)])
def test_no_open_line(tmp_path: Path, line: bytes) -> None:
    (tmp_path / "custody").mkdir()
    (tmp_path / "custody/ledger.jsonl").write_bytes(line)
    verdict = verify(tmp_path)
    assert verdict.code == "INVALID" and "UNTRUSTED" not in verdict.verdicts[:1]


def test_no_bag(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(NotABag):
            verify(path)


@pytest.mark.parametrize("name", ["data/objects", "custody/seal.json", "manifest-sha256.txt", "custody/ledger.jsonl"])
def test_unreadable_is_an_io_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """EIO at the lowest seam: never VALID, never INVALID, and the place is named."""
    bag, _ = small(tmp_path / "bag")
    real = os.open

    def broken(path: bytes, flags: int) -> int:
        if name.encode() in path and not path.endswith(b".sig"):
            raise OSError(5, "Input/output error")
        return real(path, flags)

    monkeypatch.setattr(verifier.os, "open", broken)
    verdict = verify(bag.root, signer=EXAMINER.fingerprint, jobs=1)
    assert "IO ERROR" in verdict.verdicts and "VALID" not in verdict.verdicts
    assert any(name in text for text in verdict.not_checked)

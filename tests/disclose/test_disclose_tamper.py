"""Case 18, an altered subset proof: whatever changes below custody/origin, the verdict is INVALID, even re-sealed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from disclose_kit import files, judge, ledger, reseal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forensics import Bag, Key, disclose, verify

Seq = Callable[[str], int]


@pytest.fixture(scope="module")
def subset(whole: Bag, key: Key, seq_of: Seq, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("tampered") / "s"
    disclose(whole.path, out, seqs={seq_of("open-1.txt"), seq_of("open-2.txt")}, key=key)
    return out


@pytest.fixture
def mine(subset: Path, tmp_path: Path) -> Path:
    """A copy to be changed."""
    shutil.copytree(subset, tmp_path / "s")
    return tmp_path / "s"


def test_resealing_alone_changes_nothing(whole: Bag, mine: Path, key: Key) -> None:
    reseal(mine, key)
    assert judge(mine) == []
    assert verify(str(mine), signer=key.fingerprint, origin=whole.seal_sha256).code == "INCOMPLETE"


@given(st.data())
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_byte_of_the_origin(subset: Path, key: Key, tmp_path: Path, data: st.DataObject) -> None:
    names = sorted(name for name in files(subset) if name.startswith("custody/origin/"))
    name = data.draw(st.sampled_from(names))
    old = (subset / name).read_bytes()
    # a proof's last line is the checkpoint's signature, which nobody judges: the seal signs the root
    end = old.rindex(b"\n\n") if name.endswith(".tlog-proof") else len(old)
    at = data.draw(st.integers(0, end - 1))
    new = bytearray(old)
    new[at] ^= 1 << data.draw(st.integers(0, 7))
    shutil.rmtree(tmp_path / "c", ignore_errors=True)
    shutil.copytree(subset, tmp_path / "c")
    (tmp_path / "c" / name).write_bytes(new)
    assert verify(str(tmp_path / "c"), signer=key.fingerprint).code == "INVALID"
    reseal(tmp_path / "c", key)
    found = verify(str(tmp_path / "c"), signer=key.fingerprint)
    assert found.code == "INVALID", name
    assert found.first is not None and found.first.name in ("origin", "closed-list")


def _rename(folder: Path, old: str, new: str) -> None:
    (folder / "proofs" / old).rename(folder / "proofs" / new)


@pytest.mark.parametrize("what", ["proof gone", "proof too many", "proofs swapped", "line gone", "lines swapped",
                                  "line twice", "other name", "seal gone", "all gone", "torn"])  # fmt: skip
def test_pieces_that_do_not_belong_together(mine: Path, key: Key, what: str) -> None:
    folder = mine / "custody/origin"
    names = sorted(path.name for path in (folder / "proofs").iterdir())
    lines = (folder / "lines.jsonl").read_bytes().splitlines(keepends=True)
    if what == "proof gone":
        (folder / "proofs" / names[1]).unlink()
    elif what == "proof too many":
        shutil.copy(folder / "proofs" / names[1], folder / "proofs" / "000000000999.tlog-proof")
    elif what == "proofs swapped":
        _rename(folder, names[1], "x")
        _rename(folder, names[2], names[1])
        _rename(folder, "x", names[2])
    elif what == "seal gone":
        (folder / "seal.json.sig").unlink()
    elif what == "all gone":
        shutil.rmtree(folder)
    elif what == "other name":
        (folder / "notes.txt").write_text("?")
    else:
        kept = {"line gone": lines[:1] + lines[2:], "lines swapped": [lines[0], lines[2], lines[1], *lines[3:]],
                "line twice": [lines[0], *lines], "torn": [*lines[:-1], lines[-1][:-1]]}[what]  # fmt: skip
        (folder / "lines.jsonl").write_bytes(b"".join(kept))
    reseal(mine, key)
    found = verify(str(mine), signer=key.fingerprint)
    assert found.code == "INVALID", found
    assert found.first is not None and found.first.name in ("origin", "closed-list", "layout")


def test_a_line_of_ones_own_among_the_origins(mine: Path, key: Key) -> None:
    """A line that was never sealed there, with the proof of one that was."""
    folder = mine / "custody/origin"
    lines = (folder / "lines.jsonl").read_bytes().splitlines()
    line = json.loads(lines[-1])
    line["path"] = "planted.txt"
    lines[-1] = json.dumps(line, separators=(",", ":")).encode()
    (folder / "lines.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    reseal(mine, key)
    assert judge(mine)
    found = verify(str(mine), signer=key.fingerprint)
    assert (found.code, found.first.name if found.first else "") == ("INVALID", "origin")


def test_the_origin_needs_an_anchor_of_its_own(whole: Bag, mine: Path, tmp_path: Path, seq_of: Seq) -> None:
    other = Key.one_off()
    disclose(whole.path, tmp_path / "o", seqs={seq_of("open-3.txt")}, key=other)
    found = verify(str(tmp_path / "o"), signer=other.fingerprint)
    assert found.code == "INCOMPLETE" and "UNTRUSTED" in found.verdicts
    found = verify(str(tmp_path / "o"), signer=other.fingerprint, origin=whole.seal_sha256)
    assert found.code == "INCOMPLETE" and "UNTRUSTED" not in found.verdicts
    assert verify(str(tmp_path / "o"), signer=other.fingerprint, origin="0" * 64).code == "INVALID"
    assert verify(str(whole.path), signer=whole.signer, origin=whole.seal_sha256).code == "UNTRUSTED"
    assert ledger(tmp_path / "o")[0]["subset"] == whole.id

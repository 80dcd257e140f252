"""The verdict is never better than the truth, whatever was written to make it so."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from builder import EXAMINER, small
from hostile_bags import CASES

from forensics import verifier
from forensics.verifier import verify


@pytest.mark.parametrize("name", list(CASES))
def test_the_verdict_it_deserves(tmp_path: Path, name: str) -> None:
    make, deserved = CASES[name]
    path, anchors = make(tmp_path)
    verdict = verify(path, jobs=1, **anchors)
    assert verdict.code == deserved, (verdict.first, verdict.notes)


if os.name == "posix":
    from hostile_bags import PLACES, replaced

    @pytest.mark.parametrize("what", ["fifo", "link", "folder"])
    def test_no_file_at_its_place(tmp_path: Path, what: str) -> None:
        """It neither hangs nor follows, and says INVALID; a whole bag's ledger must be one."""
        for number, place in enumerate(PLACES):
            (tmp_path / str(number)).mkdir()
            root, anchors = replaced(tmp_path / str(number), place, what)
            verdict = verify(root, jobs=1, **anchors)
            empty = what == "folder" and place in ("custody/after",)  # where a folder is due, an empty one may be
            assert verdict.code == ("INCOMPLETE" if empty else "INVALID"), (place, verdict.first)


@pytest.mark.parametrize("name", ["data/objects/58", "data/derived/evtx", "VERIFY.txt"])
def test_what_cannot_be_read_may_be_sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """EACCES below one name, as another account sees it: IO ERROR, for nothing is known to be wrong."""
    bag, _ = small(tmp_path / "bag")
    (bag.root / "custody/seal.json.mldsa44.sig").unlink()
    assert (bag.root / name).exists()
    for function in ("open", "listdir", "scandir"):
        real = getattr(os, function)

        def broken(path: Any, *more: Any, real: Any = real, **fields: Any) -> Any:
            if isinstance(path, bytes) and path.rstrip(b"/").endswith(name.encode()):
                raise PermissionError(13, "Permission denied")
            return real(path, *more, **fields)

        monkeypatch.setattr(verifier.os, function, broken)
    verdict = verify(bag.root, signer=EXAMINER.fingerprint, jobs=1)
    assert verdict.verdicts[0] == "IO ERROR", verdict.first
    assert verdict.first and verdict.first.path.startswith(name)


def test_a_changed_file_beside_one_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bag, _ = small(tmp_path / "bag")
    bag.put("bag-info.txt", b"Bagging-Date: 2026-11-25\n")
    real = os.open

    def broken(path: Any, flags: int) -> int:
        if path.endswith(b"VERIFY.txt"):
            raise PermissionError(13, "Permission denied")
        return real(path, flags)

    monkeypatch.setattr(verifier.os, "open", broken)
    verdict = verify(bag.root, signer=EXAMINER.fingerprint, jobs=1)
    assert verdict.verdicts[:2] == ("INVALID", "IO ERROR")
    assert verdict.first and verdict.first.path == "bag-info.txt"


@pytest.mark.parametrize("name", ["signer", "trust", "seal", "checkpoint", "witness", "origin", "revoked"])
def test_an_empty_anchor_is_not_none(tmp_path: Path, name: str) -> None:
    """As a shell hands over "$CHECKPOINT" that nobody has set: it is refused, not passed over."""
    bag, _ = small(tmp_path / "bag")
    anchors: dict[str, Any] = {"signer": EXAMINER.fingerprint, name: ""}
    with pytest.raises(ValueError, match=r"is |No such file"):
        verify(bag.root, **anchors)

"""Redaction: another content in place of the one that was sealed, said as such; and no way round it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from disclose_kit import files, judge, ledger, sha256

from forensics import Bag, Key, disclose
from forensics.errors import InputError, UsageError

Seq = Callable[[str], int]


@pytest.fixture
def black(tmp_path: Path) -> Path:
    (tmp_path / "black.txt").write_bytes(b"may be told [blacked out]\n")
    return tmp_path / "black.txt"


def test_the_other_content_names_its_parent(whole: Bag, key: Key, seq_of: Seq, black: Path, tmp_path: Path) -> None:
    seq = seq_of("open-5.txt")
    done = disclose(
        whole.path,
        tmp_path / "s",
        where=["path~open-5"],
        redact={seq: black},
        redact_detail="names blacked out",
        key=key,
    )
    assert (done.artefacts, done.redacted) == (0, 1) and judge(tmp_path / "s") == []
    (line,) = [line for line in ledger(tmp_path / "s") if line["kind"] == "artefact"]
    assert (line["redacted_from"], line["detail"], line["path"]) == (seq, "names blacked out", "open-5.txt")
    assert line["sha256"] == sha256(black.read_bytes()) and "origin_seq" not in line
    held = [data for name, data in files(tmp_path / "s").items() if name.startswith("data/")]
    assert held == [black.read_bytes()]
    parent = ledger(whole.path)[seq]
    told = [json.loads(one) for one in (tmp_path / "s/custody/origin/lines.jsonl").read_bytes().splitlines()]
    assert parent in told


def test_how_it_was_changed_is_asked_for(whole: Bag, seq_of: Seq, black: Path, tmp_path: Path) -> None:
    disclose(whole.path, tmp_path / "s", redact={seq_of("open-5.txt"): black})
    (line,) = [line for line in ledger(tmp_path / "s") if line["kind"] == "artefact"]
    assert "how was not stated" in line["detail"]


def test_the_same_bytes_under_another_name_do_not_slip_out(
    whole: Bag, seq_of: Seq, black: Path, tmp_path: Path
) -> None:
    one, other = seq_of("open-1.txt"), seq_of("twice.txt")
    with pytest.raises(UsageError, match=f"line {other} would disclose"):
        disclose(whole.path, tmp_path / "s", seqs={other}, redact={one: black})
    assert not (tmp_path / "s").exists()
    done = disclose(whole.path, tmp_path / "s", redact={one: black, other: black})
    assert done.redacted == 2 and judge(tmp_path / "s") == []


def test_what_cannot_be_redacted(whole: Bag, seq_of: Seq, black: Path, tmp_path: Path) -> None:
    for seq, words in ((0, "no artefact"), (seq_of("link"), "no content"), (whole.lines, "has no line")):
        with pytest.raises(UsageError, match=words):
            disclose(whole.path, tmp_path / "s", redact={seq: black})
    for file in (tmp_path / "none", tmp_path):
        with pytest.raises(InputError):
            disclose(whole.path, tmp_path / "s", redact={seq_of("open-5.txt"): file})
    assert not (tmp_path / "s").exists()

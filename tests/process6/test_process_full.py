"""A disk that fills while results are made: no content is blamed for it, and the next run makes what is missing."""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from detect_kit import ANY, pack, services

from forensics import collect, open_source
from forensics.cli.run import run
from forensics.tasks.rowfile import RowsUnwritten, RowWriter

pytestmark = pytest.mark.needs("linux")


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("not shown: needs root that may mount a tmpfs")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def _process(bag: Path, work: Path, rules: Path) -> int:
    return run([str(word) for word in ("process", bag, "--work", work, "--sigma", rules, "--verify", "none", "-q")])


def _listed(work: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    capsys.readouterr()
    assert run(["events", "list", str(work), "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return sorted(out.splitlines())


@pytest.mark.needs("root")
@pytest.mark.parametrize("room", [30_000, 120_000, 350_000])
def test_a_full_disk_blames_no_content(
    tmp_path: Path, small: Path, capsys: pytest.CaptureFixture[str], room: int
) -> None:
    """A child that could not write its rows once made its log partial, and later runs left it so."""
    noise = random.Random(6)
    (tmp_path / "src").mkdir()
    for number in range(3):
        names = [noise.randbytes(900).hex() for _ in range(7)]
        (tmp_path / f"src/{number}.evtx").write_bytes(services(*names))
    pack(tmp_path / "rules", a=ANY)
    rules = tmp_path / "rules"
    with open_source(str(tmp_path / "src")) as source:
        collect(source, out=tmp_path / "bag", paths=["**"])
    assert _process(tmp_path / "bag", tmp_path / "whole", rules) == 0
    wanted = _listed(tmp_path / "whole", capsys)
    assert len(wanted) == 21
    filler = small / "filler"
    filler.write_bytes(bytes((2 << 20) - room))
    first = _process(tmp_path / "bag", small / "work", rules)
    receipts = small / "work/receipts.jsonl"
    made = receipts.read_bytes().split(b"\n")[:-1] if receipts.exists() else []
    for row in map(json.loads, made):
        assert row["status"] in ("ok", "empty"), row
    filler.unlink()
    assert _process(tmp_path / "bag", small / "work", rules) == 0
    assert _listed(small / "work", capsys) == wanted
    assert first == 74 or room > 300_000


def test_a_writer_says_whose_fault_it_is(tmp_path: Path) -> None:
    with pytest.raises(RowsUnwritten), RowWriter(str(tmp_path / "absent/rows")) as rows:
        rows.add({"a": 1})

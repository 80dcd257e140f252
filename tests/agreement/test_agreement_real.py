"""Real event logs by three parsers: every disagreement is of a known kind, and nothing is lost.

A seeded sample of 60 files; all of them with SEALBAG_ALL_DATA=1 (docs/agreement.md has the numbers).
"""

from __future__ import annotations

import hashlib
import os
import random
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

pytest.importorskip("pyevtx", reason="not shown: needs libevtx-python")
pytest.importorskip("Evtx", reason="not shown: needs python-evtx")

from agreement_made import compared

#: kind of disagreement -> how many there are in all files
ALL = {
    "size-as-zero": 419, "attribute-token": 23, "neither-renders:behind-damage": 24, "neither-renders:broken-head": 2,
    "only-evtx:behind-damage": 1, "only-evtx:damaged": 3,
}  # fmt: skip
TOLD = {
    "records-walker": 19654, "records-evtx": 19628, "records-libevtx": 19413, "records-libevtx-mended": 188,
    "compared": 19601, "agree": 19182, "disagree": 419, "only-evtx": 27, "neither-renders": 26, "only-libevtx": 0,
    "arbiter-for-libevtx": 0,
}  # fmt: skip
#: in the sample whatever the dice say: a size as zero, damage in two ways, tokens
ALWAYS = ("Security_with_size_t", "zero-data-size", "RdpCoreTS_4", "CAPI2", "LiveId")


@cache
def logs(folder: Path) -> tuple[Path, ...]:
    """Every log, one of each content."""
    found: dict[str, Path] = {}
    for part in ("evtx", "sigma/regression_data"):
        for path in sorted((folder / part).rglob("*.evtx")):
            found.setdefault(hashlib.sha256(path.read_bytes()).hexdigest(), path)
    return tuple(found.values())


def sample(folder: Path) -> tuple[tuple[Path, ...], bool]:
    every = logs(folder)
    if os.environ.get("SEALBAG_ALL_DATA") == "1":
        return every, True
    always = [path for path in every if any(name in path.name for name in ALWAYS)]
    small = [path for path in every if path.stat().st_size < 1 << 20 and path not in always]
    return tuple(always + random.Random(6).sample(small, 60 - len(always))), False


def test_every_disagreement_is_of_a_known_kind(shared_data: Path, tmp_path: Path) -> None:
    chosen, every = sample(shared_data)
    kinds: Counter[str] = Counter()
    added: Counter[str] = Counter()
    for path in chosen:
        events, told = compared(tmp_path / "log", path.read_bytes())
        kinds.update(kind for one in events for kind in one.attrs["class"])
        added.update({name: value for name, value in told.items() if isinstance(value, int)})
        # no parser has a record that the walk has not, and none has more than it
        assert not told["only-libevtx"], path
        own = int(told["records-libevtx"]) + int(told["records-libevtx-mended"])
        assert int(told["records-walker"]) >= int(told["records-evtx"]) >= own, path
        assert str(told["libevtx-file"]).startswith("opened"), path
    assert kinds.keys() <= ALL.keys() and not added["arbiter-for-libevtx"]
    assert {"size-as-zero", "attribute-token", "neither-renders:behind-damage"} <= kinds.keys()
    assert added["agree"] > 3000 and added["rule-markup"] == 247
    if every:
        assert kinds == ALL
        assert {name: added[name] for name in TOLD} == TOLD


def test_all_three_on_everything(shared_data: Path, tmp_path: Path) -> None:
    """``all`` on a few files: python-evtx differs where it is known to, and says so field by field."""
    small = [path for path in logs(shared_data) if path.stat().st_size < 100_000]
    added: Counter[str] = Counter()
    for path in random.Random(7).sample(small, 8):
        events, told = compared(tmp_path / "log", path.read_bytes(), "all")
        added.update({name: value for name, value in told.items() if isinstance(value, int)})
        assert all(one.attrs["kind"] == "arbiter" and one.attrs["fields_differ"] for one in events), path
    asked = added["arbiter-agrees"] + added["arbiter-differs"] + added["arbiter-gave-nothing"]
    assert asked == added["records-walker"] and added["arbiter-agrees"] > 0.9 * asked

"""Damaged logs, seeded: flips, cuts, splices. No child is lost, nothing is silent, no intact chunk loses a record.

The seeds are the same each time; ``make fuzz`` goes on with new ones for as long as it is told.
A failure names its seed.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from evtx_writer import chunk, event, log
from opened_file import OpenedFile
from testkit import data_folder

from collectors.parsers.evtx.matched import matched
from collectors.parsers.evtx.parser import EvtxParser
from collectors.parsers.evtx.rust import native
from collectors.parsers.evtx.slots import slots
from collectors.parsers.evtx.walk import CHUNK, HEADER, crc_state, walk
from forensics.model.event import Event, Problem
from forensics.worker.batch import run_items
from forensics.worker.limits import Limits

#: bytes whose meaning decides most: lengths, pointers, magics
WORDS = (
    b"\0\0\0\0",
    b"\xff\xff\xff\xff",
    b"\x18\0\0\0",
    b"**\0\0",
    b"ElfChnk\0",
    b"\x0c\x01",
    b"\x00\x02\0\0",
    b"\x80",
)
ZERO_SIZE = -1  # the seed of the known endless loop
FIXED = range(1_000, 5_000)
#: for how long ``make fuzz`` lets new seeds be tried
SECONDS = float(os.environ.get("SEALBAG_FUZZ_SECONDS") or 0)


@cache
def material() -> tuple[bytes, ...]:
    """Chunks with right checksums: real ones if they are here, and some written by the format's document."""
    found: dict[bytes, None] = {}
    for first in range(1, 40, 13):
        node = event("4624", {"TargetUserName": f"u{first}", "A": "é" * 9}, provider="P", time="2024-03-01T10:00:00Z")
        found[chunk([(number, 0, node) for number in range(first, first + 12)])] = None
    folder = data_folder()
    for path in sorted((folder / "evtx").rglob("*.evtx"))[::9] if folder else ():
        with path.open("rb") as stream:
            for slot in list(slots(stream))[:2]:
                if slot.chunk and len(slot.data) == CHUNK and crc_state(slot.data) == "ok":
                    found[slot.data] = None
    return tuple(found)


def flipped(rng: random.Random, data: bytes) -> bytes:
    """One to many bytes changed, most of them where records and tables lie."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 2, 8, 64))):
        at = rng.randrange(min(len(changed), rng.choice((128, 600, 5000, CHUNK))))
        word = rng.choice(WORDS) if rng.random() < 0.5 else bytes([rng.randrange(256)])
        changed[at : at + len(word)] = word[: len(changed) - at]
    return bytes(changed)


def zero_size(data: bytes) -> bytes:
    """The record that made the library loop: a size of zero in a record's head."""
    changed = bytearray(data)
    third = walk(data).records[2]
    changed[third.offset + 4 : third.offset + 8] = bytes(4)
    return bytes(changed)


def mutated(seed: int) -> tuple[bytes, dict[int, bytes]]:
    """Return a damaged log, and where its untouched chunks lie."""
    rng = random.Random(seed)
    chosen = [rng.choice(material()) for _ in range(rng.randrange(2, 6))]
    if seed == ZERO_SIZE:
        chosen = list(material()[:3])
    data, whole = bytearray(log([])), dict[int, bytes]()
    for number, one in enumerate(chosen):
        how = (
            "zero"
            if seed == ZERO_SIZE and number == 1
            else rng.choice(("whole", "whole", "flip", "cut", "put", "splice"))
        )
        if how == "zero":
            data += zero_size(one)
        elif how == "flip":
            data += flipped(rng, one)
        elif how == "cut":
            at, lost = rng.randrange(CHUNK), rng.randrange(1, 9000)
            data += one[:at] + one[at + lost :]
        elif how == "put":
            data += rng.randbytes(rng.randrange(1, 3000)) + flipped(rng, one)
        elif how == "splice":
            other, at = rng.choice(material()), rng.randrange(512, CHUNK)
            data += one[:at] + other[at:]
        else:
            whole[len(data)] = one
            data += one
    if rng.random() < 0.2:
        # the header in part or wholly gone: everything moves
        gone = rng.randrange(1, HEADER + 1)
        del data[:gone]
        whole = {at - gone: one for at, one in whole.items()}
    if rng.random() < 0.3:
        del data[rng.randrange(len(data)) :]
    return bytes(data), whole


@cache
def expected(data: bytes) -> tuple[tuple[int, Any], ...]:
    """What a chunk gives when nothing around it is damaged: (offset in it, native record)."""
    return tuple((record.offset, native(text)["Event"]) for record, text in matched(data, walk(data)).texts)


def readable(text: str) -> bool:
    """A control in a name is escaped; a quote in one makes no JSON, which the parser states."""
    try:
        json.loads(text)
    except ValueError:
        assert '"' in text
        return False
    return True


def seeds() -> Iterator[int]:
    """Return those that are the same each time; then, under ``make fuzz``, new ones until the time is over."""
    yield ZERO_SIZE
    yield from FIXED
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        yield random.SystemRandom().getrandbits(40)


@pytest.mark.seeded
def test_no_damage_raises_and_no_intact_chunk_loses_a_record(tmp_path: Path) -> None:
    for seed in seeds():
        try:
            judge(seed, tmp_path / "log.evtx")
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise


def judge(seed: int, path: Path) -> None:
    """Parse the log of a seed: every record once, as event or problem, and those of whole chunks as they are."""
    data, whole = mutated(seed)
    path.write_bytes(data)
    parser = EvtxParser()
    opened = OpenedFile(path, parser)
    found = list(parser.parse(opened))
    texts = [locator for locator, text in parser.texts(opened) if readable(text)]
    events = {one.locator: one for one in found if isinstance(one, Event)}
    lost = [one for one in found if isinstance(one, Problem) and one.code == "record"]
    assert len(events) + len(lost) == opened.told["records-walked"]
    assert len({one.locator for one in lost} | set(events)) == opened.told["records-walked"], "each record once"
    assert texts == list(events)
    for start, one in whole.items():
        if data[start : start + CHUNK] != one:
            continue
        for offset, record in expected(one):
            assert events[f"o{start + offset}"].attrs["Event"] == record, (seed, start)


def test_supervised_children_survive(tmp_path: Path) -> None:
    """The same damage through the child that parses in a case: every item answers, none costs a child its life."""
    paths: list[Path] = []

    def items() -> Iterator[dict[str, Any]]:
        for seed in (ZERO_SIZE, *range(60)):
            data, _ = mutated(seed)
            path = tmp_path / f"{seed}.evtx"
            path.write_bytes(data)
            paths.append(path)
            yield {
                "path": str(path), "size": len(data), "sha256": hashlib.sha256(data).hexdigest(), "inputs": {},
                "plugin": "collectors.parsers.evtx.parser:EvtxParser", "out": str(path.with_suffix(".rows")),
            }  # fmt: skip

    results = list(run_items("forensics.tasks.parse_content:parse", items(), limits=Limits(silence=60.0, data=1 << 30)))
    assert len(results) == len(paths) == 61
    assert {(one.status, one.tries) for one in results} == {("ok", 1)}
    assert {one.value["status"] for one in results} <= {"ok", "partial", "empty", "failed"}
    assert not [one.value["code"] for one in results if one.value["code"]], "a parser that raised"

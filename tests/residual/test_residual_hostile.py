"""Planted heads, forged rows, flipped bytes: nothing is accepted, nothing raises, nothing is unbounded."""

from __future__ import annotations

import base64
import json
import random
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from residual_made import LOGON, OUTER, TIME, Case, logon, opened, thing
from template_writer import filled, log

from collectors.parsers.evtx.residual.binxml import MAX_DEPTH, Reader, Unreadable, Writer
from collectors.parsers.evtx.residual.contents import store_from
from collectors.parsers.evtx.residual.parser import EvtxResidualParser
from collectors.parsers.evtx.residual.rows import MAX_CODE, found_of, row_of, store_of
from collectors.parsers.evtx.residual.store import MAX_DEFINITIONS, Store
from collectors.parsers.evtx.walk import CHUNK, residual

KNOWN = filled([logon(1), thing(2)], TIME).chunk()


def test_planted_heads(tmp_path: Path) -> None:
    """150,000 record heads in random bytes, 6,000 whole frames round them, 2,000 of these citing a known template."""
    chooser = random.Random(6)
    pieces, heads, frames = [], 0, 0
    for _ in range(400):
        piece = bytearray(chooser.randbytes(CHUNK))
        for at in range(0, CHUNK - 160, 168):
            piece[at : at + 8] = struct.pack("<4sI", b"**\0\0", chooser.randrange(28, 2000))
            heads += 1
        pieces.append(bytes(piece))
    for number in range(60):
        piece = bytearray()
        for one in range(100):
            body = chooser.randbytes(chooser.randrange(64, 400))
            if one % 3 == 0:
                body = b"\x0f\x01\x01\x00\x0c\x01" + LOGON.guid[:4] + struct.pack("<II", 600, 4) + body
            size = (24 + len(body) + 4 + 7) & ~7
            head = struct.pack("<4sIQQ", b"**\0\0", size, number * 100 + one, TIME)
            piece += (head + body).ljust(size - 4, b"\0") + struct.pack("<I", size)
            frames += 1
        pieces.append(bytes(piece[:CHUNK]).ljust(CHUNK, b"\0"))
    assert heads >= 150_000 and frames == 6000
    case = Case(tmp_path, log(KNOWN, *pieces))
    assert not case.events[0], "none is accepted"
    framed = sum(1 for piece in pieces for _ in residual(piece))
    assert framed == case.told[0]["residual-framed"] == len(case.problems[0]) >= 5000


def _row() -> dict[str, Any]:
    case = Reader(KNOWN, *_first()).read()
    names = [name for name in case.names if isinstance(name, str)]
    assert names
    store = Store()
    from collectors.parsers.evtx.residual.chains import definitions
    from collectors.parsers.evtx.residual.store import Source
    from collectors.parsers.evtx.walk import walk

    for one in definitions(KNOWN, walk(KNOWN)):
        store.add(one.definition, Source("0" * 64, one.offset, one.crc))
    return row_of(next(iter(store)))


def _first() -> tuple[int, int]:
    at = 512 + 24 + 4 + 10 + 24
    return at, at + int.from_bytes(KNOWN[at - 4 : at], "little")


def test_rows_are_checked() -> None:
    row = _row()
    assert found_of(row).definition.guid == bytes.fromhex(row["guid"])
    code = zlib.decompress(base64.b64decode(row["code"]))
    packed = [
        zlib.compress(bytes(MAX_CODE * 50)), zlib.compress(code)[:-9], b"", zlib.compress(code + b"\0"),
        zlib.compress(code[:-1]), zlib.compress(code[:40] + b"\xff" + code[41:]),
    ]  # fmt: skip
    bad: list[dict[str, Any]] = [{**row, "code": base64.b64encode(one).decode()} for one in packed]
    bad += [{**row, "guid": one} for one in ("", "x" * 32, None, 5, row["guid"].upper() + "a")]
    bad += [{**row, "content": one} for one in ("../../etc", None, "A" * 64)]
    bad += [{**row, "offset": one} for one in (-1, 1.5, True, None, 1 << 80)]
    bad += [{**row, "crc": one} for one in ("fine", None, [])]
    bad += [{name: value for name, value in row.items() if name != missing} for missing in row]
    lines = [json.dumps(one).encode() for one in bad] + [b"", b"[]", b"nul", b"[" * 100_000, b"\xff" * 9]
    store, refused = store_of(lines)
    assert (store.size, refused) == (0, len(lines))


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x), max_leaves=4),
       st.sampled_from(["guid", "code", "content", "offset", "crc"]))  # fmt: skip
def test_any_value_in_a_row_is_refused_or_whole(value: Any, name: str) -> None:
    row = _row() | {name: value}
    store, refused = store_of([json.dumps(row).encode()])
    assert store.size + refused == 1


@given(st.binary(max_size=400))
def test_reading_any_bytes_ends(data: bytes) -> None:
    for start in (b"", b"\x0f\x01\x01\x00", b"\x0f\x01\x01\x00\x01\xff\xff"):
        for definition in (True, False):
            try:
                found = Reader(start + data, 0, len(start + data), definition=definition).read()
            except Unreadable:
                continue
            assert found.length <= len(start + data)


def test_nesting_is_bounded() -> None:
    """Elements in each other, beyond what any template has."""
    tree: tuple[Any, ...] = (0x01, 0x01, 0xFFFF, 0, (), ())
    for _ in range(MAX_DEPTH + 2):
        tree = (0x01, 0x01, 0xFFFF, 0, (), (tree,))
    code = Writer(["a"]).write([tree])
    with pytest.raises(Unreadable, match="deep"):
        Reader(code, 0, len(code)).read()


def test_the_store_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collectors.parsers.evtx.residual.store.MAX_DEFINITIONS", 3)
    row = _row()
    lines = [json.dumps(row | {"guid": f"{number:032x}"}).encode() for number in range(10)]
    store, refused = store_of(lines)
    assert (store.size, store.full, refused) == (3, 7, 0) and MAX_DEFINITIONS > 3


def test_flipped_bytes(tmp_path: Path) -> None:
    """Anything in free space may be flipped: never an exception, never another template under a record's id."""
    chooser = random.Random(11)
    records = [logon(number) if number % 2 else thing(number) for number in range(1, 21)]
    whole = filled(records, TIME)
    free = whole.places[2][0]
    guids = {guid.hex() for guid in (OUTER.guid, LOGON.guid)}
    plain = whole.chunk(live=2)
    for _ in range(60):
        data = bytearray(plain)
        for _ in range(chooser.choice((1, 4, 64))):
            data[chooser.randrange(free, len(whole.out))] = chooser.randrange(256)
        case = Case(tmp_path, log(bytes(data)))
        told = case.told[0]
        classed = sum(int(told[f"residual-{name}"]) for name in ("A1", "A2", "A3", "B", "C", "D", "E"))
        assert told["residual-framed"] == classed + len(case.problems[0])
        for event in case.events[0]:
            for cite in event.attrs["templates"]:
                assert cite["crc"] == "ok" or cite["guid"].replace("-", "") not in guids


def test_any_bytes_at_all(tmp_path: Path) -> None:
    parser = EvtxResidualParser()
    for data in (b"", b"ElfFile\0", bytes(9000), log(KNOWN)[:5000], b"ElfChnk\0" * 9000, log(KNOWN[:700] + bytes(300))):
        content = opened(tmp_path, "any.evtx", data, parser)
        list(parser.gather(content))
        list(parser.parse(content))
        assert store_from(content).size <= 4
    circle = bytearray(KNOWN)
    circle[384:388] = struct.pack("<I", 60_000)
    circle[60_000:60_004] = struct.pack("<I", 60_000)
    assert store_from(opened(tmp_path, "any.evtx", log(bytes(circle)), parser)).size == 4


def test_a_known_definition_is_recognised_only_if_it_reads_the_same() -> None:
    """Each byte of a copy flipped: the outcome is the same whether its definition is known in this process or not."""
    from collectors.parsers.evtx.residual import copies
    from collectors.parsers.evtx.residual.chains import definitions, head_at, whole_at
    from collectors.parsers.evtx.walk import walk

    found = walk(KNOWN)
    for one in definitions(KNOWN, found):
        start = one.offset + 24
        for at in range(start, start + head_at(KNOWN, one.offset)[1]):
            data = bytearray(KNOWN)
            data[at] ^= 0x55
            outcomes = []
            for forget in (True, False):
                copies._known.clear()
                if not forget:
                    whole_at(KNOWN, one.offset, (512, found.free))
                try:
                    outcomes.append(whole_at(bytes(data), one.offset, (512, found.free)).code)
                except Unreadable:
                    outcomes.append(b"")
            assert outcomes[0] == outcomes[1], (one.offset, at)


def test_more_definitions_than_a_store_takes_are_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through the task that gathers: what fits is given, and that there was more is its code."""
    from forensics.tasks.gather_content import gather

    parser = EvtxResidualParser()
    content = opened(tmp_path, "a.evtx", log(KNOWN), parser)
    item = {
        "path": content.path, "size": content.size, "sha256": content.sha256, "inputs": {},
        "plugin": "collectors.parsers.evtx.residual.parser:EvtxResidualParser", "out": str(tmp_path / "rows"),
        "max_row": 1 << 19, "max_bytes": 1 << 24,
    }  # fmt: skip
    assert (told := gather(item, {}))["rows"] == 4 and told["code"] == ""
    monkeypatch.setattr("collectors.parsers.evtx.residual.store.MAX_DEFINITIONS", 3)
    told = gather(item, {})
    assert (told["rows"], told["code"], told["detail"]) == (
        3, "ValueError", "more than 3 definitions: those behind were not given",
    )  # fmt: skip

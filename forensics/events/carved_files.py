"""Event log chunks carved out of a file: found in a supervised child, copied here, unparsed, into logs of their own.

A log (``run-<offset>.evtx``) is a header and the chunks that follow each other without a gap. ``carved.json`` says
where each byte came from.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from forensics.errors import InputError, OutputNotEmpty, SourceNotFound
from forensics.hashing.write import storage_error, write_all
from forensics.worker.batch import run_items
from forensics.worker.limits import Limits

TARGET = "collectors.parsers.evtx.carve_task:find"
MAP = "carved.json"
SPAN = 256 << 20
#: logs written; what lies beyond is counted
MAX_RUNS = 50_000
MAX_CHUNKS = 4_000_000
#: digests that are remembered, to tell a chunk that was there before
MAX_KNOWN = 500_000
LIMITS = Limits(silence=600.0, data=1 << 30)
_CHUNK, _HEADER = 65536, 4096
_CRCS = ("ok", "header-bad", "data-bad", "both-bad", "none")


@dataclass(frozen=True, slots=True)
class Found:
    """One chunk: its place, its verdict, how many records its active area holds."""

    offset: int
    length: int
    crc: str
    records: int
    in_file: bool
    sha256: str


@dataclass(slots=True)
class CarveResult:
    """What was found and written.

    :param failed: spans (begin, end, code) that could not be searched.
    :param again: chunks that were there before, among those that are remembered.
    :param forgotten: chunks beyond :data:`MAX_KNOWN`: copies of them are not counted in *again*.
    :param unwritten: chunks beyond :data:`MAX_RUNS`, counted and not written.
    """

    size: int = 0
    runs: list[dict[str, Any]] = field(default_factory=list)
    chunks: int = 0
    intact: int = 0
    records: int = 0
    again: int = 0
    forgotten: int = 0
    unwritten: int = 0
    failed: list[tuple[int, int, str]] = field(default_factory=list)


def _row(row: Any, begin: int, end: int) -> Found:
    """Return one row of the child's answer; the child may have been taken over."""
    if not isinstance(row, list) or len(row) != 6:
        raise InputError("the carver's answer is no list of chunks")
    offset, length, crc, records, in_file, digest = row
    if not all(type(one) is int for one in (offset, length, records)) or crc not in _CRCS:
        raise InputError("a chunk in the carver's answer has other types")
    if not begin <= offset < end or not 0 < length <= _CHUNK or not 0 <= records <= _CHUNK or not _hex(digest):
        raise InputError("a chunk in the carver's answer lies elsewhere")
    return Found(offset, length, crc, records, in_file is True, digest)


def _hex(text: Any) -> bool:
    return isinstance(text, str) and len(text) == 64 and all(char in "0123456789abcdef" for char in text)


def _search(path: Path, size: int, done: CarveResult, on_bytes: Callable[[int], None]) -> Iterator[Found]:
    """Yield the chunks in order, one span a task; a span whose child dies twice is stated."""
    begin = 0

    def items() -> Iterator[dict[str, Any]]:
        while begin < size:
            yield {"path": str(path), "begin": begin, "end": min(size, begin + SPAN - begin % SPAN)}

    for result in run_items(TARGET, items(), limits=LIMITS):
        end = min(size, begin + SPAN - begin % SPAN)
        if result.status != "ok":
            done.failed.append((begin, end, result.code))
            begin = end
            continue
        rows, following = result.value.get("rows"), result.value.get("next")
        if not isinstance(rows, list) or type(following) is not int or not begin < following <= end:
            raise InputError("the carver's answer does not go on")
        yield from (_row(row, begin, end) for row in rows)
        begin = following
        on_bytes(begin)


def _header(chunks: int) -> bytes:
    """Return a file header as the service writes one ([MS-EVEN6]; libyal's EVTX document)."""
    head = struct.pack("<8sQQQIHHHH", b"ElfFile\0", 0, max(0, chunks - 1), 1, 128, 1, 3, _HEADER, min(chunks, 0xFFFF))
    head = head.ljust(120, b"\0")
    return (head + struct.pack("<II", 0, zlib.crc32(head))).ljust(_HEADER, b"\0")


def _runs(found: Iterator[Found]) -> Iterator[list[Found]]:
    """Group chunks that follow each other without a gap."""
    run: list[Found] = []
    for one in found:
        if run and (run[-1].length < _CHUNK or one.offset != run[-1].offset + _CHUNK or one.in_file):
            yield run
            run = []
        run.append(one)
    if run:
        yield run


def _write(source: BinaryIO, run: list[Found], folder: Path) -> dict[str, Any]:
    """Copy one run; return its row of the map."""
    name = f"run-{run[0].offset:016d}.evtx"
    real = b""
    if run[0].in_file:
        source.seek(run[0].offset - _HEADER)
        real = source.read(_HEADER)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    rows, at = [], _HEADER
    fd = os.open(folder / name, flags, 0o600)
    try:
        write_all(fd, real if len(real) == _HEADER else _header(len(run)), name)
        for one in run:
            source.seek(one.offset)
            write_all(fd, source.read(one.length), name)
            rows.append(
                {"file_offset": at, "offset": one.offset, "length": one.length, "crc": one.crc, "records": one.records,
                 "sha256": one.sha256}
            )  # fmt: skip
            at += one.length
    finally:
        os.close(fd)
    return {"file": name, "header": "found" if len(real) == _HEADER else "made", "chunks": rows}


def carve_file(path: Path, out: Path, on_bytes: Callable[[int], None] | None = None) -> CarveResult:
    """Find the event log chunks of *path* and write them into *out*.

    :param out: a new or empty folder; gets one log for each run of chunks, and ``carved.json``.
    :param on_bytes: told how many bytes are behind.
    :raises SourceNotFound: if there is no such file.
    :raises InputError: if it is no file.
    :raises OutputNotEmpty: if *out* holds something.
    :raises StorageError: if *out* cannot be written.
    """
    if not path.exists():
        raise SourceNotFound("no such file", where=str(path))
    if not path.is_file():
        raise InputError("a folder or device, not a file", where=str(path), hint="Image it, or name a file of it.")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutputNotEmpty("the folder is not empty", where=str(out), hint="Choose a new --out.")
    done, digests = CarveResult(size=path.stat().st_size), set[bytes]()
    try:
        out.mkdir(parents=True, exist_ok=True)
        with path.open("rb") as source:
            for run in _runs(_search(path.resolve(), done.size, done, on_bytes or (lambda _: None))):
                _count(done, run, digests)
                if len(done.runs) < MAX_RUNS and done.chunks <= MAX_CHUNKS:
                    done.runs.append(_write(source, run, out))
                else:
                    done.unwritten += len(run)
        (out / MAP).write_text(json.dumps(_map(path, done), indent=1) + "\n", encoding="ascii")
    except OSError as error:
        raise storage_error(error, str(out)) from error
    return done


def _count(done: CarveResult, run: list[Found], digests: set[bytes]) -> None:
    for one in run:
        done.chunks += 1
        done.intact += one.crc == "ok"
        done.records += one.records
        digest = bytes.fromhex(one.sha256)
        if digest in digests:
            done.again += 1
        elif len(digests) < MAX_KNOWN:
            digests.add(digest)
        else:
            done.forgotten += 1


def _map(path: Path, done: CarveResult) -> dict[str, Any]:
    return {
        "schema": "sealbag/carved/1", "source": path.name, "size": done.size, "chunks": done.chunks,
        "intact": done.intact, "records": done.records, "again": done.again, "forgotten": done.forgotten,
        "unwritten": done.unwritten, "failed": [list(one) for one in done.failed],
        "runs": done.runs,
    }  # fmt: skip

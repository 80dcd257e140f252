"""A large event log of real chunks: mixed as on a server, its digits made anew in each repetition.

The chunks are whole and have sound checksums; they are those of the recordings that the engine's table was *not*
learnt from (``benchmarks/gramming.py``), and of the others for classes that only those hold. Chunks of the
rarest class first, they are repeated until the classes have their shares of the records. In each repetition every
run of digits and of hexadecimal letters that is not part of a word is replaced (so that addresses, ids, hashes and
numbers in commands differ), and the checksums are made right again. The first part of a dotted number stays: an
address inside stays inside.
"""

from __future__ import annotations

import json
import random
import re
import struct
import zlib
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmarks.gramming import recordings
from benchmarks.inputs import DATA
from benchmarks.measure import say

CHUNK = 1 << 16
#: share of records in hundredths, by (Security or Sysmon or PowerShell, event id)
SHARES = {
    ("Security", 4624): 12, ("Security", 4634): 4, ("Security", 4672): 8, ("Security", 4688): 10,
    ("Security", 5156): 14, ("Security", 5145): 3, ("Security", 4625): 3, ("Sysmon", 1): 6, ("Sysmon", 3): 5,
    ("Sysmon", 7): 8, ("Sysmon", 10): 5, ("Sysmon", 11): 5, ("Sysmon", 12): 5, ("Sysmon", 13): 6,
    ("PowerShell", 4104): 3, ("other", 0): 5,
}  # fmt: skip
#: UTF-16: a run of digits, or of digits and hexadecimal letters, with no letter or underscore at its sides
_RUN = re.compile(
    rb"(?<=[ -@\[-^`{-~]\0)(?:[0-9A-F]\0){1,64}(?=[ -@\[-^`{-~]\0)|"
    rb"(?<=[ -@\[-^`{-~]\0)(?:[0-9a-f]\0){2,64}(?=[ -@\[-^`{-~]\0)"
)
Named = tuple[str, int]


def _header(chunks: int) -> bytes:
    """A file header ([MS-EVEN6] and libyal's document): magic, chunk numbers, sizes, checksum."""
    head = bytearray(4096)
    struct.pack_into(
        "<8sQQQIHHHH", head, 0, b"ElfFile\0", 0, max(0, chunks - 1), 1, 128, 1, 3, 4096, min(chunks, 65535)
    )
    struct.pack_into("<I", head, 124, zlib.crc32(bytes(head[:120])))
    return bytes(head)


def _sound(chunk: bytes) -> bool:
    if chunk[:8] != b"ElfChnk\0" or len(chunk) != CHUNK:
        return False
    free, crc = struct.unpack_from("<II", chunk, 0x30)
    (own,) = struct.unpack_from("<I", chunk, 0x7C)
    return (
        512 <= free <= CHUNK and zlib.crc32(chunk[512:free]) == crc and zlib.crc32(chunk[:120] + chunk[128:512]) == own
    )


def _mended(chunk: bytearray) -> bytes:
    (free,) = struct.unpack_from("<I", chunk, 0x30)
    struct.pack_into("<I", chunk, 0x34, zlib.crc32(bytes(chunk[512:free])))
    struct.pack_into("<I", chunk, 0x7C, zlib.crc32(bytes(chunk[:120]) + bytes(chunk[128:512])))
    return bytes(chunk)


def _records(chunk: bytes) -> list[str]:
    import io

    import evtx

    try:
        rows = list(evtx.PyEvtxParser(io.BytesIO(_header(1) + chunk)).records_json())
    except (RuntimeError, OSError):
        return []
    return [row["data"] for row in rows if isinstance(row, dict)]


def _class(text: str) -> Named:
    system = json.loads(text)["Event"]["System"]
    number, channel = system.get("EventID"), system.get("Channel") or ""
    number = number.get("#text") if isinstance(number, dict) else number
    short = next((word for word in ("Sysmon", "PowerShell") if word in channel), channel)
    named = (short, int(number or 0))
    return named if named in SHARES else ("other", 0)


def _other_digits(chunk: bytes, chooser: random.Random) -> bytes:
    fixed = [found.span() for text in _constants(chunk) for found in re.finditer(re.escape(text), chunk[512:])]

    def change(found: re.Match[bytes]) -> bytes:
        run = found[0]
        if any(start <= found.start() < end for start, end in fixed):
            return run
        first_of_dotted = (
            data[found.end() : found.end() + 2] == b".\0" and data[found.start() - 2 : found.start()] != b".\0"
        )
        if first_of_dotted:
            return run
        letters = b"0123456789" if run.replace(b"\0", b"").isdigit() else b"0123456789ABCDEF"
        if any(one in b"abcdef" for one in run):
            letters = b"0123456789abcdef"
        return b"".join(bytes((chooser.choice(letters), 0)) for _ in range(len(run) // 2))

    (free,) = struct.unpack_from("<I", chunk, 0x30)
    data = chunk[512:free]
    return _mended(bytearray(chunk[:512] + _RUN.sub(change, data) + chunk[free:]))


@cache
def _constants(chunk: bytes) -> tuple[bytes, ...]:
    """Providers' ids and name spaces as they stand in a chunk: they are no values, and stay."""
    found = {"/win/2004/08/"}
    for text in _records(chunk):
        names = (json.loads(text)["Event"]["System"].get("Provider") or {}).get("#attributes", {})
        found.add(str(names.get("Guid", "")).strip("{}"))
    return tuple(one.encode("utf-16-le") for one in found if one)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A real chunk, and how many records of each class it holds."""

    data: bytes
    holds: Counter[Named]
    learnt: bool


def sound_chunks() -> list[Chunk]:
    """The recordings' chunks, each once."""
    found: list[Chunk] = []
    seen: set[bytes] = set()
    for learnt in (False, True):
        for path in recordings(learnt):
            data = path.read_bytes()
            for at in range(4096, len(data) - CHUNK + 1, CHUNK):
                chunk = data[at : at + CHUNK]
                if chunk not in seen and _sound(chunk) and (texts := _records(chunk)):
                    seen.add(chunk)
                    found.append(Chunk(chunk, Counter(map(_class, texts)), learnt))
    return found


def _choice(named: Named, own: list[Chunk]) -> list[Chunk]:
    """The chunks that stand for a class: held out and with eight records of it, else the richest three there are."""
    held = [one for one in own if not one.learnt and one.holds[named] >= 8]
    return held or sorted(own, key=lambda one: -one.holds[named])[:3]


def chunks(records: int, seed: int) -> tuple[list[tuple[bytes, bool]], list[str]]:
    """Choose chunks until the classes have their shares of *records*, shuffled.

    :returns: (chunk, whether its digits are to be made anew)..., and classes that only learnt recordings hold.
    """
    found = sound_chunks()
    missing = Counter({named: records * share // 100 for named, share in SHARES.items()})
    queue: list[tuple[bytes, bool]] = []
    used: set[bytes] = set()
    leaks: list[str] = []
    rare_first = sorted(SHARES, key=lambda named: sum(one.holds[named] for one in found))
    for named in rare_first:
        own = _choice(named, [one for one in found if one.holds[named]])
        leaks += [f"{named[0]} {named[1]}"] if any(one.learnt for one in own) else []
        turn = 0
        while own and missing[named] > 0:
            chunk = own[turn % len(own)]
            queue.append((chunk.data, chunk.data in used))
            used.add(chunk.data)
            missing.subtract(chunk.holds)
            turn += 1
    random.Random(seed).shuffle(queue)
    return queue, leaks


def log(records: int, seed: int = 7) -> Path:
    """Return the log of about *records* records, made once."""
    path = DATA / f"mix-{records}-{seed}.evtx"
    if not path.exists():
        say(f"making a log of {records:,} records")
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        with part.open("wb") as out:
            out.write(_header(0))
            queue, _ = chunks(records, seed)
            chooser = random.Random(seed)
            for chunk, again in queue:
                out.write(_other_digits(chunk, chooser) if again else chunk)
            out.seek(0)
            out.write(_header(len(queue)))
        part.replace(path)
    return path


def log_of(size: int) -> Path:
    """Return a log of at least *size* bytes: the mix again and again, each time with other digits."""
    path = DATA / f"mix-{size >> 20}m.evtx"
    if not path.exists():
        say(f"making a log of {size >> 20} MiB")
        part = path.with_suffix(".part")
        queue, _ = chunks(34_000, 7)
        chooser, number = random.Random(size), 0
        with part.open("wb") as out:
            out.write(_header(0))
            while out.tell() < size:
                out.write(_other_digits(queue[number % len(queue)][0], chooser))
                number += 1
            out.seek(0)
            out.write(_header(number))
        part.replace(path)
    return path

"""The published vectors of the age format, through the path that unpack decrypts by."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from testkit import data_folder

#: what a vector may need that transport has no use for, and why
NOT_OURS = {
    "armored": "transport is binary (docs/format.md §16): an armoured file is refused with a word",
    "passphrase": "scrypt: a passphrase is no recipient of transport",
    "hybrid": "AGE-SECRET-KEY-PQ-1: no such recipient is written, and pyrage reads none",
}


@dataclass
class Vector:
    expect: str = ""
    payload: str = ""
    identities: list[str] = field(default_factory=list)
    needs: set[str] = field(default_factory=set)
    data: bytes = b""


def read_vector(path: Path) -> Vector:
    head, _, body = path.read_bytes().partition(b"\n\n")
    found = Vector(data=body)
    for row in head.decode().splitlines():
        key, _, value = row.partition(": ")
        if key == "expect":
            found.expect = value
        elif key == "payload":
            found.payload = value
        elif key == "identity" and value.startswith("AGE-SECRET-KEY-1"):
            found.identities.append(value)
        elif key == "identity":
            found.needs.add("hybrid")
        elif key == "passphrase":
            found.needs.add("passphrase")
        elif key == "armored":
            found.needs.add("armored")
        elif key == "compressed":
            found.data = zlib.decompress(found.data)
    return found


def vectors() -> list[Path]:
    folder = data_folder()
    return sorted(path for path in (folder / "vectors/age").iterdir() if path.suffix != ".md") if folder else []


def decrypt(vector: Vector) -> tuple[bytes, str]:
    """What came out, and what was wrong ("" = nothing)."""
    import io

    import pyrage

    from forensics.transfer.cipher import Decrypting, Undecryptable

    keys = [pyrage.x25519.Identity.from_str(text) for text in vector.identities]
    out = bytearray()
    try:
        stream = Decrypting(io.BytesIO(vector.data), keys)
        while data := stream.read(1 << 16):
            out += data
    except Undecryptable as error:
        return bytes(out), str(error)
    return bytes(out), stream.fault


def test_vectors_of_age() -> None:
    pytest.importorskip("pyrage", reason="not shown: needs pyrage (the extra transport)")
    if not vectors():
        pytest.skip("no real data: neither ../shared/data nor $SEALBAG_DATA")
    left_out: dict[str, int] = {}
    wrong, judged = [], {"success": 0, "failure": 0}
    for path in vectors():
        vector = read_vector(path)
        if vector.needs:
            for need in vector.needs:
                assert need in NOT_OURS
                left_out[need] = left_out.get(need, 0) + 1
            continue
        out, fault = decrypt(vector)
        judged["success" if vector.expect == "success" else "failure"] += 1
        if (vector.expect == "success") == bool(fault):
            wrong.append(f"{path.name}: expected {vector.expect}, got {fault or 'success'}")
        # of a payload that is damaged later the sound beginning comes out, as the vector gives it
        elif (vector.expect == "success" or out) and hashlib.sha256(out).hexdigest() != (vector.payload or "-"):
            wrong.append(f"{path.name}: another payload")
    assert not wrong, "\n".join(wrong)
    assert judged["success"] >= 10 and judged["failure"] >= 40, (judged, left_out)

"""Cosignatures of witnesses: C2SP tlog-cosignature, cosignature/v1, Ed25519 (docs/format.md §5).

A cosignature says: at this time the witness had seen this tree head, and no tree of this
origin that contradicts it. It is a signature line of a note, under the witness's own name.
"""

from __future__ import annotations

import base64
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from forensics.custody import ed25519_openssh as openssh
from forensics.custody.notes import MAX_KEY_NAME, MAX_NOTE, NoteSignature, checkpoint_body, parse_note
from forensics.errors import ConfigError, InputError

if TYPE_CHECKING:
    from forensics.custody.keys import SigningKey

COSIGNATURE = b"\x04"
MAX_FILE = 64 << 10
MAX_KEYS = 64
MAX_TIME = (1 << 63) - 1
_SIZE = 8 + openssh.SIGNATURE_SIZE
_DASH = "\u2014 "


@dataclass(frozen=True, slots=True)
class WitnessKey:
    """A witness: its *name* and the 32 bytes of its public key."""

    name: str
    public_raw: bytes

    @property
    def key_hash(self) -> bytes:
        """The 4-byte id in its signature lines."""
        return sha256(self.name.encode() + b"\n" + COSIGNATURE + self.public_raw).digest()[:4]

    def __str__(self) -> str:
        encoded = base64.b64encode(COSIGNATURE + self.public_raw).decode()
        return f"{self.name}+{self.key_hash.hex()}+{encoded}"


@dataclass(frozen=True, slots=True)
class Cosignature:
    """One that verified: by whom, and when by the witness's clock (POSIX seconds)."""

    by: WitnessKey
    time: int
    line: str


def parse_witness_key(text: str) -> WitnessKey:
    """Read ``name+hash+base64`` of type 0x04.

    :raises InputError: if it is malformed, its hash is wrong, or it is of another type.
    """
    try:
        if len(text) > MAX_KEY_NAME + 64:
            raise ValueError("too long")
        name, _, encoded = text.split("+", 2)
        data = openssh.decode_base64(encoded)
        checkpoint_body(name, 0, bytes(32))  # a key name is held to what an origin is
        key = WitnessKey(name, data[1:])
        if data[:1] != COSIGNATURE or not openssh.is_sound(data[1:]) or str(key) != text:
            raise ValueError("not of type 4, no sound Ed25519 key, or its hash is not of this key")
    except ValueError as error:
        raise InputError(f"no verifier key of a witness: {error}", hint="It is name+8 hex digits+base64.") from error
    return key


def parse_witness_file(data: bytes, where: str = "") -> tuple[WitnessKey, ...]:
    """Read a file of verifier keys, one a line; empty lines and those that begin with # are skipped.

    :raises ConfigError: if it is over 64 KiB, holds none or more than 64, or a line is none.
    """
    try:
        if len(data) > MAX_FILE:
            raise InputError(f"longer than {MAX_FILE} bytes")
        lines = [line.strip() for line in data.decode("ascii").splitlines()]
        keys = tuple(parse_witness_key(line) for line in lines if line and not line.startswith("#"))
    except (InputError, UnicodeDecodeError) as error:
        raise ConfigError(f"no file of witness keys: {error}", where=where) from error
    if not 0 < len(keys) <= MAX_KEYS:
        raise ConfigError(f"a file of witness keys has 1 to {MAX_KEYS}, this has {len(keys)}", where=where)
    return keys


def message(text: str, at: int) -> bytes:
    """Return what a witness signs over a checkpoint's *text* at POSIX second *at*."""
    return f"cosignature/v1\ntime {at}\n{text}".encode()


def cosign(text: str, name: str, key: SigningKey, at: int | None = None) -> str:
    """Return the signature line (with its LF) of the witness *name* over a checkpoint's text.

    :param at: POSIX seconds; None = now.
    """
    at = int(time.time()) if at is None else at
    witness = WitnessKey(name, key.public_raw)
    data = witness.key_hash + struct.pack(">Q", at) + key.sign_raw(message(text, at))
    return f"{_DASH}{name} {base64.b64encode(data).decode()}\n"


def verify_line(text: str, line: NoteSignature, witness: WitnessKey) -> int | None:
    """Return the time of a cosignature that verifies; None if it is not this witness's or does not."""
    if (line.name, line.key_hash) != (witness.name, witness.key_hash) or len(line.signature) != _SIZE:
        return None
    (at,) = struct.unpack(">Q", line.signature[:8])
    if at > MAX_TIME or not openssh.verify_raw(witness.public_raw, line.signature[8:], message(text, at)):
        return None
    return int(at)


def cosignatures(note: bytes, witnesses: Sequence[WitnessKey]) -> list[Cosignature]:
    """Return the cosignatures of known witnesses on a note; others are ignored.

    :raises InputError: if it is no note, or a line of a known witness does not verify.
    """
    parsed = parse_note(note)
    known = {(witness.name, witness.key_hash): witness for witness in witnesses}
    found = []
    for line in parsed.signatures:
        witness = known.get((line.name, line.key_hash))
        if witness is None:
            continue
        at = verify_line(parsed.text, line, witness)
        if at is None:
            raise InputError("a cosignature that does not verify", where=witness.name)
        data = base64.b64encode(line.key_hash + line.signature).decode()
        found.append(Cosignature(witness, at, f"{_DASH}{line.name} {data}\n"))
    return found


def check_answer(note: bytes, answer: bytes, witnesses: Sequence[WitnessKey]) -> list[Cosignature]:
    """Return what a witness's *answer* (signature lines) adds to *note*: verified, one for each key.

    :raises InputError: if nothing of it is a cosignature of a known witness that verifies.
    """
    if len(note) + len(answer) > MAX_NOTE:
        raise InputError("an answer that makes the note too long")
    before = parse_note(note)
    found = cosignatures(note + answer, witnesses)
    mine = parse_note(note + answer)
    if mine.text != before.text:
        raise InputError("an answer that changes the note")
    unique = {one.by: one for one in found}
    if not unique:
        raise InputError("no cosignature of a known witness in the answer")
    return list(unique.values())

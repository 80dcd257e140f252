"""Checkpoints: signed tree heads as C2SP signed notes.

Sources: c2sp.org/signed-note (the envelope; here Ed25519 only, type 0x01) and
c2sp.org/tlog-checkpoint (the text). Other people's note verifiers and witnesses read
them. A note is read strictly: there is one spelling of each value.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from forensics.custody import ed25519_openssh as openssh
from forensics.custody.tree import HASH_SIZE
from forensics.errors import InputError

if TYPE_CHECKING:
    from forensics.custody.keys import SigningKey

MAX_NOTE = 64 << 10
MAX_SIGNATURES = 16
MAX_KEY_NAME = 256
MAX_SIZE = 1 << 53
ED25519 = b"\x01"
_DASH = "\u2014 "
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,15}")


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line: key name, key hash (4 bytes), signature bytes."""

    name: str
    key_hash: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A parsed note; nothing is verified yet.

    :param text: what is signed, its last newline included.
    """

    text: str
    signatures: tuple[NoteSignature, ...]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head: *size* leaves with this *root* (32 bytes), of the log *origin*."""

    origin: str
    size: int
    root: bytes


def key_hash(name: str, public_raw: bytes) -> bytes:
    """Return the 4-byte id of an Ed25519 key under *name*."""
    return sha256(name.encode() + b"\n" + ED25519 + public_raw).digest()[:4]


def verifier_key(name: str, public_raw: bytes) -> str:
    """Return ``name+hash+base64``: what a witness or another verifier is given."""
    encoded = base64.b64encode(ED25519 + public_raw).decode()
    return f"{name}+{key_hash(name, public_raw).hex()}+{encoded}"


def parse_verifier_key(text: str) -> tuple[str, bytes]:
    """Return (name, raw 32-byte key) of a verifier key string.

    :raises InputError: if it is malformed, its hash is wrong or it is not Ed25519.
    """
    try:
        name, _, encoded = text[: MAX_KEY_NAME + 64].split("+", 2)
        data = openssh.decode_base64(encoded)
        _check_name(name)
    except ValueError as error:
        raise InputError(f"no verifier key: {error}") from error
    if data[:1] != ED25519 or len(data) != 1 + openssh.KEY_SIZE or verifier_key(name, data[1:]) != text:
        raise InputError("no verifier key: not Ed25519, or its hash is not of this key")
    return name, data[1:]


def checkpoint_body(origin: str, size: int, root: bytes) -> str:
    """Return the text of a checkpoint: three lines.

    :param origin: ``sealbag/<bag>``.
    :param size: number of lines covered, 0 to 2^53.
    :param root: 32 bytes.
    :raises ValueError: if one of them is none.
    """
    _check_name(origin)
    if not 0 <= size <= MAX_SIZE or len(root) != HASH_SIZE:
        raise ValueError(f"no tree head: size {size}, root of {len(root)} bytes")
    return f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"


def parse_checkpoint(text: str) -> Checkpoint:
    """Read the text of a note as a checkpoint of ours: three lines, no extension lines.

    :raises InputError: if it is anything else.
    """
    lines = text.split("\n")
    try:
        if len(lines) != 4 or lines[3] or not _DECIMAL.fullmatch(lines[1]):
            raise ValueError("not the lines origin, size, root")
        found = Checkpoint(lines[0], int(lines[1]), openssh.decode_base64(lines[2]))
        if checkpoint_body(found.origin, found.size, found.root) != text:
            raise ValueError("not in the one spelling")
    except ValueError as error:
        raise InputError(f"no checkpoint: {error}") from error
    return found


def sign_note(body: str, key_name: str, key: SigningKey) -> bytes:
    """Return the note: *body*, a blank line, one signature line by *key* under *key_name*.

    :raises ValueError: if *body* does not end in a newline, holds another control character,
        is over 64 KiB with its signature, or *key_name* is no key name.
    """
    _check_name(key_name)
    _check_text(body)
    line = base64.b64encode(key_hash(key_name, key.public_raw) + key.sign_raw(body.encode())).decode()
    note = f"{body}\n{_DASH}{key_name} {line}\n".encode()
    if len(note) > MAX_NOTE:
        raise ValueError(f"a note of {len(note)} bytes, at most {MAX_NOTE}")
    return note


def parse_note(data: bytes) -> Note:
    """Read a signed note.

    :raises InputError: if it is over 64 KiB, has no or more than 16 signatures, or breaks
        any rule of c2sp.org/signed-note.
    """
    try:
        return _parse_note(data)
    except ValueError as error:
        raise InputError(f"no signed note: {error}") from error


def verify_note(note: Note, name: str, public_key: bytes) -> bool:
    """Return whether *note* is signed by *public_key* (32 bytes) under *name*.

    Signatures by other keys are ignored; every one that claims this name and key must hold.
    """
    wanted = key_hash(name, public_key)
    mine = [line.signature for line in note.signatures if (line.name, line.key_hash) == (name, wanted)]
    text = note.text.encode()
    return bool(mine) and all(openssh.verify_raw(public_key, signature, text) for signature in mine)


def _parse_note(data: bytes) -> Note:
    if len(data) > MAX_NOTE:
        raise ValueError(f"longer than {MAX_NOTE} bytes")
    # the text may hold blank lines; the last one ends it
    head, blank, tail = data.decode("utf-8").rpartition("\n\n")
    if not blank or not tail.endswith("\n"):
        raise ValueError("no blank line with signature lines after it")
    text = head + "\n"
    _check_text(text)
    lines = tail[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise ValueError(f"more than {MAX_SIGNATURES} signatures")
    return Note(text, tuple(_signature(line) for line in lines))


def _signature(line: str) -> NoteSignature:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space:
        raise ValueError("a signature line that is none")
    _check_name(name)
    data = openssh.decode_base64(encoded)
    if len(data) < 5:
        raise ValueError("a signature of no bytes")
    return NoteSignature(name, data[:4], data[4:])


def _check_text(text: str) -> None:
    if not text.endswith("\n") or _CONTROL.search(text):
        raise ValueError("the text does not end in a newline, or holds another control character")


def _check_name(name: str) -> None:
    if not 0 < len(name) <= MAX_KEY_NAME or "+" in name or any(c.isspace() for c in name) or _CONTROL.search(name):
        raise ValueError("a key name is 1 to 256 characters without spaces, controls and +")

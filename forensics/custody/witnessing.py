"""What a witness is told, and by whom: the words of C2SP tlog-witness, and two of our own.

::

    POST /add-checkpoint      old <size> LF, proof lines, empty line, checkpoint (c2sp.org/tlog-witness)
    POST /sealbag/open        sealbag-open/1 LF <origin> LF <verifier key of the run key> LF; needs the token
    POST /sealbag/rotate      a signed note: sealbag-key/1 LF <origin> LF <verifier key of the next run key> LF

Everything is read strictly and bounded before it is looked at.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass

from forensics.custody import ed25519_openssh as openssh
from forensics.custody.notes import (
    MAX_NOTE,
    MAX_SIZE,
    Checkpoint,
    Note,
    parse_checkpoint,
    parse_note,
    parse_verifier_key,
)
from forensics.custody.tree import HASH_SIZE
from forensics.errors import InputError

ADD, OPEN, ROTATE = "/add-checkpoint", "/sealbag/open", "/sealbag/rotate"
SIZE_TYPE = "text/x.tlog.size"
MAX_PROOF = 63
#: bytes of a request: a note, 63 proof lines of 45, and the first line
MAX_REQUEST = MAX_NOTE + MAX_PROOF * 45 + 64
OPENS, KEYS = "sealbag-open/1", "sealbag-key/1"
_ORIGIN = re.compile(r"sealbag/([0-9a-f]{32})")
_OLD = re.compile(r"old (0|[1-9][0-9]{0,15})")


@dataclass(frozen=True, slots=True)
class Request:
    """An add-checkpoint request; nothing is verified yet."""

    old: int
    proof: tuple[bytes, ...]
    note: Note
    checkpoint: Checkpoint
    data: bytes


def bag_of(origin: str) -> str:
    """Return the bag's id of an origin.

    :raises InputError: if it is no origin of a bag: such a name never becomes a file's.
    """
    match = _ORIGIN.fullmatch(origin)
    if match is None:
        raise InputError("no origin of a bag: sealbag/ and 32 hex digits")
    return match[1]


def render_request(old: int, proof: Sequence[bytes], note: bytes) -> bytes:
    """Return the body of an add-checkpoint request."""
    lines = [f"old {old}", *(base64.b64encode(value).decode() for value in proof), "", ""]
    return "\n".join(lines).encode() + note


def parse_request(body: bytes) -> Request:
    """Read the body of an add-checkpoint request.

    :raises InputError: if it is too long, has more than 63 proof lines, or is none.
    """
    if len(body) > MAX_REQUEST:
        raise InputError(f"a request of more than {MAX_REQUEST} bytes")
    head, blank, note = body.partition(b"\n\n")
    lines = head.split(b"\n", MAX_PROOF + 1)
    match = _OLD.fullmatch(lines[0].decode("ascii", "replace"))
    if not blank or match is None or len(lines) > MAX_PROOF + 1:
        raise InputError("no request: not old SIZE, at most 63 proof lines, an empty line, a checkpoint")
    try:
        proof = tuple(openssh.decode_base64(line) for line in lines[1:])
    except ValueError as error:
        raise InputError(f"no request: {error}") from error
    if any(len(value) != HASH_SIZE for value in proof) or int(match[1]) > MAX_SIZE:
        raise InputError("no request: a proof line that is no hash, or a size that is none")
    parsed = parse_note(note)
    return Request(int(match[1]), proof, parsed, parse_checkpoint(parsed.text), note)


def render_open(origin: str, key: str) -> bytes:
    """Return the body that opens a bag at a witness: its origin and its run key's verifier key."""
    return f"{OPENS}\n{origin}\n{key}\n".encode()


def parse_open(body: bytes) -> tuple[str, bytes]:
    """Read such a body; return (origin, 32 bytes of the key).

    :raises InputError: if it is none.
    """
    return _names_key(_text(body), OPENS)


def parse_rotation(body: bytes) -> tuple[Note, str, bytes]:
    """Read a rotation statement; return (note, origin, 32 bytes of the next key). Its signature is not judged here.

    :raises InputError: if it is none.
    """
    note = parse_note(body)
    return note, *_names_key(note.text, KEYS)


def _text(body: bytes) -> str:
    try:
        return body[: MAX_NOTE + 1].decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError("not UTF-8") from error


def _names_key(text: str, first: str) -> tuple[str, bytes]:
    lines = text.split("\n")
    if len(lines) != 4 or lines[0] != first or lines[3]:
        raise InputError(f"not the lines {first}, origin, verifier key")
    bag_of(lines[1])
    name, public = parse_verifier_key(lines[2])
    if name != lines[1] or not openssh.is_sound(public):
        raise InputError("the key's name is not the origin, or it is no sound key")
    return lines[1], public

"""A line of JSON with its signer's name inside and an SSHSIG beside it: tickets and recipients (docs/format.md §13)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from forensics.custody import ed25519_openssh as openssh
from forensics.custody import sshsig
from forensics.custody.identity import signer_fields
from forensics.custody.keys import SigningKey
from forensics.custody.oneline import make_one_line, parse_one_line
from forensics.custody.publickey import PublicKey
from forensics.errors import InputError, KeyInvalid, PermissionRefused

MAX_SIGNED = 64 << 10


def sign_line(key: SigningKey, fields: Mapping[str, Any], namespace: str) -> tuple[bytes, bytes]:
    """Return (the line, its signature): *fields* and who signs.

    :raises ValueError: if the line would break the format's bounds, or be over 64 KiB.
    :raises KeyInvalid: if the key does not sign.
    """
    data = make_one_line({**fields, **signer_fields(key)})
    if len(data) > MAX_SIGNED:
        raise ValueError(f"{len(data)} bytes, at most {MAX_SIGNED}")
    return data, sshsig.sign(key, data, namespace)


def read_line(data: bytes, signature: bytes, form: str, namespace: str) -> tuple[dict[str, Any], PublicKey]:
    """Return (fields, signer) of a line that is whole and signed by whom it names.

    That this signer is to be trusted is another question.

    :param form: what its field ``format`` must be.
    :raises ValueError: if it is not so.
    """
    if len(data) > MAX_SIGNED:
        raise ValueError(f"longer than {MAX_SIGNED} bytes")
    fields = parse_one_line(data)
    if fields.get("format") != form:
        raise ValueError(f"no {form}")
    raw, application = openssh.decode_base64(text_of(fields, "signer_key")), fields.get("signer_application")
    if application is not None and not isinstance(application, str):
        raise ValueError("signer_application is no text")
    wanted = application is not None
    key = PublicKey.fido(raw, (application or "").encode()) if wanted else PublicKey.from_wire(openssh.public_blob(raw))
    if fields.get("signer") != key.fingerprint:
        raise ValueError("signer is not the fingerprint of signer_key")
    try:
        holds = sshsig.verify(signature, data, namespace, key.raw, key.application)
    except InputError as error:
        raise ValueError(str(error)) from error
    if not holds:
        raise ValueError("the signature does not verify")
    return fields, key


def text_of(fields: Mapping[str, Any], name: str, most: int = 1024) -> str:
    """Return the text *name* of *fields*.

    :raises ValueError: if it is none, or longer than *most* characters.
    """
    value = fields.get(name)
    if not isinstance(value, str) or len(value) > most:
        raise ValueError(f"{name} is no text of at most {most} characters")
    return value


def texts_of(fields: Mapping[str, Any], name: str, most: int) -> tuple[str, ...]:
    """Return the array of at most *most* texts of at most 1,024 characters.

    :raises ValueError: if it is none.
    """
    value = fields.get(name)
    if not isinstance(value, list) or len(value) > most or not all(type(one) is str for one in value):
        raise ValueError(f"{name} is no array of at most {most} texts")
    if any(len(one) > 1024 for one in value):
        raise ValueError(f"an item of {name} is longer than 1024 characters")
    return tuple(value)


def read_chosen(path: Path, limit: int, what: str) -> bytes:
    """Return the bytes of a file that the user named; links are theirs.

    :param what: names it in errors: "job ticket".
    :raises KeyInvalid: if it is not there, no file, or longer than *limit*.
    :raises PermissionRefused: if the system refuses to read it.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(limit + 1)
    except PermissionError:
        if path.is_dir():  # what Windows says of a folder
            raise KeyInvalid(f"a folder, not a {what}", where=str(path), hint="Name the file.") from None
        raise PermissionRefused(f"the {what} may not be read", where=str(path), hint="Run as its owner.") from None
    except (OSError, ValueError) as error:
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        raise KeyInvalid(f"no {what} can be read there ({reason})", where=str(path), hint="Check the path.") from error
    if len(data) > limit:
        raise KeyInvalid(f"too large for a {what} (over {limit} bytes)", where=str(path), hint="Name the right file.")
    return data

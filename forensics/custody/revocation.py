"""``--revoked``: which keys count no more (docs/format.md §10): a text list, or a KRL of OpenSSH."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from forensics.custody import ed25519_openssh as openssh
from forensics.custody.krl import MAGIC, MAX_KRL, parse_krl
from forensics.custody.publickey import wire_fingerprint
from forensics.custody.signed import read_chosen
from forensics.errors import ConfigError, KeyInvalid
from forensics.source.times import parse_rfc3339

MAX_LIST = 1 << 20
_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")
_KEY = re.compile(r"(?:sk-)?(?:ssh|ecdsa)-[A-Za-z0-9@.-]+")


def load_revoked(path: str | os.PathLike[str]) -> Callable[[bytes], bool]:
    """Return a call that says of a key's SSH wire form whether the file revokes it.

    Of a text list this says whether the key stands there: ``since=`` is for who can prove when
    something was signed, which is the verifier.

    :raises ConfigError: if the file is not there, damaged, too large (a list 1 MiB, a KRL 16 MiB), or has a
        line or section that is not understood: it is refused whole.
    :raises PermissionRefused: if the system refuses to read it.
    """
    where = str(path)
    try:
        data = read_chosen(Path(path), MAX_KRL, "revocation list")
    except KeyInvalid as error:
        raise ConfigError(error.what, where=where, hint="Check --revoked.") from error
    if data.startswith(MAGIC):
        try:
            return parse_krl(data).revokes
        except openssh.WireError as error:
            hint = "Make it anew (ssh-keygen -k), or list fingerprints as text."
            raise ConfigError(f"no revocation list that can be used: {error}", where=where, hint=hint) from error
    listed = parse_list(data, where)
    return lambda wire: wire_fingerprint(wire) in listed


def is_krl(path: str | os.PathLike[str]) -> bool:
    """Whether a file begins as a KRL does; False if it cannot be read."""
    try:
        with Path(path).open("rb") as stream:
            return stream.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def parse_list(data: bytes, where: str = "revoked") -> dict[str, str]:
    """Return fingerprint -> ``since`` ("" = ever) of a text list; *where* names it in errors.

    :raises ConfigError: for a line that is none, or more than 1 MiB.
    """
    if len(data) > MAX_LIST:
        raise ConfigError(f"too large for a list of revoked keys (over {MAX_LIST} bytes)", where=where)
    found: dict[str, str] = {}
    for number, raw in enumerate(data.split(b"\n"), 1):
        try:
            text = raw.decode("utf-8").strip(" \t\r")
            if text and not text.startswith("#"):
                fingerprint, since = _line(text)
                # listed twice, the stricter counts
                found[fingerprint] = min(since, found.get(fingerprint, since))
        except ValueError as error:
            reason = "not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
            raise ConfigError(reason, where=f"{where}:{number}", hint="SHA256:... or a public key line.") from error
    return found


def _line(text: str) -> tuple[str, str]:
    words = text.split()
    since = ""
    if words[-1].startswith("since="):
        since = words.pop().removeprefix("since=")
        parse_rfc3339(since)
    if words and _FINGERPRINT.fullmatch(words[0]) and len(words) == 1:
        return words[0], since
    if len(words) < 2 or not _KEY.fullmatch(words[0]):
        raise ValueError("neither a fingerprint nor a public key")
    blob = openssh.decode_base64(words[1])
    if openssh.blob_type(blob) != words[0]:
        raise ValueError("the line and the key name different types")
    return wire_fingerprint(blob), since

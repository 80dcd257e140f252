"""``--trust``: OpenSSH allowed_signers files (ssh-keygen(1), ALLOWED SIGNERS).

A line is ``principals [options] keytype base64-key [comment]``. Of the options only
``namespaces="..."`` is honoured; a line that says anything else is refused, for to overlook a
restriction would be to widen trust. So is a key of another type than ssh-ed25519: it
could never vouch for a bag, and whoever listed it should learn that.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from forensics.custody import ed25519_openssh as openssh
from forensics.errors import ConfigError, PermissionRefused

MAX_FILE = 1 << 20
MAX_LINE = 8192
MAX_SIGNERS = 4096
_KEY_TYPE = re.compile(r"(?:sk-)?(?:ssh|ecdsa)-[a-zA-Z0-9@.-]+")
_QUOTED = re.compile(r'"([^"]*)"(?=[ \t]|$)')
_PLAIN = re.compile(r'[^\s"]+')
_OPTION = re.compile(r'([A-Za-z-]+)(?:="((?:[^"\\]|\\")*)")?')


@dataclass(frozen=True, slots=True)
class TrustedSigner:
    """One line: a key, whom it belongs to, and what it may sign.

    :param principals: names and patterns as the file gives them; printed, never compared.
    :param namespaces: patterns of namespaces; None for any.
    :param public_raw: 32 bytes.
    :param fingerprint: ``SHA256:...``.
    :param line: number in the file, from 1.
    """

    principals: tuple[str, ...]
    namespaces: tuple[str, ...] | None
    public_raw: bytes
    fingerprint: str
    line: int

    def allows(self, namespace: str) -> bool:
        """Return whether this key may sign in *namespace* (OpenSSH pattern list: ``*``, ``?``, ``!``)."""
        if self.namespaces is None:
            return True
        hits = [pattern for pattern in self.namespaces if _matches(pattern.removeprefix("!"), namespace)]
        return bool(hits) and not any(pattern.startswith("!") for pattern in hits)


def load_trust(path: str | os.PathLike[str]) -> list[TrustedSigner]:
    """Read an allowed_signers file.

    :raises ConfigError: with ``file:line`` and the reason, for a line that cannot be honoured;
        if the file is not there, is over 1 MiB, or names no signer.
    :raises PermissionRefused: if the system refuses to read it.
    """
    where = str(path)
    try:
        with Path(path).open("rb") as stream:
            data = stream.read(MAX_FILE + 1)
    except PermissionError:
        raise PermissionRefused("the file of trusted signers may not be read", where=where) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"no file of trusted signers ({reason})", where=where, hint="Check --trust.") from error
    if len(data) > MAX_FILE:
        raise ConfigError(f"too large for a file of trusted signers (over {MAX_FILE} bytes)", where=where)
    return parse_trust(data, where)


def parse_trust(data: bytes, where: str = "allowed_signers") -> list[TrustedSigner]:
    """Read the contents of an allowed_signers file; *where* names it in errors.

    :raises ConfigError: as :func:`load_trust`.
    """
    signers: list[TrustedSigner] = []
    for number, raw in enumerate(data.split(b"\n"), 1):
        try:
            text = raw.decode("utf-8-sig" if number == 1 else "utf-8").removesuffix("\r").strip(" \t")
            if text and not text.startswith("#"):
                signers.append(_signer(text, number))
            if len(signers) > MAX_SIGNERS:
                raise ValueError(f"more than {MAX_SIGNERS} signers")
        except ValueError as error:
            reason = "not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
            raise ConfigError(reason, where=f"{where}:{number}") from error
    if not signers:
        raise ConfigError("no signer in this file", where=where, hint="Add a line: NAME ssh-ed25519 AAAA...")
    return signers


def _signer(text: str, number: int) -> TrustedSigner:
    if len(text) > MAX_LINE:
        raise ValueError(f"longer than {MAX_LINE} characters")
    if not text.replace("\t", " ").isprintable():
        raise ValueError("a control or invisible character")
    quoted = _QUOTED.match(text)
    plain = quoted or _PLAIN.match(text)
    if plain is None or text[plain.end() : plain.end() + 1] not in (" ", "\t"):
        raise ValueError("no principals with a key after them")
    principals = _list(plain[1] if quoted else plain[0], "principals")
    rest = text[plain.end() :].lstrip(" \t")
    namespaces = None
    if not _KEY_TYPE.fullmatch(rest.split(None, 1)[0]):
        namespaces, rest = _options(rest)
    raw = _key(rest)
    return TrustedSigner(principals, namespaces, raw, openssh.fingerprint(raw), number)


def _options(rest: str) -> tuple[tuple[str, ...] | None, str]:
    """Return (namespaces, what follows the options)."""
    namespaces: tuple[str, ...] | None = None
    at = 0
    while True:
        match = _OPTION.match(rest, at)
        if match is None:
            raise ValueError(f"no option and no key type: {rest[at : at + 40]!r}")
        name, value = match[1].lower(), match[2]
        if name != "namespaces" or value is None:
            _refuse_option(match[0], name)
        if namespaces is not None:
            raise ValueError("namespaces= stands twice")
        namespaces = _list(value.replace('\\"', '"'), "namespaces")
        at = match.end()
        if rest[at : at + 1] in (" ", "\t"):
            return namespaces, rest[at:].lstrip(" \t")
        if rest[at : at + 1] != ",":
            raise ValueError("no key after the options")
        at += 1


def _refuse_option(text: str, name: str) -> NoReturn:
    if name in ("cert-authority", "valid-after", "valid-before"):
        raise ValueError(f"option {name} is not honoured: such a line is refused, not overlooked")
    if name == "namespaces":
        raise ValueError('namespaces needs a list in double quotes: namespaces="sealbag-seal-v1"')
    raise ValueError(f"unknown option or key type {text[:40]!r}")


def _list(text: str, what: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if not all(names):
        raise ValueError(f"an empty name in {what}")
    return names


def _key(rest: str) -> bytes:
    kind = rest.split(None, 1)[0]
    if kind != openssh.KEY_TYPE and _KEY_TYPE.fullmatch(kind):
        raise ValueError(f"a key of type {kind[:64]}: only ssh-ed25519 vouches for a bag")
    return openssh.parse_public_line(rest)[0]


def _matches(pattern: str, name: str) -> bool:
    """OpenSSH match_pattern: ``*`` any run, ``?`` any one character; time bounded by the product of lengths."""
    reached = {0}
    for char in pattern:
        if char == "*":
            reached = set(range(min(reached), len(name) + 1)) if reached else reached
        else:
            reached = {at + 1 for at in reached if at < len(name) and char in ("?", name[at])}
    return len(name) in reached

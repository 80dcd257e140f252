"""``--trust``: OpenSSH allowed_signers files (ssh-keygen(1), ALLOWED SIGNERS; docs/format.md §10).

A line is ``principals [options] keytype base64-key [comment]``. The options namespaces,
valid-after, valid-before and cert-authority are honoured; a line that says anything else is
refused, for to overlook a restriction would be to widen trust. So is a key of another type
than Ed25519, plain or FIDO: it could never vouch for a bag, and whoever listed it should learn that.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from forensics.custody import ed25519_openssh as openssh
from forensics.custody.certificates import Certificate
from forensics.custody.publickey import SK_TYPE, PublicKey
from forensics.custody.trust_options import Options, matches_list, names, read_options
from forensics.errors import ConfigError, PermissionRefused

MAX_FILE = 1 << 20
MAX_LINE = 8192
MAX_SIGNERS = 4096
_KEY_TYPE = re.compile(r"(?:sk-)?(?:ssh|ecdsa)-[a-zA-Z0-9@.-]+")
_QUOTED = re.compile(r'"([^"]*)"(?=[ \t]|$)')
_PLAIN = re.compile(r'[^\s"]+')


@dataclass(frozen=True, slots=True)
class TrustedSigner:
    """One line: a key, whom it belongs to, what it may sign, and when.

    :param principals: names and patterns as the file gives them; compared with a certificate's only.
    :param namespaces: patterns of namespaces; None for any.
    :param public_raw: 32 bytes.
    :param fingerprint: ``SHA256:...``.
    :param line: number in the file, from 1.
    :param application: of a FIDO key, "" of any other.
    :param valid_after: POSIX seconds, both included; None = without such a bound. *valid_before* likewise.
    :param cert_authority: the key vouches for those whom it certifies, not for itself.
    """

    principals: tuple[str, ...]
    namespaces: tuple[str, ...] | None
    public_raw: bytes
    fingerprint: str
    line: int
    application: str = ""
    valid_after: int | None = None
    valid_before: int | None = None
    cert_authority: bool = False

    @property
    def public(self) -> PublicKey:
        """The key with its type."""
        return PublicKey(self.public_raw, self.application)

    def allows(self, namespace: str, at: float | None = None) -> bool:
        """Return whether this line counts in *namespace* (OpenSSH pattern list: ``*``, ``?``, ``!``) at *at*.

        Of a line with cert-authority this is what it may say of others: see :func:`vouching`.

        :param at: POSIX seconds; None = now.
        """
        if self.namespaces is not None and not matches_list(self.namespaces, namespace):
            return False
        if self.valid_after is None and self.valid_before is None:
            return True
        moment = int(time.time() if at is None else at)
        early = self.valid_after is not None and moment < self.valid_after
        return not early and not (self.valid_before is not None and moment > self.valid_before)


def vouching(
    trust: Iterable[TrustedSigner],
    key: PublicKey,
    namespace: str,
    at: float | None = None,
    certificates: Sequence[Certificate] = (),
) -> list[str]:
    """Return the principals for whom *trust* vouches for *key*: none, if nobody does.

    :param at: POSIX seconds; None = now.
    :param certificates: those that are at hand: for lines with cert-authority.
    """
    moment = int(time.time() if at is None else at)
    mine = [one for one in certificates if one.public == key and not one.holds(moment)]
    found: list[str] = []
    for line in trust:
        if not line.allows(namespace, moment):
            continue
        if not line.cert_authority:
            found += line.principals if line.public == key else ()
            continue
        named = [name for one in mine if one.authority == line.public for name in one.principals]
        found += [name for name in named if matches_list(line.principals, name)]
    return list(dict.fromkeys(found))


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
    principals = names(plain[1] if quoted else plain[0], "principals")
    rest = text[plain.end() :].lstrip(" \t")
    said = Options()
    if not _KEY_TYPE.fullmatch(rest.split(None, 1)[0]):
        said, rest = read_options(rest)
    key = _key(rest)
    return TrustedSigner(
        principals, said.namespaces, key.raw, key.fingerprint, number, key.application, said.valid_after,
        said.valid_before, said.cert_authority,
    )  # fmt: skip


def _key(rest: str) -> PublicKey:
    kind = (rest.split(None, 1) or [""])[0]
    if kind not in (openssh.KEY_TYPE, SK_TYPE) and _KEY_TYPE.fullmatch(kind):
        raise ValueError(f"a key of type {kind[:64]}: only ssh-ed25519 and {SK_TYPE} vouch for a bag")
    return PublicKey.from_line(rest)[0]

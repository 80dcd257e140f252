"""Whom a stream is encrypted to, and what opens it: age identities, ssh-ed25519 keys (docs/format.md §13, §16)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forensics.custody.recipients import check_recipient, load_recipient
from forensics.errors import ConfigError, KeyInvalid, PermissionRefused
from forensics.transfer.cipher import age

if TYPE_CHECKING:
    from forensics.custody.trust import TrustedSigner

LEAST = 2
MOST = 20
MAX_IDENTITY = 64 << 10
_SSH = b"-----BEGIN OPENSSH PRIVATE KEY-----"


def resolve(given: Sequence[str], trust: Sequence[TrustedSigner] = (), signer: str = "") -> list[str]:
    """Return the recipients that *given* names: ``age1...``, ``ssh-ed25519 AAAA...``, or files that hold one.

    :param trust: who may have certified a ``.recipient`` file, and *signer*: a fingerprint that may.
    :raises ConfigError: if they are fewer than two, or more than twenty: of one recipient alone the loss or
        the coercion decides over all of the evidence.
    :raises KeyInvalid, FeatureUnavailable: see :func:`forensics.custody.recipients.load_recipient`.
    """
    found: list[str] = []
    for one in given:
        bare = one.startswith(("age1", "ssh-", "sk-ssh-")) and not Path(one).is_file()
        recipient = check_recipient(one) if bare else load_recipient(one, trust, signer)
        if recipient not in found:
            found.append(recipient)
    if not LEAST <= len(found) <= MOST:
        raise ConfigError(
            f"{len(found)} different recipients; a stream goes to {LEAST} to {MOST}",
            hint="Give --to twice or more: if the only key is lost or withheld, so is the evidence.",
        )
    return found


def load_recipients(given: Sequence[str], trust: Sequence[TrustedSigner] = (), signer: str = "") -> list[Any]:
    """Return what encrypts to those that *given* names; see :func:`resolve`."""
    library = age()
    texts = resolve(given, trust, signer)
    return [
        (library.ssh if text.startswith("ssh-") else library.x25519).Recipient.from_str(text) for text in texts
    ]  # fmt: skip


def load_identities(paths: Sequence[str | os.PathLike[str]]) -> list[Any]:
    """Read identity files: of age-keygen (lines ``AGE-SECRET-KEY-1...``), or an OpenSSH private key without passphrase.

    :raises KeyInvalid: if one holds none.
    :raises PermissionRefused: if it may not be read.
    :raises FeatureUnavailable: without the extra ``transport``.
    """
    library = age()
    found: list[Any] = []
    for path in paths:
        data = _read(Path(path))
        try:
            found += _identities(library, data)
        except (ValueError, library.IdentityError) as error:
            raise KeyInvalid(
                f"no age identity ({str(error)[:100]})",
                where=str(path),
                hint="Give a file of age-keygen, or an ssh-ed25519 private key that has no passphrase.",
            ) from None
    return found


def _identities(library: Any, data: bytes) -> list[Any]:
    if data.startswith(_SSH):
        return [library.ssh.Identity.from_buffer(data)]
    lines = [line.strip() for line in data.decode("ascii").splitlines()]
    found = [library.x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
    if not found:
        raise ValueError("no line AGE-SECRET-KEY-1...")
    return found


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_IDENTITY + 1)
    except PermissionError as error:
        raise PermissionRefused("the identity cannot be read", where=str(path)) from error
    except OSError as error:
        raise KeyInvalid(f"the identity cannot be read ({error.strerror or error})", where=str(path)) from error
    if len(data) > MAX_IDENTITY:
        raise KeyInvalid("no age identity: longer than 64 KiB", where=str(path))
    return data

"""Whom evidence is encrypted to: age recipients, bare or certified by a signing key (docs/format.md §13).

Sources: age-encryption.org/v1 (X25519 and ssh-ed25519 recipients), read by pyrage. A recipient
is no signing key: an ssh-agent or a FIDO token signs but cannot decrypt, so that encryption has
identities of its own, and a signed file says whose they are.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forensics.custody.keys import SigningKey
from forensics.custody.keywriter import write_new
from forensics.custody.lines import now
from forensics.custody.publickey import SK_TYPE, PublicKey
from forensics.custody.signed import MAX_SIGNED, read_chosen, read_line, sign_line, text_of
from forensics.custody.sshsig import MAX_ARMOURED
from forensics.errors import FeatureUnavailable, KeyInvalid
from forensics.source.times import parse_rfc3339

if TYPE_CHECKING:
    from forensics.custody.trust import TrustedSigner

FORMAT = "sealbag-recipient/1.0"
NAMESPACE = "sealbag-recipient-v1"
SUFFIX = ".recipient"
MAX_TEXT = 1024


def new_identity(path: Path) -> str:
    """Write a new age identity (X25519), mode 0600, as ``age-keygen`` does; return its recipient.

    :raises OutputRefused: if something is there, or there is no such folder.
    :raises FeatureUnavailable: without the extra ``transport``.
    :raises PermissionRefused, DiskFull, StorageError: if the system refuses or fails.
    """
    pyrage = _pyrage()
    identity = pyrage.x25519.Identity.generate()
    recipient = str(identity.to_public())
    text = f"# created: {now()}\n# public key: {recipient}\n{identity}\n"
    write_new(path, text.encode("ascii"), 0o600, "identity")
    return recipient


def check_recipient(text: str) -> str:
    """Return an age recipient in its one spelling: ``age1...``, or ``ssh-ed25519 AAAA...`` without a comment.

    :raises KeyInvalid: if it is none, or of another kind; the error says which.
    :raises FeatureUnavailable: without the extra ``transport``.
    """
    words = text[:MAX_TEXT].split()
    if len(text) > MAX_TEXT or not words or not text.strip().isprintable():
        raise KeyInvalid("no age recipient", hint="age1..., or a line ssh-ed25519 AAAA...")
    if words[0] == SK_TYPE:
        hint = "Make an identity for it: sealbag key age new FILE."
        raise KeyInvalid("a FIDO key signs but cannot decrypt", hint=hint)
    pyrage = _pyrage()
    try:
        if words[0] == "ssh-ed25519":
            pyrage.ssh.Recipient.from_str(" ".join(words[:2]))
            return PublicKey.from_line(" ".join(words[:2]))[0].line()
        if len(words) == 1 and words[0].startswith("age1"):
            return str(pyrage.x25519.Recipient.from_str(words[0]))
    except (ValueError, pyrage.RecipientError) as error:
        raise KeyInvalid(f"no age recipient ({error})", where=words[0][:80]) from error
    raise KeyInvalid("no age recipient", where=words[0][:80], hint="age1..., or a line ssh-ed25519 AAAA...")


def certify(key: SigningKey, recipient: str, name: str, not_after: str) -> tuple[bytes, bytes]:
    """Return the two files that say whose *recipient* is: a line, and its signature.

    :param name: of a person or place.
    :param not_after: a time of the format.
    :raises ValueError: if *name* or *not_after* is none.
    :raises KeyInvalid, FeatureUnavailable: as :func:`check_recipient`; if the key does not sign.
    """
    parse_rfc3339(not_after)
    if not 0 < len(name) <= 256 or not name.isprintable():
        raise ValueError("a name is 1 to 256 visible characters")
    fields: dict[str, Any] = {
        "format": FORMAT, "recipient": check_recipient(recipient), "name": name, "t": now(), "not_after": not_after,
    }  # fmt: skip
    return sign_line(key, fields, NAMESPACE)


def write_recipient(path: Path, pair: tuple[bytes, bytes]) -> None:
    """Write such a pair: *path* and the same with ``.sig``; never over a file, never half of it.

    :raises OutputRefused, PermissionRefused, DiskFull, StorageError: if it cannot be written.
    """
    write_new(path, pair[0], 0o644, "recipient")
    try:
        write_new(path.with_name(path.name + ".sig"), pair[1], 0o644, "recipient")
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def load_recipient(
    path: str | os.PathLike[str], trust: Sequence[TrustedSigner] = (), signer: str = "", at: str | None = None
) -> str:
    """Return the age recipient that a file names.

    A ``.recipient`` file counts if its signature holds, somebody who is trusted made it, and its time
    has not passed. Any other file is a public key (``.pub``) or a recipient as it stands, one line: whoever
    names the file vouches for it.

    :param trust: who may certify, as of :func:`forensics.custody.trust.load_trust`; the namespace of such a
        line, if it has any, must match ``sealbag-recipient-v1``.
    :param signer: fingerprint of a key that may, beside these.
    :param at: a time of the format; None = now.
    :raises KeyInvalid: if it does not hold, with the reason.
    :raises PermissionRefused: if the system refuses to read it.
    :raises FeatureUnavailable: without the extra ``transport``.
    """
    file = Path(path)
    data = read_chosen(file, MAX_SIGNED, "recipient")
    try:
        if not data.startswith(b"{"):
            lines = [line for line in data.decode("utf-8").splitlines() if line.strip() and not line.startswith("#")]
            if len(lines) != 1:
                raise ValueError(f"{len(lines)} recipients in one file")
            return check_recipient(lines[0])
        signature = read_chosen(file.with_name(file.name + ".sig"), MAX_ARMOURED, "signature of a recipient")
        fields, by = read_line(data, signature, FORMAT, NAMESPACE)
        recipient, not_after = text_of(fields, "recipient"), text_of(fields, "not_after")
        text_of(fields, "name", 256), parse_rfc3339(text_of(fields, "t")), parse_rfc3339(not_after)
    except ValueError as error:
        raise KeyInvalid(f"no sound recipient: {error}", where=str(file), hint="Have it certified again.") from error
    moment = at or now()
    if moment > not_after:
        raise KeyInvalid(f"a recipient whose time passed at {not_after}", where=str(file), hint="Certify it again.")
    seconds = parse_rfc3339(moment) / 1e9
    from forensics.custody.trust import vouching  # with it come certificates, which an age recipient has no use for

    if by.fingerprint != signer and not vouching(trust, by, NAMESPACE, seconds):
        hint = "Name its signer by --trust or --signer, if you know by another way that it is who they say."
        raise KeyInvalid(f"nobody vouches for the recipient's signer {by.fingerprint}", where=str(file), hint=hint)
    return check_recipient(recipient)


def _pyrage() -> Any:
    try:
        import pyrage
    except ImportError as error:
        raise FeatureUnavailable(
            "age encryption needs the extra transport", hint="pip install 'sealbag[transport]'"
        ) from error
    return pyrage

"""Keys that an ssh-agent holds, as signing keys of ours."""

from __future__ import annotations

import os
from pathlib import Path

from forensics.custody import agent, certificates
from forensics.custody import ed25519_openssh as openssh
from forensics.custody.keys import Key
from forensics.custody.publickey import SK_TYPE, PublicKey, wire_fingerprint
from forensics.errors import KeyInvalid

_SERVE = "Ed25519 serves: ssh-add FILE (ssh-keygen -t ed25519, or -t ed25519-sk for a token)."


class AgentKey(Key):
    """A key whose private half stays in an ssh-agent.

    :param where: the agent's address.
    """

    def __init__(self, public: PublicKey, where: str, comment: str = "") -> None:
        self._private, self._public = None, public.raw
        self.application, self.comment, self._where = public.application, comment, where
        if self.application:
            wait = int(agent.SIGN_SECONDS)
            self.warnings = (f"a FIDO key: each signature waits for a touch of the token, at most {wait} s",)

    def sign_blob(self, message: bytes) -> bytes:
        """Have the agent sign *message*; the signature is checked here before it is used.

        :raises KeyInvalid: if the agent refuses, does not answer, or gives another key's signature.
        """
        blob = agent.sign(self._where, self.wire, message)
        try:
            holds = self.public.verifies(self.public.read_signature(blob), message)
        except openssh.WireError as error:
            raise KeyInvalid(f"the ssh-agent's signature is malformed: {error}", where=self._where) from error
        if not holds:
            why = ", or no person was present" if self.application else ""
            raise KeyInvalid(f"the ssh-agent's signature does not verify{why}", where=self._where)
        return blob

    def sign_raw(self, message: bytes) -> bytes:
        """Have the agent sign *message*; see :meth:`SigningKey.sign_raw`.

        :raises KeyInvalid: for a FIDO key, whose signature is over another message.
        """
        if self.application:
            raise KeyInvalid("a FIDO key makes no plain signature", where=self.fingerprint)
        return self.public.read_signature(self.sign_blob(message)).signature

    def save(self, path: str | os.PathLike[str], passphrase: str | bytes | None = None, comment: str = "") -> None:
        """Refused: the private half is in the agent.

        :raises KeyInvalid: always.
        """
        raise KeyInvalid("the private half is in the ssh-agent and cannot be written", where=self.fingerprint)


def find(name: str | None) -> Key:
    """Find a key in the agent; see :meth:`Key.from_agent`."""
    where = agent.address()
    held = agent.keys(where)
    serving = _serving(held, where)
    chosen = [key for key in serving if name in (None, key.fingerprint, key.comment)]
    if len(chosen) == 1:
        return chosen[0]
    asked = f"key {name!r}" if name is not None else "key that can sign here"
    what = f"more than one {asked}" if chosen else f"no {asked}"
    there = "; ".join(f"{wire_fingerprint(one.wire)} {one.key_type} {one.comment}".rstrip() for one in held[:10])
    hint = "Say which: --key agent:SHA256:..." if chosen else _SERVE
    raise KeyInvalid(f"the ssh-agent holds {what}; it holds: {there or 'nothing'}", where=where, hint=hint)


def from_file(path: Path, public: PublicKey) -> Key:
    """Return the agent's key that is the private half of *public*, which stands in the file *path*.

    :raises KeyInvalid: if there is no agent, or it does not hold it.
    """
    if path.suffix == ".pub":
        hint = f"ssh-add it, or name the private key: {path.with_suffix('')}"
    else:
        hint = f"ssh-add {path}" if public.application else "ssh-add it, or name the private key's file."
    what = f"a public key ({public.key_type}); the private key is needed to sign"
    if public.application and path.suffix != ".pub":
        what = f"a key of type {SK_TYPE}: the file is a handle, its token signs through the ssh-agent"
    try:
        where = agent.address()
        for key in _serving(agent.keys(where), where):
            if key.public == public:
                return key
    except KeyInvalid as error:
        raise KeyInvalid(f"{what} ({error.what})", where=str(path), hint=hint) from error
    raise KeyInvalid(f"{what} (the ssh-agent does not hold it)", where=str(path), hint=hint)


def _serving(held: list[agent.Held], where: str) -> list[AgentKey]:
    """Those that can sign here, each once, with a certificate that the agent holds for it."""
    found: dict[PublicKey, AgentKey] = {}
    for one in held:
        if one.key_type in (openssh.KEY_TYPE, SK_TYPE):
            try:
                public = PublicKey.from_wire(one.wire)
            except openssh.WireError:
                continue  # of that type but no sound key: it stands in the list of what is there
            found.setdefault(public, AgentKey(public, where, one.comment))
    for one in held:
        try:
            certificate = certificates.parse(one.wire)
        except openssh.WireError:
            continue
        if certificate.public in found:
            found[certificate.public].certificate = certificates.line_of(one.wire)
    return list(found.values())

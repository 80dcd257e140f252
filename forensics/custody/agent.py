"""The ssh-agent protocol: what keys an agent holds, and a signature by one of them.

Source: draft-ietf-sshm-ssh-agent (OpenSSH PROTOCOL.agent). The program at the other end of the
socket may be anybody's: each length is checked before it is used, each call has a time-out.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from forensics.custody import ed25519_openssh as openssh
from forensics.errors import KeyInvalid

if sys.platform == "win32":
    from forensics.custody.agent_windows import DEFAULT, connect
else:
    from forensics.custody.agent_posix import DEFAULT, connect

SOCKET = "SSH_AUTH_SOCK"
MAX_ANSWER = 256 << 10
MAX_KEYS = 1024
LIST_SECONDS = 10.0
#: a signature may wait for somebody: a touch of a token, a passphrase, a confirmation
SIGN_SECONDS = 120.0
_FAILURE, _LIST, _KEYS, _SIGN, _SIGNED = 5, 11, 12, 13, 14


class Channel(Protocol):
    """A connection to an agent. Both calls end within the time-out with which it was made."""

    def send(self, data: bytes) -> None:
        """Write all of *data*. :raises OSError:"""

    def receive(self, count: int) -> bytes:
        """Return exactly *count* bytes. :raises OSError: at the end too."""

    def close(self) -> None:
        """Let go of it."""


@dataclass(frozen=True, slots=True)
class Held:
    """A key that an agent offers: its public half in SSH wire form (or a certificate), and its comment."""

    wire: bytes
    comment: str

    @property
    def key_type(self) -> str:
        """As the key says, "?" if it says nothing readable."""
        try:
            return openssh.blob_type(self.wire)
        except openssh.WireError:
            return "?"


def address() -> str:
    """Return where the agent listens: SSH_AUTH_SOCK, on Windows else the OpenSSH agent's pipe.

    :raises KeyInvalid: if the environment names none.
    """
    found = os.environ.get(SOCKET) or DEFAULT
    if not found:
        hint = "Start one and give it the key: eval $(ssh-agent) && ssh-add FILE."
        raise KeyInvalid(f"no ssh-agent here ({SOCKET} is not set)", hint=hint)
    return found


def keys(where: str) -> list[Held]:
    """Return what the agent at *where* holds.

    :raises KeyInvalid: if it does not answer, or breaks the protocol.
    """
    with _talking(where, LIST_SECONDS) as channel:
        reader = _ask(channel, bytes([_LIST]), _KEYS, "list its keys")
        count = reader.uint32()
        if count > MAX_KEYS:
            raise openssh.WireError(f"{count} keys, at most {MAX_KEYS}")
        held = [Held(reader.string(), _printable(reader.string())) for _ in range(count)]
        reader.end()
    return held


def sign(where: str, wire: bytes, message: bytes) -> bytes:
    """Return the signature blob over *message* by the key of this wire form; nothing is verified.

    :raises KeyInvalid: if the agent refuses, does not answer, or breaks the protocol.
    """
    pack = openssh.pack_string
    request = bytes([_SIGN]) + pack(wire) + pack(message) + bytes(4)
    with _talking(where, SIGN_SECONDS) as channel:
        reader = _ask(channel, request, _SIGNED, "sign")
        blob = reader.string()
        reader.end()
    return blob


def _ask(channel: Channel, request: bytes, wanted: int, what: str) -> openssh.WireReader:
    channel.send(openssh.pack_string(request))
    size = int.from_bytes(channel.receive(4), "big")
    if not 1 <= size <= MAX_ANSWER:
        raise openssh.WireError(f"an answer of {size} bytes, at most {MAX_ANSWER}")
    answer = channel.receive(size)
    if answer[0] == _FAILURE:
        hint = "Is it locked (ssh-add -X), or was a confirmation or a touch refused or not given in time?"
        raise KeyInvalid(f"the ssh-agent refused to {what}", hint=hint)
    if answer[0] != wanted:
        raise openssh.WireError(f"an answer of type {answer[0]}, not {wanted}")
    return openssh.WireReader(answer[1:])


@contextmanager
def _talking(where: str, seconds: float) -> Iterator[Channel]:
    hint = f"Check {SOCKET} and that the agent runs: ssh-add -l."
    try:
        channel = connect(where, seconds)
        try:
            yield channel
        finally:
            channel.close()
    except TimeoutError:
        raise KeyInvalid(f"the ssh-agent did not answer within {seconds:.0f} s", where=where, hint=hint) from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise KeyInvalid(f"the ssh-agent cannot be reached ({reason})", where=where, hint=hint) from error
    except openssh.WireError as error:
        raise KeyInvalid(f"what listens there is no ssh-agent: {error}", where=where, hint=hint) from error


def _printable(comment: bytes) -> str:
    """A comment for people: it may hold anything."""
    text = comment[:1024].decode("utf-8", "replace")
    return "".join(char if char.isprintable() else "?" for char in text)[:256]

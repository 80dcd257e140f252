"""--key: a file, or a key of the ssh-agent."""

from __future__ import annotations

import os
import sys

from forensics.custody.keys import Key
from forensics.errors import WrongPassphrase

AGENT = "agent:"


def ask_passphrase() -> str:
    """The passphrase of a key: SEALBAG_PASSPHRASE, else asked for on the terminal.

    :raises WrongPassphrase: if there is neither.
    """
    given = os.environ.get("SEALBAG_PASSPHRASE")
    if given is not None:
        return given
    if not sys.stdin.isatty():
        raise WrongPassphrase("the key is protected and there is no terminal to ask for its passphrase on")
    import getpass

    return getpass.getpass("Passphrase: ")


def signing_key(text: str) -> Key:
    """Return the key that ``--key`` names, after printing what should be said of it.

    :param text: a file, ``agent:`` (the one key there), or ``agent:`` and a fingerprint or comment.
    :raises KeyInvalid, WrongPassphrase, PermissionRefused: as :meth:`Key.load` and :meth:`Key.from_agent`.
    """
    in_agent = text.startswith(AGENT)
    key = Key.from_agent(text.removeprefix(AGENT) or None) if in_agent else Key.load(text, ask_passphrase)
    for warning in key.warnings:
        print(f"sealbag: warning: {warning}", file=sys.stderr)
    return key

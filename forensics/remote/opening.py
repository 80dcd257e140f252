"""Which target an address means."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from forensics.errors import UsageError
from forensics.remote.target import SECONDS, Target

MAX_URL = 4096
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")  # a single letter is a drive
_KNOWN = "a folder, file://, sftp://user@host/path, s3://bucket/prefix, https:// or post+https://"


def open_target(url: str | os.PathLike[str], *, timeout: float = SECONDS) -> Target:
    """Open a target; the first network step comes with the first use.

    ========================================  ==================================================
    a folder, ``file:///folder``              it must exist; folders below are made
    ``sftp://user@host:port/path``            ``/~/x`` is below the home; ``?hostkey=SHA256:...``,
                                              ``?known_hosts=FILE``, ``?identity=FILE``
    ``s3://bucket/prefix``                    credentials as AWS tools find them;
                                              ``?endpoint=https://...``, ``?region=``
    ``https://host/path`` (or http)           PUT, GET, HEAD, DELETE of path/name
    ``post+https://host/path``                POST to path/name; nothing is read back
    ========================================  ==================================================

    :param timeout: seconds that one step on the network may take.
    :raises UsageError: if the address is none of these.
    :raises FeatureUnavailable: for SFTP and S3, if their extra is not installed.
    """
    text = os.fspath(url)
    if not 0 < len(text) <= MAX_URL or any(ord(char) < 32 or ord(char) == 127 for char in text):
        raise UsageError("no address of a target", hint=f"Give {_KNOWN}.")
    found = _SCHEME.match(text)
    scheme = found[1].lower() if found else ""
    if not scheme:
        from forensics.remote.folder import FolderTarget

        return FolderTarget(Path(text))
    parts = split(text)
    if scheme == "file":
        return _file(parts)
    if scheme == "sftp":
        from forensics.remote.sftp import SftpTarget

        return SftpTarget(parts, timeout)
    if scheme == "s3":
        from forensics.remote.s3 import S3Target

        return S3Target(parts, timeout)
    if scheme in ("http", "https", "post+http", "post+https"):
        from forensics.remote.http import HttpTarget

        return HttpTarget(parts, timeout)
    raise UsageError(f"no target of the kind {scheme[:20]}:", hint=f"Give {_KNOWN}.")


def split(url: str) -> SplitResult:
    """Split an address.

    :raises UsageError: if it is none; its text is not repeated, it may hold a secret.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise UsageError("no address of a target", hint=f"Give {_KNOWN}.") from None
    return parts


def shown(parts: SplitResult) -> str:
    """Return an address without user, password, query and fragment: for messages and the ledger."""
    host = f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else parts.hostname or ""
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{host}{port}{parts.path}".rstrip("/")


def options(parts: SplitResult, known: tuple[str, ...]) -> dict[str, str]:
    """Return the query's options; ``+`` is itself (it is base64's).

    :raises UsageError: for one that is not *known*, or given twice.
    """
    found: dict[str, str] = {}
    for piece in parts.query.split("&") if parts.query else ():
        name, _, value = piece.partition("=")
        if name not in known or name in found:
            raise UsageError(f"no such option of a {parts.scheme} target", hint=f"Known: {', '.join(known)}.")
        found[name] = unquote(value)
    return found


def _file(parts: SplitResult) -> Target:
    from forensics.remote.folder import FolderTarget

    if parts.hostname not in (None, "localhost") or parts.query or parts.fragment:
        raise UsageError("a file:// address names a folder of this host", hint="file:///folder, or the folder itself.")
    from urllib.request import url2pathname  # with it come http and ssl, which a folder has no use for

    return FolderTarget(Path(url2pathname(parts.path)))

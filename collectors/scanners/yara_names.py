"""What rules may ask beside the bytes: the external variables of LOKI and THOR rule sets."""

from __future__ import annotations

import re

from forensics.model.display import undisplay

# First bytes and the words that signature-base uses for them.
_MAGICS: tuple[tuple[bytes, str], ...] = (
    (b"MZ", "EXE"),
    (b"\x7fELF", "ELF"),
    (b"\xcf\xfa\xed\xfe", "MACH-O"),
    (b"\xce\xfa\xed\xfe", "MACH-O"),
    (b"PK\x03\x04", "ZIP"),
    (b"%PDF", "PDF"),
    (b"{\\rt", "RTF"),
    (b"MDMP", "MDMP"),
    (b"<?php", "PHP"),
)
_WINDOWS = re.compile(
    r"[a-z]:/|"
    r"(?:windows|winnt|program files(?: \(x86\))?|programdata|documents and settings|inetpub|\$recycle\.bin)(?:/|$)",
    re.IGNORECASE,
)
_USERS = re.compile(r"users/[^/]+/(?:appdata|desktop|documents|downloads|ntuser|pictures|music|videos)", re.IGNORECASE)
_MACOS = re.compile(r"users/[^/]+/library/", re.IGNORECASE)


def _text(name: str) -> str:
    """The name itself, without our escapes; what YARA cannot take is U+FFFD."""
    try:
        raw = undisplay(name)
    except ValueError:  # not one of our displays: taken as it is
        raw = name.encode("utf-8", "replace")
    return raw.decode("utf-8", "replace").replace("\0", "\ufffd")


def externals_of(name: str, head: bytes) -> dict[str, str]:
    """Return the external variables for a content.

    ``filepath`` is the full path: ``/etc/passwd``, or ``C:\\Windows\\...`` where the path looks
    like one of Windows, since such rules write it that way (a volume's own letter is not
    known). ``owner`` is always empty.

    :param name: display path, ``/``-separated.
    :param head: the first bytes.
    """
    path = _text(name)
    filename = path.rpartition("/")[2]
    dot = filename.rfind(".")
    windows = bool(_WINDOWS.match(path) or (_USERS.match(path) and not _MACOS.match(path)))
    full = "/" + path.lstrip("/")
    if windows:
        full = (path if path[1:2] == ":" else f"C:{full}").replace("/", "\\")
    kind = next((word for magic, word in _MAGICS if head.startswith(magic)), "")
    return {
        "filename": filename,
        "filepath": full,
        "extension": filename[dot:].lower() if dot >= 0 else "",
        "filetype": kind,
        "owner": "",
    }

"""Names of evidence as names of files: the very bytes where the target holds them, else escaped.

An escape is the display's (``\\xHH``, ``\\u{HEX}``); on Windows ``%`` stands in place of the
backslash, which separates folders there. What was escaped, shortened or numbered stands in
the map beside the tree, so nothing here needs to be reversible.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from forensics.model.display import display

#: Bytes of one name on POSIX, UTF-16 units on Windows.
LONGEST = 255
#: Folders above one file; what lies deeper is put there (a hostile path has 100,000 of them).
DEEPEST = 128
KEPT = 160
_FORBIDDEN = re.compile('[\x00-\x1f<>:"/\\\\|?*]')
# Devices in every folder, with any extension ("Naming Files, Paths, and Namespaces", Microsoft).
_DEVICE = re.compile(
    r"(?:CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(?:COM|LPT)[0-9\u00b9\u00b2\u00b3])\s*(?:\..*)?", re.I | re.S
)
_NOTHING = b"\\empty"


def parts_of(raw: bytes) -> list[bytes]:
    """Split a path into at most :data:`DEEPEST` components, the last one kept."""
    parts = raw.split(b"/")
    return parts if len(parts) <= DEEPEST else [*parts[: DEEPEST - 1], parts[-1]]


def _escape_posix(name: bytes) -> bytes:
    if not name:
        return _NOTHING
    if name in (b".", b".."):
        return name.replace(b".", b"\\x2E")
    return display(name).encode("utf-8").replace(b"/", b"\\x2F")


def _hex(match: re.Match[str]) -> str:
    return f"%x{ord(match.group()):02X}"


def _escape_windows(name: bytes) -> bytes:
    try:
        text = name.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        text = re.sub(
            "[\udc80-\udcff]", lambda m: f"%x{ord(m.group()) - 0xDC00:02X}", name.decode("utf-8", "surrogateescape")
        )
    text = _FORBIDDEN.sub(_hex, text) or "%empty"
    if text[-1] in ". ":
        text = f"{text[:-1]}%x{ord(text[-1]):02X}"
    if _DEVICE.fullmatch(text):
        text = f"%x{ord(text[0]):02X}{text[1:]}"
    return text.encode("utf-8", "surrogatepass")


def _length(name: bytes, windows: bool) -> int:
    if not windows:
        return len(name)
    return len(name.decode("utf-8", "surrogatepass").encode("utf-16-le", "surrogatepass")) // 2


def _shorten(name: bytes, original: bytes, windows: bool) -> bytes:
    """The first bytes of a name, cut between characters, and a digest of the whole one."""
    kept = name[:KEPT].decode("utf-8", "ignore").rstrip(". \\%").encode("utf-8")
    mark = b"%~" if windows else b"\\~"
    return kept + mark + hashlib.sha256(original).hexdigest()[:16].encode()


def candidates(name: bytes, windows: bool) -> Iterator[bytes]:
    """Yield names for one component, the most faithful first; each is safe to create in a folder.

    None of them is empty, ``.`` or ``..``, or holds a ``/`` or NUL byte (on Windows: any character
    that is not allowed there); on Windows the bytes are WTF-8.
    """
    escaped = (_escape_windows if windows else _escape_posix)(name)
    plain = name not in (b"", b".", b"..") and b"/" not in name and b"\0" not in name
    if not windows and plain and len(name) <= LONGEST:
        yield name
    if (windows or escaped != name) and _length(escaped, windows) <= LONGEST:
        yield escaped
    yield _shorten(escaped, name, windows)


def stream_name(name: bytes, stream: bytes | None) -> bytes:
    """The file name of a named stream: ``name:stream``."""
    return name if stream is None else name + b":" + stream

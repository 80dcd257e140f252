"""Names as text: reversible, unambiguous, safe on a terminal.

Rules (docs/format.md, "Names"): a backslash is doubled; a byte that is not part
of valid UTF-8 is ``\\xHH``; a control, bidirectional or invisible character, and
a lone surrogate of WTF-8, is ``\\u{HEX}``. Everything else stands as itself, so
:func:`undisplay` gives back the very bytes.
"""

from __future__ import annotations

import re

# The list is fixed here and in docs/format.md: Unicode categories would change
# with Python's version, and a display must not.
UNSAFE = (
    "\x00-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u180b-\u180f\u200b-\u200f\u2028-\u202f"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffc\U000e0000-\U000e0fff\ud800-\udfff"
)
_ESCAPE = re.compile(f"[\\\\{UNSAFE}]")
_PLAIN = re.compile(rb"[ -\[\]-~]*")
_UNESCAPE = re.compile(r"\\(?:(\\)|x([0-9A-F]{2})|u\{([0-9A-F]{1,6})\})")


def _escape_char(match: re.Match[str]) -> str:
    char = match.group()
    if char == "\\":
        return "\\\\"
    point = ord(char)
    # surrogateescape maps an undecodable byte 0xHH to U+DCHH
    if 0xDC80 <= point <= 0xDCFF:
        return f"\\x{point - 0xDC00:02X}"
    return f"\\u{{{point:X}}}"


def display(raw: bytes, enc: str = "bytes") -> str:
    """Return *raw* as safe, reversible text.

    :param raw: the name or path as the source gives it.
    :param enc: ``bytes``, ``tsk-utf8`` or ``wtf-8`` (there a lone surrogate,
        three bytes, becomes one ``\\u{HEX}``).
    """
    if _PLAIN.fullmatch(raw):
        return raw.decode("ascii")
    if enc == "wtf-8":
        try:
            text = raw.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            return display(raw)
        return "".join(
            f"\\u{{{ord(c):X}}}" if "\ud800" <= c <= "\udfff" else _ESCAPE.sub(_escape_char, c) for c in text
        )
    return _ESCAPE.sub(_escape_char, raw.decode("utf-8", "surrogateescape"))


def undisplay(text: str) -> bytes:
    """Return the bytes that :func:`display` was given.

    :raises ValueError: if *text* is no output of :func:`display`.
    """
    out = bytearray()
    position = 0
    while True:
        cut = text.find("\\", position)
        plain = text[position : cut if cut >= 0 else len(text)]
        out += plain.encode("utf-8")
        if cut < 0:
            return bytes(out)
        match = _UNESCAPE.match(text, cut)
        if match is None:
            raise ValueError(f"no escape at character {cut}")
        slash, byte, point = match.groups()
        if slash:
            out += b"\\"
        elif byte:
            out.append(int(byte, 16))
        else:
            out += chr(int(point, 16)).encode("utf-8", "surrogatepass")
        position = match.end()

"""What PowerShell text hides in base64: -EncodedCommand, FromBase64String, packed streams. In bounds, never run."""

from __future__ import annotations

import base64
import binascii
import re
import zlib

#: characters of one text that are looked at; texts found in one; bytes one may unpack to; how deep one is in another
MAX_TEXT, MAX_FOUND, MAX_UNPACKED, MAX_DEPTH = 1 << 20, 8, 1 << 20, 3
#: an argument of fewer characters says little; a run of base64 elsewhere must be longer to be one
_OPTION = re.compile(
    r"(?i)(?:^|[\s\"'^`])[-/\u2013\u2014]e(?:c|n|nc|nco|ncod|ncode|ncoded|ncodedc\w{0,6})?[:\s]+[\"']?([A-Za-z0-9+/=]{8,65536})"
)
_RUN = re.compile(r"[A-Za-z0-9+/]{40,}={0,2}")
_PRINTABLE = re.compile(r"[\t\n\r\x20-\x7e\u00a0-\u024f\u2010-\u203a\u20ac]")


def _text(data: bytes) -> str:
    """Bytes as UTF-16 or UTF-8 text; "" if they are none."""
    if len(data) >= 8 and data[1::2].count(0) * 10 >= len(data) // 2 * 9:
        found = data[: len(data) // 2 * 2].decode("utf-16-le", "replace")
    else:
        try:
            found = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
        except UnicodeDecodeError:
            return ""
    good = len(_PRINTABLE.findall(found[:4096]))
    return found if found and good * 100 >= len(found[:4096]) * 95 else ""


def _unpacked(data: bytes) -> bytes:
    """A gzip, zlib or raw deflate stream unpacked, at most :data:`MAX_UNPACKED` bytes; the bytes themselves if none."""
    kinds = [31] if data.startswith(b"\x1f\x8b") else [15, -15] if data[:1] == b"\x78" else [-15]
    for kind in kinds:
        try:
            found = zlib.decompressobj(kind).decompress(data, MAX_UNPACKED)
        except zlib.error:
            continue
        if found:
            return found
    return data


def _decode(run: str) -> str:
    """What a run of base64 says, "" if it is no text."""
    whole = run.rstrip("=")
    whole = whole[: len(whole) // 4 * 4] if len(whole) % 4 == 1 else whole
    try:
        data = base64.b64decode(whole + "=" * (-len(whole) % 4), validate=True)
    except (binascii.Error, ValueError):
        return ""
    return _text(data) or _text(_unpacked(data))


def encoded_command(text: str) -> list[str]:
    """What the arguments of -EncodedCommand (and what PowerShell takes for it) say."""
    found = [_decode(match[1]) for match in _OPTION.finditer(text[:MAX_TEXT])]
    return [one for one in dict.fromkeys(found) if one][:MAX_FOUND]


def decoded(text: str, depth: int = 0) -> list[str]:
    """Every text hidden in *text* in base64, and in what was found so, the outermost first; at most :data:`MAX_FOUND`.

    :param depth: how deep *text* lies in another.
    """
    found = dict.fromkeys(encoded_command(text))
    for match in _RUN.finditer(text[:MAX_TEXT]):
        if len(found) >= MAX_FOUND:
            break
        one = _decode(match.group())
        if one:
            found[one] = None
    if depth < MAX_DEPTH:
        for one in list(found):
            found |= dict.fromkeys(decoded(one, depth + 1))
    return list(found)[:MAX_FOUND]

"""When two spellings are one value: each rule has a name, and the certificate counts its uses."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import datetime

#: stands between the values of one field that has several
LIST = "\x1f"
#: what XML 1.0 cannot hold, and C1 controls: one parser leaves them out, one keeps them
CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_GUID = re.compile(r"\{?([0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})\}?")
_HEX = re.compile(r"0[xX]([0-9A-Fa-f]{1,32})")
_TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?(?:Z|\+00:00)?")
_STRING = re.compile(r"<string>(.*?)</string>\n?", re.DOTALL)
_NUMBER = re.compile(r"-?[0-9]{1,20}")
_TRUE = {"true": True, "false": False}


def _guid(one: str, other: str) -> bool:
    a, b = _GUID.fullmatch(one), _GUID.fullmatch(other)
    return bool(a and b and a[1].lower() == b[1].lower())


def _hex(one: str, other: str) -> bool:
    a, b = _HEX.fullmatch(one), _HEX.fullmatch(other)
    return bool(a and b and int(a[1], 16) == int(b[1], 16))


def _time(one: str, other: str) -> bool:
    """Whole microseconds: ``evtx`` gives no more."""
    a, b = _TIME.fullmatch(one), _TIME.fullmatch(other)
    if not a or not b or a[1] != b[1] or a[2] != b[2]:
        return False
    return (a[3] or "").ljust(9, "0")[:6] == (b[3] or "").ljust(9, "0")[:6]


def _boolean(one: str, other: str) -> bool:
    """``true`` and any number but 0: a boolean is four bytes, and not every writer puts 1 there."""
    for word, number in ((one, other), (other, one)):
        value = _TRUE.get(word.lower())
        if value is not None:
            if number.lower() in _TRUE:
                return _TRUE[number.lower()] is value
            return bool(_NUMBER.fullmatch(number)) and (int(number) != 0) is value
    return False


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def plain(text: str) -> str:
    """Return a text without controls, its line ends as LF."""
    return _lines(CONTROLS.sub("", text.replace(LIST, "\n")))


def rule(name: str, one: str | None, other: str | None) -> str:
    """Return the name of the rule by which two values of a field are the same; "" if none says so.

    :param name: of the field; *one*, *other*: its values, None = there is no such field.
    """
    if not one and not other:
        return "empty"
    if name.endswith("@xmlns"):
        return "namespace"
    if one is None or other is None:
        return ""
    for word, same in (("guid-form", _guid), ("hex-digits", _hex), ("time-digits", _time), ("boolean", _boolean)):
        if same(one, other):
            return word
    if _lines(one) == _lines(other):
        return "line-ends"
    a, b = plain(one), plain(other)
    if a == b:
        return "controls"
    return "blanks" if a.strip() == b.strip() else ""


def _number(one: str, other: str) -> bool:
    a, b = _HEX.fullmatch(one), _NUMBER.fullmatch(other)
    return bool(a and b and int(a[1], 16) == int(other))


def _binary(one: str, other: str) -> bool:
    try:
        return len(one) > 1 and bytes.fromhex(one) == base64.b64decode(other, validate=True)
    except (ValueError, binascii.Error):
        return False


def _float_time(one: str, other: str) -> bool:
    """Two microseconds apart: python-evtx computes times in floating point."""
    a, b = _TIME.fullmatch(one), _TIME.fullmatch(other)
    if not a or not b:
        return False
    try:
        times = [datetime.fromisoformat(f"{m[1]}T{m[2]}.{(m[3] or '').ljust(6, '0')[:6]}") for m in (a, b)]
    except ValueError:
        return False
    return abs((times[0] - times[1]).total_seconds()) < 3e-6


def _strings(one: str, other: str) -> bool:
    """``<string>a</string>``: how python-evtx writes an array of texts."""
    return other.startswith("<string>") and _STRING.findall(plain(other)) == plain(one).split("\n")


def loose(one: str | None, other: str | None) -> str:
    """Return the name of the rule by which python-evtx' value *other* is ours; "" if none says so."""
    if one is None or other is None:
        return ""
    rules = (("number-form", _number), ("base64", _binary), ("float-time", _float_time), ("string-tags", _strings))
    return next((word for word, same in rules if same(one, other)), "")

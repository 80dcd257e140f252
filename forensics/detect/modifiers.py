"""What the modifiers behind a field's name ask for, and how they change a value.

Source: Sigma specification 2.1, appendix "Modifiers".
"""

from __future__ import annotations

import itertools
import re
from base64 import b64encode
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

from forensics.detect.fault import RuleFault, short
from forensics.detect.texts import Parts, Wild, joined, parse, plain

Transform: TypeAlias = Literal["base64", "base64offset", "wide", "utf16le", "utf16be", "utf16", "windash"]
_TRANSFORMS = ("base64", "base64offset", "wide", "utf16le", "utf16be", "utf16", "windash")
_PLACES = ("contains", "startswith", "endswith")
_OPS = ("re", "cidr", "exists", "gt", "gte", "lt", "lte", "fieldref")
_RE_FLAGS = {"i": "i", "ignorecase": "i", "m": "m", "multiline": "m", "s": "s", "dotall": "s"}
_TIMES = ("minute", "hour", "day", "week", "month", "year")
_DASHES = "-/\u2013\u2014\u2015"
_DASH = re.compile(r"\B[-/]\b")
#: dashes of one text that ``windash`` varies; five ways each
MAX_DASHES = 5


@dataclass(frozen=True, slots=True)
class Modifiers:
    """The modifiers of one field.

    :param op: ``eq`` or one of re, cidr, exists, gt, gte, lt, lte, fieldref.
    :param place: contains, startswith, endswith or "".
    :param transforms: in the rule's order.
    """

    op: str = "eq"
    place: str = ""
    transforms: tuple[Transform, ...] = ()
    flags: str = ""
    all: bool = False
    cased: bool = False
    expand: bool = False
    negate: bool = False


def modifiers(names: list[str]) -> Modifiers:
    """Return what *names* ask for together.

    :raises RuleFault: if one is not known, or two exclude each other.
    """
    known = {*_TRANSFORMS, *_PLACES, *_OPS, *_RE_FLAGS, "all", "cased", "expand", "neq"}
    for name in names:
        if name in _TIMES:
            raise RuleFault(f"the modifier {short(name)} (a part of a time) is not supported")
        if name not in known:
            raise RuleFault(f"the modifier {short(name)} is not known")
    if len(set(names)) != len(names):
        raise RuleFault("a modifier stands twice")
    found = Modifiers(
        op=_one([name for name in names if name in _OPS]) or "eq",
        place=_one([name for name in names if name in _PLACES]),
        transforms=tuple(cast(Transform, name) for name in names if name in _TRANSFORMS),
        flags="".join(sorted({_RE_FLAGS[name] for name in names if name in _RE_FLAGS})),
        all="all" in names, cased="cased" in names, expand="expand" in names, negate="neq" in names,
    )  # fmt: skip
    return _consistent(found)


def _one(names: list[str]) -> str:
    if len(names) > 1:
        raise RuleFault(f"the modifiers {' and '.join(names)} exclude each other")
    return names[0] if names else ""


def _consistent(found: Modifiers) -> Modifiers:
    if found.flags and found.op != "re":
        raise RuleFault("i, m and s need the modifier re before them")
    placed_ops = ("eq", "fieldref", "re") if found.place == "contains" else ("eq", "fieldref")
    if found.place and found.op not in placed_ops:
        raise RuleFault(f"the modifiers {found.op} and {found.place} exclude each other")
    if found.transforms and found.op != "eq":
        raise RuleFault(f"the modifiers {found.op} and {found.transforms[0]} exclude each other")
    if found.cased and found.op not in ("eq", "fieldref", "re"):
        raise RuleFault(f"the modifiers {found.op} and cased exclude each other")
    if found.cased and "i" in found.flags:
        raise RuleFault("the modifiers cased and i exclude each other")
    return found


def transformed(text: str, wanted: Modifiers) -> list[Parts]:
    """Return the texts that one text of a rule stands for, wildcards parsed and transforms done.

    :raises RuleFault: if a transform cannot be done.
    """
    values: list[Parts | bytes] = [parse(text)]
    for transform in wanted.transforms:
        values = [new for value in values for new in _transform(value, transform)]
    return [place(_text(value), wanted.place) for value in values]


def _text(value: Parts | bytes) -> Parts:
    """Bytes as text: UTF-16 without base64 is looked for as the characters that its bytes are."""
    if not isinstance(value, bytes):
        return value
    try:
        return (value.decode("utf-8"),) if value else ()
    except UnicodeDecodeError as error:
        raise RuleFault("UTF-16 of a text that is not ASCII needs base64 or base64offset behind it") from error


def _transform(value: Parts | bytes, name: Transform) -> list[Parts | bytes]:
    if name == "windash":
        if isinstance(value, bytes):
            raise RuleFault("windash behind UTF-16")
        return list(_windash(value))
    if name in ("base64", "base64offset"):
        data = value if isinstance(value, bytes) else plain(value, name).encode("utf-8")
        if name == "base64":
            return [(b64encode(data).decode("ascii"),) if data else ()]
        return [_offset(data, number) for number in range(3)]
    if isinstance(value, bytes):
        raise RuleFault(f"{name} behind UTF-16")
    codec = {"utf16be": "utf-16-be"}.get(name, "utf-16-le")
    mark = b"\xff\xfe" if name == "utf16" else b""
    return [mark + plain(value, name).encode(codec)]


def _offset(data: bytes, number: int) -> Parts:
    """Base64 of *data* as it stands behind *number* other bytes: what their bits touch is cut off."""
    start, end = (0, 2, 3)[number], (None, -3, -2)[(len(data) + number) % 3]
    found = b64encode(b" " * number + data)[start:end].decode("ascii")
    if not found:
        raise RuleFault("base64offset of a text that is too short")
    return (found,)


def _windash(parts: Parts) -> list[Parts]:
    """Each dash or slash that begins a word, as every kind of dash."""
    pieces: list[list[str | Wild]] = []
    for part in parts:
        if isinstance(part, Wild):
            pieces.append([part])
            continue
        at = 0
        for match in _DASH.finditer(part):
            pieces += [[part[at : match.start()]], list(_DASHES)]
            at = match.end()
        pieces.append([part[at:]])
    if sum(len(piece) > 1 for piece in pieces) > MAX_DASHES:
        raise RuleFault(f"windash of a text with more than {MAX_DASHES} dashes")
    return [joined(choice) for choice in itertools.product(*pieces)]


def place(parts: Parts, where: str) -> Parts:
    """Return *parts* with the wildcards that contains, startswith, endswith stand for."""
    if where in ("contains", "endswith"):
        parts = (Wild.MANY, *parts)
    if where in ("contains", "startswith"):
        parts = (*parts, Wild.MANY)
    return joined(parts)

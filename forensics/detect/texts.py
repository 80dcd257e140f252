"""A text of a rule: wildcards and escapes, and the comparison that it comes to.

A backslash stands for itself unless ``*``, ``?`` or another backslash follows it.
Source: Sigma specification 2.1, "Escaping".
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TypeAlias

from forensics.detect.ast import Atom
from forensics.detect.fault import RuleFault, short

MAX_TEXT = 1 << 15


class Wild(Enum):
    """What a wildcard stands for: any characters, or one."""

    MANY = "*"
    ONE = "?"


#: plain texts and wildcards in their order; no empty text, no two texts side by side
Parts: TypeAlias = tuple[str | Wild, ...]
_TOKEN = re.compile(r"\\([*?\\])|([*?])|([^*?\\]+|\\)", re.DOTALL)


def parse(text: str) -> Parts:
    """Return a rule's text with its wildcards, escapes resolved.

    :raises RuleFault: if it is longer than 32,768 characters.
    """
    if len(text) > MAX_TEXT:
        raise RuleFault(f"a text of more than {MAX_TEXT} characters")
    found: list[str | Wild] = []
    for escaped, wild, plain in _TOKEN.findall(text):
        found.append(Wild(wild) if wild else escaped or plain)
    return joined(tuple(found))


def joined(parts: Parts) -> Parts:
    """Return *parts* with neighbouring texts made one, and ``**`` one ``*``."""
    out: list[str | Wild] = []
    for part in parts:
        last = out[-1] if out else None
        if isinstance(part, str) and isinstance(last, str):
            out[-1] = last + part
        elif part and not (part is Wild.MANY and last is Wild.MANY):
            out.append(part)
    return tuple(out)


def plain(parts: Parts, what: str) -> str:
    """Return a text without wildcards.

    :raises RuleFault: if it has some.
    """
    if any(isinstance(part, Wild) for part in parts):
        raise RuleFault(f"{what} of a text with wildcards")
    return "".join(str(part) for part in parts)


def atom(field: str | None, parts: Parts, cased: bool) -> Atom:
    """Return the comparison of a whole value with *parts*.

    :raises RuleFault: if it is a keyword that stands in every event.
    """
    if not cased:
        parts = tuple(part.lower() if isinstance(part, str) else part for part in parts)
    texts = [part for part in parts if isinstance(part, str)]
    shape = "".join(part.value if isinstance(part, Wild) else "s" for part in parts)
    if shape == "*":
        if field is None:
            raise RuleFault("a keyword that stands in every event")
        return Atom(field, "exists", True)
    match shape:
        case "":
            return Atom(field, "eq", "", cased)
        case "s":
            return Atom(field, "eq", texts[0], cased)
        case "*s*":
            return Atom(field, "contains", texts[0], cased)
        case "s*":
            return Atom(field, "startswith", texts[0], cased)
        case "*s":
            return Atom(field, "endswith", texts[0], cased)
    known = [text.lower() for text in texts if not cased or text.isascii()]
    return Atom(field, "wildcard", expression(parts), cased, "", tuple(dict.fromkeys(known)))


def expression(parts: Parts) -> str:
    """Return the regular expression of a whole value.

    Each stretch between two ``*`` is looked for once, at its first place (an atomic group): a later
    place can never serve better, and no value makes it slow.
    """
    stretches = [""]
    for part in parts:
        if part is Wild.MANY:
            stretches.append("")
        else:
            stretches[-1] += "." if part is Wild.ONE else re.escape(str(part))
    first, *middle = stretches
    if not middle:
        return f"(?s:{first})"
    *middle, last = middle
    return f"(?s:{first}" + "".join(f"(?>.*?{one})" for one in middle) + f".*{last})"


def keyword(parts: Parts) -> Parts:
    """Return *parts* as they stand anywhere in a text."""
    return joined((Wild.MANY, *parts, Wild.MANY))


def placeholders(text: str, values: dict[str, tuple[str, ...]], limit: int = 1_000) -> list[str]:
    """Return *text* with each ``%name%`` replaced by each of its values.

    :raises RuleFault: if a name has no value, or there are more than *limit* texts.
    """
    out = [""]
    for number, piece in enumerate(re.split(r"%([A-Za-z0-9_.-]{1,64})%", text)):
        if number % 2 == 0:
            out = [one + piece for one in out]
            continue
        if not values.get(piece):
            raise RuleFault(f"the placeholder %{piece}% has no value")
        if len(out) * len(values[piece]) > limit:
            raise RuleFault(f"the placeholders of {short(text)} make more than {limit} texts")
        out = [one + value for one in out for value in values[piece]]
    return out

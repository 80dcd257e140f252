"""Text of a bag made safe for a terminal, whatever a line claims its names to be."""

from __future__ import annotations

import re

from forensics.model.display import UNSAFE, undisplay

_UNSAFE = re.compile(f"[{UNSAFE}]")


def safe(text: str) -> str:
    """Return *text* with everything that a terminal could act upon as ``\\u{HEX}``.

    A display (docs/format.md, "Names") comes back as it is; only a line that was not written by
    this format's rules is changed.
    """
    return _UNSAFE.sub(lambda match: f"\\u{{{ord(match.group()):X}}}", text)


def raw_of(text: str) -> bytes | None:
    """Return the bytes of a display; None if *text* is none (it was cut, or never was one)."""
    try:
        return undisplay(text)
    except ValueError:
        return None

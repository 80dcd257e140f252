"""A rule's own words, safe to show and bounded."""

from __future__ import annotations

import re
from typing import Any

from forensics.model.display import UNSAFE

_UNSAFE = re.compile(f"[{UNSAFE}]")
_CUT = "..."
MAX_LIST = 64


def words(raw: Any, limit: int = 512) -> str:
    """Return *raw* as one line: controls and bidirectional characters as ``\\u{HEX}``, cut after *limit* characters."""
    if raw is None:
        return ""
    text = raw if isinstance(raw, str) else str(raw)[: limit + 1]
    if len(text) <= limit and text.isascii() and text.isprintable() and "  " not in text and text == text.strip(" "):
        return text  # nearly all: nothing of it is unsafe
    line = " ".join(text[: 4 * limit].split())
    line = _UNSAFE.sub(lambda match: f"\\u{{{ord(match[0]):X}}}", line[: limit + 1])
    return line if len(line) <= limit else line[: limit - len(_CUT)] + _CUT


def word_list(raw: Any, limit: int = 512) -> tuple[str, ...]:
    """Return a list of words, or one alone, as :func:`words`; at most 64."""
    if raw is None:
        return ()
    items = raw if isinstance(raw, list) else [raw]
    return tuple(words(item, limit) for item in items[:MAX_LIST] if item is not None)
